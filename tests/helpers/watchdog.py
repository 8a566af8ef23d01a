"""Foreign code that sleeps, one kind each, and the public calls that must end all the same."""

import asyncio
import copy
import itertools
import json
import logging
import socket
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import anyio
import certifi
import httpx
import pytest

import paygrant_clients.cryptofuse
from paygrant import (
    ClientCredentials,
    Cryptofuse,
    MemoryStore,
    PaygrantError,
    Provider,
    RefreshPolicy,
    SpecProvider,
    Token,
    TokenSource,
)
from tests.helpers.apis import token_of
from tests.helpers.clients import CLIENTS
from tests.helpers.described import described
from tests.helpers.servers import Reply, Seen, Server, granted, serve

DEADLINE = 1.0
"""Seconds."""

LITTLE = 0.25
"""Seconds after the deadline at which a renewal is given up."""

SLACK = 8.0
"""Seconds. More than a hundred calls run at once, and on a busy machine each of them needs some time of its own."""

SLEEP = 60.0
"""Seconds. Foreign code sleeps for so long, unless the test ends before."""

POLICY = RefreshPolicy(deadline=DEADLINE, timeout=DEADLINE, jitter=0.0, refresh_fraction=0.0)
SPEC = Path(__file__).parents[1] / "endpoints/custom/signed_app.yaml"

_numbers = itertools.count()

BRIEF = ("get", "aget on asyncio", "httpx", "aiohttp")
"""Some of the calls, where all of them would take long."""


class Pause:
    """Sleeps when it is called, from the moment it is switched on until the end of the test."""

    def __init__(self) -> None:
        self.on = False
        self.over = threading.Event()

    def __call__(self) -> None:
        if self.on:
            self.over.wait(SLEEP)


@dataclass(frozen=True)
class Made:
    """What a kind of foreign code is part of: the arguments of a source."""

    provider: Provider
    options: dict[str, Any] = field(default_factory=dict[str, Any])


Make = Callable[[Pause, Server], Made]


def client(server: Server, secret: str | Callable[[], str] = "s", host: str = "127.0.0.1") -> ClientCredentials:
    url = server.base_url.replace("127.0.0.1", host)
    return ClientCredentials(client_id=f"client-{next(_numbers)}", client_secret=secret, token_url=f"{url}/token")


def slow_secret(pause: Pause, server: Server) -> Made:
    def secret() -> str:
        pause()
        return "s"

    return Made(client(server, secret))


def _authenticate(pause: Pause, server: Server) -> Made:
    def authenticate(_: object) -> None:
        pause()

    number = next(_numbers)
    provider = SpecProvider(
        SPEC,
        client_id=f"client-{number}",
        client_secret="s",
        environment="production",
        base_url=server.base_url,
        authenticate=authenticate,
        installation_id=number,
    )
    return Made(provider)


class _Transport(httpx.HTTPTransport):
    def __init__(self, pause: Pause) -> None:
        super().__init__()
        self._pause = pause

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self._pause()
        return super().handle_request(request)


def _transport(pause: Pause, server: Server) -> Made:
    return Made(client(server), {"transport": _Transport(pause)})


class _Store(MemoryStore):
    """A store one of whose methods sleeps. As a lock, it sleeps where it is entered or left."""

    def __init__(self, pause: Pause, where: str) -> None:
        super().__init__()
        self._pause = pause
        self._where = where

    def _at(self, where: str) -> None:
        if where == self._where:
            self._pause()

    def load(self, key: str) -> Any:
        self._at("load")
        return super().load(key)

    def save(self, key: str, entry: Any) -> None:
        self._at("save")
        super().save(key, entry)

    def discard(self, key: str, token: Token) -> None:
        self._at("discard")
        super().discard(key, token)

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        self._at("lock")
        with super().lock(key, lease):
            yield
        self._at("release")


def _store(where: str) -> Make:
    return lambda pause, server: Made(client(server), {"store": _Store(pause, where)})


def _resolver(_pause: Pause, server: Server) -> Made:
    return Made(client(server, host="localhost"))  # the patched resolver sleeps for this name


def _server(_pause: Pause, server: Server) -> Made:
    return Made(
        ClientCredentials(client_id=f"client-{next(_numbers)}", client_secret="s", token_url=f"{server.base_url}/hangs")
    )


def _other_source(pause: Pause, server: Server) -> Made:
    other = TokenSource(slow_secret(pause, server).provider, policy=RefreshPolicy(deadline=SLEEP))
    return Made(client(server, lambda: other.get().access_token))


def _each_other(pause: Pause, server: Server) -> Made:
    sources: list[TokenSource] = []

    def secret(of: int) -> Callable[[], str]:
        return lambda: sources[of].get().access_token if pause.on else "s"

    sources += [TokenSource(client(server, secret(of)), policy=RefreshPolicy(deadline=SLEEP)) for of in (1, 0)]
    return Made(client(server, secret(0)))


def slow_secret_of_single_use(pause: Pause, server: Server) -> Made:
    """A client of an API that takes each token once, so that each call brings a token of its own."""

    def secret() -> str:
        pause()
        return "s"

    document = json.loads((Path(paygrant_clients.cryptofuse.__file__).parent / "openapi.json").read_text("utf-8"))
    document["x-token-endpoint"]["token_use"] = {"single_use": True}
    provider = described(document, client_id=f"client-{next(_numbers)}", client_secret=secret, base_url=server.base_url)
    return Made(provider)


SINGLE_USE: dict[str, Make] = {"a token for each call": slow_secret_of_single_use}


def log_handler(_pause: Pause, server: Server) -> Made:
    number = next(_numbers)
    return Made(Cryptofuse(client_id=f"client-{number}", client_secret="s", base_url=server.base_url))


