"""MemoryStore: keeps tokens in this process."""

import os
import threading
from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager
from weakref import WeakValueDictionary

from paygrant import _clock
from paygrant._arguments import checked
from paygrant._stores.base import Entry
from paygrant._tokens.token import Token

_SWEEP_AT = 64
"""Entries. When a store has twice as many as after its last sweep, it is swept: so a save costs the same in any store."""


class _Lock:
    """A lock that disappears when nobody holds it or waits for it."""

    __slots__ = ("__weakref__", "plain")

    def __init__(self) -> None:
        self.plain = threading.Lock()


@contextmanager
def _held(lock: _Lock, lease: float) -> Generator[None]:
    if not lock.plain.acquire(timeout=min(max(0.0, lease), threading.TIMEOUT_MAX)):
        raise TimeoutError("others held the lock all the time")
    try:
        yield
    finally:
        lock.plain.release()


class MemoryStore:
    """Keeps tokens in this process until they end. Threads and event loops may share it."""

    __module__ = "paygrant"

    @checked
    def __init__(self) -> None:
        self._entries: dict[str, Entry] = {}
        self._sweep_at = _SWEEP_AT
        self._renew_locks()
        _memories[id(self)] = self

    def _renew_locks(self) -> None:
        """Make new locks. A forked child needs them: the threads that hold the old ones do not exist there."""
        self._guard = threading.RLock()
        self._locks: WeakValueDictionary[str, _Lock] = WeakValueDictionary()

    def __reduce__(self) -> "tuple[type[MemoryStore], tuple[()]]":
        return MemoryStore, ()  # a copy in another process is a store of its own

    def load(self, key: str) -> Entry | None:
        """The entry under a key."""
        return self._entries.get(key)

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry. Now and then, drop the entries that have ended."""
        with self._guard:
            self._entries[key] = entry
            if len(self._entries) > self._sweep_at:
                now = _clock.monotonic()
                self._entries = {each: kept for each, kept in self._entries.items() if kept.until > now}
                self._sweep_at = max(_SWEEP_AT, 2 * len(self._entries))

    def discard(self, key: str, token: Token) -> None:
        """Remove the entry under a key if it holds this very token."""
        with self._guard:
            entry = self._entries.get(key)
            if entry and entry.holds(token):
                del self._entries[key]

    def lock(self, key: str, lease: float) -> AbstractContextManager[object]:
        """The right to request a new token.

        Args:
            key: The key.
            lease: How long to wait for other holders, in seconds.

        Raises:
            TimeoutError: Others held it all the time.
        """
        with self._guard:
            return _held(self._locks.setdefault(key, _Lock()), lease)


_memories: WeakValueDictionary[int, MemoryStore] = WeakValueDictionary()
"""All memory stores, by identity: a class that derives from MemoryStore may have no hash."""


def clear_memory() -> None:
    """Empty all memory stores of this process."""
    for memory in tuple(_memories.values()):
        with memory._guard:
            memory._entries = {}


def _after_fork() -> None:
    for memory in tuple(_memories.values()):
        memory._renew_locks()


if hasattr(os, "register_at_fork"):  # there are no forks on Windows
    os.register_at_fork(after_in_child=_after_fork)
