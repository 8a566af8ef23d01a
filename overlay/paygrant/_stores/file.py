"""FileStore: the processes of one machine share tokens and the right to ask for them, through files.

A file a key, named after it: its bytes are for ``_codec``. A reader sees a whole file or none, because a new one takes
an old one's place at once. The lock is the kernel's own: it goes when its holder does, however that ends.
"""

import os
import stat
import tempfile
from collections.abc import Collection, Generator
from contextlib import contextmanager, suppress
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

_LONGEST_FILE = 1 << 22
"""Bytes. No token comes near it."""

_POLL = 0.02
"""Seconds between two tries to get the lock."""

_CLOCKS_DIFFER = 1.0
"""Seconds. A file that was saved further in the future tells of a wall clock that was set back."""

_STALE = 60.0
"""Seconds. What was of use so long ago is swept away; no process takes that long to write a file."""

_SWEPT = (_SUFFIX, _UNFINISHED)


class FileStore:
    """Shares tokens and the requests for them among the processes of one user on one machine.

    The folder is for its owner alone (0700), and so are the files (0600). A folder that belongs to somebody else, that
    others may write to, or that is a symbolic link is refused: every use of it raises, so that each process goes on by
    itself. Give a folder of its own inside of such a place. Stores of the same folder and key are equal.

    A key needs the extra: ``pip install "paygrant[encryption]"``.

    Args:
        path: The folder, made when first used; the user's cache folder otherwise (on Linux ``~/.cache/paygrant``).
        key: Encrypts the files: a Fernet key, or a callable that returns it and is asked each time. What another key
            encrypted is as if it were not there.

    Raises:
        ConfigurationError: The key is none.
        ImportError: There is a key, but not the extra.
    """

    __module__ = "paygrant"

    @checked
    def __init__(self, path: str | os.PathLike[str] | None = None, *, key: Key | None = None) -> None:
        import filelock
        import platformdirs

        check_type("path", path, str | os.PathLike | None, "the path of a folder")
        if path is not None and not os.fspath(path):
            raise invalid_argument("path", "is empty", "the path of a folder")
        self._folder = Path(platformdirs.user_cache_path("paygrant", appauthor=False) if path is None else path)
        self._folder = self._folder.absolute()
        self._codec = Codec(key)
        self._new_lock = filelock.FileLock

    def load(self, key: str) -> Entry | None:
        """What is known under a key. Files that are damaged, foreign or unreadable are as if they were not there."""
        return self._read(key, self._ready() / f"{key}{_SUFFIX}")

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry in place of what was there."""
        folder, data = self._ready(), self._codec.encode(key, entry)
        descriptor, name = tempfile.mkstemp(dir=folder, prefix=f"{key}.", suffix=_UNFINISHED)  # with mode 0600
        unfinished = Path(name)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            end = _clock.wall().timestamp() + entry.until - _clock.monotonic()
            os.utime(unfinished, (end, end))  # by which the sweep tells
            unfinished.replace(folder / f"{key}{_SUFFIX}")
        except BaseException:
            with suppress(OSError):
                unfinished.unlink()
            raise
        _sweep(folder)

    def discard(self, key: str, token: Token) -> None:
        """Forget this very token."""
        path = self._ready() / f"{key}{_SUFFIX}"
        if not self._holds(key, path, token):
            return
        # Another process may put a new token there right now: take out what is there, and look what it is.
        taken = path.with_name(f"{key}.{uuid4().hex}{_UNFINISHED}")
        with suppress(FileNotFoundError):
            path.rename(taken)
            if not self._holds(key, taken, token):
                with suppress(FileExistsError):
                    os.link(taken, path)
            taken.unlink()

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        """The right to ask for a new token under a key. A holder gives it back, or ends; no lease is needed for that.

        Args:
            key: The key.
            lease: For so long another holder is awaited, in seconds.

        Raises:
            TimeoutError: Others had it all the time.
        """
        with self._new_lock(self._ready() / f"{key}.lock", lease, 0o600, poll_interval=_POLL):
            yield

    def _entries(self) -> list[tuple[str, Entry | None, datetime]]:
        """All that is kept: each key, what is known under it (None where it cannot be read), and when that ends.

        Raises:
            OSError: The folder is there, but not for its owner alone to write to.
        """
        found: list[tuple[str, Entry | None, datetime]] = []
        for path in sorted(self._files()):
            with suppress(OSError):  # gone in the meantime
                end = datetime.fromtimestamp(path.lstat().st_mtime, UTC)
                if end > _clock.wall():
                    found.append((path.stem, self._read(path.stem, path), end))
        return found

    def _clear(self, keys: Collection[str] | None = None) -> None:
        """Forget what is kept under these keys; everything, where none are given.

        Raises:
            OSError: As ``_entries``; or a file cannot be removed.
        """
        for path in self._files():
            if keys is None or path.stem in keys:
                path.unlink(missing_ok=True)

    def _files(self) -> list[Path]:
        """The files that hold entries. Nothing is made for the looking."""
        return [path for path in self._ready().iterdir() if path.suffix == _SUFFIX] if self._folder.exists() else []

    def _ready(self) -> Path:
        """The folder, made if it is not there.

        Raises:
            OSError: It cannot be made, or it is not for its owner alone to write to.
        """
        with suppress(FileExistsError):
            self._folder.parent.mkdir(parents=True, exist_ok=True)
            self._folder.mkdir(mode=0o700)
        found = self._folder.lstat()
        if not stat.S_ISDIR(found.st_mode):
            raise NotADirectoryError(f"{self._folder} is no folder")
        if not _is_own(found) or (os.name == "posix" and found.st_mode & (stat.S_IWGRP | stat.S_IWOTH)):
            raise PermissionError(f"{self._folder} is not for this user alone to write to")
        return self._folder

    def _read(self, key: str, path: Path) -> Entry | None:
        """What a file tells, if it is one of this store's and its time is not over."""
        try:
            with open(path, "rb", opener=_open_no_link) as file:
                found = os.fstat(file.fileno())
                if not stat.S_ISREG(found.st_mode) or not _is_own(found) or found.st_size > _LONGEST_FILE:
                    return None
                data = file.read()
        except OSError:
            return None
        saved = self._codec.decode(key, data)
        if saved is None:
            return None
        passed = _clock.wall().timestamp() - saved.moment
        return saved.entry(max(0.0, passed)) if -_CLOCKS_DIFFER <= passed < saved.left else None

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


def _is_own(found: os.stat_result) -> bool:
    """Whether a file or folder belongs to the user of this process."""
    return os.name != "posix" or found.st_uid == os.geteuid()


def _open_no_link(path: str, flags: int) -> int:
    """Open a file itself, not what a link leads to; a pipe does not make this wait for its other end."""
    return os.open(path, flags | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0))


def _sweep(folder: Path) -> None:
    """Drop what is of no use any more. A lock's file stays: who waits for it has it open."""
    before = _clock.wall().timestamp() - _STALE
    with suppress(OSError):
        for file in folder.iterdir():
            with suppress(OSError):
                if file.suffix in _SWEPT and file.lstat().st_mtime < before:
                    file.unlink()
