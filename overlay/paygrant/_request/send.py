"""One token request: build it, send it, read its response within limits of time and size.

The generated client does not send it: the description also serves providers without generated code.
"""

import socket
import zlib
from collections.abc import Callable, Iterable
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import httpcore
import httpx

from paygrant import __version__, _clock
from paygrant._errors import ConfigurationError, InvalidClient, ProviderUnavailable, TokenError
from paygrant._request.build import build_request
from paygrant._request.client_auth import Encoding
from paygrant._request.credentials import SignedTimes
from paygrant._request.model import model_reader
from paygrant._request.outcome import ResponseReader
from paygrant._request.response import NONCE_ERROR, RawResponse
from paygrant._request.transport import Transport, is_certificate_error, is_client_certificate_refused, transport_for
from paygrant._request.unsigned import UnsignedRequest
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import KeptResponse, Token

if TYPE_CHECKING:
    from paygrant._request.credentials import Credentials
    from paygrant._request.registration import ClientRegistration
    from paygrant._spec.description import TokenEndpoint

_LONGEST_BODY = 1 << 20
"""Bytes. No token response comes near it, so a longer body is not read to its end."""

_TIME_REFUSED = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
"""The statuses by which a server may refuse an assertion or a proof from another time."""

_EITHER_HEADER = 32
"""Makes zlib accept the header of gzip as well as its own."""

_HEADERS = {
    "accept-encoding": ("Accept-Encoding", "identity"),
    "user-agent": ("User-Agent", f"paygrant/{__version__}"),
}
"""The headers of each request, by lower-case name."""


class _Address:
    """An address in the parts that a connection and a request need."""

    __slots__ = ("host", "url")

    def __init__(self, text: str) -> None:
        url = httpx.URL(text)
        self.host = url.netloc.decode()
        """The header Host: in brackets if it is an IPv6 address, and with its port if that is not the scheme's own."""
        self.url = httpcore.URL(scheme=url.raw_scheme, host=url.raw_host, port=url.port, target=url.raw_path)


_known_address = lru_cache(maxsize=64)(_Address)
"""The address that all requests of a client have in common. Parsing it takes a twenty-fifth of a token's time."""


