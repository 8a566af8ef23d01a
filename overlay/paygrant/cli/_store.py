"""The store that the commands share: the user's cache folder, encrypted if there is a key."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import paygrant
from paygrant import ConfigurationError, FileStore, _clock
from paygrant._providers.base import registration_of
from paygrant._stores.file import make_folder
from paygrant.cli import _console

if TYPE_CHECKING:
    from paygrant._providers.base import Provider

_PATH = "path"
"""The argument of a FileStore that is at fault if the user has no cache folder."""

KEY_VARIABLE = "PAYGRANT_CACHE_KEY"
"""The environment variable for the key that encrypts the cache, a Fernet key."""


def store(variables: Mapping[str, str]) -> FileStore:
    """The store of all commands: the user's cache folder, as for ``FileStore()``.

    Raises:
        ConfigurationError: The key is not a Fernet key, or the user has no cache folder.
    """
    try:
        return FileStore(key=variables.get(KEY_VARIABLE) or None)
    except ConfigurationError as error:
        if error.argument == _PATH:
            message = "the cache: this user has no home folder; expected HOME or XDG_CACHE_HOME set to an absolute path"
            raise ConfigurationError(message, argument=_PATH) from None
        fault = str(error).partition(": ")[2].partition("; ")[0]
    message = f"{KEY_VARIABLE}: {fault}; expected a Fernet key, which is 32 bytes in URL-safe Base64"
    raise ConfigurationError(message, argument=KEY_VARIABLE)


def spec_cache() -> tuple[Path, str] | None:
    """Where specs are kept that have been read, beside the tokens, with the version; None if this user has no usable cache folder."""
    try:
        return make_folder(FileStore()), paygrant.__version__
    except (ConfigurationError, OSError):
        return None


def store_or_none(variables: Mapping[str, str]) -> FileStore | None:
    """The store. If the user has no cache folder, None, and a note says so.

    Raises:
        ConfigurationError: The key is not a Fernet key.
    """
    try:
        return store(variables)
    except ConfigurationError as error:
        if error.argument != _PATH:
            raise
        _console.note(f"{error}; the command goes on without a cache")
        return None


def usable(variables: Mapping[str, str]) -> FileStore | None:
    """The store. If its folder cannot be used, None, and a note says why.

    Raises:
        ConfigurationError: As for ``store_or_none``.
    """
    found = store_or_none(variables)
    try:
        if found:
            make_folder(found)
    except OSError as error:
        _console.note(f"{_console.words(error)}; the token is not kept")
        return None
    return found


def remembered(store: FileStore, provider: "Provider") -> int:
    """For how many seconds the error of this provider is remembered, so that no request is made."""
    registration = registration_of(provider)
    try:
        entry = store.load(registration.cache_key(registration.credentials(), "error"))
    except OSError:
        return 0
    return math.ceil(entry.until - _clock.monotonic()) if entry else 0
