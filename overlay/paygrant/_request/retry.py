"""Repeating a token request that may succeed later (tenacity): growing pauses, ``Retry-After``, one deadline over all."""

import threading
from collections.abc import Callable

from tenacity import RetryCallState, Retrying, retry_if_exception, wait_exponential, wait_random

from paygrant import _clock
from paygrant._errors import ProviderUnavailable, RateLimited, TokenError
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.policy import RefreshPolicy

_BACKOFF = wait_exponential(multiplier=0.5, max=8.0) + wait_random(0.0, 0.5)
"""Seconds between requests: 0.5, 1, 2, ... and up to half a second more."""


def retrying(
    request: Callable[[int], Grant],
    policy: RefreshPolicy,
    deadline: float,
    stop: threading.Event,
    failed: Callable[[], None],
) -> Grant:
    """Make a request until it succeeds, or until repeating it is of no use.

    Args:
        request: Is given the number of the attempt.
        policy: How many attempts there may be.
        deadline: By the monotonic clock; no pause goes beyond it.
        stop: Ends a pause, and all further attempts.
        failed: Called before each pause.

    Raises:
        TokenError: The last one. Of a ProviderUnavailable, the number of attempts is noted.
    """
    made = 0

    def give_up(state: RetryCallState) -> bool:
        late = _clock.monotonic() + state.upcoming_sleep >= deadline
        return stop.is_set() or late or state.attempt_number >= policy.max_attempts

    def once() -> Grant:
        nonlocal made
        made += 1
        return request(made)

    def pause(state: RetryCallState) -> None:
        failed()
        _clock.sleep(state.upcoming_sleep, stop)
        if stop.is_set() and state.outcome:
            state.outcome.result()  # raises the error: nobody waits for another attempt

    attempts = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, TokenError) and error.retryable),
        stop=give_up,
        wait=_wait,
        sleep=lambda _: None,  # the pause is made before: tenacity would ask again after one that was ended
        before_sleep=pause,
        reraise=True,
    )
    try:
        return attempts(once)
    except ProviderUnavailable as error:
        error.attempts = made
        error.args = (f"{error} (attempts: {made})",)
        raise


def _wait(state: RetryCallState) -> float:
    """As long as the provider asks for, or else a growing pause."""
    error = state.outcome.exception() if state.outcome else None
    asked = error.retry_after if isinstance(error, RateLimited | ProviderUnavailable) else None
    return _BACKOFF(state) if asked is None else asked
