"""Nothing waits for ever: each public call ends by the deadline and a little, whatever foreign code does."""

import gc
import logging
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from paygrant import (
    ClientCredentials,
    ConfigurationError,
    Cryptofuse,
    MemoryStore,
    PaygrantError,
    ProviderUnavailable,
    RefreshPolicy,
    RipioWidget,
    SigningKey,
    TokenError,
    TokenSource,
    _clock,
)
from paygrant._cache import registry, workers
from paygrant._providers import secret_file
from paygrant._providers.secret_file import SecretFile
from paygrant.doctor import Finding, diagnose
from tests.helpers.clients import CLIENTS
from tests.helpers.keys import pem
from tests.helpers.servers import Reply, Server
from tests.helpers.watchdog import (
    BRIEF,
    DEADLINE,
    KINDS,
    LITTLE,
    POLICY,
    SINGLE_USE,
    SLACK,
    SLEEP,
    Made,
    Pause,
    SlowHandler,
    Watchdog,
    client,
    log_handler,
    slow_secret,
    watchdog,
)


@pytest.fixture
def dog(monkeypatch: pytest.MonkeyPatch) -> Iterator[Watchdog]:
    with watchdog(monkeypatch) as dog:
        yield dog


@pytest.fixture
def pause() -> Iterator[Pause]:
    pause = Pause()
    pause.on = True
    yield pause
    pause.over.set()


def seconds(call: Callable[[], object]) -> float:
    began = time.monotonic()
    with pytest.raises(TokenError):
        call()
    return time.monotonic() - began


def test_a_call_without_a_token_ends_by_the_deadline(dog: Watchdog) -> None:
    dog.add(KINDS | SINGLE_USE)
    dog.pause.on = True
    assert dog.each(lambda scene: scene.fault()) == []


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Moves the clock of tokens forward, while waiting takes the time that it takes."""
    monotonic, moved = _clock.monotonic, [0.0]
    monkeypatch.setattr(_clock, "monotonic", lambda: monotonic() + moved[0])

    def move(seconds: float) -> None:
        moved[0] += seconds

    return move


def test_a_call_with_a_due_token_does_not_wait(later: Callable[[float], None], dog: Watchdog) -> None:
    dog.policy = RefreshPolicy(deadline=SLEEP)
    dog.add(KINDS, BRIEF)
    dog.each(lambda scene: scene.fetch())
    later(3500)
    dog.pause.on = True
    assert dog.each(lambda scene: scene.fault()) == []


def test_a_call_whose_token_is_rejected_ends_by_the_deadline(dog: Watchdog) -> None:
    dog.add(KINDS, ("httpx", "httpx on trio", "requests", "aiohttp"))
    dog.each(lambda scene: scene.fetch())
    dog.rejected = dog.pause.on = True
    assert dog.each(lambda scene: scene.fault()) == []


def test_a_log_handler_that_sleeps_holds_up_nobody(dog: Watchdog) -> None:
    handler = SlowHandler(dog.pause)
    logger = logging.getLogger("paygrant")
    level = logger.level
    dog.add({"a log handler": log_handler})
    dog.pause.on = True
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        assert dog.each(lambda scene: scene.fault()) == []
    finally:
        dog.pause.over.set()
        logger.removeHandler(handler)
        logger.setLevel(level)


@pytest.mark.parametrize("in_the_way", ["paygrant", "paygrant-timers"])
def test_a_thread_that_cannot_be_started_holds_up_nobody(
    dog: Watchdog, monkeypatch: pytest.MonkeyPatch, in_the_way: str
) -> None:
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == in_the_way:
            raise RuntimeError("can't start new thread")
        start(thread)

    dog.add({kind: KINDS[kind] for kind in ("the secret's callable", "the token server")})
    dog.pause.on = True
    monkeypatch.setattr(threading.Thread, "start", refuse)
    assert dog.each(lambda scene: scene.fault()) == []


def test_the_deadline_and_a_little_are_kept_exactly(server: Server, pause: Pause) -> None:
    source = TokenSource(slow_secret(pause, server).provider, policy=POLICY)
    assert DEADLINE <= seconds(source.get) < DEADLINE + LITTLE + SLACK


def test_the_timers_are_not_needed_for_the_deadline(server: Server, pause: Pause) -> None:
    """A finalizer may sleep on the thread of the timers."""
    _clock.after(0, pause)
    source = TokenSource(slow_secret(pause, server).provider, policy=POLICY)
    assert seconds(source.get) < DEADLINE + LITTLE + SLACK


# Locks


@pytest.fixture
def locked(server: Server) -> Iterator[Callable[[TokenSource], None]]:
    """Holds the lock of a source's cache, as a thread does in which a finalizer sleeps."""
    over, threads = threading.Event(), list[threading.Thread]()

    def lock(source: TokenSource) -> None:
        held = threading.Event()

        def hold() -> None:
            with registry._guard, source._cache._lock:  # type: ignore[union-attr]
                held.set()
                over.wait(SLEEP)

        threads.append(threading.Thread(target=hold))
        threads[-1].start()
        assert held.wait(10)

    yield lock
    over.set()
    for thread in threads:
        thread.join()


