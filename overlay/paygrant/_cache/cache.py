"""The life of one provider's token in one process: what is at hand, who asks for a new one, what is remembered.

The slow path (store, lock, request) is one blocking function on a daemon thread, whoever waits for it, or nobody: a
token that is due is renewed by the same function. The fast path is in ``_source``: it reads ``held`` and the clock,
and touches no lock.
"""

import copy
import math
import os
import random
import threading
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from paygrant import _clock
from paygrant._cache.renewal import Flight
from paygrant._errors import (
    ConfigurationError,
    InvalidClient,
    PaygrantError,
    ProviderUnavailable,
    RateLimited,
    TokenError,
    TokenRequestRejected,
)
from paygrant._request.client_auth import Encoding
from paygrant._request.retry import retrying
from paygrant._request.send import request_token
from paygrant._stores.base import Entry, MemoryStore, Store, Tolerant, clear_memory
from paygrant._telemetry import meter_of
from paygrant._tokens.lifecycle import Grant, Life, State, pause
from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    import httpx

    from paygrant._providers.base import Provider

Held = tuple[Token, float]
"""A token at hand, and until when it is fresh. A plain tuple: the fast path takes it apart on each call."""

NOTHING: Held = (Token(""), -math.inf)
_LEASE_BEYOND_DEADLINE = 5.0
"""Seconds. A renewal ends by its deadline; so long its lock is kept beyond, for the answer that comes just then."""

_LONGEST_WAIT = 86400.0
"""Seconds. A provider that asks for more, by mistake perhaps, is asked again after a day."""

_NO_LIFE = Life(-math.inf, -math.inf, -math.inf)


