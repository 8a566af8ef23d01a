"""Random orders of calls, time, failures, revocations and cancellations, checked by a small model of the right results.

Between two steps, each thread has ended or waits for something that only another step brings. So a failing order
fails again.
"""

import asyncio
import base64
import dataclasses
import os
import random
import threading
from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress
from unittest import mock

import httpx
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from paygrant import (
    Cryptofuse,
    MemoryStore,
    PaygrantError,
    RefreshPolicy,
    Token,
    TokenAuth,
    TokenError,
    TokenSource,
    _clock,
)
from paygrant._cache import registry
from paygrant._cache.cache import Cache
from paygrant._cache.renewal import PendingRenewal, Renewal

PROVIDERS = [
    Cryptofuse(client_id=name, client_secret="test-secret", base_url="https://tokens.example") for name in ("a", "b")
]
DONE = "done"


@dataclasses.dataclass(eq=False)
class Parked:
    """A thread that waits for a step: for the response to its request, or for time to pass."""

    key: str = ""
    until: float = 0.0
    response: httpx.Response | Exception | None = None
    released: bool = False


class World(httpx.BaseTransport):
    """The clock, the token endpoint, the API, and what each thread waits for."""

    others: frozenset[threading.Thread] = frozenset()
    """Threads that earlier tests left."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.ends: dict[str, float] = {}
        self.revoked: set[str] = set()
        self.forbidding = False
        self.faults: list[str] = []
        self._change = threading.Condition()
        self._waits: dict[threading.Thread, Parked | PendingRenewal | str] = {}
        self._holders: set[str] = set()

    def check(self, token: str, client_id: str) -> None:
        """Whether a caller of this client may have this token now."""
        if not token.startswith(f"{client_id}-"):
            self.faults.append(f"{token} went to {client_id}")
        if self.now >= self.ends[token]:
            self.faults.append(f"{token} ended {self.now - self.ends[token]:g} s ago")

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """The token endpoint: it responds when a step says so."""
        client_id = base64.b64decode(request.headers["Authorization"].removeprefix("Basic ")).decode().split(":")[0]
        if any(other.key == client_id for other in self.parked()):
            self.faults.append(f"two requests at once for {client_id}")
        response = self._park(Parked(key=client_id)).response
        if isinstance(response, httpx.Response):
            return response
        raise response or AssertionError("released without a response")

    def api(self, request: httpx.Request) -> httpx.Response:
        """The API: each client has an address of its own."""
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.check(token, request.url.host)
        return httpx.Response(401 if self.forbidding or token in self.revoked else 200)

    def sleep(self, seconds: float, _stop: threading.Event) -> None:
        self._park(Parked(until=self.now + seconds))

    def grant(self, parked: Parked, lifetime: float) -> None:
        token = f"{parked.key}-{len(self.ends)}"
        self.ends[token] = self.now + lifetime
        self.release(parked, httpx.Response(200, json={"access_token": token, "expires_in": lifetime}))

    def release(self, parked: Parked, response: httpx.Response | Exception | None = None) -> None:
        with self._change:
            parked.response, parked.released = response, True
            self._change.notify_all()

    def pass_by(self, seconds: float) -> None:
        self.now += seconds
        for parked in self.parked():
            if not parked.key and parked.until <= self.now:
                self.release(parked)

    def parked(self) -> list[Parked]:
        with self._change:
            return [each for each in self._waits.values() if isinstance(each, Parked) and not each.released]

    def settle(self) -> None:
        """Wait until nothing moves any more."""
        with self._change:
            assert self._change.wait_for(self._at_rest, 20)

    @contextmanager
    def lock(self, key: str) -> Generator[None]:
        """The store's lock, such that a thread that waits for it is known to wait."""
        with self._change:
            self._wait_for(key)
            self._change.wait_for(lambda: key not in self._holders)
            self._holders.add(key)
            del self._waits[threading.current_thread()]
        try:
            yield
        finally:
            with self._change:
                self._holders.remove(key)
                self._change.notify_all()

    @contextmanager
    def waiting(self, renewal: PendingRenewal) -> Generator[None]:
        with self._change:
            self._wait_for(renewal)
        yield
        with self._change:
            del self._waits[threading.current_thread()]

    def done(self) -> None:
        with self._change:
            self._wait_for(DONE)

    def _park(self, parked: Parked) -> Parked:
        with self._change:
            self._wait_for(parked)
            assert self._change.wait_for(lambda: parked.released, 30)
            del self._waits[threading.current_thread()]
        return parked

    def _wait_for(self, what: Parked | PendingRenewal | str) -> None:
        self._waits[threading.current_thread()] = what
        self._change.notify_all()

    def _at_rest(self) -> bool:
        return all(
            self._rests(self._waits.get(thread))
            for thread in threading.enumerate()
            if thread.name in {"paygrant", "caller"} and thread not in self.others
        )

    def _rests(self, what: Parked | PendingRenewal | str | None) -> bool:
        if isinstance(what, Parked):
            return not what.released
        if isinstance(what, PendingRenewal):
            return not what.completed
        return what == DONE or what in self._holders


