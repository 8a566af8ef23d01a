"""BoundedLock: a re-entrant lock that nobody awaits for ever.

A finalizer or a signal handler may run at any moment, in a thread that holds a lock. It may sleep.
"""

import threading
from operator import attrgetter
from typing import Any, cast


class BlockedError(Exception):
    """Another thread held the lock all the time."""


def _enter(lock: Any, *waits: float) -> None:
    """Acquire a lock, at once or within these times. If a signal handler raises in the middle, the lock is free again.

    Raises:
        BlockedError: Another thread held it all the time.
    """
    was_mine = lock._is_owned()
    try:
        # Most often it is free. An attempt that does not wait also costs less.
        if not (lock.acquire(blocking=False) or any(lock.acquire(timeout=wait) for wait in waits)):
            raise BlockedError  # noqa: TRY301 - no line may come between the lock and the end of this function
    except BaseException:
        if not was_mine and lock._is_owned():
            lock.release()
        raise


_EXIT: Any = property(attrgetter("_lock.__exit__"))
"""The built-in method that releases the lock. A signal handler may raise where a function of Python begins."""


class _AtOnce:
    """Enters a lock if no other thread holds it."""

    __slots__ = ("_lock",)

    __exit__ = _EXIT

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        _enter(self._lock)


class BoundedLock:
    """A re-entrant lock. Entering it raises BlockedError after a while.

    Args:
        seconds: How long to wait.
        more: How much longer to wait after that. In a process that was frozen, the holder needs a moment to go on.
    """

    __slots__ = ("_lock", "_more", "_seconds")

    __exit__ = _EXIT

    def __init__(self, seconds: float, more: float) -> None:
        self._lock = threading.RLock()
        self._seconds = min(seconds, threading.TIMEOUT_MAX)
        self._more = more

    @property
    def at_once(self) -> _AtOnce:
        """Enters it if no other thread holds it. Otherwise this raises BlockedError at once."""
        return _AtOnce(self._lock)

    @property
    def is_mine(self) -> bool:
        """Whether this thread holds it."""
        return bool(cast("Any", self._lock)._is_owned())

    def __enter__(self) -> None:
        _enter(self._lock, self._seconds, self._more)
