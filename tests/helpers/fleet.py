"""Processes that share a store. On a command, each requests tokens on several threads and reports what it got."""

import json
import subprocess
import sys
from collections.abc import Generator
from contextlib import ExitStack, contextmanager

from tests.helpers.servers import Server

PROGRAM = """
import json, sys
from concurrent.futures import ThreadPoolExecutor
from cryptography.fernet import Fernet
from paygrant import *
import paygrant._cache.registry

task = json.loads(sys.argv[1])
provider = Cryptofuse(client_id="test-client", client_secret="test-secret", base_url=task["base_url"])
source = TokenSource(provider, store=eval(task["store"]))

def get(_):
    try:
        return source.get().access_token
    except TokenError as error:
        return type(error).__name__

print("ready", flush=True)
for line in sys.stdin:
    with ThreadPoolExecutor(task["threads"]) as pool:
        print(json.dumps(list(pool.map(get, range(task["threads"])))), flush=True)
"""


class Fleet:
    """Running processes."""

    def __init__(self, processes: list["subprocess.Popen[str]"]) -> None:
        self.processes = processes

    def get(self) -> list[str]:
        """What all threads of all processes get at once: tokens, or the names of errors."""
        for process in self.processes:
            assert process.stdin
            process.stdin.write("get\n")
            process.stdin.flush()
        return [got for process in self.processes for got in json.loads(_line(process))]


@contextmanager
def fleet(store: str, server: Server, *, processes: int = 8, threads: int = 8) -> Generator[Fleet]:
    """Start processes, all of which have imported what they need.

    Args:
        store: The store, as an expression.
        server: Where tokens are asked for.
        processes: How many.
        threads: How many in each.
    """
    task = json.dumps({"base_url": server.base_url, "store": store, "threads": threads})
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [sys.executable, "-c", PROGRAM, task],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    encoding="utf-8",
                )
            )
            for _ in range(processes)
        ]
        for process in started:
            stack.callback(process.kill)
        for process in started:
            assert _line(process) == "ready\n"
        yield Fleet(started)


def _line(process: "subprocess.Popen[str]") -> str:
    assert process.stdout
    return process.stdout.readline()
