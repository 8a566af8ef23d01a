"""A connection that fails or never ends means that the provider is unavailable."""

import socket
import struct
from collections.abc import Callable

import pytest

from paygrant import Cryptofuse, ProviderUnavailable, RefreshPolicy, Ripple, _clock
from paygrant._providers.base import Provider, registration_of
from paygrant._request.send import request_token
from paygrant._request.transport import shared_connections
from tests.helpers.failures import failure
from tests.helpers.providers import each_provider, make
from tests.helpers.servers import RAW_GRANT, Server, read_request, serve_raw

# Connections that fail


def reset(connection: socket.socket) -> None:
    """Hang up in a way that the other side takes for an error rather than an end."""
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


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
def test_a_request_that_meets_the_end_of_a_kept_connection_is_sent_once_more(*, responds: bool) -> None:
    """The server ends the first connection when the second request has arrived."""
    requests: list[int] = []

    def respond(connection: socket.socket) -> None:
        number = len(requests)
        requests.append(0)
        while read_request(connection):
            requests[number] += 1
            if (number == 0 and requests[number] == 2) or (number == 1 and not responds):
                return
            connection.sendall(RAW_GRANT)

    with serve_raw(respond) as base_url, shared_connections():
        registration = registration_of(make(Cryptofuse, base_url=base_url))

        def request() -> str:
            deadline = _clock.monotonic() + 10
            credentials, policy = registration.credentials(), RefreshPolicy()
            grant = request_token(registration, credentials, "plain", policy=policy, transport=None, deadline=deadline)
            return grant.token.access_token

        first = request()
        if responds:
            assert request() == first
        else:
            with pytest.raises(ProviderUnavailable, match="RemoteProtocolError: Server disconnected"):
                request()
    assert requests == [2, 1]


@each_provider
def test_a_closed_port_raises_provider_unavailable(kind: type[Provider]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = failure(kind, f"http://127.0.0.1:{port}")
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
