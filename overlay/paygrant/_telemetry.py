"""Logs and metrics: a log line for each token request, and counters if the program uses opentelemetry-api.

The logger ``paygrant`` logs a request that brought a token at level INFO, any other at level WARNING.

| instrument | kind | attributes |
|---|---|---|
| ``paygrant.requests`` | counter | provider, environment, outcome |
| ``paygrant.request.duration`` | histogram, seconds | provider, environment, outcome |
| ``paygrant.hits`` | observable counter: tokens handed out at once while fresh | provider, environment |
| ``paygrant.stale_serves`` | counter: tokens handed out while due | provider, environment |
| ``paygrant.waits`` | counter: callers that waited for a token | provider, environment |
| ``paygrant.refusals`` | counter: renewals that ended with a remembered error | provider, environment |
"""

import logging
import os
import sys
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from opentelemetry.metrics import CallbackOptions, Observation

_PROVIDER = "OTEL_PYTHON_METER_PROVIDER"
"""The variable by which the environment names a meter provider."""

logger = logging.getLogger("paygrant")
logger.addHandler(logging.NullHandler())


class Meter:
    """Counts what happens to one provider's tokens in one environment.

    Attributes:
        hits: The number of fresh tokens handed out. It is a plain number, so that the fast path needs no lock; threads
            may lose a count now and then.
    """

    __slots__ = ("_labels", "hits")

    def __init__(self, provider: str, environment: str) -> None:
        self.hits = 0
        self._labels = {"provider": provider, "environment": environment}

    def requested(self, outcome: str, seconds: float, attempt: int) -> None:
        """Note a token request."""
        granted = outcome == "granted"
        with suppress(Exception):  # a handler or a filter of the user's may raise; no token is lost by that
            logger.log(
                logging.INFO if granted else logging.WARNING,
                "token request: provider=%s environment=%s outcome=%s duration=%.3fs attempt=%d",
                *self._labels.values(),
                outcome,
                seconds,
                attempt,
            )

        def count(instruments: _Instruments) -> None:
            labels = {**self._labels, "outcome": outcome}
            instruments.requests.add(1, labels)
            instruments.durations.record(seconds, labels)

        _use(count)

    def waited(self) -> None:
        """Note a caller that waits for a token."""
        _use(lambda instruments: instruments.waits.add(1, self._labels))

    def served_stale(self) -> None:
        """Note that a due token was handed out."""
        _use(lambda instruments: instruments.stale_serves.add(1, self._labels))

    def refused(self) -> None:
        """Note that a remembered error was raised without a request."""
        _use(lambda instruments: instruments.refusals.add(1, self._labels))

    def observe(self) -> "Observation":
        """The number of hits so far."""
        from opentelemetry.metrics import Observation

        return Observation(self.hits, self._labels)


_meters: dict[tuple[str, str], Meter] = {}
"""One for each provider and environment. They are never dropped, because a counter must not fall."""


def meter_of(provider: str, environment: str | None) -> Meter:
    """The meter of a provider in an environment."""
    labels = provider, environment or "none"
    return _meters.setdefault(labels, Meter(*labels))


class _Instruments:
    """The instruments of the extra ``[otel]``.

    Raises:
        ModuleNotFoundError: The extra is not installed.
    """

    def __init__(self) -> None:
        from opentelemetry import metrics

        meter = metrics.get_meter("paygrant")
        self.requests = meter.create_counter("paygrant.requests", description="Token requests")
        self.durations = meter.create_histogram("paygrant.request.duration", "s", "The duration of token requests")
        self.waits = meter.create_counter("paygrant.waits", description="Callers that waited for a token")
        self.stale_serves = meter.create_counter("paygrant.stale_serves", description="Tokens handed out while due")
        self.refusals = meter.create_counter(
            "paygrant.refusals", description="Renewals that ended with a remembered error"
        )
        meter.create_observable_counter("paygrant.hits", [_hits], description="Tokens handed out while fresh")


def _hits(_options: "CallbackOptions") -> "Iterable[Observation]":
    return [meter.observe() for meter in tuple(_meters.values())]


_instruments: _Instruments | None = None
_permit = deque([None])
"""The thread that takes it out makes the instruments. A deque, because a lock could be held when the process forks."""


def _used_instruments() -> _Instruments | None:
    """The instruments. None while nothing in this process uses OpenTelemetry: its import takes time.

    Until a program imports ``opentelemetry.metrics``, it has no meter provider, and all counts would be dropped. Only
    the environment can name a provider without such an import.
    """
    global _instruments  # noqa: PLW0603 - one set for each process
    if _instruments is None and ("opentelemetry.metrics" in sys.modules or _PROVIDER in os.environ):
        with suppress(IndexError):  # another thread makes them, or they cannot be made
            _permit.pop()
            _instruments = _Instruments()
    return _instruments


def _use(action: "Callable[[_Instruments], object]") -> None:
    """Count, if something counts. A meter provider of the user's may raise; no token is lost by that."""
    with suppress(Exception):
        if instruments := _used_instruments():
            action(instruments)
