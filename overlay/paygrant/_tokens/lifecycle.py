"""When a token is fresh, due, expired and over, and how long to pause after a failed renewal.

These are pure decisions: the caller gives the time and the random numbers. Times are seconds of the monotonic clock.
"""

from enum import Enum
from typing import NamedTuple

from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import Token

_LONGEST_PAUSE = 60.0
"""Seconds. When a provider recovers, a renewal finds out after this time at the latest."""


class State(Enum):
    """The state of a token in its life."""

    FRESH = "handed out"
    DUE = "handed out while it is renewed"
    EXPIRED = "not handed out: callers wait for a new one"


class Life(NamedTuple):
    """The moments at which a token's state changes."""

    due: float
    expires: float
    ends: float

    def state(self, now: float, *, failing: bool) -> State:
        """The state at this time. While renewal fails, the margin is given up: an old token is better than none."""
        if now < self.due:
            return State.FRESH
        return State.DUE if now < (self.ends if failing else self.expires) else State.EXPIRED


class Grant(NamedTuple):
    """A token as it was issued, with the facts that decide its life.

    Attributes:
        token: The token.
        since: When it was requested. The provider starts to count a little later, so the token may live a little longer than this says.
        lifetime: How long it lives from then on, in seconds.
    """

    token: Token
    since: float
    lifetime: float

    def life(self, policy: RefreshPolicy, jitter: float) -> Life:
        """When the token is due, when it expires and when it ends.

        Args:
            policy: The fractions and margins.
            jitter: A random number of this process, from 0 to 1.
        """
        whole = self.lifetime
        due = max(whole / 2, min(policy.refresh_fraction * whole, whole - policy.refresh_before))
        expires = whole - min(policy.margin, policy.margin_fraction * whole)
        due = min(due + jitter * policy.jitter * (expires - due), expires)
        return Life(self.since + due, self.since + expires, self.since + whole)


def pause_after(failures: int, jitter: float) -> float:
    """Seconds to pause after this number of failed renewals in a row: it grows, and differs between processes."""
    growing: float = 2.0 ** min(failures, 30)  # the limit avoids an overflow in a long outage
    return min(growing, _LONGEST_PAUSE) * (0.5 + jitter / 2)
