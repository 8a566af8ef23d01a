"""How a transport of ours connects: which addresses, how long for each, with which context, and what becomes of the socket."""

import socket
import ssl
import time
from collections.abc import Iterator
from typing import Any
from weakref import WeakSet

import httpcore
import httpx
import pytest

from paygrant import Cryptofuse
from paygrant._providers.base import registration_of
from paygrant._request import transport as transport_module
from paygrant._request.send import _Connection, _Limits
from paygrant._request.transport import (
    KEPT,
    Backend,
    Transport,
    forget_connections,
    is_certificate_error,
    new_transport,
    tls_context,
)
from tests.helpers.clock import Clock
from tests.helpers.providers import ask, make
from tests.helpers.servers import Server


class Attempts:
    """Each attempt to connect: address, port, time limit, local address and options. It takes ``takes`` seconds."""

    def __init__(self, *outcomes: Exception | object, takes: float = 0) -> None:
        self.seen: list[tuple[Any, ...]] = []
        self.outcomes = list(outcomes)
        self.takes = takes
        self.now = 1000.0

    def connect(self, *arguments: Any) -> Any:
        self.seen.append(arguments)
        self.now += self.takes
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return outcome


def attempts(
    monkeypatch: pytest.MonkeyPatch, addresses: list[str], *outcomes: Exception | object, takes: float = 0
) -> Attempts:
    """Let a name have these addresses, and the attempts to connect these outcomes."""
    noted = Attempts(*outcomes, takes=takes)

    def addresses_of(*_: object, **__: object) -> list[Any]:
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, 443)) for each in addresses]

    monkeypatch.setattr(socket, "getaddrinfo", addresses_of)
    monkeypatch.setattr(httpcore.SyncBackend, "connect_tcp", noted.connect)
    monkeypatch.setattr(time, "monotonic", lambda: noted.now)
    return noted


class Opened(httpcore.NetworkStream):
    """The stream of a connection, which has a name."""

    def __init__(self, name: str) -> None:
        self.name = name

    def get_extra_info(self, info: str) -> Any:
        return self.name if info == "name" else None


THREE = ["192.0.2.1", "192.0.2.2", "192.0.2.3"]


# The addresses of a name


