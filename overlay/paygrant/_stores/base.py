"""What a store is: the protocol Store, the Entry that it keeps under a key, and an entry as bytes.

The bytes are JSON. They hold no time of a monotonic clock, which has no meaning in another process, but durations from
the moment of saving. Bytes that cannot be read are treated as if they were not there.
"""

import json
import math
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable
from weakref import WeakSet

from paygrant import _clock, _errors
from paygrant._arguments import check_function, check_hashable, check_type, checked
from paygrant._secrets import compared_as_a_whole
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.token import TOKEN_TEXT, KeptResponse, Token, response_text, same_token

if TYPE_CHECKING:
    from types import UnionType

_VERSION = 2
"""The version of the bytes. If their meaning changes, it increases. Old and new processes then ignore each other's entries."""

_CLOCKS_DIFFER = 1.0
"""Seconds. An entry that was saved further in the future shows that the wall clock was set back."""

_LONGEST_LIFETIME = 1e9
"""Seconds. A response states a year at most, and a policy gives this much at most."""

_ERRORS = {
    kind.__name__: kind
    for kind in (
        _errors.TokenError,
        _errors.TokenRequestRejected,
        _errors.InvalidClient,
        _errors.RateLimited,
        _errors.ProviderUnavailable,
        _errors.MalformedResponse,
    )
}

_FIELDS: "dict[str, type | UnionType]" = {
    "provider": str,
    "environment": str | None,
    "status": int | None,
    "error": str | None,
    "error_description": str | None,
    "retry_after": float | int | None,
    "attempts": int,
}
"""The fields of errors, and their types."""

_OWNER = ("provider", "environment")
"""Further fields of a token's entry, which may be missing."""

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What reading foreign bytes may raise."""


@compared_as_a_whole
@dataclass(frozen=True, slots=True)
class Entry:
    """What a store keeps under a key: a token or an error, and how long it is valid.

    Attributes:
        outcome: The token as it was issued, or the error to remember.
        until: When the entry ends, in seconds of this process's monotonic clock.
        provider: The provider's name, for people who look into a store. None for an error, which has its own.
        environment: The provider's environment, for the same purpose.
    """

    __module__ = "paygrant"

    outcome: "Grant | _errors.TokenError"
    until: float
    provider: str | None = None
    environment: str | None = None

    def holds(self, token: Token) -> bool:
        """Whether this entry holds this very token."""
        return isinstance(self.outcome, Grant) and same_token(self.outcome.token, token)

    @property
    def seconds_left(self) -> float:
        """The seconds until this entry ends; negative if it has ended."""
        return self.until - _clock.monotonic()

    def to_bytes(self, key: str) -> bytes:
        """This entry as bytes, for a store outside the process. They hold the token.

        Args:
            key: The key under which the store keeps it.
        """
        now = _clock.monotonic()
        document = {
            "version": _VERSION,
            "name": key,
            "moment": _clock.wall().timestamp(),
            "left": self.until - now,
            "provider": self.provider,
            "environment": self.environment,
            **(
                {"grant": _from_grant(self.outcome, now)}
                if isinstance(self.outcome, Grant)
                else {"error": _from_error(self.outcome)}
            ),
        }
        return json.dumps(document, allow_nan=False).encode()

    @staticmethod
    def from_bytes(key: str, data: bytes) -> "Entry | None":
        """The entry in these bytes. None if they are unreadable, were saved under another key, or have ended.

        Its age is the time that has passed on the wall clock since it was saved.
        """
        saved = saved_entry(key, data)
        return saved.entry_by_wall_clock() if saved else None


Entry.__init__ = checked(Entry.__init__)  # type: ignore[method-assign]


class SavedEntry:
    """An entry as it was saved. Its times count from that moment, a grant's ``since`` too.

    Attributes:
        outcome: The token or the error.
        left: How long it was valid from that moment, in seconds.
        moment: The moment, by the wall clock of the process that saved it, in seconds since 1970.
        provider: The provider of the token, if it was stated.
        environment: The environment of the token, if it was stated.
    """

    def __init__(
        self,
        outcome: Grant | _errors.TokenError,
        left: float,
        moment: float,
        provider: str | None = None,
        environment: str | None = None,
    ) -> None:
        self.outcome = outcome
        self.left = left
        self.moment = moment
        self.provider = provider
        self.environment = environment

    def entry(self, passed: float) -> Entry:
        """The entry for this process, this many seconds after it was saved."""
        saved = _clock.monotonic() - passed
        outcome = self.outcome
        if isinstance(outcome, Grant):
            outcome = outcome._replace(since=saved + outcome.since)
        return Entry(outcome, saved + self.left, self.provider, self.environment)

    def entry_by_wall_clock(self) -> Entry | None:
        """The entry for this process, by the time that has passed on the wall clock. None if it has ended."""
        passed = self.passed_by_wall_clock()
        return self.entry(max(0.0, passed)) if -_CLOCKS_DIFFER <= passed < self.left else None

    def passed_by_wall_clock(self) -> float:
        """The seconds since the entry was saved, by the wall clocks of the process that saved it and of this one."""
        return _clock.wall().timestamp() - self.moment


@runtime_checkable
class Store(Protocol):
    """Keeps tokens and remembered errors, and gives one caller at a time the right to request a new token.

    The methods may block: they run on a thread of the cache. They may raise anything: a failure is logged once, the store is
    not used for some seconds, and callers continue without it.
    ``paygrant.store_contract`` has the tests that every store must pass.
    """

    def load(self, key: str) -> Entry | None:
        """The entry under a key. None if there is none.

        It may return an entry that has ended: the caller looks at ``until``.
        """
        ...

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry, in place of the one that was there."""
        ...

    def discard(self, key: str, token: Token) -> None:
        """Remove the entry under a key if it holds this very token."""
        ...

    def lock(self, key: str, lease: float) -> AbstractContextManager[object]:
        """The right to request a new token: one holder at a time, each for at most ``lease`` seconds.

        Entering may raise TimeoutError if others hold the lock all the time.
        """
        ...


