"""RefreshPolicy: the numbers that steer a token's life. ``lifecycle`` computes what follows from them."""

from dataclasses import dataclass

from paygrant._arguments import check_seconds, check_whole, checked

_LONGEST = 1e9
"""Seconds. Timers of the operating system take about nine times as much."""

_LONGEST_WAIT = 86400.0
"""Seconds. A socket waits for 24 days at most."""


@dataclass(frozen=True, kw_only=True)
class RefreshPolicy:
    """The numbers that steer a token's life. Times are in seconds; fractions are from 0 to 1.

    Attributes:
        refresh_fraction: The fraction of its lifetime after which a token is due. A due token is still used while it
            is renewed.
        refresh_before: A token is due at the latest this long before its end, but never in the first half of its life.
        margin: A token counts as expired this long before its end, so that it is still valid when it arrives.
        margin_fraction: The upper limit of the margin, as a fraction of the lifetime.
        jitter: Random delay before renewal, as a fraction of the time between due and expiry.
        default_lifetime: The lifetime of a token if the provider does not state one.
        timeout: The time limit of each step of a token request: connecting, sending, each read.
        deadline: The time limit of a whole renewal, with its retries and the pauses between them.
        max_attempts: The largest number of requests in one renewal.
        refusal_pause: How long callers get a remembered refusal before a new request is made.
        replacement_pause: How long no token is replaced after the API rejected a replacement, too.

    No time may be longer than 1e9 seconds (31 years). ``timeout`` and ``deadline`` may be a day at most.

    Raises:
        ConfigurationError: A number is out of its range.
    """

    __module__ = "paygrant"

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
        check_seconds("default_lifetime", self.default_lifetime, least=0.001, most=_LONGEST)
        for name in ("timeout", "deadline"):
            check_seconds(name, getattr(self, name), least=0.001, most=_LONGEST_WAIT)
        for name in ("refresh_before", "margin", "refusal_pause", "replacement_pause"):
            check_seconds(name, getattr(self, name), most=_LONGEST)
        check_whole("max_attempts", self.max_attempts, least=1)


RefreshPolicy.__init__ = checked(RefreshPolicy.__init__)  # type: ignore[method-assign]
