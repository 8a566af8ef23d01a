"""Retries of a token request (by tenacity): growing pauses, ``Retry-After``, one deadline over all of them."""

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
    """Repeat a request until it succeeds, or until another attempt cannot help.

    Args:
        request: Makes one attempt. It gets the number of the attempt.
        policy: Limits the number of attempts.
        deadline: A time of the monotonic clock. No pause goes beyond it.
        stop: Ends a pause, and all further attempts.
        failed: Called before each pause.

    Raises:
        TokenError: The last attempt failed. A ProviderUnavailable has the number of attempts.
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
        sleep=lambda _: None,  # the pause is in before_sleep: tenacity would make one more attempt after a stop
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
    """The pause that the provider states, or else a growing one."""
    error = state.outcome.exception() if state.outcome else None
    stated = error.retry_after if isinstance(error, RateLimited | ProviderUnavailable) else None
    return _BACKOFF(state) if stated is None else stated
