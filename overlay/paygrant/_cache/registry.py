"""Which cache belongs to which arguments: sources with equal ones share a cache. A forked child gets new locks."""

import functools
import os
import weakref
from collections.abc import Callable
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from paygrant import _clock
from paygrant._cache.acquire import TokenAcquirer
from paygrant._cache.cache import Cache
from paygrant._cache.lock import BlockedError, BoundedLock
from paygrant._cache.workers import Task, end_idle_workers, forget_workers, run_on_worker
from paygrant._providers.base import Provider
from paygrant._request.credentials import forget_servers
from paygrant._request.transport import forget_connections
from paygrant._stores.base import Store
from paygrant._stores.memory import MemoryStore, clear_memory
from paygrant._telemetry import meter_of
from paygrant._tokens.policy import RefreshPolicy

if TYPE_CHECKING:
    import httpx

    from paygrant._request.registration import ClientRegistration

_caches: WeakValueDictionary[object, Cache] = WeakValueDictionary()
_store: dict[str, MemoryStore] = {}
_marks: dict[int, str] = {}
"""The marks of transports, by the object's id."""
_GUARD_WAITS = 5.0, 1.0
"""Seconds. A store's or a provider's own ``__eq__`` runs under the guard. After this time others do without it."""

_guard = BoundedLock(*_GUARD_WAITS)
"""Re-entrant, because a signal handler or a finalizer may make a source while this thread holds it."""


def cache_for(  # noqa: PLR0913, PLR0917 - a provider, what is known of it, and a source's arguments
    provider: Provider,
    registration: "ClientRegistration",
    store: Store | None,
    policy: RefreshPolicy,
    transport: "httpx.BaseTransport | None",
    transport_name: str | None,
) -> Cache:
    """The cache of these arguments. Sources with equal arguments share it, and so the token and the request for it.

    Without a store, sources share one of this process. So they do if no store outside the process may keep the token.
    """
    may_persist = registration.may_persist
    shared = store if store is not None and (may_persist or isinstance(store, MemoryStore)) else _shared_store()
    mark = transport_mark(transport, transport_name)
    key = (provider, shared, policy, mark)
    cache = None
    try:
        with _guard:
            cache = _caches.get(key)
        if cache is None:
            cache = _new_cache(provider, registration, shared, policy, transport, mark)
            with _guard:
                cache = _caches.setdefault(key, cache)
    except BlockedError:  # then this source shares its token with no other
        cache = cache or _new_cache(provider, registration, shared, policy, transport, mark)
    cache.open()
    return cache


def _shared_store() -> MemoryStore:
    """The store of sources without one of their own."""
    return _store.setdefault("store", MemoryStore())


def transport_mark(transport: "httpx.BaseTransport | None", name: str | None) -> str:
    """What distinguishes the tokens that this transport brings: its name, or else the very object.

    A transport may add a client certificate, which shapes the token.
    """
    if transport is None or name is not None:
        return _mark_of(name) if name else ""
    known = _marks.get(id(transport))
    if known:
        return known
    from secrets import token_hex

    mark = _marks[id(transport)] = token_hex()
    try:
        weakref.finalize(transport, _marks.pop, id(transport), None).atexit = False
    except TypeError:  # no weak references to it: then each source has tokens of its own
        del _marks[id(transport)]
    return mark


@functools.lru_cache(maxsize=256)
def _mark_of(name: str) -> str:
    """The mark of a transport with a name. Caches share it."""
    return f"transport {name}"


def _new_cache(  # noqa: PLR0913, PLR0917 - a provider, what is known of it, and a source's arguments
    provider: Provider,
    registration: "ClientRegistration",
    store: Store,
    policy: RefreshPolicy,
    transport: "httpx.BaseTransport | None",
    mark: str,
) -> Cache:
    meter = meter_of(registration.name, registration.environment)
    start = _starter(urlsplit(registration.token_url).netloc)
    acquirer = TokenAcquirer(provider, store, policy, transport, meter, mark, start)
    if registration.endpoint.token_use.single_use:
        from paygrant._cache.single_use import SingleUseCache  # few APIs want it

        return SingleUseCache(acquirer, policy, meter, start)
    return Cache(acquirer, policy, meter, start)


@functools.lru_cache(maxsize=256)
def _starter(host: str) -> Callable[[Task], None]:
    """What runs a renewal on a worker of this token host. Caches share it."""
    return functools.partial(run_on_worker, host)


def forget_all() -> None:
    """Return the whole process to the state before the first token, as a test does.

    In a store outside the process, this removes only the tokens that were at hand.
    """
    caches = tuple(_caches.values())
    for cache in caches:  # all renewals stop first, so that each ends while another is awaited
        cache.stop_renewal()
    for cache in caches:
        cache.forget()
    clear_memory()
    forget_servers()
    end_idle_workers()
    _clock.end_idle_timers()


def _after_fork() -> None:
    """In a forked child, keep the tokens and make new locks: the parent's threads do not exist there."""
    global _guard  # noqa: PLW0603 - another thread may have held it
    _guard = BoundedLock(*_GUARD_WAITS)
    _clock.forget_timers()
    forget_workers()
    forget_connections()
    for cache in tuple(_caches.values()):
        cache.renew_locks()


if hasattr(os, "register_at_fork"):  # there are no forks on Windows
    os.register_at_fork(after_in_child=_after_fork)
