"""``paygrant cache``: what the processes of this user keep, by fingerprints; and how to forget it."""

import json
import math
import os
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paygrant import FileStore, RefreshPolicy, _clock
from paygrant._life import Grant
from paygrant._secrets import fingerprint
from paygrant.cli import _console
from paygrant.cli._options import names

if TYPE_CHECKING:
    from datetime import datetime

    from paygrant._provider import Provider
    from paygrant._stores import Entry

_KEY_VARIABLE = "PAYGRANT_CACHE_KEY"
"""Gives the key that encrypts the cache, where one does: a Fernet key."""

_KEY_SHOWN = 8
"""Characters of a key that are shown. Keys are hashes, so few tell them apart."""

_HEADINGS = ("key", "provider", "environment", "kept", "state", "ends")

app = typer.Typer(
    help=f"The tokens that this user's processes share. They are encrypted where {_KEY_VARIABLE} is set: a Fernet key.",
    epilog="Example: paygrant cache list",
)


def store() -> FileStore:
    """The store that all commands use: the user's cache folder, as ``FileStore()`` has it.

    Raises:
        ConfigurationError: The key is none.
    """
    return FileStore(key=os.environ.get(_KEY_VARIABLE) or None)


def remembered(store: FileStore, provider: "Provider") -> int:
    """For how many seconds the error for this provider is kept, and told without a request."""
    try:
        entry = store.load(provider.cache_key(provider.secret(), "error"))
    except OSError:
        return 0
    return math.ceil(entry.until - _clock.monotonic()) if entry else 0


def _begun(incomplete: str) -> list[str]:
    """The providers whose names begin so, for a shell that completes."""
    return [name for name in names() if name.startswith(incomplete)]


@app.command("list", epilog="Example: paygrant cache list --json")
def show(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show what is kept: fingerprints, never a token."""
    found = [_told(*each) for each in store()._entries()]
    if as_json:
        _console.result(json.dumps(found))
        return
    if not found:
        _console.note("nothing is kept")
        return
    from rich.table import Table  # noqa: PLC0415 - loaded late: `paygrant token` draws nothing

    table = Table(*_HEADINGS, box=None, pad_edge=False)
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
    if not what:
        kept._clear()
        return
    entries = [(key, _told(key, entry, end)) for key, entry, end in kept._entries()]
    for wanted in what:
        keys = {
            key
            for key, told in entries
            if wanted.replace("-", "_") in (told["key"], told["provider"], told["fingerprint"])
        }
        if not keys:
            _console.note(f"nothing is kept for {wanted}")
        kept._clear(keys)


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
