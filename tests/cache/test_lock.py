"""BoundedLock: a thread may enter it again, and another thread does not wait for ever."""

import pytest

from paygrant._cache.lock import BlockedError, BoundedLock
from tests.helpers.locks import held_elsewhere


@pytest.fixture
def lock() -> BoundedLock:
    return BoundedLock(0.01, 0.01)


def test_a_thread_may_enter_the_lock_again(lock: BoundedLock) -> None:
    assert not lock.is_mine
    with lock, lock, lock.at_once:
        assert lock.is_mine
    assert not lock.is_mine


def test_a_lock_that_another_thread_holds_raises_at_once_or_after_a_while(lock: BoundedLock) -> None:
    with held_elsewhere(lock):
        assert not lock.is_mine
        with pytest.raises(BlockedError), lock.at_once:
            pass
        with pytest.raises(BlockedError), lock:
            pass
