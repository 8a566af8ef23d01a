"""RedisStore with a real Redis: processes share tokens, refusals and one request. A failing Redis fails no caller."""

import itertools
import multiprocessing
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, suppress
from datetime import timedelta
from typing import Any, cast

import pytest
from cryptography.fernet import Fernet
from redis import Redis, RedisError
from redis.asyncio import Redis as AsyncRedis
from redis.exceptions import OutOfMemoryError, ReadOnlyError

from paygrant import (
    ConfigurationError,
    Cryptofuse,
    InvalidClient,
    ProviderUnavailable,
    RateLimited,
    RedisStore,
    RefreshPolicy,
    Token,
    TokenSource,
    _clock,
)
from paygrant._cache import acquire
from paygrant._stores.base import Entry, Store
from paygrant._tokens.lifecycle import Grant
from tests.helpers.fleet import fleet
from tests.helpers.servers import Reply, Server, granted
from tests.peers.fixtures import RedisServer

KEY = "0f" * 32
NAME = f"paygrant:{KEY}"


def fresh(token: str = "token-1", lifetime: float = 3600.0) -> Entry:
    now = time.monotonic()
    return Entry(Grant(Token(token), now, lifetime), now + lifetime)


def token_in(store: RedisStore) -> str | None:
    entry = store.load(KEY)
    assert entry is None or isinstance(entry.outcome, Grant)
    return entry.outcome.token.access_token if entry and isinstance(entry.outcome, Grant) else None


@pytest.fixture
def store(redis_server: RedisServer) -> Iterator[RedisStore]:
    with closing(RedisStore(redis_server.url)) as store:
        yield store


def new_client(redis_server: RedisServer, **options: Any) -> Any:
    """A client; redis-py's types leave much unknown."""
    return cast("Any", Redis).from_url(redis_server.url, **options)


@pytest.fixture
def redis(redis_server: RedisServer) -> Iterator[Any]:
    """A client of the test's own."""
    with new_client(redis_server) as client:
        yield client


def test_what_is_saved_is_found_by_another_store(store: RedisStore, redis_server: RedisServer) -> None:
    assert isinstance(store, Store)
    assert store.load(KEY) is None
    store.save(KEY, fresh())
    with closing(RedisStore(redis_server.url)) as other:
        assert token_in(other) == "token-1"
        store.save(KEY, fresh("token-2"))
        assert token_in(other) == "token-2"