def test_a_held_lock_delays_a_first_token_until_the_deadline(
    server: Server, locked: Callable[[TokenSource], None]
) -> None:
    source = TokenSource(client(server), policy=POLICY)
    locked(source)
    assert seconds(source.get) < DEADLINE + LITTLE + SLACK


def test_a_held_lock_does_not_delay_a_due_token(
    server: Server, later: Callable[[float], None], locked: Callable[[TokenSource], None]
) -> None:
    source = TokenSource(client(server), policy=RefreshPolicy(deadline=SLEEP))
    token = source.get()
    later(3500)
    locked(source)
    began = time.monotonic()
    assert source.get() is token
    assert time.monotonic() - began < SLACK


def test_with_a_held_lock_every_other_call_ends(server: Server, locked: Callable[[TokenSource], None]) -> None:
    source = TokenSource(client(server), policy=POLICY)
    token = source.get()
    cache = source._cache
    locked(source)
    calls = (
        lambda: source.invalidate(token),
        lambda: cache.replace(token),
        lambda: cache.reject_replacement(token),
        lambda: cache.accept_replacement(token),
        source.close,
    )
    began = time.monotonic()
    with ThreadPoolExecutor(len(calls)) as pool:
        for call in calls:
            pool.submit(call)
    assert time.monotonic() - began < DEADLINE + LITTLE + SLACK


def test_a_source_can_be_made_while_a_lock_is_held(
    server: Server, locked: Callable[[TokenSource], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(registry._guard, "_seconds", 0.2)
    monkeypatch.setattr(registry._guard, "_more", 0.1)
    locked(TokenSource(client(server), policy=POLICY))
    assert TokenSource(client(server), policy=POLICY).get().access_token


def test_a_first_token_arrives_though_the_lock_was_held_for_a_while(
    server: Server, locked: Callable[[TokenSource], None]
) -> None:
    source = TokenSource(client(server), policy=RefreshPolicy(deadline=20))
    cache = source._cache
    with cache._lock:  # type: ignore[union-attr]
        thread = threading.Thread(target=source.get)
        thread.start()
        time.sleep(0.1)
    thread.join(10)
    assert cache.held[0].access_token == "token-1"


# Signal handlers and finalizers


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no timers that send signals")
def test_a_signal_handler_may_request_the_token_that_its_thread_waits_for(server: Server, pause: Pause) -> None:
    source = TokenSource(slow_secret(pause, server).provider, policy=POLICY)
    ends: list[float] = []

    def handler(*_: object) -> None:
        ends.append(seconds(source.get))

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.2)
    try:
        assert seconds(source.get) < 2 * (DEADLINE + LITTLE) + SLACK
    finally:
        signal.signal(signal.SIGALRM, old)
    assert ends


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no timers that send signals")
def test_a_signal_handler_may_open_and_close_sources_at_any_moment(server: Server) -> None:
    """It runs in the middle of the same calls in the main thread."""
    store, provider, times = MemoryStore(), client(server), list[int]()

    def handler(*_: object) -> None:
        TokenSource(provider, store=store).close()
        times.append(1)
        signal.setitimer(signal.ITIMER_REAL, 0.0005)

    old = signal.signal(signal.SIGALRM, handler)
    signal.setitimer(signal.ITIMER_REAL, 0.0005)
    try:
        ends = time.monotonic() + 1
        while time.monotonic() < ends:
            TokenSource(provider, store=store).close()
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)
    assert len(times) > 20


def test_a_finalizer_may_request_a_token_at_any_moment(server: Server) -> None:
    store, provider, found = MemoryStore(), client(server), list[str]()

    class Finalized:
        def __init__(self) -> None:
            self.itself = self

        def __del__(self) -> None:
            try:
                source = TokenSource(provider, store=store, policy=POLICY)
                found.append(source.get().access_token)
                source.close()
            except PaygrantError as error:
                found.append(type(error).__name__)

    threshold = gc.get_threshold()
    gc.set_threshold(5, 1, 1)
    try:
        ends = time.monotonic() + 1.5
        while time.monotonic() < ends:
            Finalized()
            source = TokenSource(provider, store=store, policy=POLICY)
            source.invalidate(source.get())
            source.close()
    finally:
        gc.set_threshold(*threshold)
    assert len(found) > 20


