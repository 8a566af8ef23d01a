"""Simulates a day of a fleet: how many token requests its processes make, and how they spread.

The caches are the package's own, with all that they decide; simulated are the clock, the threads and the endpoint.
"""

import heapq
import math
import random
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from unittest import mock

from paygrant import Cryptofuse, MemoryStore, RefreshPolicy, Token, _clock
from paygrant._cache.cache import Cache
from paygrant._cache.renewal import Flight
from paygrant._request.client_auth import Encoding
from paygrant._stores.base import Entry, Store
from paygrant._tokens.lifecycle import Grant

PROVIDER = Cryptofuse(client_id="fleet", client_secret="of straw", base_url="https://fleet.example")  # noqa: S106
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
    """Calls that found no token that they could use, the first of each process apart."""

    def time(self) -> float:
        """Stands in for the monotonic clock."""
        return self.now


class Process(Cache):
    """A process of the fleet: a cache without threads, at an endpoint without a network."""

    def __init__(self, world: World, store: Store, starts: float) -> None:
        super().__init__(PROVIDER, store, RefreshPolicy(), None)
        self._world = world
        self._starts = starts

    def calls(self) -> Iterator[float]:
        """Make all the calls that find no fresh token; yields the time of each before it is made."""
        at = self._starts
        while True:
            yield at
            found = self.token()
            if isinstance(found, Flight) and at > self._starts:
                self._world.slow_calls += 1
            if self._flight:
                self._fly()
            # The calls before the token is due take the fast path.
            at += INTERVAL * max(1, math.ceil((self.held[1] - at) / INTERVAL))

    def _take_off(self) -> Flight:
        self._flight = Flight()
        return self._flight

    def _request(self, secret: str, encoding: Encoding, deadline: float) -> Grant:  # noqa: ARG002 - as in Cache
        began = self._world.now
        self._world.requests.append(began)
        token = Token(f"token-{len(self._world.requests)}", expires_at=datetime.max.replace(tzinfo=UTC))
        grant = Grant(token, since=began, lifetime=LIFETIME)
        # Whoever looks into the store meanwhile would wait for the lock: to him it is as if the token were there.
        self._world.now += REQUEST
        self._store.save(self._keys[0], Entry(grant, grant.since + grant.lifetime))
        return grant


def simulate(*, sharing: bool, seed: int = 0, processes: int = PROCESSES, hours: float = HOURS) -> World:
    """Let a fleet run, its starts spread over one lifetime.

    Args:
        sharing: Whether all processes share a store, or each has its own.
        seed: Of all the dice.
        processes: How many.
        hours: For how long, from the first start on.
    """
    dice = random.Random(seed)  # noqa: S311 - as below
    world = World()
    shared = MemoryStore()
    fleet = [
        Process(world, shared if sharing else MemoryStore(), dice.uniform(0.0, LIFETIME)).calls()
        for _ in range(processes)
    ]
    with (
        mock.patch.object(_clock, "monotonic", world.time),
        mock.patch.object(random, "random", dice.random),
    ):
        queue = [(next(process), number) for number, process in enumerate(fleet)]
        heapq.heapify(queue)
        end = queue[0][0] + hours * 3600
        while queue[0][0] < end:
            world.now, number = queue[0]
            heapq.heapreplace(queue, (next(fleet[number]), number))
    return world


def requests_a_lifetime(world: World, hours: float = HOURS) -> float:
    """Token requests of the whole fleet in the length of one token's life."""
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
