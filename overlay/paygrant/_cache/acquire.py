"""TokenAcquirer: brings a token from the store, or by a request. Only one process at a time makes the request.

It blocks and takes time, so it runs on a thread of the cache.
"""

import _thread
import copy
import math
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import TYPE_CHECKING

from paygrant import _clock
from paygrant._errors import InvalidClient, ProviderUnavailable, RateLimited, TokenError, TokenRequestRejected
from paygrant._providers.base import Provider, registration_of
from paygrant._request.client_auth import Encoding
from paygrant._request.credentials import Credentials
from paygrant._request.model import model_reader
from paygrant._request.registration import ClientRegistration
from paygrant._request.response import NONCE_ERROR
from paygrant._request.retry import retrying
from paygrant._request.send import request_token
from paygrant._stores.base import Entry, Store
from paygrant._stores.fail_safe import FailSafeStore
from paygrant._telemetry import Meter
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import read_by

if TYPE_CHECKING:
    import httpx

LONGEST_WAIT = 86400.0
"""Seconds. If a provider states a longer pause, perhaps by mistake, the next request comes after a day."""

_OVERLAP = 3600.0
"""Seconds. While a new key is refused, the earlier one is tried as well for this long."""

_LEASE_AFTER_DEADLINE = 5.0
"""Seconds. A renewal ends by its deadline. Its lock is kept this much longer, for a response that comes just then."""


class Acquired:
    """A token, and the key under which the store keeps it."""

    __slots__ = ("grant", "key")

    def __init__(self, grant: Grant, key: str) -> None:
        self.grant = grant
        self.key = key


