"""Calls at a constant rate. A call that waits does not delay the next ones."""

import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from statistics import quantiles

EVERY = 0.01
SLOW = 0.1
_THREADS = 64
_OK = 200


@dataclass(frozen=True)
class Calls:
    """The results of the calls: the seconds from each call's planned start to its end, and the number of failed calls."""

    seconds: tuple[float, ...]
    failed: int

    @property
    def slow(self) -> float:
        """The share of calls, in percent, that took over 100 ms."""
        return 100 * sum(each > SLOW for each in self.seconds) / len(self.seconds)

    @property
    def failures(self) -> float:
        """The share of calls, in percent, that raised an error or returned another status than 200."""
        return 100 * self.failed / len(self.seconds)

    def percentile(self, number: int) -> float:
        """The percentile of the seconds."""
        return quantiles(self.seconds, n=100, method="inclusive")[number - 1]


def traffic(call: Callable[[], int], seconds: float, release: Callable[[], int]) -> tuple[Calls, int]:
    """Call every 10 ms for some seconds.

    Args:
        call: Makes a call and returns its status.
        seconds: For how long new calls are started.
        release: Is called after that. It lets the calls that still wait end soon.

    Returns:
        The calls, and what `release` returned.
    """

    def one(due: float) -> tuple[float, bool]:
        try:
            succeeded = call() == _OK
        except Exception:  # noqa: BLE001 - each library raises its own errors
            succeeded = False
        return time.monotonic() - due, succeeded

    with ThreadPoolExecutor(_THREADS) as pool:
        began = time.monotonic()
        futures: list[Future[tuple[float, bool]]] = []
        for number in range(round(seconds / EVERY)):
            due = began + number * EVERY
            time.sleep(max(0.0, due - time.monotonic()))
            futures.append(pool.submit(one, due))
        released = release()
        done = [future.result() for future in futures]
    return Calls(tuple(late for late, _ in done), sum(not succeeded for _, succeeded in done)), released
