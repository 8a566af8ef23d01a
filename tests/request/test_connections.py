"""A connection that fails or never ends means that the provider is unavailable."""

import itertools
import socket
import struct
import threading
from collections.abc import Callable
from contextlib import suppress
from urllib.parse import parse_qs

import pytest

from paygrant import Cryptofuse, ProviderUnavailable, Ripple, SigningKey, _clock
from paygrant._providers.base import Provider
from paygrant._request.transport import shared_connections
from tests.helpers.failures import failure
from tests.helpers.keys import pem
from tests.helpers.providers import each_provider
from tests.helpers.requester import Requester
from tests.helpers.servers import RAW_GRANT, Server, free_port, read_request, serve_raw

# Connections that fail


def reset_now(connection: socket.socket) -> None:
    """Hang up in a way that the other side takes for an error rather than an end."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def reset(connection: socket.socket) -> None:
    """Read a request, and hang up as after an error."""
    read_request(connection)
    reset_now(connection)


def sending(response: bytes) -> Callable[[socket.socket], object]:
    """Sends this and hangs up."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(response)

    return script


OK = b"HTTP/1.1 200 OK\r\n"
BROKEN: dict[str, Callable[[socket.socket], object]] = {
    "hangs up at once": lambda _: None,
    "hangs up after the request": read_request,
    "resets the connection": reset,
    "ends within the headers": sending(OK + b"Content-"),
    "sends fewer bytes than announced": sending(OK + b'Content-Length: 99\r\n\r\n{"access_token": "the-token"}'),
    "ends within a chunk": sending(OK + b'Transfer-Encoding: chunked\r\n\r\n40\r\n{"access_token": "'),
    "speaks no HTTP": sending(b"220 smtp.example ESMTP\r\n"),
    "sends endless headers": sending(OK + b"X-Long: " + b"x" * 200_000),
    "has a status of letters": sending(b"HTTP/1.1 abc OK\r\nContent-Length: 0\r\n\r\n"),
}


@pytest.mark.parametrize("script", BROKEN.values(), ids=BROKEN)
def test_a_broken_connection_raises_provider_unavailable(script: Callable[[socket.socket], object]) -> None:
    with serve_raw(script) as base_url:
        error = failure(Ripple, base_url)
    assert type(error) is ProviderUnavailable
    assert (error.status, error.retryable, error.attempts) == (None, True, 1)


@pytest.mark.parametrize("responds", [True, False])
@pytest.mark.parametrize("resets", [True, False])
def test_a_request_that_meets_the_end_of_a_kept_connection_is_sent_once_more(*, resets: bool, responds: bool) -> None:
    """The server ends the first connection when the second request has arrived."""
    requests: list[int] = []

    def respond(connection: socket.socket) -> None:
        number = len(requests)
        requests.append(0)
        while read_request(connection):
            requests[number] += 1
            if number == 0 and requests[number] == 2:
                if resets:
                    reset_now(connection)
                return
            if number == 1 and not responds:
                return
            connection.sendall(RAW_GRANT)

    with serve_raw(respond) as base_url, shared_connections():
        client = Requester(base_url)
        first = client.token()
        if responds:
            assert client.token() == first
        else:
            with pytest.raises(ProviderUnavailable, match="RemoteProtocolError: Server disconnected"):
                client.token()
    assert requests == [2, 1]


def test_a_request_that_is_sent_once_more_has_an_assertion_of_its_own() -> None:
    """The server may have read the first one, and it accepts each assertion once (RFC 7523 section 3)."""
    bodies: list[bytes] = []

    def respond(connection: socket.socket) -> None:
        while request := read_request(connection):
            bodies.append(request.partition(b"\r\n\r\n")[2])
            if len(bodies) == 2:
                return
            connection.sendall(RAW_GRANT)

    with serve_raw(respond) as base_url, shared_connections():
        client = Requester(base_url, auth_method="private_key_jwt", private_key=SigningKey(pem("ES256")))
        assert client.token() == client.token()
    assertions = {parse_qs(body)[b"client_assertion"][0] for body in bodies}
    assert (len(bodies), len(assertions)) == (3, 3)