@pytest.mark.parametrize(
    ("takes", "shares"), [(0, [4, 6, 12]), (3, [4, 4.5, 6]), (4, [4, 4, 4]), (20, [4, 0.0005, 0.001])]
)
def test_each_address_gets_its_share_of_the_time_that_is_left(
    takes: float, shares: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    outcomes = httpcore.ConnectError("refused"), httpcore.ConnectTimeout("silent"), Opened("third")
    noted = attempts(monkeypatch, THREE, *outcomes, takes=takes)
    assert Backend().connect_tcp("many.example", 443, 12).get_extra_info("name") == "third"
    assert [each[0] for each in noted.seen] == THREE
    assert [each[2] for each in noted.seen] == pytest.approx(shares)


def test_without_a_limit_each_address_has_none(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = attempts(monkeypatch, THREE, httpcore.ConnectError(), Opened("second"))
    stream = Backend().connect_tcp("many.example", 8443, None, "127.0.0.9", [(1, 2, 3)])
    assert stream.get_extra_info("name") == "second"
    assert noted.seen == [(each, 8443, None, "127.0.0.9", [(1, 2, 3)]) for each in THREE[:2]]


def test_an_address_that_is_named_twice_is_tried_once(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = attempts(monkeypatch, ["192.0.2.1", "192.0.2.1"], httpcore.ConnectTimeout("silent"))
    with pytest.raises(httpcore.ConnectTimeout, match="silent"):
        Backend().connect_tcp("many.example", 443, 12)
    assert [each[2] for each in noted.seen] == [12]


def test_the_error_of_the_last_address_is_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    noted = attempts(monkeypatch, THREE, *(httpcore.ConnectError(f"number {each}") for each in range(1, 4)))
    with pytest.raises(httpcore.ConnectError, match="number 3"):
        Backend().connect_tcp("many.example", 443, 12)
    assert len(noted.seen) == 3


def test_a_name_without_an_address_cannot_be_connected_to(monkeypatch: pytest.MonkeyPatch) -> None:
    attempts(monkeypatch, [])
    with pytest.raises(httpcore.ConnectError, match=r"^the name has no address$"):
        Backend().connect_tcp("none.example", 443, 12)


def test_a_name_that_cannot_be_looked_up_shows_the_reason() -> None:
    with pytest.raises(httpcore.ConnectError, match="label"):
        Backend().connect_tcp("two..dots", 443, 12)


def test_a_backend_connects_from_a_local_address_with_the_options(server: Server) -> None:
    port = int(server.base_url.rpartition(":")[2])
    options = [(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)]
    stream = Backend().connect_tcp("localhost", port, 5, "127.0.0.1", options)
    opened = stream.get_extra_info("socket")
    assert opened.getpeername() == ("127.0.0.1", port)
    assert opened.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    stream.close()


# The transport


def test_a_transport_has_our_backend_our_context_and_keeps_connections_shortly() -> None:
    with new_transport("https://auth.example/token") as transport:
        assert isinstance(transport, Transport)
        pool: Any = transport._pool
        assert isinstance(pool._network_backend, Backend)
        assert pool._ssl_context is tls_context()
        assert pool._keepalive_expiry == KEPT
        assert transport.socket is None


def test_plain_http_on_loopback_reads_no_certificates(
    server: Server, provider: Cryptofuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere")
    tls_context.cache_clear()
    assert ask(provider).access_token == "token-1"
    with new_transport(server.base_url) as transport:
        assert isinstance(transport, Transport)
    assert tls_context.cache_info().currsize == 0


# The socket of a connection


@pytest.fixture
def pair(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two connected sockets. No other sockets are noted."""
    monkeypatch.setattr(transport_module, "_sockets", WeakSet[socket.socket]())
    monkeypatch.setattr(transport_module, "_thread_local", transport_module._thread_local)
    one, other = socket.socketpair()
    with one, other:
        yield one, other


class Stream:
    """The stream that a trace brings."""

    def __init__(self, opened: socket.socket | None) -> None:
        self.opened = opened

    def get_extra_info(self, name: str) -> socket.socket | None:
        return self.opened if name == "socket" else None


def connection(transport: httpx.BaseTransport, clock: Clock) -> _Connection:
    return _Connection(transport, registration_of(make(Cryptofuse)), _Limits(clock() + 10, 10))


@pytest.mark.parametrize("event", ["connection.connect_tcp.complete", "connection.start_tls.complete"])
def test_a_new_connections_socket_is_noted_and_a_fork_closes_it(
    event: str, pair: tuple[socket.socket, socket.socket], clock: Clock
) -> None:
    with Transport(None, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as transport:
        traced = connection(transport, clock)
        traced._trace("connection.connect_tcp.started", {})
        assert (traced.is_new, transport.socket) == (False, None)
        traced._trace(event, {"return_value": Stream(pair[0])})
        assert (traced.is_new, transport.socket) == (True, pair[0])
        before = transport_module._thread_local
        forget_connections()
        assert transport_module._thread_local is not before
        assert pair[0].fileno() == -1
        assert pair[1].recv(1) == b""
        transport.note_socket(None)
        assert transport.socket is None


def test_a_connection_is_cut_and_may_be_cut_again(pair: tuple[socket.socket, socket.socket], clock: Clock) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(200))
    traced = connection(transport, clock)
    traced._cut()  # it is not connected yet
    assert traced.limits.cut
    traced._trace("connection.connect_tcp.complete", {"return_value": Stream(pair[0])})
    traced._cut()
    assert pair[1].recv(1) == b""
    pair[0].close()
    traced._cut()  # it is closed


def test_a_connection_that_opens_after_the_deadline_is_closed(
    pair: tuple[socket.socket, socket.socket], clock: Clock
) -> None:
    with Transport(None, ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)) as transport:
        traced = connection(transport, clock)
        clock.pass_by(10)
        with pytest.raises(httpx.ConnectTimeout, match="longer than the deadline"):
            traced._trace("connection.connect_tcp.complete", {"return_value": Stream(pair[0])})
        assert pair[1].recv(1) == b""


# Certificates


def test_a_certificate_error_is_found_anywhere_in_a_chain() -> None:
    found = ssl.SSLCertVerificationError("self-signed")
    other = ValueError("another")
    other.__context__ = KeyError("a third")
    for cause, context in ((found, other), (other, found), (found, None), (None, found)):
        error = OSError("no connection")
        error.__cause__, error.__context__ = cause, context
        outer = httpx.ConnectError("no connection")
        outer.__context__ = error
        assert is_certificate_error(outer)
    assert is_certificate_error(found)
    other.__cause__ = ssl.SSLError("another fault of TLS")
    assert not is_certificate_error(other)
