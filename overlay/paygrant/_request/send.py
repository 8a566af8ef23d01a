"""One token request: build it, send it, read its response within limits of time and size.

The generated client does not send it: the description also serves providers without generated code.
"""

import json
import socket
import threading
import zlib
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Self, cast

import httpx

from paygrant import _clock
from paygrant._errors import ProviderUnavailable
from paygrant._request.build import build_request
from paygrant._request.client_auth import Encoding
from paygrant._request.outcome import ResponseReader
from paygrant._request.response import RawResponse
from paygrant._request.transport import new_transport
from paygrant._request.unsigned import UnsignedRequest
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.policy import RefreshPolicy
from paygrant._version import __version__

if TYPE_CHECKING:
    from paygrant._request.registration import ClientRegistration

_LONGEST_BODY = 1 << 20
"""Bytes. No token response comes near it, so a longer body is not read to its end."""

_EITHER_HEADER = 32
"""Makes zlib accept the header of gzip as well as its own."""

_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",
    "User-Agent": f"paygrant/{__version__}",
}


def request_token(  # noqa: PLR0913 - what to request, and how
    registration: "ClientRegistration",
    secret: str,
    encoding: Encoding,
    *,
    policy: RefreshPolicy,
    transport: httpx.BaseTransport | None,
    deadline: float,
    observe: Callable[[RawResponse], object] | None = None,
) -> Grant:
    """Request a token, once.

    Args:
        registration: The client and its token endpoint.
        secret: The client's secret.
        encoding: How Basic credentials are encoded; without effect for other client authentication.
        policy: Its ``timeout`` and ``default_lifetime`` apply.
        transport: Carries the request and stays open. None: a new connection, through the environment's proxy.
        deadline: The request ends by this time of the monotonic clock, with or without a response.
        observe: Gets the response as it came, before it is read.

    Raises:
        TokenError: There is no token. Its traceback passes frames that hold the secret, so callers must get a copy.
        ConfigurationError: The request cannot be built, or the environment's proxy cannot be used.
    """
    request = build_request(registration, secret, encoding)
    reader = ResponseReader(registration, (secret, registration.client_id, *request.secrets))
    started = _clock.monotonic()
    response, failure = None, "no response"
    connection = _Connection(transport or new_transport(registration.token_url), deadline)
    with _DeadlineTimer(connection, deadline - started) as timer:
        try:
            response = connection.send(request, max(0.001, min(policy.timeout, deadline - started)))
        except Exception as error:  # noqa: BLE001 - a transport may raise anything
            failure = f"{type(error).__name__}: {reader.redact(str(error))}"
            if timer.fired:
                failure = "no complete response before the deadline"
        finally:
            if transport is None:
                connection.transport.close()
    if response is None:
        raise reader.error(ProviderUnavailable, failure)
    if observe:
        observe(response)
    token, lifetime = reader.read(response)
    return Grant(
        replace(
            token,
            expires_at=None if lifetime is None else response.received + timedelta(seconds=lifetime),
            response=_model(registration, response),
        ),
        since=started,
        lifetime=policy.default_lifetime if lifetime is None else lifetime,
    )


def _model(registration: "ClientRegistration", response: RawResponse) -> Any:
    """The whole response as its generated model. None if it does not fit, because the token is still valid."""
    with suppress(Exception):
        model = registration.response_model
        return model and model.from_dict(json.loads(response.body or b""))
    return None


def _headers(request: UnsignedRequest) -> httpx.Headers:
    """The headers, each once. Those of the request replace the default ones, in upper or lower case."""
    headers = httpx.Headers(_HEADERS)
    if request.media_type:
        headers["Content-Type"] = request.media_type
    headers.update(request.headers)
    return headers


class _Connection:
    """Carries one request, reads the response up to a limit, and knows the socket underneath.

    It drives the transport directly: an ``httpx.Client`` would log the address, whose query may hold a secret.
    """

    def __init__(self, transport: httpx.BaseTransport, deadline: float) -> None:
        self.transport = transport
        self.socket: socket.socket | None = None
        self._deadline = deadline

    def send(self, request: UnsignedRequest, timeout: float) -> RawResponse:
        """Send the request; ``timeout`` limits each step, in seconds."""
        response = self.transport.handle_request(
            httpx.Request(
                request.method,
                request.address,
                headers=_headers(request),
                content=request.body if request.media_type else None,
                extensions={"timeout": httpx.Timeout(timeout).as_dict(), "trace": self._trace},
            )
        )
        try:
            body = self._read(response)
        finally:
            response.close()
        headers = {name.lower(): value for name, value in response.headers.items()}
        return RawResponse(response.status_code, headers, body, _clock.wall())

    def _read(self, response: httpx.Response) -> bytes | None:
        """The body. None if it is too long."""
        # A server may compress without a request for it, and a small body may unpack to gigabytes: so the result is limited.
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
        """Note the socket (https://www.encode.io/httpcore/extensions/#trace)."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.socket = info["return_value"].get_extra_info("socket")
            if _clock.monotonic() >= self._deadline:  # the timer fired when there was no socket yet
                raise httpx.ConnectTimeout("connecting took longer than the deadline allows")


class _DeadlineTimer:
    """Cuts the connection at the deadline: a server that sends a byte a second never exceeds the limit of one read."""

    def __init__(self, connection: _Connection, seconds: float) -> None:
        self.fired = False
        self._connection = connection
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True

    def _cut(self) -> None:
        self.fired = True
        with suppress(OSError, TypeError):  # it is closed, or not connected yet: connecting has another limit
            socket.socket.shutdown(self._connection.socket, socket.SHUT_RDWR)  # type: ignore[arg-type]

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._timer.cancel()
