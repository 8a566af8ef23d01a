"""A fleet of 20 processes over a Redis that is restarted every second: no error, and hardly a needless request.

The test runs for a few seconds. To run it for a minute: PAYGRANT_RESTARTS=60 .venv/bin/python -m pytest -s and this file.
"""

import itertools
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.helpers.servers import Server, granted
from tests.peers.fixtures import RedisServer, need

PROCESSES = 20
SECONDS = float(os.environ.get("PAYGRANT_RESTARTS", "12"))
LIFETIME = SECONDS / 3
"""Seconds. A token is renewed in the second half of its life, so that there are some renewals in each run."""

PROGRAM = """
import json, sys, time
from paygrant import *

task = json.loads(sys.argv[1])
provider = Cryptofuse(client_id="test-client", client_secret="test-secret", base_url=task["base_url"])
policy = RefreshPolicy(refresh_before=0)  # as with a token of an hour: due after four fifths of its life
source = TokenSource(provider, store=RedisStore(task["redis"]), policy=policy)
print("ready", flush=True)
sys.stdin.readline()
calls, errors, ends = 0, [], time.monotonic() + task["seconds"]
while time.monotonic() < ends:
    try:
        source.get()
        calls += 1
    except Exception as error:
        errors.append(repr(error))
    time.sleep(0.05)
print(json.dumps([calls, errors]), flush=True)
"""


def test_a_fleet_over_a_redis_that_is_restarted_every_second(server: Server, tmp_path: Path) -> None:
    executable = need("redis-server", "apt-get install redis-server")
    redis_server = RedisServer(executable, dir=tmp_path, appendonly="yes", appendfsync="always")
    redis_server.start()
    numbers = itertools.count(1)
    server.reply = lambda _: granted(f"token-{next(numbers)}", lifetime=LIFETIME)
    task = json.dumps({"base_url": server.base_url, "redis": redis_server.url, "seconds": SECONDS})
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", PROGRAM, task], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
        )
        for _ in range(PROCESSES)
    ]
    over = threading.Event()

    def restart() -> None:
        while not over.wait(1):
            redis_server.stop()
            redis_server.start()

    restarts = threading.Thread(target=restart)
    try:
        for process in processes:
            assert process.stdout
            assert process.stdout.readline() == "ready\n"
        began = time.monotonic()
        restarts.start()
        for process in processes:
            assert process.stdin
            process.stdin.write("go\n")
            process.stdin.flush()
        found = [json.loads(process.communicate(timeout=SECONDS + 60)[0]) for process in processes]
        took = time.monotonic() - began
    finally:
        over.set()
        restarts.join()
        redis_server.stop()
        for process in processes:
            process.kill()
            process.wait()
    requests, lifetimes = len(server.seen), took / LIFETIME
    calls = sum(calls for calls, _ in found)
    sys.stdout.write(f"{requests} requests in {lifetimes:.1f} lifetimes of {LIFETIME:g} s, {calls} calls\n")
    assert [errors for _, errors in found if errors] == []
    assert requests <= 1.3 * lifetimes + 2
