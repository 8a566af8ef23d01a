"""The server of the benchmarks, and its clients."""

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
    """Makes new clients, so that every library starts with an empty cache."""

    def __init__(self, base_url: str, control: httpx.Client) -> None:
        self._base_url = base_url
        self._control = control
        self._numbers = itertools.count(1)

    def client(self, *, lifetime: float = 3600, latency: float = 0) -> Endpoint:
        """Make a client.

        Args:
            lifetime: Seconds that its tokens live.
            latency: Seconds that its token requests take.
        """
        endpoint = Endpoint(self._base_url, f"client-{next(self._numbers)}", lifetime)
        self.set(endpoint, lifetime=lifetime, latency=latency)
        return endpoint

    def set(self, endpoint: Endpoint, **attributes: object) -> int:
        """Set attributes of a client: those of `server.Client`.

        Returns:
            The number of its token requests.
        """
        response = self._control.put(f"/clients/{endpoint.client_id}", json=attributes).raise_for_status()
        return int(response.json()["token_requests"])

    def token_requests(self, endpoint: Endpoint) -> int:
        """The number of a client's token requests."""
        return self.set(endpoint)


@contextmanager
def laboratory() -> Generator[Lab]:
    """Run the server during a block."""
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
    """Run a Redis on loopback during a block. Yields its URL, or None if Redis is not installed."""
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
