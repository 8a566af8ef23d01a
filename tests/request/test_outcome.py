"""Bad responses become the right errors, without a secret in their text. Unusual but good ones become tokens."""

import gc
import gzip
import html
import json
import re
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    InvalidClient,
    MalformedResponse,
    ProviderUnavailable,
    RateLimited,
    RipioRamp,
    RipioWidget,
    Ripple,
    SpecProvider,
    TokenError,
    TokenRequestRejected,
)
from paygrant._providers.base import Provider, registration_of
from tests.helpers.failures import TOKEN, failure
from tests.helpers.providers import CLIENT_ID, CLIENT_SECRET, GRANTED, ask, each_provider, make
from tests.helpers.servers import Reply, Server, granted
from tests.helpers.short import SHORTEST, written

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
    "a truncated UTF-8 sequence": Reply(b'{"access_token": "\xc3"}'),
    "not really gzip": Reply(granted(TOKEN).document, headers={"Content-Encoding": "gzip"}),
    "not really deflate": Reply(granted(TOKEN).document, headers={"Content-Encoding": "deflate"}),
    "an unknown encoding": Reply(b"\x1b\x0b\x00\xf8", headers={"Content-Encoding": "br"}),
    "a form": Reply(f"access_token={TOKEN}&token_type=bearer".encode()),
    "100,000 nested lists": Reply(b"[" * 100_000),
    "100,000 nested objects": Reply(b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a number of 5,000 digits": Reply(b'{"access_token": ' + b"9" * 5000 + b"}"),
}


@pytest.fixture
def without_collection() -> Iterator[None]:
    """No garbage is collected. In the middle of a deep recursion, other tests' finalizers would have no room to run."""
    gc.disable()
    yield
    gc.enable()


@pytest.mark.usefixtures("without_collection")
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
@pytest.mark.parametrize("token_type", ["mac", "MacToken", "PoP", "DPoP", "N_A", "Basic", "pop_token", ["MAC"]])
def test_a_token_of_another_type_is_malformed(kind: type[Provider], token_type: object, server: Server) -> None:
    document = GRANTED[kind](TOKEN)
    server.reply = Reply({**document, **dict.fromkeys(document.keys() & {"token_type", "tokenType"}, token_type)})
    error = failure(kind, server.base_url)
    assert type(error) is MalformedResponse
    assert f"expected a Bearer token, but its type is {str(token_type)!r}" in str(error)


def test_a_token_type_that_holds_the_secret_is_cut(server: Server) -> None:
    server.reply = granted(TOKEN, token_type=f"{CLIENT_SECRET}\x1b[2J:DPoP")
    assert str(failure(Cryptofuse, server.base_url)).endswith("expected a Bearer token, but its type is '[cut]'")


@each_provider
@pytest.mark.parametrize(
    "token_type",
    [
        *(
            "BearerToken",
            "bearer_token",
            "Bearer ",
            "Bearer token",
            "bearer-access-token",
            "urn:acme:token-type:Bearer",
        ),
        *("", "JWT", "access_token", "Acme", "none", 7, True, ["Bearer"], {"type": "Bearer"}),
    ],
)
def test_a_token_whose_type_names_no_other_scheme_is_a_bearer_token(
    kind: type[Provider], token_type: object, server: Server
) -> None:
    document = GRANTED[kind](TOKEN)
    server.reply = Reply({**document, **dict.fromkeys(document.keys() & {"token_type", "tokenType"}, token_type)})
    token = ask(make(kind, base_url=server.base_url))
    assert (token.access_token, token.token_type) == (TOKEN, registration_of(make(kind)).endpoint.token_use.prefix)


@pytest.mark.parametrize(("token_type", "is_taken"), [("mac", True), ("Bearer", True), ("hmac", False)])
def test_a_token_may_have_the_scheme_by_which_the_provider_uses_it(
    token_type: str, server: Server, tmp_path: Path, *, is_taken: bool
) -> None:
    spec = f"{SHORTEST.strip()[:-1]}, token_use: {{header: Authorization, prefix: MAC}}}}"
    provider = SpecProvider(
        written(tmp_path, spec), client_id=CLIENT_ID, client_secret=CLIENT_SECRET, base_url=server.base_url
    )
    server.reply = granted(TOKEN, token_type=token_type)
    if is_taken:
        assert ask(provider).authorization == f"MAC {TOKEN}"
    else:
        with pytest.raises(MalformedResponse, match="its type is 'hmac'"):
            ask(provider)


