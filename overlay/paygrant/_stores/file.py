"""FileStore: the processes of one machine share tokens, and the right to request them, through files.

Each key has a file of that name. A new file replaces the old one in one step, so a reader never sees half a file. The
kernel keeps the lock, so it ends with its holder, even if that crashes.
"""

import os
import stat
import tempfile
import time
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from paygrant import _clock
from paygrant._arguments import check_type, checked, invalid_argument
from paygrant._stores.base import Entry
from paygrant._stores.codec import Codec, Key
from paygrant._tokens.token import Token

_SUFFIX = ".token"
_UNFINISHED = ".new"

_LONGEST_FILE = 1 << 24
"""Bytes. No entry is that long: a response has at most one MiB."""

_POLL = 0.02
"""Seconds between two attempts to get the lock."""

_STALE = 60.0
"""Seconds. A file that ended this long ago is removed. No process takes that long to write one."""

_LOCK = ".lock"

_LOCK_STALE = 3600.0
"""Seconds. A file of a lock that nobody used for this time is removed. Nobody waits for a lock that long."""

_SWEEP_AT = 64
"""Saves. A process sweeps the folder at its first save, and later when it has saved twice as often as files are there.
So a save costs the same in any folder."""


class FileStore:
    """Shares tokens, and the requests for them, among the processes of one user on one machine.

    Only its owner can use the folder (mode 0700) and the files (0600). A folder is refused if it belongs to somebody
    else, if others may write to it, or if it is a symbolic link. Every use then raises, and each process goes on without
    the store. In a shared place, give it its own folder. Stores with the same folder and key are equal.

    A key needs the extra: ``pip install "paygrant[encryption]"``.

    Args:
        path: The folder. It is made when it is first used. The default is the user's cache folder (on Linux
            ``~/.cache/paygrant``).
        key: Encrypts the files: a Fernet key, or a callable that returns one and is called each time. A file that
            another key encrypted is treated as if it were not there.

    Raises:
        ConfigurationError: The path or the key is bad.
        ImportError: There is a key, but the extra is not installed.
    """

    __module__ = "paygrant"

    @checked
    def __init__(self, path: str | os.PathLike[str] | None = None, *, key: Key | None = None) -> None:
        import filelock

        check_type("path", path, str | os.PathLike | None, "the path of a folder")
        self._folder = _default_folder() if path is None else _absolute(os.fspath(path))
        self._codec = Codec(key)
        self._new_lock = filelock.FileLock
        self._saves_left = 0

    def load(self, key: str) -> Entry | None:
        """The entry under a key. A damaged, foreign or unreadable file is treated as if it were not there."""
        name = self._codec.name(key)
        return self._read(name, self._ready() / f"{name}{_SUFFIX}")

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry, in place of the one that was there."""
        name = self._codec.name(key)
        folder, data = self._ready(), self._codec.encode(name, entry)
        descriptor, path = tempfile.mkstemp(dir=folder, prefix=f"{name}.", suffix=_UNFINISHED)  # with mode 0600
        unfinished = Path(path)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            end = _clock.wall().timestamp() + entry.until - _clock.monotonic()
            os.utime(unfinished, (end, end))  # for the sweep
            unfinished.replace(folder / f"{name}{_SUFFIX}")
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
        self._saves_left -= 1
        if self._saves_left < 0:
            self._saves_left = max(_SWEEP_AT, 2 * _sweep(folder))

    def discard(self, key: str, token: Token) -> None:
        """Remove the entry under a key if it holds this very token."""
        name = self._codec.name(key)
        path = self._ready() / f"{name}{_SUFFIX}"
        if not self._holds(name, path, token):
            return
        # Another process may save a new token at this moment. So move the file away first, and look at it then.
        taken = path.with_name(f"{name}.{uuid4().hex}{_UNFINISHED}")
        with suppress(FileNotFoundError):
            path.rename(taken)
            if not self._holds(name, taken, token):
                with suppress(FileExistsError):
                    os.link(taken, path)
            taken.unlink()

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        """The right to request a new token. It ends with its holder, so it needs no lease.

        Args:
            key: The key.
            lease: How long to wait for other holders, in seconds.

        Raises:
            TimeoutError: Others held it all the time.
        """
        self._ready()
        path = lock_file(self, key)
        with self._new_lock(path, lease, 0o600, poll_interval=_POLL):
            _keep_from_sweep(path)
            yield

    def _ready(self) -> Path:
        """The folder. It is made if it does not exist.

        Raises:
            OSError: It cannot be made, or others than its owner may write to it.
        """
        with suppress(FileExistsError):
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(f"{self._folder} is not a folder")
        if not _is_own(found) or (os.name == "posix" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
            raise PermissionError(f"others than this user may write to {self._folder}")
        return self._folder

    def _read(self, key: str, path: Path) -> Entry | None:
        """The entry in a file, if the file is one of this store's and the entry has not ended."""
        try:
            with open(path, "rb", opener=_open_no_link) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode) or not _is_own(found) or found.st_size > _LONGEST_FILE:
                    return None
                data = file.read()
        except OSError:
            return None
        saved = self._codec.decode(key, data)
        return saved.entry_by_wall_clock() if saved else None

    def _holds(self, key: str, path: Path, token: Token) -> bool:
        """Whether a file holds this very token."""
        entry = self._read(key, path)
        return entry is not None and entry.holds(token)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, FileStore):
            return NotImplemented
        return (self._folder, self._codec.key) == (other._folder, other._codec.key)

    def __hash__(self) -> int:
        return hash((self._folder, self._codec.key))

    def __repr__(self) -> str:
        return f"<FileStore {str(self._folder)!r}>"


