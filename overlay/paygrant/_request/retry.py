"""Retries of a token request (by tenacity): growing pauses, ``Retry-After``, one deadline over all of them."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from paygrant import _clock
from paygrant._errors import ProviderUnavailable, RateLimited, TokenError
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.policy import RefreshPolicy

if TYPE_CHECKING:
    from tenacity import RetryCallState


def retrying(
    request: Callable[[int], Grant],
    policy: RefreshPolicy,
    deadline: float,
    stop: _clock.Event,
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

    def once() -> Grant:
        nonlocal made
        made += 1
        return request(made)

    try:
        try:
            return once()
        except TokenError as error:
            if not error.retryable:
                raise
            first = error
        return _repeated(once, first, policy, deadline, stop, failed)
    except ProviderUnavailable as error:
        error.attempts = made
        error.args = (f"{error} (attempts: {made})",)
        raise


def _repeated(  # noqa: PLR0913, PLR0917 - as for ``retrying``
    once: Callable[[], Grant],
    first: TokenError,
    policy: RefreshPolicy,
    deadline: float,
    stop: _clock.Event,
    failed: Callable[[], None],
) -> Grant:
    """What follows a first attempt that failed."""
    from tenacity import Retrying, retry_if_exception, wait_exponential

    backoff = wait_exponential(multiplier=0.5, max=8.0)
    failures = [first]

    def attempt() -> Grant:
        if failures:
            raise failures.pop()
        return once()

    def give_up(state: "RetryCallState") -> bool:
        late = _clock.monotonic() + state.upcoming_sleep >= deadline
        return stop.is_set() or late or state.attempt_number >= policy.max_attempts

    def pause(state: "RetryCallState") -> None:
        failed()
        _clock.sleep(state.upcoming_sleep, stop)
        if stop.is_set() and state.outcome:
            state.outcome.result()  # raises the error: nobody waits for another attempt

    def wait(state: "RetryCallState") -> float:
        error = state.outcome.exception() if state.outcome else None
        asked = error.retry_after if isinstance(error, RateLimited | ProviderUnavailable) else None
        # Seconds between requests: 0.5, 1, 2, ... and up to half a second more.
        return backoff(state) + 0.5 * _clock.jitter() if asked is None else asked

    attempts = Retrying(
        retry=retry_if_exception(lambda error: isinstance(error, TokenError) and error.retryable),
        stop=give_up,
        wait=wait,
        sleep=lambda _: None,  # the pause is in before_sleep: tenacity would make one more attempt after a stop
        before_sleep=pause,
        reraise=True,
    )
    return attempts(attempt)
