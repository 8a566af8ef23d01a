"""Nothing that is in use shows a secret or a token: logs, objects, generated clients, addresses."""

import gc
from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from typing import Any
from urllib.parse import quote

import anyio
import httpx
import pytest

from paygrant import MemoryStore, RipioWidget, Token, TokenAuth, TokenSource
from paygrant._cache.cache import NOTHING, Cache
from paygrant._cache.renewal import PendingRenewal
from paygrant._providers.base import Provider, kind_of
from tests.helpers.exposure import Watch, a_source, each_call, echoing, searched_failure, shown
from tests.helpers.providers import GRANTED, each_provider, make
from tests.helpers.secrets import CORES, CREDENTIALS, TOKEN, found
from tests.helpers.servers import Reply, Server, granted, serve


def attributes(thing: object) -> dict[str, object]:
    """All attributes of an object, in its dictionary or in slots."""
    slots = [name for kind in type(thing).__mro__ for name in getattr(kind, "__slots__", ())]
    return {name: getattr(thing, name) for name in slots if hasattr(thing, name)} | getattr(thing, "__dict__", {})


def ripio_widget() -> RipioWidget:
    return make(RipioWidget, **CREDENTIALS)


@each_call
@each_provider
def test_no_log_shows_a_secret(
    kind: type[Provider], call: Callable[[TokenSource], object], server: Server, watch: Watch
) -> None:
    server.reply = Reply(GRANTED[kind](TOKEN))
    source = TokenSource(make(kind, **CREDENTIALS, base_url=server.base_url), store=MemoryStore())
    with suppress(httpx.ConnectError):  # the calls go nowhere
        call(source)
    assert source.get().access_token == TOKEN
    written = "\n".join(watch.lines)
    assert "send_request_headers.complete" in written


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_log_shows_a_replaced_token(server: Server, watch: Watch, backend: str) -> None:
    server.reply = lambda _: granted(f"{TOKEN}{len(server.seen)}")
    with serve() as api:
        api.reply = lambda seen: Reply({}, 200 if seen.headers["Authorization"].endswith("2") else 401)
        auth = TokenAuth(a_source(server.base_url))

        async def call() -> int:
            async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
                return (await client.get(api.base_url)).status_code

        assert anyio.run(call, backend=backend) == 200
    assert f'GET {api.base_url} "HTTP/1.1 401 Unauthorized"' in "\n".join(watch.lines)


def test_no_exception_escapes_from_an_abandoned_renewal(server: Server) -> None:
    server.reply = echoing(401)
    server.hold.clear()
    source = a_source(server.base_url)

    async def give_up() -> None:
        with anyio.move_on_after(0):
            await source.aget()

    anyio.run(give_up)
    assert server.asked.wait(10)
    server.hold.set()
    searched_failure(source)
    gc.collect()


@each_provider
def test_no_object_in_use_shows_a_secret(kind: type[Provider], server: Server) -> None:
    server.reply = Reply(GRANTED[kind](TOKEN))
    store = MemoryStore()
    provider = make(kind, **CREDENTIALS, base_url=server.base_url)
    source = TokenSource(provider, store=store)
    server.hold.clear()
    cache = source._cache
    pending = cache.token()
    assert isinstance(cache, Cache)
    assert isinstance(pending, PendingRenewal)
    things: list[object] = [provider, source, cache, pending, store, TokenAuth(source)]
    assert found("\n".join(text for thing in things for text in shown(thing))) == set()

    server.hold.set()
    token = pending.wait()
    [entry] = store._entries.values()
    assert token.access_token == TOKEN
    assert token.response is not None
    things += [token, token.response, entry, entry.outcome, cache.held, NOTHING]
    things += [attributes(thing) for thing in (source, cache, pending, store, TokenAuth(source))]
    assert found("\n".join(text for thing in things for text in shown(thing))) == set()


@each_provider
def test_no_generated_client_shows_a_secret(kind: type[Provider]) -> None:
    clients = import_module(f"paygrant_clients.{kind_of(kind).name}.client")
    options: dict[str, Any] = {
        "base_url": "https://api.example",
        "headers": {"X-Secret": TOKEN},
        "cookies": {"c": TOKEN},
    }
    for client in (clients.Client(**options), clients.AuthenticatedClient(token=TOKEN, **options)):
        with client:
            assert TOKEN in str(client.get_httpx_client().headers.raw)
            assert found("\n".join(shown(client))) == set()


@pytest.mark.parametrize("flow", ["onramp", "offramp"])
def test_the_repr_of_a_widget_url_shows_no_token(flow: Any) -> None:
    address = ripio_widget().widget_url(Token(TOKEN), flow=flow)
    assert f"_to={quote(TOKEN, safe='')}" in str(address)
    assert found(str(address)) == {CORES[2]}
    assert found("\n".join(shown(address))) == set()
