"""A Redis Sentinel and a Redis Cluster on loopback, each with replicas that take over when a master dies."""

import random
import socket
import subprocess
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from redis import Redis, RedisCluster, RedisError
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.retry import Retry
from redis.sentinel import Sentinel

from tests.helpers.servers import free_port
from tests.peers.fixtures import RedisServer, need

NAME = "tokens"
"""The name under which the sentinels know the master."""

TAKEOVER = 30.0
"""Seconds. A replica takes over within a few seconds; on a busy machine it takes longer."""


class SentinelFleet:
    """A master, a replica, and three sentinels that watch them."""

    def __init__(self, master: RedisServer, replica: RedisServer, ports: list[int]) -> None:
        self.master = master
        self.replica = replica
        self.sentinel: Any = cast("Any", Sentinel)([("127.0.0.1", port) for port in ports], socket_timeout=0.5)

    def client(self) -> Any:
        """A client of the master, as redis-py makes it."""
        client: Any = self.sentinel.master_for(NAME, socket_timeout=0.5, retry=Retry(NoBackoff(), 0))
        return client

    def wait_for_takeover(self) -> None:
        """Wait until the replica is the master."""
        _wait(lambda: self.sentinel.discover_master(NAME) == ("127.0.0.1", self.replica.port))
        _wait(lambda: Redis(port=self.replica.port, socket_timeout=1).role()[0] == b"master")


@contextmanager
def sentinel_fleet(folder: Path) -> Generator[SentinelFleet]:
    """Run Redis Sentinel."""
    executable = need("redis-server", "apt-get install redis-server")
    sentinel = need("redis-sentinel", "apt-get install redis-sentinel")
    master = RedisServer(executable)
    replica = RedisServer(executable, replicaof=f"127.0.0.1 {master.port}", repl_diskless_sync_delay=0)
    sentinels: list[subprocess.Popen[bytes]] = []
    try:
        master.start()
        replica.start()
        first: Any = Redis(port=master.port)
        _wait(lambda: first.info("replication")["connected_slaves"] == 1)
        ports = [free_port() for _ in range(3)]
        for port in ports:
            file = folder / f"sentinel-{port}.conf"
            file.write_text(
                f"port {port}\nbind 127.0.0.1\ndir {folder}\n"
                f"sentinel monitor {NAME} 127.0.0.1 {master.port} 2\n"
                f"sentinel down-after-milliseconds {NAME} 1000\nsentinel failover-timeout {NAME} 6000\n",
                "utf-8",
            )
            sentinels.append(subprocess.Popen([sentinel, file], stdout=subprocess.DEVNULL))
        for port in ports:
            client: Any = Redis(port=port, decode_responses=True)
            _wait(lambda client=client: int(client.sentinel_master(NAME)["num-other-sentinels"]) == 2)
            _wait(lambda client=client: int(client.sentinel_master(NAME)["num-slaves"]) == 1)
        yield SentinelFleet(master, replica, ports)
    finally:
        for process in sentinels:
            process.kill()
            process.wait()
        replica.stop()
        master.stop()


class ClusterFleet:
    """Three masters, and a replica of each."""

    def __init__(self, nodes: list[RedisServer]) -> None:
        self.nodes = nodes

    def client(self) -> Any:
        """A client, as redis-py makes it."""
        nodes = [cast("Any", ClusterNode)("127.0.0.1", node.port) for node in self.nodes]
        return RedisCluster(startup_nodes=nodes, socket_timeout=0.5, retry=Retry(NoBackoff(), 1))

    def kill_master_of(self, key: str) -> None:
        """Kill the master that has this key."""
        client = self.client()
        port = client.get_node_from_key(key).port
        client.close()
        next(node for node in self.nodes if node.port == port).stop()

    def wait_for_takeover(self, key: str) -> None:
        """Wait until a replica has this key."""

        def works() -> bool:
            client = self.client()
            try:
                client.set(key, "", px=1)
            finally:
                client.close()
            return True

        _wait(works)


@contextmanager
def cluster_fleet(folder: Path) -> Generator[ClusterFleet]:
    """Run Redis Cluster."""
    executable = need("redis-server", "apt-get install redis-server")
    redis_cli = need("redis-cli", "apt-get install redis-tools")
    nodes = [
        RedisServer(
            executable,
            port,
            dir=folder,
            cluster_enabled="yes",
            cluster_config_file=folder / f"nodes-{number}.conf",
            cluster_node_timeout=1500,
            cluster_replica_validity_factor=0,
            repl_diskless_sync_delay=0,
        )
        for number, port in enumerate(_ports_with_bus(6))
    ]
    try:
        for node in nodes:
            node.start()
        addresses = [f"127.0.0.1:{node.port}" for node in nodes]
        command = [redis_cli, "--cluster", "create", *addresses, "--cluster-replicas", "1", "--cluster-yes"]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stdout
        for node in nodes:
            client: Any = Redis(port=node.port, decode_responses=True)
            _wait(lambda client=client: client.cluster("info")["cluster_state"] == "ok")
        masters: Any = [Redis(port=node.port).role() for node in nodes[:3]]
        assert [role[0] for role in masters] == [b"master"] * 3
        for node in nodes[:3]:
            master: Any = Redis(port=node.port)
            _wait(lambda master=master: master.info("replication")["connected_slaves"] == 1)
        yield ClusterFleet(nodes)
    finally:
        for node in nodes:
            node.stop()


def _ports_with_bus(count: int) -> list[int]:
    """Different free ports. For each, the port for the cluster's bus, 10,000 higher, is free as well."""
    found: list[int] = []
    for port in random.sample(range(20_000, 30_000), 10_000):
        with (
            suppress(OSError),
            socket.create_server(("127.0.0.1", port)),
            socket.create_server(("127.0.0.1", port + 10_000)),
        ):
            found.append(port)
        if len(found) == count:
            break
    return found


def _wait(condition: Any) -> None:
    """Wait until something is so. Redis may not respond yet."""
    ends = time.monotonic() + TAKEOVER
    while time.monotonic() < ends:
        with suppress(RedisError, OSError):
            if condition():
                return
        time.sleep(0.05)
    pytest.fail("Redis did not get ready", pytrace=False)
