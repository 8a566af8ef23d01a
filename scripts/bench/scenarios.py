"""The situations in which paygrant is compared with similar libraries. Each library has its own client in each situation.

A function runs one round: all libraries take turns. It returns the figures of the libraries to which the situation applies.
"""

import asyncio
import functools
import itertools
import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from timeit import Timer

from scripts.bench import fresh, herd
from scripts.bench.lab import Lab, redis_server
from scripts.bench.peers import NAMES, Endpoint, Library, Peer, library
from scripts.bench.traffic import traffic

Figures = dict[str, float]
Round = dict[str, Figures]
"""The figures of each library, by its name."""

LATENCY = 0.1
"""Seconds that a token request takes by default, as over a network."""

THREADS, TASKS, PROCESSES, THREADS_EACH, REVOKED_CALLS = 64, 1000, 8, 8, 32
UNAUTHORIZED = 401


@dataclass(frozen=True)
class Figure:
    """A figure's title, its unit, and the number of decimals to show."""

    title: str
    unit: str = ""
    decimals: int = 0


@dataclass(frozen=True)
class Scenario:
    """A situation.

    Attributes:
        title: Its name in the table.
        run: Runs one round.
        rounds: The number of rounds in a full run, and in a quick run.
        figures: What a round measures, in the order of the table.
    """

    title: str
    run: Callable[[Lab], Round]
    rounds: tuple[int, int]
    figures: Mapping[str, Figure]


def _in_turn(measure: Callable[[Lab, Library], Figures | None]) -> Callable[[Lab], Round]:
    """A round in which one library after the other is measured; None means that the situation does not apply."""
    rounds = itertools.count()

    def run(lab: Lab) -> Round:
        first = next(rounds) % len(NAMES)  # no library is always the first
        found = {name: measure(lab, library(name)) for name in NAMES[first:] + NAMES[:first]}
        return {name: figures for name, figures in found.items() if figures is not None}

    return run


def _attaching(lab: Lab, subject: Library) -> Figures:
    attach = subject.peer(lab.client()).attach()
    attach()
    figures = {"sync": 1e6 * Timer(attach).timeit(1000) / 1000}
    if subject.async_peer is not None:
        make = subject.async_peer(lab.client())

        async def repeat() -> float:
            attach = make()
            await attach()
            began = time.perf_counter()
            for _ in range(1000):
                await attach()
            return time.perf_counter() - began

        figures["async"] = 1e6 * asyncio.run(repeat()) / 1000
    return figures


def _cold_threads(lab: Lab, subject: Library) -> Figures:
    endpoint = lab.client(latency=LATENCY)
    peer = subject.peer(endpoint)
    course = herd.threads([peer.attach() for _ in range(THREADS)])
    return {"requests": lab.token_requests(endpoint), "served": 1000 * course.seconds}


def _cold_tasks(lab: Lab, subject: Library) -> Figures | None:
    if subject.async_peer is None:
        return None
    asyncio.run(herd.tasks([subject.async_peer(lab.client())()]))  # late imports happen now
    endpoint = lab.client(latency=LATENCY)
    make = subject.async_peer(endpoint)
    course = asyncio.run(herd.tasks([make() for _ in range(TASKS)]))
    times = {"stall": 1000 * course.stall, "served": 1000 * course.seconds}
    return {"requests": lab.token_requests(endpoint), **times}


def _cold_processes(lab: Lab, subject: Library) -> Figures:
    with tempfile.TemporaryDirectory() as folder:
        shared = subject.on_one_machine
        return _processes(lab, functools.partial(shared, folder) if shared else subject.peer)


def _cold_processes_over_redis(lab: Lab, subject: Library) -> Figures | None:
    if subject.over_redis is None:
        return None
    with redis_server() as url:
        return _processes(lab, functools.partial(subject.over_redis, url)) if url else None


def _processes(lab: Lab, make: Callable[[Endpoint], Peer]) -> Figures:
    endpoint = lab.client(latency=LATENCY)
    course = herd.processes(PROCESSES, THREADS_EACH, make, endpoint)
    return {"requests": lab.token_requests(endpoint), "served": 1000 * course.seconds}


def _short_lives(lab: Lab, subject: Library) -> Figures:
    endpoint = lab.client(lifetime=3, latency=0.5)
    peer = subject.peer(endpoint)
    peer.call()
    calls, requests = traffic(peer.call, 10, release=lambda: lab.set(endpoint, latency=0))
    return {
        "slow": calls.slow,
        "p50": 1000 * calls.percentile(50),
        "p99": 1000 * calls.percentile(99),
        "failures": calls.failures,
        "requests": requests,
    }


