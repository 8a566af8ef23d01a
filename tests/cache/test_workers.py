"""Workers and timers: threads that are used again, that end when idle, and that hold up nobody."""

import itertools
import queue
import socket
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import pytest

from paygrant import ClientCredentials, ConfigurationError, MemoryStore, RefreshPolicy, TokenError, TokenSource, _clock
from paygrant._cache import workers
from paygrant._cache.workers import MOST, Workers
from tests.helpers.servers import Server, granted, read_request, serve_raw


def client(server: Server, number: int = 0, secret: str | Callable[[], str] = "s") -> ClientCredentials:
    return ClientCredentials(client_id=f"client-{number}", client_secret=secret, token_url=f"{server.base_url}/token")


def ours() -> list[threading.Thread]:
    """The threads of this package."""
    return [thread for thread in threading.enumerate() if thread.name.startswith("paygrant")]


@pytest.fixture
def no_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE", 0.05)


def done() -> "tuple[Callable[[], None], threading.Semaphore]":
    finished = threading.Semaphore(0)
    return finished.release, finished


def test_a_worker_is_used_again() -> None:
    pool, used = Workers(), set[int]()
    end, ended = done()

    def task() -> None:
        used.add(threading.get_ident())
        end()

    for _ in range(5):
        pool.run(task)
        assert ended.acquire(timeout=10)
        while not pool._idle:  # it becomes idle just after the task
            time.sleep(0.001)
    assert len(used) == pool.count == 1


def test_an_idle_worker_keeps_nothing_of_its_last_task_alive() -> None:
    class Held:
        def run(self) -> None: ...

    pool, held, gone = Workers(), Held(), threading.Event()
    weakref.finalize(held, gone.set)
    pool.run(held.run)
    del held
    assert gone.wait(10)


def blocking_tasks(pool: Workers, count: int) -> "tuple[threading.Event, threading.Semaphore]":
    """Run tasks that all wait for the event. The semaphore counts those that have ended."""
    go_on = threading.Event()
    end, ended = done()

    def task() -> None:
        go_on.wait(20)
        end()

    for _ in range(count):
        pool.run(task)
    return go_on, ended


def test_the_workers_of_a_host_have_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE", 0.0)
    pool = Workers()
    go_on, ended = blocking_tasks(pool, 3 * MOST)
    assert pool.count == MOST
    assert len(pool._waiting) == 2 * MOST
    go_on.set()
    assert all(ended.acquire(timeout=20) for _ in range(3 * MOST))


def test_a_burst_of_tasks_starts_a_few_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE", 600.0)
    pool = Workers()
    go_on, ended = blocking_tasks(pool, MOST)
    assert pool.count == workers.AT_ONCE
    go_on.set()
    assert all(ended.acquire(timeout=20) for _ in range(MOST))
    assert pool.count == workers.AT_ONCE


def test_tasks_that_have_waited_for_a_while_get_more_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE", 0.01)
    pool = Workers()
    go_on, ended = blocking_tasks(pool, workers.AT_ONCE)
    started = [threading.Event() for _ in range(MOST - workers.AT_ONCE)]
    for each in started:
        pool.run(lambda each=each: (each.set(), go_on.wait(20)))  # type: ignore[misc]
    assert all(each.wait(20) for each in started)
    assert pool.count == MOST
    go_on.set()
    assert all(ended.acquire(timeout=20) for _ in range(workers.AT_ONCE))


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> Iterator[Workers]:
    """Workers that have a task for the only worker that starts without delay."""
    monkeypatch.setattr(workers, "AT_ONCE", 1)
    monkeypatch.setattr(workers, "PATIENCE", 0.01)
    pool = Workers()
    go_on, _ = blocking_tasks(pool, 1)
    yield pool
    go_on.set()


def test_each_task_that_has_waited_for_a_while_gets_a_worker_not_only_the_first(busy: Workers) -> None:
    go_on = threading.Event()
    for _ in range(3):
        started = threading.Event()
        busy.run(lambda started=started: (started.set(), go_on.wait(20)))  # type: ignore[misc]
        assert started.wait(10)
    go_on.set()


def test_a_task_that_has_not_waited_for_long_is_looked_at_again(busy: Workers) -> None:
    started = threading.Event()
    busy._waiting.append((time.monotonic() + 0.1, started.set))
    busy._look()
    assert started.wait(10)


