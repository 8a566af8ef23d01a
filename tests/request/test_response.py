"""The facts in the headers of a response, and a body that is too long."""

import gzip
import json
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import httpx
import pytest

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    InvalidClient,
    MalformedResponse,
    ProviderUnavailable,
    RateLimited,
    TokenError,
    TokenRequestRejected,
)
from paygrant._request.response import RawResponse
from tests.helpers.clock import Clock
from tests.helpers.failures import failure
from tests.helpers.providers import ask, make
from tests.helpers.servers import Reply, Server, granted, read_request, serve_raw

A_MEGABYTE = 1 << 20


# Bodies that are too long


def test_a_body_of_30_megabytes_is_not_read_to_its_end() -> None:
    def pour(connection: socket.socket) -> None:
        read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, buffer)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % (30 * A_MEGABYTE))
        try:
            while sum(taken) < 30 * A_MEGABYTE:
                taken.append(connection.send(b" " * (A_MEGABYTE // 16)))
        except OSError:
            hung_up.set()

    buffer = A_MEGABYTE // 16
    taken: list[int] = []
    hung_up = threading.Event()
    small = httpx.HTTPTransport(socket_options=[(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)])
    with serve_raw(pour) as base_url, small:
        error = failure(AlternativePayments, base_url, transport=small)
        assert hung_up.wait(10)
    assert type(error) is MalformedResponse
    assert "status 200, the response is too long" in str(error)
    assert A_MEGABYTE < sum(taken) < 1.5 * A_MEGABYTE


@pytest.mark.parametrize(
    ("surplus", "fault"), [(0, None), (1, "the response is too long")], ids=["a mebibyte", "a byte more"]
)
def test_a_body_may_have_at_most_one_mebibyte(surplus: int, fault: str | None, server: Server) -> None:
    body = json.dumps(granted().document).encode()
    server.reply = Reply(body + b" " * (A_MEGABYTE - len(body) + surplus))
    if fault:
        assert fault in str(failure(Cryptofuse, server.base_url))
    else:
        assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "token-1"


def test_an_endless_body_is_not_read_to_its_end() -> None:
    def pour(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"10000\r\n" + b" " * 0x10000 + b"\r\n"
        try:
            while True:
                connection.sendall(chunk)
        except OSError:
            hung_up.set()

    hung_up = threading.Event()
    with serve_raw(pour) as base_url:
        assert "the response is too long" in str(failure(Cryptofuse, base_url))
        assert hung_up.wait(10)


@pytest.mark.parametrize(("coding", "pack"), [("gzip", gzip.compress), ("deflate", zlib.compress)])
def test_a_compressed_body_is_not_unpacked_beyond_the_limit(
    coding: str, pack: Callable[[bytes], bytes], server: Server
) -> None:
    server.reply = Reply(pack(b" " * (32 * A_MEGABYTE)), headers={"Content-Encoding": coding})
    tracemalloc.start()
    try:
        error = failure(Cryptofuse, server.base_url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert "the response is too long" in str(error)
    assert peak < 8 * A_MEGABYTE


@pytest.mark.parametrize(
    ("status", "expected"), [(400, TokenRequestRejected), (401, InvalidClient), (503, ProviderUnavailable)]
)
def test_a_long_body_does_not_hide_an_error_status(status: int, expected: type[TokenError], server: Server) -> None:
    server.reply = Reply(b"<p>" * A_MEGABYTE, status)
    error = failure(Cryptofuse, server.base_url)
    assert (type(error), error.status) == (expected, status)


# Retry-After

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("7", 7),
        ("0", 0),
        (" 120 ", 120),
        (format_datetime(NOON + timedelta(seconds=90), usegmt=True), 90),
        ("Saturday, 21-Nov-26 12:01:30 GMT", 90),
        (format_datetime(NOON - timedelta(seconds=90), usegmt=True), 0),
        ("", None),
        ("soon", None),
        ("-1", None),
        ("1.5", None),
        ("7 seconds", None),
        ("\xb2", None),
        ("9" * 400, None),
        ("Sat, 99 Nov 2026 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_by_the_servers_clock(
    header: str, seconds: float | None, server: Server, clock: Clock
) -> None:
    clock.offset = timedelta(days=1)
    server.reply = Reply({}, 429, {"Retry-After": header, "Date": format_datetime(NOON, usegmt=True)})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_the_error_shows_an_invalid_location_unchanged(server: Server) -> None:
    server.reply = Reply({}, 302, {"Location": "http://["})
    with pytest.raises(MalformedResponse, match=r"a redirect to an address that is not valid, which is not followed"):
        ask(make(Cryptofuse, base_url=server.base_url))


# The headers by themselves


def raw(**headers: str) -> RawResponse:
    return RawResponse(302, headers, b"", NOON + timedelta(hours=1))


@pytest.mark.parametrize(
    ("location", "target"),
    [
        ("/login", "https://auth.example:8443/login"),
        ("https://user:password@other.example/a?code=1#token", "https://other.example/a"),
        ("https://[fd00::5]:8443/a", "https://[fd00::5]:8443/a"),
        ("https://[fd00::5]/a", "https://[fd00::5]/a"),
        ("mailto:somebody", "mailto:somebody"),
        ("https://[fd00/", "an address that is not valid"),
        ("https://other.example:99999/", "an address that is not valid"),
    ],
)
def test_the_target_of_a_redirect_is_an_address_without_its_secrets(location: str, target: str) -> None:
    assert raw(location=location).redirect_target("https://auth.example:8443/token?key=1") == target


def test_a_redirect_without_a_target_says_so() -> None:
    assert raw().redirect_target("https://auth.example/token?key=1") == "an address that is not stated"


@pytest.mark.parametrize(
    ("date", "moment"),
    [
        ("Sat, 21 Nov 2026 12:00:00 GMT", NOON),
        ("Sat, 21 Nov 2026 15:00:00 +0300", NOON),
        ("Sat, 21 Nov 2026 12:00:00 -0000", NOON),
        ("Sat, 21 Nov 2026 12:00:00", NOON),
        ("Sat, 99 Nov 2026 12:00:00 GMT", None),
        ("yesterday", None),
    ],
)
def test_a_date_in_a_header_has_its_zone_or_is_in_utc(date: str, moment: datetime | None) -> None:
    assert raw(date=date).date == moment
