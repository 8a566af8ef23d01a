"""Token: an access token, as users hold it."""

import re
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

from paygrant._arguments import check_type, checked, invalid_argument
from paygrant._secrets import compared_as_a_whole, fingerprint

TOKEN_TEXT = re.compile(r"[\x21-\x7e]+")
"""What a header can carry as a token: printable ASCII without spaces."""


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """An access token (RFC 6749 section 5.1). Its repr and str show a fingerprint, never the token.

    They show the number of scopes, not their names: the server chooses these, and may repeat a secret in them.

    Attributes:
        access_token: The token itself.
        token_type: ``"Bearer"``, in whatever case the provider writes it (RFC 6750). If the API requires another word
            before the token, this is that word. It is empty if the API requires none.
        scope: The granted scopes.
        expires_at: When the token ends, in UTC. None if the provider does not say.
        authorization: The value of the Authorization header (RFC 6750 section 2.1), or of the header that the API requires.
        response: The provider's whole response, as the generated model. None if the token comes from a shared store.

    Raises:
        ConfigurationError: A value is of another type, or a header cannot carry it.
    """

    __module__ = "paygrant"

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    scope: tuple[str, ...] = ()
    expires_at: datetime | None = None
    response: Any = field(default=None, compare=False)
    authorization: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in (("access_token", self.access_token), ("token_type", self.token_type)):
            if type(value) is not str or (value and not TOKEN_TEXT.fullmatch(value)):
                check_type(name, value, str, "a string")
                raise invalid_argument(name, "holds a character that a header cannot carry", "printable ASCII")
        check_type("scope", self.scope, tuple, "a tuple of strings")
        if not all(isinstance(each, str) for each in cast("tuple[object, ...]", self.scope)):
            raise invalid_argument("scope", "holds a value that is not a string", "a tuple of strings")
        check_type("expires_at", self.expires_at, datetime | None, "a datetime, or None")
        object.__setattr__(self, "authorization", f"{self.token_type} {self.access_token}".lstrip())

    def __repr__(self) -> str:
        end = self.expires_at.isoformat(timespec="seconds") if self.expires_at else "unknown"
        return f"<Token {fingerprint(self.access_token)} scopes={len(self.scope)} expires_at={end}>"


Token.__init__ = checked(Token.__init__)  # type: ignore[method-assign]


def same_token(one: Token, other: Token) -> bool:
    """Whether two objects hold the same access token, wherever they came from."""
    return one.access_token == other.access_token
