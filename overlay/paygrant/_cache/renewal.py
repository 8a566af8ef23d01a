"""PendingRenewal: one renewal that has begun, and all who wait for it: threads, and tasks of any event loop.

The renewal itself runs on a thread of its own. So a waiter can be cancelled without harm to the others, and a thread
that blocks its own event loop still gets its token.
"""

import copy
import threading
from contextlib import suppress
from typing import cast

import anyio

from paygrant._cache.event_loop import CallSoon, call_soon, running_loop
from paygrant._errors import PaygrantError
from paygrant._tokens.token import Token


class PendingRenewal:
    """The outcome of a renewal that has not ended yet."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._outcome: Token | PaygrantError | None = None
        self._completed = threading.Event()
        self._loops: dict[object, tuple[CallSoon, anyio.Event]] = {}

    def complete(self, outcome: Token | PaygrantError) -> None:
        """Give the outcome to all who wait. This never blocks: a stopped event loop delays nobody."""
        with self._guard:
            self._outcome = outcome
            self._completed.set()
        for schedule, event in self._loops.values():
            with suppress(Exception):  # a closed loop must not delay the others
                schedule(event.set)

    def wait(self) -> Token:
        """Block this thread until the renewal ends.

        Raises:
            PaygrantError: The renewal failed.
        """
        self._completed.wait()
        return self._result()

    async def wait_async(self) -> Token:
        """Suspend this task until the renewal ends. All tasks of one event loop wait for the same event.

        Raises:
            PaygrantError: The renewal failed.
        """
        with self._guard:
            event = None if self._completed.is_set() else self._event()
        if event:
            await event.wait()
        return self._result()

    def _event(self) -> "anyio.Event":
        """The event of the running loop, of asyncio or of trio."""
        loop = running_loop()
        if loop not in self._loops:
            self._loops[loop] = (call_soon(loop), anyio.Event())
        return self._loops[loop][1]

    def _result(self) -> Token:
        """The token, or the error: a copy for each waiter, because a shared one would collect all their tracebacks."""
        if isinstance(self._outcome, Token):
            return self._outcome
        raise copy.copy(cast("PaygrantError", self._outcome))
