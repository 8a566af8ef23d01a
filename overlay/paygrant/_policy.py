"""How long a token is used, when it is renewed, how long a failure is remembered: numbers, and what follows from them.

Pure: no clock, no lock, no I/O, and no dice but those given. Times are seconds of the monotonic clock.
"""

from dataclasses import dataclass
from enum import Enum

from paygrant._checks import check_seconds, check_whole, checked
from paygrant._token import Token

_LONGEST_PAUSE = 60.0
"""Seconds. A provider that is back is noticed after this time at the latest."""


@dataclass(frozen=True, kw_only=True)
class RefreshPolicy:
    """The numbers that steer a token's life, in seconds where nothing else is said.

    Attributes:
        refresh_fraction: After this part of its lifetime a token is due: it is renewed while it is still used ...
        refresh_before: ... or so long before its end, where that is earlier; but never in the first half.
        margin: A token counts as expired this long before its end, so that it is still good when it arrives ...
        margin_fraction: ... but never more than this part of its lifetime.
        jitter: Each process waits for up to this part of the due time, lest a fleet renew in step.
        default_lifetime: The lifetime of a token whose provider says nothing of it.
        timeout: The time limit of each step of a token request: connecting, sending, each read.
        deadline: The time limit of a whole renewal, its repeated requests and the pauses between them included.
        max_attempts: So many requests at most are made for one renewal.
        refusal_pause: For so long a refusal is repeated to callers without a new request.
        replacement_pause: For so long no token is replaced after a replacement was rejected as well.

    Raises:
        ConfigurationError: A number is out of its bounds.
    """

    refresh_fraction: float = 0.8
    refresh_before: float = 60.0
    margin: float = 30.0
    margin_fraction: float = 0.1
    jitter: float = 0.1
    default_lifetime: float = 300.0
    timeout: float = 10.0
    deadline: float = 30.0
    max_attempts: int = 4
    refusal_pause: float = 60.0
    replacement_pause: float = 30.0

    def __post_init__(self) -> None:
        for name in ("refresh_fraction", "margin_fraction", "jitter"):
            check_seconds(name, getattr(self, name), most=1.0)
        for name in ("default_lifetime", "timeout", "deadline"):
            check_seconds(name, getattr(self, name), least=0.001)
        for name in ("refresh_before", "margin", "refusal_pause", "replacement_pause"):
            check_seconds(name, getattr(self, name))
        check_whole("max_attempts", self.max_attempts, least=1)


RefreshPolicy.__init__ = checked(RefreshPolicy.__init__)  # type: ignore[method-assign]


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
    return min(2.0**failures, _LONGEST_PAUSE) * (0.5 + dice / 2)
