"""One token request: sent as the endpoint's description wants it, its answer read no further than is sensible.

The generated client is not asked to send it: the description also drives providers for which nothing was generated.
"""

import functools
import json
import socket
import ssl
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from importlib.metadata import version
from typing import TYPE_CHECKING, Any, Self, cast
from urllib.parse import urlsplit
from urllib.request import getproxies, proxy_bypass

import httpx

from paygrant import _clock
from paygrant._arguments import is_loopback, refused
from paygrant._errors import ProviderUnavailable
from paygrant._request.build import Draft, draft_request
from paygrant._request.client_auth import Encoding
from paygrant._request.response import Answer, Judge
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.policy import RefreshPolicy

if TYPE_CHECKING:
    from paygrant._providers.base import Provider

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
        encoding: How Basic credentials are encoded; of no effect where they travel otherwise.
        policy: Its ``timeout`` and ``default_lifetime`` hold here.
        transport: Carries the request and stays open. None: a new connection, through the environment's proxy.
        deadline: By the monotonic clock; the request ends by then, one way or the other.
        witness: Is shown the answer as it came, before it is judged.

    Raises:
        TokenError: No token could be had. Its traceback passes frames that hold the secret: callers get a copy.
        ConfigurationError: The request cannot be made of what was given, or the environment's proxy is none.
    """
    draft = draft_request(provider, secret, encoding)
    judge = Judge(provider, (secret, provider.client_id, *draft.secrets))
    asked = _clock.monotonic()
    answer, failure = None, "no answer"
    line = _Line(transport or new_transport(provider.token_url), deadline)
    with _HangUp(line, deadline - asked) as hang_up:
        try:
            answer = line.send(draft, max(0.001, min(policy.timeout, deadline - asked)))
        except Exception as error:  # noqa: BLE001 - a transport may raise anything
            failure = f"{type(error).__name__}: {judge.clean(str(error))}"
            if hang_up.done:
                failure = "no whole answer before the deadline"
        finally:
            if transport is None:
                line.transport.close()
    if answer is None:
        raise judge.error(ProviderUnavailable, failure)
    if witness:
        witness(answer)
    token, lifetime = judge.judge(answer)
    return Grant(
        replace(
            token,
            expires_at=None if lifetime is None else answer.received + timedelta(seconds=lifetime),
            response=_model(provider, answer),
        ),
        since=asked,
        lifetime=policy.default_lifetime if lifetime is None else lifetime,
    )


def _model(provider: "Provider", answer: Answer) -> Any:
    """The whole answer as its model; None where it does not fit: the token counts all the same."""
    with suppress(Exception):
        return provider.model and provider.model.from_dict(json.loads(answer.body or b""))
    return None


def _headers(draft: Draft) -> httpx.Headers:
    """The headers, each once: the draft's go before ours, however they are written."""
    headers = httpx.Headers(_HEADERS)
    if draft.media_type:
        headers["Content-Type"] = draft.media_type
    headers.update(draft.headers)
    return headers


class _Line:
    """Carries one request, reads no more of the answer than is sensible, and knows the socket underneath.

    The transport is driven directly: an ``httpx.Client`` would log the address, and a secret may stand in its query.
    """

    def __init__(self, transport: httpx.BaseTransport, deadline: float) -> None:
        self.transport = transport
        self.socket: socket.socket | None = None
        self._deadline = deadline

    def send(self, draft: Draft, timeout: float) -> Answer:
        request = httpx.Request(
            draft.method,
            draft.address,
            headers=_headers(draft),
            content=draft.body if draft.media_type else None,
            extensions={"timeout": httpx.Timeout(timeout).as_dict(), "trace": self._trace},
        )
        response = self.transport.handle_request(request)
        try:
            body = self._read(response)
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return Answer(response.status_code, headers, body, _clock.wall())

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


class _HangUp:
    """Cuts the connection at the deadline: a byte a second never runs into the time limit of one read."""

    def __init__(self, line: _Line, seconds: float) -> None:
        self.done = False
        self._line = line
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def _cut(self) -> None:
        self.done = True
        with suppress(OSError, TypeError):  # closed in the meantime; or not connected yet, which has a limit
            socket.socket.shutdown(self._line.socket, socket.SHUT_RDWR)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()


def environment_proxy(url: str) -> tuple[str, str | None]:
    """The environment's proxy for an address, None where there is none; before it, the variable that names it.

    Plain http stays on this machine, so it passes no proxy elsewhere.
    """
    target = httpx.URL(url)
    direct = proxy_bypass(target.host) or proxy_bypass(target.netloc.decode())
    proxies = {} if direct else getproxies()
    scheme = target.scheme if proxies.get(target.scheme) else "all"
    proxy = proxies.get(scheme)
    if proxy and "://" not in proxy:
        proxy = f"http://{proxy}"
    stays = target.scheme == "https" or _is_here(proxy or "")
    return f"{scheme}_proxy", proxy if stays else None


def _is_here(proxy: str) -> bool:
    """Whether a proxy is on this machine; what is no address counts, and is complained of where it is used."""
    try:
        return is_loopback(urlsplit(proxy).hostname or "")
    except ValueError:
        return True


def new_transport(url: str) -> httpx.BaseTransport:
    """A transport for one request. A connection would not outlive the pause until the next one, nor a fork.

    Raises:
        ConfigurationError: The environment's proxy is of no use.
    """
    variable, proxy = environment_proxy(url)
    encrypted = "https:" in f"{url} {proxy}"
    try:
        return httpx.HTTPTransport(verify=tls_context() if encrypted else _untrusting(), proxy=proxy)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        fault = type(error).__name__
    raise refused(variable, f"names no usable proxy ({fault})", "allowed is http://host:port")


def _untrusting() -> ssl.SSLContext:
    """A context for plain http on loopback, which needs none: it trusts nobody, and reads no certificates."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One TLS context for all requests: reading the certificates takes longer than most requests do."""
    return httpx.create_ssl_context()
