"""One token request: through the generated client, over a transport that limits and keeps the raw answer."""

import functools
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.request import getproxies, proxy_bypass

import httpx

from paygrant import _clock
from paygrant._answer import Answer, Judge
from paygrant._basic import Encoding, basic_credentials
from paygrant._checks import refused
from paygrant._errors import ProviderUnavailable
from paygrant._life import Grant
from paygrant._policy import RefreshPolicy

if TYPE_CHECKING:
    from paygrant._provider import Provider

_LONGEST_BODY = 1 << 20
"""Bytes. No token answer comes near it; a longer body is not read on."""

_EITHER_HEADER = 32
"""Makes zlib take gzip's header as well as its own."""

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"paygrant/{version('paygrant')}",
}


def request_token(  # noqa: PLR0913 - what to ask for, and how
    provider: "Provider",
    secret: str,
    encoding: Encoding,
    *,
    policy: RefreshPolicy,
    transport: httpx.BaseTransport | None,
    deadline: float,
    witness: Callable[[Answer], object] | None = None,
) -> Grant:
    """Ask a provider for a token, once.

    Args:
        provider: What to ask for.
        secret: The client's secret.
        encoding: How Basic credentials are encoded; of no effect where they travel in the body.
        policy: Its ``timeout`` and ``default_lifetime`` hold here.
        transport: Carries the request and stays open. None: a new connection, through the environment's proxy.
        deadline: By the monotonic clock; the request ends by then, one way or the other.
        witness: Is shown the answer as it came, before it is judged.

    Raises:
        TokenError: No token could be had. Its traceback passes frames that hold the secret: callers get a copy.
    """
    basic = basic_credentials(provider.client_id, secret, encoding) if provider.way.place == "basic" else ""
    judge = Judge(provider, (secret, provider.client_id, basic))
    models, clients, operation = generated(provider)
    body = models.TokenRequest.from_dict(_fields(provider, secret))

    asked = _clock.monotonic()
    own = transport is None
    with (
        _Recorder(transport or new_transport(provider.token_url), own=own, deadline=deadline) as recorder,
        _HangUp(recorder, deadline - asked) as hang_up,
    ):
        options = {
            "base_url": provider.host,
            "headers": dict(_HEADERS),
            "timeout": httpx.Timeout(max(0.001, min(policy.timeout, deadline - asked))),
            "httpx_args": {"transport": recorder, "trust_env": False},
        }
        client = (
            clients.AuthenticatedClient(token=basic, prefix="Basic", **options) if basic else clients.Client(**options)
        )
        model = None
        failure = "no answer"
        try:
            model = operation.sync_detailed(client=client, body=body).parsed
        except Exception as error:  # noqa: BLE001 - a transport may raise anything, the generated parser nearly so
            failure = f"{type(error).__name__}: {judge.clean(str(error))}"
            if hang_up.done:
                failure = "no whole answer before the deadline"
    if recorder.answer is None:
        raise judge.error(ProviderUnavailable, failure)
    if witness:
        witness(recorder.answer)
    token, lifetime = judge.judge(recorder.answer)
    return Grant(
        replace(
            token,
            expires_at=None if lifetime is None else recorder.answer.received + timedelta(seconds=lifetime),
            response=model if type(model).__name__ == "TokenResponse" else None,
        ),
        since=asked,
        lifetime=policy.default_lifetime if lifetime is None else lifetime,
    )


def generated(provider: "Provider") -> tuple[Any, Any, Any]:
    """The models, the clients and the operation of the provider's generated package."""
    modules = ("models", "client", "api.token.create_token")
    models, clients, operation = [import_module(f"{provider.package}.{module}") for module in modules]
    return models, clients, operation


def _fields(provider: "Provider", secret: str) -> dict[str, str]:
    """The body's fields by their wire names: what is fixed, what the caller gives, and the credentials."""
    endpoint, way, arguments = provider.endpoint, provider.way, provider.arguments()
    fields = {**endpoint.fixed, **{wire: arguments[name] for wire, name in endpoint.given.items() if name in arguments}}
    if way.client_id:
        fields[way.client_id] = provider.client_id
    if way.client_secret:
        fields[way.client_secret] = secret
    return fields


class _Recorder(httpx.BaseTransport):
    """Passes one request on, reads no more of the answer than is sensible, and keeps it."""

    def __init__(self, inner: httpx.BaseTransport, *, own: bool, deadline: float) -> None:
        self._inner = inner
        self._own = own
        self._deadline = deadline
        self.socket: socket.socket | None = None
        self.answer: Answer | None = None

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.extensions = {**request.extensions, "trace": self._trace}
        response = self._inner.handle_request(request)
        try:
            body = self._read(response)
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        self.answer = Answer(response.status_code, headers, body, _clock.wall())
        return httpx.Response(response.status_code, content=body or b"")

    def _read(self, response: httpx.Response) -> bytes | None:
        """The body; None where it is too long."""
        # A server may compress though it is asked not to. A small answer may unpack to gigabytes: no more than counts.
        packed = response.headers.get("Content-Encoding", "").lower() in {"gzip", "deflate"}
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | _EITHER_HEADER) if packed else None
        body = bytearray()
        try:
            for chunk in cast("httpx.SyncByteStream", response.stream):
                body += unpacker.decompress(chunk, _LONGEST_BODY + 1 - len(body)) if unpacker else chunk
                if len(body) > _LONGEST_BODY:
                    return None
        except zlib.error:
            return b""
        return bytes(body)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Note the connection (https://www.encode.io/httpcore/extensions/#trace)."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.socket = info["return_value"].get_extra_info("socket")
            if _clock.monotonic() >= self._deadline:  # there was nothing to hang up yet
                raise httpx.ConnectTimeout("connecting took longer than the deadline allows")

    def close(self) -> None:
        if self._own:
            self._inner.close()


class _HangUp:
    """Cuts the connection at the deadline: a byte a second never runs into the time limit of one read."""

    def __init__(self, recorder: _Recorder, seconds: float) -> None:
        self.done = False
        self._recorder = recorder
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def _cut(self) -> None:
        self.done = True
        with suppress(OSError, TypeError):  # closed in the meantime; or not connected yet, which has a limit
            socket.socket.shutdown(self._recorder.socket, socket.SHUT_RDWR)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def environment_proxy(url: str) -> tuple[str, str | None]:
    """The environment's proxy for an address, None where there is none; before it, the variable that names it."""
    target = httpx.URL(url)
    direct = proxy_bypass(target.host) or proxy_bypass(target.netloc.decode())
    proxies = {} if direct else getproxies()
    scheme = target.scheme if proxies.get(target.scheme) else "all"
    proxy = proxies.get(scheme)
    return f"{scheme}_proxy", f"http://{proxy}" if proxy and "://" not in proxy else proxy


def new_transport(url: str) -> httpx.BaseTransport:
    """A transport for one request. A connection would not outlive the pause until the next one, nor a fork.

    Raises:
        ConfigurationError: The environment's proxy is of no use.
    """
    variable, proxy = environment_proxy(url)
    try:
        return httpx.HTTPTransport(verify=tls_context(), proxy=proxy)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        fault = type(error).__name__
    raise refused(variable, f"names no usable proxy ({fault})", "allowed is http://host:port")


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One TLS context for all requests: reading the certificates takes longer than most requests do."""
    return httpx.create_ssl_context()