class WatchedStore(MemoryStore):
    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def lock(self, key: str, lease: float) -> AbstractContextManager[object]:
        return self._world.lock(key)


sources = st.integers(0, 2)


class Life(RuleBasedStateMachine):
    """Three sources at one store: two with the same credentials, one with others."""

    @initialize()
    def start(self) -> None:
        self.world = world = World()
        self.stack = ExitStack()
        fly, wait = Cache._run_renewal, PendingRenewal.wait

        def watched_fly(cache: Cache, renewal: Renewal) -> None:
            fly(cache, renewal)
            world.done()

        def watched_wait(renewal: PendingRenewal) -> Token:
            with world.waiting(renewal), suppress(PaygrantError):
                wait(renewal)
            return wait(renewal)

        def start(_host: str, task: Callable[[], object]) -> None:
            threading.Thread(target=task, name="paygrant", daemon=True).start()

        for target, name, stand_in in (
            (registry, "run_on_worker", start),
            (_clock, "monotonic", lambda: world.now),
            (_clock, "sleep", world.sleep),
            (_clock, "jitter", random.random),
            (Cache, "_run_renewal", watched_fly),
            (PendingRenewal, "wait", watched_wait),
        ):
            self.stack.enter_context(mock.patch.object(target, name, stand_in))
        store = WatchedStore(world)
        a, b = PROVIDERS
        self.sources = [
            TokenSource(a, store=store, transport=world),
            TokenSource(a, store=store, transport=world, policy=RefreshPolicy(refresh_fraction=0.5, margin=5)),
            TokenSource(b, store=store, transport=world),
        ]
        self.apis = [
            self.stack.enter_context(httpx.Client(auth=TokenAuth(each), transport=httpx.MockTransport(world.api)))
            for each in self.sources
        ]
        self.dropped: set[tuple[int, str]] = set()
        self.loop = asyncio.new_event_loop()
        self.stack.callback(self.loop.close)
        self.threads: list[threading.Thread] = []
        self.tasks: list[asyncio.Task[None]] = []

    # Calls

    @rule(index=sources)
    def get(self, index: int) -> None:
        self._call(lambda: self._got(index, self.sources[index].get()))

    @rule(index=sources)
    def call_the_api(self, index: int) -> None:
        host = self.sources[index].provider.client_id
        self._call(lambda: self.apis[index].get(f"https://{host}"))

    @rule(index=sources)
    def aget(self, index: int) -> None:
        async def call() -> None:
            try:
                self._got(index, await self.sources[index].aget())
            except TokenError:
                pass
            except Exception as error:  # noqa: BLE001 - the invariant reports it
                self.world.faults.append(repr(error))

        self.tasks.append(self.loop.create_task(call()))
        self._settle()

    @rule(which=st.integers(0, 9))
    def cancel(self, which: int) -> None:
        waiting = [task for task in self.tasks if not task.done()]
        if waiting:
            waiting[which % len(waiting)].cancel()
            self._settle()

    @rule(index=sources)
    def invalidate(self, index: int) -> None:
        token = self.sources[index]._cache.held[0]
        if token.access_token:
            self.sources[index].invalidate(token)
            self.dropped.add((index, token.access_token))

    # The API

    @rule(index=sources)
    def revoke(self, index: int) -> None:
        self.world.revoked.add(self.sources[index]._cache.held[0].access_token)

    @rule(forbidding=st.booleans())
    def forbid(self, *, forbidding: bool) -> None:
        self.world.forbidding = forbidding

    # Time

    @rule(seconds=st.sampled_from([0.3, 2.0, 5.0, 29.0, 35.0, 61.0, 600.0, 2900.0, 3580.0]))
    def pass_by(self, seconds: float) -> None:
        self.world.pass_by(seconds)
        self._settle()

    @rule(index=sources, seconds=st.sampled_from([-0.1, 0.0, 1.0]))
    def reach_the_end(self, index: int, seconds: float) -> None:
        """The moments at which a mistake would show."""
        end = self.world.ends.get(self.sources[index]._cache.held[0].access_token, 0.0)
        if end + seconds > self.world.now:
            self.pass_by(end + seconds - self.world.now)

    # The token endpoint

    @rule(which=st.integers(0, 1), lifetime=st.sampled_from([3, 60, 3600]))
    def grant(self, which: int, lifetime: int) -> None:
        self._end(which, lambda parked: self.world.grant(parked, lifetime))

    @rule(which=st.integers(0, 1), status=st.sampled_from([400, 401, 429, 503]), after=st.sampled_from(["", "3", "90"]))
    def refuse(self, which: int, status: int, after: str) -> None:
        response = httpx.Response(status, headers={"Retry-After": after} if after else {}, json={})
        self._end(which, lambda parked: self.world.release(parked, response))

    @rule(which=st.integers(0, 1))
    def hang_up(self, which: int) -> None:
        self._end(which, lambda parked: self.world.release(parked, httpx.ReadError("gone")))

    # What must hold

    @invariant()
    def nobody_got_what_is_not_for_them(self) -> None:
        assert self.world.faults == []

    def teardown(self) -> None:
        """Every caller ends when the endpoint responds again."""
        if not hasattr(self, "world"):
            return
        with self.stack:
            for _ in range(50):
                self.world.pass_by(100)
                for parked in self.world.parked():
                    if parked.key:
                        self.world.grant(parked, 3600)
                self._settle()
            for thread in self.threads:
                thread.join(20)
                assert not thread.is_alive()
            assert all(task.done() for task in self.tasks)
            self.nobody_got_what_is_not_for_them()

    def _got(self, index: int, token: Token) -> None:
        self.world.check(token.access_token, self.sources[index].provider.client_id)
        if (index, token.access_token) in self.dropped:
            self.world.faults.append(f"{token.access_token} was dropped")

    def _call(self, action: Callable[[], object]) -> None:
        def run() -> None:
            try:
                action()
            except TokenError:
                pass
            except Exception as error:  # noqa: BLE001 - the invariant reports it
                self.world.faults.append(repr(error))
            self.world.done()

        self.threads.append(threading.Thread(target=run, name="caller"))
        self.threads[-1].start()
        self._settle()

    def _end(self, which: int, action: Callable[[Parked], None]) -> None:
        requests = [parked for parked in self.world.parked() if parked.key]
        if requests:
            action(requests[which % len(requests)])
            self._settle()

    def _settle(self) -> None:
        """Let threads and tasks come to rest: a task may start a thread, and a thread end a task's wait."""
        for _ in range(6):
            self.loop.run_until_complete(asyncio.sleep(0))
            self.world.settle()


@pytest.fixture(scope="module", autouse=True)
def _note_other_threads() -> None:
    World.others = frozenset(threading.enumerate())


TestLife = Life.TestCase
TestLife.settings = settings(deadline=None, max_examples=100 if os.environ.get("CI") else 40, stateful_step_count=40)
