"""Answers: each bad one becomes the right error, without a secret in its text; odd but good ones become tokens."""

import dataclasses
import gzip
import html
import json
import re
import socket
import struct
import threading
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import quote, quote_plus

import httpx
import jwt
import pytest

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    InvalidClient,
    MalformedResponse,
    ProviderUnavailable,
    RateLimited,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    TokenError,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._providers import base
from paygrant._providers.base import Provider, registration_of
from paygrant._spec.description import Lifetime
from paygrant._spec.reader import endpoint_of
from tests.helpers.clock import Clock
from tests.helpers.providers import ARGUMENTS, CLIENT_ID, CLIENT_SECRET, GRANTED, ask, each_provider, make
from tests.helpers.servers import Reply, Server, granted, read_request, serve_raw

TOKEN = "canary-token-of-straw"
BASIC = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
A_MEGABYTE = 1 << 20
A_YEAR = 366 * 86400


def failure(kind: type[Provider], base_url: str, **options: Any) -> TokenError:
    """The error that a provider's answer leads to. Whichever it is: it says whose it is, and nothing secret."""
    provider = make(kind, base_url=base_url, client_secret=options.pop("client_secret", CLIENT_SECRET))
    with pytest.raises(TokenError) as caught:
        ask(provider, **options)
    error = caught.value
    registration = registration_of(provider)
    name, environment = registration.name, registration.environment
    assert (error.provider, error.environment) == (name, environment)
    text = str(error)
    where = f"{name} ({environment})" if environment else name
    assert text.startswith(f"{where}: status {error.status}, " if error.status else f"{where}: ")
    assert text.isprintable()
    assert len(text) < 1000
    for shown in (text, repr(error), *map(str, vars(error).values())):
        assert not [secret for secret in (CLIENT_ID, CLIENT_SECRET, BASIC, TOKEN) if secret in shown]
    return error


def lifetime(kind: type[Provider], base_url: str, clock: Clock) -> float | None:
    """The seconds that a token says it has left."""
    expires_at = ask(make(kind, base_url=base_url)).expires_at
    return None if expires_at is None else (expires_at - clock.wall()).total_seconds()


# Bodies that hold no token

PAGE = f"<!doctype html><title>{TOKEN}</title>".encode()
NO_TOKENS = {
    "an HTML page": Reply(PAGE, headers={"Content-Type": "text/html"}),
    "an HTML page that claims to be JSON": Reply(PAGE),
    "nothing": Reply(b""),
    "nothing, and it says so": Reply(b"", 204),
    "blanks": Reply(b" \r\n\t "),
    "cut JSON": Reply(f'{{"access_token": "{TOKEN}'.encode()),
    "two documents": Reply(json.dumps(granted(TOKEN).document).encode() * 2),
    "a list": Reply([granted(TOKEN).document]),
    "an empty list": Reply([]),
    "a text": Reply(TOKEN),
    "a number": Reply(7),
    "null": Reply(),
    "true": Reply(b"true"),
    "NaN": Reply(b"NaN"),
    "an empty object": Reply({}),
    "something else": Reply({"message": "it works"}),
    "another place": Reply({"data": granted(TOKEN).document}),
    "latin-1": Reply(f'{{"access_token": "{TOKEN}", "note": "\xe9"}}'.encode("latin-1")),
    "a truncated UTF-8 sequence": Reply(b'{"access_token": "\xc3"}'),
    "gzip that is none": Reply(granted(TOKEN).document, headers={"Content-Encoding": "gzip"}),
    "deflate that is none": Reply(granted(TOKEN).document, headers={"Content-Encoding": "deflate"}),
    "an unknown encoding": Reply(b"\x1b\x0b\x00\xf8", headers={"Content-Encoding": "br"}),
    "a form": Reply(f"access_token={TOKEN}&token_type=bearer".encode()),
    "100,000 nested lists": Reply(b"[" * 100_000),
    "100,000 nested objects": Reply(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a number of 5,000 digits": Reply(b'{"access_token": ' + b"9" * 5000 + b"}"),
}


