"""The bench's server, and the clients it knows."""

import itertools
import shutil
import socket
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx

from scripts.bench.peers import Endpoint

ROOT = Path(__file__).parents[2]


class Lab:
    """Makes clients that no library has met before, so that each finds its cache empty."""

    def __init__(self, base_url: str, control: httpx.Client) -> None:
        self._base_url = base_url
        self._control = control
        self._numbers = itertools.count(1)

    def client(self, *, lifetime: float = 3600, latency: float = 0) -> Endpoint:
        """A new client: how long its tokens live and its token requests take, in seconds."""
        endpoint = Endpoint(self._base_url, f"client-{next(self._numbers)}", lifetime)
        self.set(endpoint, lifetime=lifetime, latency=latency)
        return endpoint

    def set(self, endpoint: Endpoint, **knobs: object) -> int:
        """Turn a client's knobs, the attributes of `server.Client`.

        Returns:
            How many token requests were made for it.
        """
        answer = self._control.put(f"/clients/{endpoint.client_id}", json=knobs).raise_for_status()
        return int(answer.json()["token_requests"])

    def token_requests(self, endpoint: Endpoint) -> int:
        """How many token requests were made for a client."""
        return self.set(endpoint)


@contextmanager
def laboratory() -> Generator[Lab]:
    """Run the server for the length of a block."""
    command = [sys.executable, "-m", "scripts.bench.server"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdin  # noqa: S101 - it is a pipe
        assert server.stdout  # noqa: S101 - likewise
        try:
            base_url = f"http://127.0.0.1:{int(server.stdout.readline())}"
            with httpx.Client(base_url=base_url, trust_env=False) as control:
                yield Lab(base_url, control)
        finally:
            server.stdin.close()
            server.wait(10)


@contextmanager
def redis_server() -> Generator[str | None]:
    """Run a Redis on loopback for the length of a block, if there is one: its URL, or None."""
    program = shutil.which("redis-server")
    if program is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    options = ["--bind", "127.0.0.1", "--port", str(port), "--save", "", "--appendonly", "no"]
    with subprocess.Popen([program, *options], stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout  # noqa: S101 - it is a pipe
        try:
            next(line for line in server.stdout if "Ready to accept connections" in line)
            yield f"redis://127.0.0.1:{port}"
        finally:
            server.terminate()
