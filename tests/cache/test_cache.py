"""The decisions of a cache, without threads and requests: the acquirer is a list, and a test runs each renewal itself."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from threading import Thread
from typing import Any

import anyio
import pytest

from paygrant import (
    ConfigurationError,
    PaygrantError,
    ProviderUnavailable,
    RateLimited,
    RefreshPolicy,
    Token,
    TokenError,
    _clock,
)
from paygrant._cache.acquire import Acquired
from paygrant._cache.cache import Cache
from paygrant._cache.renewal import PendingRenewal
from paygrant._cache.single_use import SingleUseCache
from paygrant._telemetry import Meter
from paygrant._tokens.lifecycle import Grant
from tests.helpers.clock import Clock
from tests.helpers.locks import held_elsewhere


@dataclass
class Outcomes:
    """An acquirer that brings these outcomes, in order."""

    outcomes: list[Grant | PaygrantError] = field(default_factory=list[Grant | PaygrantError])
    stored: list[Grant] = field(default_factory=list[Grant])
    discarded: list[Token] = field(default_factory=list[Token])

    def acquire(
        self,
        better: Callable[[Grant], Grant | None],
        stop: _clock.Event,
        attempt_failed: Callable[[], None],
        granted: Callable[[Acquired], object],
    ) -> Acquired:
        for grant in self.stored:
            if found := better(grant):
                return Acquired(found, "key")
        outcome = self.outcomes.pop(0)
        if isinstance(outcome, PaygrantError):
            raise outcome
        return Acquired(outcome, "key")

    def discard(self, acquired: Acquired) -> None:
        self.discarded.append(acquired.grant.token)

    def too_late(self) -> TokenError:
        return TokenError("no token before the deadline")


class World:
    """A cache with its acquirer. A renewal waits until ``run``."""

    def __init__(
        self,
        clock: Clock,
        policy: RefreshPolicy = RefreshPolicy(jitter=0),  # noqa: B008 - it cannot change
        kind: type[Cache] = Cache,
    ) -> None:
        self.clock = clock
        self.acquirer = Outcomes()
        self.renewals: list[Callable[[], None]] = []
        self.cache = kind(self.acquirer, policy, Meter("acme", "test"), self.renewals.append)

    def grant(self, name: str, lifetime: float = 3600) -> Grant:
        return Grant(Token(name), self.clock(), lifetime)

    def run(self, outcome: Grant | PaygrantError | None = None) -> None:
        """Let the pending renewal bring this outcome."""
        if outcome is not None:
            self.acquirer.outcomes.append(outcome)
        self.renewals.pop(0)()

    def fetch(self, name: str, lifetime: float = 3600) -> Token:
        """Bring a first token into the cache."""
        pending = self.cache.token()
        assert isinstance(pending, PendingRenewal)
        self.run(self.grant(name, lifetime))
        return pending.wait()


@pytest.fixture
def world(clock: Clock) -> World:
    return World(clock)


def test_callers_share_one_pending_renewal(world: World) -> None:
    first, second = world.cache.token(), world.cache.token()
    assert first is second
    assert len(world.renewals) == 1


def test_waiting_for_a_completed_renewal_returns_at_once(world: World) -> None:
    pending = world.cache.token()
    assert isinstance(pending, PendingRenewal)
    world.run(world.grant("a"))
    assert anyio.run(pending.wait_async).access_token == "a"
    assert pending.wait().access_token == "a"


def test_only_the_replacement_itself_is_noted_as_accepted(world: World) -> None:
    old = world.fetch("a")
    pending = world.cache.replace(old)
    assert isinstance(pending, PendingRenewal)
    world.run(world.grant("b"))
    new = pending.wait()
    world.cache.accept_replacement(old)
    assert world.cache.replacement is new
    world.cache.accept_replacement(new)
    assert world.cache.replacement is None


def test_the_rejection_of_an_old_token_starts_no_pause(world: World) -> None:
    old = world.fetch("a")
    pending = world.cache.replace(old)
    assert isinstance(pending, PendingRenewal)
    world.run(world.grant("b"))
    new = pending.wait()
    world.cache.accept_replacement(new)
    world.cache.reject_replacement(old)
    assert isinstance(world.cache.replace(new), PendingRenewal)


def test_the_rejection_of_a_replacement_starts_a_pause(world: World) -> None:
    token = world.fetch("a")
    world.cache.reject_replacement(token)
    assert world.cache.replace(token) is None
    world.clock.pass_by(RefreshPolicy().replacement_pause)
    assert isinstance(world.cache.replace(token), PendingRenewal)


def test_a_stored_token_without_an_end_lives_no_longer_than_the_policy_says(world: World) -> None:
    world.acquirer.stored = [world.grant("stored", 86400)]
    pending = world.cache.token()
    assert isinstance(pending, PendingRenewal)
    world.run()
    assert pending.wait().access_token == "stored"
    world.clock.pass_by(RefreshPolicy().default_lifetime)
    assert isinstance(world.cache.token(), PendingRenewal)


def test_a_rejected_token_is_not_taken_from_the_store_again(world: World) -> None:
    token = world.fetch("a")
    world.acquirer.stored = [world.grant("a")]
    pending = world.cache.replace(token)
    assert isinstance(pending, PendingRenewal)
    world.run(world.grant("b"))
    assert pending.wait().access_token == "b"


def test_invalidate_discards_the_token_in_the_store(world: World) -> None:
    token = world.fetch("a")
    world.cache.invalidate(Token("another"))
    assert world.acquirer.discarded == []
    world.cache.invalidate(token)
    assert world.acquirer.discarded == [token]
    world.cache.invalidate(token)
    assert world.acquirer.discarded == [token]


def test_a_renewal_that_ends_after_a_fork_is_of_use(world: World) -> None:
    pending = world.cache.token()
    world.cache.renew_locks()  # as in the child, where the thread of the renewal does not exist
    world.run(world.grant("a"))
    assert isinstance(pending, PendingRenewal)
    assert pending.completed
    found = world.cache.token()
    assert isinstance(found, Token)


def test_a_failed_renewal_keeps_a_valid_token(world: World) -> None:
    token = world.fetch("a", 100)
    world.clock.pass_by(85)
    assert world.cache.token() is token
    world.run(TokenError("acme: refused"))
    assert world.cache.token() is token
    assert world.renewals == []  # the next renewal comes after a pause
    world.clock.pass_by(15)
    pending = world.cache.token()
    assert isinstance(pending, PendingRenewal)
    world.run(TokenError("acme: refused"))
    with pytest.raises(TokenError, match="refused"):
        pending.wait()


def test_replacements_have_a_budget(world: World, clock: Clock) -> None:
    token, replaced = world.fetch("0"), 0
    for number in range(1, 51):  # an API that rejects every other call
        found = world.cache.replace(token)
        if found is not None:
            world.run(world.grant(str(number)))
            replaced += 1
            token = world.cache.held[0]
            world.cache.accept_replacement(token)
    assert replaced == 5
    clock.pass_by(30.001)  # a sum of fractions may fall short of 30
    assert world.cache.replace(token) is not None


def test_a_replaced_token_that_comes_back_gets_the_held_token(world: World) -> None:
    world.fetch("a")
    held = world.cache.held[0]
    assert world.cache.replace(Token("older")) is held
    assert world.renewals == []
    world.clock.pass_by(3600)  # the held token has ended
    assert isinstance(world.cache.replace(Token("older")), PendingRenewal)


def test_a_caller_with_an_older_token_waits_while_the_held_token_counts_as_rejected(world: World) -> None:
    held = world.fetch("a")
    pending = world.cache.replace(held)
    assert world.cache.replace(Token("older")) is pending
    assert len(world.renewals) == 1


def test_the_rejection_of_an_unconfirmed_replacement_starts_a_pause(world: World, clock: Clock) -> None:
    pending = world.cache.replace(world.fetch("a"))
    assert isinstance(pending, PendingRenewal)
    world.run(world.grant("b"))
    replacement = pending.wait()
    assert world.cache.replace(replacement) is None
    assert world.cache.replacement is None
    clock.pass_by(29.9)
    assert world.cache.replace(replacement) is None
    clock.pass_by(0.101)
    assert isinstance(world.cache.replace(replacement), PendingRenewal)


@pytest.mark.parametrize("pause", [30.0, 0.0])
def test_the_budget_of_replacements_comes_back_by_time(pause: float, clock: Clock) -> None:
    world = World(clock, RefreshPolicy(jitter=0, replacement_pause=pause))

    def is_replaced(name: str) -> bool:
        if world.cache.replace(world.cache.held[0]) is None:
            return False
        world.run(world.grant(name))
        world.cache.accept_replacement(world.cache.held[0])
        return True

    world.fetch("0")
    assert [is_replaced(f"first-{number}") for number in range(6)] == [True] * 5 + [pause == 0]
    clock.pass_by(29)
    assert is_replaced("after-29-seconds") == (pause == 0)
    clock.pass_by(1)
    assert is_replaced("after-30-seconds")
    assert is_replaced("at-once") == (pause == 0)


def test_a_cache_that_forgets_is_as_before_its_first_token(world: World) -> None:
    token = world.fetch("a")
    world.cache.reject_replacement(token)
    world.cache.forget()
    assert world.acquirer.discarded == [token]
    world.fetch("b")
    assert isinstance(world.cache.replace(world.cache.held[0]), PendingRenewal)  # without a pause


def test_an_invalidated_token_is_not_taken_from_the_store_again(world: World) -> None:
    world.cache.invalidate(world.fetch("a"))
    world.clock.pass_by(60)
    world.acquirer.stored = [world.grant("a")]
    assert world.fetch("b").access_token == "b"


def test_callers_with_an_older_token_get_the_held_one_while_renewal_fails(world: World) -> None:
    token = world.fetch("a")
    world.clock.pass_by(3000)
    assert world.cache.token() is token
    world.run(TokenError("an outage"))
    world.clock.pass_by(580)  # within the margin, which is given up
    assert world.cache.replace(Token("older")) is token


@pytest.mark.parametrize("kind", [RateLimited, ProviderUnavailable])
def test_a_provider_may_ask_for_a_longer_pause(world: World, kind: type[RateLimited | ProviderUnavailable]) -> None:
    token = world.fetch("a")
    world.clock.pass_by(3000)
    assert world.cache.token() is token
    error = kind("later")
    error.retry_after = 300.0
    world.run(error)
    world.clock.pass_by(299)
    assert (world.cache.token(), len(world.renewals)) == (token, 0)
    world.clock.pass_by(1)
    assert (world.cache.token(), len(world.renewals)) == (token, 1)


# Tokens of the store


@pytest.mark.parametrize(
    ("since", "lifetime", "is_taken"), [(2000, 1601, True), (2000, 1600, False), (2900, 699, False), (-5, 3606, True)]
)
def test_a_due_token_is_replaced_by_a_stored_one_that_ends_later(
    world: World, since: float, lifetime: float, *, is_taken: bool
) -> None:
    began = world.clock()
    world.fetch("held")
    world.clock.pass_by(3000)
    world.cache.token()
    assert takes(world, began + since, lifetime) == is_taken


@pytest.mark.parametrize(
    ("since", "lifetime", "is_taken"), [(1, 1000, True), (0, 3600, False), (0, 9999, False), (-1, 9999, False)]
)
def test_a_rejected_token_is_replaced_by_a_stored_one_that_began_later(
    world: World, since: float, lifetime: float, *, is_taken: bool
) -> None:
    began = world.clock()
    token = world.fetch("held")
    world.clock.pass_by(10)
    world.cache.replace(token)
    assert takes(world, began + since, lifetime) == is_taken


@pytest.mark.parametrize(("age", "is_taken"), [(89, True), (90, False), (95, False), (101, False)])
def test_a_stored_token_is_not_taken_after_its_margin_began(world: World, age: float, *, is_taken: bool) -> None:
    world.cache.token()
    assert takes(world, world.clock() - age, 100) == is_taken


def takes(world: World, since: float, lifetime: float) -> bool:
    """Whether the pending renewal takes such a token of the store rather than a new one."""
    stored = Token("stored", expires_at=datetime(2030, 1, 1, tzinfo=UTC))
    world.acquirer.stored = [Grant(stored, since, lifetime)]
    world.run(world.grant("new"))
    return world.cache.held[0].access_token == "stored"


# Renewals that hang


def test_renewals_that_hang_start_ever_more_rarely(clock: Clock) -> None:
    world = World(clock, RefreshPolicy(deadline=10, jitter=0))
    assert [pause_after_a_hang(world) for _ in range(14)] == [
        *(0, 0, 0, 10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600)
    ]
    while len(world.renewals) > 1:
        world.run()  # those that hung end at last
    world.run(world.grant("a"))
    assert world.cache.held[0].access_token == "a"
    world.cache.invalidate(world.cache.held[0])
    assert [pause_after_a_hang(world) for _ in range(5)] == [0, 0, 0, 10, 20]


def test_a_renewal_from_before_a_process_was_frozen_holds_up_nobody(clock: Clock) -> None:
    """Nobody waits for it any more, so nobody gives it up."""
    world = World(clock, RefreshPolicy(deadline=10, jitter=0))
    frozen = world.cache.token()
    assert isinstance(frozen, PendingRenewal)
    clock.pass_by(3600)
    pending = world.cache.token()
    assert isinstance(pending, PendingRenewal)
    assert (pending is frozen, len(world.renewals)) == (False, 2)
    world.acquirer.outcomes.append(world.grant("a"))
    world.run()  # the first one, when its thread goes on
    assert (frozen.completed, pending.completed) == (True, False)
    world.run()
    assert pending.wait().access_token == "a"
    world.cache.invalidate(world.cache.held[0])
    assert [pause_after_a_hang(world) for _ in range(5)] == [0, 0, 0, 10, 20]


def pause_after_a_hang(world: World) -> float:
    """Let a renewal hang until it is given up. Return the seconds until the next one starts, in steps of 5."""
    pending = world.cache.token()
    assert isinstance(pending, PendingRenewal)
    world.clock.pass_by(11)  # the deadline and a little
    with pytest.raises(TokenError, match="no token before the deadline"):
        pending.wait()
    started, began = len(world.renewals), world.clock()
    while world.cache.token() is pending:
        assert len(world.renewals) == started
        world.clock.pass_by(5)
    assert len(world.renewals) == started + 1
    return world.clock() - began


def test_the_token_of_a_renewal_that_was_given_up_is_of_use(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pending = world.cache.token()
    assert isinstance(pending, PendingRenewal)
    acquire = world.acquirer.acquire

    def slowly(*arguments: Any) -> Acquired:
        world.clock.pass_by(60)
        with pytest.raises(TokenError):
            pending.wait()
        return acquire(*arguments)

    monkeypatch.setattr(world.acquirer, "acquire", slowly)
    world.run(world.grant("a"))
    token = world.cache.token()
    assert isinstance(token, Token)
    assert token.access_token == "a"


def test_a_token_that_came_is_handed_out_though_its_store_hangs(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    pending, found, acquired = world.cache.token(), list[object](), Acquired(world.grant("a"), "key")
    assert isinstance(pending, PendingRenewal)

    def save_slowly(*arguments: Any) -> Acquired:
        arguments[-1](acquired)
        world.clock.pass_by(11)  # the deadline and a little
        found.extend((pending.wait(), world.cache.token()))
        return acquired

    monkeypatch.setattr(world.acquirer, "acquire", save_slowly)
    world.run()
    assert found == [acquired.grant.token] * 2
    assert world.cache.held[0] is acquired.grant.token


# Calls that interrupt others


def test_a_call_that_interrupts_a_decision_does_not_wait(world: World) -> None:
    with world.cache._lock, pytest.raises(ConfigurationError) as caught:
        world.cache.token()
    fault = "source: a signal handler or a finalizer requested a token while its thread was doing so"
    assert (str(caught.value), caught.value.argument) == (f"{fault}; expected a later call", "source")
    token = world.fetch("a")
    with world.cache._lock:
        assert world.cache.token() is token
        assert world.cache.replace(token) is None


def test_a_call_by_what_takes_part_in_a_renewal_is_refused(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    refusals: list[ConfigurationError] = []
    acquire = world.acquirer.acquire

    def nested(*arguments: Any) -> Acquired:
        with pytest.raises(ConfigurationError) as caught:
            world.cache.token()
        refusals.append(caught.value)
        return acquire(*arguments)

    monkeypatch.setattr(world.acquirer, "acquire", nested)
    assert world.fetch("a").access_token == "a"
    fault = "source: a token was requested from within the token's own renewal; expected a call from outside"
    assert [(str(each), each.argument) for each in refusals] == [(fault, "source")]


def test_what_takes_part_in_a_renewal_gets_a_due_token(
    world: World, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    acquire, found = world.acquirer.acquire, list[Token | PendingRenewal]()

    def nested(*arguments: Any) -> Acquired:
        found.append(world.cache.token())
        return acquire(*arguments)

    token = world.fetch("a")
    clock.pass_by(3600 - 31)
    assert world.cache.token() is token
    monkeypatch.setattr(world.acquirer, "acquire", nested)
    world.run(world.grant("b"))
    assert found == [token]
    assert world.cache.held[0].access_token == "b"


def test_a_cache_that_forgets_stops_its_renewal_and_waits_for_it() -> None:
    class Waiting(Outcomes):
        def acquire(self, better: object, stop: _clock.Event, attempt_failed: object, granted: object) -> Acquired:
            del better, attempt_failed, granted
            assert stop.wait(10)
            raise TokenError("stopped")

    cache = Cache(
        Waiting(), RefreshPolicy(), Meter("acme", "test"), lambda run: Thread(target=run, daemon=True).start()
    )
    pending = cache.token()
    assert isinstance(pending, PendingRenewal)
    cache.forget()
    assert pending.completed
    with pytest.raises(TokenError, match="stopped"):
        pending.wait()


# A lock that another thread holds


KINDS: tuple[type[Cache], ...] = Cache, SingleUseCache


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_but_a_first_token_needs_the_lock(clock: Clock, kind: type[Cache]) -> None:
    world = World(clock, RefreshPolicy(jitter=0, deadline=0.02), kind)
    pending = world.cache.token()
    assert isinstance(pending, PendingRenewal)
    with held_elsewhere(world.cache._lock):
        world.run(world.grant("a"))
        token = pending.wait()
        world.cache.open()
        world.cache.accept_replacement(token)
        world.cache.reject_replacement(token)
        assert world.cache.replace(token) is None
        world.cache.invalidate(token)
        world.cache.close()
        with pytest.raises(TokenError, match="no token before the deadline"):
            world.cache.token()
    assert world.acquirer.discarded == []


def test_a_due_token_is_handed_out_while_another_thread_holds_the_lock(clock: Clock) -> None:
    world = World(clock, RefreshPolicy(jitter=0, deadline=20))
    token = world.fetch("a", 100)
    clock.pass_by(85)
    with held_elsewhere(world.cache._lock):
        assert world.cache.token() is token
    assert world.renewals == []
    assert world.cache.token() is token
    assert len(world.renewals) == 1


@pytest.mark.parametrize("kind", KINDS)
def test_a_lock_that_is_held_for_a_moment_is_waited_for(clock: Clock, kind: type[Cache]) -> None:
    world = World(clock, RefreshPolicy(jitter=0, deadline=20), kind)
    outcomes: list[object] = []
    for call in (lambda: outcomes.append(world.cache.token()), lambda: world.run(world.grant("a"))):
        with held_elsewhere(world.cache._lock):
            thread = Thread(target=call)
            thread.start()
            thread.join(0.05)
            assert thread.is_alive()
        thread.join(10)
    (pending,) = outcomes
    assert isinstance(pending, PendingRenewal)
    assert pending.wait().access_token == "a"
    if isinstance(world.cache, SingleUseCache):
        assert not world.cache._pending
    else:
        assert world.cache.held[0].access_token == "a"


@pytest.mark.parametrize("kind", KINDS)
def test_giving_up_a_renewal_does_not_wait_for_the_lock(clock: Clock, kind: type[Cache]) -> None:
    world = World(clock, RefreshPolicy(jitter=0, deadline=20), kind)
    pending = world.cache.token()
    assert isinstance(pending, PendingRenewal)
    clock.pass_by(60)
    began = time.monotonic()
    with held_elsewhere(world.cache._lock), pytest.raises(TokenError, match="no token before the deadline"):
        pending.wait()
    assert time.monotonic() - began < 10


def test_an_expired_token_is_not_handed_out_while_another_thread_holds_the_lock(clock: Clock) -> None:
    world = World(clock, RefreshPolicy(jitter=0, deadline=0.02))
    world.fetch("a", 100)
    clock.pass_by(100)
    with held_elsewhere(world.cache._lock), pytest.raises(TokenError, match="no token before the deadline"):
        world.cache.token()


# Failures, and sources that are closed


def test_the_pauses_after_failures_grow_and_begin_again(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_clock, "jitter", lambda: 1.0)
    world.fetch("a")
    world.clock.pass_by(3000)
    assert [pause_after_a_failure(world) for _ in range(4)] == [2, 4, 8, 16]
    world.cache.token()
    world.run(world.grant("b"))
    world.clock.pass_by(3000)
    assert pause_after_a_failure(world) == 2


def pause_after_a_failure(world: World) -> int:
    """Let a renewal of a due token fail. Return the seconds until the next one starts."""
    world.cache.token()
    world.run(TokenError("an outage"))
    for seconds in range(100):
        world.cache.token()
        if world.renewals:
            world.renewals.clear()
            world.cache.renew_locks()  # forgets the renewal
            return seconds
        world.clock.pass_by(1)
    raise AssertionError


def test_the_last_of_several_sources_stops_a_renewal(world: World) -> None:
    for _ in range(3):
        world.cache.open()
    world.cache.token()
    renewal = world.cache._renewal
    assert renewal is not None
    world.cache.close()
    world.cache.close()
    assert not renewal.stop.is_set()
    world.cache.close()
    assert renewal.stop.is_set()
    world.cache.open()
    assert not renewal.stop.is_set()


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_task_gives_up_a_renewal_that_takes_too_long(backend: str) -> None:
    late = TokenError("no token before the deadline")
    pending = PendingRenewal(_clock.monotonic() + 0.05, lambda: late)
    with pytest.raises(TokenError, match="no token before the deadline"):
        anyio.run(pending.wait_async, backend=backend)


# Tokens that are used once


@pytest.fixture
def once(clock: Clock) -> World:
    """A cache that gives each call a token of its own."""
    return World(clock, kind=SingleUseCache)


def test_calls_for_a_token_that_is_used_once_share_nothing(once: World) -> None:
    first, second = once.cache.token(), once.cache.token()
    assert isinstance(first, PendingRenewal)
    assert isinstance(second, PendingRenewal)
    once.run(once.grant("a"))
    assert (first.wait().access_token, second.completed) == ("a", False)
    once.run(TokenError("acme: refused"))
    with pytest.raises(TokenError, match="refused"):
        second.wait()
    assert under_way(once) == set()


def under_way(world: World) -> set[Any]:
    """The requests that the cache takes for pending. Each that stays would take memory for ever."""
    assert isinstance(world.cache, SingleUseCache)
    return world.cache._pending


def test_a_request_that_was_given_up_before_it_began_is_not_sent(once: World) -> None:
    pending = once.cache.token()
    assert isinstance(pending, PendingRenewal)
    once.clock.pass_by(60)
    with pytest.raises(TokenError, match="no token before the deadline"):
        pending.wait()
    once.acquirer.outcomes.append(once.grant("a"))
    once.run()
    assert len(once.acquirer.outcomes) == 1


def test_a_rejected_replacement_of_a_token_that_is_used_once_starts_a_pause(once: World) -> None:
    assert isinstance(once.cache.replace(Token("used")), PendingRenewal)
    once.cache.reject_replacement(Token("another"))
    assert once.cache.replace(Token("used")) is None
    once.clock.pass_by(RefreshPolicy().replacement_pause)
    assert isinstance(once.cache.replace(Token("used")), PendingRenewal)


def test_replacements_of_tokens_that_are_used_once_have_a_budget(once: World) -> None:
    found = [once.cache.replace(Token("used")) for _ in range(7)]
    assert [each is not None for each in found] == [True] * 5 + [False] * 2
