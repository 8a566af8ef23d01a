"""The tests that every store must pass, to run with pytest on a store of your own.

    import pytest
    from paygrant.store_contract import StoreContract

    class TestMyStore(StoreContract):
        @pytest.fixture
        def store(self):
            return MyStore(...)

A store that several processes share should also be checked from two processes; these tests use one.
"""

import threading
from collections.abc import Callable
from uuid import uuid4

import pytest

from paygrant import Entry, InvalidClient, RateLimited, Store, Token
from paygrant._clock import monotonic
from paygrant._tokens.lifecycle import Grant

__all__ = ["StoreContract"]

_PATIENCE = 10.0
"""Seconds. A free lock must be acquired within this time."""


class StoreContract:
    """What every store must do. A subclass gives it a fixture ``store``."""

    def test_is_a_store(self, store: Store) -> None:
        """The store has all methods of the protocol."""
        assert isinstance(store, Store)

    def test_knows_nothing_of_an_unknown_key(self, store: Store) -> None:
        """A key under which nothing was saved has no entry."""
        assert store.load(_key()) is None

    def test_keeps_a_token(self, store: Store) -> None:
        """A saved token comes back with everything that decides its life."""
        key, saved = _key(), _entry("token-1")
        store.save(key, saved)
        loaded = store.load(key)
        assert loaded is not None
        assert loaded.holds(_token("token-1"))
        assert isinstance(loaded.outcome, Grant)
        assert isinstance(saved.outcome, Grant)
        assert loaded.outcome.token == saved.outcome.token
        assert loaded.outcome.lifetime == saved.outcome.lifetime
        assert abs(loaded.outcome.since - saved.outcome.since) < 1
        assert abs(loaded.until - saved.until) < 1

    def test_keeps_the_response(self, store: Store) -> None:
        """The provider's whole response comes back with the token."""
        key, response = _key(), {"access_token": "token-1", "user": {"id": 7, "names": ["Zoë", None]}}
        store.save(key, Entry(Grant(Token("token-1", response=response), monotonic(), 3600.0), monotonic() + 3600))
        loaded = store.load(key)
        assert loaded is not None
        assert isinstance(loaded.outcome, Grant)
        assert loaded.outcome.token.response == response

    def test_keeps_an_error(self, store: Store) -> None:
        """A saved error comes back with its class, its text and its fields."""
        key = _key()
        error = InvalidClient("acme: credentials refused", provider="acme", environment="test", status=401)
        error.error, error.error_description = "invalid_client", "unknown client"
        store.save(key, Entry(error, monotonic() + 60))
        loaded = store.load(key)
        assert loaded is not None
        assert type(loaded.outcome) is InvalidClient
        assert (str(loaded.outcome), vars(loaded.outcome)) == (str(error), vars(error))

    def test_the_last_entry_counts(self, store: Store) -> None:
        """A new entry replaces the old one, of any kind."""
        key = _key()
        store.save(key, Entry(RateLimited("acme: too many requests"), monotonic() + 60))
        store.save(key, _entry("token-1"))
        store.save(key, _entry("token-2"))
        assert _holds(store, key, "token-2")

    def test_keys_are_separate(self, store: Store) -> None:
        """An entry is found under its own key only."""
        one, other = _key(), _key()
        store.save(one, _entry("token-1"))
        store.save(other, _entry("token-2"))
        assert _holds(store, one, "token-1")
        assert _holds(store, other, "token-2")

    def test_an_ended_entry_does_not_count(self, store: Store) -> None:
        """An entry that has ended is gone, or shows by ``until`` that it has ended."""
        key = _key()
        store.save(key, _entry("token-1", left=-1))
        loaded = store.load(key)
        assert loaded is None or loaded.until <= monotonic()

    def test_discards_this_very_token(self, store: Store) -> None:
        """A token can be removed."""
        key = _key()
        store.save(key, _entry("token-1"))
        store.discard(key, _token("token-1"))
        assert store.load(key) is None

    def test_keeps_another_token(self, store: Store) -> None:
        """A newer token stays when an old one is discarded."""
        key = _key()
        store.save(key, _entry("token-2"))
        store.discard(key, _token("token-1"))
        assert _holds(store, key, "token-2")

    def test_discards_nothing_where_nothing_is(self, store: Store) -> None:
        """To discard under an unknown key is not an error."""
        store.discard(_key(), _token("token-1"))

    def test_one_holder_at_a_time(self, store: Store) -> None:
        """While one thread holds the lock of a key, no other gets it; afterwards the other does."""
        key, inside, order = _key(), threading.Event(), list[str]()

        def wait() -> None:
            inside.set()
            with store.lock(key, _PATIENCE):
                order.append("second")

        thread = threading.Thread(target=wait, daemon=True)
        with store.lock(key, _PATIENCE):
            thread.start()
            assert inside.wait(_PATIENCE)
            thread.join(0.2)
            order.append("first")
        thread.join(_PATIENCE)
        assert order == ["first", "second"]

    def test_locks_of_keys_are_separate(self, store: Store) -> None:
        """The lock of one key does not delay another key."""

        def enter() -> None:
            with store.lock(_key(), _PATIENCE):
                pass

        with store.lock(_key(), _PATIENCE):
            assert _ends(enter)

    def test_a_lock_is_given_back_after_an_error(self, store: Store) -> None:
        """An error inside the lock releases it, and is not swallowed."""
        key = _key()

        def enter() -> None:
            with store.lock(key, _PATIENCE):
                pass

        with pytest.raises(ZeroDivisionError), store.lock(key, _PATIENCE):
            raise ZeroDivisionError
        assert _ends(enter)

    def test_a_lock_holder_can_use_the_store(self, store: Store) -> None:
        """The holder of a lock loads and saves under the same key."""
        key = _key()
        with store.lock(key, _PATIENCE):
            assert store.load(key) is None
            store.save(key, _entry("token-1"))
            assert _holds(store, key, "token-1")


def _key() -> str:
    return uuid4().hex * 2  # as long as a real one


def _token(text: str) -> Token:
    return Token(text, scope=("read", "write"))


def _entry(token: str, left: float = 60) -> Entry:
    now = monotonic()
    return Entry(Grant(_token(token), since=now + left - 3600, lifetime=3600.0), now + left, "acme", "test")


def _holds(store: Store, key: str, token: str) -> bool:
    entry = store.load(key)
    return entry is not None and entry.holds(_token(token))


def _ends(action: Callable[[], None]) -> bool:
    thread = threading.Thread(target=action, daemon=True)
    thread.start()
    thread.join(_PATIENCE)
    return not thread.is_alive()
