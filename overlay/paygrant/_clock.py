"""The two clocks and the passing of time, in one place, so that tests can control them.

Decisions use the monotonic clock, which goes on while the machine sleeps. The wall clock has two uses. It shows people
when a token ends. It also reads absolute times in a response that does not state the server's own time.
"""

import _thread
import functools
import heapq
import itertools
import math
import queue
import random
import sys
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from typing import Literal, TypeVar

R = TypeVar("R")

_random = random.Random()  # noqa: S311 - no secret comes from it
"""The system seeds it. A program may seed the module ``random``, all of its processes alike, and wants those numbers."""

jitter: Callable[[], float] = _random.random
"""A random number from 0 to 1, for moments and pauses."""

_IDLE = 15.0
"""Seconds. The thread of the timers ends after this time without one."""

LONG_AGO = -math.inf
"""Before any other time of the monotonic clock. One object for all clients: each ``-math.inf`` would be a further one."""

_COMPACT_AT = 256
"""The number of timers at which the cancelled ones are removed."""


def _counting_sleep() -> Callable[[], float]:
    """The monotonic clock that goes on while the machine sleeps; ``time.monotonic`` if there is no other."""
    # On Linux CLOCK_MONOTONIC stands still, on macOS it goes on, and Python's own clock stands still. On Windows
    # Python's own clock goes on.
    name = "CLOCK_MONOTONIC" if sys.platform == "darwin" else "CLOCK_BOOTTIME"
    clock = getattr(time, name, None)
    if clock is None:
        return time.monotonic
    try:
        time.clock_gettime(clock)
    except OSError:  # a kernel or a sandbox without it
        return time.monotonic
    return functools.partial(time.clock_gettime, clock)


monotonic = _counting_sleep()


class Event:
    """An event without a lock. A signal handler or a finalizer may set it while its own thread is setting it, or waits."""

    __slots__ = ("_gates", "_is_set")

    def __init__(self) -> None:
        self._is_set = False
        self._gates: list[_thread.LockType] = []

    def is_set(self) -> bool:
        """Whether it is set."""
        return self._is_set

    def set(self) -> None:
        """Set it, and end all waiting. This never blocks."""
        self._is_set = True
        with suppress(IndexError):
            while True:
                self._gates.pop().release()

    def clear(self) -> None:
        """Return to the state before it was set."""
        self._is_set = False

    def wait(self, seconds: float) -> bool:
        """Block this thread until it is set, or for this long; whether it is set."""
        gate = _thread.allocate_lock()
        gate.acquire()
        self._gates.append(gate)
        if not self._is_set:  # it may have been set before the gate was there
            gate.acquire(timeout=min(max(0.0, seconds), threading.TIMEOUT_MAX))
            with suppress(ValueError):
                self._gates.remove(gate)
        return self._is_set


def sleep(seconds: float, stop: Event) -> None:
    """Wait for this long, or until the event is set."""
    stop.wait(seconds)


def within(seconds: float, action: Callable[[], R]) -> R:
    """Run an action on a thread of its own, and wait for its end no longer than this. The action itself may go on.

    Raises:
        TimeoutError: It has not ended. Otherwise this raises what the action raises.
    """
    results: list[R] = []
    errors: list[BaseException] = []
    ended = Event()

    def run() -> None:
        try:
            results.append(action())
        except BaseException as error:  # noqa: BLE001 - it is raised in the thread that waits
            errors.append(error)
        ended.set()

    try:
        threading.Thread(target=run, name="paygrant-within", daemon=True).start()
    except RuntimeError:  # there are too many threads
        return action()
    ended.wait(seconds)
    for error in errors:
        raise error
    for result in results:
        return result
    raise TimeoutError("it took longer than the deadline")


def wall() -> datetime:
    """Now, as an aware datetime in UTC."""
    return datetime.now(UTC)


class Timer:
    """An action that runs later, unless it is cancelled."""

    __slots__ = ("action",)

    def __init__(self, action: Callable[[], object]) -> None:
        self.action: Callable[[], object] | None = action

    def cancel(self) -> None:
        """Do not run the action."""
        self.action = None


