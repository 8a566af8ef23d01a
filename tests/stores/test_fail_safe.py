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
    safe = FailSafeStore(store, 10)
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
    safe = FailSafeStore(store, 10)
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
    assert FailSafeStore(store, 10).load("key") is None
    assert store.uses == 1


class Interrupted(MemoryStore):
    """A store that is used a second time after some seconds, in the middle of an action."""

    def __init__(self, clock: Clock, seconds: float) -> None:
        super().__init__()
        self.safe = FailSafeStore(self, 10)
        self.uses = list[str]()
        self._clock, self._seconds = clock, seconds

    def load(self, key: str) -> Entry | None:
        self.uses.append(key)
        if key == "first":
            self._clock.pass_by(self._seconds)
            self.safe.load("second")
        return None

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        self.load(key)
        yield


@pytest.mark.parametrize(("seconds", "uses"), [(9.9, ["first", "second"]), (10, ["first"])])
def test_nobody_waits_for_a_store_that_hangs_in_an_earlier_action(
    seconds: float, uses: list[str], clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "paygrant")
    store = Interrupted(clock, seconds)
    store.safe.load("first")
    assert store.uses == uses
    lines = [record.getMessage() for record in caplog.records]
    hangs = [
        "store: Interrupted failed (TimeoutError); this process goes on without it",
        "store: Interrupted works again",
    ]
    assert lines == (hangs if len(uses) == 1 else [])
    clock.pass_by(10)
    store.safe.load("third")
    assert store.uses == [*uses, "third"]


def test_a_lock_that_others_hold_for_long_is_no_sign_of_a_store_that_hangs(clock: Clock) -> None:
    store = Interrupted(clock, 60)
    with store.safe.lock("first", 60):
        assert store.uses == ["first", "second"]


def test_a_lock_that_fails_at_its_release_fails_no_caller(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with FailSafeStore(Unlocking(), 10).lock("key", 1):
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
    safe = FailSafeStore(store, 10)
    with safe.lock("key", 1):
        assert safe.load("key") is None
    assert f"{type(store).__name__} failed ({error})" in caplog.text


def test_a_lock_whose_release_is_cancelled_fails_no_caller(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    with FailSafeStore(Cancelled(), 10).lock("key", 1):
        pass
    assert "Cancelled failed (CancelledError)" in caplog.text


def test_a_lock_that_others_hold_is_no_failure(clock: Clock, caplog: pytest.LogCaptureFixture) -> None:
    safe = FailSafeStore(Contended(), 10)
    with safe.lock("key", 1):
        safe.save("key", entry(clock))
    assert safe.load("key")
    assert caplog.records == []


def test_an_error_within_the_lock_is_raised(clock: Clock) -> None:
    safe = FailSafeStore(MemoryStore(), 10)
    with pytest.raises(ZeroDivisionError), safe.lock("key", 1):
        raise ZeroDivisionError
    with safe.lock("key", 1):
        pass
