"""Nothing shows a client's id, its secret or its token: whatever can be shown is searched for canaries.

Searched are texts, errors with the locals of their frames, pickles, and (in each test) logs, standard output and the
hooks for what escapes from threads. First the search itself is searched: it must find what is there.
"""

import copy
import gc
import html
import inspect
import json
import logging
import pickle
import re
import sys
import threading
from base64 import b64encode, urlsafe_b64encode
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import Enum
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from pprint import pformat
from traceback import TracebackException, walk_tb
from typing import Any
from urllib.parse import quote, quote_plus

import anyio
import click
import httpx
import pytest
from rich.pretty import pretty_repr

import paygrant
import paygrant_clients
from paygrant import (
    ClientCredentials,
    ConfigurationError,
    Cryptofuse,
    FileStore,
    InvalidClient,
    MalformedResponse,
    MemoryStore,
    PaygrantError,
    ProviderUnavailable,
    RateLimited,
    RedisStore,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    Token,
    TokenAuth,
    TokenError,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._auth.bearer import Authorization
from paygrant._cache.cache import NOTHING, Cache
from paygrant._cache.renewal import PendingRenewal
from paygrant._providers.base import BasicProvider, Provider, name_of
from paygrant._providers.ripio import WidgetURL
from paygrant._providers.secret_file import SecretFile
from paygrant._providers.spec_provider import SpecProvider
from paygrant._stores.base import Entry
from paygrant._stores.codec import Codec
from paygrant._tokens.lifecycle import Grant
from paygrant.cli import _catalog, _failures
from paygrant.doctor import Finding
from paygrant.sandbox import Client, Fault, ProviderHandle, RecordedRequest, Sandbox
from paygrant.sandbox._endpoint import UnusualType
from paygrant.sandbox._fault_kinds import KINDS, FaultKind, FaultParameter
from paygrant.sandbox._guard import RequestError
from paygrant_clients.ripple.models import TokenResponse
from tests.helpers.clock import Clock
from tests.helpers.providers import ARGUMENTS, GRANTED, each_provider, make
from tests.helpers.secrets import CORES, CREDENTIALS, ID, SECRET, TOKEN, echo, found
from tests.helpers.servers import Reply, Seen, Server, granted, read_request, serve, serve_raw


def shown(value: object) -> Iterator[str]:
    """A value as logs, debuggers and error reports show it."""
    yield from (repr(value), ascii(value), repr([value]), pformat({"value": value}), pretty_repr(value))
    if not isinstance(value, WidgetURL | Authorization):  # their text is what they are for
        yield from (str(value), f"{value}")


def is_of_the_tests(file: str) -> bool:
    return Path(file).is_relative_to(Path(__file__).parent)


def exposed(error: BaseException | None, seen: tuple[BaseException, ...] = ()) -> set[str]:
    """The canaries in all that an error carries along: its words, its fields, the locals of its frames, its origin.

    The frames of the tests are left out: a caller's own variables are its own.
    """
    if error is None or error in seen:
        return set()
    texts = [*shown(error), repr(error.args), repr(vars(error))]
    if isinstance(error, PaygrantError):
        texts.append(repr(pickle.dumps(error)))
    for frame, _ in walk_tb(error.__traceback__):
        if not is_of_the_tests(frame.f_code.co_filename):
            texts += [text for value in frame.f_locals.values() for text in shown(value)]
    trace = TracebackException.from_exception(error, capture_locals=True)
    trace.stack[:] = [frame for frame in trace.stack if not is_of_the_tests(frame.filename)]
    texts += trace.format(chain=False)
    origins = (exposed(each, (*seen, error)) for each in (error.__cause__, error.__context__))
    return found("\n".join(texts)).union(*origins)


@dataclass
class Watch(logging.Handler):
    """What was logged, and what escaped from threads and finalizers."""

    lines: list[str] = field(default_factory=list[str])
    escaped: list[object] = field(default_factory=list[object])

    def __post_init__(self) -> None:
        super().__init__(level=1)

    def emit(self, record: logging.LogRecord) -> None:
        self.lines += [self.format(record), repr(vars(record))]

    __hash__ = logging.Handler.__hash__


@pytest.fixture(autouse=True)
def watch(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    """In every test: all logs at the lowest level, the outputs and the hooks. After it, no canary may have shown up."""
    watch = Watch()
    watch.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    names = {"asyncio", "httpcore", "httpx", "paygrant", *logging.root.manager.loggerDict}
    levels = {logger: logger.level for logger in (logging.root, *map(logging.getLogger, names))}
    for logger in levels:
        logger.setLevel(1)
    logging.root.addHandler(watch)
    monkeypatch.setattr(threading, "excepthook", watch.escaped.append)
    monkeypatch.setattr(sys, "unraisablehook", watch.escaped.append)
    yield watch
    logging.root.removeHandler(watch)
    for logger, level in levels.items():
        logger.setLevel(level)
    assert found("\n".join(watch.lines)) == set()
    assert found("".join(capfd.readouterr())) == set()
    assert watch.escaped == []


def elsewhere(code: str) -> Any:
    """Run a function of another file: its frames are not the caller's own."""
    scope: dict[str, Any] = {"ConfigurationError": ConfigurationError, "logging": logging}
    exec(compile(code, "elsewhere.py", "exec"), scope)
    return scope["run"]


# The search finds what is there


def basic(client_id: str, client_secret: str) -> str:
    return b64encode(f"{client_id}:{client_secret}".encode()).decode()


WRITTEN: dict[str, Callable[[str], str]] = {
    "plain": str,
    "upper case": str.upper,
    "repr": repr,
    "ascii": ascii,
    "JSON": json.dumps,
    "HTML": html.escape,
    "percent": quote,
    "percent, everything": lambda text: quote(text, safe=""),
    "form": quote_plus,
    "percent, lower case": lambda text: re.sub("%..", lambda each: each[0].lower(), quote(text, safe="")),
    "percent, twice": lambda text: quote(quote(text, safe=""), safe=""),
    "encodeURIComponent": lambda text: quote(text, safe="!~*'()"),
    "repr of bytes": lambda text: repr(text.encode()),
    "repr of latin-1 bytes": lambda text: repr(text.encode("latin-1")),
    "wrong encoding": lambda text: text.encode().decode("latin-1"),
    "ASCII at any price": lambda text: text.encode("ascii", "replace").decode(),
    "HTML with numbers": lambda text: html.escape(text).replace("&#x27;", "&#39;").replace("&quot;", "&#34;"),
    "HTML, twice": lambda text: html.escape(html.escape(text)),
}
"""How a text may be written that a server echoes."""


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
def test_the_search_finds_a_canary_however_it_is_written(write: Callable[[str], str]) -> None:
    for text, core in zip((ID, SECRET, TOKEN), CORES, strict=True):
        assert found(f"... {write(text)} ...") == {core}


@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_the_search_finds_a_canary_in_base64_and_hex(before: str) -> None:
    assert found(basic(before + ID, SECRET)) == set(CORES[:2])
    assert found((before + TOKEN).encode().hex()) == {CORES[2]}


def test_the_search_finds_nothing_in_harmless_words() -> None:
    assert found("client_id, client_secret and access_token: [secure] idcanary seccanary tokcanary") == set()


LEAKS = {
    "words": """
def run(secret): raise ValueError(secret)
""",
    "words within": """
def run(secret): raise ValueError([{"deep": (secret,)}])
""",
    "field": """
def run(secret): raise ConfigurationError("", argument=secret)
""",
    "argument": """
def run(secret): raise ValueError
""",
    "local": """
def run(secret):
    held = [secret]
    del secret
    raise ValueError
""",
    "attribute": """
def run(secret):
    error = ValueError()
    error.detail, secret = secret, None
    raise error
""",
    "note": """
def run(secret):
    error = ValueError()
    error.add_note(secret)
    secret = None
    raise error
""",
    "pickle": """
class Sly(ConfigurationError):
    def __reduce__(self): return str, (self.words(),)
def run(secret):
    Sly.words = lambda _, kept=secret: kept
    secret = None
    raise Sly("")
""",
    "context": """
def inner(secret): 1 / 0
def run(secret):
    try: inner(secret)
    except ZeroDivisionError: secret = None; raise ValueError from None
""",
    "cause": """
def inner(secret): 1 / 0
def run(secret):
    try: inner(secret)
    except ZeroDivisionError as error: secret = None; raise ValueError from error
""",
}


@pytest.mark.parametrize("code", LEAKS.values(), ids=LEAKS)
def test_the_search_finds_a_canary_in_an_error(code: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - what it says differs
        elsewhere(code)(SECRET)
    assert exposed(caught.value) == {CORES[1]}


def test_the_search_leaves_the_callers_own_frames_out() -> None:
    secret = SECRET
    with pytest.raises(ConfigurationError) as caught:
        raise ConfigurationError(f"a fault of length {len(secret)}")
    assert exposed(caught.value) == set()


@pytest.mark.parametrize("name", ["httpcore.http11", "httpx", "asyncio", "paygrant", "paygrant.sandbox", "any.other"])
@pytest.mark.parametrize("message", ["%s", "%.0s"], ids=["in the text", "in the arguments"])
def test_the_watch_sees_what_is_logged(watch: Watch, name: str, message: str) -> None:
    logging.getLogger(name).log(1, message, SECRET)
    assert found("\n".join(watch.lines)) == {CORES[1]}
    watch.lines.clear()


def test_the_watch_sees_what_escapes(watch: Watch) -> None:
    class Loud:
        def __del__(self) -> None:
            raise RuntimeError

    thread = threading.Thread(target=elsewhere("def run(): raise RuntimeError"))
    thread.start()
    thread.join()
    Loud()
    assert len(watch.escaped) == 2
    watch.escaped.clear()


# Errors, each produced for real


def a_source(base_url: str, *, provider: Any = None, **options: Any) -> TokenSource:
    """A source of its own, with these options and those for its provider."""
    options = {"store": MemoryStore(), **options}
    return TokenSource(make(Cryptofuse, **{**CREDENTIALS, "base_url": base_url, **(provider or {})}), **options)


def echoing(status: int) -> Callable[[Seen], Reply]:
    return lambda seen: Reply({"error": f"no {echo(seen)}", "error_description": f"sorry, {echo(seen)}"}, status)


class FailingStore(MemoryStore):
    def load(self, key: str) -> Entry | None:
        raise RuntimeError(f"{key} {SECRET}")


class BuggyStore(MemoryStore):
    def load(self, key: str) -> Entry | None:
        raise SystemExit(f"{key} {SECRET}")


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
    "no answer": Scene(ProviderUnavailable, hang_up),
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
    "a long answer": Scene(MalformedResponse, Reply(json.dumps({"access_token": TOKEN}).encode() + b" " * (1 << 20))),
    "a store that fails": Scene(ProviderUnavailable, echoing(503), options={"store": FailingStore()}),
    "a bug": Scene(TokenError, options={"store": BuggyStore()}),
    "a callable that fails": Scene(ConfigurationError, options={"provider": {"client_secret": failing_secret}}),
    "a callable that gives bytes": Scene(ConfigurationError, options={"provider": {"client_secret": SECRET.encode}}),
    "a callable that gives two lines": Scene(
        ConfigurationError, options={"provider": {"client_secret": lambda: f"{SECRET}\n{SECRET}"}}
    ),
    "a secret file that is gone": Scene(
        ConfigurationError, options={"provider": {"client_secret": SecretFile("/nowhere/secret")}}
    ),
}


def of_a_call(source: TokenSource) -> object:
    with httpx.Client(auth=TokenAuth(source), trust_env=False) as client:
        return client.post("http://127.0.0.1:1", json={"amount": 5})


async def of_an_async_call(source: TokenSource) -> object:
    async with httpx.AsyncClient(auth=TokenAuth(source), trust_env=False) as client:
        return await client.post("http://127.0.0.1:1", json={"amount": 5})


DEBUG = {"debug": True}

WAYS: dict[str, Callable[[TokenSource], object]] = {
    "get": TokenSource.get,
    "aget on asyncio": lambda source: anyio.run(source.aget, backend_options=DEBUG),
    "aget on trio": lambda source: anyio.run(source.aget, backend="trio"),
    "a call": of_a_call,
    "a call on asyncio": lambda source: anyio.run(of_an_async_call, source, backend_options=DEBUG),
    "a call on trio": lambda source: anyio.run(of_an_async_call, source, backend="trio"),
}

each_way = pytest.mark.parametrize("way", WAYS.values(), ids=WAYS)


def fails(source: TokenSource, way: Callable[[TokenSource], object] = TokenSource.get) -> PaygrantError:
    """The error with which this way to a token ends, searched."""
    with pytest.raises(PaygrantError) as caught:
        way(source)
    error = caught.value
    assert exposed(error) == set()
    assert error.__context__ is error.__cause__ is None
    for twin in (copy.copy(error), copy.deepcopy(error), pickle.loads(pickle.dumps(error))):
        assert (type(twin), twin.args, vars(twin)) == (type(error), error.args, vars(error))
        assert twin.__traceback__ is None
    return error


HALF = ("get", "a call on asyncio")
"""The ways that differ most."""


@pytest.mark.parametrize(
    ("scene", "way"),
    [
        *((scene, way) for scene in SCENES for way in HALF),
        *((scene, way) for scene in ("wrong credentials", "a callable that fails") for way in WAYS if way not in HALF),
    ],
)
def test_no_error_shows_anything(scene: str, way: str, server: Server) -> None:
    arranged = SCENES[scene]
    server.reply = arranged.reply
    source = a_source(arranged.base_url(server), **arranged.options)
    for _ in "once", "and once more":  # a refusal is remembered
        assert type(fails(source, WAYS[way])) is arranged.error


def test_the_scenes_are_of_all_kinds() -> None:
    def kinds(error: type[PaygrantError]) -> set[type[PaygrantError]]:
        return {error}.union(*(kinds(each) for each in error.__subclasses__() if each.__module__ == "paygrant"))

    assert {scene.error for scene in SCENES.values()} == kinds(PaygrantError) - {PaygrantError}


@pytest.mark.parametrize("write", WRITTEN.values(), ids=WRITTEN)
@pytest.mark.parametrize("credential", CREDENTIALS.values(), ids=CREDENTIALS)
def test_a_servers_words_end_where_they_echo_a_credential(
    server: Server, credential: str, write: Callable[[str], str]
) -> None:
    server.reply = Reply({"error": "invalid_client", "error_description": f"no such client: {write(credential)}!"}, 401)
    error = fails(a_source(server.base_url))
    assert isinstance(error, InvalidClient)
    assert re.fullmatch(r"no such client:[\Wb]*\[cut\]", str(error.error_description))


@pytest.mark.parametrize("place", ["basic", "body"])
@pytest.mark.parametrize("encoding", ["plain", "form", "auto"])
def test_a_servers_words_end_where_they_echo_what_was_sent(server: Server, place: str, encoding: str) -> None:
    server.reply = lambda seen: Reply(
        {"error": f"who is {seen.headers.get('Authorization')} {seen.body.decode()}"}, 401
    )
    error = fails(a_source(server.base_url, provider={"credentials_in": place, "basic_encoding": encoding}))
    assert "who is" in str(error)
    assert "[cut]" in str(error)


@each_provider
def test_no_provider_shows_what_its_server_echoes(kind: type[Provider], server: Server) -> None:
    server.reply = lambda seen: Reply(dict.fromkeys(["error", "error_description", "message"], echo(seen)), 401)
    fails(TokenSource(make(kind, **CREDENTIALS, base_url=server.base_url), store=MemoryStore()))


ECHOING_HEADERS: dict[str, Callable[[Seen], dict[str, str]]] = {
    "body in a redirect": lambda seen: {"Location": f"https://elsewhere.example/?{seen.body.decode()}"},
    "user in a redirect": lambda _: {"Location": f"https://{quote(ID)}:{quote(SECRET)}@elsewhere.example/"},
    "header in a redirect": lambda seen: {"Location": f"/{seen.headers.get('Authorization')}"},
    "a header that is none": lambda seen: {f"bad {seen.headers.get('Authorization')} {seen.body.decode()}": "x"},
}


@pytest.mark.parametrize("headers", ECHOING_HEADERS.values(), ids=ECHOING_HEADERS)
@pytest.mark.parametrize("place", ["basic", "body"])
def test_no_error_shows_what_a_servers_headers_echo(
    server: Server, headers: Callable[[Seen], dict[str, str]], place: str
) -> None:
    # At its lowest level httpcore logs the headers of an answer: what a server puts there is not ours to hide.
    for name in ("httpcore", "httpcore.http11"):
        logging.getLogger(name).setLevel(logging.INFO)
    server.reply = lambda seen: Reply({}, 302, headers(seen))
    error = fails(a_source(server.base_url, provider={"credentials_in": place}))
    assert isinstance(error, MalformedResponse | ProviderUnavailable)


def test_no_error_shows_what_is_no_http() -> None:
    def parrot(connection: Any) -> None:
        connection.sendall(b"HTTP/1.1 " + read_request(connection) + SECRET.encode() + b"\r\n\r\n")

    with serve_raw(parrot) as base_url:
        assert isinstance(fails(a_source(base_url)), ProviderUnavailable)


def test_what_a_store_remembers_of_a_refusal_has_no_frames(server: Server) -> None:
    server.reply = echoing(401)
    store = MemoryStore()
    for _ in range(3):
        fails(a_source(server.base_url, store=store))
    [entry] = store._entries.values()
    assert isinstance(entry.outcome, InvalidClient)
    assert entry.outcome.__traceback__ is None
    assert exposed(entry.outcome) == set()


def test_a_store_that_fails_fails_nobody_and_shows_nothing(server: Server, watch: Watch, clock: Clock) -> None:
    server.reply = granted(TOKEN)
    source = a_source(server.base_url, store=FailingStore())
    assert source.get().access_token == TOKEN
    for _ in range(3):  # it is told once, however often it is tried
        clock.pass_by(3600)
        assert source.get().access_token == TOKEN
    assert len(server.seen) == 4
    assert [line for line in watch.lines if line.startswith("paygrant WARNING")] == [
        "paygrant WARNING store: FailingStore failed (RuntimeError); this process goes on without it"
    ]


def test_a_closed_source_shows_nothing(server: Server) -> None:
    source = a_source(server.base_url)
    source.close()
    assert isinstance(fails(source), ConfigurationError)


@pytest.mark.parametrize("way", [WAYS["a call"], WAYS["a call on asyncio"], WAYS["a call on trio"]])
def test_a_call_that_does_not_reach_the_api_shows_nothing(server: Server, way: Callable[[TokenSource], object]) -> None:
    server.reply = granted(TOKEN)
    with pytest.raises(httpx.ConnectError) as caught:
        way(a_source(server.base_url))
    assert exposed(caught.value) == set()
    assert len(server.seen) == 1


# Bad arguments: the frames that refuse them know the good ones


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> str:
        return SECRET

    def __repr__(self) -> str:
        return SECRET


BAD_CREDENTIALS: list[dict[str, Any]] = [
    {"client_id": ""},
    {"client_id": None},
    {"client_id": [ID]},
    {"client_id": ID.encode()},
    {"client_id": f"{ID}\n"},
    {"client_id": f"{ID}\ud800"},
    {"client_secret": ""},
    {"client_secret": None},
    {"client_secret": {SECRET}},
    {"client_secret": SECRET.encode()},
    {"client_secret": f"{SECRET}\0"},
    {"client_secret": f"{SECRET}\ud800"},
    {"client_secret": Unhashable()},
]
BAD_ARGUMENTS: list[dict[str, Any]] = [
    {"nonsense": SECRET},
    {"base_url": ""},
    {"base_url": [SECRET]},
    {"base_url": "http://api.example"},
    {"base_url": f"https://{quote(ID, safe='')}:{quote(SECRET, safe='')}@api.example"},
    {"base_url": f"https://{ID}:{SECRET}@api.example"},
    {"base_url": f"https://{CORES[0]}/:{CORES[1]}@api.example"},
    {"base_url": f"https://api.example?secret={quote(SECRET)}"},
    {"base_url": f"https://api.example#{quote(SECRET)}"},
    {"base_url": "https://xn--zzzzzz"},
    {"base_url": "https://[::1"},
    {"base_url": "https://\ud800"},
]


def refusal(call: Callable[[], object]) -> ConfigurationError:
    """The refusal of bad arguments, searched."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    assert exposed(caught.value) == set()
    assert caught.value.__context__ is None
    return caught.value


@pytest.mark.parametrize("bad", [*BAD_CREDENTIALS, *BAD_ARGUMENTS], ids=ascii)
@each_provider
def test_no_refusal_of_a_providers_arguments_shows_anything(kind: type[Provider], bad: dict[str, Any]) -> None:
    [argument] = bad
    assert refusal(lambda: make(kind, **{**CREDENTIALS, **bad})).argument in {argument, None}


@each_provider
def test_no_refusal_of_a_providers_signature_shows_anything(kind: Any) -> None:
    refusal(lambda: kind(ID, SECRET))
    refusal(lambda: kind(client_id=ID))
    refusal(lambda: kind(client_secret=SECRET))
    refusal(lambda: kind(**CREDENTIALS, environment="nowhere", base_url=None))


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (Ripple, {"tenant_id": None}),
        (Ripple, {"tenant_id": f"{SECRET} {SECRET}"}),
        (Ripple, {"tenant_id": [SECRET]}),
        (Ripple, {"audience": "urn:ripplexcurrent-test:acme"}),
        (Ripple, {"tenant_id": None, "audience": SECRET}),
        (Ripple, {"tenant_id": None, "audience": "urn:ripplexcurrent-prod:acme"}),
        (RipioWidget, {"external_ref": SECRET}),
        (RipioWidget, {"external_ref": 5}),
        (RipioWidget, {"address": f"{SECRET}:"}),
        (RipioWidget, {"client_id": f"{ID}:"}),
        (Cryptofuse, {"client_id": f"{ID}:", "basic_encoding": "plain"}),
        (Cryptofuse, {"basic_encoding": "rot13"}),
        (Cryptofuse, {"credentials_in": "thin air"}),
        (Cryptofuse, {"scope": 5}),
        (Cryptofuse, {"scope": ["Zoë"]}),
        (RipioRamp, {"environment": 5}),
    ],
    ids=ascii,
)
def test_no_refusal_of_a_providers_own_arguments_shows_anything(kind: type[Provider], bad: dict[str, Any]) -> None:
    refusal(lambda: make(kind, **{**CREDENTIALS, **bad}))


FROM_ENV = {
    "RIPPLE_CLIENT_ID": ID,
    "RIPPLE_CLIENT_SECRET": SECRET,
    "RIPPLE_ENVIRONMENT": "test",
    "RIPPLE_TENANT_ID": "a",
}


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in FROM_ENV),
        *({name: ""} for name in FROM_ENV),
        {"RIPPLE_CLIENT_ID": f"{ID}\n"},
        {"RIPPLE_CLIENT_SECRET": f"{SECRET}\n"},
        {"RIPPLE_CLIENT_SECRET": f"{SECRET}\udcff"},
        {"RIPPLE_ENVIRONMENT": "nowhere"},
        {"RIPPLE_TENANT_ID": f"{SECRET} "},
        {"RIPPLE_BASE_URL": f"https://{quote(ID, safe='')}:{quote(SECRET, safe='')}@api.example"},
        {"RIPPLE_BASE_URL": "https://xn--zzzzzz"},
        {"RIPPLE_CLIENT_SECRET_FILE": "/nowhere/secret"},
        {"RIPPLE_CLIENT_SECRET": None, "RIPPLE_CLIENT_SECRET_FILE": "/nowhere/secret"},
        {"RIPPLE_CLIENT_SECRET": None, "RIPPLE_CLIENT_SECRET_FILE": "/"},
    ],
    ids=ascii,
)
def test_no_refusal_of_the_environment_shows_anything(
    monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None]
) -> None:
    for name, value in {**FROM_ENV, **change}.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    refusal(Ripple.from_env)
    refusal(lambda: Ripple.from_env(nonsense=SECRET))


@pytest.mark.parametrize("content", ["", f"{SECRET}\n{SECRET}", f"{SECRET}\xff", f"\xff{SECRET}"], ids=ascii)
def test_no_refusal_of_a_secret_file_shows_anything(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str
) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content.encode("latin-1"))
    for name, value in {**FROM_ENV, "RIPPLE_CLIENT_SECRET": "", "RIPPLE_CLIENT_SECRET_FILE": str(path)}.items():
        monkeypatch.setenv(name, value)
    refusal(Ripple.from_env)


def ripio_widget() -> RipioWidget:
    return make(RipioWidget, **CREDENTIALS)


def a_token_source() -> TokenSource:
    return TokenSource(ripio_widget())


untyped: Any = paygrant
widget_url: Any = ripio_widget().widget_url

BAD_CALLS: dict[str, Callable[[], object]] = {
    "basic_credentials: no secret": lambda: untyped.basic_credentials(SECRET),
    "basic_credentials: a fourth argument": lambda: untyped.basic_credentials(ID, SECRET, "plain", SECRET),
    "basic_credentials: a stranger": lambda: untyped.basic_credentials(ID, SECRET, nonsense=SECRET),
    "basic_credentials: an unknown encoding": lambda: untyped.basic_credentials(ID, SECRET, "rot13"),
    "basic_credentials: an encoding of another type": lambda: untyped.basic_credentials(ID, SECRET, [SECRET]),
    "basic_credentials: a colon": lambda: untyped.basic_credentials(f"{ID}:", SECRET),
    "basic_credentials: a bad id": lambda: untyped.basic_credentials(f"{ID}\n", SECRET),
    "basic_credentials: a bad secret": lambda: untyped.basic_credentials(ID, f"{SECRET}\ud800"),
    "basic_credentials: bytes": lambda: untyped.basic_credentials(ID.encode(), SECRET.encode()),
    "ripple_audience: no environment": lambda: untyped.ripple_audience(tenant_id=SECRET),
    "ripple_audience: an unknown environment": lambda: untyped.ripple_audience("nowhere", SECRET),
    "ripple_audience: no URN": lambda: untyped.ripple_audience("test", SECRET),
    "ripple_audience: a list": lambda: untyped.ripple_audience("test", [SECRET]),
    "widget_url: no token": lambda: widget_url(address=SECRET),
    "widget_url: a text": lambda: widget_url(TOKEN),
    "widget_url: an unknown flow": lambda: widget_url(Token(TOKEN), flow="up"),
    "widget_url: no amount": lambda: widget_url(Token(TOKEN), amount=-1),
    "widget_url: no address": lambda: widget_url(Token(TOKEN), address=""),
    "widget_url: a stranger": lambda: widget_url(Token(TOKEN), nonsense=SECRET),
    "widget_url: a second argument": lambda: widget_url(Token(TOKEN), TOKEN),
    "TokenSource: a text": lambda: untyped.TokenSource(SECRET),
    "TokenSource: a store": lambda: untyped.TokenSource(ripio_widget(), store=SECRET),
    "TokenSource: a policy": lambda: untyped.TokenSource(ripio_widget(), policy=SECRET),
    "TokenSource: a transport": lambda: untyped.TokenSource(ripio_widget(), transport=SECRET),
    "TokenSource: a second argument": lambda: untyped.TokenSource(ripio_widget(), SECRET),
    "TokenAuth: a text": lambda: untyped.TokenAuth(TOKEN),
    "TokenAuth: a token": lambda: untyped.TokenAuth(Token(TOKEN)),
    "TokenAuth: a second argument": lambda: untyped.TokenAuth(a_token_source(), TOKEN),
    "TokenAuth: an origin with a user": lambda: untyped.TokenAuth(
        a_token_source(), origins={f"https://{CORES[0]}/:{CORES[1]}@api.example"}
    ),
    "TokenAuth: an origin with a query": lambda: untyped.TokenAuth(
        a_token_source(), origins={f"https://api.example?_to={TOKEN}"}
    ),
    "TokenAuth: an origin in Punycode": lambda: untyped.TokenAuth(a_token_source(), origins=["https://xn--zzzzzz"]),
    "TokenAuth: origins": lambda: untyped.TokenAuth(a_token_source(), origins=TOKEN),
    "TokenAuth: a token among the statuses": lambda: untyped.TokenAuth(
        a_token_source(), rejected_statuses=[Token(TOKEN)]
    ),
    "RefreshPolicy: an argument": lambda: untyped.RefreshPolicy(SECRET),
    "RefreshPolicy: a stranger": lambda: untyped.RefreshPolicy(nonsense=SECRET),
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
def test_no_refusal_of_any_argument_shows_anything(call: Callable[[], object]) -> None:
    refusal(call)


# What is in use


@each_way
@each_provider
def test_no_log_shows_anything(
    kind: type[Provider], way: Callable[[TokenSource], object], server: Server, watch: Watch
) -> None:
    server.reply = Reply(GRANTED[kind](TOKEN))
    source = TokenSource(make(kind, **CREDENTIALS, base_url=server.base_url), store=MemoryStore())
    with suppress(httpx.ConnectError):  # the calls go nowhere
        way(source)
    assert source.get().access_token == TOKEN
    written = "\n".join(watch.lines)
    assert "send_request_headers.complete" in written


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_no_log_of_a_replaced_token_shows_anything(server: Server, watch: Watch, backend: str) -> None:
    server.reply = lambda _: granted(f"{TOKEN}{len(server.seen)}")
    with serve() as api:
        api.reply = lambda seen: Reply({}, 200 if seen.headers["Authorization"].endswith("2") else 401)
        auth = TokenAuth(a_source(server.base_url))

        async def call() -> int:
            async with httpx.AsyncClient(auth=auth, trust_env=False) as client:
                return (await client.get(api.base_url)).status_code

        assert anyio.run(call, backend=backend) == 200
    assert f'GET {api.base_url} "HTTP/1.1 401 Unauthorized"' in "\n".join(watch.lines)


def test_nothing_escapes_where_nobody_waits_any_more(server: Server) -> None:
    server.reply = echoing(401)
    server.hold.clear()
    source = a_source(server.base_url)

    async def give_up() -> None:
        with anyio.move_on_after(0):
            await source.aget()

    anyio.run(give_up)
    assert server.asked.wait(10)
    server.hold.set()
    fails(source)
    gc.collect()


@each_provider
def test_nothing_in_use_shows_anything(kind: type[Provider], server: Server) -> None:
    server.reply = Reply(GRANTED[kind](TOKEN))
    store = MemoryStore()
    provider = make(kind, **CREDENTIALS, base_url=server.base_url)
    source = TokenSource(provider, store=store)
    server.hold.clear()
    cache = source._cache
    flight = cache.token()
    assert isinstance(cache, Cache)
    assert isinstance(flight, PendingRenewal)
    things: list[object] = [provider, source, cache, flight, store, TokenAuth(source)]
    assert found("\n".join(text for thing in things for text in shown(thing))) == set()

    server.hold.set()
    token = flight.wait()
    [entry] = store._entries.values()
    assert token.access_token == TOKEN
    assert token.response is not None
    things += [token, token.response, entry, entry.outcome, cache.held, NOTHING]
    things += [vars(thing) for thing in (source, cache, flight, store, TokenAuth(source))]
    assert found("\n".join(text for thing in things for text in shown(thing))) == set()


@each_provider
def test_no_generated_client_in_use_shows_anything(kind: type[Provider]) -> None:
    clients = import_module(f"paygrant_clients.{name_of(kind)}.client")
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
def test_a_widget_address_is_whole_and_does_not_show_itself(flow: Any) -> None:
    address = ripio_widget().widget_url(Token(TOKEN), flow=flow)
    assert f"_to={quote(TOKEN, safe='')}" in str(address)
    assert found(str(address)) == {CORES[2]}
    assert found("\n".join(shown(address))) == set()


# Every class there is


def classes() -> list[type]:
    """All classes of the two packages, those of private modules too."""
    classes: list[type] = []
    for package in (paygrant, paygrant_clients):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                members = vars(import_module(module.name)).values()
                own = {module.name, "paygrant"}  # errors go by the package's name
                classes += [each for each in members if inspect.isclass(each) and each.__module__ in own]
    return list(dict.fromkeys(classes))


def speaks(kind: type[Any]) -> bool:
    """Whether a class says more of its instances than object does."""
    return any(getattr(kind, name) is not getattr(object, name) for name in ("__repr__", "__str__", "__format__"))


HARMLESS: dict[str, Any] = {
    "allow_any_external_ref": True,
    "audience": "urn:ripplexcurrent-test:acme",
    "auth_header_name": "X-Authorization",
    "base_url": "http://127.0.0.1",
    "basic_encoding": "plain",
    "credentials_in": "basic",
    "file_name": "receipt.pdf",
    "grant_type": "client_credentials",
    "level": 1,
    "message": "a fault",
    "mime_type": "application/pdf",
    "path": "/run/secrets/ripple",
    "prefix": "Token",
    "provider": "ripple",
    "scope": ("read",),
    "timeout": 5,
    "token_type": "Bearer",
    "verify_ssl": True,
}
"""Parameters that are there to be seen, or take certain words alone."""

WITH_CANARIES: dict[str, Any] = {
    "outcome": Grant(Token(CORES[2]), 0, 1),
    "parsed": TokenResponse(access_token=CORES[2]),
    "policy": RefreshPolicy(),
    "response": TokenResponse(access_token=CORES[2]),
    "store": MemoryStore(),
    "tenant_id": CORES[1],
    "token": Token(CORES[2]),
    "transport": None,
}
KEY = urlsafe_b64encode(f"{CORES[1]:32}".encode()).decode()
"""A key that Fernet takes."""


def filled(name: str, annotation: str) -> Any:
    """An argument that holds a canary wherever its type allows one."""
    if name in WITH_CANARIES and "str" not in annotation:
        return WITH_CANARIES[name]
    by_type = {"bytes": SECRET.encode(), "dict": {SECRET: SECRET}, "Mapping": {SECRET: SECRET}, "tuple": (SECRET,)}
    others = {"datetime": datetime.now(UTC), "float": 1.0, "int": 1, "bool": False, "HTTPStatus": 200, "BinaryIO": None}
    for word, value in (by_type | ({} if "str" in annotation else others)).items():
        if word in annotation:
            return value
    return CORES[1]


def parameters(kind: type[Any]) -> dict[str, str]:
    """What a class is made with: names, and types as texts."""
    try:
        signature = inspect.signature(kind)
    except ValueError:  # as built in
        return {}
    variable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return {name: str(each.annotation) for name, each in signature.parameters.items() if each.kind not in variable}


DESCRIBED: dict[type[Provider], dict[str, Any]] = {
    SpecProvider: {
        "spec": Path(__file__).parent / "endpoints/github_app.yaml",
        "environment": "production",
        "credentials_in": None,
        "authenticate": print,
    },
    ClientCredentials: {"token_url": "http://127.0.0.1/token", "parameters": {"audience": CORES[1]}},
}
"""What providers without a class of their own are made with."""


def arguments_of(kind: type[Any]) -> dict[str, Any]:
    """Arguments that make an instance of a class, with canaries wherever they are taken."""
    own: dict[str, Any] = {}
    if issubclass(kind, Provider):
        own = {**ARGUMENTS.get(kind, {}), **DESCRIBED.get(kind, {}), "audience": None}
    elif kind is TokenSource:
        own = {"provider": ripio_widget()}
    elif kind in {FaultKind, FaultParameter, Finding, UnusualType, RecordedRequest, RequestError}:  # made to be shown
        own = dict.fromkeys(parameters(kind), "words")
    elif kind is Entry:
        own = {"environment": "test"}
    elif kind in {
        _catalog.ProviderParameter,
        _failures.Failure,
    }:  # words of docstrings, and of errors that hold no secret
        own = dict.fromkeys(parameters(kind), "words")
    elif issubclass(kind, click.Command):
        own = {**dict.fromkeys(parameters(kind), "words"), "builders": {}, "params": (), "provider_params": ()}
    elif kind is Fault:
        own = {"kind": KINDS["fail"], "on": "token", "parameters": {}}
    elif kind is ProviderHandle:
        own = {"provider": Sandbox(client=Client(*CORES[:2]))._providers["ripple"], "client": Client(*CORES[:2])}
    elif kind in {Codec, FileStore, RedisStore}:
        own = {"key": KEY, "client_or_url": f"redis://{CORES[0]}:{CORES[1]}@127.0.0.1:1"}
    unnamed = {"installation_id": 7} if kind is SpecProvider else {}
    return unnamed | {
        name: own[name] if name in own else HARMLESS[name] if name in HARMLESS else filled(name, annotation)
        for name, annotation in parameters(kind).items()
    }


def instance(kind: Any) -> Any:
    """An instance of a class with canaries in it."""
    if kind is WidgetURL:
        return ripio_widget().widget_url(Token(TOKEN))
    if kind is Authorization:
        return Authorization(Token(TOKEN).authorization)
    if issubclass(kind, Enum):
        return list(kind)
    made = kind(**arguments_of(kind))
    if hasattr(made, "additional_properties"):
        made.additional_properties = {SECRET: SECRET}
    return made


ABSTRACT = {Provider, BasicProvider}
WORDS_OF_SPECS = ("paygrant._spec", "paygrant.generate", "paygrant.propose")
"""Modules whose classes hold what stands in specs, and no secret."""

EVERY_CLASS = [kind for kind in classes() if kind not in ABSTRACT and not kind.__module__.startswith(WORDS_OF_SPECS)]


@pytest.mark.parametrize("kind", [*filter(speaks, EVERY_CLASS)], ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_class_shows_anything(kind: type) -> None:
    assert found("\n".join(shown(instance(kind)))) == set()


def test_the_walk_passes_all_classes() -> None:
    names = {kind.__name__ for kind in EVERY_CLASS}
    assert names.issuperset({*paygrant.__all__} - {"Provider", "basic_credentials", "ripple_audience"})
    assert names.issuperset(
        {"Cache", "PendingRenewal", "Grant", "Entry", "ResponseReader", "RawResponse", "SecretFile", "WidgetURL"}
    )
    assert names.issuperset({"Codec", "Life", "Meter", "State", "FailSafeStore"})
    for model in ("TokenRequest", "TokenResponse", "TokenError", "Client", "AuthenticatedClient", "UnexpectedStatus"):
        assert [kind.__name__ for kind in EVERY_CLASS].count(model) >= 5
    assert {kind.__name__ for kind in EVERY_CLASS if speaks(kind)}.issuperset({"Token", "TokenSource", "Ripple"})
    assert {name for kind in EVERY_CLASS for name in parameters(kind)}.issuperset(HARMLESS | WITH_CANARIES)


def test_the_walk_finds_a_class_that_shows_something() -> None:
    @dataclass
    class Loose:
        client_secret: str

    @dataclass
    class LooseAnswer:
        body: bytes

    class LooseText:
        def __init__(self, access_token: str) -> None:
            self.access_token = access_token

        def __str__(self) -> str:
            return self.access_token

    for kind in (Loose, LooseAnswer, LooseText):
        assert speaks(kind)
        assert found("\n".join(shown(instance(kind)))) == {CORES[1]}
