"""The check of the cache: what a store holds for these credentials. It reads the store and never writes to it."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from paygrant import _clock
from paygrant._secrets import fingerprint
from paygrant._stores.file import FileStore, folder_of, lock_file
from paygrant._tokens.lifecycle import Grant, State
from paygrant.doctor._finding import Finding, ok, span, warning

if TYPE_CHECKING:
    from paygrant._stores.base import Store
    from paygrant.doctor._context import Context


def cache(context: "Context") -> Iterator[Finding]:
    """The store works; and what it holds."""
    store = context.store
    if store is None:
        yield ok("no store: each process keeps its token in memory")
        return
    try:
        found = context.within(lambda: list(_contents(context, store)))
    except Exception as error:  # noqa: BLE001 - a store may raise anything
        # An OSError names the folder. Other errors may contain a URL with a password.
        fault = str(error) if isinstance(error, OSError) else type(error).__name__
        advice = "Until the store works, each process requests its own tokens."
        if isinstance(store, FileStore):
            advice = (
                f"Use a folder that only this user can access (chmod 700; XDG_CACHE_HOME sets the default). {advice}"
            )
        yield warning(f"{store!r} fails: {fault}", advice)
        return
    yield from found or [ok(f"{store!r} has no entry for these credentials")]


def _contents(context: "Context", store: "Store") -> Iterator[Finding]:
    """The token, the remembered error, and whether another process holds the lock."""
    if isinstance(store, FileStore) and not folder_of(store).exists():  # reading would create it
        _check_place(folder_of(store))
        return
    credentials, now = context.registration.credentials(), _clock.monotonic()
    key = context.registration.cache_key(credentials)
    entry = store.load(key)
    if entry and isinstance(entry.outcome, Grant):
        life = entry.outcome.life(context.policy, 0.0)
        state = life.state(now, failing=False)
        until = {
            State.FRESH: f"renewal due in {span(life.due - now)}",
            State.DUE: f"expires in {span(life.expires - now)}",
        }
        described = ", ".join(filter(None, [state.name.lower(), until.get(state), f"ends in {span(life.ends - now)}"]))
        yield ok(f"token {fingerprint(entry.outcome.token.access_token)}, {described}; {store!r}")
    entry = store.load(context.registration.cache_key(credentials, "error"))
    if entry and not isinstance(entry.outcome, Grant) and now < entry.until:
        yield warning(
            f"an error is remembered for another {span(entry.until - now)}: {context.reader().redact(str(entry.outcome))}",
            "Until then, callers get this error without a request. To forget it, run: paygrant cache clear",
        )
    if isinstance(store, FileStore) and _is_held(store, key):
        yield warning("another process holds the lock", "It is requesting a token, and callers wait for it.")


def _check_place(folder: Path) -> None:
    """Check whether a folder could be created.

    Raises:
        OSError: A file is in its place or above it, or the place is not writable.
    """
    nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not nearest.is_dir():
        raise NotADirectoryError(f"{nearest} is not a folder")
    if not os.access(nearest, os.W_OK):
        raise PermissionError(f"{nearest} is not writable")


def _is_held(store: FileStore, key: str) -> bool:
    """Whether a process holds the lock. If none does, this takes the lock for a moment."""
    if not lock_file(store, key).exists():
        return False
    try:
        with store.lock(key, 0):
            return False
    except TimeoutError:
        return True
