"""Forked children keep the token and get new locks."""

import os
import socket
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from subprocess import PIPE

import httpx
import pytest

from tests.helpers.servers import Reply, Seen, Server, granted

BEGIN = """
import os, sys, threading, multiprocessing
from paygrant import Cryptofuse, TokenSource
source = TokenSource(Cryptofuse(client_id="c", client_secret="s", base_url=sys.argv[1]))
"""


def _run(program: str, server: Server) -> list[str]:
    """Run a program that forks, in an interpreter of its own."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BEGIN + textwrap.dedent(program)]
    done = subprocess.run([*command, server.base_url], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    return sorted(done.stdout.split())


def test_forked_children_inherit_the_token(server: Server) -> None:
    program = """
        source.get()
        def show(_):
            return source.get().access_token
        with multiprocessing.get_context("fork").Pool(4) as pool:
            print(*pool.map(show, range(8)))
    """
    assert _run(program, server) == ["token-1"] * 8
    assert len(server.seen) == 1


def test_a_forked_child_does_not_wait_for_the_request_of_its_parent(server: Server) -> None:
    asked = threading.Event()

    def reply(_: Seen) -> Reply:
        if len(server.seen) == 1:
            asked.wait(30)  # the parent's request gets its response when the child's has arrived
        asked.set()
        return granted(f"token-{len(server.seen)}")

    server.reply = reply
    program = """
        threading.Thread(target=source.get, daemon=True).start()
        sys.stdin.readline()
        child = os.fork()
        if child == 0:
            print(source.get().access_token, flush=True)
            os._exit(0)
        os.waitpid(child, 0)
    """
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", BEGIN + textwrap.dedent(program)]
    with subprocess.Popen([*command, server.base_url], stdin=PIPE, stdout=PIPE, text=True) as process:
        assert server.asked.wait(30)
        assert process.communicate("\n", timeout=30)[0] == "token-2\n"
    assert len(server.seen) == 2


def test_a_forked_child_of_a_busy_process_finds_all_locks_free(server: Server) -> None:
    program = """
        from paygrant._cache import registry
        from paygrant._providers.base import registration_of
        cache = source._cache
        memory = cache._acquirer._store._store
        registration = registration_of(source.provider)
        key = registration.cache_key(registration.credentials())
        with memory.lock(key, 1), cache._lock, registry._guard, memory._guard:
            child = os.fork()
            if child == 0:
                print(source.get().access_token, flush=True)
                print(TokenSource(source.provider).get().access_token, flush=True)
                os._exit(0)
        os.waitpid(child, 0)
    """
    assert _run(program, server) == ["token-1", "token-1"]


APP = """
from paygrant._request.credentials import Credentials
from paygrant import Cryptofuse, TokenSource
source = TokenSource(Cryptofuse(client_id="c", client_secret="s", base_url={base_url!r}))
source.get()

def app(environ, start_response):
    import os
    start_response("200 OK", [("Content-Type", "text/plain")])
    return [f"{{os.getpid()}} {{source.get().access_token}}".encode()]
"""


@pytest.mark.skipif(sys.platform == "win32", reason="gunicorn needs fork")
def test_preloaded_gunicorn_workers_share_one_request(server: Server, tmp_path: Path) -> None:
    (tmp_path / "app.py").write_text(APP.format(base_url=server.base_url), "utf-8")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.set_inheritable(True)
        port = listener.getsockname()[1]
        options = ["--preload", "--workers=3", f"--bind=fd://{listener.fileno()}", "--log-level=error"]
        command = [sys.executable, "-m", "gunicorn", *options, "app:app"]
        with subprocess.Popen(command, cwd=tmp_path, pass_fds=[listener.fileno()], env={**os.environ}) as process:
            try:
                bodies = {httpx.get(f"http://127.0.0.1:{port}", timeout=30).text for _ in range(40)}
            finally:
                process.terminate()
                process.wait(30)
    assert {body.split()[1] for body in bodies} == {"token-1"}
    assert len(server.seen) == 1