class TokenAcquirer:
    """Brings tokens for one client."""

    __slots__ = ("_accepted", "_encoding", "_mark", "_meter", "_policy", "_provider", "_start", "_store", "_transport")

    def __init__(  # noqa: PLR0913, PLR0917 - what a request needs, and where its token goes
        self,
        provider: Provider,
        store: Store,
        policy: RefreshPolicy,
        transport: "httpx.BaseTransport | None",
        meter: Meter,
        mark: str,
        start: Callable[[Callable[[], None]], object],
    ) -> None:
        self._provider = provider
        self._store = FailSafeStore(store, policy.deadline)
        self._policy = policy
        self._transport = transport
        self._meter = meter
        self._mark = mark
        """What distinguishes the tokens that the transport brings."""
        self._start = start
        """Runs an action in the background."""
        self._accepted: tuple[Credentials, float] | None = None
        """The key or certificate that the provider accepted last, and until when it is tried beside a newer one."""
        self._encoding: Encoding = "plain"
        """The encoding of Basic credentials that worked last."""

    def acquire(
        self,
        better: Callable[[Grant], Grant | None],
        stop: _clock.Event,
        attempt_failed: Callable[[], None],
        granted: Callable[[Acquired], object],
    ) -> Acquired:
        """A new token. If the provider refuses the credentials and the callable now returns others, those are tried.

        Args:
            better: Gets a token of the store. Returns it as it would be used if it is better than the held one, otherwise None.
            stop: Ends the retries.
            attempt_failed: Called before each retry.
            granted: Gets a token that was requested, before the store gets it.

        Raises:
            TokenError: There is no token.
            ConfigurationError: The secret's callable failed, or the request cannot be built.
        """
        registration, error = registration_of(self._provider), None
        for credentials in self._candidates(registration):
            try:
                acquired = self._acquire(registration, credentials, better, stop, attempt_failed, granted)
            except InvalidClient as refusal:
                error = refusal
            else:
                if credentials.signer is not None or credentials.certificate is not None:
                    self._note_accepted(credentials)
                return acquired
        raise error or self.too_late()

    def _candidates(self, registration: ClientRegistration) -> Iterator[Credentials]:
        """The credentials to try in turn: those of now, those after a rotation, and the earlier key for a while.

        A provider may learn a new key later than this client does.
        """
        tried: list[list[str]] = []
        for read in (registration.credentials, registration.credentials, self._earlier):
            found = read()
            if found is not None and found.identity not in tried:
                tried.append(found.identity)
                yield found

    def _note_accepted(self, credentials: Credentials) -> None:
        if self._accepted is None or self._accepted[0].identity != credentials.identity:
            self._accepted = credentials, math.inf

    def _earlier(self) -> Credentials | None:
        """The key that the provider accepted last, while it may not know a newer one."""
        if self._accepted is None:
            return None
        credentials, until = self._accepted
        self._accepted = credentials, min(until, _clock.monotonic() + _OVERLAP)
        return credentials if _clock.monotonic() < self._accepted[1] else None

    def discard(self, acquired: Acquired) -> None:
        """Remove this token from the store. This waits until the deadline at most: a store may hang."""
        gate = _thread.allocate_lock()
        gate.acquire()

        def run() -> None:
            try:
                self._store.discard(acquired.key, acquired.grant.token)
            finally:
                gate.release()

        with suppress(RuntimeError):  # no thread can be started
            self._start(run)
            gate.acquire(timeout=min(self._policy.deadline, threading.TIMEOUT_MAX))

    def too_late(self) -> TokenError:
        """The error for callers whose renewal did not end in time."""
        registration = registration_of(self._provider)
        name, environment = registration.name, registration.environment
        where = f"{name} ({environment})" if environment else name
        text = f"{where}: no token before the deadline"
        return ProviderUnavailable(text, provider=name, environment=environment)

    def _acquire(  # noqa: PLR0913, PLR0917 - as above, for these credentials
        self,
        registration: ClientRegistration,
        credentials: Credentials,
        better: Callable[[Grant], Grant | None],
        stop: _clock.Event,
        attempt_failed: Callable[[], None],
        granted: Callable[[Acquired], object],
    ) -> Acquired:
        """The store's token, or a new one. The holder of the lock looks into the store again before its request."""
        key, error_key = registration.cache_keys(credentials, ("token", "error"), self._mark)
        if registration.endpoint.token_use.single_use:
            self._raise_remembered(error_key)
            return Acquired(self._request(registration, credentials, error_key, stop, attempt_failed), key)
        grant = self._stored(key, error_key, better)
        if grant is None:
            with self._store.lock(key, self._policy.deadline + _LEASE_AFTER_DEADLINE):
                grant = self._stored(key, error_key, better)
                if grant is None:
                    grant = self._request(registration, credentials, error_key, stop, attempt_failed)
                    granted(Acquired(grant, key))
                    whose = registration.name, registration.environment
                    self._store.save(key, Entry(grant, grant.since + grant.lifetime, *whose))
        token = read_by(grant.token, model_reader(registration.models))  # a store does not know the model
        return Acquired(grant if token is grant.token else grant._replace(token=token), key)

    def _stored(self, key: str, error_key: str, better: Callable[[Grant], Grant | None]) -> Grant | None:
        """The store's token, if it is better than the held one.

        Raises:
            TokenError: The store remembers an error.
        """
        entry = self._store.load(key)
        if entry and isinstance(entry.outcome, Grant) and (grant := better(entry.outcome)):
            return grant
        self._raise_remembered(error_key)
        return None

    def _raise_remembered(self, error_key: str) -> None:
        """Raise the error that the store remembers, if there is one.

        Raises:
            TokenError: There is one.
        """
        entry = self._store.load(error_key)
        if entry and isinstance(entry.outcome, TokenError) and _clock.monotonic() < entry.until:
            self._meter.refused()
            raise copy.copy(entry.outcome)  # the store's own object would collect tracebacks

    def _request(
        self,
        registration: ClientRegistration,
        credentials: Credentials,
        error_key: str,
        stop: _clock.Event,
        attempt_failed: Callable[[], None],
    ) -> Grant:
        """A token by requests. If one encoding of Basic credentials is refused, the other is tried.

        Refusals, and pauses that the provider states, go into the store.
        """
        deadline = _clock.monotonic() + self._policy.deadline
        # The encoding that worked last comes first.
        *others, last = sorted(
            registration.basic_encodings(credentials.secret), key=lambda each: each != self._encoding
        )
        try:
            for encoding in others:
                with suppress(InvalidClient):
                    return self._retried(registration, credentials, encoding, deadline, stop, attempt_failed)
            return self._retried(registration, credentials, last, deadline, stop, attempt_failed)
        except (TokenRequestRejected, RateLimited, ProviderUnavailable) as error:
            if seconds := self._pause_after(error):
                until = _clock.monotonic() + min(seconds, LONGEST_WAIT)
                self._store.save(error_key, Entry(copy.copy(error), until))
            raise

    def _pause_after(self, error: TokenRequestRejected | RateLimited | ProviderUnavailable) -> float | None:
        """How long an error is remembered, in seconds. A demand for a nonce is no refusal, so it is not remembered."""
        if not isinstance(error, TokenRequestRejected):
            return error.retry_after
        return None if error.error == NONCE_ERROR else self._policy.refusal_pause

    def _retried(  # noqa: PLR0913, PLR0917 - one request, and who watches it
        self,
        registration: ClientRegistration,
        credentials: Credentials,
        encoding: Encoding,
        deadline: float,
        stop: _clock.Event,
        attempt_failed: Callable[[], None],
    ) -> Grant:
        """A token by one encoding, with retries."""

        def once(attempt: int) -> Grant:
            started, outcome = _clock.monotonic(), "granted"
            try:
                return request_token(
                    registration,
                    credentials,
                    encoding,
                    policy=self._policy,
                    transport=self._transport,
                    deadline=deadline,
                )
            except TokenError as error:
                outcome = type(error).__name__
                raise
            finally:
                self._meter.requested(outcome, _clock.monotonic() - started, attempt)

        grant = retrying(once, self._policy, deadline, stop, attempt_failed)
        self._encoding = encoding
        return grant
