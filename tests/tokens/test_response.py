"""``token.response`` is the provider's whole response, typed, in every process and out of every store."""

import copy
import dataclasses
import gc
import json
import pickle
import subprocess
import sys
import textwrap
import traceback
import tracemalloc
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from cryptography.fernet import Fernet

from paygrant import (
    ClientCredentials,
    Entry,
    FileStore,
    MalformedResponse,
    MemoryStore,
    RedisStore,
    RefreshPolicy,
    RipioWidget,
    Ripple,
    SpecProvider,
    Store,
    Token,
    TokenSource,
)
from paygrant._providers.base import Provider
from paygrant._request.model import model_reader
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.token import KeptResponse
from paygrant_clients import ripio_ramp
from paygrant_clients.ripple.models import TokenResponse
from tests.helpers.providers import ARGUMENTS, GRANTED, make
from tests.helpers.servers import Reply, Server

if TYPE_CHECKING:
    from tests.peers.fixtures import RedisServer

KEY = Fernet.generate_key()
MORE = {"user_id": 7, "nested": {"deep": [1, None, "é"]}}


@pytest.fixture(params=["memory", "file", "file, encrypted", "redis", "redis, encrypted"])
def new_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Callable[[], Store]]:
    """Makes store objects that hold the same entries, as two processes have them."""
    key = KEY if "encrypted" in request.param else None
    if request.param == "memory":
        memory = MemoryStore()
        yield lambda: memory
    elif "file" in request.param:
        yield lambda: FileStore(tmp_path / "store", key=key)
    else:
        server: RedisServer = request.getfixturevalue("redis_server")
        with closing(RedisStore(server.url, key=key)) as one, closing(RedisStore(server.url, key=key)) as other:
            stores = iter([one, other])
            yield lambda: next(stores)


def two_tokens(provider: Provider, new_store: Callable[[], Store]) -> list[Token]:
    """The token of the source that requests it, and of one that finds it in the store."""
    policies = RefreshPolicy(), RefreshPolicy(timeout=3)  # different ones, so that the two share their store alone
    return [TokenSource(provider, store=new_store(), policy=policy).get() for policy in policies]


@pytest.mark.parametrize("kind", ARGUMENTS)
def test_a_generated_model_comes_out_of_every_store(
    kind: type[Provider], server: Server, new_store: Callable[[], Store]
) -> None:
    document = GRANTED[kind]("the-token") | MORE
    server.reply = Reply(document)
    requested, stored = two_tokens(make(kind, base_url=server.base_url), new_store)
    assert len(server.seen) == 1
    assert type(stored.response).__module__ == f"{kind._package}.models.token_response"
    assert stored.response == requested.response
    assert stored.response.to_dict() == document


def test_a_mapping_comes_out_of_every_store(server: Server, new_store: Callable[[], Store]) -> None:
    document = {"access_token": "the-token", "expires_in": 3600} | MORE
    server.reply = Reply(document)
    provider = ClientCredentials(client_id="c", client_secret="s", token_url=f"{server.base_url}/token")
    requested, stored = two_tokens(provider, new_store)
    assert len(server.seen) == 1
    assert requested.response == stored.response == document
    assert isinstance(stored.response, Mapping)


def test_another_process_has_the_response(server: Server, tmp_path: Path) -> None:
    server.reply = Reply(GRANTED[Ripple]("the-token") | MORE)
    program = """
        import sys
        from paygrant import FileStore, Ripple, TokenSource
        provider = Ripple(client_id="c", client_secret="s", tenant_id="t", environment="test", base_url=sys.argv[1])
        response = TokenSource(provider, store=FileStore(sys.argv[2])).get().response
        print(type(response).__module__, response.scope, response["user_id"])
    """
    command = [sys.executable, "-c", textwrap.dedent(program), server.base_url, str(tmp_path / "store")]
    printed = {subprocess.check_output(command, text=True, timeout=60) for _ in range(2)}
    assert printed == {"paygrant_clients.ripple.models.token_response payments:accept payments:read 7\n"}
    assert len(server.seen) == 1


