"""Any number of callers share one request: threads, tasks and loops, some of them cancelled."""

import asyncio
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trio

from paygrant import Cryptofuse, InvalidClient, TokenSource
from tests.helpers.servers import Reply, Server


def _together(*calls: Callable[[], Any]) -> list[Any]:
    """Run calls on threads of their own, started as one."""
    barrier = threading.Barrier(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        barrier.wait()
        return call()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def test_64_cold_threads_make_one_request(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)
    tokens = _together(*[source.get] * 64)
    assert len(tokens) == 64
    assert {token.access_token for token in tokens} == {"token-1"}
    assert len(server.seen) == 1


def test_64_threads_with_sources_of_their_own_make_one_request(provider: Cryptofuse, server: Server) -> None:
    tokens = _together(*[lambda: TokenSource(provider).get()] * 64)
    assert {token.access_token for token in tokens} == {"token-1"}
    assert len(server.seen) == 1


def test_1000_cold_tasks_make_one_request_and_never_block_their_loop(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)

    async def main() -> list[str]:
        tasks = [asyncio.create_task(source.aget()) for _ in range(1000)]
        while not server.asked.is_set():
            await asyncio.sleep(0)
        assert not any(task.done() for task in tasks)
        server.hold.set()
        return [token.access_token for token in await asyncio.gather(*tasks)]

    server.hold.clear()
    assert asyncio.run(main()) == ["token-1"] * 1000
    assert len(server.seen) == 1


def test_two_loops_and_20_threads_make_one_request(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)

    async def many() -> None:
        await asyncio.gather(*[source.aget() for _ in range(50)])

    _together(*[lambda: asyncio.run(many())] * 2, *[source.get] * 20)
    assert len(server.seen) == 1


def test_trio_and_asyncio_wait_for_the_same_request(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)
    tokens: list[str] = []

    async def one() -> None:
        tokens.append((await source.aget()).access_token)

    async def many_trio() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(50):
                nursery.start_soon(one)

    async def many_asyncio() -> None:
        await asyncio.gather(*[one() for _ in range(50)])

    _together(lambda: trio.run(many_trio), lambda: asyncio.run(many_asyncio()))
    assert tokens == ["token-1"] * 100
    assert len(server.seen) == 1


def test_get_on_a_running_loop_does_not_deadlock_with_a_refreshing_task(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)

    async def main() -> None:
        task = asyncio.create_task(source.aget())
        server.hold.clear()
        while not server.asked.is_set():
            await asyncio.sleep(0)
        threading.Timer(0.05, server.hold.set).start()
        assert source.get() == await task

    asyncio.run(main())
    assert len(server.seen) == 1


def test_cancelling_the_first_caller_does_not_affect_the_others(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)

    async def main() -> None:
        server.hold.clear()
        leader = asyncio.create_task(source.aget())
        while not server.asked.is_set():
            await asyncio.sleep(0)
        followers = [asyncio.create_task(source.aget()) for _ in range(10)]
        await asyncio.sleep(0)
        leader.cancel()
        with pytest.raises(asyncio.CancelledError):
            await leader
        server.hold.set()
        assert {token.access_token for token in await asyncio.gather(*followers)} == {"token-1"}

    asyncio.run(main())
    assert len(server.seen) == 1


def test_a_request_completes_after_all_its_callers_left(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)

    async def main() -> None:
        server.hold.clear()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(source.aget(), 0.05)
        server.hold.set()

    asyncio.run(main())
    assert source.get().access_token == "token-1"
    assert len(server.seen) == 1


def test_a_stopped_loop_does_not_block_other_callers(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)
    stopped = asyncio.new_event_loop()
    server.hold.clear()
    waiting = stopped.create_task(source.aget())
    while not server.asked.is_set():
        stopped.run_until_complete(asyncio.sleep(0))
    threading.Timer(0.05, server.hold.set).start()
    assert source.get().access_token == asyncio.run(source.aget()).access_token
    assert stopped.run_until_complete(waiting).access_token == "token-1"
    stopped.close()


def test_each_waiting_caller_gets_its_own_copy_of_the_failure(provider: Cryptofuse, server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    source = TokenSource(provider)

    def failure() -> InvalidClient:
        with pytest.raises(InvalidClient) as refused:
            source.get()
        return refused.value

    errors = _together(*[failure] * 16)
    assert len({id(error) for error in errors}) == 16
    assert len(server.seen) == 1


PROGRAM = """
import asyncio, sys
from paygrant import Cryptofuse, TokenSource

async def main():
    source = TokenSource(Cryptofuse(client_id="c", client_secret="s", base_url=sys.argv[1]))
    task = asyncio.create_task(source.aget())
    await asyncio.to_thread(sys.stdin.readline)
    task.cancel()

asyncio.run(main())
print("over", flush=True)
"""


def test_a_process_ends_at_once_when_its_main_task_is_cancelled(server: Server) -> None:
    server.hold.clear()
    command = [sys.executable, "-c", PROGRAM, server.base_url]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        assert server.asked.wait(30)
        process.stdin.write(b"\n")
        process.stdin.flush()
        assert process.stdout.readline() == b"over\n"
        said = time.monotonic()
        assert process.wait(10) == 0
        assert time.monotonic() - said < 5