def test_without_a_thread_tasks_that_have_waited_go_to_the_workers_that_there_are(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(workers, "PATIENCE", 0.01)
    pool = Workers()
    go_on, ended = blocking_tasks(pool, workers.AT_ONCE)

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        last, late = blocking_tasks(pool, MOST)
        pool._look()
        last.set()
        go_on.set()
        assert all(late.acquire(timeout=20) for _ in range(MOST))
    assert all(ended.acquire(timeout=20) for _ in range(workers.AT_ONCE))


def test_a_signal_in_the_middle_of_setting_the_timer_loses_none(busy: Workers, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_seconds: float, _action: Callable[[], object]) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(_clock, "after", interrupted)
        with pytest.raises(KeyboardInterrupt):
            busy.run(print)
    busy._waiting.clear()  # a worker took it
    end, ended = done()
    busy.run(end)
    assert ended.acquire(timeout=10)


def test_a_signal_handler_waits_for_a_task_while_its_thread_sets_the_timer(
    busy: Workers, monkeypatch: pytest.MonkeyPatch
) -> None:
    after, ran = _clock.after, list[bool]()

    def interrupted(seconds: float, action: Callable[[], object]) -> _clock.Timer:
        monkeypatch.setattr(_clock, "after", after)
        end, ended = done()
        busy.run(end)
        ran.append(ended.acquire(timeout=10))
        return after(seconds, action)

    monkeypatch.setattr(_clock, "after", interrupted)
    busy.run(lambda: None)
    assert ran == [True]


def test_a_finalizer_on_the_thread_of_the_timers_waits_for_a_task(busy: Workers) -> None:
    ran: queue.SimpleQueue[bool] = queue.SimpleQueue()
    end, ended = done()

    def finalize() -> None:
        busy.run(end)
        ran.put(ended.acquire(timeout=10))

    _clock.after(0.0, finalize)
    assert ran.get(timeout=20)


def test_the_next_look_is_when_the_first_task_has_waited_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "PATIENCE", 600.0)
    pool, after, set_timers = Workers(), _clock.after, list[float]()
    go_on, _ = blocking_tasks(pool, workers.AT_ONCE)

    def recorded(seconds: float, action: Callable[[], object]) -> _clock.Timer:
        set_timers.append(seconds)
        return after(seconds, action)

    monkeypatch.setattr(_clock, "after", recorded)
    pool._waiting.append((time.monotonic() + 100, print))  # it came while the timer of another task was set
    pool._look()
    pool._look()
    assert len(set_timers) == 1
    assert set_timers[0] <= 100
    pool._waiting.clear()
    go_on.set()


def test_a_host_that_hangs_delays_no_other(no_idle: None) -> None:
    go_on = threading.Event()
    for _ in range(2 * MOST):
        workers.run_on_worker("hangs.example", go_on.wait)
    end, ended = done()
    workers.run_on_worker("works.example", end)
    assert ended.acquire(timeout=10)
    go_on.set()


def test_an_idle_worker_ends(no_idle: None) -> None:
    pool = Workers()
    end, ended = done()
    pool.run(end)
    assert ended.acquire(timeout=10)
    deadline = time.monotonic() + 10
    while pool.count and time.monotonic() < deadline:
        time.sleep(0.01)
    assert pool.count == 0
    pool.run(end)
    assert ended.acquire(timeout=10)


def test_a_task_that_fails_ends_its_worker_and_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    reported = threading.Semaphore(0)

    def report(_: object) -> None:
        reported.release()

    monkeypatch.setattr(threading, "excepthook", report)
    pool = Workers()
    pool.run(lambda: 1 / 0)
    assert reported.acquire(timeout=10)
    end, ended = done()
    pool.run(end)
    assert ended.acquire(timeout=10)
    assert pool.count == 1


def test_a_task_that_waits_is_run_though_the_only_worker_ends_by_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    reported = threading.Event()

    def report(_: object) -> None:
        reported.set()

    monkeypatch.setattr(threading, "excepthook", report)
    monkeypatch.setattr(workers, "MOST", 1)
    pool, go_on = Workers(), threading.Event()

    def fail() -> None:
        go_on.wait(10)
        raise ValueError("a task that fails")

    pool.run(fail)
    end, ended = done()
    pool.run(end)
    assert len(pool._waiting) == 1
    go_on.set()
    assert ended.acquire(timeout=10)
    assert reported.wait(10)  # after the task: pytest must not see the failure in a later test


def test_without_a_thread_a_task_is_refused_or_left_to_another_worker(monkeypatch: pytest.MonkeyPatch) -> None:
    pool, go_on, refused = Workers(), threading.Event(), threading.Event()

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError):
            pool.run(refused.set)
    assert pool.count == 0
    pool.run(lambda: go_on.wait(10))
    end, ended = done()
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        pool.run(end)
    go_on.set()
    assert ended.acquire(timeout=10)
    assert not refused.is_set()  # a later task would have run after it


