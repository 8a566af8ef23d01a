"""A process that many.py starts and asks: it has the clients of many tokens, and nothing else.

Its arguments are a job and what it needs. It prints a line when it is ready. For each line of standard input, it runs the
job once with the words of the line. It prints the figures as a line of JSON.
"""

import asyncio
import gc
import json
import ssl
import sys
import threading
import time
import tracemalloc
from base64 import urlsafe_b64encode
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from typing import Self
from uuid import uuid4

import httpx

from paygrant import (
    Cryptofuse,
    FileStore,
    MemoryStore,
    RedisStore,
    RefreshPolicy,
    RipioWidget,
    Store,
    Token,
    TokenSource,
)
from paygrant._cache.registry import forget_all

Job = Callable[..., Sequence[float]]
"""Runs once and returns its figures."""

THREADS, MANY, HEALTHY = 64, 1000, 200
LIFE = 20
"""Seconds. Half of it is more than 1,000 token requests take, so all tokens are due before the first one expires."""

SECRET = "loopback-secret"  # noqa: S105 - a made-up secret
TOKEN = "t" * 200
_numbers = count(1)


def _provider(base_url: str) -> Cryptofuse:
    """A client that the server does not know yet."""
    return Cryptofuse(client_id=f"many-{next(_numbers)}", client_secret=SECRET, base_url=base_url)


def _threads(jobs: Sequence[Callable[[], object]]) -> float:
    """Run all jobs by 64 threads, which are there already. Returns the seconds."""
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(time.sleep, [0.01] * THREADS))
        began = time.perf_counter()
        for done in [pool.submit(job) for job in jobs]:
            done.result()
        return time.perf_counter() - began


class _Ours:
    """Counts the threads of paygrant, every 50 ms during a block."""

    most = 0

    def __enter__(self) -> Self:
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._count)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _count(self) -> None:
        while not self._over.wait(0.05):
            self.most = max(self.most, sum(each.name.startswith("paygrant") for each in threading.enumerate()))


def cold(base_url: str, certificate: str = "") -> Job:
    """1,000 tokens of as many clients, none of which is there yet."""
    trust = ssl.create_default_context(cafile=certificate) if certificate else True

    def by_hand() -> Sequence[float]:
        tokens: dict[str, tuple[str, float]] = {}
        limits = httpx.Limits(max_connections=THREADS, max_keepalive_connections=THREADS)
        with httpx.Client(verify=trust, limits=limits) as client:

            def fetch(client_id: str) -> None:
                form = {"grant_type": "client_credentials", "scope": "read write"}
                response = client.post(f"{base_url}/o/token/", data=form, auth=(client_id, SECRET))
                document = response.raise_for_status().json()
                tokens[client_id] = document["access_token"], time.monotonic() + document["expires_in"]

            ids = [f"hand-{next(_numbers)}" for _ in range(MANY)]
            return [_threads([lambda each=each: fetch(each) for each in ids])]  # type: ignore[misc]

    def fetch(store: Store) -> object:
        source = TokenSource(_provider(base_url), store=store)
        source.get()
        return source

    def by_threads() -> Sequence[float]:
        store = MemoryStore()
        with _Ours() as ours:
            return [_threads([lambda: fetch(store)] * MANY), ours.most]

    async def task(store: Store) -> object:
        source = TokenSource(_provider(base_url), store=store)
        await source.aget()
        return source

    async def tasks() -> float:
        store = MemoryStore()
        began = time.perf_counter()
        await asyncio.gather(*(task(store) for _ in range(MANY)))
        return time.perf_counter() - began

    def by_tasks() -> Sequence[float]:
        with _Ours() as ours:
            return [asyncio.run(tasks()), ours.most]

    def run(how: str) -> Sequence[float]:
        forget_all()  # ends the idle workers, and so closes their connections
        time.sleep(0.2)
        gc.collect()
        return {"hand": by_hand, "threads": by_threads, "tasks": by_tasks}[how]()

    return run


def _transport() -> httpx.MockTransport:
    """Returns tokens without a network. The widget's ones are JWTs with an end, as that provider issues them."""
    claims = {"exp": time.time() + 3600, "iat": time.time(), "sub": "t" * 80}
    start = ".".join(
        urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=") for each in ({"alg": "HS256"}, claims)
    )

    def handle(request: httpx.Request) -> httpx.Response:
        number = next(_numbers)
        if b"username" in request.content:
            return httpx.Response(200, json={"succeed": True, "token": f"{start}.{number:043}", "token_type": "Bearer"})
        return httpx.Response(
            200, json={"access_token": f"{TOKEN}{number}", "token_type": "Bearer", "expires_in": 3600}
        )

    return httpx.MockTransport(handle)


