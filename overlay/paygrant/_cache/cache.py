"""Cache: the state of one client's token in this process, and the decisions about it.

It decides what is handed out, when a renewal starts, and what follows from a rejection. ``acquire`` brings a new token,
``renewal`` has those who wait for it, and ``registry`` shares a cache among sources. The fast path is in ``source``: it
reads ``held`` and the clock, and takes no lock.
"""

import copy
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Protocol

from paygrant import _clock
from paygrant._cache.acquire import LONGEST_WAIT, Acquired
from paygrant._cache.lock import BlockedError, BoundedLock
from paygrant._cache.renewal import PendingRenewal, Renewal
from paygrant._errors import ConfigurationError, PaygrantError, ProviderUnavailable, RateLimited, TokenError
from paygrant._telemetry import Meter
from paygrant._tokens.lifecycle import Grant, Life, State, pause_after
from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import Token, same_token

Held = tuple[Token, float]
"""The token at hand, and the time until which it is fresh. A plain tuple, because the fast path unpacks it each time."""

NOTHING: Held = (Token(""), _clock.LONG_AGO)

_NO_LIFE = Life(_clock.LONG_AGO, _clock.LONG_AGO, _clock.LONG_AGO)

_NO_REPLACEMENTS = 0.0, _clock.LONG_AGO


class Acquirer(Protocol):
    """Brings a token from wherever it comes from; ``acquire`` has the real one."""

    def acquire(
        self,
        better: Callable[[Grant], Grant | None],
        stop: _clock.Event,
        attempt_failed: Callable[[], None],
        granted: Callable[[Acquired], object],
    ) -> Acquired:
        """A new token. Blocks.

        Args:
            better: Returns a stored token, as it would be used, if it is better than the one at hand.
            stop: Set when nobody needs the token any more.
            attempt_failed: Called when a request failed and will be repeated.
            granted: Gets a token that was requested, before it is kept anywhere.

        Raises:
            PaygrantError: There is no token.
        """
        ...

    def discard(self, acquired: Acquired) -> None:
        """Forget this token wherever it is kept."""
        ...

    def too_late(self) -> TokenError:
        """The error for callers whose renewal did not end in time."""
        ...


_LITTLE, _MOST_LITTLE = 0.25, 1.0
"""A renewal is given up this fraction of the deadline after it, but at most this number of seconds."""

_MOST_STUCK = 4
"""Renewals that were given up and still run, such as in a transport that hangs. Further ones start ever more rarely."""

_LONGEST_STUCK_PAUSE = 3600.0
"""Seconds between the starts of renewals while many are stuck."""

_BURST = 5
"""Replacements that may follow each other without a pause."""