@each_provider
@pytest.mark.parametrize("reply", NO_TOKENS.values(), ids=NO_TOKENS)
def test_a_body_without_a_token_is_malformed(kind: type[Provider], reply: Reply, server: Server) -> None:
    server.reply = reply
    error = failure(kind, server.base_url)
    assert type(error) is MalformedResponse
    assert (error.status, error.retryable) == (reply.status, False)
    assert len(server.seen) == 1


NOT_TOKENS = {
    "null": None,
    "empty": "",
    "a number": 12345678,
    "a boolean": True,
    "a list": [TOKEN],
    "an object": {"value": TOKEN},
    "with a line break": f"{TOKEN}\nX-Injected: 1",
    "with a line break at its end": f"{TOKEN}\n",
    "with a carriage return": f"{TOKEN}\r",
    "with a tab": f"{TOKEN}\t",
    "with a NUL": f"{TOKEN}\0",
    "with a DEL": f"{TOKEN}\x7f",
    "with a space": f"{TOKEN} more",
    "with a space before": f" {TOKEN}",
    "with an accent": f"{TOKEN}é",
    "with half a character": f"{TOKEN}\ud800",
    "with letters that look alike": f"{TOKEN}\uff21",
}


@each_provider
@pytest.mark.parametrize("token", NOT_TOKENS.values(), ids=NOT_TOKENS)
def test_a_token_that_no_header_can_carry_is_malformed(kind: type[Provider], token: object, server: Server) -> None:
    server.reply = Reply(GRANTED[kind](token))
    error = failure(kind, server.base_url)
    assert type(error) is MalformedResponse
    assert error.status == 200
    can_be_read = isinstance(token, str) and token
    fault = "the token holds characters that a header cannot carry" if can_be_read else "the response holds no token"
    assert str(error).endswith(f"status 200, {fault}")


@each_provider
@pytest.mark.parametrize("token_type", ["mac", "DPoP", "N_A", "Bearer token", "", 7, ["Bearer"], {"type": "Bearer"}])
def test_a_token_of_another_type_is_malformed(kind: type[Provider], token_type: object, server: Server) -> None:
    document = GRANTED[kind](TOKEN)
    server.reply = Reply({**document, **dict.fromkeys(document.keys() & {"token_type", "tokenType"}, token_type)})
    error = failure(kind, server.base_url)
    assert type(error) is MalformedResponse
    assert f"expected a Bearer token, but its type is {str(token_type)!r}" in str(error)


def test_a_token_type_that_holds_the_secret_is_cut(server: Server) -> None:
    server.reply = granted(TOKEN, token_type=f"for {CLIENT_SECRET}\x1b[2J")
    assert str(failure(Cryptofuse, server.base_url)).endswith("expected a Bearer token, but its type is 'for[cut]'")


def test_of_a_key_that_stands_twice_the_last_counts_in_token_and_response_alike(server: Server) -> None:
    server.reply = Reply(b'{"access_token": "first", "access_token": "second", "expires_in": 1, "expires_in": 3600}')
    token = ask(make(Cryptofuse, base_url=server.base_url))
    assert token.access_token == token.response.access_token == "second"
    assert token.response.expires_in == 3600


# Bodies that are too long


def test_a_body_of_30_megabytes_is_not_read_on() -> None:
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
def test_a_body_may_be_a_mebibyte_long(surplus: int, fault: str | None, server: Server) -> None:
    body = json.dumps(granted().document).encode()
    server.reply = Reply(body + b" " * (A_MEGABYTE - len(body) + surplus))
    if fault:
        assert fault in str(failure(Cryptofuse, server.base_url))
    else:
        assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "token-1"


