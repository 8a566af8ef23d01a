"""RefreshPolicy: the numbers that steer a token's life. What follows from them is in ``_life``."""

from dataclasses import dataclass

from paygrant._arguments import check_seconds, check_whole, checked


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
