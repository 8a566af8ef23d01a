"""Renewal: one that is under way. PendingRenewal: everybody who waits for it, threads and tasks of any event loop.

The renewal itself runs on a worker. So a waiter can be cancelled without harm to the others, and a thread that blocks
its own event loop still gets its token. There is no lock here: a signal handler may wait in the middle of a wait.
"""

import copy
import threading
from contextlib import nullcontext, suppress
from typing import TYPE_CHECKING, cast

from paygrant import _clock
from paygrant._errors import ConfigurationError, PaygrantError
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable

    import anyio

    from paygrant._cache.acquire import Acquired
    from paygrant._cache.event_loop import CallSoon


class Renewal:
    """A renewal that is under way.

    Attributes:
        ends: The time of the monotonic clock at which it is given up.
        pending: Its outcome, for those who wait now. After a failed attempt, later ones wait for the next attempt.
        launcher: The identifier of the thread that has to launch it; 0 when a worker has it. A signal handler may raise
            before that. Then the thread's next call launches it.
        thread: The identifier of the thread that runs it; 0 until it runs.
        granted: The token that was requested, while the store gets it.
        ended: Whether it has ended, or was given up.
        stop: Set when nobody needs the token any more.
    """

    __slots__ = ("_give_up", "_to_run", "ended", "ends", "granted", "launcher", "pending", "stop", "thread")

    def __init__(self, ends: float, give_up: "Callable[[Renewal], Token | PaygrantError]") -> None:
        self.ends = ends
        self._give_up = give_up
        self._to_run = [None]
        self.pending = self.new_pending()
        self.launcher = threading.get_ident()
        self.thread = 0
        self.granted: Acquired | None = None
        self.ended = False
        self.stop = _clock.Event()

    def launch(self, start: "Callable[[Callable[[], None]], object]", run: "Callable[[], None]") -> None:
        """Give it to a worker.

        Raises:
            RuntimeError: No worker can be started.
        """
        try:
            start(run)
        except RuntimeError:
            raise
        except BaseException:  # a signal handler raised it, and others may wait for this renewal
            start(run)
            raise
        self.launcher = 0

    def for_this_thread(self) -> "PendingRenewal":
        """Its outcome, for this thread to wait for.

        Raises:
            ConfigurationError: This thread runs it.
        """
        if self.thread == threading.get_ident():
            raise call_from_within()
        return self.pending

    def begins(self) -> bool:
        """Note that it runs; whether that is so for the first time. It may have been launched twice."""
        try:
            self._to_run.pop()
        except IndexError:
            return False
        self.thread = threading.get_ident()
        return True

    def note(self, granted: "Acquired") -> None:
        """Note the token that was requested."""
        self.granted = granted

    def new_pending(self) -> "PendingRenewal":
        """An outcome that nobody has yet."""
        return PendingRenewal(self.ends, lambda: self._give_up(self))


def call_from_within() -> ConfigurationError:
    """The error for a call by what takes part in a renewal, such as a log handler, a transport or a secret's callable."""
    fault = "a token was requested from within the token's own renewal"
    return ConfigurationError(f"source: {fault}; expected a call from outside", argument="source")


class _Waiters:
    """The tasks of one event loop that wait for a renewal.

    Attributes:
        call_soon: Schedules a call in the loop, from any thread.
        event: What the tasks wait for.
        end_timer: Ends the loop's timer, which ends their waiting in time. None: the loop has none, so each task has one.
    """

    __slots__ = ("call_soon", "end_timer", "event")

    def __init__(self, call_soon: "CallSoon", event: "anyio.Event", end_timer: "Callable[[], object] | None") -> None:
        self.call_soon = call_soon
        self.event = event
        self.end_timer = end_timer

    def wake(self) -> None:
        """Let the tasks go on. This runs in their loop."""
        if self.end_timer:
            self.end_timer()
        self.event.set()


class PendingRenewal:
    """The outcome of a renewal that has not ended yet.

    Args:
        ends: The time of the monotonic clock until which its callers wait. Each thread and each event loop looks at the
            clock: a thread that did it for all could be held up by a finalizer that sleeps.
        give_up: Called after that time. It returns the outcome for those who still wait.
    """

    __slots__ = ("_completed", "_ends", "_give_up", "_loops", "_outcome")

    def __init__(self, ends: float, give_up: "Callable[[], Token | PaygrantError]") -> None:
        self._ends = ends
        self._give_up: Callable[[], Token | PaygrantError] | None = give_up
        self._outcome: Token | PaygrantError | None = None
        self._completed = _clock.Event()
        self._loops: dict[object, _Waiters] = {}

    def complete(self, outcome: Token | PaygrantError) -> None:
        """Give the outcome to all who wait, if it is the first. This never blocks: a stopped loop delays nobody."""
        if self._outcome is None:
            self._outcome = outcome
        self._give_up = None  # it refers to the cache
        self._completed.set()
        for each in tuple(self._loops.values()):
            with suppress(Exception):  # a closed loop must not delay the others
                each.call_soon(each.wake)

    @property
    def completed(self) -> bool:
        """Whether there is an outcome."""
        return self._outcome is not None

    def wait(self) -> Token:
        """Block this thread until the renewal ends, or is given up.

        Raises:
            PaygrantError: The renewal failed.
        """
        if self._outcome is None and not self._completed.wait(self._seconds_left):
            self._end_waiting()
        return self._result()

    async def wait_async(self) -> Token:
        """Suspend this task until the renewal ends, or is given up. All tasks of one event loop wait for the same event.

        Raises:
            PaygrantError: The renewal failed.
        """
        if self._outcome is None:
            import anyio

            waiters = self._waiters(anyio.Event)
            if self._outcome is None:  # it may have ended before the event was there
                with nullcontext() if waiters.end_timer else anyio.move_on_after(self._seconds_left):
                    await waiters.event.wait()
            if self._outcome is None:
                self._end_waiting()
        return self._result()

    def _end_waiting(self) -> None:
        if give_up := self._give_up:
            self.complete(give_up())

    @property
    def _seconds_left(self) -> float:
        return max(0.0, self._ends - _clock.monotonic())

    def _waiters(self, new: "type[anyio.Event]") -> "_Waiters":
        """The tasks of the running loop, of asyncio or of trio. Only this loop's thread asks for them."""
        from paygrant._cache.event_loop import call_later, call_soon, running_loop

        loop = running_loop()
        if loop not in self._loops:
            timer = call_later(loop, self._seconds_left, self._end_waiting)
            self._loops[loop] = _Waiters(call_soon(loop), new(), timer)
        return self._loops[loop]

    def _result(self) -> Token:
        """The token, or the error: a copy for each waiter, because a shared one would collect all their tracebacks."""
        if isinstance(self._outcome, Token):
            return self._outcome
        raise copy.copy(cast("PaygrantError", self._outcome))
