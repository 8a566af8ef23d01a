"""What most tests need: a server, and clocks that a test moves."""

import gc
import signal
import threading
from collections.abc import Iterator

import pytest

from paygrant import Cryptofuse, _clock
from paygrant._cache import registry
from tests.helpers.clock import Clock
from tests.helpers.servers import Server, serve

pytest_plugins = ["tests.helpers.apis", "tests.peers.fixtures"]


# A shell that starts the tests in the background has them ignore Ctrl-C, and so the programs that they start.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(autouse=True)
def on_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep each test from the machine's proxies and from other tests' tokens, because ports are soon used again."""
    for scheme in ("http", "https", "all", "no"):
        monkeypatch.delenv(f"{scheme}_proxy", raising=False)
        monkeypatch.delenv(f"{scheme}_proxy".upper(), raising=False)
    monkeypatch.setattr(registry, "_store", {})


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The pauses between requests, in seconds. They take no time."""
    pauses: list[float] = []

    def sleep(seconds: float, _stop: threading.Event) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(_clock, "sleep", sleep)
    return pauses


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch, pauses: list[float]) -> Clock:
    """Time that passes only in a pause, or when a test moves it. Request this fixture before a source is made."""
    clock = Clock()

    def sleep(seconds: float, _stop: threading.Event) -> None:
        pauses.append(seconds)
        clock.pass_by(seconds)

    monkeypatch.setattr(_clock, "sleep", sleep)
    monkeypatch.setattr(_clock, "monotonic", clock)
    monkeypatch.setattr(_clock, "wall", clock.wall)
    return clock


@pytest.fixture
def server() -> Iterator[Server]:
    """A token endpoint that grants token-1, token-2, ... for an hour each, unless a test sets another reply."""
    with serve() as server:
        yield server


@pytest.fixture
def provider(server: Server) -> Cryptofuse:
    """A provider whose endpoint is the server."""
    return Cryptofuse(client_id="test-client", client_secret="test-secret", base_url=server.base_url)


def pytest_collection_finish() -> None:
    """Let the search for garbage take less time: look at what was collected no more, and at the rest more rarely."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000)


def pytest_sessionfinish() -> None:
    """Let libraries that end with the tests find the objects that refer to one."""
    gc.unfreeze()