def test_an_entry_is_found_right_after_a_slow_save(store: RedisStore, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = fresh()
    times = itertools.count(time.monotonic(), 0.05)
    monkeypatch.setattr(_clock, "monotonic", lambda: next(times))
    store.save(KEY, entry)
    assert token_in(store) == "token-1"


def test_stores_with_different_prefixes_see_nothing_of_each_other(store: RedisStore, redis_server: RedisServer) -> None:
    store.save(KEY, fresh())
    with closing(RedisStore(redis_server.url, prefix="mine:")) as other:
        assert other.load(KEY) is None


def test_redis_itself_ends_an_entry(store: RedisStore, redis: Any) -> None:
    store.save(KEY, fresh(lifetime=3600))
    assert 3_590_000 < redis.pttl(NAME) <= 3_600_000
    store.save(KEY, fresh(lifetime=0.1))
    while redis.exists(NAME):
        time.sleep(0.01)
    assert store.load(KEY) is None


def test_an_ended_entry_is_not_saved(store: RedisStore, redis: Any) -> None:
    store.save(KEY, fresh(lifetime=0))
    assert not redis.exists(NAME)


def test_the_clock_of_redis_states_the_age_of_an_entry(store: RedisStore, redis: Any) -> None:
    store.save(KEY, fresh(lifetime=3600))
    redis.pexpire(NAME, 600_000)  # as it is 3000 seconds later
    entry = store.load(KEY)
    now = time.monotonic()
    assert entry
    assert isinstance(entry.outcome, Grant)
    assert now + 599 < entry.until <= now + 600
    assert now - 3001 < entry.outcome.since <= now - 3000
    assert entry.outcome.lifetime == 3600


@pytest.mark.parametrize("tamper", [("PERSIST", NAME), ("PEXPIRE", NAME, 7_200_000)])
def test_an_entry_that_outlives_its_own_end_is_ignored(
    store: RedisStore, redis: Any, tamper: tuple[object, ...]
) -> None:
    store.save(KEY, fresh())
    redis.execute_command(*tamper)
    assert store.load(KEY) is None


def test_foreign_values_are_ignored(store: RedisStore, redis: Any) -> None:
    redis.set(NAME, b"\xff\x00", px=10_000)
    assert store.load(KEY) is None
    store.discard(KEY, Token("token-1"))
    store.save("ab", fresh())
    redis.copy("paygrant:ab", NAME, replace=True)
    assert store.load(KEY) is None
    store.save(KEY, fresh())
    assert token_in(store) == "token-1"


def test_discard_removes_this_very_token_only(store: RedisStore, redis: Any) -> None:
    store.discard(KEY, Token("token-1"))
    store.save(KEY, fresh("token-2"))
    store.discard(KEY, Token("token-1"))
    assert token_in(store) == "token-2"
    store.discard(KEY, Token("token-2"))
    assert not redis.exists(NAME)


def test_discarding_an_old_token_keeps_a_new_one(store: RedisStore, redis_server: RedisServer) -> None:
    with closing(RedisStore(redis_server.url)) as other:
        store.save(KEY, fresh("token-1"))
        fetch = store._fetch

        def and_then_another_saves(key: str) -> tuple[bytes, int]:
            found = fetch(key)
            other.save(KEY, fresh("token-2"))
            return found

        store._fetch = and_then_another_saves  # type: ignore[method-assign]
        store.discard(KEY, Token("token-1"))
        assert token_in(other) == "token-2"


def test_encrypted_entries_hold_no_token_and_need_their_key(redis_server: RedisServer, redis: Any) -> None:
    key = Fernet.generate_key()
    RedisStore(redis_server.url, key=key).save(KEY, fresh())
    assert redis.get(NAME) is None  # the name shows nothing either: it is made with the key
    [name] = redis.keys()
    data = redis.get(name)
    assert isinstance(data, bytes)
    assert b"token-1" not in data
    assert token_in(RedisStore(redis_server.url, key=lambda: key)) == "token-1"
    assert RedisStore(redis_server.url, key=Fernet.generate_key()).load(KEY) is None
    assert RedisStore(redis_server.url).load(KEY) is None


@pytest.mark.parametrize(("later", "left"), [(0, 3599), (1800, 1800), (3500, 100), (3601, None), (86400, None)])
def test_an_old_encrypted_entry_that_is_put_back_is_no_younger(
    redis_server: RedisServer, redis: Any, monkeypatch: pytest.MonkeyPatch, later: float, left: float | None
) -> None:
    with closing(RedisStore(redis_server.url, key=Fernet.generate_key())) as store:
        store.save(KEY, fresh(lifetime=3600))
        [name] = redis.keys()
        old = redis.get(name)
        store.discard(KEY, Token("token-1"))
        assert store.load(KEY) is None
        moment = _clock.wall() + timedelta(seconds=later)
        monkeypatch.setattr(_clock, "wall", lambda: moment)
        redis.set(name, old, px=3_599_000)  # nearly the whole time to live once more
        entry = store.load(KEY)
        assert (entry is None) == (left is None)
        if entry and left is not None:
            assert isinstance(entry.outcome, Grant)
            assert left - 5 < entry.until - time.monotonic() <= left
            assert entry.outcome.since <= time.monotonic() - later


@pytest.mark.parametrize(("ahead", "used"), [(30, True), (61, False)])
def test_clocks_of_machines_may_differ_a_little(
    redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch, *, ahead: float, used: bool
) -> None:
    with closing(RedisStore(redis_server.url, key=Fernet.generate_key())) as store:
        store.save(KEY, fresh())
        moment = _clock.wall() - timedelta(seconds=ahead)
        monkeypatch.setattr(_clock, "wall", lambda: moment)
        assert (store.load(KEY) is not None) == used


@pytest.mark.parametrize("decode", [False, True])
def test_a_client_of_the_user_is_used_and_stays_open(redis_server: RedisServer, *, decode: bool) -> None:
    with new_client(redis_server, socket_timeout=0.5, decode_responses=decode) as client:
        store = RedisStore(client)
        with store.lock(KEY, 5):
            store.save(KEY, fresh())
        assert token_in(store) == "token-1"
        connections = len(client.client_list())
        store.close()
        assert len(client.client_list()) == connections
        store.discard(KEY, Token("token-1"))
        assert store.load(KEY) is None


@pytest.mark.parametrize(
    "client_or_url",
    [
        5,
        "",
        "http://127.0.0.1",
        "redis://:canary@127.0.0.1:canary/0",
        "redis://[canary",
        Redis(socket_timeout=None),
        AsyncRedis(),
        Redis,
    ],
)
def test_a_bad_client_or_url_is_refused_without_showing_it(client_or_url: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^client_or_url: ") as caught:
        RedisStore(client_or_url)
    assert "canary" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "value"), [("timeout", 0), ("timeout", "1"), ("prefix", ""), ("prefix", 5), ("key", "short")]
)
def test_a_bad_option_is_refused_by_name(name: str, value: Any) -> None:
    options: Any = {name: value}
    with pytest.raises(ConfigurationError, match=f"^{name}: "):
        RedisStore("redis://127.0.0.1", **options)