def test_a_body_that_never_ends_is_not_read_on() -> None:
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
def test_a_small_body_that_unpacks_to_a_large_one_is_not_unpacked_on(
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
def test_a_long_page_beside_an_error_status_does_not_hide_the_status(
    status: int, expected: type[TokenError], server: Server
) -> None:
    server.reply = Reply(b"<p>" * A_MEGABYTE, status)
    error = failure(Cryptofuse, server.base_url)
    assert (type(error), error.status) == (expected, status)


# Connections that fail


def reset(connection: socket.socket) -> None:
    """Hang up in a way that the other side takes for an error rather than an end."""
    read_request(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def sending(answer: bytes) -> Callable[[socket.socket], object]:
    """Sends this and hangs up."""

    def script(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(answer)

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
def test_a_connection_that_breaks_means_unavailable(script: Callable[[socket.socket], object]) -> None:
    with serve_raw(script) as base_url:
        error = failure(Ripple, base_url)
    assert type(error) is ProviderUnavailable
    assert (error.status, error.retryable, error.attempts) == (None, True, 1)


@each_provider
def test_a_port_where_nobody_listens_means_unavailable(kind: type[Provider]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    error = failure(kind, f"http://127.0.0.1:{port}")
    assert type(error) is ProviderUnavailable
    assert "ConnectError" in str(error)
    assert (error.status, error.retryable) == (None, True)


def test_tls_to_a_plain_port_means_unavailable(server: Server) -> None:
    error = failure(Ripple, server.base_url.replace("http://", "https://"))
    assert type(error) is ProviderUnavailable
    assert "SSL" in str(error)
    assert server.seen == []


@pytest.mark.parametrize("host", ["nowhere.invalid", f"{'a' * 64}.example", "..", "-"])
def test_an_unknown_host_means_unavailable(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RES_OPTIONS", "attempts:1 timeout:1")  # where there is no name server, it is not awaited long
    error = failure(Cryptofuse, f"https://{host}")
    assert type(error) is ProviderUnavailable
    assert error.retryable


# Statuses

STATUSES: Mapping[int, type[TokenError]] = {
    400: TokenRequestRejected,
    401: InvalidClient,
    404: TokenRequestRejected,
    405: TokenRequestRejected,
    408: ProviderUnavailable,
    415: TokenRequestRejected,
    418: TokenRequestRejected,
    429: RateLimited,
    499: TokenRequestRejected,
    500: ProviderUnavailable,
    502: ProviderUnavailable,
    503: ProviderUnavailable,
    504: ProviderUnavailable,
    599: ProviderUnavailable,
    600: ProviderUnavailable,
    999: ProviderUnavailable,
}
BODIES = {
    "nothing": b"",
    "a page": PAGE,
    "a token all the same": json.dumps(granted(TOKEN).document).encode(),
    "latin-1": b'{"error_description": "\xe9"}',
    "odd words": {"error": {"code": 7}, "error_description": ["a", "b"], "message": None},
}


@each_provider
@pytest.mark.parametrize(("status", "expected"), STATUSES.items())
def test_a_status_tells_what_went_wrong(
    kind: type[Provider], status: int, expected: type[TokenError], server: Server
) -> None:
    server.reply = Reply({"error": "some_code", "error_description": "Some text", "message": "Some text"}, status)
    error = failure(kind, server.base_url)
    assert (type(error), error.status) == (expected, status)
    assert error.retryable == (expected in {RateLimited, ProviderUnavailable})
    assert "some_code: Some text" in str(error)
    if isinstance(error, TokenRequestRejected):
        assert (error.error, error.error_description) == ("some_code", "Some text")
    assert len(server.seen) == 1


@pytest.mark.parametrize(("status", "expected"), STATUSES.items())
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_status_counts_whatever_the_body_is(
    status: int, expected: type[TokenError], body: Any, server: Server
) -> None:
    server.reply = Reply(body, status)
    error = failure(Cryptofuse, server.base_url)
    assert (type(error), error.status) == (expected, status)
    if isinstance(error, TokenRequestRejected):
        assert (error.error, error.error_description) == (None, None)


FORBIDDEN: dict[type[Provider], type[TokenError]] = {
    RipioRamp: TokenRequestRejected,
    RipioWidget: InvalidClient,
    Ripple: TokenRequestRejected,
    AlternativePayments: InvalidClient,
    Cryptofuse: TokenRequestRejected,
}


@pytest.mark.parametrize(("kind", "expected"), FORBIDDEN.items())
def test_a_403_means_wrong_credentials_where_the_provider_says_so(
    kind: type[Provider], expected: type[TokenError], server: Server
) -> None:
    server.reply = Reply({"credentials": "are wrong"}, 403)
    assert type(failure(kind, server.base_url)) is expected


REFUSALS: list[tuple[type[Provider], int, dict[str, Any], type[TokenError]]] = [
    (RipioRamp, 401, {"error": "invalid_client"}, InvalidClient),
    (RipioRamp, 400, {"error": "unsupported_grant_type"}, TokenRequestRejected),
    (RipioWidget, 200, {"succeed": False}, InvalidClient),
    (RipioWidget, 200, {"succeed": False, "token": TOKEN}, InvalidClient),
    (RipioWidget, 200, {"succeed": "false", "token": TOKEN}, TokenRequestRejected),
    (RipioWidget, 200, {"succeed": 0, "token": TOKEN}, TokenRequestRejected),
    (RipioWidget, 200, {"succeed": 1, "token": TOKEN}, TokenRequestRejected),
    (Ripple, 400, {"error": "access_denied", "error_description": "Unauthorized"}, InvalidClient),
    (Ripple, 400, {"error": "unauthorized_client"}, InvalidClient),
    (Ripple, 400, {"error": "invalid_request", "error_description": "No audience"}, TokenRequestRejected),
    (AlternativePayments, 403, {"error": "invalid credentials"}, InvalidClient),
    (AlternativePayments, 400, {"message": "no such grant"}, TokenRequestRejected),
    (Cryptofuse, 401, {"error": "invalid_client"}, InvalidClient),
    (Cryptofuse, 400, {"error": "invalid_client"}, InvalidClient),
    (Cryptofuse, 200, {"error": "invalid_client"}, InvalidClient),
    (Cryptofuse, 200, {"error": "invalid_scope"}, TokenRequestRejected),
    (Cryptofuse, 400, {"error": "invalid_scope", "error_description": "Not that one"}, TokenRequestRejected),
    (Cryptofuse, 400, {"error": "unauthorized_client"}, TokenRequestRejected),
]


@pytest.mark.parametrize(("kind", "status", "document", "expected"), REFUSALS)
def test_a_refusal_is_known_by_the_providers_own_signs(
    kind: type[Provider], status: int, document: dict[str, Any], expected: type[TokenError], server: Server
) -> None:
    server.reply = Reply(document, status)
    error = failure(kind, server.base_url)
    assert type(error) is expected
    assert isinstance(error, TokenRequestRejected)
    assert (error.status, error.retryable) == (status, False)
    assert error.error == document.get("error")
    assert error.error_description == document.get("error_description", document.get("message"))


@pytest.mark.parametrize("succeed", [{}, {"succeed": None}, {"succeed": True}])
def test_the_widget_has_to_deny_its_success_to_be_refused(succeed: dict[str, Any], server: Server) -> None:
    server.reply = Reply({"token": "the-token", **succeed})
    assert ask(make(RipioWidget, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize("status", [201, 202, 203, 226, 299])
def test_any_success_may_bring_a_token(status: int, server: Server) -> None:
    server.reply = Reply(granted("the-token").document, status)
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize("status", [300, 304, 305, 399])
def test_any_status_between_success_and_error_is_malformed(status: int, server: Server) -> None:
    server.reply = Reply(b"", status)
    error = failure(Cryptofuse, server.base_url)
    assert type(error) is MalformedResponse
    assert "a redirect to" in str(error)


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
def test_a_429_tells_how_long_to_wait_by_the_servers_own_clock(
    header: str, seconds: float | None, server: Server, clock: Clock
) -> None:
    clock.offset = timedelta(days=1)
    server.reply = Reply({}, 429, {"Retry-After": header, "Date": format_datetime(NOON, usegmt=True)})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


# A server's own words

AWKWARD = "s% :+/é&=\"'<>\\-of-straw"
ECHOES: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "in capitals": str.upper,
    "percent-encoded, as in a path": quote,
    "percent-encoded": lambda text: quote(text, safe=""),
    "percent-encoded in small letters": lambda text: re.sub("%..", lambda code: code[0].lower(), quote(text, safe="")),
    "percent-encoded by JavaScript": lambda text: quote(text, safe="!~*'()"),
    "as a form": quote_plus,
    "as HTML": html.escape,
    "as JSON": json.dumps,
    "percent-encoded twice": lambda text: quote(quote(text, safe=""), safe=""),
    "as JSON by PHP": lambda text: json.dumps(text).replace("/", "\\/"),
    "as base64": lambda text: b64encode(text.encode()).decode(),
    "in hex": lambda text: text.encode().hex(),
    "in UTF-16": lambda text: text.encode("utf-16-le").decode("latin-1"),
    "as Basic": lambda text: b64encode(f"{CLIENT_ID}:{text}".encode()).decode(),
}


@pytest.mark.parametrize("echo", ECHOES.values(), ids=ECHOES)
@pytest.mark.parametrize("place", ["error", "error_description"])
@pytest.mark.parametrize("secret", [CLIENT_SECRET, AWKWARD, "ab-1"])
def test_a_servers_words_are_cut_where_they_echo_the_secret(
    echo: Callable[[str], str], place: str, secret: str, server: Server
) -> None:
    server.reply = Reply({place: f"refused: {echo(secret)} is wrong"}, 400)
    error = failure(Cryptofuse, server.base_url, client_secret=secret)
    assert isinstance(error, TokenRequestRejected)
    words = getattr(error, place)
    assert re.fullmatch(r'refused: ?"?\[cut\]', words)
    assert str(error).endswith(words)


@pytest.mark.parametrize("status", [400, 401, 403, 408, 429, 500])
def test_words_are_cut_beside_any_status(status: int, server: Server) -> None:
    server.reply = Reply({"message": f"no such client: {CLIENT_ID} ({CLIENT_SECRET})"}, status)
    error = failure(AlternativePayments, server.base_url)
    attempts = " (attempts: 1)" if isinstance(error, ProviderUnavailable) else ""
    assert str(error).endswith(f"no such client:[cut]{attempts}")


def test_a_short_id_does_not_cut_the_words_that_happen_to_hold_it(server: Server) -> None:
    server.reply = Reply({"error": "invalid_client", "error_description": "who is id?"}, 401)
    with pytest.raises(InvalidClient, match=r"invalid_client: who is\[cut\]$"):
        ask(make(Cryptofuse, base_url=server.base_url, client_id="id"))


def test_control_characters_are_taken_out_of_words(server: Server) -> None:
    words = "\x1b[31mred\x1b[0m\r\nSet-Cookie: a\0\tb\x85\u2028c\u202ed\ud800 \x7f"
    server.reply = Reply({"error": "e\nf", "error_description": words}, 400)
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error == "e f"
    assert error.error_description == "[31mred [0m Set-Cookie: a b c d"


@pytest.mark.parametrize("ends", ["", CLIENT_SECRET])
def test_long_words_are_cut(ends: str, server: Server) -> None:
    server.reply = Reply({"error": "x" * 10_000, "error_description": "y" * 295 + ends + "y" * 10_000}, 400)
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error == "x" * 300 + "[cut]"
    assert error.error_description == "y" * (295 if ends else 300) + "[cut]"


def test_an_address_that_a_redirect_names_is_printable_and_short(server: Server) -> None:
    server.reply = Reply({}, 302, {"Location": "https://elsewhere.example/" + "x" * 10_000})
    assert "https://elsewhere.example/xxx" in str(failure(Cryptofuse, server.base_url))


# Odd but good

ODD: list[tuple[type[Provider], dict[str, Any]]] = [
    (Cryptofuse, {"access_token": "the-token", "expires_in": "3600"}),
    (Cryptofuse, {"access_token": "the-token", "expires_in": 3600.0}),
    (Cryptofuse, {"access_token": "the-token", "token_type": "BEARER", "expires_in": 3600}),
    (Cryptofuse, {"access_token": "the-token", "token_type": "bearer", "expires_in": 3600}),
    (Cryptofuse, {"access_token": "the-token", "token_type": None, "expires_in": 3600}),
    (Cryptofuse, {"access_token": "the-token", "expires_in": 3600, "refresh_token": "r", "extra": {"a": [1]}}),
    (Cryptofuse, {"access_token": "the-token", "expires_in": 3600, "error": None}),
    (Cryptofuse, {"access_token": "the-token", "expires_in": 3600, "error": ""}),
    (Cryptofuse, {"access_token": "the-token", "expires_in": 3600, "error": "no_error"}),
    (RipioRamp, {"accessToken": "the-token", "expiresIn": 3600, "tokenType": "Bearer"}),
    (RipioRamp, {"access_token": "the-token", "expires_in": 3600, "token_type": "Bearer"}),
    (RipioRamp, {"access_token": "the-token", "expires_in": "3600", "token_type": "bearer"}),
]


@pytest.mark.parametrize(("kind", "document"), ODD)
def test_an_odd_answer_with_a_good_token_is_good(
    kind: type[Provider], document: dict[str, Any], server: Server
) -> None:
    server.reply = Reply(document)
    token = ask(make(kind, base_url=server.base_url))
    assert (token.access_token, token.token_type) == ("the-token", "Bearer")
    assert token.authorization == "Bearer the-token"
    assert token.expires_at


ODD_BODIES: dict[str, Callable[[str], bytes]] = {
    "a byte order mark": lambda text: text.encode("utf-8-sig"),
    "UTF-16": lambda text: text.encode("utf-16"),
    "blanks around": lambda text: f" \r\n{text}\n".encode(),
}


@pytest.mark.parametrize("encode", ODD_BODIES.values(), ids=ODD_BODIES)
def test_an_odd_body_with_a_good_token_is_good(encode: Callable[[str], bytes], server: Server) -> None:
    server.reply = Reply(encode(json.dumps(granted("the-token").document)))
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize("content_type", ["text/plain", "text/html; charset=latin-1", "application/jwt", ""])
def test_the_content_type_does_not_matter(content_type: str, server: Server) -> None:
    server.reply = Reply(granted("the-token").document, headers={"Content-Type": content_type})
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
def test_a_body_that_is_packed_unasked_is_unpacked(coding: str, pack: Callable[[bytes], bytes], server: Server) -> None:
    server.reply = Reply(pack(json.dumps(granted("the-token").document).encode()), headers={"Content-Encoding": coding})
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize("token", ["~", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "a.b.c", "x" * 100_000])
def test_a_tokens_form_and_length_are_the_providers_business(token: str, server: Server) -> None:
    server.reply = granted(token)
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == token


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"scope": "read"}, ("read",)),
        ({"scope": "read  write "}, ("read", "write")),
        ({"scope": ["read", "write"]}, ("read", "write")),
        ({}, ("admin", "write")),
        ({"scope": None}, ("admin", "write")),
        ({"scope": ""}, ("admin", "write")),
        ({"scope": {"read": True}}, ()),
        ({"scope": 7}, ()),
    ],
)
def test_a_scope_that_is_not_told_is_the_one_that_was_asked_for(
    scope: dict[str, Any], expected: tuple[str, ...], server: Server
) -> None:
    server.reply = granted(**scope)
    assert ask(make(Cryptofuse, base_url=server.base_url, scope="admin write")).scope == expected


# Lifetimes in seconds


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        (3600, 3600),
        (1, 1),
        (0.5, 0.5),
        ("3600", 3600),
        ("3600.5", 3600.5),
        (3600.5, 3600.5),
        (A_YEAR, A_YEAR),
        (A_YEAR + 1, A_YEAR),
        (10**12, A_YEAR),
        (1e308, A_YEAR),
        ("1e308", A_YEAR),
        (None, None),
        (True, None),
        ("", None),
        ("an hour", None),
        ("PT1H", None),
        ("NaN", None),
        ("Infinity", None),
        (float("nan"), None),
        (float("inf"), None),
        (float("-inf"), None),
        (10**4000, None),
        ("9" * 5000, None),
        ([3600], None),
        ({"seconds": 3600}, None),
    ],
)
def test_a_lifetime_is_a_number_of_seconds_and_else_the_policys(
    stated: object, seconds: float | None, server: Server, clock: Clock
) -> None:
    server.reply = lambda _: granted(f"token-{len(server.seen)}", stated)
    source = TokenSource(make(Cryptofuse, base_url=server.base_url), policy=RefreshPolicy(default_lifetime=200))
    token = source.get()
    assert token.expires_at == (None if seconds is None else clock.wall() + timedelta(seconds=seconds))
    used_for = 200 if seconds is None else seconds
    clock.pass_by(used_for - min(30, used_for / 10) - 0.01)
    assert source.get() is token
    clock.pass_by(0.02)
    assert source.get().access_token == "token-2"


