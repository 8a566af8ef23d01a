"""Cache: the state of one client's token in this process, and the decisions about it.

It decides what is handed out, when a renewal starts, and what follows from a rejection. ``acquire`` brings a new token,
``renewal`` has those who wait for it, and ``registry`` shares a cache among sources. The fast path is in ``source``: it
reads ``held`` and the clock, and takes no lock.
"""

import copy
import math
import random
import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Protocol

from paygrant import _clock
from paygrant._cache.acquire import LONGEST_WAIT, Acquired
from paygrant._cache.renewal import PendingRenewal
from paygrant._errors import ConfigurationError, PaygrantError, ProviderUnavailable, RateLimited, TokenError
from paygrant._telemetry import Meter
from paygrant._tokens.lifecycle import Grant, Life, State, pause_after
from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import Token, same_token

Held = tuple[Token, float]
"""The held token, and the time until which it is fresh. A plain tuple, because the fast path unpacks it each time."""

NOTHING: Held = (Token(""), -math.inf)

_NO_LIFE = Life(-math.inf, -math.inf, -math.inf)


class Acquirer(Protocol):
    """Brings a token. ``acquire`` has the real one; tests and simulations have others."""

    def acquire(
        self, better: Callable[[Grant], Grant | None], stop: threading.Event, attempt_failed: Callable[[], None]
    ) -> Acquired:
        """A new token. Blocks.

        Args:
            better: Gets a stored token. Returns it as it would be used if it is better than the held one, otherwise None.
            stop: Set when no caller needs the token any more.
            attempt_failed: Called when a request failed and will be repeated.

        Raises:
            PaygrantError: There is no token.
        """
        ...

    def discard(self, acquired: Acquired) -> None:
        """Remove this token from the place where it is kept."""
        ...


def _start_thread(target: Callable[[], None]) -> None:
    threading.Thread(target=target, name="paygrant", daemon=True).start()


