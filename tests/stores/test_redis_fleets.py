"""RedisStore with Redis Sentinel and Redis Cluster, while a master dies and a replica takes over."""

import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from paygrant import Cryptofuse, Entry, RedisStore, RefreshPolicy, Token, TokenSource
from paygrant._tokens.lifecycle import Grant
from tests.helpers.servers import Server, granted
from tests.peers.redis_fleets import cluster_fleet, sentinel_fleet

KEYS = [f"{number:064x}" for number in range(12)]
"""Keys of entries. In a cluster, each master has some of them."""


def fresh(token: str) -> Entry:
    now = time.monotonic()
    return Entry(Grant(Token(token), now, 3600.0), now + 3600.0)


def check(client: Any) -> None:
    """Use each method of a store, with keys on all masters."""
    store = RedisStore(client, prefix="check:")
    for key in KEYS:
        with store.lock(key, 5):
            store.save(key, fresh(key))
        entry = store.load(key)
        assert entry
        assert entry.holds(Token(key))
        store.discard(key, Token("another"))
        assert store.load(key)
        store.discard(key, Token(key))
        assert store.load(key) is None


def take_over(
    server: Server, provider: Cryptofuse, client: Callable[[], Any], kill: Callable[[], None], wait: Callable[[], None]
) -> None:
    """Callers of two processes' sources never fail, and share tokens again when the replica has taken over."""
    server.reply = lambda _: granted(f"token-{len(server.seen)}", lifetime=2.0)
    clients = [client() for _ in range(2)]
    sources = [TokenSource(provider, store=RedisStore(each), policy=RefreshPolicy(deadline=10)) for each in clients]
    over = threading.Event()

    def load(source: TokenSource) -> int:
        calls = 0
        while not over.wait(0.01):
            assert source.get().access_token
            calls += 1
        return calls

    with ThreadPoolExecutor(4) as pool:
        calls = [pool.submit(load, source) for source in sources * 2]
        try:
            over.wait(1)
            kill()
            wait()
            over.wait(1)
        finally:
            over.set()
        assert all(each.result() > 20 for each in calls)
    for each in clients:
        each.close()
    server.reply = lambda _: granted(f"token-{len(server.seen)}")
    later = Cryptofuse(client_id="later", client_secret="s", base_url=server.base_url)
    made = len(server.seen)
    with closing(client()) as one, closing(client()) as another:
        tokens = {TokenSource(later, store=RedisStore(each)).get().access_token for each in (one, another)}
    assert tokens == {f"token-{made + 1}"}


def test_a_store_works_with_sentinel_and_while_a_replica_takes_over(
    server: Server, provider: Cryptofuse, tmp_path: Path
) -> None:
    with sentinel_fleet(tmp_path) as fleet:
        with closing(fleet.client()) as client:
            check(client)
        take_over(server, provider, fleet.client, fleet.master.stop, fleet.wait_for_takeover)
        with closing(fleet.client()) as client:
            check(client)


def test_a_store_works_with_cluster_and_while_a_replica_takes_over(
    server: Server, provider: Cryptofuse, tmp_path: Path
) -> None:
    with cluster_fleet(tmp_path) as fleet:
        with closing(fleet.client()) as client:
            check(client)
            client.set("probe", "")
        take_over(
            server,
            provider,
            fleet.client,
            lambda: fleet.kill_master_of("probe"),
            lambda: fleet.wait_for_takeover("probe"),
        )
        with closing(fleet.client()) as client:
            check(client)