def test_a_request_on_a_kept_connection_ends_at_its_deadline_and_is_not_sent_once_more() -> None:
    requests: list[bytes] = []
    gone = threading.Event()

    def respond(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(RAW_GRANT)
        requests.append(read_request(connection))
        connection.settimeout(0.02)
        with suppress(ConnectionError):
            for _ in range(500):  # a byte at a time, until the client has gone
                connection.sendall(b"H")
                with suppress(TimeoutError):
                    if not connection.recv(1):
                        break
            else:
                return
        gone.set()

    with serve_raw(respond) as base_url, shared_connections():
        client = Requester(base_url)
        client.token()
        with pytest.raises(ProviderUnavailable, match="no complete response before the deadline"):
            client.token(deadline=0.2)
        assert gone.wait(10)
    assert len(requests) == 2


def test_the_deadline_of_a_request_that_has_ended_does_not_end_the_next_one() -> None:
    requests: list[int] = []
    is_over = threading.Event()

    def respond(connection: socket.socket) -> None:
        number = len(requests)
        requests.append(0)
        while read_request(connection):
            requests[number] += 1
            if requests[number] == 2:
                assert is_over.wait(10)
            connection.sendall(RAW_GRANT)

    with serve_raw(respond) as base_url, shared_connections():
        client = Requester(base_url)
        client.token(deadline=1)
        _clock.after(1, is_over.set)  # timers run in their order
        client.token()
    assert requests == [2]


def test_a_response_that_comes_between_two_requests_is_that_of_neither() -> None:
    """A gateway that confuses its responses may send one that belongs to another client."""
    connections: list[socket.socket] = []
    has_token, is_sent = threading.Event(), threading.Event()

    def respond(connection: socket.socket) -> None:
        connections.append(connection)
        read_request(connection)
        connection.sendall(RAW_GRANT)
        if len(connections) == 1:
            assert has_token.wait(10)
            connection.sendall(RAW_GRANT.replace(b"token-1", b"token-9"))
            is_sent.set()
            read_request(connection)

    with serve_raw(respond) as base_url, shared_connections():
        client = Requester(base_url)
        assert client.token() == "token-1"
        has_token.set()
        assert is_sent.wait(10)
        assert client.token() == "token-1"
        assert len(connections) == 2


def test_a_kept_connection_carries_no_request_to_another_server_or_by_another_proxy(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with shared_connections():
        Requester(server.base_url).token()
        Requester(other.base_url).token()
        assert (len(server.seen), len(other.seen)) == (1, 1)
        monkeypatch.setenv("http_proxy", other.base_url)
        Requester(server.base_url).token()
        assert (len(server.seen), other.seen[-1].path) == (1, f"{server.base_url}/token")
        monkeypatch.delenv("http_proxy")
        Requester(server.base_url).token()
        assert len(server.seen) == 2


def test_connections_are_kept_until_the_thread_ends_to_share_them() -> None:
    numbers = itertools.count()
    requests: list[int] = []

    def respond(connection: socket.socket) -> None:
        number = next(numbers)
        while read_request(connection):
            requests.append(number)
            connection.sendall(RAW_GRANT)

    with serve_raw(respond) as base_url:
        client = Requester(base_url)
        with shared_connections():
            for _ in range(2):
                client.token()
        for _ in range(2):
            client.token()
    assert requests == [0, 0, 1, 2]


@each_provider
def test_a_closed_port_raises_provider_unavailable(kind: type[Provider]) -> None:
    error = failure(kind, f"http://127.0.0.1:{free_port()}")
    assert type(error) is ProviderUnavailable
    assert "ConnectError" in str(error)
    assert (error.status, error.retryable) == (None, True)


def test_tls_to_a_plain_port_raises_provider_unavailable(server: Server) -> None:
    error = failure(Ripple, server.base_url.replace("http://", "https://"))
    assert type(error) is ProviderUnavailable
    assert "SSL" in str(error)
    assert server.seen == []


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'a' * 64}.example", "..", "-"])
def test_an_unknown_host_raises_provider_unavailable(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RES_OPTIONS", "attempts:1 timeout:1")  # where there is no name server, it is not awaited long
    error = failure(Cryptofuse, f"https://{host}")
    assert type(error) is ProviderUnavailable
    assert error.retryable
