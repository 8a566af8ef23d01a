"""No error shows a secret or a token. Each error is produced for real."""

import json
import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from paygrant import (
    ConfigurationError,
    Cryptofuse,
    InvalidClient,
    MalformedResponse,
    MemoryStore,
    PaygrantError,
    ProviderUnavailable,
    RateLimited,
    TokenError,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._providers.base import Provider
from paygrant._providers.secret_file import SecretFile
from paygrant._stores.base import Entry
from tests.helpers.clock import Clock
from tests.helpers.exposure import CALLS, SPELLINGS, Watch, a_source, echoing, exposed, searched_failure
from tests.helpers.providers import GRANTED, each_provider, make
from tests.helpers.secrets import CREDENTIALS, ID, SECRET, TOKEN, echo
from tests.helpers.servers import Reply, Seen, Server, granted, read_request, serve_raw


class FailingStore(MemoryStore):
    def load(self, key: str) -> Entry | None:
        raise RuntimeError(f"{key} {SECRET}")


class BuggyTransport(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise SystemExit(f"{request.headers} {SECRET}")


class FailingTransport(httpx.BaseTransport):
    def handle_request(self, request: httpx.Request) -> httpx.Response:
        raise RuntimeError(f"{SECRET} {request.headers} {request.headers['Authorization']} {request.read()!r}")


def failing_secret() -> str:
    secret = SECRET
    raise RuntimeError(f"the vault has no {secret}")


def hang_up(_: Seen) -> Reply:
    raise ConnectionError


@dataclass(frozen=True)
class Scene:
    """How an error comes about."""

    error: type[PaygrantError]
    reply: Reply | Callable[[Seen], Reply] = Reply(GRANTED[Cryptofuse](TOKEN))  # noqa: RUF009 - frozen
    options: dict[str, Any] = field(default_factory=dict[str, Any])
    base_url: Callable[[Server], str] = lambda server: server.base_url


SCENES = {
    "wrong credentials": Scene(InvalidClient, echoing(401)),
    "a bad request": Scene(TokenRequestRejected, echoing(400)),
    "too many requests": Scene(RateLimited, echoing(429)),
    "a server error": Scene(ProviderUnavailable, echoing(503)),
    "no response": Scene(ProviderUnavailable, hang_up),
    "nobody there": Scene(ProviderUnavailable, base_url=lambda _: "http://127.0.0.1:1"),
    "no TLS": Scene(ProviderUnavailable, base_url=lambda server: server.base_url.replace("http", "https")),
    "a transport that fails": Scene(ProviderUnavailable, options={"transport": FailingTransport()}),
    "HTML": Scene(MalformedResponse, lambda seen: Reply(f"<p>{echo(seen)}</p>".encode())),
    "cut JSON": Scene(MalformedResponse, Reply(json.dumps({"access_token": TOKEN}).encode()[:-1])),
    "no token": Scene(MalformedResponse, Reply({"no_token": TOKEN})),
    "a token in two lines": Scene(MalformedResponse, granted(f"{TOKEN}\n{TOKEN}")),
    "a list for a token": Scene(MalformedResponse, Reply({"access_token": [TOKEN], "note": SECRET})),
    "a foreign token type": Scene(MalformedResponse, granted(TOKEN, token_type=f"{SECRET} {ID}:DPoP")),
    "a token that is over": Scene(MalformedResponse, granted(TOKEN, -1)),
    "a long response": Scene(MalformedResponse, Reply(json.dumps({"access_token": TOKEN}).encode() + b" " * (1 << 20))),
    "a store that fails": Scene(ProviderUnavailable, echoing(503), options={"store": FailingStore()}),
    "a bug": Scene(TokenError, options={"transport": BuggyTransport()}),
    "a callable that fails": Scene(ConfigurationError, options={"provider": {"client_secret": failing_secret}}),
    "a callable that gives bytes": Scene(ConfigurationError, options={"provider": {"client_secret": SECRET.encode}}),
    "a callable that gives two lines": Scene(
        ConfigurationError, options={"provider": {"client_secret": lambda: f"{SECRET}\n{SECRET}"}}
    ),
    "a secret file that is gone": Scene(
        ConfigurationError, options={"provider": {"client_secret": SecretFile("/nowhere/secret")}}
    ),
}


HALF = ("get", "a call on asyncio")
"""The calls that differ most."""


@pytest.mark.parametrize(
    ("scene", "call"),
    [
        *((scene, call) for scene in SCENES for call in HALF),
        *(
            (scene, call)
            for scene in ("wrong credentials", "a callable that fails")
            for call in CALLS
            if call not in HALF
        ),
    ],
)
def test_no_error_shows_a_secret(scene: str, call: str, server: Server) -> None:
    arranged = SCENES[scene]
    server.reply = arranged.reply
    source = a_source(arranged.base_url(server), **arranged.options)
    for _ in "once", "and once more":  # a refusal is remembered
        assert type(searched_failure(source, CALLS[call])) is arranged.error


def test_the_scenes_cover_all_errors() -> None:
    def kinds(error: type[PaygrantError]) -> set[type[PaygrantError]]:
        return {error}.union(*(kinds(each) for each in error.__subclasses__() if each.__module__ == "paygrant"))

    assert {scene.error for scene in SCENES.values()} == kinds(PaygrantError) - {PaygrantError}


@pytest.mark.parametrize("write", SPELLINGS.values(), ids=SPELLINGS)
@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_servers_text_ends_at_an_echo_of_a_credential(
    server: Server, credential: str, write: Callable[[str], str]
) -> None:
    server.reply = Reply({"error": "invalid_client", "error_description": f"no such client: {write(credential)}!"}, 401)
    error = searched_failure(a_source(server.base_url))
    assert isinstance(error, InvalidClient)
    assert re.fullmatch(r"no such client:[\Wb]*\[cut\]", str(error.error_description))


@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("encoding", ["plain", "form", "auto"])
def test_a_servers_text_ends_at_an_echo_of_the_request(server: Server, method: str, encoding: str) -> None:
    server.reply = lambda seen: Reply(
        {"error": f"who is {seen.headers.get('Authorization')} {seen.body.decode()}"}, 401
    )
    error = searched_failure(a_source(server.base_url, provider={"auth_method": method, "basic_encoding": encoding}))
    assert "who is" in str(error)
    assert "[cut]" in str(error)


@each_provider
def test_no_provider_shows_what_its_server_echoes(kind: type[Provider], server: Server) -> None:
    server.reply = lambda seen: Reply(dict.fromkeys(["error", "error_description", "message"], echo(seen)), 401)
    searched_failure(TokenSource(make(kind, **CREDENTIALS, base_url=server.base_url), store=MemoryStore()))


ECHOING_HEADERS: dict[str, Callable[[Seen], dict[str, str]]] = {
    "body in a redirect": lambda seen: {"Location": f"https://elsewhere.example/?{seen.body.decode()}"},
    "user in a redirect": lambda _: {"Location": f"https://{quote(ID)}:{quote(SECRET)}@elsewhere.example/"},
    "header in a redirect": lambda seen: {"Location": f"/{seen.headers.get('Authorization')}"},
    "an invalid header": lambda seen: {f"bad {seen.headers.get('Authorization')} {seen.body.decode()}": "x"},
}


@pytest.mark.parametrize("headers", ECHOING_HEADERS.values(), ids=ECHOING_HEADERS)
@pytest.mark.parametrize("method", ["client_secret_basic", "client_secret_post"])
def test_no_error_shows_what_a_servers_headers_echo(
    server: Server, headers: Callable[[Seen], dict[str, str]], method: str
) -> None:
    # At its lowest level, httpcore logs the headers of a response. We cannot hide what a server puts there.
    for name in ("httpcore", "httpcore.http11"):
        logging.getLogger(name).setLevel(logging.INFO)
    server.reply = lambda seen: Reply({}, 302, headers(seen))
    error = searched_failure(a_source(server.base_url, provider={"auth_method": method}))
    assert isinstance(error, MalformedResponse | ProviderUnavailable)


def test_no_error_shows_a_response_that_is_not_http() -> None:
    def parrot(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 " + read_request(connection) + SECRET.encode() + b"\r\n\r\n")

    with serve_raw(parrot) as base_url:
        assert isinstance(searched_failure(a_source(base_url)), ProviderUnavailable)


def test_a_remembered_refusal_has_no_frames(server: Server) -> None:
    server.reply = echoing(401)
    store = MemoryStore()
    for _ in range(3):
        searched_failure(a_source(server.base_url, store=store))
    [entry] = store._entries.values()
    assert isinstance(entry.outcome, InvalidClient)
    assert entry.outcome.__traceback__ is None
    assert exposed(entry.outcome) == set()


def test_a_failing_store_fails_no_caller_and_shows_nothing(server: Server, watch: Watch, clock: Clock) -> None:
    server.reply = granted(TOKEN)
    source = a_source(server.base_url, store=FailingStore())
    assert source.get().access_token == TOKEN
    for _ in range(3):  # the fault is logged once, however often the store is tried
        clock.pass_by(3600)
        assert source.get().access_token == TOKEN
    assert len(server.seen) == 4
    assert [line for line in watch.lines if line.startswith("paygrant WARNING")] == [
        "paygrant WARNING store: FailingStore failed (RuntimeError); this process goes on without it"
    ]


def test_a_closed_source_shows_nothing(server: Server) -> None:
    source = a_source(server.base_url)
    source.close()
    assert isinstance(searched_failure(source), ConfigurationError)


@pytest.mark.parametrize("call", [CALLS["a call"], CALLS["a call on asyncio"], CALLS["a call on trio"]])
def test_a_call_that_does_not_reach_the_api_shows_nothing(
    server: Server, call: Callable[[TokenSource], object]
) -> None:
    server.reply = granted(TOKEN)
    with pytest.raises(httpx.ConnectError) as caught:
        call(a_source(server.base_url))
    assert exposed(caught.value) == set()
    assert len(server.seen) == 1