def test_a_change_of_the_response_reaches_nobody_else(server: Server) -> None:
    server.reply = Reply({"access_token": "the-token", "expires_in": 3600, "list": [1]})
    provider = ClientCredentials(client_id="c", client_secret="s", token_url=f"{server.base_url}/token")
    token: Token = TokenSource(provider).get()
    token.response["list"].append(2)
    token.response.clear()
    assert token.response["list"] == [1]


def test_each_source_gets_the_model_of_its_own_provider(server: Server) -> None:
    server.reply = Reply({"accessToken": "the-token", "expiresIn": 3600, "tokenType": "Bearer"})
    store = MemoryStore()
    arguments: dict[str, Any] = {
        "client_id": "c",
        "client_secret": "s",
        "environment": "sandbox",
        "base_url": server.base_url,
    }
    by_module = SpecProvider(ripio_ramp, **arguments)
    by_folder = SpecProvider(Path(ripio_ramp.__path__[0]), **arguments)
    responses = [TokenSource(each, store=store).get().response for each in (by_module, by_folder, by_module)]
    assert len({type(each) for each in responses}) == len({id(each) for each in responses}) - 1
    assert type(responses[1]) is dict


@pytest.fixture
def unfit(server: Server, monkeypatch: pytest.MonkeyPatch) -> Token:
    """A token whose response does not fit the model."""

    def fail(_: object) -> object:
        raise KeyError("SECRET-the-token")

    server.reply = Reply(GRANTED[Ripple]("SECRET-the-token"))
    token = TokenSource(make(Ripple, base_url=server.base_url)).get()
    monkeypatch.setattr(TokenResponse, "from_dict", fail)
    return token


def test_a_response_that_does_not_fit_the_model_is_said_when_it_is_read(unfit: Token) -> None:
    assert unfit.authorization == "Bearer SECRET-the-token"
    with pytest.raises(MalformedResponse) as caught:
        _ = unfit.response
    assert str(caught.value) == "the response does not fit the generated model (KeyError)"
    assert caught.value.provider == "ripple"


def test_the_traceback_of_a_response_that_does_not_fit_shows_no_secret(unfit: Token) -> None:
    with pytest.raises(MalformedResponse) as caught:
        _ = unfit.response
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "SECRET" not in shown


def test_the_traceback_of_a_response_whose_package_is_missing_shows_no_secret(unfit: Token) -> None:
    kept = KeptResponse('{"access_token": "SECRET"}', "SECRET", model_reader("no_such_package"))
    missing = dataclasses.replace(unfit, response=kept)
    del kept
    with pytest.raises(ModuleNotFoundError, match="No module named 'no_such_package'") as caught:
        _ = missing.response
    shown = "".join(traceback.TracebackException.from_exception(caught.value, capture_locals=True).format())
    assert "SECRET" not in shown


@pytest.mark.parametrize(("package", "provider"), [(None, ""), ("paygrant_clients.ripple", "ripple")])
def test_a_kept_response_that_is_no_object_is_malformed(package: str | None, provider: str) -> None:
    with pytest.raises(MalformedResponse) as caught:
        model_reader(package)("[]")
    assert (str(caught.value), caught.value.provider) == ("the response is not a JSON object", provider)


def travelled(token: Any) -> Any:
    return pickle.loads(pickle.dumps(token))


COPIES: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, travelled]


@pytest.mark.parametrize("copied", COPIES)
def test_a_copied_token_has_the_response(server: Server, copied: Callable[[Any], Any]) -> None:
    server.reply = Reply(GRANTED[Ripple]("the-token"))
    token = TokenSource(make(Ripple, base_url=server.base_url)).get()
    twin = copied(token)
    assert twin == token
    assert (twin.response, twin.authorization) == (token.response, token.authorization)
    assert type(twin.response) is TokenResponse
    assert dataclasses.replace(token, scope=()).response == token.response


