"""Text that others wrote, as it is shown: on one line, and no longer than it may be."""

import errno
import html
import json
import os
import tracemalloc
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable
from functools import partial
from secrets import token_urlsafe
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from paygrant._text import one_line, os_error_words, redact


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("two\nlines", "two lines"),
        ("  many \t blanks\r\n", "many blanks"),
        ("\x1b[31mred\x07", "[31mred"),
        ("turned \u202eround", "turned round"),
        ("a\u2028line\u00a0break", "a line break"),
        ("half a pair \ud800", "half a pair"),
        ("Zoë", "Zoë"),
        ("", ""),
    ],
    ids=ascii,
)
def test_a_text_becomes_one_line_that_is_safe_to_print(text: str, line: str) -> None:
    assert one_line(text) == line


@pytest.mark.parametrize(("limit", "line"), [(None, "abcdef"), (6, "abcdef"), (5, "abcd…")])
def test_a_line_is_cut_at_its_limit(limit: int | None, line: str) -> None:
    assert one_line("abcdef", limit) == line


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), "/a/file"), os.strerror(errno.ENOENT)),
        (OSError("no numbers here"), "no numbers here"),
        (TimeoutError(), "TimeoutError"),
        (ValueError("embedded null byte"), "embedded null byte"),
    ],
    ids=repr,
)
def test_an_error_of_the_operating_system_is_put_into_words(error: OSError, words: str) -> None:
    assert os_error_words(error) == words


# Secrets in the words of a server

SECRETS = {
    "letters": "CLIENTSECRET-abcdefghij",
    "all kinds": "s3cr'<t>&\"\\/% +é=Wq7xK9pLm2",
    "digits": "4839201758293",
    "hex": "9f86d081884c7d659a2feaa0c55ad015",
    "base64": "dGhpcyBpcyBhIHNlY3JldA==",
    "not ASCII": "секретныйключ",
    "signs": "!$%&/()=?*+#-_.:,;<>",
    "doubled signs": "!!@@##$$%%^^&&",
    "signs between letters": "a!b@c#d$e^f&g*",
    "signs within letters": "ab1!$%&/()=?*+#;<>2yz",
}


def base64_after(before: bytes) -> Callable[[str], str]:
    return lambda text: b64encode(before + text.encode() + b"!").decode()


