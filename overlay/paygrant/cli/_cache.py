"""``paygrant cache``: what the processes of this user keep, by fingerprints; and how to forget it."""

import json
import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paygrant import ConfigurationError, FileStore, RefreshPolicy, _clock
from paygrant._providers.base import registration_of
from paygrant._secrets import fingerprint
from paygrant._tokens.lifecycle import Grant
from paygrant.cli import _console
from paygrant.cli._options import Group, names

if TYPE_CHECKING:
    from datetime import datetime

    from paygrant._providers.base import Provider
    from paygrant._stores.base import Entry

_KEY_VARIABLE = "PAYGRANT_CACHE_KEY"
"""Gives the key that encrypts the cache, where one does: a Fernet key."""

_KEY_SHOWN = 8
"""Characters of a key that are shown. Keys are hashes, so few tell them apart."""

_HEADINGS = ("key", "provider", "environment", "kept", "state", "ends")

app = typer.Typer(
    cls=Group,
    help=f"The tokens that this user's processes share. They are encrypted where {_KEY_VARIABLE} is set: a Fernet key.",
    epilog="Example: paygrant cache list",
)


def store(variables: Mapping[str, str] = os.environ) -> FileStore:
    """The store that all commands use: the user's cache folder, as ``FileStore()`` has it.

    Raises:
        ConfigurationError: The key is none.
    """
    try:
        return FileStore(key=variables.get(_KEY_VARIABLE) or None)
    except ConfigurationError as error:
        argument, fault = _KEY_VARIABLE, str(error).partition(": ")[2].partition("; ")[0]
    raise ConfigurationError(f"{argument}: {fault}; allowed is a Fernet key: 32 bytes in Base64", argument=argument)


def usable(variables: Mapping[str, str]) -> FileStore | None:
    """The store, if it can be used; what keeps it from that is told."""
    kept = store(variables)
    try:
        kept._ready()
    except OSError as error:
        _console.note(f"{_console.words(error)}; no token is kept")
        return None
    return kept


def remembered(store: FileStore, provider: "Provider") -> int:
    """For how many seconds the error for this provider is kept, and told without a request."""
    try:
        entry = store.load(registration_of(provider).cache_key(registration_of(provider).secret(), "error"))
    except OSError:
        return 0
    return math.ceil(entry.until - _clock.monotonic()) if entry else 0


def _begun(incomplete: str) -> list[str]:
    """The providers whose names begin so, for a shell that completes."""
    return [name for name in names() if name.startswith(incomplete)]


@app.command("list", epilog="Example: paygrant cache list --json")
def show(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what is kept: fingerprints, never a token."""
    kept = store()
    found = [_told(*each) for each in kept._entries()]
    if as_json:
        _console.result(json.dumps(found))
        return
    if not found:
        _console.note(f"nothing is kept in {kept._folder}")
        return
    from rich.table import Table

    table = Table(box=None, pad_edge=False)
    for heading in _HEADINGS:
        table.add_column(heading, overflow="fold")
    for each in found:
        table.add_row(*(each[heading] or "-" for heading in _HEADINGS))
    _console.draw(table)


@app.command(epilog="Example: paygrant cache clear ripple")
def clear(
    what: Annotated[
        list[str] | None,
        typer.Argument(
            help="Providers, and keys or fingerprints as the list shows them; everything otherwise.",
            autocompletion=_begun,
        ),
    ] = None,
) -> None:
    """Forget tokens, and refusals that are remembered."""
    kept = store()
    entries = [(key, _told(key, entry, end)) for key, entry, end in kept._entries()]
    marks = {key: {told["key"], told["provider"], told["fingerprint"]} - {None} for key, told in entries}
    wanted = {each.replace("-", "_").lower() for each in what or ()}
    if wanted - set(names()).union(*marks.values()):  # not repeated: it may be a secret
        there = ", ".join(sorted({told["provider"] or told["key"] for _, told in entries})) or "nothing"
        raise typer.BadParameter(f"no entry goes by that name; kept is {there}", param_hint="WHAT")
    keys = {key for key, each in marks.items() if not wanted or each & wanted}
    kept._clear(keys if wanted else None)
    _console.note(f"{len(keys)} {'entry' if len(keys) == 1 else 'entries'} cleared")


def _told(key: str, entry: "Entry | None", end: "datetime") -> dict[str, Any]:
    """What an entry says, without what is secret. The state of one that cannot be read is not known."""
    told: dict[str, Any] = {
        "key": key[:_KEY_SHOWN],
        "provider": None,
        "environment": None,
        "kept": None,
        "fingerprint": None,
        "state": "unreadable",
        "ends": end.isoformat(timespec="seconds"),
    }
    if entry is None:
        return told
    outcome = entry.outcome
    if isinstance(outcome, Grant):
        mark = fingerprint(outcome.token.access_token)
        state = outcome.life(RefreshPolicy(), 0.0).state(_clock.monotonic(), failing=False)
        return told | {
            "provider": entry.provider,
            "environment": entry.environment,
            "kept": f"token {mark}",
            "fingerprint": mark,
            "state": state.name.lower(),
        }
    return told | {
        "provider": outcome.provider,
        "environment": outcome.environment,
        "kept": "error",
        "state": type(outcome).__name__,
    }
