"""SingleUseCache: for an API that accepts each token once. Each call gets a token of its own, by a request of its own."""

import threading
from contextlib import suppress

from paygrant import _clock
from paygrant._cache.acquire import Acquired
from paygrant._cache.cache import Cache, nested_call
from paygrant._cache.lock import BlockedError
from paygrant._cache.renewal import PendingRenewal, Renewal, call_from_within
from paygrant._errors import PaygrantError
from paygrant._tokens.token import Token


class SingleUseCache(Cache):
    """A cache that keeps no token. Its acquirer must take none from a store."""

    __slots__ = ("_pending",)

    def renew_locks(self) -> None:
        """Make new locks. A forked child has none of the requests that are under way."""
        super().renew_locks()
        self._pending: set[Renewal] = set()
        """The requests that are under way."""

    def token(self) -> Token | PendingRenewal:
        """A request for a new token."""
        if self._lock.is_mine:
            raise nested_call()
        try:
            renewal = self._new_renewal()
        except BlockedError:
            raise self._acquirer.too_late() from None
        self._launch(renewal)
        self.meter.waited()
        return renewal.pending

    def replace(self, rejected: Token) -> Token | PendingRenewal | None:
        """A request for another token, as far as the budget of replacements allows it. None: the API's response stands.

        The API may have used up the token, such as for a redirect.
        """
        del rejected
        if self._lock.is_mine:
            return None
        now, may_replace = _clock.monotonic(), False
        with suppress(BlockedError), self._lock:
            may_replace = now >= self._no_replacement_until and self._may_replace(now)
        return self.token() if may_replace else None

    def reject_replacement(self, token: Token) -> None:
        """Note that the API rejected a replacement, too. No token is replaced for a while."""
        del token
        with suppress(BlockedError), self._lock:
            self._pause_replacement(_clock.monotonic())

    def invalidate(self, token: Token) -> None:
        """There is nothing to drop: no token is kept."""

    def _new_renewal(self) -> Renewal:
        with self._lock:
            if any(each.thread == threading.get_ident() for each in self._pending):
                raise call_from_within()
            renewal = self._begin(_clock.monotonic())
            self._pending.add(renewal)
        return renewal

    def _end(
        self, renewal: Renewal, outcome: Acquired | PaygrantError, *, given_up: bool = False
    ) -> Token | PaygrantError:
        """Give what a request brought to the one caller that waits for it."""
        found = outcome if isinstance(outcome, PaygrantError) else outcome.grant.token
        try:
            with suppress(BlockedError), self._lock.at_once if given_up else self._lock:
                renewal.ended, renewal.thread = True, 0
                self._pending.discard(renewal)
        finally:
            renewal.pending.complete(found)
        return found
