"""Where tokens and refusals are kept under a cache key, and the lock under which a new one is asked for."""

import threading
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable
from weakref import WeakValueDictionary

from paygrant import _clock
from paygrant._errors import TokenError
from paygrant._policy import Grant
from paygrant._token import Token


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known under a key: a grant or an error, and until when (by the monotonic clock) it counts."""

    outcome: Grant | TokenError
    until: float


@runtime_checkable
class Store(Protocol):
    """What a cache needs of a store. The methods may block; they are called on a thread of the cache's own."""

    def load(self, key: str) -> Entry | None:
        """What is known under a key."""
        ...

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry in place of what was there."""
        ...

    def discard(self, key: str, token: Token) -> None:
        """Forget this very token."""
        ...

    def lock(self, key: str, lease: float) -> AbstractContextManager[object]:
        """The right to ask for a new token: one holder at a time, each for no longer than the lease (seconds)."""
        ...


class _Lock:
    """A lock that can be forgotten when nobody holds or awaits it."""

    __slots__ = ("__weakref__", "_lock")

    def __init__(self) -> None:
        self._lock = threading.Lock()

    def __enter__(self) -> None:
        self._lock.acquire()

    def __exit__(self, *_: object) -> None:
        self._lock.release()


class MemoryStore:
    """Keeps tokens in this process, for as long as they live. Threads and event loops may share it."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._entries: dict[str, Entry] = {}
        self._locks: WeakValueDictionary[str, _Lock] = WeakValueDictionary()

    def load(self, key: str) -> Entry | None:
        """What is known under a key."""
        return self._entries.get(key)

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry, and drop those whose time is over."""
        now = _clock.monotonic()
        with self._guard:
            self._entries = {each: kept for each, kept in self._entries.items() if kept.until > now} | {key: entry}

    def discard(self, key: str, token: Token) -> None:
        """Forget this very token."""
        with self._guard:
            entry = self._entries.get(key)
            if entry and isinstance(entry.outcome, Grant) and entry.outcome.token.same(token):
                del self._entries[key]

    def lock(self, key: str, lease: float) -> AbstractContextManager[object]:  # noqa: ARG002 - for other stores
        """The right to ask for a new token under a key. A thread of this process always gives it back."""
        with self._guard:
            return self._locks.setdefault(key, _Lock())
