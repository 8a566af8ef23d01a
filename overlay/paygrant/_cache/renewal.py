"""Renewal: one that is under way. PendingRenewal: everybody who waits for it, threads and tasks of any event loop.

The renewal itself runs on a worker. So a waiter can be cancelled without harm to the others, and a thread that blocks
its own event loop still gets its token. There is no lock here: a signal handler may wait in the middle of a wait.
"""

import _thread
import copy
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from paygrant._errors import PaygrantError
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    import anyio

    from paygrant._cache.event_loop import CallSoon


class Renewal:
    """A renewal that is under way.

    Attributes:
        ends: The time of the monotonic clock at which it is given up.
        pending: Its outcome, for those who wait now. After a failed attempt, later ones wait for the next attempt.
        thread: The identifier of the thread that runs it; 0 until it runs.
        ended: Whether it has ended, or was given up.
        stop: Set when nobody needs the token any more.
    """

    __slots__ = ("ended", "ends", "pending", "stop", "thread")

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.pending = PendingRenewal()
        self.thread = 0
        self.ended = False
        self.stop = threading.Event()


class PendingRenewal:
    """The outcome of a renewal that has not ended yet."""

    __slots__ = ("_gates", "_loops", "_outcome")

    def __init__(self) -> None:
        self._outcome: Token | PaygrantError | None = None
        self._gates: list[_thread.LockType] = []
        self._loops: dict[object, tuple[CallSoon, anyio.Event]] = {}

    def complete(self, outcome: Token | PaygrantError) -> None:
        """Give the outcome to all who wait, if it is the first. This never blocks: a stopped loop delays nobody."""
        if self._outcome is None:
            self._outcome = outcome
        with suppress(IndexError):
            while True:
                self._gates.pop().release()
        for call_soon, event in tuple(self._loops.values()):
            with suppress(Exception):  # a closed loop must not delay the others
                call_soon(event.set)

    @property
    def completed(self) -> bool:
        """Whether there is an outcome."""
        return self._outcome is not None

    def wait(self) -> Token:
        """Block this thread until the renewal ends.

        Raises:
            PaygrantError: The renewal failed.
        """
        if self._outcome is None:
            gate = _thread.allocate_lock()
            gate.acquire()
            self._gates.append(gate)
            if self._outcome is None:  # it may have ended before the gate was there
                gate.acquire()
        return self._result()

    async def wait_async(self) -> Token:
        """Suspend this task until the renewal ends. All tasks of one event loop wait for the same event.

        Raises:
            PaygrantError: The renewal failed.
        """
        if self._outcome is None:
            import anyio

            event = self._event(anyio.Event)
            if self._outcome is None:  # it may have ended before the event was there
                await event.wait()
        return self._result()

    def _event(self, new: "type[anyio.Event]") -> "anyio.Event":
        """The event of the running loop, of asyncio or of trio. Only this loop's thread asks for it."""
        from paygrant._cache.event_loop import call_soon, running_loop

        loop = running_loop()
        if loop not in self._loops:
            self._loops[loop] = call_soon(loop), new()
        return self._loops[loop][1]

    def _result(self) -> Token:
        """The token, or the error: a copy for each waiter, because a shared one would collect all their tracebacks."""
        if isinstance(self._outcome, Token):
            return self._outcome
        raise copy.copy(cast("PaygrantError", self._outcome))