def _revocation(lab: Lab, subject: Library) -> Figures:
    endpoint = lab.client(latency=LATENCY)
    peer = subject.peer(endpoint)
    peer.call()
    before = lab.set(endpoint, tokens={})
    statuses: list[int] = []
    herd.threads([lambda: statuses.append(peer.call())] * REVOKED_CALLS)
    return {"rejected": statuses.count(UNAUTHORIZED), "requests": lab.token_requests(endpoint) - before}


def _outage(lab: Lab) -> Round:
    """The token endpoint responds with 503 during the last fifth of a token's life, except the last 2 percent.

    The clocks are not exact enough for those. The last fifths of the libraries follow each other, so that each library has
    the machine to itself.
    """
    life, last, end = 10.0, 0.8, 0.98

    def measure(number: int, subject: Library) -> Figures:
        time.sleep(number * (1 - last) * life)
        endpoint = lab.client(lifetime=life, latency=LATENCY)
        peer = subject.peer(endpoint)
        peer.call()
        time.sleep(last * life)
        before = lab.set(endpoint, down=True)
        seconds = (end - last) * life
        calls, requests = traffic(peer.call, seconds, release=lambda: lab.set(endpoint, latency=0))
        return {"failures": calls.failures, "slow": calls.slow, "rate": (requests - before) / seconds}

    with ThreadPoolExecutor(len(NAMES)) as pool:
        return dict(zip(NAMES, pool.map(measure, itertools.count(), map(library, NAMES)), strict=True))


def _start(lab: Lab, subject: Library) -> Figures:
    imported = fresh.run(subject.statement)
    module, endpoint = subject.peer.__module__, lab.client()
    used = fresh.run(
        f"from scripts.bench.peers import Endpoint; from {module} import LIBRARY; LIBRARY.peer({endpoint!r}).attach()()"
    )
    return {
        "import": 1000 * imported.statement,
        "first": 1000 * used.statement,
        "memory": imported.memory,
        "memory used": used.memory,
    }


SCENARIOS: Mapping[str, Scenario] = {
    "attaching": Scenario(
        "Attaching a token that is at hand",
        _in_turn(_attaching),
        (21, 3),
        {"sync": Figure("time", "µs", 1), "async": Figure("time, async", "µs", 1)},
    ),
    "threads": Scenario(
        f"{THREADS} threads, no token yet",
        _in_turn(_cold_threads),
        (3, 1),
        {"requests": Figure("token requests"), "served": Figure("until all have it", "ms")},
    ),
    "tasks": Scenario(
        f"{TASKS:,} tasks of a loop, no token yet",
        _in_turn(_cold_tasks),
        (5, 1),
        {
            "requests": Figure("token requests"),
            "stall": Figure("longest stall of the loop", "ms"),
            "served": Figure("until all have it", "ms"),
        },
    ),
    "processes": Scenario(
        f"{PROCESSES} processes of {THREADS_EACH} threads, no token yet",
        _in_turn(_cold_processes),
        (2, 1),
        {"requests": Figure("token requests"), "served": Figure("until all have it", "ms")},
    ),
    "redis": Scenario(
        "The same, over Redis",
        _in_turn(_cold_processes_over_redis),
        (2, 1),
        {"requests": Figure("token requests"), "served": Figure("until all have it", "ms")},
    ),
    "lives": Scenario(
        "Tokens live 3 s, a token request takes 0.5 s, a call every 10 ms for 10 s",
        _in_turn(_short_lives),
        (2, 0),
        {
            "slow": Figure("calls over 100 ms", "%", 1),
            "p50": Figure("median", "ms"),
            "p99": Figure("99th percentile", "ms"),
            "failures": Figure("calls that fail", "%", 1),
            "requests": Figure("token requests"),
        },
    ),
    "revocation": Scenario(
        f"{REVOKED_CALLS} calls with a token that was revoked",
        _in_turn(_revocation),
        (5, 1),
        {"rejected": Figure("calls that end in 401"), "requests": Figure("token requests")},
    ),
    "outage": Scenario(
        "Token endpoint down for the last fifth of a token's life",
        _outage,
        (2, 0),
        {
            "failures": Figure("calls that fail", "%", 1),
            "slow": Figure("calls over 100 ms", "%", 1),
            "rate": Figure("token requests a second", "", 1),
        },
    ),
    "start": Scenario(
        "A fresh interpreter",
        _in_turn(_start),
        (9, 1),
        {
            "import": Figure("import", "ms"),
            "first": Figure("import and first token", "ms"),
            "memory": Figure("memory after the import", "MiB"),
            "memory used": Figure("memory after the first token", "MiB"),
        },
    ),
}
