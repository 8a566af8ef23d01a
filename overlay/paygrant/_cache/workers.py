"""Workers: daemon threads that run renewals. They are used again, they end when idle, and each host has its own.

A host that hangs delays no other. Nothing here keeps the interpreter from exiting.
"""

import queue
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress

from paygrant import _clock
from paygrant._request.transport import shared_connections

Task = Callable[[], object]

Inbox = queue.SimpleQueue[Task | None]
"""Where an idle worker waits for a task. None lets it look for a waiting task, or else end."""

MOST = 64
"""Workers of one host. More parallel requests make no token host faster, and cost it a connection each."""

AT_ONCE = 16
"""Workers of one host that start without delay. A host that answers fast needs no more: they would only take turns."""

PATIENCE = 0.05
"""Seconds that a task waits before it gets one of the other workers. A slow host needs them."""

IDLE = 15.0
"""Seconds. A worker, and its connection, that had nothing to do for this time ends."""


class Workers:
    """The workers of one token host.

    There is no lock here, and each step is one atomic operation of a deque or a queue. While a thread is in the middle of
    a method, its signal handler or a finalizer may request a token and wait for it.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[float, Task]] = deque()
        """The tasks, and the time from which each has been waiting for long."""
        self._idle: deque[Inbox] = deque()
        self._permits = deque(range(MOST))
        """One for each worker that may still be started."""
        self._looks_at = _clock.LONG_AGO
        """The time of the last timer. Later callers set a further one."""

    @property
    def count(self) -> int:
        """The number of workers."""
        return MOST - len(self._permits)

    def run(self, task: Task) -> None:
        """Run a task on a worker: an idle one, a new one, or the first that ends its task.

        Raises:
            RuntimeError: No thread can be started, and there is no worker.
        """
        self._waiting.append((time.monotonic() + PATIENCE, task))
        self._serve()

    def end_idle(self) -> None:
        """End the workers that have nothing to do."""
        while self._idle:
            try:
                self._idle.pop().put(None)
            except IndexError:
                return

    def _serve(self) -> None:
        """Give waiting tasks to idle or new workers, as long as there are any."""
        while self._waiting:
            try:
                inbox = self._idle.pop()
            except IndexError:
                if not self._start():
                    return
                continue
            try:
                inbox.put(self._waiting.popleft()[1])
            except IndexError:  # another worker took it
                inbox.put(None)

    def _start(self) -> bool:
        """Start a worker for a waiting task, unless there are too many workers, or enough for now."""
        if self.count >= AT_ONCE and not self._is_late() and not _clock.timers_run_here():
            self._look_later()
            return False
        try:
            permit = self._permits.pop()
        except IndexError:
            return False
        try:
            threading.Thread(target=self._work, args=(permit,), name="paygrant", daemon=True).start()
        except RuntimeError:  # there are too many threads, or the interpreter is about to end
            self._permits.append(permit)
            if self.count:
                return False
            self._waiting.clear()
            raise
        return True

    def _is_late(self) -> bool:
        """Whether a task has been waiting for long."""
        with suppress(IndexError):
            return time.monotonic() >= self._waiting[0][0]
        return False

    def _look_later(self) -> None:
        """Look at the waiting tasks again when the first has waited for long, if more workers can be started."""
        now = time.monotonic()
        if now < self._looks_at or not self._permits:
            return
        with suppress(IndexError):  # no task waits any more
            seconds = max(self._waiting[0][0] - now, PATIENCE / 10)
            # The timer comes first: a signal handler may come before the next line, and wait for its own task.
            _clock.after(seconds, self._look)
            self._looks_at = now + seconds

    def _look(self) -> None:
        """Start more workers if a task has been waiting for long. Only one is started on the timers' thread."""
        if self._is_late():
            self._waiting.appendleft((_clock.LONG_AGO, self._serve))
            self._start()
        elif self._waiting:
            self._look_later()

    def _work(self, permit: int) -> None:
        inbox: Inbox = queue.SimpleQueue()
        try:
            with shared_connections():
                while task := self._next(inbox):
                    task()
                    del task  # it holds a cache, which must not live as long as an idle worker
        finally:
            self._permits.append(permit)
            self._serve()  # a task may have come when there was no permit

    def _next(self, inbox: Inbox) -> Task | None:
        """The next task. None if there was none for a while."""
        while True:
            try:
                return self._waiting.popleft()[1]
            except IndexError:
                self._idle.append(inbox)
            if self._waiting and self._take_back(inbox):
                continue
            try:
                task = inbox.get(timeout=IDLE)
            except queue.Empty:
                if self._take_back(inbox):
                    return None
                task = inbox.get()  # it is being handed over
            if task or not self._waiting:
                return task

    def _take_back(self, inbox: Inbox) -> bool:
        """Be idle no more, unless somebody is handing over a task."""
        try:
            self._idle.remove(inbox)
        except ValueError:
            return False
        return True


_workers: dict[str, Workers] = {}


def run_on_worker(host: str, task: Task) -> None:
    """Run a task on a worker of a token host.

    Raises:
        RuntimeError: No thread can be started, and there is no worker.
    """
    (_workers.get(host) or _workers.setdefault(host, Workers())).run(task)


def end_idle_workers() -> None:
    """End all workers that have nothing to do, and close their connections."""
    for workers in tuple(_workers.values()):
        workers.end_idle()


def forget_workers() -> None:
    """Drop all workers, in a forked child: the parent's threads do not exist there."""
    _workers.clear()
