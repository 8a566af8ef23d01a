"""Where tokens and refusals are kept under a cache key, and the lock under which a new one is asked for."""

import math
import os
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from dataclasses import dataclass
from typing import Protocol, TypeVar, runtime_checkable
from weakref import WeakSet, WeakValueDictionary

from paygrant import _clock
from paygrant._errors import TokenError
from paygrant._telemetry import logger
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.token import Token

R = TypeVar("R")

_STORE_PAUSE = 5.0
"""Seconds. A renewal uses a store several times, and one that is down is to cost it one time limit only."""


@dataclass(frozen=True, slots=True)
class Entry:
    """What is known under a key: a grant or an error, and until when (by the monotonic clock) it counts.

    A key tells nothing. Whose token it is stands beside a grant, for people who look into a store; an error says so
    itself.
    """

    outcome: Grant | TokenError
    until: float
    provider: str | None = None
    environment: str | None = None


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


class Tolerant:
    """A store that fails nobody: its failure is logged once, and it is left alone for a while."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._failing = False
        self._away_until = -math.inf

    def load(self, key: str) -> Entry | None:
        """What is known under a key, as far as the store tells."""
        return self._attempt(lambda: self._store.load(key))

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry, if the store can."""
        self._attempt(lambda: self._store.save(key, entry))

    def discard(self, key: str, token: Token) -> None:
        """Forget this very token, if the store can."""
        self._attempt(lambda: self._store.discard(key, token))

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        """The right to ask for a new token; where the store cannot give it, every process asks for itself."""
        with ExitStack() as held:
            self._attempt(lambda: self._enter(held, key, lease))
            mine = held.pop_all()
        try:
            yield
        finally:
            try:
                mine.close()
            except Exception as error:  # noqa: BLE001 - as below
                self._fail(error)

    def _enter(self, held: ExitStack, key: str, lease: float) -> None:
        # That others hold it all the time is no fault of the store.
        with suppress(TimeoutError):
            held.enter_context(self._store.lock(key, lease))

    def _attempt(self, action: Callable[[], R]) -> R | None:
        if _clock.monotonic() < self._away_until:
            return None
        try:
            result = action()
        except Exception as error:  # noqa: BLE001 - a store may raise anything; none of it may reach a caller
            self._fail(error)
            return None
        if self._failing:
            self._failing = False
            logger.info("store: %s is back", type(self._store).__name__)
        return result

    def _fail(self, error: Exception) -> None:
        self._away_until = _clock.monotonic() + _STORE_PAUSE
        if not self._failing:
            self._failing = True
            # Not the error's text: an address in it may hold a password.
            names = type(self._store).__name__, type(error).__name__
            logger.warning("store: %s failed (%s); this process goes on by itself", *names)


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
        self._entries: dict[str, Entry] = {}
        self.reset()
        _memories.add(self)

    def reset(self) -> None:
        """Begin anew with what threads hold, in a child of a fork."""
        self._guard = threading.Lock()
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


_memories: WeakSet[MemoryStore] = WeakSet()


def clear_memory() -> None:
    """Empty all stores of this kind, in the whole process."""
    for memory in tuple(_memories):
        with memory._guard:
            memory._entries = {}


def _after_fork() -> None:
    for memory in tuple(_memories):
        memory.reset()


os.register_at_fork(after_in_child=_after_fork)