Store.__module__ = "paygrant"


_checked_classes: WeakSet[type] = WeakSet()
"""The classes of stores that were checked. A check of the methods takes a tenth of a token's time."""


def check_store(argument: str, store: Store | None) -> None:
    """Check for a store that can be hashed, and whose methods are not asynchronous.

    Raises:
        ConfigurationError: It cannot be used.
    """
    if store is None:
        return
    is_known = type(store) in _checked_classes
    if not is_known:
        check_type(argument, store, Store, "a store, such as MemoryStore()")
    check_hashable(argument, store, "a hashable store")
    if is_known:
        return
    for method in (store.load, store.save, store.discard, store.lock):
        check_function(argument, method, "a store whose methods are not asynchronous")
    _checked_classes.add(type(store))


def saved_entry(key: str, data: bytes) -> SavedEntry | None:
    """What was saved under this key. None if the bytes cannot be read."""
    try:
        document = json.loads(data)
        if document["version"] != _VERSION or document["name"] != key:
            return None
        outcome = _to_grant(document["grant"]) if "grant" in document else _to_error(document["error"])
        owner = [_line(document[each]) if document.get(each) is not None else None for each in _OWNER]
        left = _number(document["left"])
        if left > _LONGEST_LIFETIME:
            return None
        return SavedEntry(outcome, left, _number(document["moment"]), *owner)
    except _UNREADABLE:
        return None


def _from_grant(grant: Grant, now: float) -> dict[str, object]:
    token = grant.token
    return {
        "access_token": token.access_token,
        "token_type": token.token_type,
        "scope": token.scope,
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "age": now - grant.since,
        "lifetime": grant.lifetime,
        "response": response_text(token),
    }


def _to_grant(document: Any) -> Grant:
    end, response = document["expires_at"], document["response"]
    if not TOKEN_TEXT.fullmatch(document["access_token"]):
        raise ValueError("the token cannot be sent")
    token = Token(
        document["access_token"],
        _text(document["token_type"]),
        scope=tuple(_text(each) for each in document["scope"]),
        expires_at=None if end is None else datetime.fromisoformat(end).astimezone(UTC),
        response=None if response is None else _response(response, document["access_token"]),
    )
    age, lifetime = _number(document["age"]), _number(document["lifetime"])
    if age < 0 or lifetime > _LONGEST_LIFETIME:
        raise ValueError("the token would live longer than any")
    return Grant(token, since=-age, lifetime=lifetime)


def _response(text: Any, access_token: str) -> KeptResponse:
    json.loads(_text(text))  # the model is made when a user looks at it, but a damaged text is found now
    return KeptResponse(text, access_token)


def _from_error(error: _errors.TokenError) -> dict[str, object]:
    fields = {name: value for name, value in vars(error).items() if name in _FIELDS}
    return {"class": type(error).__name__, "message": str(error), "fields": fields}


def _to_error(document: Any) -> _errors.TokenError:
    error = _ERRORS[document["class"]](_line(document["message"]))
    for name, value in document["fields"].items():
        if not isinstance(value, _FIELDS[name]) or isinstance(value, bool):
            raise TypeError(name)
        if isinstance(value, str):
            _line(value)
        elif value is not None and _number(value) < 0:
            raise ValueError(name)
        setattr(error, name, value)
    return error


def _number(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("expected a finite number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("expected a string")
    return value


def _line(value: Any) -> str:
    """One line that is safe to print, as the text of an error is."""
    if not _text(value).isprintable():
        raise ValueError("expected no control characters")
    return str(value)
