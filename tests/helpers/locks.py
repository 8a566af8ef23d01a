"""A lock that another thread holds."""

import threading
from collections.abc import Generator
from contextlib import contextmanager

from paygrant._cache.lock import BoundedLock


@contextmanager
def held_elsewhere(lock: BoundedLock) -> Generator[None]:
    """Let another thread hold the lock."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert entered.wait(10)
    try:
        yield
    finally:
        leave.set()
        thread.join(10)