class Cache:
    """The state that sources with equal arguments share."""

    def __init__(
        self,
        acquirer: Acquirer,
        policy: RefreshPolicy,
        meter: Meter,
        start: Callable[[Callable[[], None]], object] = _start_thread,
    ) -> None:
        self.meter = meter
        self._acquirer = acquirer
        self._start = start
        """Runs a renewal in the background."""
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
        self._no_replacement_until = -math.inf
        self._failures = 0
        self._failing = False
        self._no_renewal_until = -math.inf

    def renew_locks(self) -> None:
        """Make new locks. A forked child needs them: the threads that hold the old ones do not exist there."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._pending: PendingRenewal | None = None
        self._renewal_thread = 0
        """The identifier of the thread that runs the renewal."""

    def token(self) -> Token | PendingRenewal:
        """The held token, or else the renewal that brings one."""
        with self._lock:
            now = _clock.monotonic()
            state = self._life.state(now, failing=self._failing)
            if state is State.EXPIRED:
                self.meter.waited()
                return self._start_renewal()
            if state is State.DUE:
                self.meter.served_stale()
                if now >= self._no_renewal_until:
                    self._start_renewal()
            return self.held[0]

    def invalidate(self, token: Token) -> None:
        """Drop this very token, here and in the store."""
        with self._lock:
            if not same_token(token, self.held[0]):
                return
            acquired = self._acquired
            self._rejected = token
            self._life, self.held = _NO_LIFE, NOTHING
        if acquired:
            self._acquirer.discard(acquired)

    def replace(self, rejected: Token) -> Token | PendingRenewal | None:
        """What to send in place of a token that the API rejected. None: the caller gets the API's response.

        The old token stays in service until the new one is there. An API may use 401 for "forbidden". If there is no
        new token then, the other calls must continue.
        """
        with self._lock:
            now = _clock.monotonic()
            token = self.held[0]
            if not same_token(rejected, token):
                expired = self._life.state(now, failing=self._failing) is State.EXPIRED
                return self._start_renewal() if expired or same_token(token, self._rejected) else token
            if self.replacement is not None:
                self._pause_replacement(now)
            if now < max(self._no_replacement_until, self._no_renewal_until):
                return None
            self._rejected = rejected
            self.meter.waited()
            return self._start_renewal()

    def accept_replacement(self, token: Token) -> None:
        """Note that the API accepted this token."""
        with self._lock:
            if token is self.replacement:
                self.replacement = None

    def reject_replacement(self, token: Token) -> None:
        """Note that the API rejected a replacement, too. No token is replaced for a while."""
        with self._lock:
            if same_token(token, self.held[0]):
                self._pause_replacement(_clock.monotonic())

    def _pause_replacement(self, now: float) -> None:
        self.replacement = None
        self._no_replacement_until = now + self._policy.replacement_pause

    def open(self) -> None:
        """Note one more source."""
        with self._lock:
            self._users += 1
            self._stop.clear()

    def close(self) -> None:
        """Note that a source was closed. The last one stops the retries of a pending renewal."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._stop.set()

    def forget(self) -> None:
        """Return to the state before the first token. Stops the pending renewal and waits for its end."""
        self._stop.set()
        while pending := self._pending:
            with suppress(PaygrantError):
                pending.wait()
        if self.held is not NOTHING:
            self.invalidate(self.held[0])
        with self._lock:
            self._clear()
            self._stop.clear()

    def _start_renewal(self) -> PendingRenewal:
        """The pending renewal, or a new one."""
        if self._pending is None:
            self._pending = pending = PendingRenewal()
            try:
                self._start(self._run_renewal)
            except RuntimeError:  # there are too many threads, or the interpreter is about to end
                self._pending = None
                pending.complete(TokenError("no thread can be started for the renewal"))
            return pending
        if self._renewal_thread == threading.get_ident():  # a log handler, a transport or a secret's callable calls us
            fault = "a token was requested from within the token's own renewal"
            raise ConfigurationError(f"source: {fault}; expected a call from outside", argument="source")
        return self._pending

    def _run_renewal(self) -> None:
        """Bring a token, or the error. It runs on a separate thread, so no exception may escape."""
        self._renewal_thread = threading.get_ident()
        acquired = None
        outcome: Token | PaygrantError = TokenError("the renewal failed")
        try:
            acquired, outcome = self._outcome()
        finally:
            with self._lock:
                pending, self._pending, self._renewal_thread = self._pending, None, 0
                try:
                    if acquired is not None:
                        self._adopt(acquired)
                    else:
                        self._note_failure(outcome)
                        outcome = self._still_valid() or outcome
                finally:  # a fault in these notes must not block the callers either
                    if pending:
                        pending.complete(outcome)

    def _outcome(self) -> tuple[Acquired | None, Token | PaygrantError]:
        try:
            acquired = self._acquirer.acquire(self._better, self._stop, self._attempt_failed)
        except PaygrantError as error:
            return None, copy.copy(error)
        except BaseException as error:  # noqa: BLE001 - nobody may wait for ever, whatever it is
            return None, TokenError(f"the renewal failed by {type(error).__name__}")
        return acquired, acquired.grant.token

    def _adopt(self, acquired: Acquired) -> None:
        """Hand out this token from now on."""
        life = acquired.grant.life(self._policy, random.random())  # noqa: S311 - it spreads load and protects nothing
        # The order matters: a fork between the two must not leave the child a life without its token.
        self.held = (acquired.grant.token, life.due)
        self._life, self._acquired = life, acquired
        self.replacement = None if self._rejected is NOTHING[0] else acquired.grant.token
        self._rejected = NOTHING[0]
        self._failures, self._failing, self._no_renewal_until = 0, False, -math.inf

    def _note_failure(self, error: object) -> None:
        """Pause before the next renewal that nobody waits for."""
        self._failures += 1
        self._failing = True
        asked = error.retry_after if isinstance(error, RateLimited | ProviderUnavailable) else None
        growing = pause_after(self._failures, random.random())  # noqa: S311 - as above
        self._no_renewal_until = _clock.monotonic() + max(min(asked or 0.0, LONGEST_WAIT), growing)

    def _still_valid(self) -> Token | None:
        """The old token, if it may be valid and the API has not rejected it."""
        token = self.held[0]
        return token if _clock.monotonic() < self._life.ends and not same_token(token, self._rejected) else None

    def _attempt_failed(self) -> None:
        """A request failed and will be repeated. Callers need not wait for that while the old token is valid."""
        with self._lock:
            self._failing = True
            token, pending = self._still_valid(), self._pending
            if token and pending:
                self._pending = PendingRenewal()
                pending.complete(token)

    def _better(self, grant: Grant) -> Grant | None:
        """A token of the store, as it is used here, if it is better than the held one: it lives longer, or replaces it."""
        token, held = grant.token, self.held[0]
        if same_token(token, held) or same_token(token, self._rejected):
            return None
        if token.expires_at is None:  # each policy decides how long such a token lives
            grant = replace(grant, lifetime=min(grant.lifetime, self._policy.default_lifetime))
        life = grant.life(self._policy, 0.0)
        since = self._acquired.grant.since if self._acquired else -math.inf
        better = grant.since > since if same_token(held, self._rejected) else life.ends > self._life.ends
        return grant if better and _clock.monotonic() < life.expires else None


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
        """The caller gets the API's response."""

    def accept_replacement(self, token: Token) -> None:
        """There is nothing to note."""

    def reject_replacement(self, token: Token) -> None:
        """There is nothing to note."""

    def close(self) -> None:
        """It is closed already."""


CLOSED = ClosedCache()