def test_stores_with_equal_arguments_are_equal() -> None:
    url, client = "redis://127.0.0.1:1", Redis(socket_timeout=1)
    key = Fernet.generate_key()
    assert RedisStore(url) == RedisStore(url)
    assert RedisStore(url, key=key) == RedisStore(url, key=key.decode())
    assert RedisStore(client) == RedisStore(client)
    different = [
        RedisStore(url),
        RedisStore("redis://127.0.0.1:2"),
        RedisStore(url, key=key),
        RedisStore(url, timeout=1),
        RedisStore(url, prefix="mine:"),
        RedisStore(client),
        RedisStore(Redis(socket_timeout=1)),
    ]
    assert len({*different, RedisStore(url)}) == len(different)
    assert RedisStore(url) != url


def test_its_repr_shows_no_credentials() -> None:
    assert repr(RedisStore("redis://canary:c@nary@127.0.0.1:6379/0?password=canary")) == (
        "<RedisStore redis://127.0.0.1:6379/0>"
    )
    assert repr(RedisStore(Redis(password="canary", socket_timeout=1))) == "<RedisStore Redis>"


def test_the_lock_has_one_holder_and_an_end(store: RedisStore, redis: Any) -> None:
    name = f"{NAME}:lock"
    with store.lock(KEY, 5):
        first = redis.get(name)
        assert first
        assert 4000 < redis.pttl(name) <= 5000
        with store.lock("ab", 5):
            pass
    assert not redis.exists(name)
    with store.lock(KEY, 5):
        assert redis.get(name) != first


def test_a_waiter_gives_up_a_little_after_the_lease(store: RedisStore, redis: Any) -> None:
    redis.set(f"{NAME}:lock", "somebody")  # without an end: nobody gives it back
    started = time.monotonic()
    with pytest.raises(TimeoutError), store.lock(KEY, 0.2):
        pass
    assert time.monotonic() - started < 0.2 + 1.5


def test_a_dead_holder_blocks_others_no_longer_than_its_lease(store: RedisStore) -> None:
    lock = store.lock(KEY, 0.3)
    lock.__enter__()  # and never leaves
    started = time.monotonic()
    with store.lock(KEY, 0.3):
        assert time.monotonic() - started < 0.5


def test_a_lost_lock_is_left_to_its_new_owner(store: RedisStore, redis: Any) -> None:
    with store.lock(KEY, 5):
        redis.set(f"{NAME}:lock", "another")
    assert redis.get(f"{NAME}:lock") == b"another"


def test_releasing_the_lock_while_redis_is_down_is_no_error(store: RedisStore, redis_server: RedisServer) -> None:
    with store.lock(KEY, 5):
        redis_server.stop()


def _uses(store: RedisStore) -> list[Callable[[], object]]:
    return [
        lambda: store.load(KEY),
        lambda: store.save(KEY, fresh()),
        lambda: store.discard(KEY, Token("token-1")),
        store.lock(KEY, 5).__enter__,
    ]


def _assert_each_use_fails_within(seconds: float, store: RedisStore) -> None:
    for use in _uses(store):
        started = time.monotonic()
        with pytest.raises(RedisError):
            use()
        assert time.monotonic() - started < seconds


def test_each_use_fails_at_once_while_redis_is_down(store: RedisStore, redis_server: RedisServer) -> None:
    store.save(KEY, fresh())
    redis_server.stop()
    _assert_each_use_fails_within(0.4, store)
    redis_server.start()
    assert store.load(KEY) is None
    store.save(KEY, fresh("token-2"))
    assert token_in(store) == "token-2"


def test_a_restart_between_two_uses_is_not_noticed(store: RedisStore, redis_server: RedisServer) -> None:
    for number in range(5):
        store.save(KEY, fresh(f"token-{number}"))
        assert token_in(store) == f"token-{number}"
        redis_server.stop()
        redis_server.start()
        assert store.load(KEY) is None