def test_a_token_by_hand_has_the_given_response() -> None:
    assert Token("the-token").response is None
    assert Token[Mapping[str, int]]("the-token", response={"user_id": 7}).response == {"user_id": 7}


@pytest.mark.parametrize("name", ["response", "access_token", "more"])
def test_a_token_cannot_be_changed(name: str) -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(Token("the-token"), name, "another")
    with pytest.raises(dataclasses.FrozenInstanceError):
        delattr(Token("the-token"), name)


@pytest.mark.parametrize(
    ("response", "kept"),
    [
        ({"user_id": 7}, {"user_id": 7}),
        (TokenResponse("t", expires_in=5), {"access_token": "t", "expires_in": 5}),
        (None, None),
        ({"a": object()}, None),
        (object(), None),
    ],
    ids=["a mapping", "a model", "none", "a mapping that JSON cannot carry", "another object"],
)
def test_a_response_by_hand_becomes_bytes_if_json_can_carry_it(response: object, kept: object) -> None:
    entry = Entry(Grant(Token("t", response=response), 0.0, 1e9), 1e9)
    found = Entry.from_bytes("key", entry.to_bytes("key"))
    assert found
    assert isinstance(found.outcome, Grant)
    assert found.outcome.token.response == kept


@pytest.mark.parametrize("damaged", ["", "{", "no JSON", 5, {}, [], True, "[" * 100_000])
def test_an_entry_with_a_damaged_response_counts_as_absent(damaged: object) -> None:
    entry = Entry(Grant(Token("t", response={"user_id": 7}), 0.0, 1e9), 1e9)
    document = json.loads(entry.to_bytes("key"))
    assert Entry.from_bytes("key", json.dumps(document).encode())
    document["grant"]["response"] = damaged
    assert Entry.from_bytes("key", json.dumps(document).encode()) is None
    del document["grant"]["response"]
    assert Entry.from_bytes("key", json.dumps(document).encode()) is None


def test_neither_token_nor_entry_shows_the_response(server: Server) -> None:
    server.reply = Reply(GRANTED[Ripple]("the-token") | {"refresh_token": "SECRET"})
    store = MemoryStore()
    token = TokenSource(make(Ripple, base_url=server.base_url), store=store).get()
    assert "SECRET" not in f"{token!r} {token} {vars(store)} {store._entries}"


JWT = ".".join(
    urlsafe_b64encode(json.dumps(each).encode()).decode().rstrip("=")
    for each in ({"alg": "HS256", "typ": "JWT"}, {"exp": 4e9, "iat": 1e9, "sub": "s" * 100})
)
"""The beginning of tokens of the widget, which are JWTs."""


class Grants(httpx.BaseTransport):
    """A token endpoint without a socket, which gives each client a token of its own."""

    def __init__(self) -> None:
        self.count = 0

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.count += 1
        if b"username" in request.read():
            return httpx.Response(200, json=GRANTED[RipioWidget](f"{JWT}.{self.count:043}"))
        return httpx.Response(200, json=GRANTED[Ripple](f"TOKEN-{self.count:06}"))


def ripple(number: int) -> Provider:
    return make(Ripple, client_id=f"client-{number}", client_secret=f"secret-{number:08}")


def plain(number: int) -> Provider:
    url = "https://auth.example/token"
    return ClientCredentials(client_id=f"client-{number}", client_secret=f"secret-{number:08}", token_url=url)


def widget(number: int) -> Provider:
    return make(
        RipioWidget, address=f"0x{number:040x}", external_ref=str(uuid.uuid4()), base_url="https://acme.example"
    )


@pytest.mark.parametrize("new", [ripple, plain, widget])
def test_a_source_with_its_token_takes_less_than_2800_bytes(new: Callable[[int], Provider]) -> None:
    transport, store, number = Grants(), MemoryStore(), 500

    def source(name: int) -> TokenSource:
        made = TokenSource(new(name), store=store, transport=transport, transport_name="grants")
        made.get()
        return made

    kept = [source(-1 - name) for name in range(100)]
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        kept += [source(name) for name in range(number)]
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert (after - before) / number < 2800