def request_token(  # noqa: PLR0913 - what to request, and how
    registration: "ClientRegistration",
    credentials: "Credentials",
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
        credentials: The client's credentials.
        encoding: How Basic credentials are encoded; without effect for other client authentication.
        policy: Its ``timeout`` and ``default_lifetime`` apply.
        transport: Carries the request and stays open. None: a new connection, through the environment's proxy.
        deadline: The request ends by this time of the monotonic clock, with or without a response.
        observe: Gets the response as it came, before it is read.

    Raises:
        TokenError: There is no token. Its traceback passes frames that hold the secret, so callers must get a copy.
        ConfigurationError: The request cannot be built, or the environment's proxy cannot be used.
    """
    started = _clock.monotonic()
    limits = _Limits(deadline, max(0.001, min(policy.timeout, deadline - started)))
    exchange = _Exchange(registration, credentials, encoding, transport, limits)
    sent = exchange.send()
    while isinstance(sent, RawResponse) and exchange.is_worth_repeating(sent):
        sent = exchange.send()
    if isinstance(sent, TokenError):
        raise sent
    response, reader = exchange.refusal or (sent, exchange.reader)
    if observe:
        observe(response)
    token, lifetime = reader.read(response)
    expires_at = None if lifetime is None else response.received + timedelta(seconds=lifetime)
    kept = KeptResponse(response.text, token.access_token, model_reader(registration.models))
    return Grant(
        Token(token.access_token, token.token_type, token.scope, expires_at, kept),
        since=started,
        lifetime=policy.default_lifetime if lifetime is None else lifetime,
    )


def _headers(request: UnsignedRequest, endpoint: "TokenEndpoint") -> dict[str, tuple[str, str]]:
    """The headers, by lower-case name. The request's own replace the default ones, in whatever case they are written."""
    headers = {"accept": ("Accept", endpoint.accept), **_HEADERS}
    if content_type := request.media_type or endpoint.content_type:
        headers["content-type"] = "Content-Type", content_type
    headers.update((name.lower(), (name, value)) for name, value in request.headers.items())
    return headers


class _Limits:
    """The limits of one token request in time: of each step, and of the whole."""

    def __init__(self, deadline: float, timeout: float) -> None:
        self.deadline = deadline
        self.timeout = timeout
        self.cut = False
        """Whether the connection was cut at the deadline."""


class _Exchange:
    """One token request and its response. Each attempt builds the request again: a server accepts an assertion once."""

    def __init__(
        self,
        registration: "ClientRegistration",
        credentials: "Credentials",
        encoding: Encoding,
        transport: httpx.BaseTransport | None,
        limits: _Limits,
    ) -> None:
        self._registration = registration
        self._credentials = credentials
        self._encoding: Encoding = encoding
        self._transport = transport
        self._limits = limits
        self._times = SignedTimes(registration.token_url)
        self._had_nonce = False
        self.reader = self._reader(())
        self.refusal: tuple[RawResponse, ResponseReader] | None = None
        """The refusal of a request that was signed by the server's own time, if others were refused, too. It says why."""

    def send(self) -> RawResponse | TokenError:
        """The response, or the error why there is none. The error is raised elsewhere, so that it has no context."""
        self._times.begin()
        return self._sent(self._built())

    def is_worth_repeating(self, response: RawResponse) -> bool:
        """Whether the server refused the request for a reason that another attempt mends: a nonce, or the time.

        A server may look at the time first and at the nonce then, so each reason counts.
        """
        prover = self._credentials.prover
        if prover is None and self._credentials.signer is None:
            return False
        skew = response.skew
        if prover:
            # Another client's response may have given this nonce while the request was on its way.
            url = self._registration.token_url
            prover.note_nonce(url, response.headers.get("dpop-nonce"), from_token_endpoint=True)
        wants_nonce = prover is not None and response.is_client_error and NONCE_ERROR in response.text
        if wants_nonce or response.status not in _TIME_REFUSED:
            self._times.accepted(skew)
            self.refusal = None
            is_first = wants_nonce and not self._had_nonce
            self._had_nonce |= wants_nonce
            return is_first
        if self._times.is_of_server(skew):
            self.refusal = response, self.reader
        return self._times.is_other_time_left(skew)

    def _built(self) -> UnsignedRequest:
        request = build_request(self._registration, self._credentials, self._encoding)
        self.reader = self._reader(request.secrets)
        return request

    def _reader(self, secrets: tuple[str, ...]) -> ResponseReader:
        return ResponseReader(self._registration, (self._credentials.secret, self._registration.client_id, *secrets))

    def _sent(self, request: UnsignedRequest) -> RawResponse | TokenError:
        """Send a request by the user's transport, or by one of ours.

        A server may have closed a connection that was kept. Then the request is sent once more, by a new one.

        Raises:
            ConfigurationError: The environment names a proxy, or authorities, that cannot be used.
        """
        registration, limits = self._registration, self._limits
        if self._transport is not None:
            return self._attempt(request, _Connection(self._transport, registration, limits))[0]
        with transport_for(registration.token_url, self._credentials.certificate) as ours:
            connection = _Connection(ours, registration, limits)
            outcome, was_closed = self._attempt(request, connection)
            if not was_closed or connection.is_new or limits.cut:
                return outcome
            return self._attempt(self._built(), _Connection(ours, registration, limits))[0]

    def _attempt(self, request: UnsignedRequest, connection: "_Connection") -> tuple[RawResponse | TokenError, bool]:
        """The response, or the error why there is none; and whether the connection was closed."""
        try:
            return connection.send(request), False
        except Exception as error:  # noqa: BLE001 - a transport may raise anything, our own errors included
            failure = f"{type(error).__name__}: {self._shown(error)}"
            if self._credentials.certificate is not None and is_client_certificate_refused(error):
                return self.reader.error(InvalidClient, f"the client certificate was refused, {failure}"), False
            if self._limits.cut:
                failure = "no complete response before the deadline"
            unavailable = self.reader.error(ProviderUnavailable, failure)
            unavailable.retryable = not (is_certificate_error(error) or isinstance(error, ConfigurationError))
            was_closed = isinstance(error, httpcore.RemoteProtocolError | httpcore.ReadError | httpcore.WriteError)
        return unavailable, was_closed

    def _shown(self, error: Exception) -> str:
        """The text of an exception, without secrets. A proxy may repeat its own password."""
        words = self.reader.redact(_words_of(error))
        if isinstance(error, httpcore.ProxyError):
            from paygrant._request.proxy import proxy_secrets
            from paygrant._text import redact

            return redact(proxy_secrets(self._registration.token_url), words)
        is_users_proxy = isinstance(error, httpx.ProxyError)  # nobody knows its password here
        return words[:3] if is_users_proxy and words[:3].isdecimal() else words


def _words_of(error: Exception) -> str:
    """The text of an exception. Its class may be a user's, whose text cannot be had."""
    try:
        return str(error)
    except Exception:  # noqa: BLE001 - a user's class may raise anything
        return ""


_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})
"""The methods whose requests state the length of an empty body, too (RFC 9110 section 8.6)."""

