"""Entries as bytes: they come back unchanged, damage is harmless, and they show no secret."""

import inspect
import json
import subprocess
import sys
from base64 import b64encode
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import pytest
from cryptography.fernet import Fernet
from hypothesis import given, settings
from hypothesis import strategies as st

from paygrant import (
    ConfigurationError,
    Cryptofuse,
    FileStore,
    RateLimited,
    RefreshPolicy,
    Token,
    TokenError,
    TokenSource,
    _clock,
    _errors,
)
from paygrant._stores import base
from paygrant._stores.base import Entry
from paygrant._stores.codec import Codec
from paygrant._tokens.lifecycle import Grant
from tests.helpers.clock import Clock
from tests.helpers.documents import places
from tests.helpers.providers import CLIENT_ID, CLIENT_SECRET
from tests.helpers.servers import Reply, Server

NAME = "0f" * 32
KEY = Fernet.generate_key()
OTHER_KEY = Fernet.generate_key()

seconds = st.floats(0.001, 1e9)
lines = st.text(st.characters(exclude_categories=("C", "Z"), include_characters=" "))
texts = st.none() | lines
moments = st.datetimes(timezones=st.just(UTC))
tokens = st.builds(
    Token,
    st.from_regex(r"[\x21-\x7e]+", fullmatch=True),
    scope=st.lists(st.text()).map(tuple),
    expires_at=st.none() | moments,
)
NOW = 1000.0
grants = st.builds(Grant, tokens, since=st.floats(-1e9, NOW), lifetime=seconds)


@st.composite
def errors(draw: st.DrawFn) -> TokenError:
    status = st.none() | st.integers(100, 599)
    kind = draw(st.sampled_from(sorted(base._ERRORS.values(), key=lambda each: each.__name__)))
    error = kind(draw(lines), provider=draw(lines), environment=draw(texts), status=draw(status))
    for name, values in {"error": texts, "error_description": texts, "retry_after": st.none() | seconds}.items():
        if hasattr(error, name):
            setattr(error, name, draw(values))
    return error


entries = st.builds(Entry, grants | errors(), until=st.floats(NOW, 1e9))
codecs = st.sampled_from([Codec(None), Codec(KEY)])


@contextmanager
def standing_clock() -> Generator[Clock]:
    """Both clocks stand still. Each example starts again."""
    clock = Clock()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_clock, "monotonic", clock)
        patch.setattr(_clock, "wall", clock.wall)
        yield clock


@settings(deadline=None)
@given(entries, codecs, st.floats(-1e6, 1e6), seconds)
def test_an_entry_comes_back_with_its_times_moved_to_the_readers_clock(
    entry: Entry, codec: Codec, elsewhere: float, passed: float
) -> None:
    with standing_clock() as clock:
        data = codec.encode(NAME, entry)
        clock.seconds = elsewhere
        saved = codec.decode(NAME, data)
        assert saved
        found = saved.entry(passed)
    shift = elsewhere - passed - NOW
    assert found.until == pytest.approx(entry.until + shift, abs=1e-3)
    if isinstance(entry.outcome, Grant):
        assert isinstance(found.outcome, Grant)
        assert found.outcome.token == entry.outcome.token
        assert found.outcome.lifetime == entry.outcome.lifetime
        assert found.outcome.since == pytest.approx(entry.outcome.since + shift, abs=1e-3)
    else:
        assert type(found.outcome) is type(entry.outcome)
        assert str(found.outcome) == str(entry.outcome)
        assert vars(found.outcome) == vars(entry.outcome)


@settings(deadline=None)
@given(entries, codecs, st.floats(0, 1), st.floats(0, 1), st.binary(max_size=8))
def test_damaged_bytes_are_never_an_error(entry: Entry, codec: Codec, one: float, other: float, put: bytes) -> None:
    whole = codec.encode(NAME, entry)
    start, end = sorted(int(each * len(whole)) for each in (one, other))
    codec.decode(NAME, whole[:start] + put + whole[end:])
    assert codec.decode(NAME, whole[:-1][:start]) is None