class Cache:
    """What sources with equal arguments share."""

    def __init__(
        self, provider: "Provider", store: Store, policy: RefreshPolicy, transport: "httpx.BaseTransport | None"
    ) -> None:
        self.meter = meter_of(provider)
        self._provider = provider
        self._store = Tolerant(store)
        self._policy = policy
        self._transport = transport
        self._users = 0
        self._know_nothing()
        self.reset()
        _ = provider.endpoint, provider.model  # a child of a fork could not finish an import that its parent had begun

    def _know_nothing(self) -> None:
        """What is known before the first token."""
        self.held = NOTHING
        self.replacement: Token | None = None
        """The token that took a rejected one's place, as long as the API has not accepted it."""
        self._encoding: Encoding = "plain"
        self._life = _NO_LIFE
        self._rejected = NOTHING[0]
        self._no_replacement_until = -math.inf
        self._since = -math.inf
        self._token_key = ""
        self._keys = ("", "")
        self._failures = 0
        self._failing = False
        self._no_renewal_until = -math.inf

    def reset(self) -> None:
        """Begin anew with what threads hold, in a child of a fork: its parent's threads are not there."""
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._flight: Flight | None = None
        self._pilot = 0
        """The thread of the flight."""

    def token(self) -> Token | Flight:
        """The token at hand, or else the flight that brings one."""
        with self._lock:
            now = _clock.monotonic()
            state = self._life.state(now, failing=self._failing)
            if state is State.EXPIRED:
                self.meter.waited()
                return self._take_off()
            if state is State.DUE:
                self.meter.served_stale()
                if now >= self._no_renewal_until:
                    self._take_off()
            return self.held[0]

    def invalidate(self, token: Token) -> None:
        """Drop this very token, here and in the store."""
        with self._lock:
            if not token.same(self.held[0]):
                return
            self._rejected = token
            self._life, self.held = _NO_LIFE, NOTHING
        self._store.discard(self._token_key, token)

    def replace(self, rejected: Token) -> Token | Flight | None:
        """What to send in place of a token that the API rejected; None where its answer has to stand.

        Until the new token is there, the old one stays in service: an API that means "forbidden" by its 401, while
        no token can be had, must not take the other calls down.
        """
        with self._lock:
            now = _clock.monotonic()
            token = self.held[0]
            if not rejected.same(token):
                dead = token.same(self._rejected) or self._life.state(now, failing=self._failing) is State.EXPIRED
                return self._take_off() if dead else token
            if self.replacement is not None:
                self._stand(now)
            if now < max(self._no_replacement_until, self._no_renewal_until):
                return None
            self._rejected = rejected
            self.meter.waited()
            return self._take_off()

    def accept(self, token: Token) -> None:
        """The API took this token."""
        with self._lock:
            if token is self.replacement:
                self.replacement = None

    def stand(self, rejected: Token) -> None:
        """A replacement was rejected as well: that is the API's answer, and no token is replaced for a while."""
        with self._lock:
            if rejected.same(self.held[0]):
                self._stand(_clock.monotonic())

    def _stand(self, now: float) -> None:
        self.replacement = None
        self._no_replacement_until = now + self._policy.replacement_pause

    def open(self) -> None:
        """One source more."""
        with self._lock:
            self._users += 1
            self._stop.clear()

    def close(self) -> None:
        """One source fewer. The last one ends the renewal that is under way."""
        with self._lock:
            self._users -= 1
            if self._users == 0:
                self._stop.set()

    def forget(self) -> None:
        """Begin anew, with neither token nor refusal nor pause. Ends the renewal that is under way, and waits for it."""
        self._stop.set()
        while flight := self._flight:
            with suppress(PaygrantError):
                flight.wait()
        if self.held is not NOTHING:
            self.invalidate(self.held[0])
        with self._lock:
            self._know_nothing()
            self._stop.clear()

    def _take_off(self) -> Flight:
        """The flight under way, or a new one."""
        if self._flight is None:
            self._flight = flight = Flight()
            try:
                threading.Thread(target=self._fly, name="paygrant", daemon=True).start()
            except RuntimeError:  # no more threads; or the interpreter is about to end
                self._flight = None
                flight.land(PaygrantError("no thread can be started for the renewal"))
            return flight
        if self._pilot == threading.get_ident():  # a log handler, a transport or the secret's callable wants a token
            raise PaygrantError("a renewal cannot wait for itself")
        return self._flight

    def _fly(self) -> None:
        """Bring a token, or the error why there is none. On a thread of its own, so nothing may escape."""
        self._pilot = threading.get_ident()
        grant = None
        outcome: Token | PaygrantError = PaygrantError("the renewal failed")
        try:
            grant, outcome = self._outcome()
        finally:
            with self._lock:
                flight, self._flight, self._pilot = self._flight, None, 0
                try:
                    if grant is not None:
                        self._adopt(grant)
                    else:
                        self._fail(outcome)
                        outcome = self._still_good() or outcome
                finally:  # a fault in the bookkeeping must not hold callers up either
                    if flight:
                        flight.land(outcome)

    def _outcome(self) -> tuple[Grant | None, Token | PaygrantError]:
        """What a renewal brings."""
        try:
            grant = self._renew()
        except PaygrantError as error:
            return None, copy.copy(error)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            return None, PaygrantError(f"the renewal failed by {type(error).__name__}")
        return grant, grant.token

    def _adopt(self, grant: Grant) -> None:
        """Hand out this token from now on."""
        life = grant.life(self._policy, random.random())  # noqa: S311 - spreads load, hides nothing
        # In this order: a fork between the two must not leave the child a life without its token.
        self.held = (grant.token, life.due)
        self._life, self._since, self._token_key = life, grant.since, self._keys[0]
        self.replacement = None if self._rejected is NOTHING[0] else grant.token
        self._rejected = NOTHING[0]
        self._failures, self._failing, self._no_renewal_until = 0, False, -math.inf

    def _fail(self, error: object) -> None:
        """Wait before the next renewal that nobody waits for."""
        self._failures += 1
        self._failing = True
        asked = error.retry_after if isinstance(error, RateLimited | ProviderUnavailable) else None
        wait = max(min(asked or 0.0, _LONGEST_WAIT), pause(self._failures, random.random()))  # noqa: S311 - as above
        self._no_renewal_until = _clock.monotonic() + wait

    def _still_good(self) -> Token | None:
        """The old token, as long as it may be good and the API has not rejected it."""
        token = self.held[0]
        return token if _clock.monotonic() < self._life.ends and not token.same(self._rejected) else None

    def _attempt_failed(self) -> None:
        """A request failed and will be repeated: those who wait need not, while the old token is good."""
        with self._lock:
            self._failing = True
            token, flight = self._still_good(), self._flight
            if token and flight:
                self._flight = Flight()
                flight.land(token)

    def _renew(self) -> Grant:
        """A token; by a new secret, where the old one is refused and the callable has another by now."""
        secret = self._provider.secret()
        try:
            return self._renew_by(secret)
        except InvalidClient:
            rotated = self._provider.secret()
            if rotated == secret:
                raise
        return self._renew_by(rotated)

    def _renew_by(self, secret: str) -> Grant:
        """The store's token, or a new one: the holder of the lock asks for it, and looks again before."""
        self._keys = self._provider.cache_key(secret), self._provider.cache_key(secret, "error")
        grant = self._kept()
        if grant is None:
            with self._store.lock(self._keys[0], self._policy.deadline + _LEASE_BEYOND_DEADLINE):
                grant = self._kept() or self._ask(secret)
        return grant

    def _kept(self) -> Grant | None:
        """What the store keeps, if it is of use: a token that lives longer than ours, or a remembered error."""
        now = _clock.monotonic()
        entry = self._store.load(self._keys[0])
        if entry and isinstance(entry.outcome, Grant) and not entry.outcome.token.same(self.held[0]):
            grant = entry.outcome
            if grant.token.expires_at is None:  # how long it lives is for each policy to say
                grant = replace(grant, lifetime=min(grant.lifetime, self._policy.default_lifetime))
            life = grant.life(self._policy, 0.0)
            rejected = self.held[0].same(self._rejected)
            better = grant.since > self._since if rejected else life.ends > self._life.ends
            if better and now < life.expires and not grant.token.same(self._rejected):
                return grant
        entry = self._store.load(self._keys[1])
        if entry and isinstance(entry.outcome, TokenError) and now < entry.until:
            self.meter.refused()
            raise copy.copy(entry.outcome)  # the store's own would collect tracebacks
        return None

    def _ask(self, secret: str) -> Grant:
        """Ask the provider, in the other Basic encoding as well where it refuses the first; remember what it says."""
        deadline = _clock.monotonic() + self._policy.deadline
        # The encoding that worked comes first.
        *others, last = sorted(self._provider.basic_encodings(secret), key=lambda each: each != self._encoding)
        try:
            for encoding in others:
                with suppress(InvalidClient):
                    return self._request(secret, encoding, deadline)
            return self._request(secret, last, deadline)
        except (TokenRequestRejected, RateLimited, ProviderUnavailable) as error:
            seconds = self._policy.refusal_pause if isinstance(error, TokenRequestRejected) else error.retry_after
            if seconds:
                until = _clock.monotonic() + min(seconds, _LONGEST_WAIT)
                self._store.save(self._keys[1], Entry(copy.copy(error), until))
            raise

    def _request(self, secret: str, encoding: Encoding, deadline: float) -> Grant:
        """One request, repeated where that may help; what it brings is kept."""

        def once(attempt: int) -> Grant:
            began, outcome = _clock.monotonic(), "granted"
            try:
                return request_token(
                    self._provider,
                    secret,
                    encoding,
                    policy=self._policy,
                    transport=self._transport,
                    deadline=deadline,
                )
            except TokenError as error:
                outcome = type(error).__name__
                raise
            finally:
                self.meter.requested(outcome, _clock.monotonic() - began, attempt)

        grant = retrying(once, self._policy, deadline, self._stop, self._attempt_failed)
        self._encoding = encoding
        whose = self._provider.endpoint.name, self._provider.environment_name
        self._store.save(self._keys[0], Entry(grant, grant.since + grant.lifetime, *whose))
        return grant