_STEPS = "connect", "read", "write", "pool"
"""The steps that have a limit of time (https://www.encode.io/httpcore/extensions/#timeout)."""


def _by_name(headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str]:
    """The headers of a response, by lower-case name. Several of one name become one (RFC 9110 section 5.3)."""
    found: dict[str, str] = {}
    for raw_name, raw_value in headers:
        name = raw_name.decode("latin-1").lower()
        try:
            value = raw_value.decode()
        except UnicodeDecodeError:
            value = raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    return found


class _Connection:
    """Carries one request, reads the response up to a limit, and knows the socket underneath.

    It drives the transport directly: an ``httpx.Client`` would log the address, whose query may hold a secret. At the
    deadline it cuts the connection: a server that sends a byte a second never exceeds the limit of one read.
    """

    def __init__(self, transport: httpx.BaseTransport, registration: "ClientRegistration", limits: _Limits) -> None:
        self.is_new = False
        """Whether this request opened the connection."""
        self._transport = transport
        self.limits = limits
        self._registration = registration
        self._socket = transport.socket if isinstance(transport, Transport) else None

    def send(self, request: UnsignedRequest) -> RawResponse:
        """Send the request, and read its response."""
        timer = _clock.after(self.limits.deadline - _clock.monotonic(), self._cut)
        try:
            response = self._respond(request)
            try:
                headers = _by_name(response.headers)
                body = self._read(response, headers.get("content-encoding", ""))
            finally:
                response.close()
        finally:
            timer.cancel()
        return RawResponse(response.status, headers, body, _clock.wall())

    def _respond(self, request: UnsignedRequest) -> httpcore.Response:
        """The response, before its body is read."""
        method, headers = request.method, _headers(request, self._registration.endpoint)
        body = request.body if request.media_type else None
        extensions: dict[str, Any] = {"timeout": dict.fromkeys(_STEPS, self.limits.timeout)}
        if isinstance(self._transport, Transport):
            # Only the client's own address is kept: a query or a path may hold a secret.
            is_own = request.address == self._registration.token_url
            address = _known_address(request.address) if is_own else _Address(request.address)
            connection = self._transport.connection_to(address.url.origin)
            if not connection.is_idle():  # it is new
                extensions["trace"] = self._trace
            framing = {"host": ("Host", address.host)}
            if body is not None or method in _WITH_BODY:
                framing["content-length"] = "Content-Length", str(len(body or b""))
            lines = list({**framing, **headers}.values())
            return connection.handle_request(
                httpcore.Request(method, address.url, headers=lines, content=body, extensions=extensions)
            )
        extensions["trace"] = self._trace
        theirs = self._transport.handle_request(
            httpx.Request(method, request.address, headers=list(headers.values()), content=body, extensions=extensions)
        )
        stream = cast("httpx.SyncByteStream", theirs.stream)
        return httpcore.Response(theirs.status_code, headers=theirs.headers.raw, content=stream)

    def _read(self, response: httpcore.Response, encoding: str) -> bytes | None:
        """The body. None if it is too long."""
        # A server may compress without being asked, and a small body may unpack to gigabytes: the limit is on the result.
        packed = encoding.lower() in {"gzip", "deflate"}
        unpacker = zlib.decompressobj(zlib.MAX_WBITS | _EITHER_HEADER) if packed else None
        body, received = bytearray(), 0
        try:
            for chunk in cast("Iterable[bytes]", response.stream):
                received += len(chunk)
                if unpacker is None:
                    body += chunk
                elif not unpacker.eof:  # it would keep what follows, and copy it for each chunk
                    body += unpacker.decompress(chunk, _LONGEST_BODY + 1 - len(body))
                if max(received, len(body)) > _LONGEST_BODY:
                    return None
        except zlib.error:
            return b""
        return bytes(body)

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        """Note the socket (https://www.encode.io/httpcore/extensions/#trace)."""
        if event.endswith(("connect_tcp.complete", "start_tls.complete")):
            self.is_new = True
            self._socket = info["return_value"].get_extra_info("socket")
            if isinstance(self._transport, Transport):
                self._transport.note_socket(self._socket)
            if _clock.monotonic() >= self.limits.deadline:  # the timer fired when there was no socket yet
                if self._socket:
                    self._socket.close()  # after this error, nobody else would
                raise httpx.ConnectTimeout("connecting took longer than the deadline allows")

    def _cut(self) -> None:
        self.limits.cut = True
        with suppress(OSError, TypeError):  # it is closed, or not connected yet: connecting has a limit of its own
            socket.socket.shutdown(self._socket, socket.SHUT_RDWR)  # type: ignore[arg-type]
