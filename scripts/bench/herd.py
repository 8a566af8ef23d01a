"""Many callers at once: threads, processes, or tasks of one event loop, whose stalls are measured."""

import asyncio
import gc
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.synchronize import Barrier

from scripts.bench.peers import AsyncAttach, Attach, Endpoint, Peer

_TICK = 0.001
_PATIENCE = 60


@dataclass(frozen=True)
class Course:
    """When a herd began and ended (by the monotonic clock), and the longest stall of its event loop, in seconds."""

    began: float
    ended: float
    stall: float = 0

    @property
    def seconds(self) -> float:
        """From the start of the first to the end of the last."""
        return self.ended - self.began


def threads(jobs: Sequence[Attach]) -> Course:
    """Run all jobs at the same time, each on its own thread."""
    barrier = threading.Barrier(len(jobs) + 1)

    def start(job: Attach) -> None:
        barrier.wait(_PATIENCE)
        job()

    with ThreadPoolExecutor(len(jobs)) as pool:
        futures = [pool.submit(start, job) for job in jobs]
        barrier.wait(_PATIENCE)
        began = time.monotonic()
        for future in futures:
            future.result()
        return Course(began, time.monotonic())


def processes(count: int, threads_each: int, make: Callable[[Endpoint], Peer], endpoint: Endpoint) -> Course:
    """Attach a token at the same time in all threads of all processes. They share only what `make` sets up."""
    context = get_context("spawn")
    barrier = context.Barrier(count + 1)
    started = [context.Process(target=_process, args=(threads_each, make, endpoint, barrier)) for _ in range(count)]
    for process in started:
        process.start()
    try:
        barrier.wait(_PATIENCE)
        began = time.monotonic()
        barrier.wait(_PATIENCE)
        return Course(began, time.monotonic())
    finally:
        for process in started:
            process.join(10)
            process.kill()


def _process(threads_each: int, make: Callable[[Endpoint], Peer], endpoint: Endpoint, barrier: Barrier) -> None:
    """One of the processes: prepares, waits for the others, runs its threads, and waits again."""
    peer = make(endpoint)
    jobs = [peer.attach() for _ in range(threads_each)]
    barrier.wait(_PATIENCE)
    threads(jobs)
    barrier.wait(_PATIENCE)


async def tasks(jobs: Sequence[AsyncAttach]) -> Course:
    """Run all jobs at the same time, each as a task of this loop, and measure how late the loop is for another task.

    Older garbage is collected first. Otherwise, collecting it would be the longest stall.
    """
    gaps: list[float] = []
    gate = asyncio.Event()

    async def start(job: AsyncAttach) -> None:
        await gate.wait()
        await job()

    async def tick() -> None:
        last = time.monotonic()
        while True:
            await asyncio.sleep(_TICK)
            now = time.monotonic()
            gaps.append(now - last - _TICK)
            last = now

    herd = asyncio.gather(*map(start, jobs))
    ticker = asyncio.create_task(tick())
    gc.collect()
    gc.freeze()
    await asyncio.sleep(20 * _TICK)
    gaps.clear()
    began = time.monotonic()
    gate.set()
    await herd
    ended = time.monotonic()
    await asyncio.sleep(2 * _TICK)  # a stall that lasts until the end is measured after it
    ticker.cancel()
    gc.unfreeze()
    return Course(began, ended, max(gaps))