def test_each_use_fails_within_its_time_limit_if_redis_hangs(redis_server: RedisServer) -> None:
    with closing(RedisStore(redis_server.url, timeout=0.2)) as store:
        store.save(KEY, fresh())
        redis_server.pause()
        _assert_each_use_fails_within(0.2 + 0.2, store)


def test_each_use_fails_within_its_time_limit_if_no_connection_is_accepted() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:  # until the queue is full, and new connections are not even refused
            each.settimeout(0)
            each.connect_ex(address)
        _assert_each_use_fails_within(0.5, RedisStore(f"redis://127.0.0.1:{address[1]}", timeout=0.2))
        for each in waiting:
            each.close()


def test_a_full_redis_refuses_to_save_and_still_reads_and_forgets(store: RedisStore, redis: Any) -> None:
    store.save(KEY, fresh())
    redis.config_set("maxmemory-policy", "noeviction")
    redis.config_set("maxmemory", 1)
    with pytest.raises(OutOfMemoryError):
        store.save(KEY, fresh("token-2"))
    with pytest.raises(OutOfMemoryError), store.lock(KEY, 5):
        pass
    assert token_in(store) == "token-1"
    store.discard(KEY, Token("token-1"))
    assert store.load(KEY) is None


def test_a_replica_refuses_to_write_and_still_reads(store: RedisStore, redis: Any) -> None:
    store.save(KEY, fresh())
    redis.config_set("replica-serve-stale-data", "yes")
    redis.replicaof("127.0.0.1", 1)
    with pytest.raises(ReadOnlyError):
        store.save(KEY, fresh("token-2"))
    with pytest.raises(ReadOnlyError), store.lock(KEY, 5):
        pass
    with pytest.raises(RedisError):
        store.discard(KEY, Token("token-1"))
    assert token_in(store) == "token-1"


def test_a_connection_that_was_idle_for_long_is_not_used_again(
    store: RedisStore, redis: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def connections() -> set[str]:
        return {each["id"] for each in redis.client_list()} - {str(redis.client_id())}

    store.load(KEY)
    before = connections()
    store.load(KEY)
    assert connections() == before
    monkeypatch.setattr(store, "_used", time.monotonic() - 31)
    store.load(KEY)
    after = connections()
    assert len(after) == 1
    assert after != before


def test_close_ends_the_connections_and_another_use_opens_them_again(store: RedisStore, redis: Any) -> None:
    store.save(KEY, fresh())
    store.close()
    while len(redis.client_list()) > 1:
        time.sleep(0.01)
    assert token_in(store) == "token-1"


@pytest.mark.filterwarnings("ignore:.*multi-threaded.*fork:DeprecationWarning")
def test_a_forked_child_opens_its_own_connection(store: RedisStore, redis: Any) -> None:
    store.save(KEY, fresh())
    context = multiprocessing.get_context("fork")
    results = context.SimpleQueue()

    def child() -> None:
        tokens = {token_in(store) for _ in range(200)}
        connections = {each["id"] for each in redis.client_list()}
        results.put((tokens, len(connections)))

    process = context.Process(target=child)
    process.start()
    assert {token_in(store) for _ in range(200)} == {"token-1"}
    tokens, connections = results.get()
    process.join()
    assert tokens == {"token-1"}
    assert connections == 3
    results.close()


@pytest.mark.parametrize("key", ["", f", key={Fernet.generate_key()!r}"], ids=["clear", "encrypted"])
def test_8_processes_of_8_threads_make_one_request(server: Server, redis_server: RedisServer, key: str) -> None:
    with fleet(f"RedisStore({redis_server.url!r}{key})", server) as processes:
        assert processes.get() == ["token-1"] * 64
    assert len(server.seen) == 1


def test_a_fleet_shares_a_refusal(server: Server, redis_server: RedisServer) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    with fleet(f"RedisStore({redis_server.url!r})", server, processes=4) as processes:
        for _ in range(3):
            assert processes.get() == ["InvalidClient"] * 32
    assert len(server.seen) == 1


def _source(provider: Cryptofuse, redis_server: RedisServer, policy: RefreshPolicy | None = None) -> TokenSource:
    """A source that shares nothing with others but what is in Redis: its store equals no other."""
    client = new_client(redis_server, socket_timeout=0.5, socket_connect_timeout=0.5)
    return TokenSource(provider, store=RedisStore(client), policy=policy or RefreshPolicy())


def test_a_refusal_from_redis_has_all_its_fields(
    provider: Cryptofuse, server: Server, redis_server: RedisServer
) -> None:
    server.reply = Reply({"error": "invalid_client", "error_description": "who?"}, 401)
    seen: list[InvalidClient] = []
    for _ in range(2):
        with pytest.raises(InvalidClient) as caught:
            _source(provider, redis_server).get()
        seen.append(caught.value)
    assert len(server.seen) == 1
    assert str(seen[0]) == str(seen[1])
    assert vars(seen[0]) == vars(seen[1])


def test_a_long_retry_after_holds_for_all_processes(
    provider: Cryptofuse, server: Server, redis_server: RedisServer
) -> None:
    server.reply = Reply({}, 429, {"Retry-After": "120"})
    for _ in range(3):
        with pytest.raises(RateLimited) as caught:
            _source(provider, redis_server).get()
        assert caught.value.retry_after
        assert 100 < caught.value.retry_after <= 120
    assert len(server.seen) == 1


def test_callers_get_a_token_if_redis_is_down_from_the_start(
    provider: Cryptofuse, server: Server, redis_server: RedisServer
) -> None:
    redis_server.stop()
    source = TokenSource(provider, store=RedisStore(redis_server.url))
    started = time.monotonic()
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(source.get) for _ in range(64)]
        assert {call.result().access_token for call in calls} == {"token-1"}
    assert time.monotonic() - started < 2
    assert len(server.seen) == 1