def _source(store: Store, transport: httpx.BaseTransport) -> TokenSource:
    source = TokenSource(_provider("https://provider.example"), store=store, transport=transport, transport_name="mock")
    source.get()
    return source


def held(where: str, number: str) -> Job:
    """A further token, without a network, while this process and its store hold some already."""
    store: Store = MemoryStore()
    if where != "memory":
        store = RedisStore(where) if where.startswith("redis") else FileStore(where)
    transport = _transport()
    sources = [_source(store, transport) for _ in range(int(number))]

    def run(batch: str) -> Sequence[float]:
        gc.collect()
        cpu, began = time.process_time(), time.perf_counter()
        more = [_source(store, transport) for _ in range(int(batch))]
        took = time.perf_counter() - began, time.process_time() - cpu
        for source in more:
            source.invalidate(source.get())
            source.close()
        assert len(sources) == int(number)  # noqa: S101 - they live until the end
        return [each / int(batch) for each in took]

    return run


def users(number: str) -> Job:
    """The memory of each user of the widget: a source with its token, in one store."""
    transport = _transport()
    store = MemoryStore()

    def source() -> TokenSource:
        provider = RipioWidget(
            client_id="many",
            client_secret=SECRET,
            environment="sandbox",
            external_ref=str(uuid4()),
            address=f"0x{uuid4().hex}",
            base_url="https://provider.example",
        )
        source = TokenSource(provider, store=store, transport=transport, transport_name="mock")
        source.get()
        return source

    def run() -> Sequence[float]:
        kept = [source() for _ in range(100)]
        gc.collect()
        tracemalloc.start()
        kept += [source() for _ in range(int(number))]
        gc.collect()
        used, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        return [used / (len(kept) - 100)]

    return run


def hung(base_url: str, silent: str) -> Job:
    """Tokens of a host, alone or beside another one that accepts connections and never responds."""
    policy = RefreshPolicy(timeout=3600, deadline=3600)
    waiting: list[asyncio.Task[Token]] = []
    loop = asyncio.new_event_loop()
    threading.Thread(target=loop.run_forever, daemon=True).start()

    async def wait() -> None:
        sources = [TokenSource(_provider(silent), policy=policy) for _ in range(MANY)]
        waiting.extend(asyncio.ensure_future(source.aget()) for source in sources)
        await asyncio.sleep(1)

    async def give_up() -> None:
        for task in waiting:
            task.cancel()
        waiting.clear()

    def run(how: str) -> Sequence[float]:
        asyncio.run_coroutine_threadsafe(give_up() if how == "alone" else wait(), loop).result()
        store = MemoryStore()
        sources = [TokenSource(_provider(base_url), store=store) for _ in range(HEALTHY)]
        return [_threads([each.get for each in sources])]

    return run


def due(base_url: str) -> Job:
    """The longest calls of 8 threads that use 1,000 tokens: while all are fresh, and when all are due."""
    policy = RefreshPolicy(jitter=0)

    def longest(sources: Sequence[TokenSource], seconds: float) -> float:
        end, calls = time.monotonic() + seconds, list[float]()

        def use(mine: Sequence[TokenSource]) -> None:
            while time.monotonic() < end:
                for source in mine:
                    began = time.monotonic()
                    source.get()
                    calls.append(time.monotonic() - began)
                time.sleep(0.01)

        users = [threading.Thread(target=use, args=(sources[number::8],)) for number in range(8)]
        for user in users:
            user.start()
        for user in users:
            user.join()
        return max(calls)

    def run() -> Sequence[float]:
        store, providers = MemoryStore(), [_provider(base_url) for _ in range(MANY)]
        with httpx.Client(base_url=base_url) as control:
            for provider in providers:
                control.put(f"/clients/{provider.client_id}", json={"lifetime": LIFE}).raise_for_status()
        sources = [TokenSource(provider, store=store, policy=policy) for provider in providers]
        _threads([each.get for each in sources])
        all_due = time.monotonic() + LIFE / 2
        fresh = longest(sources, 2)
        time.sleep(all_due - time.monotonic())
        return [fresh, longest(sources, LIFE / 5)]

    return run


JOBS: dict[str, Callable[..., Job]] = {"cold": cold, "held": held, "users": users, "hung": hung, "due": due}


def main() -> None:
    """Serve until standard input ends."""
    job = JOBS[sys.argv[1]](*sys.argv[2:])
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(job(*line.split())), flush=True)


if __name__ == "__main__":
    main()