class Timers:
    """All timers of this process, on one daemon thread, which ends when it is idle.

    There is no lock here. A signal handler or a finalizer may set a timer at any moment, and wait for what depends on
    it. Each step is one atomic operation, and only the thread of the timers takes timers out of the heap.
    """

    def __init__(self) -> None:
        self._heap: list[tuple[float, int, Timer]] = []
        """By time. A number of its own decides between equal times, so that no Python code runs within a comparison."""
        self._numbers = itertools.count()
        self._compact_at = _COMPACT_AT
        self._looks_at = math.inf
        """When the thread looks at the heap by itself. Without end while it is awake: a timer of now it may miss."""
        self._wake: queue.SimpleQueue[Literal["look", "end"]] = queue.SimpleQueue()
        """Wakes the thread: to look at the heap, or to end if there is no timer."""
        self._permit: deque[None] = deque([None])
        """The thread takes it out while it runs."""
        self._starting: set[int] = set()
        """The threads that are starting it."""
        self._thread = 0
        """The identifier of the thread that runs them."""

    def after(self, seconds: float, action: Callable[[], object]) -> Timer:
        """Run an action after this many seconds, on the timers' thread. It must not block."""
        timer = Timer(action)
        when = time.monotonic() + seconds
        heapq.heappush(self._heap, (when, next(self._numbers), timer))
        if not self._started() and (len(self._heap) > self._compact_at or when < self._looks_at):
            self._wake.put("look")
        return timer

    @property
    def run_here(self) -> bool:
        """Whether the current thread runs them."""
        return self._thread == threading.get_ident()

    def end_idle(self) -> None:
        """End the thread if there is no timer."""
        if not self._permit:
            self._wake.put("end")

    def _started(self) -> bool:
        """Start the thread if it does not run; whether that was done."""
        if not self._permit:
            return False
        # While this very thread starts it, a signal handler may come and wait for its own timer: then it starts another.
        this_thread = threading.get_ident()
        if self._starting and this_thread not in self._starting:
            return False
        try:
            self._starting.add(this_thread)
            threading.Thread(target=self._run, name="paygrant-timers", daemon=True).start()
        except RuntimeError:  # there are too many threads, or the interpreter is about to end
            self._starting.discard(this_thread)
        except BaseException:  # a signal handler raised it
            self._starting.discard(this_thread)
            raise
        return True

    def _run(self) -> None:
        """Run the timers, unless another thread does."""
        is_superfluous = self._lost_permit()
        self._starting.clear()
        if is_superfluous:
            return
        self._thread = threading.get_ident()
        while True:
            self._looks_at = math.inf
            self._compact()
            now = time.monotonic()
            wait = self._heap[0][0] - now if self._heap else _IDLE
            if wait <= 0:
                self._act(heapq.heappop(self._heap)[2])
                continue
            self._looks_at = now + wait
            try:
                ends = self._wake.get(timeout=min(wait, threading.TIMEOUT_MAX)) == "end"
            except queue.Empty:
                ends = True
            if ends:
                self._compact(whole=True)
                if not self._heap:
                    self._permit.append(None)
                    # A timer may have come after the look and before the permit: then this thread goes on.
                    if not self._heap or not self._permit or self._lost_permit():
                        return

    def _lost_permit(self) -> bool:
        """Take the permit; whether another thread was faster."""
        try:
            self._permit.pop()
        except IndexError:
            return True
        return False

    @staticmethod
    def _act(timer: Timer) -> None:
        if timer.action:
            with suppress(Exception):
                timer.action()

    def _compact(self, *, whole: bool = False) -> None:
        """Remove the timers that are cancelled: those at the top, or all where they may be many."""
        while self._heap and self._heap[0][2].action is None:
            heapq.heappop(self._heap)
        if whole or len(self._heap) > self._compact_at:
            taken = [heapq.heappop(self._heap) for _ in range(len(self._heap))]
            for each in taken:
                if each[2].action:
                    heapq.heappush(self._heap, each)
            self._compact_at = max(_COMPACT_AT, 2 * len(self._heap))


_timers = Timers()


def after(seconds: float, action: Callable[[], object]) -> Timer:
    """Run an action after this many seconds, on a thread of its own. It must not block."""
    return _timers.after(seconds, action)


def timers_run_here() -> bool:
    """Whether this is the thread of the timers: it must not wait for another timer, not even in a finalizer."""
    return _timers.run_here


def end_idle_timers() -> None:
    """End the thread of the timers if there is no timer."""
    _timers.end_idle()


def forget_timers() -> None:
    """Drop all timers, in a forked child: the parent's thread does not exist there. Its jitter differs, too."""
    global _timers  # noqa: PLW0603 - one for each process
    _timers = Timers()
    _random.seed()