# Renewals that never end


def test_renewals_that_hang_start_ever_more_rarely(server: Server, pause: Pause) -> None:
    calls: list[int] = []

    def secret() -> str:
        calls.append(1)
        pause()
        return "s"

    source = TokenSource(client(server, secret), policy=RefreshPolicy(deadline=0.05))
    ends = time.monotonic() + 1.5
    while time.monotonic() < ends:
        with pytest.raises(ProviderUnavailable):
            source.get()
        time.sleep(0.001)
    assert 4 <= len(calls) <= 9  # without the pauses there were 24
    pause.over.set()
    while source._cache._stuck:  # type: ignore[union-attr]
        time.sleep(0.01)
    assert source.get().access_token.startswith("token-")


def test_a_renewal_in_the_background_that_hangs_is_a_failed_one(
    server: Server, later: Callable[[float], None], pause: Pause
) -> None:
    pause.on = False
    source = TokenSource(slow_secret(pause, server).provider)
    token = source.get()
    later(3500)
    pause.on = True
    assert source.get() is token
    later(40)
    assert source.get() is token
    cache = source._cache
    assert cache._failing  # type: ignore[union-attr]
    assert cache._failures == 1  # type: ignore[union-attr]


# Further public calls


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_secret_file_that_never_ends_holds_up_nobody(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipe = tmp_path / "secret"
    os.mkfifo(pipe)
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_ID", "c")
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_SECRET_FILE", str(pipe))
    monkeypatch.setenv("CRYPTOFUSE_BASE_URL", server.base_url)
    monkeypatch.setattr(secret_file, "LONGEST_READ", 0.5)
    with pytest.raises(ConfigurationError, match="CRYPTOFUSE_CLIENT_SECRET_FILE: could not be read in time"):
        Cryptofuse.from_env()
    provider = Cryptofuse(client_id="c", client_secret=SecretFile(str(pipe)), base_url=server.base_url)
    source = TokenSource(provider, policy=POLICY)
    assert seconds(source.get) < DEADLINE + LITTLE + SLACK
    began = time.monotonic()
    findings = list(diagnose(Cryptofuse, policy=POLICY))
    assert time.monotonic() - began < 3 * DEADLINE + SLACK
    assert [finding.check for finding in findings if finding.verdict == "failed"] == ["settings"]
    for _ in range(8):  # let the readers go on
        try:
            os.close(os.open(pipe, os.O_WRONLY | os.O_NONBLOCK))
        except OSError:
            break
        time.sleep(0.05)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
@pytest.mark.parametrize(
    ("method", "variable", "fault"),
    [
        ("private_key_jwt", "PRIVATE_KEY_FILE", "BANK_PRIVATE_KEY_FILE: could not be read in time"),
        ("tls_client_auth", "CERTIFICATE_FILE", "BANK_CERTIFICATE_FILE: is no regular file, or too long"),
    ],
)
def test_a_key_file_that_never_ends_holds_up_nobody(
    method: str, variable: str, fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv(f"BANK_{variable}", str(tmp_path / "pipe"))
    monkeypatch.setattr(secret_file, "LONGEST_READ", 0.5)
    given = {"client_id": "c", "token_url": "https://auth.example/t", "auth_method": method}
    with pytest.raises(ConfigurationError, match=fault):
        ClientCredentials.from_env("BANK", **given)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_a_file_of_another_secret_that_never_ends_holds_up_nobody(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr(secret_file, "LONGEST_READ", 0.5)
    with pytest.raises(ConfigurationError, match="password: could not be read in time"):
        SecretFile(str(tmp_path / "pipe"), "password").read_in_time()


@pytest.mark.skipif(not Path("/dev/zero").exists(), reason="there are no device files")
@pytest.mark.parametrize(
    ("method", "variable", "fault"),
    [
        ("client_secret_basic", "CLIENT_SECRET_FILE", "has more than 1,048,576 characters"),
        ("private_key_jwt", "PRIVATE_KEY_FILE", "has more than 1,048,576 characters"),
        ("tls_client_auth", "CERTIFICATE_FILE", "is no regular file, or too long"),
    ],
)
def test_a_file_without_an_end_costs_no_memory(
    method: str, variable: str, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"BANK_{variable}", "/dev/zero")
    given = {"client_id": "c", "token_url": "https://auth.example/t", "auth_method": method}
    with pytest.raises(ConfigurationError, match=f"BANK_{variable}: .*{fault}"):
        ClientCredentials.from_env("BANK", **given)


class Device:
    """A key in a device that may not respond."""

    algorithm = "ES256"
    key_id = "device-1"

    def __init__(self, pause: Pause) -> None:
        self._pause = pause
        self._key = SigningKey(pem("ES256"))
        self.public_jwk = self._key.public_jwk

    def sign(self, data: bytes) -> bytes:
        self._pause()
        return self._key.sign(data)


def made_with_device(kind: str, pause: Pause, server: Server) -> ClientCredentials:
    device = Device(pause)
    url = f"{server.base_url}/token"
    if kind == "a proof":
        return ClientCredentials(client_id="c", client_secret="s", token_url=url, dpop=device)

    def key() -> Device:
        pause()
        return device

    given: Any = device if kind == "an assertion" else key
    return ClientCredentials(client_id="c", token_url=url, auth_method="private_key_jwt", private_key=given)


@pytest.mark.parametrize("kind", ["a proof", "an assertion", "the key itself"])
def test_a_token_arrives_by_the_deadline_whatever_its_key_does(kind: str, server: Server, pause: Pause) -> None:
    source = TokenSource(made_with_device(kind, pause, server), policy=POLICY)
    pause.on = True
    assert seconds(source.get) < DEADLINE + LITTLE + SLACK


@pytest.mark.parametrize("name", ["dpop_proof", *CLIENTS])
def test_a_call_ends_by_the_deadline_whatever_the_key_of_its_proof_does(
    name: str, server: Server, pause: Pause
) -> None:
    server.reply = Reply({"access_token": "token-1", "token_type": "DPoP", "expires_in": 3600})
    limit, pause.on = 1.5, False  # the first token needs its time, too
    source = TokenSource(made_with_device("a proof", pause, server), policy=RefreshPolicy(deadline=limit))
    token = source.get()
    client = CLIENTS.get(name)
    call = partial(client.call, client.auth(source)) if client else partial(source.dpop_proof, token, "GET")
    pause.on = True
    began = time.monotonic()
    with pytest.raises(ConfigurationError, match=r"dpop: sign\(\) did not return in time"):
        call(server.base_url)
    assert time.monotonic() - began < limit + SLACK


def test_a_widget_needs_a_token_by_the_deadline(server: Server, pause: Pause) -> None:
    def secret() -> str:
        pause()
        return "s"

    provider = RipioWidget(
        client_id="c",
        client_secret=secret,
        environment="sandbox",
        base_url=server.base_url,
        external_ref="0b51e7a2-5f3b-4a39-8f4e-5a9f1b0b7f11",
        address="0xabc",
    )
    source = TokenSource(provider, policy=POLICY)
    assert seconds(lambda: provider.widget_url(source.get())) < DEADLINE + LITTLE + SLACK


def findings(made: Made) -> list[Finding]:
    return list(diagnose(made.provider, policy=POLICY, store=made.options.get("store")))


def test_the_doctor_ends(dog: Watchdog, server: Server) -> None:
    server.reply = dog.reply
    made = [make(dog.pause, server) for kind, make in KINDS.items() if kind not in {"the transport", "another source"}]
    dog.pause.on = True
    began = time.monotonic()
    with ThreadPoolExecutor(len(made)) as pool:
        assert all(pool.map(findings, made))
    assert time.monotonic() - began < 3 * DEADLINE + SLACK


def test_forgetting_all_tokens_ends(server: Server, pause: Pause) -> None:
    source = TokenSource(slow_secret(pause, server).provider, policy=POLICY)
    thread = threading.Thread(target=lambda: seconds(source.get))
    thread.start()
    time.sleep(0.1)
    began = time.monotonic()
    source._cache.forget()  # type: ignore[union-attr]
    assert time.monotonic() - began < DEADLINE + LITTLE + SLACK
    thread.join()


def test_a_source_of_another_host_goes_on_while_all_workers_of_one_hang(server: Server, pause: Pause) -> None:
    policy = RefreshPolicy(deadline=0.2)
    hanging = [TokenSource(slow_secret(pause, server).provider, policy=policy) for _ in range(workers.MOST + 4)]
    threads = [threading.Thread(target=seconds, args=(each.get,)) for each in hanging]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    other = ClientCredentials(
        client_id="c", client_secret="s", token_url=f"{server.base_url.replace('127.0.0.1', 'localhost')}/t"
    )
    assert TokenSource(other).get().access_token.startswith("token-")