class Cache:
    """The state that sources with equal arguments share.

    A signal handler or a finalizer may request a token while its thread holds the lock. The lock is re-entrant, but such
    a call must not wait: the renewal needs the lock, too. No renewal starts under the lock, and nobody waits under it.
    Such code may also sleep under the lock. Then other threads do without it after a while.

    Args:
        acquirer: Brings a new token.
        policy: The numbers that steer a token's life.
        meter: Counts what happens.
        start: Runs a renewal in the background.
    """

    __slots__ = (
        "__weakref__",
        "_acquired",
        "_acquirer",
        "_failing",
        "_failures",
        "_life",
        "_lock",
        "_no_renewal_until",
        "_no_replacement_until",
        "_policy",
        "_rejected",
        "_renewal",
        "_replacements",
        "_start",
        "_stuck",
        "_users",
        "held",
        "meter",
        "replacement",
    )

    def __init__(
        self,
        acquirer: Acquirer,
        policy: RefreshPolicy,
        meter: Meter,
        start: Callable[[Callable[[], None]], object],
    ) -> None:
        self.meter = meter
        self._acquirer = acquirer
        self._start = start
        self._policy = policy
        self._users = 0
        self._clear()
        self.renew_locks()

    def _clear(self) -> None:
        """The state before the first token."""
        self.held = NOTHING
        self.replacement: Token | None = None
        """The token that replaced a rejected one, until the API accepts it."""
        self._acquired: Acquired | None = None
        self._life = _NO_LIFE
        self._rejected = NOTHING[0]
        self._no_replacement_until = _clock.LONG_AGO
        self._replacements = _NO_REPLACEMENTS
        """How much of the budget of replacements is used, and when that was noted."""
        self._failures = 0
        self._failing = False
        self._no_renewal_until = _clock.LONG_AGO

    def renew_locks(self) -> None:
        """Make new locks. A forked child needs them: the threads that hold the old ones do not exist there."""
        self._lock = BoundedLock(self._policy.deadline, self._little)
        self._stuck = 0
        """The number of renewals that were given up and still run."""
        self._renewal: Renewal | None = None

    def token(self) -> Token | PendingRenewal:
        """The token at hand, or else the renewal that brings one."""
        now, nested = _clock.monotonic(), self._lock.is_mine
        # The life is read before the token, because a new token is noted before its life.
        life, token = self._life, self.held[0]
        is_due = life.state(now, failing=self._failing) is State.DUE and token is not NOTHING[0]
        try:
            with self._lock.at_once if is_due else self._lock:
                token = self.held[0]
                state = self._life.state(now, failing=self._failing)
                wanted = state is State.EXPIRED or (state is State.DUE and now >= self._no_renewal_until)
                renewal, new = self._join_renewal(now) if wanted else (None, False)
        except BlockedError:
            if is_due:  # another thread decides about its renewal
                return token
            raise self._acquirer.too_late() from None
        if renewal and new:
            self._launch(renewal)
        if state is State.DUE:
            self.meter.served_stale()
        if state is State.EXPIRED and renewal:
            if nested:
                raise nested_call()
            pending = renewal.for_this_thread()
            self.meter.waited()
            return pending
        return token

    def invalidate(self, token: Token) -> None:
        """Drop this very token, here and in the store."""
        acquired = None
        with suppress(BlockedError), self._lock:
            if not same_token(token, self.held[0]):
                return
            acquired = self._acquired
            self._rejected = token
            self._life, self.held = _NO_LIFE, NOTHING
        if acquired:
            self._acquirer.discard(acquired)

    def replace(self, rejected: Token) -> Token | PendingRenewal | None:
        """What to send in place of a token that the API rejected. None means that the API's response stands.

        The old token stays in service until the new one is there. An API may use 401 for "forbidden"; if no new token
        can be had then, the other calls must go on.
        """
        if self._lock.is_mine:
            return None
        try:
            return self._decide_replacement(rejected)
        except BlockedError:
            return None

    def _decide_replacement(self, rejected: Token) -> Token | PendingRenewal | None:
        now = _clock.monotonic()
        with self._lock:
            token = self.held[0]
            if not same_token(rejected, token):
                expired = self._life.state(now, failing=self._failing) is State.EXPIRED
                if not expired and not same_token(token, self._rejected):
                    return token
            else:
                if self.replacement is not None:
                    self._pause_replacement(now)
                if now < max(self._no_replacement_until, self._no_renewal_until):
                    return None
                if not same_token(rejected, self._rejected) and not self._may_replace(now):
                    return None
                self._rejected = rejected
            renewal, new = self._join_renewal(now)
        if new:
            self._launch(renewal)
        pending = renewal.for_this_thread()
        self.meter.waited()
        return pending

    def accept_replacement(self, token: Token) -> None:
        """Note that the API accepted this token."""
        with suppress(BlockedError), self._lock:
            if token is self.replacement:
                self.replacement = None

    def reject_replacement(self, token: Token) -> None:
        """Note that the API rejected a replacement, too. No token is replaced for a while."""
        with suppress(BlockedError), self._lock:
            if same_token(token, self.held[0]):
                self._pause_replacement(_clock.monotonic())

    def _may_replace(self, now: float) -> bool:
        """Whether the budget has one more replacement: a burst, and then one every ``replacement_pause``."""
        used, noted = self._replacements
        pause = self._policy.replacement_pause
        used = max(0.0, used - (now - noted) / pause) if pause else 0.0
        if used > _BURST - 1:
            return False
        self._replacements = used + 1, now
        return True

    def _pause_replacement(self, now: float) -> None:
        self.replacement = None
        self._no_replacement_until = now + self._policy.replacement_pause

    def open(self) -> None:
        """Note one more source."""
        with suppress(BlockedError), self._lock:
            self._users += 1
            if self._renewal:
                self._renewal.stop.clear()

    def close(self) -> None:
        """Note that a source was closed. The last one stops the retries of a pending renewal."""
        with suppress(BlockedError), self._lock:
            self._users -= 1
            if self._users == 0:
                self.stop_renewal()

    def stop_renewal(self) -> None:
        """Stop the retries of a pending renewal."""
        if renewal := self._renewal:
            renewal.stop.set()

    def forget(self) -> None:
        """Return to the state before the first token. Stops the pending renewal and waits for its end."""
        while (renewal := self._renewal) and not renewal.ended:
            renewal.stop.set()
            with suppress(PaygrantError):
                renewal.pending.wait()
        if self.held is not NOTHING:
            self.invalidate(self.held[0])
        with suppress(BlockedError), self._lock:
            self._clear()

    @property
    def _little(self) -> float:
        """Seconds after the deadline at which a renewal is given up."""
        return min(_LITTLE * self._policy.deadline, _MOST_LITTLE)

    def _join_renewal(self, now: float) -> tuple[Renewal, bool]:
        """The renewal under way, or a new one, and whether the caller has to launch it when it has left the lock."""
        renewal = self._renewal
        if renewal is None or now >= renewal.ends:  # in a process that was frozen, the old one may never end
            if renewal and not renewal.ended:
                renewal.ended = True
                self._stuck += 1
                self._note_failure(None)
            self._renewal = self._begin(now)
            return self._renewal, True
        return renewal, renewal.launcher == threading.get_ident()

    def _begin(self, now: float) -> Renewal:
        """A renewal that begins now."""
        return Renewal(now + self._policy.deadline + self._little, self._give_up)

    def _launch(self, renewal: Renewal) -> None:
        """Give a renewal to a worker."""
        try:
            renewal.launch(self._start, lambda: self._run_renewal(renewal))
        except RuntimeError:  # there are too many threads, or the interpreter is about to end
            self._end(renewal, TokenError("no thread can be started for the renewal"))

    def _give_up(self, renewal: Renewal) -> Token | PaygrantError:
        """End the waiting for a renewal that takes too long. If it has a token already, only its store hangs."""
        return self._end(renewal, renewal.granted or self._acquirer.too_late(), given_up=True)

    def _run_renewal(self, renewal: Renewal) -> None:
        """Bring a token, or the error. It runs on a worker, so no exception may escape."""
        if not renewal.begins():
            return
        outcome: Acquired | PaygrantError = TokenError("the renewal failed")
        try:
            if not renewal.ended:  # else it was given up while it waited for a worker
                outcome = self._acquired_or_error(renewal)
        finally:
            self._end(renewal, outcome)

    def _end(
        self, renewal: Renewal, outcome: Acquired | PaygrantError, *, given_up: bool = False
    ) -> Token | PaygrantError:
        """Note what a renewal brought, and give it to those who wait."""
        found: Token | PaygrantError = outcome if isinstance(outcome, PaygrantError) else outcome.grant.token
        try:
            with suppress(BlockedError), self._lock.at_once if given_up else self._lock:
                first, renewal.ended, renewal.thread = not renewal.ended, True, 0
                if self._renewal is renewal:
                    self._renewal = None
                if isinstance(outcome, Acquired):
                    if first or self._better(outcome.grant):
                        self._adopt(outcome)
                elif first:
                    self._note_failure(outcome)
                    found = self._still_valid() or outcome
                if first and given_up:
                    self._note_stuck(renewal)
                elif not first and not given_up:
                    self._stuck -= 1
        finally:  # a fault in these notes must not block the callers either
            renewal.pending.complete(found)
        return found

    def _note_stuck(self, renewal: Renewal) -> None:
        """Note a renewal that was given up and still runs. If many do, its outcome stands for a while."""
        self._stuck += 1
        if self._stuck >= _MOST_STUCK:
            pause = self._policy.deadline * 2.0 ** min(self._stuck - _MOST_STUCK, 30)
            renewal.ends = _clock.monotonic() + min(pause, _LONGEST_STUCK_PAUSE)
            self._renewal = renewal

    def _acquired_or_error(self, renewal: Renewal) -> Acquired | PaygrantError:
        try:
            return self._acquirer.acquire(
                self._better, renewal.stop, lambda: self._attempt_failed(renewal), renewal.note
            )
        except PaygrantError as error:
            return copy.copy(error)
        except BaseException as error:  # noqa: BLE001 - nobody may wait for ever, whatever it is
            return TokenError(f"the renewal failed by {type(error).__name__}")

    def _adopt(self, acquired: Acquired) -> None:
        """Hand out this token from now on."""
        life = acquired.grant.life(self._policy, _clock.jitter())
        # The order matters: a fork between the two must not leave the child a life without its token.
        self.held = (acquired.grant.token, life.due)
        self._life, self._acquired = life, acquired
        self.replacement = None if self._rejected is NOTHING[0] else acquired.grant.token
        self._rejected = NOTHING[0]
        self._failures, self._failing, self._no_renewal_until = 0, False, _clock.LONG_AGO

    def _note_failure(self, error: object) -> None:
        """Pause before the next renewal that nobody waits for."""
        self._failures += 1
        self._failing = True
        asked = error.retry_after if isinstance(error, RateLimited | ProviderUnavailable) else None
        growing = pause_after(self._failures, _clock.jitter())
        self._no_renewal_until = _clock.monotonic() + max(min(asked or 0.0, LONGEST_WAIT), growing)

    def _still_valid(self) -> Token | None:
        """The old token, if it may be valid and the API has not rejected it."""
        token = self.held[0]
        return token if _clock.monotonic() < self._life.ends and not same_token(token, self._rejected) else None

    def _attempt_failed(self, renewal: Renewal) -> None:
        """A request failed and will be repeated. Callers need not wait for that while the old token is valid."""
        token, pending = None, renewal.pending
        with suppress(BlockedError), self._lock:
            self._failing = True
            token, pending = self._still_valid(), renewal.pending
            if token:
                renewal.pending = renewal.new_pending()
        if token:
            pending.complete(token)

    def _better(self, grant: Grant) -> Grant | None:
        """A token of the store, as it is used here, if it is better than the one at hand: it lives longer, or replaces it."""
        token, held = grant.token, self.held[0]
        if same_token(token, held) or same_token(token, self._rejected):
            return None
        if token.expires_at is None:  # each policy decides how long such a token lives
            grant = grant._replace(lifetime=min(grant.lifetime, self._policy.default_lifetime))
        life = grant.life(self._policy, 0.0)
        since = self._acquired.grant.since if self._acquired else _clock.LONG_AGO
        better = grant.since > since if same_token(held, self._rejected) else life.ends > self._life.ends
        return grant if better and _clock.monotonic() < life.expires else None


def nested_call() -> ConfigurationError:
    """The error for a call that interrupts another one in its thread."""
    fault = "a signal handler or a finalizer requested a token while its thread was doing so"
    return ConfigurationError(f"source: {fault}; expected a later call", argument="source")


class ClosedCache:
    """Takes the place of the cache in a source that was closed."""

    held = NOTHING
    replacement: Token | None = None

    def token(self) -> Token | PendingRenewal:
        """A closed source has no token."""
        raise ConfigurationError("source: is closed; expected a new TokenSource", argument="source")

    def invalidate(self, token: Token) -> None:
        """There is nothing to drop."""

    def replace(self, rejected: Token) -> Token | PendingRenewal | None:
        """The API's response stands."""

    def accept_replacement(self, token: Token) -> None:
        """There is nothing to note."""

    def reject_replacement(self, token: Token) -> None:
        """There is nothing to note."""

    def close(self) -> None:
        """It is closed already."""


CLOSED = ClosedCache()