@each_provider
def test_a_documented_answer_gives_the_documented_lifetime(kind: type[Provider], server: Server, clock: Clock) -> None:
    documented: dict[type[Provider], float | None]
    documented = {RipioRamp: 36000, RipioWidget: None, Ripple: 3600, AlternativePayments: 3600, Cryptofuse: 36000}
    server.reply = Reply(GRANTED[kind]("the-token"))
    assert lifetime(kind, server.base_url, clock) == documented[kind]
    assert documented.keys() == ARGUMENTS.keys()


@pytest.mark.parametrize("stated", [0, -1, -3600, "0", "-1", -0.5, -1e308])
def test_a_token_that_is_over_already_is_malformed(stated: object, server: Server) -> None:
    server.reply = granted(TOKEN, stated)
    error = failure(Cryptofuse, server.base_url)
    assert type(error) is MalformedResponse
    assert "the token has already expired" in str(error)


def test_a_lifetime_that_makes_no_sense_leaves_the_next_place_to_tell(server: Server, clock: Clock) -> None:
    server.reply = Reply({"accessToken": "the-token", "expiresIn": "soon", "expires_in": 60})
    assert lifetime(RipioRamp, server.base_url, clock) == 60


# Lifetimes in the token itself


def signed(**claims: object) -> str:
    return jwt.encode(claims, "a key of straw that is thirty-two bytes or more", algorithm="HS256")


