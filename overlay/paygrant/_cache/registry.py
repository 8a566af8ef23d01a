"""Which cache belongs to which arguments: sources with equal ones share a cache. A forked child gets new locks."""

import os
import threading
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary, WeakValueDictionary

from paygrant._cache.acquire import TokenAcquirer
from paygrant._cache.cache import Cache
from paygrant._providers.base import Provider, registration_of
from paygrant._stores.base import Store
from paygrant._stores.memory import MemoryStore, clear_memory
from paygrant._telemetry import meter_of
from paygrant._tokens.policy import RefreshPolicy

if TYPE_CHECKING:
    import httpx

_caches: WeakValueDictionary[object, Cache] = WeakValueDictionary()
_stores: WeakKeyDictionary[object, MemoryStore] = WeakKeyDictionary()
_guard = threading.Lock()


def cache_for(
    provider: Provider, store: Store | None, policy: RefreshPolicy, transport: "httpx.BaseTransport | None"
) -> Cache:
    """The cache of these arguments. Sources with equal arguments share it, and so the token and the request for it.

    Without a store, sources share one of this process. Sources with the same transport share one, too.
    """
    with _guard:
        if store is None:
            store = _stores.setdefault(transport or Cache, MemoryStore())
        cache = _caches.setdefault((provider, store, policy, transport), _new_cache(provider, store, policy, transport))
        cache.open()
        return cache


def _new_cache(
    provider: Provider, store: Store, policy: RefreshPolicy, transport: "httpx.BaseTransport | None"
) -> Cache:
    registration = registration_of(provider)
    _ = registration.response_model  # imported now: a forked child could not finish an import that its parent began
    meter = meter_of(registration.name, registration.environment)
    return Cache(TokenAcquirer(registration, store, policy, transport, meter), policy, meter)


def forget_all() -> None:
    """Return the whole process to the state before the first token, as a test does.

    In a store outside the process, this removes only the tokens that this process held.
    """
    for cache in tuple(_caches.values()):
        cache.forget()
    clear_memory()


def _after_fork() -> None:
    """In a forked child, keep the tokens and make new locks: the parent's threads do not exist there."""
    global _guard  # noqa: PLW0603 - another thread may have held it
    _guard = threading.Lock()
    for cache in tuple(_caches.values()):
        cache.renew_locks()


os.register_at_fork(after_in_child=_after_fork)
