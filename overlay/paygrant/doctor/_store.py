"""The last check: what a store holds for these credentials. It is read, never written, and a refusal is not obeyed."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from paygrant import _clock
from paygrant._secrets import fingerprint
from paygrant._stores.file import FileStore
from paygrant._tokens.lifecycle import Grant, State
from paygrant.doctor._finding import Finding, ok, span, warning

if TYPE_CHECKING:
    from paygrant._stores.base import Store
    from paygrant.doctor._case import Case


def cache(case: "Case") -> Iterator[Finding]:
    """A store that works, and what is in it."""
    store = case.store
    if store is None:
        yield ok("no store: each process keeps its token in memory")
        return
    try:
        found = list(_contents(case, store))
    except Exception as error:  # noqa: BLE001 - a store may raise anything
        # An OSError names the folder; another error may hold an address with a password in it.
        fault = str(error) if isinstance(error, OSError) else type(error).__name__
        yield warning(
            f"{store!r} fails: {fault}", f"{_cure(store)}Until it works, each process asks for tokens of its own."
        )
        return
    yield from found or [ok(f"nothing for these credentials in {store!r}")]


def _contents(case: "Case", store: "Store") -> Iterator[Finding]:
    """What is known under the two keys, and whether somebody is about to change it."""
    if isinstance(store, FileStore) and not store._folder.exists():  # to look into it would make it
        _check_place(store._folder)
        return
    secret, now = case.secret, _clock.monotonic()
    key = case.registration.cache_key(secret)
    entry = store.load(key)
    if entry and isinstance(entry.outcome, Grant):
        life = entry.outcome.life(case.policy, 0.0)
        state = life.state(now, failing=False)
        until = {State.FRESH: f"due in {span(life.due - now)}", State.DUE: f"expires in {span(life.expires - now)}"}
        told = ", ".join(filter(None, [state.name.lower(), until.get(state), f"ends in {span(life.ends - now)}"]))
        yield ok(f"token {fingerprint(entry.outcome.token.access_token)}, {told}; {store!r}")
    entry = store.load(case.registration.cache_key(secret, "error"))
    if entry and not isinstance(entry.outcome, Grant) and now < entry.until:
        yield warning(
            f"a failure is remembered for another {span(entry.until - now)}: {case.judge().redact(str(entry.outcome))}",
            "Until then callers get it without a request. To forget it: paygrant cache clear",
        )
    if isinstance(store, FileStore) and _is_held(store, key):
        yield warning("another process holds the lock", "It is asking for a token; callers wait for it.")


def _cure(store: "Store") -> str:
    """What helps a store of files."""
    return "Give it a folder of this user alone (chmod 700; XDG_CACHE_HOME says where). " * isinstance(store, FileStore)


def _check_place(folder: Path) -> None:
    """Whether a folder that is not there could be made.

    Raises:
        OSError: Something is in its place, or above it; or its place cannot be written to.
    """
    nearest = next(each for each in (folder, *folder.parents) if os.path.lexists(each))
    if not nearest.is_dir():
        raise NotADirectoryError(f"{nearest} is no folder")
    if not os.access(nearest, os.W_OK):
        raise PermissionError(f"{nearest} cannot be written to")


def _is_held(store: FileStore, key: str) -> bool:
    """Whether a process has the right to ask. Where it has not, nobody else is kept from it but for a moment."""
    if not (store._folder / f"{key}.lock").exists():
        return False
    try:
        with store.lock(key, 0):
            return False
    except TimeoutError:
        return True
