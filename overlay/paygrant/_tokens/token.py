"""A token, as users hold it."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from paygrant._secrets import fingerprint


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """An access token (RFC 6749 section 5.1). Its repr and str show a fingerprint, never the token.

    Attributes:
        access_token: The token itself.
        token_type: ``"Bearer"``, whatever the case in which the provider writes it (RFC 6750); of a provider whose API
            wants the token otherwise, the word before it, or nothing.
        scope: The granted scopes.
        expires_at: When the token ends, in UTC; None where the provider does not say.
        authorization: The value of an Authorization header (RFC 6750 section 2.1), or of the one that the API wants.
        response: The provider's whole answer as the generated model; None where the token came out of a shared store.
    """

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - a type, no token
    scope: tuple[str, ...] = ()
    expires_at: datetime | None = None
    response: Any = field(default=None, compare=False)
    authorization: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "authorization", f"{self.token_type} {self.access_token}".lstrip())

    def same(self, other: "Token") -> bool:
        """Whether the other is the same token, wherever it came from."""
        return self.access_token == other.access_token

    def __repr__(self) -> str:
        end = self.expires_at.isoformat(timespec="seconds") if self.expires_at else "unknown"
        return f"<Token {fingerprint(self.access_token)} scope={' '.join(self.scope)!r} expires_at={end}>"