def widget(token: str, date: str = format_datetime(NOON, usegmt=True)) -> Reply:
    return Reply({"succeed": True, "token": token, "token_type": "bearer"}, headers={"Date": date})


@pytest.mark.parametrize("days", [-1, 0, 1])
@pytest.mark.parametrize(
    ("exp", "seconds"),
    [
        (NOON.timestamp() + 900, 900),
        (int(NOON.timestamp()) + 900, 900),
        (str(int(NOON.timestamp()) + 900), 900),
        (NOON.timestamp() + 0.5, 0.5),
        (10**11, A_YEAR),
    ],
)
def test_a_jwts_end_is_read_by_the_servers_clock(
    exp: object, seconds: float, days: float, server: Server, clock: Clock
) -> None:
    clock.offset = NOON + timedelta(days=days) - clock.wall()
    server.reply = widget(signed(exp=exp))
    assert lifetime(RipioWidget, server.base_url, clock) == pytest.approx(seconds)


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 99 Nov 2026 12:00:00 GMT"])
def test_where_the_server_does_not_tell_the_time_our_own_clock_counts(date: str, server: Server, clock: Clock) -> None:
    server.reply = widget(signed(exp=clock.wall().timestamp() + 900), date)
    assert lifetime(RipioWidget, server.base_url, clock) == pytest.approx(900)


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b.c",
        "...",
        signed(sub="user"),
        signed(exp=None),
        signed(exp=[1]),
        signed(exp="later"),
        signed(exp=1e300),
        signed(exp=float("nan")),
        f"{signed().partition('.')[0]}.{b64encode(b'[' * 90_000).decode()}.c2ln",
    ],
)
def test_a_token_that_does_not_tell_its_end_lives_as_long_as_the_policy_says(
    token: str, server: Server, clock: Clock
) -> None:
    server.reply = lambda _: widget(token)
    policy = RefreshPolicy(default_lifetime=100, refresh_fraction=1, refresh_before=0)  # not ahead of time
    source = TokenSource(make(RipioWidget, base_url=server.base_url), policy=policy)
    assert source.get().expires_at is None
    clock.pass_by(89)
    source.get()
    assert len(server.seen) == 1
    clock.pass_by(2)
    source.get()
    assert len(server.seen) == 2


