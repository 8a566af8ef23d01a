"""What a token shows of itself."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any

import pytest

from paygrant import Token
from paygrant._secrets import fingerprint
from paygrant._tokens.token import KeptResponse, read_by
from tests.helpers.arguments import refusal


@pytest.mark.parametrize(
    ("expires_at", "shown"),
    [
        (None, "unknown"),
        (datetime(2026, 11, 21, 12, 15, 30, 250_000, tzinfo=UTC), "2026-11-21T12:15:30+00:00"),
    ],
)
def test_a_token_shows_a_fingerprint_the_number_of_scopes_and_its_end(expires_at: datetime | None, shown: str) -> None:
    token = Token("token-of-straw", "Bearer", ("read", "write"), expires_at)
    assert repr(token) == str(token) == f"<Token {fingerprint('token-of-straw')} scopes=2 expires_at={shown}>"


@pytest.mark.parametrize("argument", ["access_token", "token_type"])
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "is of type NoneType; expected a string"),
        (b"bytes", "is of type bytes; expected a string"),
        *(
            (text, "holds a character that a header cannot carry; expected printable ASCII")
            for text in ("two\nlines", "two words", "naïve", "nul\x00")
        ),
    ],
)
def test_the_texts_of_a_token_must_fit_a_header(argument: str, value: Any, fault: str) -> None:
    arguments: dict[str, Any] = {"access_token": "a", argument: value}
    assert refusal(lambda: Token(**arguments), argument) == f"{argument}: {fault}"


def test_a_token_cannot_be_changed() -> None:
    token = Token("token-of-straw")
    with pytest.raises(FrozenInstanceError, match="cannot change 'scope' of a token"):
        token.scope = ("write",)  # type: ignore[misc]
    with pytest.raises(FrozenInstanceError, match="cannot change 'scope' of a token"):
        delattr(token, "scope")


def test_a_token_without_a_kept_response_stays_as_it_is() -> None:
    token = Token("token-of-straw")
    assert read_by(token, str) is token


@pytest.mark.parametrize(
    ("text", "token"),
    [('{"a": "token-of-straw"}', "token-of-straw"), ('{"a": "b", "c": "b"}', "b"), ('{"a": "b"}', "c"), ("{}", "")],
)
def test_a_kept_response_has_its_text(text: str, token: str) -> None:
    assert KeptResponse(text, token).text == text


def test_a_kept_response_holds_the_token_once() -> None:
    token = "token-of-straw" * 50
    kept = KeptResponse(f'{{"access_token": "{token}", "scope": "read"}}', token)
    parts = [getattr(kept, name) for name in KeptResponse.__slots__ if name != "read"]
    assert sum(len(each) for each in parts if each is not token) < 50


def test_a_token_whose_response_is_read_in_another_way_is_equal() -> None:
    token: Token[Any] = Token("a", response=KeptResponse('{"access_token": "a", "b": 1}', "a"))
    other = read_by(token, len)
    assert (token.response, other.response) == ({"access_token": "a", "b": 1}, 29)
    assert other == token
    assert read_by(other, len) is other


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"scope": "read"}, "scope: is of type str; expected a tuple of strings"),
        ({"scope": ("read", 7)}, "scope: holds a value that is not a string; expected a tuple of strings"),
        ({"expires_at": 7.0}, "expires_at: is of type float; expected a datetime, or None"),
    ],
)
def test_scopes_and_end_of_a_token_are_checked(arguments: dict[str, Any], text: str) -> None:
    assert refusal(lambda: Token("a", **arguments), next(iter(arguments))) == text


@pytest.mark.parametrize(("token_type", "authorization"), [("Bearer", "Bearer a"), ("token", "token a"), ("", "a")])
def test_a_token_has_the_value_of_its_header(token_type: str, authorization: str) -> None:
    assert Token("a", token_type).authorization == authorization
