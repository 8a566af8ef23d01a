"""Codec: entries as bytes for a store outside this process, encrypted if there is a key."""

import hmac
from collections.abc import Callable
from importlib import import_module
from typing import TYPE_CHECKING, TypeAlias

from paygrant._arguments import check_function, invalid_argument, is_coroutine
from paygrant._errors import missing_extra
from paygrant._stores.base import Entry, SavedEntry, saved_entry

if TYPE_CHECKING:
    from cryptography.fernet import Fernet

Key: TypeAlias = str | bytes | Callable[[], str | bytes]

_KEY_EXPECTED = "a Fernet key (cryptography.fernet.Fernet.generate_key()), or a hashable callable that returns one"


class Codec:
    """Turns entries into bytes and back.

    Args:
        key: Encrypts the bytes (Fernet: AES-128-CBC and HMAC-SHA256). A callable is called each time.

    Raises:
        ConfigurationError: The key is not a Fernet key.
        ImportError: There is a key, but the extra ``[encryption]`` is not installed.
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
        else:
            check_function("key", key, _KEY_EXPECTED)

    def name(self, key: str) -> str:
        """The name under which an entry is kept. With a key of the store, nobody can guess it without that key."""
        secret = self._key()
        return key if secret is None else hmac.new(secret, key.encode(), "sha256").hexdigest()

    def encode(self, name: str, entry: Entry) -> bytes:
        """The bytes of an entry that is saved now, under this name."""
        data = entry.to_bytes(name)
        fernet = self._fernet()
        return fernet.encrypt(data) if fernet else data

    def decode(self, name: str, data: bytes) -> SavedEntry | None:
        """What was saved under this name. None if the bytes cannot be read."""
        fernet = self._fernet()
        if fernet:
            from cryptography.fernet import InvalidToken

            try:
                data = fernet.decrypt(data)
            except InvalidToken:
                return None
        return saved_entry(name, data)

    def _fernet(self) -> "Fernet | None":
        """The cipher, if there is a key."""
        secret = self._key()
        if secret is None:
            return None
        from cryptography.fernet import Fernet

        try:
            return Fernet(secret)
        except ValueError as error:
            fault = type(error).__name__
        raise invalid_argument("key", f"cannot be used ({fault})", _KEY_EXPECTED)

    def _key(self) -> bytes | None:
        """The key as it is now. None if there is none."""
        if self.key is None:
            return None
        try:
            key: object = self.key() if callable(self.key) else self.key
            if isinstance(key, bytes | str):
                return key if isinstance(key, bytes) else key.encode()
            fault = "the callable is asynchronous" if is_coroutine(key) else type(key).__name__
        except Exception as error:  # noqa: BLE001 - a user's callable may raise anything
            fault = type(error).__name__
        raise invalid_argument("key", f"cannot be used ({fault})", _KEY_EXPECTED)