def test_a_source_reports_that_no_thread_can_be_started(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(workers, "_workers", {})  # an idle worker of an earlier server on this port would do
    source = TokenSource(client(server))
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refuse)
        with pytest.raises(TokenError, match="no thread can be started"):
            source.get()
    assert source.get().access_token == "token-1"


# Connections


@pytest.fixture
def counted() -> Iterator[tuple[str, list[int]]]:
    """A token endpoint that keeps connections open, and the number of requests on each."""
    requests: list[int] = []

    def respond(connection: socket.socket) -> None:
        number = len(requests)
        requests.append(0)
        connection.settimeout(20)
        while read_request(connection):
            requests[number] += 1
            body = b'{"access_token": "t-%d-%d", "expires_in": 3600}' % (number, requests[number])
            head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
            connection.sendall(head % len(body) + body)

    with serve_raw(respond) as base_url:
        yield base_url, requests


def test_renewals_share_connections(counted: tuple[str, list[int]]) -> None:
    base_url, requests = counted
    store = MemoryStore()
    for number in range(20):
        provider = ClientCredentials(client_id=f"c{number}", client_secret="s", token_url=f"{base_url}/token")
        TokenSource(provider, store=store).get()
    assert sum(requests) == 20
    assert len(requests) <= 3  # a worker may still be on its way to be idle


def test_the_threads_have_a_name_and_do_not_keep_the_interpreter_from_exiting(server: Server) -> None:
    TokenSource(client(server)).get()
    assert ours()
    assert all(thread.daemon for thread in ours())


def test_a_thousand_cold_tokens_take_few_threads_and_connections(server: Server) -> None:
    store = MemoryStore()
    sources = [TokenSource(client(server, number), store=store) for number in range(1000)]
    most, before = 0, {*ours()}

    def get(source: TokenSource) -> str:
        nonlocal most
        token = source.get()
        most = max(most, len({*ours()} - before))
        return token.access_token

    with ThreadPoolExecutor(100) as pool:
        tokens = list(pool.map(get, sources))
    assert len({*tokens}) == len(server.seen) == 1000
    assert most <= MOST + 8


@pytest.mark.parametrize("proxied", [False, True])
def test_no_client_gets_a_response_that_a_server_sent_too_many(
    monkeypatch: pytest.MonkeyPatch, *, proxied: bool
) -> None:
    numbers = itertools.count()

    def respond(connection: socket.socket) -> None:
        while read_request(connection):
            bodies = [granted(f"{number} for {next(numbers)}".replace(" ", "-")).body for number in ("first", "second")]
            head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"
            connection.sendall(b"".join(head % (len(body), body) for body in bodies))

    with serve_raw(respond) as url:
        monkeypatch.setenv("http_proxy", url if proxied else "")
        sources = [
            TokenSource(ClientCredentials(client_id=f"c{number}", client_secret="s", token_url=f"{url}/token"))
            for number in range(4)
        ]
        assert all(each.get().access_token.startswith("first") for each in sources)


def test_a_connection_that_the_server_closed_is_replaced_at_once(pauses: list[float]) -> None:
    """The server closes each connection after one response, without saying so."""

    def respond(connection: socket.socket) -> None:
        read_request(connection)
        body = b'{"access_token": "t", "expires_in": 3600}'
        head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n"
        connection.sendall(head % len(body) + body)

    with serve_raw(respond) as base_url:
        store = MemoryStore()
        for number in range(5):
            provider = ClientCredentials(client_id=f"c{number}", client_secret="s", token_url=f"{base_url}/token")
            TokenSource(provider, store=store).get()
    assert pauses == []


# Waiting that ends


@pytest.mark.parametrize("in_tasks", [False, True], ids=["in threads", "in tasks"])
def test_a_secret_that_sleeps_holds_up_nobody_beyond_the_deadline(server: Server, *, in_tasks: bool) -> None:
    import anyio

    go_on = threading.Event()

    def secret() -> str:
        go_on.wait(20)
        return "late"

    source = TokenSource(client(server, secret=secret), policy=RefreshPolicy(deadline=0.4))
    began = time.monotonic()
    with pytest.raises(TokenError, match="no token before the deadline"):
        anyio.run(source.aget) if in_tasks else source.get()
    assert time.monotonic() - began < 10
    go_on.set()


def test_a_renewal_that_was_given_up_is_of_use_when_it_ends(server: Server) -> None:
    go_on = threading.Event()

    def secret() -> str:
        go_on.wait(20)
        return "late"

    source = TokenSource(client(server, secret=secret), policy=RefreshPolicy(deadline=0.2))
    with pytest.raises(TokenError):
        source.get()
    go_on.set()
    deadline = time.monotonic() + 10
    while not server.seen and time.monotonic() < deadline:
        time.sleep(0.01)
    assert source.get().access_token in {"token-1", "token-2"}