def _default_folder() -> Path:
    """The folder in the user's cache folder.

    Raises:
        ConfigurationError: The user has no home folder. A container may run as a user without HOME and passwd entry.
    """
    import platformdirs

    with suppress(RuntimeError):  # older versions return a relative path
        found = Path(platformdirs.user_cache_path("paygrant", appauthor=False))
        if found.is_absolute():
            return found
    expected = "the path of a folder, or HOME or XDG_CACHE_HOME set to an absolute path"
    raise invalid_argument("path", "is not given, and this user has no home folder", expected)


def _absolute(path: object) -> Path:
    """The folder at a path.

    Raises:
        ConfigurationError: The path is bad, or relative to a working folder that does not exist any more.
    """
    expected = "the path of a folder"
    if not isinstance(path, str):
        raise invalid_argument("path", f"is of type {type(path).__name__}", expected)
    if not path or "\0" in path:
        raise invalid_argument("path", "holds a NUL character" if path else "is empty", expected)
    with suppress(OSError):
        return Path(path).absolute()
    raise invalid_argument("path", "is relative, and the working folder does not exist", "an absolute path")


@dataclass(frozen=True, slots=True, repr=False)
class StoredEntry:
    """What a file of a store contains.

    Attributes:
        key: The key under which it is kept.
        entry: The entry; None if the file cannot be read, such as one that another key encrypted.
        expires: When the entry ends, in UTC.
    """

    key: str
    entry: Entry | None
    expires: datetime


def folder_of(store: FileStore) -> Path:
    """The folder of a store. It may not exist yet."""
    return store._folder


def lock_file(store: FileStore, key: str) -> Path:
    """The file that processes lock under a key. It may not exist yet."""
    return store._folder / f"{store._codec.name(key)}{_LOCK}"


def make_folder(store: FileStore) -> Path:
    """The folder of a store, made if it does not exist.

    Raises:
        OSError: It cannot be made, or users other than its owner can write to it.
    """
    return store._ready()


def stored_entries(store: FileStore) -> list[StoredEntry]:
    """The entries of a store that have not ended, sorted by key. A folder that does not exist is not made.

    Raises:
        OSError: The folder exists, but users other than its owner can write to it.
    """
    found: list[StoredEntry] = []
    for path in sorted(_files(store)):
        with suppress(OSError):  # removed by another process in the meantime
            expires = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
            if expires > _clock.wall():
                found.append(StoredEntry(path.stem, store._read(path.stem, path), expires))
    return found


def clear_entries(store: FileStore, keys: Collection[str] | None = None) -> None:
    """Remove the entries with these keys from a store; by default all entries.

    Raises:
        OSError: As for ``stored_entries``; or a file cannot be removed.
    """
    for path in _files(store):
        if keys is None or path.stem in keys:
            path.unlink(missing_ok=True)


def _files(store: FileStore) -> list[Path]:
    """The files that contain entries."""
    return [path for path in store._ready().iterdir() if path.suffix == _SUFFIX] if store._folder.exists() else []


def _is_own(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to the user of this process."""
    return os.name != "posix" or found.st_uid == os.geteuid()


def _open_no_link(path: str, flags: int) -> int:
    """Open the file itself, not the target of a link. Opening a pipe does not wait for its other end."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _keep_from_sweep(lock: Path) -> None:
    """Note that a lock is in use, if that was long ago."""
    with suppress(OSError):
        if lock.stat().st_mtime < time.time() - _LOCK_STALE / 2:
            os.utime(lock)


def _sweep(folder: Path) -> int:
    """Remove files that have ended, and files of locks that nobody uses; the number of files that stay."""
    now, stay = _clock.wall().timestamp(), 0
    ages = {_SUFFIX: _STALE, _UNFINISHED: _STALE, _LOCK: _LOCK_STALE}
    with suppress(OSError):
        for file in folder.iterdir():
            with suppress(OSError):
                if file.suffix in ages and file.lstat().st_mtime < now - ages[file.suffix]:
                    file.unlink()
                else:
                    stay += 1
    return stay
