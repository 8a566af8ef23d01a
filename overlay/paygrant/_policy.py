"""How long a token is used and how long a failure is remembered: numbers, and the decisions made from them.

Pure: no clock, no lock, no I/O. Times are seconds of the monotonic clock.
"""

from dataclasses import dataclass, fields

from paygrant._checks import check_seconds, checked
from paygrant._token import Token


@dataclass(frozen=True, kw_only=True)
class RefreshPolicy:
    """The numbers that steer a token's life, in seconds where nothing else is said.

    Attributes:
        margin: A token counts as expired this long before its end, so that it is still good when it arrives ...
        margin_fraction: ... but never more than this part of its lifetime.
        default_lifetime: The lifetime of a token whose provider says nothing of it.
        timeout: The time limit of each step of the token request: connecting, sending, each read.
        deadline: The time limit of a whole renewal.
        refusal_pause: For so long a refusal is repeated to callers without a new request.
        replacement_pause: For so long no token is replaced after a replacement was rejected as well.

    Raises:
        ConfigurationError: A number is out of its bounds.
    """

    margin: float = 30.0
    margin_fraction: float = 0.1
    default_lifetime: float = 300.0
    timeout: float = 10.0
    deadline: float = 30.0
    refusal_pause: float = 60.0
    replacement_pause: float = 30.0

    def __post_init__(self) -> None:
        for each in fields(self):
            name, value = each.name, getattr(self, each.name)
            if name == "margin_fraction":
                check_seconds(name, value, most=1.0)
            else:
                check_seconds(name, value, least=0.001 if name in {"default_lifetime", "timeout", "deadline"} else 0.0)


RefreshPolicy.__init__ = checked(RefreshPolicy.__init__)  # type: ignore[method-assign]


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

    def expires(self, policy: RefreshPolicy) -> float:
        """From when on the token is not handed out any more."""
        return self.since + self.lifetime - min(policy.margin, policy.margin_fraction * self.lifetime)
