"""When a token is fresh, due, expired and over, and how long to wait after a failure.

Pure: no clock, no lock, no I/O, and no dice but those given. Times are seconds of the monotonic clock.
"""

from dataclasses import dataclass
from enum import Enum

from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import Token

_LONGEST_PAUSE = 60.0
"""Seconds. A provider that is back is noticed after this time at the latest."""


class State(Enum):
    """Where in its life a token is."""

    FRESH = "handed out"
    DUE = "handed out while a new one is asked for"
    EXPIRED = "not handed out: callers wait for a new one"


@dataclass(frozen=True, slots=True)
class Life:
    """The moments at which a token's state changes."""

    due: float
    expires: float
    ends: float

    def state(self, now: float, *, failing: bool) -> State:
        """The state. Where renewal fails, the margin is given up: a token that may still be good beats none."""
        if now < self.due:
            return State.FRESH
        return State.DUE if now < (self.ends if failing else self.expires) else State.EXPIRED


@dataclass(frozen=True, slots=True)
class Grant:
    """A token with the facts of its life.

    Attributes:
        token: The token.
        since: When it was asked for. The provider counts from later, so nothing is lost but the request's duration.
        lifetime: How long it lives from then on.
    """

    token: Token
    since: float
    lifetime: float

    def life(self, policy: RefreshPolicy, dice: float) -> Life:
        """When the token is due, when it expires and when it ends; ``dice`` are this process's, from 0 to 1."""
        whole = self.lifetime
        due = max(whole / 2, min(policy.refresh_fraction * whole, whole - policy.refresh_before))
        expires = whole - min(policy.margin, policy.margin_fraction * whole)
        due = min(due + dice * policy.jitter * (expires - due), expires)
        return Life(self.since + due, self.since + expires, self.since + whole)


def pause(failures: int, dice: float) -> float:
    """Seconds to wait after so many renewals in a row have failed: growing, and not the same for all."""
    growing: float = 2.0 ** min(failures, 30)  # a long outage must not end in an overflow
    return min(growing, _LONGEST_PAUSE) * (0.5 + dice / 2)