KINDS: dict[str, Make] = {
    "the secret's callable": slow_secret,
    "the function that authenticates": _authenticate,
    "the transport": _transport,
    **{f"the store's {where}": _store(where) for where in ("load", "save", "discard", "lock", "release")},
    "the resolver": _resolver,
    "the token server": _server,
    "another source": _other_source,
    "sources that need each other": _each_other,
}


def _tasks(backend: str) -> Callable[[TokenSource, str], object]:
    return lambda source, _: anyio.run(source.aget, backend=backend)


def _on_uvloop(source: TokenSource, _: str) -> object:
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(source.aget())


def _invalidated(source: TokenSource, _: str) -> object:
    source.invalidate(source._cache.held[0])
    return source.get()


def _by(name: str) -> Callable[[TokenSource, str], object]:
    client = CLIENTS[name]
    return lambda source, url: client.call(client.auth(source), url)


def _new_source(source: TokenSource, _: str) -> object:
    return copy.copy(source).get()


CALLS: dict[str, Callable[[TokenSource, str], object]] = {
    "get": lambda source, _: source.get(),
    "aget on asyncio": _tasks("asyncio"),
    "aget on trio": _tasks("trio"),
    **({} if sys.platform == "win32" else {"aget on uvloop": _on_uvloop}),
    "invalidate, then get": _invalidated,
    "a new source": _new_source,
    "close": lambda source, _: source.close(),
    **{name: _by(name) for name in CLIENTS},
}

LIMITS = {"invalidate, then get": 2}
"""Calls that may wait for more than one deadline."""


class Scene:
    """One kind of foreign code and one call."""

    def __init__(  # noqa: PLR0913, PLR0917 - what it consists of
        self, kind: str, call: str, pause: Pause, server: Server, make: Make, policy: RefreshPolicy
    ) -> None:
        self.name = f"{kind}: {call}"
        self._call = CALLS[call]
        self._limit = LIMITS.get(call, 1) * (DEADLINE + LITTLE)
        self._server = server
        made = make(pause, server)
        self.transport: httpx.HTTPTransport | None = made.options.get("transport")
        self.source = TokenSource(made.provider, policy=policy, **made.options)

    def fetch(self) -> None:
        """Bring the first token."""
        self.source.get()

    def fault(self) -> str | None:
        """Make the call. What is wrong with it, if anything is."""
        began = time.monotonic()
        try:
            with suppress(PaygrantError):
                self._call(self.source, f"{self._server.base_url}/api")
        except Exception as error:  # noqa: BLE001 - the test shows it
            return f"{self.name}: {type(error).__name__}"
        took = time.monotonic() - began
        return f"{self.name}: {took:.1f} s" if took > self._limit + SLACK else None


class Watchdog:
    """The scenes of one test. They share a switch, and each call has a server of its own."""

    def __init__(self, pause: Pause, stack: ExitStack) -> None:
        self.pause = pause
        self.rejected = False
        self.policy = POLICY
        self.lifetime = 3600.0
        self._stack = stack
        self._servers: dict[str, Server] = {}
        self.scenes: list[Scene] = []

    def add(self, kinds: dict[str, Make], calls: Iterable[str] | None = None) -> None:
        """Add scenes: each of these kinds with each of these calls; by default all calls."""
        for call in calls or CALLS:
            server = self._servers.setdefault(call, self._stack.enter_context(serve()))
            server.reply = self.reply
            for kind, make in kinds.items():
                scene = Scene(kind, call, self.pause, server, make, self.policy)
                self.scenes.append(scene)
                if scene.transport:
                    self._stack.callback(scene.transport.close)

    def reply(self, seen: Seen) -> Reply:
        """What all servers respond."""
        if seen.path == "/api":
            return Reply({}, 401 if self.rejected or token_of(seen) is None else 200)
        if seen.path == "/hangs":
            self.pause()
        token = f"token-{next(_numbers)}"
        if seen.path.startswith("/app"):
            end = datetime.now(UTC) + timedelta(seconds=self.lifetime)
            return Reply({"token": token, "expires_at": end.isoformat()}, 201)
        return granted(token, self.lifetime)

    def each(self, action: Callable[[Scene], str | None]) -> list[str]:
        """What this action finds in all scenes, made at once."""
        with ThreadPoolExecutor(len(self.scenes)) as pool:
            return [found for found in pool.map(action, self.scenes) if found]


def _one_certificate() -> str:
    """One of the certificates that are trusted. Each HTTP client of a scene reads them, and all of them take long."""
    first, end, _ = Path(certifi.where()).read_text("utf-8").partition("-----END CERTIFICATE-----")
    return f"{first}{end}\n"


@contextmanager
def watchdog(patch: pytest.MonkeyPatch) -> Generator[Watchdog]:
    """Scenes with a resolver that can sleep. At the end, all foreign code goes on."""
    pause, resolve = Pause(), socket.getaddrinfo

    def slow(host: Any, *others: Any, **more: Any) -> Any:
        if host == "localhost":
            pause()
        return resolve(host, *others, **more)

    patch.setattr(socket, "getaddrinfo", slow)
    with ExitStack() as stack:
        stack.callback(pause.over.set)
        trusted = Path(stack.enter_context(TemporaryDirectory()), "trusted.pem")
        trusted.write_text(_one_certificate(), "utf-8")
        patch.setenv("SSL_CERT_FILE", str(trusted))
        yield Watchdog(pause, stack)
        pause.over.set()


class SlowHandler(logging.Handler):
    """A log handler that sleeps. While it does, nobody else can use it."""

    def __init__(self, pause: Pause) -> None:
        super().__init__()
        self._pause = pause

    def emit(self, record: logging.LogRecord) -> None:
        self._pause()
