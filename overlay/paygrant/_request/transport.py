"""How a token request travels: the connection, with its TLS context and proxy."""

import functools
import socket
import ssl
import threading
import time
from collections.abc import Generator, Iterable
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakSet

import httpcore
import httpx

from paygrant._request.proxy import check_proxy, environment_proxy, unusable_proxy
from paygrant._request.stream import Stream
from paygrant._request.trust import trusting_context

if TYPE_CHECKING:
    from paygrant._request.certificate import LoadedCertificate

KEPT = 15.0
"""Seconds. A connection is kept this long for the next renewal. Servers close idle ones after a minute or so."""

_thread_local = threading.local()
"""The transports of this thread, by origin and proxy, if it shares connections."""

_sockets: WeakSet[socket.socket] = WeakSet()
"""The sockets of shared connections, for a forked child to close."""


class Backend(httpcore.SyncBackend):
    """Connects to a host. One time limit covers all of its addresses, and each address gets its share of it."""

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address that accepts.

        Raises:
            httpcore.ConnectError: The name has no address, or no address accepts.
            httpcore.ConnectTimeout: The time is over.
        """
        ends = None if timeout is None else time.monotonic() + timeout
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(str(error)) from error
        addresses = list(dict.fromkeys(str(each[4][0]) for each in found))
        for position, address in enumerate(addresses, 1):
            left = None if ends is None else max(0.001, ends - time.monotonic())
            share = None if left is None else left / (len(addresses) - position + 1)
            try:
                return Stream(super().connect_tcp(address, port, share, local_address, socket_options))
            except (httpcore.ConnectError, httpcore.ConnectTimeout):
                if position == len(addresses):
                    raise
        raise httpcore.ConnectError("the name has no address")


class Transport(httpx.HTTPTransport):
    """A transport of ours: it connects within one time limit, and keeps one connection for a short while."""

    def __init__(self, proxy: str | None, context: ssl.SSLContext) -> None:
        super().__init__(verify=context, proxy=proxy, limits=httpx.Limits(keepalive_expiry=KEPT))
        self._pool._network_backend = Backend()  # httpx has no argument for it
        self._kept: httpcore.ConnectionInterface | None = None
        self.socket: socket.socket | None = None
        """The socket of the connection."""

    def connection_to(self, origin: httpcore.Origin) -> httpcore.ConnectionInterface:
        """The connection that was kept, if it is open and idle, or else one that opens with its first request.

        It carries one request at a time, so a pool would only cost time: it takes a fifth of a token's.
        """
        kept = self._kept
        if kept is None or not kept.is_idle() or kept.has_expired() or _has_surplus(kept):
            self._disconnect()
            kept = self._kept = self._pool.create_connection(origin)
        return kept

    def _disconnect(self) -> None:
        if self._kept is not None:
            self._kept.close()

    def close(self) -> None:
        """Close the connection."""
        self._disconnect()
        super().close()

    def note_socket(self, opened: socket.socket | None) -> None:
        """Note the socket of a new connection. A forked child closes it."""
        self.socket = opened
        if opened is not None:
            _sockets.add(opened)


def _has_surplus(connection: object) -> bool:
    """Whether more than the responses came over a connection. It would be taken for the next response.

    A gateway that confuses its responses would give this client the token of another one.
    """
    while (inner := getattr(connection, "_connection", None)) is not None:
        connection = inner
    state = getattr(connection, "_h11_state", None)  # there is no public way to look at it
    return state is not None and bool(state.trailing_data[0])


def new_transport(url: str) -> httpx.BaseTransport:
    """A transport for a request to this address.

    Raises:
        ConfigurationError: The environment names a proxy or trusted authorities that cannot be used.
    """
    variable, proxy = environment_proxy(url)
    return _new_transport(url, variable, proxy)


def _new_transport(
    url: str, variable: str, proxy: str | None, certificate: "LoadedCertificate | None" = None
) -> httpx.BaseTransport:
    context = tls_context() if "https:" in f"{url} {proxy}" else _trust_nobody()
    if certificate is not None:
        context = certificate.context
    try:
        if proxy:
            check_proxy(proxy)
        return Transport(proxy, context)
    except (ValueError, ImportError, httpx.InvalidURL) as error:
        unusable = unusable_proxy(variable, error)
    raise unusable


@contextmanager
def shared_connections() -> Generator[None]:
    """Let the token requests of this thread share connections. At the end they are closed."""
    transports: dict[tuple[object, ...], httpx.BaseTransport] = {}
    mine = _thread_local
    mine.transports = transports
    try:
        yield
    finally:
        del mine.transports
        for transport in transports.values():
            transport.close()


@contextmanager
def transport_for(url: str, certificate: "LoadedCertificate | None" = None) -> Generator[httpx.BaseTransport]:
    """A transport for one request: one that this thread shares, or one that is closed after it.

    Args:
        url: The address.
        certificate: The client certificate to show, if there is one.

    Raises:
        ConfigurationError: The environment names a proxy that cannot be used.
    """
    transports: dict[tuple[object, ...], httpx.BaseTransport] | None = getattr(_thread_local, "transports", None)
    variable, proxy = environment_proxy(url)
    if transports is None:
        transport = _new_transport(url, variable, proxy, certificate)
        try:
            yield transport
        finally:
            transport.close()
        return
    parts = urlsplit(url)
    key = parts.scheme, parts.netloc, proxy, certificate and certificate.thumbprint
    if key not in transports:
        transports[key] = _new_transport(url, variable, proxy, certificate)
    yield transports[key]


def is_certificate_error(error: BaseException) -> bool:
    """Whether a certificate did not verify. Another attempt cannot help."""
    return any(isinstance(each, ssl.SSLCertVerificationError) for each in _chain(error))


_REFUSALS = ("CERTIFICATE", "UNKNOWN_CA", "ACCESS_DENIED")
"""Words in the names of the alerts by which a server refuses a client certificate (RFC 8446 section 6.2)."""


def is_client_certificate_refused(error: BaseException) -> bool:
    """Whether the server refused the client certificate, by an alert."""
    reasons = (each.reason or "" for each in _chain(error) if isinstance(each, ssl.SSLError))
    return any("_ALERT_" in reason and any(word in reason for word in _REFUSALS) for reason in reasons)


def _chain(error: BaseException) -> Generator[BaseException]:
    """An exception, and all from which it came."""
    origins: list[BaseException | None] = [error]
    seen = set[int]()  # a chain of causes may be a circle
    while origins:
        each = origins.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            yield each
            origins += [each.__cause__, each.__context__]


def forget_connections() -> None:
    """Close the shared connections, in a forked child: they belong to the parent's threads."""
    global _thread_local  # noqa: PLW0603 - another thread's transports must not be used
    _thread_local = threading.local()
    for opened in tuple(_sockets):
        with suppress(OSError):
            opened.close()


@functools.cache
def _trust_nobody() -> ssl.SSLContext:
    """A context for plain http on loopback. It needs no certificates, so none are read."""
    return ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)


@functools.cache
def tls_context() -> ssl.SSLContext:
    """One TLS context for all requests: reading the certificates takes longer than most requests."""
    return trusting_context()
