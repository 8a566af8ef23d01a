"""Redirects, which are not followed, and limits of time and size."""

import gzip
import socket
import threading
import time
import zlib
from contextlib import suppress

import httpx
import pytest

from paygrant import Cryptofuse, MalformedResponse, ProviderUnavailable, RefreshPolicy
from paygrant._providers.base import Provider, registration_of
from paygrant._request.send import _Connection, _Limits
from tests.helpers.clock import Clock
from tests.helpers.providers import CLIENT_SECRET, ask, each_provider, make
from tests.helpers.servers import Reply, Server, granted, read_request, serve_raw

# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_host_is_not_followed(status: int, server: Server, other: Server) -> None:
    server.reply = Reply({}, status, {"Location": f"{other.base_url}/o/token/"})
    with pytest.raises(MalformedResponse, match=f"status {status}, .* {other.base_url}/o/token/") as caught:
        ask(make(Cryptofuse, base_url=server.base_url))
    assert (caught.value.status, caught.value.retryable) == (status, False)
    assert len(server.seen) == 1
    assert other.seen == []


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("location", ["{}/o/token", "/o/token", "../token"])
def test_a_redirect_on_the_same_host_is_not_followed_but_shown_in_full(
    status: int, location: str, server: Server
) -> None:
    server.reply = Reply({}, status, {"Location": location.format(server.base_url)})
    with pytest.raises(MalformedResponse, match=f"{server.base_url}/o/token,"):
        ask(make(Cryptofuse, base_url=server.base_url))
    assert len(server.seen) == 1


@each_provider
def test_no_provider_follows_a_redirect(kind: type[Provider], server: Server, other: Server) -> None:
    server.reply = Reply({}, 307, {"Location": other.base_url})
    with pytest.raises(MalformedResponse, match=other.base_url):
        ask(make(kind, base_url=server.base_url))
    assert len(server.seen) == 1
    assert other.seen == []


def test_a_redirect_with_the_secret_is_shown_without_it(server: Server) -> None:
    place = f"https://me:{CLIENT_SECRET}@elsewhere.example:8/cb?code=c&s={CLIENT_SECRET}#access_token=t"
    server.reply = Reply({}, 302, {"Location": place})
    with pytest.raises(MalformedResponse, match=r"a redirect to https://elsewhere\.example:8/cb, which") as caught:
        ask(make(Cryptofuse, base_url=server.base_url))
    assert CLIENT_SECRET not in str(caught.value)


# Time limits


def test_a_slow_server_is_unavailable(server: Server) -> None:
    server.hold.clear()
    start = time.monotonic()
    with pytest.raises(ProviderUnavailable, match="ReadTimeout") as caught:
        ask(make(Cryptofuse, base_url=server.base_url), policy=RefreshPolicy(timeout=0.02, max_attempts=1))
    assert time.monotonic() - start < 2
    assert (caught.value.status, caught.value.retryable) == (None, True)
    assert len(server.seen) == 1


def test_a_server_that_stops_during_the_response_is_unavailable() -> None:
    def stall(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"access_token": ')
        done.wait(10)

    done = threading.Event()
    with serve_raw(stall) as base_url:
        with pytest.raises(ProviderUnavailable, match="ReadTimeout"):
            ask(make(Cryptofuse, base_url=base_url), policy=RefreshPolicy(timeout=0.02, max_attempts=1))
        done.set()


@pytest.mark.parametrize("begin", [b"HTTP/1.1 200 OK\r\nX-Long: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99999\r\n\r\n"])
def test_a_dripping_response_ends_at_the_deadline(begin: bytes) -> None:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(begin)
        connection.settimeout(0.02)
        for _ in range(500):  # a byte at a time, until the client has gone
            connection.sendall(b" ")
            with suppress(TimeoutError):
                if not connection.recv(1):
                    break

    with (
        serve_raw(drip) as base_url,
        pytest.raises(ProviderUnavailable, match="no complete response before the deadline"),
    ):
        ask(make(Cryptofuse, base_url=base_url), policy=RefreshPolicy(deadline=0.3))


def test_a_connection_made_after_the_deadline_is_not_used(clock: Clock) -> None:
    class Stream:
        def get_extra_info(self, _name: str) -> None: ...

    connection = _Connection(
        httpx.MockTransport(lambda _: httpx.Response(200)),
        registration_of(make(Cryptofuse)).endpoint,
        _Limits(clock() + 10, 10),
    )
    connection._trace("connection.connect_tcp.complete", {"return_value": Stream()})
    clock.pass_by(10)
    with pytest.raises(httpx.ConnectTimeout, match="longer than the deadline"):
        connection._trace("connection.connect_tcp.complete", {"return_value": Stream()})


# Limits of size


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_follows_a_packed_body_counts_to_the_limit(coding: str) -> None:
    body = granted().body
    start = gzip.compress(body) if coding == "gzip" else zlib.compress(body)

    def pour(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n\r\n" % coding.encode() + start)
        with suppress(OSError):  # the client hangs up
            for _ in range(1 << 14):
                connection.sendall(b"x" * (1 << 16))

    with serve_raw(pour) as url, pytest.raises(MalformedResponse, match="the response is too long"):
        ask(make(Cryptofuse, base_url=url))


def test_a_packed_body_that_unpacks_to_nothing_counts_to_the_limit() -> None:
    empty_block = b"\x00\x00\x00\xff\xff"

    def pour(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: deflate\r\n\r\n" + zlib.compress(b"")[:2])
        with suppress(OSError):
            for _ in range(1 << 12):
                connection.sendall(empty_block * (1 << 12))

    with serve_raw(pour) as url, pytest.raises(MalformedResponse, match="the response is too long"):
        ask(make(Cryptofuse, base_url=url))
