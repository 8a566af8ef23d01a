"""The contract of stores runs on each of ours. Stores that break it show that each of its tests can fail."""

import json
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from paygrant import Entry, FileStore, InvalidClient, MemoryStore, RedisStore, Store, Token
from paygrant.store_contract import StoreContract
from tests.peers.fixtures import RedisServer

KEY = Fernet.generate_key()


class TestMemoryStore(StoreContract):
    @pytest.fixture
    def store(self) -> MemoryStore:
        return MemoryStore()


class TestFileStore(StoreContract):
    @pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> FileStore:
        return FileStore(tmp_path / "store", key=request.param)


class TestRedisStore(StoreContract):
    @pytest.fixture(params=[None, KEY], ids=["plain", "encrypted"])
    def store(self, request: pytest.FixtureRequest, redis_server: RedisServer) -> Iterator[RedisStore]:
        store = RedisStore(redis_server.url, key=request.param)
        yield store
        store.close()


class OwnStore:
    """A store as a user may write one: it keeps the bytes of entries in a dictionary."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.locks: dict[str, threading.Lock] = {}

    def load(self, key: str) -> Entry | None:
        data = self.kept.get(key)
        return Entry.from_bytes(key, data) if data else None

    def save(self, key: str, entry: Entry) -> None:
        self.kept[key] = entry.to_bytes(key)

    def discard(self, key: str, token: Token) -> None:
        entry = self.load(key)
        if entry and entry.holds(token):
            del self.kept[key]

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        with self.locks.setdefault(key, threading.Lock()):
            yield


class TestOwnStore(StoreContract):
    @pytest.fixture
    def store(self) -> OwnStore:
        return OwnStore()


class Forgetful(OwnStore):
    def save(self, key: str, entry: Entry) -> None:
        """Keep nothing."""


class Stubborn(OwnStore):
    def save(self, key: str, entry: Entry) -> None:
        self.kept.setdefault(key, entry.to_bytes(key))


class Careless(OwnStore):
    def discard(self, key: str, token: Token) -> None:
        del self.kept[key]


class Hoarding(OwnStore):
    def discard(self, key: str, token: Token) -> None:
        """Keep everything."""


class OneForAll(OwnStore):
    def load(self, key: str) -> Entry | None:
        return next((Entry.from_bytes(json.loads(data)["name"], data) for data in self.kept.values()), None)


class Immortal(OwnStore):
    def load(self, key: str) -> Entry | None:
        data = self.kept.get(key)
        if not data:
            return None
        document: dict[str, Any] = json.loads(data)
        return Entry.from_bytes(key, json.dumps(document | {"left": 3600}).encode())


class Ageless(OwnStore):
    def load(self, key: str) -> Entry | None:
        data = self.kept.get(key)
        if not data:
            return None
        document: dict[str, Any] = json.loads(data)
        document.get("grant", {})["age"] = 0
        return Entry.from_bytes(key, json.dumps(document).encode())


class Unlocked(OwnStore):
    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        yield


class OneLock(OwnStore):
    def __init__(self) -> None:
        super().__init__()
        self.only = threading.RLock()

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        with self.only:
            yield


class Leaking(OwnStore):
    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        lock = self.locks.setdefault(key, threading.Lock())
        lock.acquire()
        yield
        lock.release()


class Swallowing(OwnStore):
    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        with self.locks.setdefault(key, threading.Lock()), suppress(ZeroDivisionError):
            yield


class Half:
    def load(self, key: str) -> Entry | None: ...


@pytest.mark.parametrize(
    ("broken", "test"),
    [
        (Half, "test_is_a_store"),
        (OneForAll, "test_keys_are_separate"),
        (Forgetful, "test_keeps_a_token"),
        (Ageless, "test_keeps_a_token"),
        (Forgetful, "test_keeps_an_error"),
        (Stubborn, "test_the_last_entry_counts"),
        (Immortal, "test_an_ended_entry_does_not_count"),
        (Hoarding, "test_discards_this_very_token"),
        (Careless, "test_keeps_another_token"),
        (Careless, "test_discards_nothing_where_nothing_is"),
        (Unlocked, "test_one_holder_at_a_time"),
        (OneLock, "test_locks_of_keys_are_separate"),
        (Leaking, "test_a_lock_is_given_back_after_an_error"),
        (Swallowing, "test_a_lock_is_given_back_after_an_error"),
        (Forgetful, "test_a_lock_holder_can_use_the_store"),
    ],
)
def test_each_test_of_the_contract_finds_a_store_that_breaks_it(
    broken: type[Any], test: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("paygrant.store_contract._PATIENCE", 0.5)
    with pytest.raises((AssertionError, KeyError, pytest.fail.Exception)):
        getattr(StoreContract(), test)(broken())


def test_a_key_without_an_entry_must_be_found_empty() -> None:
    store = OneForAll()
    StoreContract().test_knows_nothing_of_an_unknown_key(store)
    store.save("other", Entry(InvalidClient("acme: refused"), 1e9))
    with pytest.raises(AssertionError):
        StoreContract().test_knows_nothing_of_an_unknown_key(store)


def test_our_stores_have_the_type_of_the_protocol(tmp_path: Path) -> None:
    stores: list[Store] = [MemoryStore(), FileStore(tmp_path), OwnStore()]
    assert all(isinstance(each, Store) for each in stores)
