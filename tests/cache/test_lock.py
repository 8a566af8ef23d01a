"""BoundedLock: a thread may enter it again, and another thread does not wait for ever."""

import threading
from collections.abc import Iterator

import pytest

from paygrant._cache.lock import BlockedError, BoundedLock


@pytest.fixture
def lock() -> BoundedLock:
    return BoundedLock(0.01, 0.01)


@pytest.fixture
def _held(lock: BoundedLock) -> Iterator[None]:
    """Another thread holds the lock."""
    entered, leave = threading.Event(), threading.Event()

    def hold() -> None:
        with lock:
            entered.set()
            leave.wait(20)

    thread = threading.Thread(target=hold, daemon=True)
    thread.start()
    assert entered.wait(10)
    yield
    leave.set()
    thread.join(10)


def test_a_thread_may_enter_the_lock_again(lock: BoundedLock) -> None:
    assert not lock.is_mine
    with lock, lock, lock.at_once:
        assert lock.is_mine
    assert not lock.is_mine


@pytest.mark.usefixtures("_held")
def test_a_lock_that_another_thread_holds_raises_at_once_or_after_a_while(lock: BoundedLock) -> None:
    assert not lock.is_mine
    with pytest.raises(BlockedError), lock.at_once:
        pass
    with pytest.raises(BlockedError), lock:
        pass
