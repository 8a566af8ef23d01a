"""Token: an access token, as users hold it."""

import json
import re
from collections.abc import Callable
from dataclasses import FrozenInstanceError, dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any, Generic, cast

from paygrant._arguments import check_type, checked, invalid_argument, plain
from paygrant._secrets import compared_as_a_whole, fingerprint

if TYPE_CHECKING:
    from typing_extensions import TypeVar

    R_co = TypeVar("R_co", covariant=True, default=Any)
else:
    from typing import TypeVar

    R_co = TypeVar("R_co", covariant=True)
"""The type of a provider's whole response: the generated model, or ``Mapping[str, Any]``."""

TOKEN_TEXT = re.compile(r"[\x21-\x7e]+")
"""What a header can carry as a token: printable ASCII without spaces."""


class KeptResponse:
    """A response as it came, as JSON text. It is read each time that a user looks at it, so nobody shares an object.

    The text holds the access token once more, which is long. So it is kept in parts, and the token among them is the
    caller's object.

    Args:
        text: The JSON text.
        access_token: The token that the text holds.
        read: Makes the model, or a mapping, from the text.
    """

    __slots__ = ("_after", "_before", "_token", "read")

    def __init__(self, text: str, access_token: str, read: Callable[[str], Any] = json.loads) -> None:
        self._before, found, self._after = text.partition(access_token) if access_token else (text, "", "")
        self._token = access_token if found else ""
        self.read = read

    @property
    def text(self) -> str:
        """The JSON text."""
        return f"{self._before}{self._token}{self._after}"


class _Response:
    """The field ``response`` of a token: it reads a kept response, and gives any other value as it is."""

    def __init__(self, slot: Any) -> None:
        self.slot = slot

    def __get__(self, instance: object, owner: type | None = None) -> Any:
        value = self.slot.__get__(instance, owner)
        return value.read(value.text) if isinstance(value, KeptResponse) else value

    def __set__(self, instance: object, value: object) -> None:
        self.slot.__set__(instance, value)


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False)
class Token(Generic[R_co]):
    """An access token (RFC 6749 section 5.1). Its repr and str show a fingerprint, never the token.

    They show the number of scopes, not their names: the server chooses these, and may repeat a secret in them.

    Attributes:
        access_token: The token itself.
        token_type: ``"Bearer"``, in whatever case the provider writes it (RFC 6750). If the API requires another word
            before the token, this is that word. It is empty if the API requires none.
        scope: The granted scopes.
        expires_at: When the token ends, in UTC. None if the provider does not say.
        authorization: The value of the Authorization header (RFC 6750 section 2.1), or of the header that the API requires.
        response: The provider's whole response: the generated model if there is one, else a mapping. It is made when it
            is read, a new object each time. MalformedResponse is raised if the response does not fit the model. A token
            that you make yourself has what you give, or None.

    Raises:
        ConfigurationError: A value is of another type, or a header cannot carry it.
    """

    __module__ = "paygrant"

    access_token: str
    token_type: str = "Bearer"  # noqa: S105 - the name of a scheme
    scope: tuple[str, ...] = ()
    expires_at: datetime | None = None
    response: R_co = field(default=cast("Any", None), compare=False)
    authorization: str = field(init=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in (("access_token", self.access_token), ("token_type", self.token_type)):
            if type(value) is not str or (value and not TOKEN_TEXT.fullmatch(value)):
                check_type(name, value, str, "a string")
                if value and not TOKEN_TEXT.fullmatch(value):
                    raise invalid_argument(name, "holds a character that a header cannot carry", "printable ASCII")
                object.__setattr__(self, name, plain(value))
        check_type("scope", self.scope, tuple, "a tuple of strings")
        if not all(isinstance(each, str) for each in cast("tuple[object, ...]", self.scope)):
            raise invalid_argument("scope", "holds a value that is not a string", "a tuple of strings")
        check_type("expires_at", self.expires_at, datetime | None, "a datetime, or None")
        object.__setattr__(self, "authorization", f"{self.token_type} {self.access_token}".lstrip())

    def __repr__(self) -> str:
        end = self.expires_at.isoformat(timespec="seconds") if self.expires_at else "unknown"
        return f"<Token {fingerprint(self.access_token)} scopes={len(self.scope)} expires_at={end}>"

    def __reduce__(self) -> "tuple[type[Token[R_co]], tuple[object, ...]]":
        response = _response.slot.__get__(self)
        return Token, (self.access_token, self.token_type, self.scope, self.expires_at, response)


def _refuse_change(_token: object, name: str, *_: object) -> None:
    raise FrozenInstanceError(f"cannot change {name!r} of a token")


_later: Any = Token
_response = _Response(_later.response)
_later.response = _response
# The generated methods fail in a class with slots that is generic.
_later.__setattr__ = _later.__delattr__ = _refuse_change
Token.__init__ = checked(Token.__init__)  # type: ignore[method-assign]


def same_token(one: Token, other: Token) -> bool:
    """Whether two objects hold the same access token, wherever they came from."""
    return one.access_token == other.access_token


def response_text(token: Token) -> str | None:
    """The response of a token as JSON text, for a store. None if it has none, or one that JSON cannot carry."""
    value = _response.slot.__get__(token)
    if isinstance(value, KeptResponse):
        return value.text
    try:
        return None if value is None else json.dumps(value.to_dict() if hasattr(value, "to_dict") else dict(value))
    except (TypeError, ValueError, AttributeError, RecursionError):
        return None


def read_by(token: Token, read: Callable[[str], Any]) -> Token:
    """The same token, whose kept response is made by this function."""
    value = _response.slot.__get__(token)
    if isinstance(value, KeptResponse) and value.read is not read:
        return replace(token, response=KeptResponse(value.text, token.access_token, read))
    return token
