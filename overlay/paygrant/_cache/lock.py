"""BoundedLock: a re-entrant lock that nobody awaits for ever.

A finalizer or a signal handler may run at any moment, in a thread that holds a lock. It may sleep.
"""

import threading
from typing import Any, cast


class BlockedError(Exception):
    """Another thread held the lock all the time."""


class _AtOnce:
    """Enters a lock if no other thread holds it."""

    __slots__ = ("_lock",)

    def __init__(self, lock: Any) -> None:
        self._lock = lock

    def __enter__(self) -> None:
        if not self._lock.acquire(blocking=False):
            raise BlockedError

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class BoundedLock:
    """A re-entrant lock. Entering it raises BlockedError after a while.

    Args:
        seconds: How long to wait.
        more: How much longer to wait after that. In a process that was frozen, the holder needs a moment to go on.
    """

    __slots__ = ("_lock", "_more", "_seconds")

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
        lock = self._lock
        # Most often it is free. An attempt that does not wait also costs less.
        if not (
            lock.acquire(blocking=False) or any(lock.acquire(timeout=wait) for wait in (self._seconds, self._more))
        ):
            raise BlockedError

    def __exit__(self, *_: object) -> None:
        self._lock.release()