def test_the_last_of_two_equal_json_keys_counts(server: Server) -> None:
    server.reply = Reply(b'{"access_token": "first", "access_token": "second", "expires_in": 1, "expires_in": 3600}')
    token = ask(make(Cryptofuse, base_url=server.base_url))
    assert token.access_token == token.response.access_token == "second"
    assert token.response.expires_in == 3600


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
    "cut JSON in Latin-1": b'{"error_description": "\xe9',
    "odd words": {"error": {"code": 7}, "error_description": ["a", "b"], "message": None},
}


@each_provider
@pytest.mark.parametrize(("status", "expected"), STATUSES.items())
def test_each_status_raises_its_error(
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
def test_a_status_decides_whatever_the_body_is(
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
def test_a_403_raises_invalid_client_if_the_spec_says_so(
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
def test_a_refusal_is_recognized_as_the_spec_describes_it(
    kind: type[Provider], status: int, document: dict[str, Any], expected: type[TokenError], server: Server
) -> None:
    server.reply = Reply(document, status)
    error = failure(kind, server.base_url)
    assert type(error) is expected
    assert isinstance(error, TokenRequestRejected)
    assert (error.status, error.retryable) == (status, False)
    assert error.error == document.get("error")
    assert error.error_description == document.get("error_description", document.get("message"))


@pytest.mark.parametrize(
    ("stated", "shown"), [(40013, "40013"), (4.5, "4.5"), (0, "0"), (True, None), (False, None), ("", None), ([], None)]
)
def test_a_number_is_a_code_and_a_text_but_a_boolean_is_neither(
    stated: object, shown: str | None, server: Server
) -> None:
    server.reply = Reply({"error": stated, "error_description": stated}, 400)
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert (error.error, error.error_description) == (shown, shown)


@pytest.mark.parametrize("succeed", [{}, {"succeed": None}, {"succeed": True}])
def test_the_widget_is_refused_only_if_its_success_field_says_so(succeed: dict[str, Any], server: Server) -> None:
    server.reply = Reply({"token": "the-token", **succeed})
    assert ask(make(RipioWidget, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize("status", [201, 202, 203, 226, 299])
def test_any_status_of_success_may_bring_a_token(status: int, server: Server) -> None:
    server.reply = Reply(granted("the-token").document, status)
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize("status", [300, 304, 305, 399])
def test_any_status_between_success_and_error_is_malformed(status: int, server: Server) -> None:
    server.reply = Reply(b"", status)
    error = failure(Cryptofuse, server.base_url)
    assert type(error) is MalformedResponse
    assert "a redirect to" in str(error)


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
def test_a_servers_text_is_cut_at_an_echo_of_the_secret(
    echo: Callable[[str], str], place: str, secret: str, server: Server
) -> None:
    server.reply = Reply({place: f"refused: {echo(secret)} is wrong"}, 400)
    error = failure(Cryptofuse, server.base_url, client_secret=secret)
    assert isinstance(error, TokenRequestRejected)
    words = getattr(error, place)
    assert re.fullmatch(r'refused: ?"?\[cut\]', words)
    assert str(error).endswith(words)


@pytest.mark.parametrize("status", [400, 401, 403, 408, 429, 500])
def test_a_servers_text_is_cut_for_any_status(status: int, server: Server) -> None:
    server.reply = Reply({"message": f"no such client: {CLIENT_ID} ({CLIENT_SECRET})"}, status)
    error = failure(AlternativePayments, server.base_url)
    attempts = " (attempts: 1)" if isinstance(error, ProviderUnavailable) else ""
    assert str(error).endswith(f"no such client:[cut]{attempts}")


def test_a_short_id_does_not_cut_longer_words(server: Server) -> None:
    server.reply = Reply({"error": "invalid_client", "error_description": "who is id?"}, 401)
    with pytest.raises(InvalidClient, match=r"invalid_client: who is\[cut\]$"):
        ask(make(Cryptofuse, base_url=server.base_url, client_id="id"))


def test_control_characters_are_removed_from_a_servers_text(server: Server) -> None:
    words = "\x1b[31mred\x1b[0m\r\nSet-Cookie: a\0\tb\x85\u2028c\u202ed\ud800 \x7f"
    server.reply = Reply({"error": "e\nf", "error_description": words}, 400)
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error == "e f"
    assert error.error_description == "[31mred [0m Set-Cookie: a b c d"


@pytest.mark.parametrize("ends", ["", CLIENT_SECRET])
def test_a_long_text_of_a_server_is_shortened(ends: str, server: Server) -> None:
    server.reply = Reply({"error": "x" * 10_000, "error_description": "y" * 295 + ends + "y" * 10_000}, 400)
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error == "x" * 300 + "[cut]"
    assert error.error_description == "y" * (295 if ends else 300) + "[cut]"


def test_the_target_of_a_redirect_is_shown_printable_and_short(server: Server) -> None:
    server.reply = Reply({}, 302, {"Location": "https://elsewhere.example/" + "x" * 10_000})
    assert "https://elsewhere.example/xxx" in str(failure(Cryptofuse, server.base_url))


# Odd but good

ODD: list[tuple[type[Provider], dict[str, Any]]] = [
    (Cryptofuse, {"access_token": "the-token", "expires_in": "3600"}),
    (Cryptofuse, {"access_token": "the-token", "token_type": "BearerToken", "expires_in": "1799"}),
    (RipioRamp, {"access_token": "the-token", "token_type": "bearer_token", "expires_in": " 1799.0 "}),
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
def test_an_unusual_response_with_a_good_token_gives_the_token(
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
    "Latin-1": lambda text: text.replace("{", '{"note": "Müller", ', 1).encode("latin-1"),
    "blanks around": lambda text: f" \r\n{text}\n".encode(),
}


@pytest.mark.parametrize("encode", ODD_BODIES.values(), ids=ODD_BODIES)
def test_an_unusual_encoding_of_a_body_gives_the_token(encode: Callable[[str], bytes], server: Server) -> None:
    server.reply = Reply(encode(json.dumps(granted("the-token").document)))
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "the-token"


ERROR = '{"error": "invalid_client", "error_description": "clé périmée"}'


@pytest.mark.parametrize(
    ("content_type", "encoding"),
    [
        ("text/plain", "utf-8"),
        ("text/html", "utf-8-sig"),
        ("application/json", "latin-1"),
        ("application/problem+json; charset=ISO-8859-1", "latin-1"),
        ("application/json; charset=iso-8859-1", "utf-8"),
        ('Text/Plain; format=flowed; charset="windows-1250"', "windows-1250"),
        ("application/json", "utf-16-le"),
        ("application/json; charset=zip", "utf-8"),
        ("application/json; charset=punycode", "latin-1"),
        ("", "utf-8-sig"),
    ],
)
def test_code_and_text_of_an_error_are_found_whatever_its_type_and_encoding(
    content_type: str, encoding: str, server: Server
) -> None:
    server.reply = Reply(ERROR.encode(encoding), 400, {"Content-Type": content_type})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert (error.error, error.error_description) == ("invalid_client", "clé périmée")


FORM_TYPE = "application/x-www-form-urlencoded"
FORMS: dict[str, tuple[bytes, str, str, str | None]] = {
    "as GitHub sends it": (
        b"error=bad_verification_code&error_description=The+code+passed+is+incorrect.&error_uri=https%3A%2F%2Fdocs",
        f"{FORM_TYPE}; charset=utf-8",
        "bad_verification_code",
        "The code passed is incorrect.",
    ),
    "as text": (b"error=bad&error_description=no%20such%20client", "text/plain", "bad", "no such client"),
    "as text, without words": (b"error=bad&state=7", "text/plain", "bad", None),
    "as HTML": (b"error=bad&error_description=no%20such%20client", "text/html", "bad", "no such client"),
    "as JSON, by a claim": (b"\r\nerror=bad\r\n", "application/json", "bad", None),
    "without a type": ("error=bad&error_description=clé+périmée".encode(), "", "bad", "clé périmée"),
    "in Latin-1": (b"error=bad&error_description=cl\xe9", FORM_TYPE, "bad", "clé"),
    "in Latin-1, escaped": (b"error=bad&error_description=cl%E9", FORM_TYPE, "bad", "clé"),
    "with blanks": (b"error=bad&error_description=no such client", FORM_TYPE, "bad", "no such client"),
    "twice": (b"error=bad&error=worse&state=", FORM_TYPE, "bad", None),
}


@pytest.mark.parametrize("status", [200, 400])
@pytest.mark.parametrize(("body", "content_type", "code", "text"), FORMS.values(), ids=FORMS)
def test_code_and_text_of_an_error_in_a_form_are_found(  # noqa: PLR0913, PLR0917 - the table's columns
    body: bytes, content_type: str, code: str, text: str | None, status: int, server: Server
) -> None:
    server.reply = Reply(body, status, {"Content-Type": content_type})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert (error.error, error.error_description) == (code, text)


def test_refused_credentials_may_be_stated_in_a_form(server: Server) -> None:
    server.reply = Reply(b"error=invalid_client&error_description=unknown", 400, {"Content-Type": FORM_TYPE})
    assert type(failure(Cryptofuse, server.base_url)) is InvalidClient


def test_an_error_in_a_form_shows_no_secret(server: Server) -> None:
    secret = quote_plus(f"{CLIENT_ID} {CLIENT_SECRET} {TOKEN}")
    body = f"error=invalid_request&access_token={TOKEN}&error_description=not+{secret}"
    server.reply = Reply(body.encode(), 400, {"Content-Type": FORM_TYPE})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error_description == "not[cut]"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (f"error=bad&access_token={TOKEN}&error_description=ended:+{TOKEN}", FORM_TYPE),
        (json.dumps({"error": "bad", "access_token": TOKEN, "error_description": f"ended: {TOKEN}"}), "text/json"),
    ],
    ids=["form", "JSON"],
)
def test_a_refusal_does_not_repeat_the_token_that_it_holds(body: str, content_type: str, server: Server) -> None:
    server.reply = Reply(body.encode(), 400, {"Content-Type": content_type})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error_description == "ended:[cut]"


@pytest.mark.parametrize("body", [b"a=1&" * 10_000, b"=&=&", b"%", b"error", b"<a href=x>", b"a=1"])
def test_what_is_no_error_in_a_form_is_none(body: bytes, server: Server) -> None:
    server.reply = Reply(body, 400, {"Content-Type": FORM_TYPE})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error is None


@pytest.mark.parametrize(
    ("body", "content_type", "text"),
    [
        ("clé périmée".encode("latin-1"), "TEXT/PLAIN", "clé périmée"),
        (b"reason=42 is unknown", "text/plain", "reason=42 is unknown"),
        (b"the token is unknown: try again", "text/plain", "the token is unknown: try again"),
        (b'\x01"access_token": "damaged-JSON", "error": "x"}', "text/plain", None),
        (b'{"access_token": "damaged-JSON"', "", None),
        (b"sorry, my_token = damaged-form", "text/plain", "sorry,[cut]"),
        (b"tok" * 300_000, "text/plain", "tok" * 100 + "[cut]"),
        (b"reason=42", "text/plain", "reason=42"),
        ("\u0144ieznany klient".encode("iso-8859-2"), "text/plain; charset=iso-8859-2", "\u0144ieznany klient"),
        (b"\xef\xbb\xbfno such client", "text/plain", "no such client"),
        (b"no such client", "", "no such client"),
        (b'"no such client"', "application/json", "no such client"),
        (b'{"error": "invalid_client"}', "text/plain", None),
        (b"<p>no such client", "", None),
        (b"no such client", "text/html", None),
    ],
)
def test_the_text_of_an_error_that_is_only_text_is_found(
    body: bytes, content_type: str, text: str | None, server: Server
) -> None:
    server.reply = Reply(body, 400, {"Content-Type": content_type})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error_description == text


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (f"who is {CLIENT_SECRET}?", "text/plain"),
        (f"who is {CLIENT_SECRET}? my_token=damaged", "text/plain"),
        (f'"who is {CLIENT_SECRET}?"', "application/json"),
    ],
)
def test_an_error_that_is_only_text_shows_no_secret(body: str, content_type: str, server: Server) -> None:
    server.reply = Reply(body.encode(), 400, {"Content-Type": content_type})
    error = failure(Cryptofuse, server.base_url)
    assert isinstance(error, TokenRequestRejected)
    assert error.error_description == "who is[cut]"


@pytest.mark.parametrize("content_type", ["text/plain", "text/html; charset=latin-1", "application/jwt", ""])
def test_the_content_type_does_not_matter(content_type: str, server: Server) -> None:
    server.reply = Reply(granted("the-token").document, headers={"Content-Type": content_type})
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize(
    ("coding", "pack"),
    [("gzip", gzip.compress), ("GZIP", gzip.compress), ("deflate", zlib.compress), ("identity", bytes)],
)
def test_a_compressed_body_is_unpacked_although_not_requested(
    coding: str, pack: Callable[[bytes], bytes], server: Server
) -> None:
    server.reply = Reply(pack(json.dumps(granted("the-token").document).encode()), headers={"Content-Encoding": coding})
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == "the-token"


@pytest.mark.parametrize("token", ["~", "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", "a.b.c", "x" * 100_000])
def test_a_token_may_have_any_form_and_length(token: str, server: Server) -> None:
    server.reply = granted(token)
    assert ask(make(Cryptofuse, base_url=server.base_url)).access_token == token


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ({"scope": "read"}, ("read",)),
        ({"scope": "read  write "}, ("read", "write")),
        ({"scope": ["read", "write"]}, ("read", "write")),
        ({"scope": ["read", 7]}, ("read", "7")),
        ({}, ("admin", "write")),
        ({"scope": None}, ("admin", "write")),
        ({"scope": ""}, ("admin", "write")),
        ({"scope": {"read": True}}, ()),
        ({"scope": 7}, ()),
    ],
)
def test_a_missing_scope_means_the_requested_scope(
    scope: dict[str, Any], expected: tuple[str, ...], server: Server
) -> None:
    server.reply = granted(**scope)
    assert ask(make(Cryptofuse, base_url=server.base_url, scope="admin write")).scope == expected
