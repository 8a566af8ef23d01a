"""Workers: daemon threads that run renewals. They are used again, they end when idle, and each host has its own.

A host that hangs delays no other. Nothing here keeps the interpreter from exiting.
"""

import queue
import threading
from collections import deque
from collections.abc import Callable

from paygrant._request.transport import shared_connections

Task = Callable[[], object]

Inbox = queue.SimpleQueue[Task | None]
"""Where an idle worker waits for a task. None lets it look for a waiting task, or else end."""

MOST = 64
"""Workers of one host. More parallel requests make no token host faster, and cost it a connection each."""

IDLE = 15.0
"""Seconds. A worker, and its connection, that had nothing to do for this time ends."""


class Workers:
    """The workers of one token host.

    There is no lock here, and each step is one atomic operation of a deque or a queue. While a thread is in the middle of
    a method, its signal handler or a finalizer may request a token and wait for it.
    """

    def __init__(self) -> None:
        self._waiting: deque[Task] = deque()
        self._idle: deque[Inbox] = deque()
        self._permits = deque(range(MOST))
        """One for each worker that may still be started."""

    @property
    def count(self) -> int:
        """The number of workers."""
        return MOST - len(self._permits)

    def run(self, task: Task) -> None:
        """Run a task on a worker: an idle one, a new one, or the first that ends its task.

        Raises:
            RuntimeError: No thread can be started, and there is no worker.
        """
        self._waiting.append(task)
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
                inbox.put(self._waiting.popleft())
            except IndexError:  # another worker took it
                inbox.put(None)

    def _start(self) -> bool:
        """Start a worker for a waiting task, unless there are too many workers."""
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
                return self._waiting.popleft()
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
