"""Redirects, which are not followed, and limits of time and size."""

import gzip
import socket
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import nullcontext, suppress
from functools import partial
from pathlib import Path

import httpx
import pytest

from paygrant import (
    Cryptofuse,
    MalformedResponse,
    ProviderUnavailable,
    RefreshPolicy,
    SpecProvider,
    TokenError,
    UnsignedRequest,
    _clock,
)
from paygrant._providers.base import Provider, registration_of
from paygrant._request.response import RawResponse
from paygrant._request.send import _Address, _Connection, _known_address, _Limits, request_token
from paygrant.providers import Airwallex
from tests.helpers.clock import Clock
from tests.helpers.providers import CLIENT_SECRET, ask, each_provider, make
from tests.helpers.requester import Requester
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


# Headers


SIGNED = Path(__file__).parents[1] / "endpoints/custom/signed_app.yaml"
CRYPTOFUSE = partial(make, Cryptofuse)


def respond(*lines: bytes) -> bytes:
    """A response with a token and these headers."""
    body = b'{"access_token": "token-1", "token_type": "Bearer", "expires_in": 60}'
    return b"\r\n".join((b"HTTP/1.1 200 OK", b"Content-Length: %d" % len(body), *lines, b"", body))


def exchange(response: bytes, provider: Callable[..., Provider] = CRYPTOFUSE) -> tuple[str, RawResponse]:
    """The headers of one token request, and the response as it was read."""
    requests, responses = list[bytes](), list[RawResponse]()

    def serve(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(response)

    with serve_raw(serve) as base_url, suppress(TokenError):  # the fields of the token are not these everywhere
        registration = registration_of(provider(base_url=base_url))
        request_token(
            registration,
            registration.credentials(),
            "plain",
            policy=RefreshPolicy(),
            transport=None,
            deadline=_clock.monotonic() + 10,
            observe=responses.append,
        )
    return requests[0].partition(b"\r\n\r\n")[0].decode(), responses[0]


def signed(authenticate: Callable[[UnsignedRequest], object], base_url: str) -> SpecProvider:
    """A client whose requests this function completes."""
    return SpecProvider(
        SIGNED,
        client_id="me",
        client_secret=CLIENT_SECRET,
        base_url=base_url,
        authenticate=authenticate,
        installation_id=7,
    )


def test_a_request_states_its_host_and_the_length_of_its_body() -> None:
    head, _ = exchange(respond())
    port = head.partition("Host: 127.0.0.1:")[2].split()[0]
    assert port.isdecimal()
    lines = [line.partition(":")[0] for line in head.splitlines()[1:]]
    assert lines[:4] == ["Host", "Content-Length", "Accept", "Accept-Encoding"]
    assert len(lines) == len({line.lower() for line in lines})


def test_a_post_without_a_body_states_its_length_too() -> None:
    head, _ = exchange(
        respond(), partial(Airwallex, client_id="me", client_secret=CLIENT_SECRET, environment="sandbox")
    )
    assert "Content-Length: 0" in head.splitlines()


def test_a_host_that_is_an_ipv6_address_is_in_brackets() -> None:
    assert _Address("https://[2001:db8::1]:8443/token").host == "[2001:db8::1]:8443"
    assert _Address("https://[2001:db8::1]:443/token").host == "[2001:db8::1]"
    assert _Address("https://[2001:db8::1]:8443/token").url.host == b"2001:db8::1"


def test_headers_of_one_name_are_joined_and_may_be_in_another_encoding() -> None:
    sent = respond(b"X-Two: a", b"x-two: b", "X-Utf: \u00e9".encode(), "X-Latin: \u00e9".encode("latin-1"))
    _, response = exchange(sent)
    assert response.headers["x-two"] == "a, b"
    assert (response.headers["x-utf"], response.headers["x-latin"]) == ("\u00e9", "\u00e9")


@pytest.mark.parametrize("place", ["path", "query", "query in the path"])
def test_no_address_that_holds_a_secret_is_kept(place: str) -> None:
    def sign(request: UnsignedRequest) -> None:
        if place == "query":
            request.query["signature"] = CLIENT_SECRET
        else:
            request.url += f"/{CLIENT_SECRET}" if place == "path" else f"?signature={CLIENT_SECRET}"

    exchange(respond())
    kept = _known_address.cache_info()
    line = exchange(respond(), partial(signed, sign))[0].splitlines()[0]
    assert CLIENT_SECRET in line
    assert _known_address.cache_info() == kept


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
@pytest.mark.parametrize("transport", [None, httpx.HTTPTransport], ids=["ours", "of the user"])
def test_a_dripping_response_ends_at_the_deadline(
    begin: bytes, transport: Callable[[], httpx.BaseTransport] | None
) -> None:
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
        transport() if transport else nullcontext() as theirs,
        pytest.raises(ProviderUnavailable, match="no complete response before the deadline"),
    ):
        Requester(base_url).token(0.6, theirs)


def test_a_connection_made_after_the_deadline_is_not_used(clock: Clock) -> None:
    class Stream:
        def get_extra_info(self, _name: str) -> None: ...

    connection = _Connection(
        httpx.MockTransport(lambda _: httpx.Response(200)),
        registration_of(make(Cryptofuse)),
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
