"""Whatever lies in a store counts as absent, or is right: it never fails a caller, and never gives a bad token."""

import json
import math
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from cryptography.fernet import Fernet
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis import Redis

from paygrant import (
    Cryptofuse,
    Entry,
    FileStore,
    MalformedResponse,
    RedisStore,
    Store,
    Token,
    TokenError,
    TokenSource,
    _clock,
)
from paygrant._providers.base import registration_of
from paygrant._request.credentials import Credentials
from paygrant._stores.codec import Codec
from paygrant._stores.file import folder_of
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.token import TOKEN_TEXT
from tests.helpers.documents import places
from tests.helpers.servers import Server

if TYPE_CHECKING:
    from tests.peers.fixtures import RedisServer

KEY = "0f" * 32
SECRET_KEY = Fernet.generate_key()

ODD: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(None, True, False, 0, -1, 1, 10**400, 1e308, -1e308, math.nan, math.inf, 2**63, 0.5, "", " ", "0", "\0"),
        *(
            "\r\nX-Evil: 1",
            "Bearer x\r\nX-Evil: 1",
            "\ud800",
            "é",
            "x" * 5000,
            "2026-11-28",
            "9999-12-31T23:59:59+00:00",
        ),
        *("0001-01-01T00:00:00+14:00", "{}", "[1]", "null", [], {}, [[]], {"a": {}}, ["read", 7], "InvalidClient"),
    ]
)
anything: st.SearchStrategy[Any] = st.recursive(
    ODD | st.integers() | st.floats() | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner, max_size=2),
    max_leaves=4,
)


def _grant() -> Entry:
    now = _clock.monotonic()
    token = Token("stored-token", scope=("read",), expires_at=datetime(2999, 1, 1, tzinfo=UTC), response={"user": 7})
    return Entry(Grant(token, now - 60, 3600.0), now + 3540, "cryptofuse", None)


def _refusal() -> Entry:
    error = TokenError("cryptofuse: refused", provider="cryptofuse", status=400)
    return Entry(error, _clock.monotonic() + 60)


@st.composite
def contents(draw: st.DrawFn, name: str) -> bytes:
    """Bytes in a store: of anything, of a damaged entry, or of an entry with other values or without some."""
    kind = draw(st.sampled_from(["binary", "json", "damaged", "changed", "changed", "changed"]))
    if kind == "binary":
        return draw(st.binary(max_size=60))
    if kind == "json":
        return json.dumps(draw(anything)).encode()
    whole = (_grant() if draw(st.booleans()) else _refusal()).to_bytes(name)
    if kind == "damaged":
        at, put = draw(st.integers(0, 9999)) % len(whole), draw(st.binary(max_size=3))
        return whole[:at] + put + whole[at + len(put) :]
    document: Any = json.loads(whole)
    for inside, at in draw(st.lists(st.sampled_from([*places(document)]), min_size=1, max_size=2)):
        if isinstance(inside, dict) and draw(st.integers(0, 4)) == 0:
            cast("Any", inside).pop(at, None)
        else:
            inside[at] = draw(anything)
    return json.dumps(document).encode()


def is_right(entry: Entry | None) -> None:
    """What a store gives can be used as it is."""
    if entry is None:
        return
    assert math.isfinite(entry.until)
    outcome = entry.outcome
    if isinstance(outcome, TokenError):
        assert isinstance(str(outcome), str)
        return
    token = outcome.token
    assert TOKEN_TEXT.fullmatch(token.access_token)
    assert token.authorization.isascii()
    assert token.authorization.isprintable()
    assert all(type(each) is str for each in token.scope)
    assert token.expires_at is None or token.expires_at.tzinfo is UTC
    assert math.isfinite(outcome.since)
    assert math.isfinite(outcome.lifetime)
    with suppress(MalformedResponse):  # it does not fit the model
        repr(token.response)
    repr(entry)


def _into_file(store: Any, name: str, data: bytes) -> None:
    store.save(KEY, _grant())  # makes the folder
    (folder_of(store) / f"{name}.token").write_bytes(data)


@pytest.fixture(params=["file", "file, encrypted", "redis", "redis, encrypted"])
def filled(
    request: pytest.FixtureRequest, tmp_path: Path
) -> Iterator[tuple[Store, str, Callable[[str, bytes], object]]]:
    """A store, the name of its entry, and what puts bytes there. With a key, the bytes are encrypted with it."""
    key = SECRET_KEY if "encrypted" in request.param else None
    codec = Codec(key)

    def sealed(data: bytes) -> bytes:
        return Fernet(key).encrypt(data) if key else data

    if "file" in request.param:
        files = FileStore(tmp_path / "store", key=key)
        yield files, codec.name(KEY), lambda name, data: _into_file(files, name, sealed(data))
        return
    server: RedisServer = request.getfixturevalue("redis_server")
    client: Any = cast("Any", Redis).from_url(server.url)
    with closing(client), closing(RedisStore(server.url, key=key, timeout=5)) as store:
        yield store, codec.name(KEY), lambda name, data: client.set(f"paygrant:{name}", sealed(data), px=3_539_000)


BOUNDED = settings(
    max_examples=120,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)


@BOUNDED
@given(data=st.data())
def test_an_entry_of_any_bytes_is_absent_or_right(
    filled: tuple[Store, str, Callable[[str, bytes], object]], data: st.DataObject
) -> None:
    store, name, put = filled
    put(name, data.draw(contents(name)))
    is_right(store.load(KEY))
    store.discard(KEY, Token("another-token"))
    store.discard(KEY, Token("stored-token"))


@BOUNDED
@given(data=st.data())
def test_the_bytes_of_an_entry_are_absent_or_right(data: st.DataObject) -> None:
    is_right(Entry.from_bytes(KEY, data.draw(contents(KEY))))


@settings(parent=BOUNDED, max_examples=40)
@given(data=st.data())
def test_a_source_gets_a_token_whatever_lies_in_its_store(data: st.DataObject, server: Server, tmp_path: Path) -> None:
    provider = Cryptofuse(client_id="c", client_secret="s", base_url=server.base_url)
    store = FileStore(tmp_path / "store")
    for kind in ("token", "error"):
        name = registration_of(provider).cache_key(Credentials("s"), kind)
        _into_file(store, name, data.draw(contents(name)))
    source = TokenSource(provider, store=store)
    text = ""
    try:
        is_right(Entry(Grant(source.get(), 0.0, 1.0), 1.0))
    except TokenError as error:
        text = str(error)
    source.close()
    for file in folder_of(store).glob("*.token"):
        file.unlink()
    assert "the renewal failed" not in text  # that is an exception that nobody expected
