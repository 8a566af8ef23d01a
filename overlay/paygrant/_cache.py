"""The life of one provider's token in one process: what is at hand, who asks for a new one, what is remembered.

The slow path (store, lock, request) is one blocking function on a daemon thread, whoever waits for it. The fast
path is in ``_source``: it reads ``held`` and the clock, and touches no lock.
"""

import copy
import math
import threading
from contextlib import suppress
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from paygrant import _clock
from paygrant._basic import Encoding
from paygrant._errors import ConfigurationError, InvalidClient, PaygrantError, TokenError, TokenRequestRejected
from paygrant._flight import Flight
from paygrant._policy import Grant, RefreshPolicy
from paygrant._request import request_token
from paygrant._stores import Entry, MemoryStore, Store
from paygrant._token import Token

if TYPE_CHECKING:
    import httpx

    from paygrant._provider import Provider


Held = tuple[Token, float]
"""A token at hand, and until when it is handed out. A plain tuple: the fast path takes it apart on each call."""

NOTHING: Held = (Token(""), -math.inf)


class Cache:
    """What sources with equal arguments share."""

    def __init__(
        self, provider: "Provider", store: Store, policy: RefreshPolicy, transport: "httpx.BaseTransport | None"
    ) -> None:
        self.held = NOTHING
        self.replacement: Token | None = None
        """The token that took a rejected one's place, as long as the API has not accepted it."""
        self._provider = provider
        self._store = store
        self._policy = policy
        self._transport = transport
        self._lock = threading.Lock()
        self._flight: Flight | None = None
        self._key = ""
        self._rejected = NOTHING[0]
        self._no_replacement_until = -math.inf
        self._encoding: Encoding = "plain"

    def token(self) -> Token | Flight:
        """The token at hand, or else the flight that brings one."""
        with self._lock:
            token, until = self.held
            return token if _clock.monotonic() < until else self._take_off()

    def invalidate(self, token: Token) -> None:
        """Drop this very token, here and in the store."""
        with self._lock:
            if not token.same(self.held[0]):
                return
            self._rejected = token
            self.held = NOTHING
        self._store.discard(self._key, token)

    def replace(self, rejected: Token) -> Token | Flight | None:
        """What to send in place of a token that the API rejected; None where its answer has to stand.

        Until the new token is there, the old one stays in service: an API that means "forbidden" by its 401, while
        no token can be had, must not take the other calls down.
        """
        with self._lock:
            now = _clock.monotonic()
            token, until = self.held
            if not rejected.same(token):
                return token if now < until else self._take_off()
            if self.replacement is not None:
                self._stand(now)
            if now < self._no_replacement_until:
                return None
            self._rejected = rejected
            return self._take_off()

    def accept(self, token: Token) -> None:
        """The API took this token."""
        if token is self.replacement:
            self.replacement = None

    def stand(self) -> None:
        """A replacement was rejected as well: that is the API's answer, and no token is replaced for a while."""
        with self._lock:
            self._stand(_clock.monotonic())

    def _stand(self, now: float) -> None:
        self.replacement = None
        self._no_replacement_until = now + self._policy.replacement_pause

    def _take_off(self) -> Flight:
        """The flight under way, or a new one."""
        if self._flight is None:
            self._flight = Flight()
            threading.Thread(target=self._fly, args=(self._flight,), name="paygrant", daemon=True).start()
        return self._flight

    def _fly(self, flight: Flight) -> None:
        """Bring a token, or the error why there is none. On a thread of its own, so nothing may escape."""
        try:
            grant = self._renew()
            outcome: Token | PaygrantError = grant.token
        except PaygrantError as error:
            grant, outcome = None, copy.copy(error)
        except BaseException as error:  # noqa: BLE001 - whatever it is, nobody may wait for ever
            grant, outcome = None, PaygrantError(f"the renewal failed by {type(error).__name__}")
        with self._lock:
            self._flight = None
            if grant is not None:
                self.held = (grant.token, grant.expires(self._policy))
                self.replacement = None if self._rejected is NOTHING[0] else grant.token
                self._rejected = NOTHING[0]
        flight.land(outcome)

    def _renew(self) -> Grant:
        """The store's token, or a new one: one holder of the lock asks for it, and looks again before."""
        secret = self._provider.secret()
        self._key = self._provider.cache_key(secret)
        grant = self._kept()
        if grant is None:
            with self._store.lock(self._key, self._policy.deadline):
                grant = self._kept() or self._ask(secret)
        return grant

    def _kept(self) -> Grant | None:
        """What the store keeps, if it is of use: a living token, or a refusal that is remembered."""
        entry = self._store.load(self._key)
        if entry is None or entry.until <= _clock.monotonic():
            return None
        if isinstance(entry.outcome, TokenError):
            raise copy.copy(entry.outcome)  # the store's own would collect tracebacks
        return None if entry.outcome.token.same(self._rejected) else entry.outcome

    def _ask(self, secret: str) -> Grant:
        """Ask the provider, in the other Basic encoding as well where it refuses the first. A refusal is remembered."""
        # The encoding that worked comes first.
        *others, last = sorted(self._provider.basic_encodings(secret), key=lambda each: each != self._encoding)
        try:
            for encoding in others:
                with suppress(InvalidClient):
                    return self._request(secret, encoding)
            return self._request(secret, last)
        except TokenRequestRejected as refusal:
            self._store.save(self._key, Entry(copy.copy(refusal), _clock.monotonic() + self._policy.refusal_pause))
            raise

    def _request(self, secret: str, encoding: Encoding) -> Grant:
        """One request; what it brings is kept."""
        grant = request_token(self._provider, secret, encoding, self._policy, self._transport)
        self._encoding = encoding
        self._store.save(self._key, Entry(grant, grant.expires(self._policy)))
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

    def stand(self) -> None:
        """Nothing is replaced anyway."""


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
        return _caches.setdefault((provider, store, policy, transport), Cache(provider, store, policy, transport))