def test_a_call_after_the_deadline_starts_a_new_renewal(server: Server) -> None:
    """A process that was frozen in the middle of a renewal may never end it."""
    calls, go_on = list[int](), threading.Event()

    def secret() -> str:
        calls.append(1)
        if len(calls) == 1:
            go_on.wait(20)
        return "s"

    source = TokenSource(client(server, secret=secret), policy=RefreshPolicy(deadline=0.2))
    with pytest.raises(TokenError):
        source.get()
    assert source.get().access_token == "token-1"
    go_on.set()


def test_a_signal_handler_may_request_a_token_at_any_moment(server: Server) -> None:
    import signal

    store, numbers = MemoryStore(), iter(range(100_000))
    outcomes: list[str] = []

    def handler(*_: object) -> None:
        with suppress(ConfigurationError):  # it must not wait in the middle of the same cache's decisions
            outcomes.append(TokenSource(client(server, next(numbers) % 7), store=store).get().access_token)
        signal.setitimer(signal.ITIMER_REAL, 0.0013)

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0013)
    try:
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            source = TokenSource(client(server, next(numbers) % 7), store=store)
            source.invalidate(source.get())
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert len(outcomes) > 20


def test_a_store_that_hangs_delays_invalidate_until_the_deadline_only(server: Server) -> None:
    go_on = threading.Event()

    class Hanging(MemoryStore):
        def discard(self, key: str, token: object) -> None:
            go_on.wait(20)

    source = TokenSource(client(server), store=Hanging(), policy=RefreshPolicy(deadline=0.2))
    token = source.get()
    began = time.monotonic()
    source.invalidate(token)
    assert time.monotonic() - began < 10
    go_on.set()


# Timers


def test_timers_run_in_their_order_and_can_be_cancelled() -> None:
    ran: queue.SimpleQueue[str] = queue.SimpleQueue()
    _clock.after(0.2, lambda: ran.put("second"))
    _clock.after(0.1, lambda: ran.put("first"))
    _clock.after(0.15, lambda: ran.put("never")).cancel()
    assert [ran.get(timeout=10), ran.get(timeout=10)] == ["first", "second"]
    assert ran.empty()


def test_a_timer_that_fails_stops_no_other() -> None:
    ran: queue.SimpleQueue[str] = queue.SimpleQueue()
    _clock.after(0.0, lambda: 1 / 0)
    _clock.after(0.05, lambda: ran.put("second"))
    assert ran.get(timeout=10) == "second"


def test_cancelled_timers_do_not_pile_up() -> None:
    timers = _clock.Timers()
    for _ in range(10_000):
        timers.after(3600, print).cancel()
    ends = time.monotonic() + 10
    while len(timers._heap) > 600 and time.monotonic() < ends:
        time.sleep(0.01)
    assert len(timers._heap) <= 600


def test_the_thread_of_timers_ends_when_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_clock, "_IDLE", 0.05)
    timers, ran = _clock.Timers(), queue.SimpleQueue[int]()
    for _ in range(2):
        timers.after(0.0, lambda: ran.put(1))
        assert ran.get(timeout=10)
        deadline = time.monotonic() + 10
        while not timers._permit and time.monotonic() < deadline:
            time.sleep(0.01)
        assert timers._permit


def test_a_signal_handler_waits_for_a_timer_while_its_thread_starts_the_timers(monkeypatch: pytest.MonkeyPatch) -> None:
    timers, start, ran = _clock.Timers(), threading.Thread.start, list[bool]()
    first, second = done(), done()

    def interrupted(thread: threading.Thread) -> None:
        monkeypatch.setattr(threading.Thread, "start", start)
        timers.after(0.0, second[0])
        ran.append(second[1].acquire(timeout=10))
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", interrupted)
    timers.after(0.0, first[0])
    assert ran == [True]
    assert first[1].acquire(timeout=10)


def test_a_signal_while_the_timers_start_loses_no_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    timers, ran = _clock.Timers(), queue.SimpleQueue[int]()

    def interrupted(_: threading.Thread) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", interrupted)
        with pytest.raises(KeyboardInterrupt):
            timers.after(0.0, lambda: ran.put(1))
    timers.after(0.0, lambda: ran.put(2))
    assert [ran.get(timeout=10), ran.get(timeout=10)] == [1, 2]


def test_the_clock_goes_on_while_the_machine_sleeps() -> None:
    before = time.clock_gettime(time.CLOCK_BOOTTIME)
    assert before <= _clock.monotonic() <= time.clock_gettime(time.CLOCK_BOOTTIME)


def test_without_such_a_clock_the_usual_one_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(time, "CLOCK_BOOTTIME")
    assert _clock._counting_sleep() is time.monotonic