@settings(deadline=None)
@given(st.binary())
def test_foreign_bytes_are_ignored(data: bytes) -> None:
    assert Codec(None).decode(NAME, data) is None
    assert Codec(KEY).decode(NAME, data) is None


anything: st.SearchStrategy[Any] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@settings(deadline=None)
@given(entries, anything, st.data())
def test_a_wrong_value_at_any_place_is_never_an_error(entry: Entry, other: Any, data: st.DataObject) -> None:
    document = json.loads(Codec(None).encode(NAME, entry))
    inside, at = data.draw(st.sampled_from([*places(document)]))
    inside[at] = other
    saved = Codec(None).decode(NAME, json.dumps(document).encode())
    assert saved is None or isinstance(saved.entry(1.0), Entry)


GRANT = Entry(Grant(Token("token-1", scope=("read",)), 990.0, 3600.0), 2000.0)
REFUSAL = Entry(RateLimited("wait", provider="ripple", status=429), 2000.0)


@pytest.mark.parametrize(
    ("entry", "path", "value"),
    [
        (GRANT, "version", 1),
        (GRANT, "name", "f0" * 32),
        (GRANT, "left", float("nan")),
        (GRANT, "left", float("inf")),
        (GRANT, "left", "1000"),
        (GRANT, "left", True),
        (GRANT, "left", 10**400),
        (GRANT, "moment", None),
        (GRANT, "grant/access_token", "token\r\nX-More: yes"),
        (GRANT, "grant/access_token", "token 1"),
        (GRANT, "grant/access_token", ""),
        (GRANT, "grant/access_token", 1),
        (GRANT, "grant/scope", [1]),
        (GRANT, "grant/expires_at", "tomorrow"),
        (GRANT, "grant/age", "10"),
        (GRANT, "grant/age", -1e9),
        (GRANT, "grant/lifetime", None),
        (GRANT, "grant/lifetime", 1e300),
        (GRANT, "grant", None),
        (REFUSAL, "error/class", "PaygrantError"),
        (REFUSAL, "error/class", "SystemExit"),
        (REFUSAL, "error/message", 1),
        (REFUSAL, "error/fields", {"__class__": "str"}),
        (REFUSAL, "error/fields", {"retryable": True}),
        (REFUSAL, "error/fields", {"status": "429"}),
        (REFUSAL, "error/fields", {"status": True}),
        (REFUSAL, "error/message", "wait\r\nWARNING:root: a forged line"),
        (REFUSAL, "error/fields", {"environment": "\x1b[31m"}),
        (REFUSAL, "error/fields", {"retry_after": float("nan")}),
        (REFUSAL, "error/fields", {"retry_after": float("inf")}),
        (REFUSAL, "error/fields", {"retry_after": -1}),
        (REFUSAL, "left", 1e300),
        (GRANT, "provider", "ripple\n"),
    ],
)
def test_a_document_with_one_wrong_value_is_ignored(entry: Entry, path: str, value: object) -> None:
    document = json.loads(Codec(None).encode(NAME, entry))
    *parents, last = path.split("/")
    inside = document
    for step in parents:
        inside = inside[step]
    assert Codec(None).decode(NAME, json.dumps(document).encode())
    inside[last] = value
    assert Codec(None).decode(NAME, json.dumps(document).encode()) is None


def test_every_error_keeps_all_its_fields() -> None:
    kinds = {each for each in vars(_errors).values() if inspect.isclass(each) and issubclass(each, TokenError)}
    assert set(base._ERRORS.values()) == kinds
    for kind in kinds:
        annotated = {name for each in kind.__mro__ for name in inspect.get_annotations(each)}
        assert {*vars(kind("")), *annotated} <= base._FIELDS.keys()


