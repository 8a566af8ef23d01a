"""The life of a token: it is kept, shared, dropped and requested again. Refusals are remembered."""

import copy
import dataclasses
import gc
import logging
import os
import threading
import typing
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest

from paygrant import (
    ConfigurationError,
    Cryptofuse,
    Entry,
    FileStore,
    InvalidClient,
    MemoryStore,
    PaygrantError,
    ProviderUnavailable,
    RefreshPolicy,
    RipioWidget,
    Ripple,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._cache import registry
from paygrant._cache.cache import Cache
from paygrant._cache.lock import BoundedLock
from paygrant._cache.registry import transport_mark
from paygrant._providers.base import registration_of
from paygrant._request.credentials import Credentials
from tests.helpers.clock import Clock
from tests.helpers.locks import held_elsewhere
from tests.helpers.servers import Reply, Server, granted

USER_1 = "7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a01"
USER_2 = "7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a02"


def test_a_token_is_fetched_once_and_kept(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)
    tokens = {source.get().access_token for _ in range(10)}
    assert tokens == {"token-1"}
    assert len(server.seen) == 1


def test_making_a_source_sends_no_request(provider: Cryptofuse, server: Server) -> None:
    TokenSource(provider)
    assert server.seen == []


def test_a_token_has_the_facts_of_the_response(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    server.reply = granted("the-token", 3600, scope="read")
    before = clock.wall()
    token = TokenSource(provider).get()
    assert (token.access_token, token.token_type, token.scope) == ("the-token", "Bearer", ("read",))
    assert token.authorization == "Bearer the-token"
    assert token.expires_at is not None
    assert (token.expires_at - before).total_seconds() == 3600
    assert type(token.response).__module__ == "paygrant_clients.cryptofuse.models.token_response"
    assert token.response.expires_in == 3600


@pytest.mark.parametrize(("lifetime", "used_for"), [(3600, 3570), (300, 270), (60, 54), (3, 2.7)])
def test_a_token_is_used_until_its_margin(
    provider: Cryptofuse, server: Server, clock: Clock, lifetime: int, used_for: float
) -> None:
    server.reply = lambda _: granted(f"token-{len(server.seen)}", lifetime)
    source = TokenSource(provider)
    source.get()
    clock.pass_by(used_for - 0.001)
    assert source.get().access_token == "token-1"
    clock.pass_by(0.002)
    assert source.get().access_token == "token-2"


def test_a_token_without_a_lifetime_lives_as_long_as_the_policy_says(
    provider: Cryptofuse, server: Server, clock: Clock
) -> None:
    server.reply = lambda _: Reply({"access_token": f"token-{len(server.seen)}"})
    source = TokenSource(provider, policy=RefreshPolicy(default_lifetime=100))
    assert source.get().expires_at is None
    clock.pass_by(89)
    assert source.get().access_token == "token-1"
    clock.pass_by(2)
    assert source.get().access_token == "token-2"


def test_sources_with_equal_providers_share_a_token(provider: Cryptofuse, server: Server) -> None:
    twin = dataclasses.replace(provider)
    assert TokenSource(provider).get() is TokenSource(twin).get()
    assert len(server.seen) == 1


def test_a_token_outlives_its_source(provider: Cryptofuse, server: Server) -> None:
    for _ in range(5):
        TokenSource(provider).get()
        gc.collect()
    assert len(server.seen) == 1


def test_sources_share_by_their_store(provider: Cryptofuse, server: Server) -> None:
    shared, other = MemoryStore(), MemoryStore()
    first = TokenSource(provider, store=shared).get()
    assert TokenSource(provider, store=shared, policy=RefreshPolicy(timeout=3)).get() == first
    assert TokenSource(provider, store=other).get() != first
    assert len(server.seen) == 2


def test_a_token_is_not_shared_across_transports(provider: Cryptofuse, server: Server) -> None:
    with httpx.HTTPTransport() as one, httpx.HTTPTransport() as two:
        assert TokenSource(provider, transport=one).get() == TokenSource(provider, transport=one).get()
        assert TokenSource(provider, transport=one).get() != TokenSource(provider, transport=two).get()
    assert len(server.seen) == 2


def test_a_transport_is_distinguished_by_its_name_or_by_the_very_object() -> None:
    one, two = Transport(), Transport()
    assert transport_mark(None, None) == transport_mark(None, "") == ""
    assert transport_mark(one, "a") == transport_mark(two, "a") == transport_mark(None, "a") != transport_mark(one, "b")
    assert transport_mark(one, None) == transport_mark(one, None) != transport_mark(two, None)
    assert transport_mark(one, None) not in {"", transport_mark(one, "a")}
    known = len(registry._marks)
    del two
    gc.collect()
    assert len(registry._marks) == known - 1, "a mark goes with its transport"


class Transport(httpx.BaseTransport):
    """A transport that sends nothing."""


def test_a_transport_without_weak_references_has_a_mark_for_each_source() -> None:
    class Unreferenced:
        __slots__ = ()

    transport: typing.Any = Unreferenced()
    known = len(registry._marks)
    assert transport_mark(transport, None) != transport_mark(transport, None)
    assert len(registry._marks) == known


def _shapes(base_url: str) -> list[object]:
    """Providers no two of which may share a token."""
    plain = Cryptofuse(client_id="a", client_secret="s", base_url=base_url)
    ripple = Ripple(client_id="a", client_secret="s", base_url=base_url, environment="test", tenant_id="t")
    widget = RipioWidget(
        client_id="a", client_secret="s", base_url=base_url, environment="sandbox", external_ref=USER_1, address="x"
    )
    return [
        plain,
        dataclasses.replace(plain, client_id="b"),
        dataclasses.replace(plain, client_secret="t"),
        dataclasses.replace(typing.cast("typing.Any", plain), scope=("read",)),
        dataclasses.replace(plain, auth_method="client_secret_post"),
        dataclasses.replace(plain, basic_encoding="form"),
        dataclasses.replace(plain, base_url=f"{base_url}/other"),
        ripple,
        dataclasses.replace(ripple, tenant_id="u"),
        dataclasses.replace(ripple, environment="uat"),
        widget,
        dataclasses.replace(widget, external_ref=USER_2),
        dataclasses.replace(widget, address="y"),
        dataclasses.replace(widget, environment="production"),
    ]


def test_the_cache_key_contains_everything_that_shapes_a_token(server: Server) -> None:
    server.reply = lambda _: Reply(
        {"access_token": f"token-{len(server.seen)}", "token": f"token-{len(server.seen)}", "expires_in": 60}
    )
    store = MemoryStore()
    providers = _shapes(server.base_url)
    tokens = {TokenSource(provider, store=store).get().access_token for provider in providers}  # type: ignore[arg-type]
    assert len(tokens) == len(providers) == len(server.seen)


def test_a_cache_key_shows_no_secret() -> None:
    provider = Cryptofuse(client_id="the-id", client_secret="the-secret", base_url="https://the-host")
    assert set(registration_of(provider).cache_key(Credentials("the-secret"))) <= set("0123456789abcdef")


def test_a_callable_and_the_string_it_returns_share_a_token(provider: Cryptofuse, server: Server) -> None:
    store = MemoryStore()
    computed = dataclasses.replace(provider, client_secret=lambda: "test-secret")
    assert TokenSource(provider, store=store).get() == TokenSource(computed, store=store).get()
    assert len(server.seen) == 1


def test_the_secrets_callable_is_called_for_requests_only(provider: Cryptofuse, server: Server) -> None:
    calls: list[int] = []

    def secret() -> str:
        calls.append(1)
        return "test-secret"

    source = TokenSource(dataclasses.replace(provider, client_secret=secret))
    for _ in range(5):
        source.get()
    assert len(calls) == 1


@pytest.mark.parametrize("result", ["", None, 7, "a\nb"])
def test_what_a_callable_returns_is_checked(provider: Cryptofuse, server: Server, result: object) -> None:
    source = TokenSource(dataclasses.replace(provider, client_secret=lambda: result))  # type: ignore[arg-type, return-value]
    with pytest.raises(ConfigurationError, match="client_secret"):
        source.get()
    assert server.seen == []


def test_a_callable_that_fails_is_named(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(dataclasses.replace(provider, client_secret=lambda: os.environ["NO_VAULT"]))
    with pytest.raises(ConfigurationError, match="client_secret: the callable raised KeyError"):
        source.get()


def test_invalidate_drops_this_very_token_only(provider: Cryptofuse, server: Server) -> None:
    source = TokenSource(provider)
    first = source.get()
    source.invalidate(first)
    second = source.get()
    assert second.access_token == "token-2"
    source.invalidate(first)
    assert source.get() == second
    assert len(server.seen) == 2


def test_an_invalidated_token_is_gone_for_other_sources_too(provider: Cryptofuse, server: Server) -> None:
    store = MemoryStore()
    TokenSource(provider, store=store).invalidate(TokenSource(provider, store=store).get())
    source = TokenSource(provider, store=store)
    source.invalidate(source.get())
    del source
    gc.collect()
    assert TokenSource(provider, store=store).get().access_token == f"token-{len(server.seen)}"
    assert len(server.seen) > 1


def test_a_refusal_is_remembered_for_a_while(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    source = TokenSource(provider)
    for _ in range(5):
        with pytest.raises(InvalidClient) as refused:
            source.get()
        assert (refused.value.error, refused.value.status) == ("invalid_client", 401)
    assert len(server.seen) == 1
    clock.pass_by(60.1)
    with pytest.raises(InvalidClient):
        source.get()
    assert len(server.seen) == 2


def test_a_refusal_does_not_affect_another_secret(provider: Cryptofuse, server: Server) -> None:
    store = MemoryStore()
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        TokenSource(provider, store=store).get()
    server.reply = granted()
    TokenSource(dataclasses.replace(provider, client_secret="the-right-one"), store=store).get()


def test_other_refusals_are_remembered_as_well(provider: Cryptofuse, server: Server) -> None:
    server.reply = Reply({"error": "invalid_scope", "error_description": "no such scope"}, 400)
    source = TokenSource(provider)
    for _ in range(2):
        with pytest.raises(TokenRequestRejected) as refused:
            source.get()
        assert not isinstance(refused.value, InvalidClient)
        assert refused.value.error == "invalid_scope"
        assert refused.value.error_description == "no such scope"
    assert len(server.seen) == 1


def test_each_caller_gets_its_own_copy_of_an_error(provider: Cryptofuse, server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    source = TokenSource(provider)
    errors: list[InvalidClient] = []
    for _ in range(2):
        with pytest.raises(InvalidClient) as refused:
            source.get()
        errors.append(refused.value)
    assert errors[0] is not errors[1]
    assert errors[0].__cause__ is errors[0].__context__ is None


def test_the_memory_store_drops_ended_entries(server: Server, clock: Clock) -> None:
    store = MemoryStore()
    for number in range(200):
        store.save(f"key-{number}", Entry(InvalidClient("refused"), clock() + 60))
        clock.pass_by(60)
        assert len(store._entries) <= 65


def test_a_closed_source_raises_while_an_equal_source_goes_on(provider: Cryptofuse, server: Server) -> None:
    twin = TokenSource(provider)
    with TokenSource(provider) as source:
        source.get()
    with pytest.raises(ConfigurationError, match=r"^source: is closed; expected a new TokenSource$") as caught:
        source.get()
    assert caught.value.argument == "source"
    twin.get()
    assert len(server.seen) == 1


def test_an_outage_is_not_remembered(provider: Cryptofuse, server: Server) -> None:
    server.reply = Reply(b"", 503)
    source = TokenSource(provider)
    with pytest.raises(ProviderUnavailable):
        source.get()
    server.reply = granted()
    source.get()


def test_callers_get_an_error_if_no_thread_can_be_started(
    provider: Cryptofuse, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def start(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    source = TokenSource(provider)
    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", start)
        for _ in range(2):
            with pytest.raises(PaygrantError, match="no thread can be started"):
                source.get()
    assert source.get().access_token == "token-1"


def test_many_failures_in_a_row_do_not_block_callers(provider: Cryptofuse, server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    source = TokenSource(provider)
    for _ in range(1100):
        with pytest.raises(InvalidClient):
            source.get()
    assert len(server.seen) == 1


def test_an_unusual_exception_of_a_callable_does_not_block_callers(provider: Cryptofuse) -> None:
    class VaultError(ConfigurationError):
        def __init__(self, where: str, why: str) -> None:
            super().__init__(f"{where}: {why}")

    def secret() -> str:
        raise VaultError("vault", "sealed")

    source = TokenSource(dataclasses.replace(provider, client_secret=secret))
    for _ in range(2):
        with pytest.raises(ConfigurationError, match="the callable raised VaultError"):
            source.get()


def test_a_renewal_must_not_request_its_own_token(provider: Cryptofuse, server: Server) -> None:
    refusals: list[str] = []

    class Shipping(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            try:
                source.get()
            except PaygrantError as error:
                refusals.append(str(error))

    source = TokenSource(provider)
    logger = logging.getLogger("paygrant")
    handler = Shipping(logging.INFO)
    logger.addHandler(handler)
    level = logger.level
    logger.setLevel(logging.INFO)
    try:
        assert source.get().access_token == "token-1"
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
    assert refusals == [
        "source: a token was requested from within the token's own renewal; expected a call from outside"
    ]


def test_a_bug_in_the_notes_of_a_renewal_does_not_block_callers(
    provider: Cryptofuse, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: Cache, error: object) -> None:
        raise OverflowError(error)

    monkeypatch.setattr(Cache, "_note_failure", fail)
    server.reply = Reply({"error": "invalid_client"}, 401)
    reported = threading.Semaphore(0)

    def report(_: object) -> None:
        reported.release()

    monkeypatch.setattr(threading, "excepthook", report)
    source = TokenSource(provider)
    for _ in range(2):
        with pytest.raises(InvalidClient):
            source.get()
        assert reported.acquire(timeout=10)  # the fault is not swallowed


def test_a_bug_in_a_renewal_does_not_block_callers(provider: Cryptofuse, server: Server) -> None:
    class Broken(httpx.BaseTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            raise SystemExit

    with pytest.raises(Exception, match="the renewal failed by SystemExit"):
        TokenSource(provider, transport=Broken()).get()


class Hanging(MemoryStore):
    """A store that hangs in one of its methods until it is woken."""

    def __init__(self, where: str) -> None:
        super().__init__()
        self.awake = threading.Event()
        self._where = where

    def _hang(self, where: str) -> None:
        if where == self._where:
            self.awake.wait(20)

    def load(self, key: str) -> Entry | None:
        self._hang("load")
        return super().load(key)

    def save(self, key: str, entry: Entry) -> None:
        self._hang("save")
        super().save(key, entry)

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        yield
        self._hang("release")


@pytest.mark.parametrize("where", ["save", "release"])
def test_a_store_that_hangs_when_the_token_has_come_fails_no_caller(
    where: str, provider: Cryptofuse, server: Server
) -> None:
    store = Hanging(where)
    assert TokenSource(provider, store=store, policy=RefreshPolicy(deadline=0.3)).get().access_token == "token-1"
    assert not store.awake.is_set()
    store.awake.set()
    assert len(server.seen) == 1


def test_a_store_that_hangs_in_an_earlier_renewal_fails_no_caller(provider: Cryptofuse) -> None:
    store = Hanging("load")
    source = TokenSource(provider, store=store, policy=RefreshPolicy(deadline=0.3))
    with pytest.raises(ProviderUnavailable, match="no token before the deadline"):
        source.get()
    assert source.get().access_token == "token-1"
    store.awake.set()


def test_a_source_is_made_while_another_thread_makes_one(
    provider: Cryptofuse, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The ``__eq__`` of a store runs meanwhile, and it may sleep. Such a source shares its token with no other."""
    monkeypatch.setattr(registry, "_guard", BoundedLock(0.01, 0.01))
    store, asked = MemoryStore(), list[httpx.Request]()

    def respond(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return httpx.Response(200, json={"access_token": f"t-{len(asked)}", "token_type": "Bearer", "expires_in": 60})

    transport = httpx.MockTransport(respond)
    with held_elsewhere(registry._guard):
        first, second = (TokenSource(provider, store=store, transport=transport) for _ in range(2))
    assert first._cache is not second._cache
    token = first.get()
    assert token.access_token == "t-1"
    for other in (second, TokenSource(provider, store=store, transport=transport)):
        assert other.get() == token  # it is in the store
    assert len(asked) == 1
    assert server.seen == []


def test_a_copy_of_a_source_has_the_name_of_its_transport(provider: Cryptofuse) -> None:
    first, second = (
        httpx.MockTransport(lambda _: httpx.Response(500)),
        httpx.MockTransport(lambda _: httpx.Response(500)),
    )
    source = TokenSource(provider, transport=first, transport_name="bank")
    assert copy.copy(source)._cache is source._cache
    assert TokenSource(provider, transport=second, transport_name="bank")._cache is source._cache
    assert TokenSource(provider, transport=second, transport_name="other")._cache is not source._cache


def test_a_store_of_the_user_keeps_the_token(provider: Cryptofuse, tmp_path: Path) -> None:
    TokenSource(provider, store=FileStore(tmp_path)).get()
    assert [each for each in tmp_path.rglob("*") if each.is_file() and b"token-1" in each.read_bytes()]


def test_each_token_host_has_workers_of_its_own() -> None:
    def start_of(base_url: str) -> object:
        cache = TokenSource(Cryptofuse(client_id="c", client_secret="s", base_url=base_url))._cache
        assert isinstance(cache, Cache)
        return cache._start

    assert start_of("https://a.example/one") is start_of("https://a.example/two")
    assert start_of("https://a.example") is not start_of("https://b.example")
