"""FailSafeStore: a store whose failure reaches no caller."""

import logging
import math
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from typing import TypeVar

from paygrant import _clock
from paygrant._stores.base import Entry, Store
from paygrant._tokens.token import Token

R = TypeVar("R")

logger = logging.getLogger("paygrant")

_STORE_PAUSE = 5.0
"""Seconds. A renewal uses a store several times; a store that is down should cost it one time limit only."""

_RETRIES = 0.05, 0.1, 0.2, 0.4
"""Seconds before each further attempt, if a store refuses at once. Redis restarts in less time than all of them take."""

_AT_ONCE = 0.1
"""Seconds. A failure that takes longer is one of a store that hangs, which gets no further attempt."""


class FailSafeStore:
    """Wraps a store. A failure is logged once; then the store is left alone for a while.

    Args:
        store: The store.
        patience: Seconds. After this time an action of the store hangs. Later ones do not wait for the store then.
    """

    __slots__ = ("_away_until", "_failing", "_hangs_from", "_patience", "_store")

    def __init__(self, store: Store, patience: float) -> None:
        self._store = store
        self._patience = patience
        self._failing = False
        self._away_until = _clock.LONG_AGO
        self._hangs_from = math.inf
        """The time from which the action under way hangs."""

    def load(self, key: str) -> Entry | None:
        """The entry under a key. None if there is none, or if the store fails."""
        return self._attempt(lambda: self._loaded(key))

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry, if the store works."""
        self._attempt(lambda: self._store.save(key, entry))

    def discard(self, key: str, token: Token) -> None:
        """Remove the entry if it holds this very token, if the store works."""
        self._attempt(lambda: self._store.discard(key, token))

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        """The right to request a new token. If the store cannot give it, every process makes its own request."""
        held = self._attempt(lambda: self._entered(key, lease), is_wait=True)
        try:
            yield
        finally:
            try:
                if held is not None:
                    held.__exit__(None, None, None)
            except BaseException as error:  # noqa: BLE001 - a store may raise anything, such as CancelledError
                self._fail(error)

    def _loaded(self, key: str) -> Entry | None:
        entry: object = self._store.load(key)
        if isinstance(entry, Entry):
            return entry
        if not entry:
            return None
        raise TypeError("expected an Entry, or None")

    def _entered(self, key: str, lease: float) -> AbstractContextManager[object] | None:
        lock = self._store.lock(key, lease)
        try:
            lock.__enter__()
        except TimeoutError:  # others hold it all the time, which is no failure of the store
            return None
        return lock

    def _attempt(self, action: Callable[[], R], *, is_wait: bool = False) -> R | None:
        """What an action returns. None if the store fails, or hangs in an earlier action.

        Args:
            action: The action.
            is_wait: Whether it waits for others, so that it may take long.
        """
        now = _clock.monotonic()
        if now >= self._hangs_from:
            self._fail(TimeoutError())
        if now < self._away_until:
            return None
        self._hangs_from = math.inf if is_wait else now + self._patience
        try:
            result = self._retried(action)
        except BaseException as error:  # noqa: BLE001 - a store may raise anything, and no caller may see it
            self._fail(error)
            return None
        finally:
            self._hangs_from = math.inf
        if self._failing:
            self._failing = False
            self._log(logging.INFO, "store: %s works again")
        return result

    def _retried(self, action: Callable[[], R]) -> R:
        """What an action returns. A store that works is tried a few times, because it may be being restarted."""
        for pause in () if self._failing else _RETRIES:
            began = _clock.monotonic()
            try:
                return action()
            except Exception:
                if _clock.monotonic() - began > _AT_ONCE:
                    raise
            _clock.sleep(pause, _clock.Event())
        return action()

    def _fail(self, error: BaseException) -> None:
        self._away_until = _clock.monotonic() + _STORE_PAUSE
        if not self._failing:
            self._failing = True
            # The error's text is left out: an address in it may hold a password.
            text = "store: %s failed (%s); this process goes on without it"
            self._log(logging.WARNING, text, type(error).__name__)

    def _log(self, level: int, text: str, *values: str) -> None:
        """Log a line about the store. A handler or a filter of the user's may raise; no token is lost by that."""
        with suppress(Exception):
            logger.log(level, text, type(self._store).__name__, *values)