def test_encrypted_bytes_are_read_with_the_same_key_only() -> None:
    data = Codec(KEY).encode(NAME, GRANT)
    assert b"token-1" not in data
    assert b"grant" not in data
    for right in (KEY, KEY.decode(), lambda: KEY, KEY.decode):
        assert Codec(right).decode(NAME, data)
    assert Codec(OTHER_KEY).decode(NAME, data) is None
    assert Codec(None).decode(NAME, data) is None
    assert Codec(KEY).decode(NAME, Codec(None).encode(NAME, GRANT)) is None


def test_a_callable_is_called_for_the_key_each_time() -> None:
    keys = iter([KEY, KEY, OTHER_KEY])
    codec = Codec(lambda: next(keys))
    data = codec.encode(NAME, GRANT)
    assert codec.decode(NAME, data)
    assert codec.decode(NAME, data) is None


@pytest.mark.parametrize("key", ["", "short", b"\xff" * 44, 5, ["x"], b64encode(b"x" * 31)])
def test_a_bad_key_is_refused_without_showing_it(key: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^key: .*Fernet") as caught:
        FileStore("/nowhere", key=key)
    assert caught.value.argument == "key"
    assert "short" not in str(caught.value)


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> str:
        return "secret-of-straw"


def test_a_callable_for_the_key_must_be_hashable() -> None:
    with pytest.raises(ConfigurationError, match=r"^key: is of type Unhashable, which cannot be hashed"):
        Codec(Unhashable())


def _fail() -> str:
    raise RuntimeError("secret-of-straw")


@pytest.mark.parametrize("key", [_fail, lambda: "short"])
def test_a_callable_that_returns_no_key_is_refused_when_called(key: Callable[[], str]) -> None:
    codec = Codec(key)
    with pytest.raises(ConfigurationError, match=r"^key: ") as caught:
        codec.encode(NAME, GRANT)
    assert "straw" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


@pytest.mark.parametrize(
    ("module", "call", "extra"),
    [
        ("redis", "paygrant.RedisStore('redis://127.0.0.1')", "redis"),
        ("cryptography", "paygrant.FileStore('/nowhere', key='x')", "encryption"),
    ],
)
def test_a_missing_extra_is_named(module: str, call: str, extra: str) -> None:
    program = f"import sys; sys.modules[{module!r}] = None\nfrom paygrant import *\nimport paygrant\n{call}"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    last = ended.stderr.splitlines()[-1]
    assert last.startswith("ImportError: ")
    assert module in last
    assert f'pip install "paygrant[{extra}]"' in last


@pytest.mark.parametrize("status", [200, 401, 429])
def test_the_bytes_show_no_secret_of_the_client(
    server: Server, tmp_path: Any, status: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    basic = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
    echo = {"error": "invalid_client", "error_description": f"{CLIENT_ID} {CLIENT_SECRET} {basic}"}
    if status != 200:
        server.reply = Reply(echo, status)
    provider = Cryptofuse(client_id=CLIENT_ID, client_secret=CLIENT_SECRET, base_url=server.base_url)
    written: list[bytes] = []
    encode = Codec.encode

    def keep(codec: Codec, name: str, entry: Entry) -> bytes:
        written.append(encode(codec, name, entry) + name.encode())
        return written[-1][: -len(name)]

    monkeypatch.setattr(Codec, "encode", keep)
    source = TokenSource(provider, store=FileStore(tmp_path / "store"), policy=RefreshPolicy(deadline=0.5))
    if status == 200:
        source.get()
    else:
        with pytest.raises(TokenError):
            source.get()
    if status != 429:  # whether that is kept is for the cache to say
        assert written
    for data in written:
        for secret in (CLIENT_ID, CLIENT_SECRET, basic):
            assert secret.encode() not in data


def test_an_entry_knows_how_long_it_counts(clock: Clock) -> None:
    entry = Entry(TokenError("acme: refused"), clock() + 60)
    assert entry.seconds_left == 60
    clock.pass_by(61)
    assert entry.seconds_left == -1
