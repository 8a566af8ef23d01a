"""What a store outside this process keeps: an entry as bytes, and back.

The bytes are ASCII: JSON, encrypted where there is a key. They hold no moment of a monotonic clock, which means nothing
elsewhere, but durations from the moment of saving on; how much time has passed since then is for the store to find out.
Whatever cannot be read, for whatever reason, is as if it were not there.
"""

import json
import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

from paygrant import _clock, _errors
from paygrant._arguments import invalid_argument
from paygrant._errors import missing_extra
from paygrant._stores.base import Entry
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.token import TOKEN_TEXT, Token

if TYPE_CHECKING:
    from types import UnionType

    from cryptography.fernet import Fernet

Key: TypeAlias = str | bytes | Callable[[], str | bytes]

_VERSION = 1
"""Of the bytes. Whoever changes their meaning counts it up: old and new processes then see nothing of each other's."""

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
"""The fields of errors, and what each may be."""

_WHOSE = ("provider", "environment")
"""What stands beside a grant, and may be missing: earlier versions did not write it."""

_UNREADABLE = (ValueError, TypeError, KeyError, AttributeError, OverflowError, RecursionError)
"""What comes of reading what a stranger wrote."""

_KEY_EXPECTED = "a Fernet key (cryptography.fernet.Fernet.generate_key()), or a hashable callable for one"


@dataclass(frozen=True, slots=True, repr=False)
class Saved:
    """An entry as it was saved: its times count from that moment on, a grant's ``since`` too.

    Attributes:
        outcome: What was saved.
        left: For how long it counted then, in seconds.
        moment: When that was, by the wall clock of the process that saved it, in seconds since 1970.
        provider: Whose token it is, where that was said.
        environment: Likewise, of which environment.
    """

    outcome: Grant | _errors.TokenError
    left: float
    moment: float
    provider: str | None = None
    environment: str | None = None

    def entry(self, passed: float) -> Entry:
        """The entry for this process, so many seconds after it was saved."""
        saved = _clock.monotonic() - passed
        outcome = self.outcome
        if isinstance(outcome, Grant):
            outcome = replace(outcome, since=saved + outcome.since)
        return Entry(outcome, saved + self.left, self.provider, self.environment)


class Codec:
    """Turns entries into bytes and back.

    Args:
        key: Encrypts the bytes (Fernet: AES-128-CBC and HMAC-SHA256). A callable is asked each time.

    Raises:
        ConfigurationError: The key is none.
        ImportError: There is a key, but not the extra ``[encryption]``.
    """

    def __init__(self, key: Key | None) -> None:
        if key is not None:
            try:
                import_module("cryptography.fernet")
            except ImportError as error:
                raise missing_extra("a key", error, "encryption") from None
        self.key = key.decode(errors="replace") if isinstance(key, bytes) else key
        if not callable(key):
            self._fernet()
        elif not isinstance(key, Hashable):
            raise invalid_argument("key", "is a callable without a hash", _KEY_EXPECTED)

    def encode(self, name: str, entry: Entry) -> bytes:
        """The bytes of an entry that is saved now, under this name."""
        now = _clock.monotonic()
        document = {
            "version": _VERSION,
            "name": name,
            "moment": _clock.wall().timestamp(),
            "left": entry.until - now,
            "provider": entry.provider,
            "environment": entry.environment,
            **(
                {"grant": _from_grant(entry.outcome, now)}
                if isinstance(entry.outcome, Grant)
                else {"error": _from_error(entry.outcome)}
            ),
        }
        data = json.dumps(document, allow_nan=False).encode()
        fernet = self._fernet()
        return fernet.encrypt(data) if fernet else data

    def decode(self, name: str, data: bytes) -> Saved | None:
        """What was saved under this name; None where that cannot be told from the bytes."""
        fernet = self._fernet()
        if fernet:
            from cryptography.fernet import InvalidToken

            try:
                data = fernet.decrypt(data)
            except InvalidToken:
                return None
        try:
            document = json.loads(data)
            if document["version"] != _VERSION or document["name"] != name:
                return None
            outcome = _to_grant(document["grant"]) if "grant" in document else _to_error(document["error"])
            whose = [_text(document[each]) if document.get(each) is not None else None for each in _WHOSE]
            return Saved(outcome, _number(document["left"]), _number(document["moment"]), *whose)
        except _UNREADABLE:
            return None

    def _fernet(self) -> "Fernet | None":
        """The cipher, where there is a key."""
        if self.key is None:
            return None
        from cryptography.fernet import Fernet

        try:
            return Fernet(self.key() if callable(self.key) else self.key)
        except Exception as error:  # noqa: BLE001 - a stranger's callable, or what it returned
            fault = type(error).__name__
        raise invalid_argument("key", f"cannot be used ({fault})", _KEY_EXPECTED)


def _from_grant(grant: Grant, now: float) -> dict[str, object]:
    token = grant.token
    return {
        "access_token": token.access_token,
        "token_type": token.token_type,
        "scope": token.scope,
        "expires_at": token.expires_at and token.expires_at.isoformat(),
        "age": now - grant.since,
        "lifetime": grant.lifetime,
    }


def _to_grant(document: Any) -> Grant:
    end = document["expires_at"]
    if not TOKEN_TEXT.fullmatch(document["access_token"]):
        raise ValueError("the token cannot be sent")
    token = Token(
        document["access_token"],
        _text(document["token_type"]),
        scope=tuple(_text(each) for each in document["scope"]),
        expires_at=None if end is None else datetime.fromisoformat(end).astimezone(UTC),
    )
    return Grant(token, since=-_number(document["age"]), lifetime=_number(document["lifetime"]))


def _from_error(error: _errors.TokenError) -> dict[str, object]:
    fields = {name: value for name, value in vars(error).items() if name in _FIELDS}
    return {"class": type(error).__name__, "message": str(error), "fields": fields}


def _to_error(document: Any) -> _errors.TokenError:
    error = _ERRORS[document["class"]](_text(document["message"]))
    for name, value in document["fields"].items():
        if not isinstance(value, _FIELDS[name]) or isinstance(value, bool):
            raise TypeError(name)
        setattr(error, name, value)
    return error


def _number(value: Any) -> float:
    if isinstance(value, bool) or not math.isfinite(value):
        raise ValueError("no number")
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise TypeError("no text")
    return value
