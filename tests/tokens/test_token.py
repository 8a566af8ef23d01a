"""What a token shows of itself."""

from datetime import UTC, datetime

import pytest

from paygrant import Token
from paygrant._secrets import fingerprint


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
