"""Simulates a day of a fleet: how many token requests its processes make, and how they spread.

The caches are the package's own, with all their decisions. The clock, the threads and the endpoint are simulated.
"""

import heapq
import math
import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest import mock

from paygrant import Entry, MemoryStore, RefreshPolicy, Store, Token, TokenError, _clock
from paygrant._cache.acquire import Acquired
from paygrant._cache.cache import Cache
from paygrant._cache.renewal import PendingRenewal
from paygrant._telemetry import meter_of
from paygrant._tokens.lifecycle import Grant

KEY = "fleet"
PROCESSES = 1000
HOURS = 24
LIFETIME = 3600.0
INTERVAL = 5.0
"""Seconds between two calls of one process."""
REQUEST = 0.3
"""Seconds that a token request takes."""


@dataclass
class World:
    """The time, and the token requests so far."""

    now: float = 0.0
    requests: list[float] = field(default_factory=list[float])
    slow_calls: int = 0
    """Calls that had to wait for a token, except the first call of each process."""

    def time(self) -> float:
        """The monotonic clock of the simulation."""
        return self.now


class Endpoint:
    """Gets tokens without a network: from the store, or by a simulated request."""

    def __init__(self, world: World, store: Store) -> None:
        self._world = world
        self._store = store

    def acquire(
        self,
        better: Callable[[Grant], Grant | None],
        stop: _clock.Event,  # noqa: ARG002 - no request fails here
        attempt_failed: Callable[[], None],  # noqa: ARG002 - no request fails here
        granted: Callable[[Acquired], object],  # noqa: ARG002 - the store never hangs here
    ) -> Acquired:
        """The store's token, or a new one."""
        entry = self._store.load(KEY)
        if entry and isinstance(entry.outcome, Grant) and (stored := better(entry.outcome)):
            return Acquired(stored, KEY)
        began = self._world.now
        self._world.requests.append(began)
        token = Token(f"token-{len(self._world.requests)}", expires_at=datetime.max.replace(tzinfo=UTC))
        grant = Grant(token, since=began, lifetime=LIFETIME)
        # Another process would wait for the lock. Here it finds the token in the store at once.
        self._world.now += REQUEST
        self._store.save(KEY, Entry(grant, grant.since + grant.lifetime))
        return Acquired(grant, KEY)

    def discard(self, acquired: Acquired) -> None:
        """Remove a token from the store."""
        self._store.discard(acquired.key, acquired.grant.token)

    def too_late(self) -> TokenError:
        """The error of a renewal that does not end. Here, each one ends."""
        return TokenError("no token before the deadline")


def calls(world: World, store: Store, starts: float) -> Iterator[float]:
    """Make the calls of one process that find no fresh token. Yields the time of each call before it is made."""
    renewals: list[Callable[[], None]] = []
    cache = Cache(Endpoint(world, store), RefreshPolicy(), meter_of("fleet", None), start=renewals.append)
    at = starts
    while True:
        yield at
        if isinstance(cache.token(), PendingRenewal) and at > starts:
            world.slow_calls += 1
        while renewals:
            renewals.pop()()
        # Calls before the token is due need no simulation: they use the token that is there.
        at += INTERVAL * max(1, math.ceil((cache.held[1] - at) / INTERVAL))


def simulate(*, sharing: bool, seed: int = 0, processes: int = PROCESSES, hours: float = HOURS) -> World:
    """Run a fleet. The starts of its processes are spread over one lifetime.

    Args:
        sharing: Whether all processes share a store, or each has its own.
        seed: The seed of all random numbers.
        processes: The number of processes.
        hours: The length of the simulation, from the first start.
    """
    numbers = random.Random(seed)  # noqa: S311 - for a simulation
    world = World()
    shared = MemoryStore()
    fleet = [
        calls(world, shared if sharing else MemoryStore(), numbers.uniform(0.0, LIFETIME)) for _ in range(processes)
    ]
    with (
        mock.patch.object(_clock, "monotonic", world.time),
        mock.patch.object(_clock, "jitter", numbers.random),
    ):
        queue = [(next(process), number) for number, process in enumerate(fleet)]
        heapq.heapify(queue)
        end = queue[0][0] + hours * 3600
        while queue[0][0] < end:
            world.now, number = queue[0]
            heapq.heapreplace(queue, (next(fleet[number]), number))
    return world


def requests_a_lifetime(world: World, hours: float = HOURS) -> float:
    """The token requests of the whole fleet during one token's life."""
    return len(world.requests) / (hours * 3600 / LIFETIME)


def busiest_minute(world: World, hours: float = HOURS) -> float:
    """The requests of the busiest minute, as a multiple of the mean of all minutes."""
    minutes = Counter(int(at // 60) for at in world.requests)
    return max(minutes.values()) / (len(world.requests) / (hours * 60))


def main() -> None:
    """Print the figures."""
    print(f"{PROCESSES} processes, {HOURS} hours, lifetimes of {LIFETIME:g} s, a call each {INTERVAL:g} s")
    together, alone = (simulate(sharing=sharing) for sharing in (True, False))
    print(f"sharing a store: {requests_a_lifetime(together):.2f} requests a lifetime, {together.slow_calls} slow calls")
    print(f"not sharing: {len(alone.requests) / PROCESSES / HOURS:.2f} requests an hour and process,", end=" ")
    print(f"busiest minute {busiest_minute(alone):.2f} times the mean, {alone.slow_calls} slow calls")


if __name__ == "__main__":
    main()
