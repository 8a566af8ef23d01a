"""Stream: one packet for a request, the time limit of the socket, TLS, and TLS within TLS."""

import socket
import ssl
from collections.abc import Iterator
from typing import Any

import httpcore
import pytest

from paygrant._request.stream import Stream


class Inner(httpcore.NetworkStream):
    """The stream underneath: it notes what is done with it."""

    def __init__(self, *failures: Exception, **facts: object) -> None:
        self.failures = failures
        self.facts = facts
        self.done: list[tuple[Any, ...]] = []

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self.done.append(("write", buffer, timeout))
        for each in self.failures:
            raise each

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        self.done.append(("read", max_bytes, timeout))
        return b"response"

    def close(self) -> None:
        self.done.append(("close",))

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        self.done.append(("start_tls", ssl_context, server_hostname, timeout))
        return Inner(name="TLS")

    def get_extra_info(self, info: str) -> Any:
        return self.facts.get(info)


class Noted:
    """A socket that notes the time limits that are set, and may fail."""

    def __init__(self, opened: socket.socket) -> None:
        self.opened = opened
        self.limits: list[float | None] = []
        self.sent: list[bytes] = []
        self.failure: Exception | None = None

    def gettimeout(self) -> float | None:
        return self.opened.gettimeout()

    def settimeout(self, seconds: float | None) -> None:
        self.limits.append(seconds)
        self.opened.settimeout(seconds)

    def recv(self, most: int) -> bytes:
        return self.opened.recv(most)

    def sendall(self, data: bytes) -> None:
        self.sent.append(data)
        if self.failure:
            raise self.failure
        self.opened.sendall(data)


@pytest.fixture
def pair() -> Iterator[tuple[Noted, socket.socket]]:
    one, other = socket.socketpair()
    with one, other:
        yield Noted(one), other


def within_tls(*failures: Exception) -> tuple[Stream, Inner]:
    """A stream of TLS within TLS, and the one underneath."""
    tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).wrap_bio(
        ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a.example"
    )
    inner = Inner(*failures, ssl_object=tls, socket="the socket of the outer TLS")
    return Stream(inner), inner


def test_a_request_is_one_packet_which_is_sent_when_its_response_is_awaited(pair: tuple[Noted, socket.socket]) -> None:
    noted, server = pair
    server.sendall(b"response")
    stream = Stream(Inner(socket=noted))
    for part in (b"headers", b"body"):
        stream.write(part, 3)
    assert noted.sent == []
    assert stream.read(4, 4) == b"resp"
    assert stream.read(100, 4) == b"onse"
    assert noted.sent == [b"headersbody"]
    assert server.recv(100) == b"headersbody"


def test_a_time_limit_is_set_when_it_changes(pair: tuple[Noted, socket.socket]) -> None:
    noted, server = pair
    server.sendall(b"12345")
    stream = Stream(Inner(socket=noted))
    for seconds in (4, 4, 5, 5, None):
        stream.write(b"request")
        stream.read(1, seconds)
    assert noted.limits == [4, 5, None]


def test_a_response_that_does_not_come_in_time_is_a_failure_to_read(pair: tuple[Noted, socket.socket]) -> None:
    with pytest.raises(httpcore.ReadTimeout, match="timed out") as caught:
        Stream(Inner(socket=pair[0])).read(100, 0.01)
    assert isinstance(caught.value.__cause__, TimeoutError)


def test_a_connection_that_breaks_is_a_failure_to_read(pair: tuple[Noted, socket.socket]) -> None:
    stream = Stream(Inner(socket=pair[0]))
    pair[0].opened.close()
    with pytest.raises(httpcore.ReadError, match="Bad file descriptor"):
        stream.read(100)


def test_a_response_is_read_though_the_server_takes_no_request(pair: tuple[Noted, socket.socket]) -> None:
    noted, server = pair
    noted.failure = BrokenPipeError("closed")
    server.sendall(b"response")
    stream = Stream(Inner(socket=noted))
    stream.write(b"request")
    assert stream.read(4) == b"resp"
    assert stream.read(4) == b"onse"
    assert noted.sent == [b"request"]


def test_a_request_that_cannot_be_sent_in_time_fails(pair: tuple[Noted, socket.socket]) -> None:
    noted, _ = pair
    noted.failure = TimeoutError("slow")
    stream = Stream(Inner(socket=noted))
    stream.write(b"request")
    with pytest.raises(httpcore.WriteTimeout, match="slow"):
        stream.read(100, 1)


def test_tls_within_tls_is_left_to_httpcore() -> None:
    stream, inner = within_tls()
    for part in (b"headers", b"body"):
        stream.write(part, 3)
    assert stream.read(100, 4) == b"response"
    assert stream.read(50, 5) == b"response"
    assert inner.done == [("write", b"headersbody", 4), ("read", 100, 4), ("read", 50, 5)]
    closed, inner = within_tls(httpcore.WriteError("closed"))
    closed.write(b"request")
    assert closed.read(100) == b"response"


def test_a_stream_begins_tls_and_closes() -> None:
    inner = Inner(name="plain")
    stream = Stream(inner)
    assert stream.get_extra_info("name") == "plain"
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    within: object = stream.start_tls(context, "a.example", 7)
    assert isinstance(within, Stream)
    assert within.get_extra_info("name") == "TLS"
    stream.close()
    assert inner.done == [("start_tls", context, "a.example", 7), ("close",)]
