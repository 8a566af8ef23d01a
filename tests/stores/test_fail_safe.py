"""FailSafeStore: a store that fails is logged once and left alone for a while, and no caller notices."""

import logging
from asyncio import CancelledError
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any

import pytest

from paygrant import Entry, MemoryStore, Token, _clock
from paygrant._stores.fail_safe import FailSafeStore
from paygrant._tokens.lifecycle import Grant
from tests.helpers.clock import Clock


class Unreliable(MemoryStore):
    """A store that works unless a test says otherwise. It counts its uses."""

    broken = False
    uses = 0

    def load(self, key: str) -> Entry | None:
        self.uses += 1
        if self.broken:
            raise OSError("redis://user:pa55@host")
        return super().load(key)


class Unlocking(MemoryStore):
    """A store whose lock fails when it is released."""

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        yield
        raise OSError


class Contended(MemoryStore):
    """A store whose lock others hold all the time."""

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        raise TimeoutError
        yield


def entry(clock: Clock) -> Entry:
    return Entry(Grant(Token("token-1"), clock(), 3600), clock() + 3600)


def test_a_failing_store_is_left_alone_and_then_tried_again(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "paygrant")
    store = Unreliable()
    safe = FailSafeStore(store)
    safe.save("key", entry(clock))
    store.broken = True
    assert [safe.load("key") for _ in range(3)] == [None] * 3
    assert store.uses == 5  # it refuses at once, so it may be being restarted
    clock.pass_by(60)
    assert safe.load("key") is None
    assert store.uses == 6
    store.broken = False
    clock.pass_by(60)
    assert safe.load("key")
    assert [record.getMessage() for record in caplog.records] == [
        "store: Unreliable failed (OSError); this process goes on without it",
        "store: Unreliable works again",
    ]


def test_a_store_that_is_restarted_is_not_noticed(
    clock: Clock, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = Unreliable()
    safe = FailSafeStore(store)
    safe.save("key", entry(clock))
    store.broken = True

    def restarted(_seconds: float, _stop: object) -> None:
        store.broken = store.uses < 3

    monkeypatch.setattr(_clock, "sleep", restarted)
    assert safe.load("key")
    assert caplog.text == ""


def test_a_store_that_hangs_is_not_tried_again_at_once(clock: Clock) -> None:
    class Slow(Unreliable):
        def load(self, key: str) -> Entry | None:
            clock.pass_by(0.5)
            return super().load(key)

    store = Slow()
    store.broken = True
    assert FailSafeStore(store).load("key") is None
    assert store.uses == 1


def test_a_lock_that_fails_at_its_release_fails_no_caller(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with FailSafeStore(Unlocking()).lock("key", 1):
        pass
    assert "Unlocking failed (OSError)" in caplog.text


class Odd(MemoryStore):
    """A store that returns what is no entry."""

    def load(self, key: str) -> Any:
        return {"token": key}


class Cancelled(MemoryStore):
    """A store whose event loop is cancelled."""

    def load(self, key: str) -> Entry | None:
        raise CancelledError

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        yield
        raise CancelledError


@pytest.mark.parametrize(("store", "error"), [(Odd(), "TypeError"), (Cancelled(), "CancelledError")])
def test_whatever_a_store_returns_or_raises_no_caller_notices(
    store: MemoryStore, error: str, clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    safe = FailSafeStore(store)
    with safe.lock("key", 1):
        assert safe.load("key") is None
    assert f"{type(store).__name__} failed ({error})" in caplog.text


def test_a_lock_whose_release_is_cancelled_fails_no_caller(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with FailSafeStore(Cancelled()).lock("key", 1):
        pass
    assert "Cancelled failed (CancelledError)" in caplog.text


def test_a_lock_that_others_hold_is_no_failure(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    safe = FailSafeStore(Contended())
    with safe.lock("key", 1):
        safe.save("key", entry(clock))
    assert safe.load("key")
    assert caplog.records == []


def test_an_error_within_the_lock_is_raised(clock: Clock) -> None:
    safe = FailSafeStore(MemoryStore())
    with pytest.raises(ZeroDivisionError), safe.lock("key", 1):
        raise ZeroDivisionError
    with safe.lock("key", 1):
        pass
