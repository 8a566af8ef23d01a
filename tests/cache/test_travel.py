"""Sources, stores and TokenAuth are copied and pickled. What cannot travel is refused clearly."""

import copy
import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from cryptography.fernet import Fernet
from redis import Redis

from paygrant import (
    ClientCredentials,
    ConfigurationError,
    Cryptofuse,
    FileStore,
    MemoryStore,
    RedisStore,
    RefreshPolicy,
    Token,
    TokenAuth,
    TokenSource,
)
from paygrant.adapters import aiohttp as for_aiohttp
from paygrant.adapters import httpx2 as for_httpx2
from paygrant.adapters import requests as for_requests
from tests.helpers.exposure import exposed
from tests.helpers.secrets import CREDENTIALS
from tests.helpers.servers import Server

KEY = Fernet.generate_key()


def travelled(value: Any) -> Any:
    return pickle.loads(pickle.dumps(value))


WAYS: dict[str, Callable[[Any], Any]] = {"copied": copy.copy, "deep-copied": copy.deepcopy, "pickled": travelled}
each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)

AUTHS: dict[str, Any] = {
    "httpx": TokenAuth,
    "httpx2": for_httpx2.TokenAuth,
    "requests": for_requests.TokenAuth,
    "aiohttp": for_aiohttp.TokenAuth,
}
each_auth = pytest.mark.parametrize("auth", AUTHS.values(), ids=AUTHS)


@each_way
def test_a_source_travels_with_provider_store_and_policy(
    provider: Cryptofuse, server: Server, tmp_path: Path, way: Callable[[Any], Any]
) -> None:
    source = TokenSource(provider, store=FileStore(tmp_path / "store", key=KEY), policy=RefreshPolicy(timeout=3))
    twin: TokenSource = way(source)
    assert twin is not source
    assert twin.provider == provider
    assert twin.get() is source.get()  # equal arguments share a token
    assert len(server.seen) == 1


@each_way
def test_closing_a_copy_leaves_the_other_open(provider: Cryptofuse, way: Callable[[Any], Any]) -> None:
    source = TokenSource(provider)
    source.get()
    for closed, open_ in ((way(source), source), (source, way(source))):
        closed.close()
        closed.close()
        with pytest.raises(ConfigurationError, match="source: is closed"):
            closed.get()
        assert open_.get().access_token == "token-1"


def test_closing_the_last_copy_stops_the_retries(provider: Cryptofuse) -> None:
    source = TokenSource(provider)
    twins = [copy.copy(source), copy.deepcopy(source), travelled(source)]
    cache: Any = source._cache
    assert {each._cache for each in twins} == {cache}
    assert cache._users == 4
    for each in (source, *twins, *twins):
        each.close()
    assert cache._users == 0


@each_way
@each_auth
def test_an_auth_travels_with_its_source(provider: Cryptofuse, auth: Any, way: Callable[[Any], Any]) -> None:
    one = auth(TokenSource(provider), origins={"https://api.example"}, rejected_statuses=[401, 403])
    twin = way(one)
    assert twin is not one
    assert twin._cache is one._cache
    for name in ("_origins", "_rejected_statuses", "_header", "_query"):
        assert getattr(twin, name) == getattr(one, name)


@pytest.mark.parametrize("way", [copy.deepcopy, travelled])
def test_a_session_of_requests_travels_with_its_auth(
    provider: Cryptofuse, server: Server, way: Callable[[Any], Any]
) -> None:
    with requests.Session() as session:
        session.auth = for_requests.TokenAuth(TokenSource(provider))
        with way(session) as twin:
            twin.trust_env = False
            twin.get(server.base_url, timeout=10)
    assert server.seen[-1].headers["Authorization"] == "Bearer token-1"


def in_a_process(source: TokenSource, results: Any) -> None:
    results.put(source.get().access_token)


@pytest.mark.parametrize("start", ["spawn", "forkserver"])
def test_a_source_is_an_argument_of_another_process(
    provider: Cryptofuse, server: Server, tmp_path: Path, start: str
) -> None:
    context: Any = multiprocessing.get_context(start)
    source = TokenSource(provider, store=FileStore(tmp_path / "store"))
    source.get()
    results = context.Queue()
    process = context.Process(target=in_a_process, args=(source, results))
    process.start()
    assert results.get(timeout=60) == "token-1"
    process.join(60)
    assert len(server.seen) == 1


@each_way
def test_a_store_travels(tmp_path: Path, way: Callable[[Any], Any]) -> None:
    for store in (FileStore(tmp_path, key=KEY), RedisStore("redis://:password@127.0.0.1:1/3", key=KEY, prefix="shop:")):
        twin = way(store)
        assert twin == store
        assert hash(twin) == hash(store)
        assert repr(twin) == repr(store)
    assert way(MemoryStore()).load("key") is None


@pytest.mark.parametrize("way", [copy.copy, copy.deepcopy])
def test_a_copied_store_shares_the_client(way: Callable[[Any], Any]) -> None:
    client: Any = Redis(socket_timeout=0.5)
    store = RedisStore(client)
    assert way(store) == store


class Travelling(httpx.BaseTransport):
    """A transport that can be pickled."""

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"access_token": "travelled", "expires_in": 60})


def test_a_transport_that_can_be_pickled_travels() -> None:
    source = TokenSource(
        ClientCredentials(client_id="c", client_secret="s", token_url="https://a.example/t"), transport=Travelling()
    )
    assert travelled(source).get().access_token == "travelled"


class OddStore(MemoryStore):
    def __reduce__(self) -> Any:
        raise KeyError(CREDENTIALS["client_secret"])


def _secret_of(words: str) -> Any:
    return lambda: words


def refused() -> dict[str, tuple[str, Any]]:
    """What cannot travel: the argument, and the source or store."""
    given: dict[str, Any] = {**CREDENTIALS, "token_url": "https://a.example/t"}
    plain = ClientCredentials(**given)
    by_lambda = ClientCredentials(**(given | {"client_secret": _secret_of("straw")}))
    client: Any = Redis(socket_timeout=0.5)
    return {
        "httpx's transport": ("transport", TokenSource(plain, transport=httpx.HTTPTransport(verify=False))),
        "a mock": ("transport", TokenSource(plain, transport=httpx.MockTransport(lambda _: httpx.Response(500)))),
        "a store that fails": ("store", TokenSource(plain, store=OddStore())),
        "a store with a client": ("client_or_url", TokenSource(plain, store=RedisStore(client))),
        "that store itself": ("client_or_url", RedisStore(client)),
        "a secret by a lambda": ("provider", TokenSource(by_lambda)),
    }


@pytest.mark.parametrize("name", refused())
def test_what_cannot_travel_is_named(name: str) -> None:
    argument, value = refused()[name]
    with pytest.raises(ConfigurationError, match=rf"^{argument}: .*cannot be pickled.*; expected ") as caught:
        pickle.dumps(value)
    assert caught.value.argument == argument
    assert caught.value.__cause__ is caught.value.__context__ is None
    assert exposed(caught.value) == set()
    for copied in (copy.copy(value), copy.deepcopy(value)):  # copies in this process share it
        assert type(copied) is type(value)


@each_way
def test_a_token_travels_with_its_authorization(way: Callable[[Any], Any]) -> None:
    token = Token("the-token", scope=("read",))
    twin = way(token)
    assert (twin, twin.authorization) == (token, "Bearer the-token")