@pytest.mark.parametrize("trouble", ["full", "replica", "hangs"])
def test_callers_get_a_token_if_redis_fails(
    provider: Cryptofuse, server: Server, redis_server: RedisServer, redis: Any, trouble: str
) -> None:
    if trouble == "full":
        redis.config_set("maxmemory", 1)
    elif trouble == "replica":
        redis.replicaof("127.0.0.1", 1)
    else:
        redis_server.pause()
    started = time.monotonic()
    assert TokenSource(provider, store=RedisStore(redis_server.url)).get().access_token == "token-1"
    assert time.monotonic() - started < 4 * 0.5 + 1
    assert len(server.seen) == 1


def test_a_restart_of_redis_under_load_fails_no_caller(
    provider: Cryptofuse, server: Server, redis_server: RedisServer
) -> None:
    server.reply = lambda _: granted(f"token-{len(server.seen)}", lifetime=0.4)
    sources = [TokenSource(provider, store=RedisStore(redis_server.url, prefix=f"{each}:")) for each in "aabb"]
    over = threading.Event()

    def load(source: TokenSource) -> int:
        calls = 0
        while not over.wait(0.005):
            assert source.get()
            calls += 1
        return calls

    with ThreadPoolExecutor(8) as pool:
        calls = [pool.submit(load, source) for source in sources * 2]
        try:
            for _ in range(20):
                redis_server.stop()
                over.wait(0.05)
                redis_server.start()
                over.wait(0.05)
        finally:
            over.set()
        assert all(each.result() > 20 for each in calls)
    server.reply = lambda _: granted(f"token-{len(server.seen)}")
    time.sleep(0.5)  # what was kept in process is over
    asked = len(server.seen)
    with fleet(f"RedisStore({redis_server.url!r})", server, processes=2, threads=2) as processes:
        assert set(processes.get()) == {f"token-{asked + 1}"}


def test_a_process_killed_during_its_request_blocks_others_no_longer_than_the_lease(
    provider: Cryptofuse, server: Server, redis_server: RedisServer
) -> None:
    program = (
        "import sys; from paygrant import *\n"
        f"TokenSource(Cryptofuse(client_id='test-client', client_secret='test-secret', base_url={server.base_url!r}), "
        f"store=RedisStore({redis_server.url!r}), policy=RefreshPolicy(deadline=1)).get()"
    )
    server.hold.clear()
    with subprocess.Popen([sys.executable, "-c", program]) as process:
        assert server.asked.wait(10)
        process.kill()
    server.hold.set()
    started = time.monotonic()
    source = _source(provider, redis_server, RefreshPolicy(deadline=1))
    token = None
    while token is None:
        with suppress(ProviderUnavailable):  # nobody waits beyond the deadline
            token = source.get()
    assert token.access_token != "token-1"
    assert time.monotonic() - started < 1 + acquire._LEASE_AFTER_DEADLINE + 1
