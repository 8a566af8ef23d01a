"""What a token shows of itself."""

from dataclasses import FrozenInstanceError
from datetime import UTC, datetime
from typing import Any

import pytest

from paygrant import Token
from paygrant._secrets import fingerprint
from paygrant._tokens.token import read_by
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
