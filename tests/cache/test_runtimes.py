"""Other runtimes and rough ends: gevent, eventlet, uvloop, development mode, forks under churn, exits, dropped sources."""

import subprocess
import sys
import textwrap
import threading
import time
from collections import Counter
from pathlib import Path

import pytest

from tests.helpers.servers import Reply, Seen, Server, granted

BEGIN = """
import os, sys, threading, time
from paygrant import *

url = sys.argv[1]

def provider(client_id, secret="s", path="/token"):
    return ClientCredentials(client_id=client_id, client_secret=secret, token_url=url + path)
"""

posix = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no forks and no uvloop")


def run(program: str, server: Server, *arguments: str, options: tuple[str, ...] = (), first: str = "") -> list[str]:
    """Run a program in an interpreter of its own. What it prints, by lines.

    Args:
        program: The program.
        server: The token endpoint.
        *arguments: Further arguments of the program.
        options: Options of Python.
        first: What runs before paygrant is imported.
    """
    code = textwrap.dedent(first) + BEGIN + textwrap.dedent(program)
    command = [sys.executable, *options, "-c", code, server.base_url, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    return done.stdout.splitlines()


# Green threads

GREEN = {
    "gevent": "from gevent import monkey\nmonkey.patch_all()\n",
    # httpcore imports trio if it is there, and trio cannot be imported after eventlet's patches.
    "eventlet": "import warnings\nwarnings.simplefilter('ignore')\nimport eventlet\neventlet.monkey_patch()\n"
    "import sys\nsys.modules['trio'] = None\n",
}

GREEN_PROGRAM = """
store = eval(sys.argv[2])
source = TokenSource(provider("shared"), store=store)
found = []
ticks = []

def tick():
    while len(found) < 50:
        ticks.append(1)
        time.sleep(0.01)

def get():
    found.append(source.get().access_token)

threads = [threading.Thread(target=each) for each in [tick] + [get] * 50]
for each in threads:
    each.start()
for each in threads:
    each.join()
print(len(set(found)), len(found), len(ticks) > 3)

def refused(*arguments):
    began = time.monotonic()
    try:
        TokenSource(provider(*arguments), store=store, policy=RefreshPolicy(deadline=0.5)).get()
    except ProviderUnavailable:
        print(0.4 < time.monotonic() - began < 8)

refused("secret", lambda: time.sleep(30) or "s")
refused("server", "s", "/hangs")
token = source.get()
source.invalidate(token)
print(source.get().access_token != token.access_token)
"""


@pytest.fixture
def slow(server: Server) -> Server:
    """A token endpoint that takes a while, and hangs under one path."""
    over = threading.Event()

    def reply(seen: Seen) -> Reply:
        over.wait(30 if seen.path == "/hangs" else 0.1)
        return granted(f"token-{len(server.seen)}")

    server.reply = reply
    return server


@pytest.mark.parametrize("kind", GREEN)
@pytest.mark.parametrize("store", ["memory", "file", "redis"])
def test_green_threads_share_one_request_and_keep_their_deadlines(
    slow: Server, kind: str, store: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    stores = {"memory": "MemoryStore()", "file": f"FileStore({str(tmp_path / 'tokens')!r})"}
    if store == "redis":
        stores["redis"] = f"RedisStore({request.getfixturevalue('redis_server').url!r})"
    assert run(GREEN_PROGRAM, slow, stores[store], first=GREEN[kind]) == ["1 50 True", "True", "True", "True"]
    assert Counter(seen.path for seen in slow.seen)["/token"] == 2


# Event loops and development mode


@posix
def test_tasks_on_uvloop_share_one_request_and_keep_their_deadline(slow: Server) -> None:
    program = """
        import asyncio, uvloop

        async def main():
            source = TokenSource(provider("a"))
            tokens = await asyncio.gather(*[source.aget() for _ in range(200)])
            print(len({token.access_token for token in tokens}))
            hangs = TokenSource(provider("b", path="/hangs"), policy=RefreshPolicy(deadline=0.5))
            try:
                await hangs.aget()
            except ProviderUnavailable:
                print("refused")

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())
    """
    assert run(program, slow) == ["1", "refused"]


def test_development_mode_shows_no_warning(slow: Server) -> None:
    program = """
        import asyncio, gc, httpx, anyio, logging

        logging.getLogger("asyncio").setLevel(logging.ERROR)  # on a busy machine, it warns of slow callbacks
        source = TokenSource(provider("a"))
        source.get()
        anyio.run(source.aget)
        anyio.run(source.aget, backend="trio")
        with httpx.Client(auth=TokenAuth(source)) as client:
            client.post(url + "/api")

        async def call():
            async with httpx.AsyncClient(auth=TokenAuth(source)) as client:
                await client.post(url + "/api")

        asyncio.run(call())
        hangs = TokenSource(provider("b", path="/hangs"), policy=RefreshPolicy(deadline=0.3))
        try:
            hangs.get()
        except ProviderUnavailable:
            pass
        source.invalidate(source.get())
        source.close()
        del source, hangs
        gc.collect()
    """
    options = ("-X", "dev", "-W", "error")
    assert run(program, slow, options=options) == []


# Exits and dropped sources


@pytest.mark.parametrize("end", ["", "sys.exit(0)", "raise SystemExit", "threading.Thread(target=print).start()"])
def test_an_exit_in_the_middle_of_renewals_is_prompt_and_silent(slow: Server, end: str) -> None:
    program = f"""
        for number in range(40):
            path = "/hangs" if number % 2 else "/token"
            source = TokenSource(provider(f"client-{{number}}", path=path))
            threading.Thread(target=source.get, daemon=True).start()
        time.sleep(0.3)
        print("end", flush=True)
        {end}
    """
    began = time.monotonic()
    assert run(program, slow)[0] == "end"
    assert time.monotonic() - began < 20  # the server hangs for 30


def test_sources_dropped_without_close_leave_nothing(server: Server) -> None:
    program = """
        import gc, tracemalloc
        from paygrant._cache import registry, workers

        store = MemoryStore()

        def drop(count, begin):
            for number in range(begin, begin + count):
                source = TokenSource(provider(f"client-{number}"), store=store)
                if number % 20 == 0:
                    source.get()
            del source
            for each in list(store._entries):
                del store._entries[each]
            gc.collect()

        drop(1000, 0)
        tracemalloc.start()
        before, files = tracemalloc.get_traced_memory()[0], len(os.listdir("/proc/self/fd"))
        drop(9000, 1000)
        grown = tracemalloc.get_traced_memory()[0] - before
        print(len(registry._caches), grown < 300_000, len(os.listdir("/proc/self/fd")) - files <= 2)
        print(sum(thread.name == "paygrant" for thread in threading.enumerate()) <= 3)
        workers.end_idle_workers()
    """
    if not Path("/proc/self/fd").exists():
        pytest.skip("this system has no /proc")
    assert run(program, server) == ["0 True True", "True"]


# Forks


@posix
def test_forks_under_churn_hang_nowhere_and_make_no_needless_requests(server: Server) -> None:
    """Threads of the parent renew tokens all the time, while 357 children are forked and use them."""
    server.reply = lambda seen: granted(f"token-{len(server.seen)}", 0.4 if b"churn" in seen.body else 3600)
    program = """
        import signal

        steady = TokenSource(ClientCredentials(client_id="steady", client_secret="s", token_url=url + "/steady"))
        churn = [
            TokenSource(ClientCredentials(client_id=f"churn-{n}", client_secret="s", token_url=url + f"/churn-{n}"))
            for n in range(4)
        ]
        over = threading.Event()

        def renew(source):
            while not over.is_set():
                source.invalidate(source.get())

        steady.get()
        for each in churn:
            threading.Thread(target=renew, args=(each,), daemon=True).start()
        failed = 0
        running = set()

        def reap(most):
            global failed
            while len(running) > most:
                child, status = os.wait()
                running.discard(child)
                failed += status != 0

        for number in range(357):
            child = os.fork()
            if child == 0:
                signal.alarm(30)
                try:
                    steady.get()
                    if number % 3 == 0:
                        own = churn[number % 4]
                        first = own.get()
                        own.invalidate(first)
                        assert own.get().access_token != first.access_token
                    os._exit(0)
                except BaseException as error:
                    os.write(2, repr(error).encode())
                    os._exit(1)
            running.add(child)
            reap(8)
        reap(0)
        over.set()
        print(failed)
    """
    options = ("-W", "ignore::DeprecationWarning")
    assert run(program, server, options=options) == ["0"]
    assert sum(seen.path == "/steady" for seen in server.seen) == 1
