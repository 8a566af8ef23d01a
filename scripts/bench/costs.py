"""What paygrant costs, with targets: ratios to plain httpx and to the clock, and the times of a thousand tasks without a token.

pyperf would run each benchmark to its end in its own processes, one benchmark after the other. On a shared machine, the
load changes more in between than the results differ. So here the two sides of a ratio take turns within milliseconds. Each
turn gives one ratio. The result is the median and the quartiles of these ratios.
"""

import asyncio
import statistics
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from timeit import Timer
from typing import Any

import httpx

from paygrant import Cryptofuse, MemoryStore, TokenAuth, TokenSource
from scripts.bench import fresh, herd
from scripts.bench.peers import AsyncAttach
from scripts.bench.peers.by_hand import async_attach, sync_attach

TOKEN = "t" * 200
HEADER = f"Bearer {TOKEN}"
URL = "https://api.example/"
TASKS = 1000

Side = Callable[[], float]
"""Runs something a fixed number of times and returns the seconds that it took."""


@dataclass(frozen=True)
class Cost:
    """A figure: its quartiles, and the target that it should not exceed."""

    title: str
    unit: str
    quartiles: tuple[float, float, float]
    target: float | None

    @property
    def verdict(self) -> str:
        """Whether the target is met."""
        low, median, _ = self.quartiles
        if self.target is None:
            return "-"
        if median <= self.target:
            return "met"
        return "within the noise" if low <= self.target else "missed"


def costs(*, quick: bool) -> Iterator[Cost]:
    """Measure one figure after the other."""
    turns, runs = (15, 5) if quick else (101, 41)
    token, constant = TokenAuth(_source()), ConstantHeader()
    yield ratio("attach a token / a constant header", _by_hand(token), _by_hand(constant), turns, 1.05)
    with asyncio.Runner() as runner:
        subject, baseline = _async_by_hand(runner, token), _async_by_hand(runner, constant)
        yield ratio("attach a token / a constant header, async", subject, baseline, turns, 1.05)
        yield ratio("httpx.Client call / with a constant header", _calls(token), _calls(constant), turns, 1.05)
        subject, baseline = _async_calls(runner, token), _async_calls(runner, constant)
        yield ratio("httpx.AsyncClient call / with a constant header", subject, baseline, turns, 1.05)

    names: dict[str, Any] = {"source": _source(), "time": time}
    subject, baseline = _timed("source.get()", names), _timed("time.monotonic()", names)
    yield ratio("source.get() / time.monotonic()", subject, baseline, turns, 4.0)

    ours = "import httpx; from paygrant import Ripple, TokenAuth, TokenSource"
    yield ratio("import httpx, and ours / import httpx", _import(ours), _import("import httpx"), runs, 1.15)
    subject, baseline = _process("import paygrant"), _process("pass")
    yield ratio("a process that imports paygrant / an empty one", subject, baseline, runs // 2, None)

    herds = [_cold_herd() for _ in range(1 + runs // 2)][1:]  # the first one in a process imports
    stall, served = (quartiles(values) for values in zip(*herds, strict=True))
    yield Cost(f"longest stall of the loop of {TASKS:,} cold tasks", "s", stall, 0.02)
    yield Cost("from the token's arrival until all of them have it", "s", served, 0.2)


def ratio(title: str, subject: Side, baseline: Side, turns: int, target: float | None) -> Cost:
    """The ratio of two sides that take turns."""
    ratios: list[float] = []
    for turn in range(turns + 1):
        if turn % 2:
            ratios.append(subject() / baseline())
        else:
            ratios.append(1 / (baseline() / subject()))
    return Cost(title, "times", quartiles(ratios[1:]), target)  # the first turn warms up


def quartiles(values: Sequence[float]) -> tuple[float, float, float]:
    """The quartiles of some values, or a single value three times."""
    if len(values) == 1:
        return values[0], values[0], values[0]
    low, median, high = statistics.quantiles(values, n=4, method="inclusive")
    return low, median, high


class ConstantHeader(httpx.Auth):
    """The smallest useful httpx.Auth."""

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Set the header."""
        request.headers["Authorization"] = HEADER
        yield request


def _source(respond: Callable[[], None] = lambda: None) -> TokenSource:
    """A new source. Its token request calls `respond` and uses no network."""

    def handle(_: httpx.Request) -> httpx.Response:
        respond()
        return httpx.Response(200, json={"access_token": TOKEN, "token_type": "Bearer", "expires_in": 3600})

    provider = Cryptofuse(client_id="bench", client_secret="bench-secret", base_url="https://provider.example")  # noqa: S106
    return TokenSource(provider, store=MemoryStore(), transport=httpx.MockTransport(handle))


def _by_hand(auth: httpx.Auth) -> Side:
    timer = Timer(sync_attach(auth))
    return lambda: timer.timeit(1000)


def _async_by_hand(runner: asyncio.Runner, auth: httpx.Auth) -> Side:
    return on_loop(runner, async_attach(auth), 1000)


def _calls(auth: httpx.Auth) -> Side:
    client = httpx.Client(auth=auth, transport=httpx.MockTransport(lambda _: httpx.Response(200)))
    timer = Timer(lambda: client.get(URL))
    return lambda: timer.timeit(50)


def _async_calls(runner: asyncio.Runner, auth: httpx.Auth) -> Side:
    client = httpx.AsyncClient(auth=auth, transport=httpx.MockTransport(lambda _: httpx.Response(200)))

    async def call() -> None:
        await client.get(URL)

    return on_loop(runner, call, 50)


def on_loop(runner: asyncio.Runner, job: AsyncAttach, times: int) -> Side:
    """A side that awaits a job a number of times."""

    async def repeat() -> float:
        began = time.perf_counter()
        for _ in range(times):
            await job()
        return time.perf_counter() - began

    return lambda: runner.run(repeat())


def _timed(statement: str, names: dict[str, Any]) -> Side:
    timer = Timer(statement, globals=names)
    return lambda: timer.timeit(20_000)


def _import(statement: str) -> Side:
    return lambda: fresh.run(statement).statement


def _process(statement: str) -> Side:
    return lambda: fresh.run(statement).process


def _cold_herd() -> tuple[float, float]:
    """The longest stall of the loop, and the seconds from the response's arrival until all tasks had the token."""
    arrived: list[float] = []

    def respond() -> None:
        time.sleep(0.1)  # by then, all tasks wait
        arrived.append(time.monotonic())

    source = _source(respond)

    async def job() -> None:
        await source.aget()

    course = asyncio.run(herd.tasks([job] * TASKS))
    return course.stall, course.ended - arrived[0]