@pytest.mark.parametrize("seconds", [0, -1, -86400])
def test_a_jwt_that_is_over_already_is_malformed(seconds: float, server: Server) -> None:
    server.reply = widget(signed(exp=NOON.timestamp() + seconds))
    error = failure(RipioWidget, server.base_url)
    assert type(error) is MalformedResponse
    assert "the token has already expired" in str(error)


# Lifetimes as a moment, which none of the five tells so far


@pytest.fixture
def with_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change Ripple's description: a response has the moment at which the token ends."""
    ripple = endpoint_of("paygrant_clients.ripple")
    response = dataclasses.replace(ripple.response, lifetime=(Lifetime("moment", "/expires_at"),))
    changed = {"paygrant_clients.ripple": dataclasses.replace(ripple, response=response)}
    monkeypatch.setattr(base, "endpoint_of", changed.__getitem__)


@pytest.mark.usefixtures("with_moments")
@pytest.mark.parametrize("days", [-1, 1])
@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-11-21T12:15:00Z", 900),
        ("2026-11-21T12:15:00+00:00", 900),
        ("2026-11-21T09:15:00-03:00", 900),
        ("2026-11-21T12:15:00.500Z", 900.5),
        ("2026-11-21T12:15:00", 900),
        ("2026-11-21 12:15:00Z", 900),
        ("20261121T121500Z", 900),
        ("2026-11-21T12:15:00.123456789Z", 900.123456),
        ("Sat, 21 Nov 2026 12:15:00 GMT", 900),
        ("Sat, 21 Nov 2026 12:15:00 +0000", 900),
        ("21 Nov 2026 12:15 UTC", 900),
        ("Nov 21 2026 12:15 PM", 900),
        ("2999-01-01T00:00:00Z", A_YEAR),
        ("", None),
        ("soon", None),
        ("2026-13-45T12:15:00Z", None),
        ("9" * 5000, None),
        ("x" * 100_000, None),
        ("\ud800", None),
        (1795263300, None),
        (True, None),
        (["2026-11-21T12:15:00Z"], None),
    ],
)
def test_a_moment_is_read_by_the_servers_clock(
    moment: object, seconds: float | None, days: float, server: Server, clock: Clock
) -> None:
    clock.offset = NOON + timedelta(days=days) - clock.wall()
    document = {"access_token": "the-token", "expires_at": moment}
    server.reply = Reply(document, headers={"Date": format_datetime(NOON, usegmt=True)})
    assert lifetime(Ripple, server.base_url, clock) == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.usefixtures("with_moments")
@pytest.mark.parametrize("moment", ["2026-11-21T12:00:00Z", "2026-11-21T11:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_moment_that_is_over_already_is_malformed(moment: str, server: Server) -> None:
    document = {"access_token": TOKEN, "expires_at": moment}
    server.reply = Reply(document, headers={"Date": format_datetime(NOON, usegmt=True)})
    assert "the token has already expired" in str(failure(Ripple, server.base_url))


def test_a_redirect_to_no_address_is_told_as_it_is(server: Server) -> None:
    server.reply = Reply({}, 302, {"Location": "http://["})
    with pytest.raises(MalformedResponse, match=r"a redirect to http://\[, which is not followed"):
        ask(make(Cryptofuse, base_url=server.base_url))