class Closed:
    """Stands in for the cache of a source that was closed."""

    held = NOTHING
    replacement: Token | None = None

    def token(self) -> Token | Flight:
        """There is none any more."""
        raise ConfigurationError("source: is closed; allowed is a new TokenSource", argument="source")

    def invalidate(self, token: Token) -> None:
        """Nothing is kept that could be dropped."""

    def replace(self, rejected: Token) -> Token | Flight | None:
        """The API's answer has to stand."""

    def accept(self, token: Token) -> None:
        """Nothing is to be learnt."""

    def stand(self, rejected: Token) -> None:
        """Nothing is replaced anyway."""

    def close(self) -> None:
        """It is closed already."""


CLOSED = Closed()

_caches: WeakValueDictionary[object, Cache] = WeakValueDictionary()
_stores: WeakKeyDictionary[object, MemoryStore] = WeakKeyDictionary()
_guard = threading.Lock()


def cache_for(
    provider: "Provider", store: Store | None, policy: RefreshPolicy, transport: "httpx.BaseTransport | None"
) -> Cache:
    """The cache of these arguments: sources with equal ones share it, and so the token and the request for it.

    Where no store is given, sources share this process's; those with a transport of their own share one by transport.
    """
    with _guard:
        if store is None:
            store = _stores.setdefault(transport or Cache, MemoryStore())
        cache = _caches.setdefault((provider, store, policy, transport), Cache(provider, store, policy, transport))
        cache.open()
        return cache


def forget() -> None:
    """Begin anew in the whole process, as a test does: no token is at hand, and no refusal is remembered.

    Of a store outside of the process, only the tokens that were at hand are dropped.
    """
    for cache in tuple(_caches.values()):
        cache.forget()
    clear_memory()


def _after_fork() -> None:
    """In the child of a fork: tokens are kept, locks and flights are not, for their threads are not there."""
    global _guard  # noqa: PLW0603 - another thread may have held it
    _guard = threading.Lock()
    for cache in tuple(_caches.values()):
        cache.reset()


os.register_at_fork(after_in_child=_after_fork)