SPELLINGS: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "percent": partial(quote, safe=""),
    "form": quote_plus,
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "percent, three times": lambda text: quote(quote(quote(text, safe=""), safe=""), safe=""),
    "each byte as percent": lambda text: "".join(f"%{byte:02x}" for byte in text.encode()),
    "JSON": lambda text: json.dumps(text)[1:-1],
    "each letter as JSON": lambda text: "".join(f"\\u{ord(each):04X}" for each in text),
    "JSON of .NET": lambda text: "".join(each if each.isalnum() else f"\\u{ord(each):04x}" for each in text),
    "HTML": html.escape,
    "HTML, twice": lambda text: html.escape(html.escape(text)),
    "each letter as HTML": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "HTML of JSON": lambda text: html.escape(json.dumps(text)),
    "JSON of HTML": lambda text: json.dumps(html.escape(text)),
    "base64": base64_after(b""),
    "base64 after one byte": base64_after(b"x"),
    "base64 after two bytes": base64_after(b"id"),
    "base64, twice": lambda text: b64encode(b64encode(text.encode())).decode(),
    "base64 for URLs": lambda text: urlsafe_b64encode(text.encode()).decode().rstrip("="),
    "base64 of the form": lambda text: b64encode(quote_plus(text).encode()).decode(),
    "hex": lambda text: text.encode().hex(),
    "hex with blanks": lambda text: text.encode().hex(" "),
    "reversed": lambda text: text[::-1],
    "reversed, base64": lambda text: b64encode(text[::-1].encode()).decode(),
    "each letter twice": lambda text: "".join(each * 2 for each in text),
    "twice": lambda text: text * 2,
    "split by blanks": " ".join,
    "split by hyphens": "-".join,
    "in two lines": lambda text: f"{text[:6]}\n{text[6:]}",
    "UTF-8 as Latin-1": lambda text: text.encode().decode("latin-1"),
    "the first part": lambda text: text[: len(text) * 3 // 4],
    "the last part": lambda text: text[len(text) // 4 :],
}


@pytest.mark.parametrize("spell", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
def test_a_text_is_cut_before_a_secret_however_it_is_written(secret: str, spell: Callable[[str], str]) -> None:
    written = spell(secret)
    text = redact([secret], f"no such client: {written} is wrong")
    assert text.endswith("[cut]")
    assert written[len(written) // 2 :] not in text
    assert len(text) <= len("no such client: [cut]") + 20


WHOLE = {name: spell for name, spell in SPELLINGS.items() if "part" not in name}


@pytest.mark.parametrize("spell", WHOLE.values(), ids=WHOLE)
@pytest.mark.parametrize(
    "secret",
    [
        "0AutH00tokEn",
        "token-client-7x",
        "secret_test_12",
        "user//:API",
        "clientsecretapi",
        "oauth2-9",
        "sandbox auth !",
    ],
)
def test_a_secret_of_common_words_is_found_as_a_whole(secret: str, spell: Callable[[str], str]) -> None:
    written = spell(secret)
    assert written not in redact([secret], f"no such client: {written} is wrong")


@settings(max_examples=150, deadline=None, database=None)
@given(
    # Each common word has one of the vowels that are left out.
    secret=st.text("bcdfghjklmnpqrstuvwxyzBCDFGHXYZ0123456789-_.~+/=", min_size=12, max_size=48).filter(
        lambda text: sum(map(str.isalnum, text)) >= 12 and len({*text}) > 5
    ),
    before=st.text(max_size=320),
    spell=st.sampled_from(list(SPELLINGS.values())),
)
def test_no_spelling_of_a_secret_is_in_an_error(secret: str, before: str, spell: Callable[[str], str]) -> None:
    text = redact([secret], f"{before} {spell(secret)} after")
    kept = "".join(filter(str.isalnum, text)).lower()
    plain = "".join(filter(str.isalnum, secret)).lower()
    assert not any(plain[start : start + 10] in kept for start in range(len(plain) - 9))
    assert spell(secret)[:40] not in text


HARMLESS = [
    "invalid_client: The client secret is wrong",
    "client_id missing",
    "The client credentials are invalid, or the client is not authorized to use this grant type.",
    "AADSTS7000215: Invalid client secret provided. Ensure the secret being sent is the client secret value.",
    "unsupported_grant_type: expected client_credentials",
    "Request 7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a01 failed at 2026-11-27T23:45:00Z",
    "Zu viele Anfragen für diesen Zugang; bitte später erneut versuchen",
    "access_denied (https://docs.example.com/errors#access-denied)",
    "100% of the quota &amp; more is used; \\u0022try again\\u0022",
]


@pytest.mark.parametrize("text", HARMLESS)
@pytest.mark.parametrize(
    "secret", [*SECRETS.values(), "client-secret-of-acme-9", "test_key_live_1", "abc", "x", "0000EDEntiAls0000"]
)
def test_a_harmless_text_survives(text: str, secret: str) -> None:
    assert redact([secret, "acme", "my-client-app-7"], text) == text


@pytest.mark.parametrize(
    ("secret", "text"),
    [
        ("clientsecret", "client_secret is wrong"),
        ("AccessToken", "[access_token, scope]: required"),
        ("clientcredentials", "unsupported grant_type: client_credentials"),
        ("client-secret", "The client_secret is a client secret."),
    ],
)
def test_the_name_of_a_parameter_survives_a_secret_of_the_same_words(secret: str, text: str) -> None:
    assert redact([secret], text) == text
    assert redact([secret], f"{text} ({secret})").endswith("[cut]")


SIGNS = "!#$%&*+<=>?@[]^`{|}~"


@settings(max_examples=150, deadline=None, database=None)
@given(
    secret=st.text(SIGNS + "ab1", min_size=12, max_size=40).filter(lambda text: len({*text}) > 5),
    before=st.text(max_size=320),
    spell=st.sampled_from(list(SPELLINGS.values())),
)
def test_no_spelling_of_a_secret_of_signs_is_in_an_error(secret: str, before: str, spell: Callable[[str], str]) -> None:
    text = redact([secret], f"{before} {spell(secret)} after")
    if secret not in before:
        assert secret not in text
    pieces = [secret[start : start + 10] for start in range(len(secret) - 9)]
    assert not any(each in text for each in pieces if len({*each}) >= 4)


@pytest.mark.parametrize(
    "line", ["========", "--------------", "*** wrong ***", "{{}}", "!!!", "<<< >>>", "&&&&&&&&&&&"]
)
def test_signs_of_a_harmless_text_survive(line: str) -> None:
    for secret in [*SECRETS.values(), "===========", "-----BEGIN-----", "*************a1*****"]:
        if line not in secret:
            assert redact([secret], f"refused {line} (see https://docs.example.com/?a=1&b=2#c)").startswith(
                "refused " + line
            )


@settings(max_examples=100, deadline=None, database=None)
@given(secret=st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHXYZ0123456789-_.~", min_size=16, max_size=48))
def test_a_harmless_text_survives_beside_any_secret_that_shares_no_part_with_it(secret: str) -> None:
    letters = "".join(filter(str.isalnum, secret)).lower()
    parts = [letters[start : start + 6] for start in range(len(letters) - 5)]
    for text in HARMLESS:
        shown = "".join(filter(str.isalnum, text)).lower()
        assume(not any(part in shown or part[::-1] in shown for part in parts))
        assert redact([secret], text) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("my pin is 1b2", "my pin is[cut]"),
        ("my pin is 1B2!", "my pin is[cut]"),
        ("invalid_1b2_x", "invalid_1b2_x"),
        ("invalid_1b2", "invalid_1b2"),
        ("2b1.", "[cut]"),
        ("hexadecimal: 316232", "hexadecimal:[cut]"),
        ("base64: MWIy", "base64:[cut]"),
        ("1\0b\x002", "[cut]"),
    ],
)
def test_a_short_secret_is_found_as_a_whole_word(text: str, shown: str) -> None:
    assert redact(["1b2"], text) == shown


@pytest.mark.parametrize(
    ("secret", "write"),
    [
        ("a b c d e f g h i j", partial(quote, safe="")),
        ("a b c d e f g h i j", quote_plus),
        ("a&b<c>d&e<f>g&h<i>j", html.escape),
        ('a"b"c"d"e"f"g"h"i"j', SPELLINGS["JSON"]),
    ],
    ids=["percent", "form", "HTML", "JSON"],
)
@pytest.mark.parametrize("encoding", ["base64", "hex"])
def test_a_secret_may_be_escaped_before_it_is_encoded(secret: str, write: Callable[[str], str], encoding: str) -> None:
    assert redact([secret], f"who is {SPELLINGS[encoding](write(secret))}") == "who is[cut]"


def test_a_secret_is_found_where_a_wrong_encoding_has_lost_some_letters() -> None:
    assert redact(["abcéfghéjklémnoé"], "who is abc?fgh?jkl?mno") == "who is[cut]"


@pytest.mark.parametrize("secret", ["\udce9", "\udce9secret-of-straw"])
def test_a_secret_may_come_from_a_variable_that_is_not_in_utf_8(secret: str) -> None:
    assert redact([secret], "it failed") == "it failed"
    assert redact([secret], f"who is {secret}?") == "who is[cut]"


@pytest.mark.parametrize("blank", ["\\n", "\\r\\n", "\\t", "\n", "%0A", "&#10;"])
def test_a_secret_may_be_in_several_lines_whatever_separates_them(blank: str) -> None:
    assert redact(["abcdefghijkl"], f"who is abcd{blank}efgh{blank}ijkl") == "who is[cut]"


def test_an_empty_secret_is_none() -> None:
    assert redact(["", "secret-of-straw"], "it failed.") == "it failed."


def test_a_long_secret_is_found_without_much_memory() -> None:
    part = token_urlsafe(30)
    # As long as no header. The part follows another letter than in the text, where the cut would be one letter earlier.
    secret = f"{token_urlsafe(20_000)}x{part}{token_urlsafe(10_000)}"
    tracemalloc.start()
    try:
        found = redact([secret], f"no such token: {part}")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert found == "no such token:[cut]"
    assert peak < 8 << 20


@pytest.mark.parametrize(("secrets", "shown"), [(["a" * (1 << 16)], "it failed"), (["a" * (1 << 16), "b"], "[cut]")])
def test_no_text_is_shown_beside_more_secrets_than_can_be_searched(secrets: list[str], shown: str) -> None:
    assert redact(secrets, "it failed") == shown
