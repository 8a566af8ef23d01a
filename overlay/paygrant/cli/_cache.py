"""``paygrant cache``: shows the tokens that this user's processes share, by fingerprints, and removes them."""

import json
import os
from typing import TYPE_CHECKING, Any

import click

from paygrant import RefreshPolicy, TokenError, _clock
from paygrant._providers.registry import names
from paygrant._secrets import fingerprint
from paygrant._stores.file import clear_entries, folder_of, stored_entries
from paygrant.cli import _console, _options
from paygrant.cli._store import KEY_VARIABLE, store

if TYPE_CHECKING:
    from paygrant._stores.file import StoredEntry

_KEY_SHOWN = 8
"""Characters of a key that are shown. Keys are hashes, so these are enough to distinguish them."""

_HEADINGS = ("key", "provider", "environment", "kept", "state", "ends")


def build() -> click.Command:
    """The command."""
    about = f"The tokens that this user's processes share. {KEY_VARIABLE}, a Fernet key, encrypts them."
    return _options.LazyGroup(
        "cache", {"list": _list_command, "clear": _clear_command}, about=about, example="paygrant cache list"
    )


def _list_command() -> click.Command:
    return _options.Command(
        "list",
        _list,
        about="Show what is kept: fingerprints, never a token.",
        example="paygrant cache list --json",
        params=[_options.json_option()],
    )


def _clear_command() -> click.Command:
    return _options.Command(
        "clear",
        _clear,
        about=(
            "Remove tokens and remembered errors. WHAT is the name of a provider, or a key or fingerprint that "
            '"paygrant cache list" shows. By default, everything is removed.'
        ),
        example="paygrant cache clear ripple",
        params=[click.Argument(["what"], nargs=-1, shell_complete=_begun)],
    )


def _begun(_context: click.Context, _parameter: click.Parameter, incomplete: str) -> list[str]:
    """The providers whose names begin like this, for completion in a shell."""
    return [name for name in names() if name.startswith(incomplete)]


def _list(*, as_json: bool) -> None:
    kept = store(os.environ)
    found = [_shown(each) for each in stored_entries(kept)]
    if as_json:
        _console.result(json.dumps(found))
    elif found:
        _console.result(_console.table([_HEADINGS, *([each[name] or "-" for name in _HEADINGS] for each in found)]))
    else:
        _console.note(f"nothing is kept in {folder_of(kept)}")


def _clear(what: tuple[str, ...]) -> None:
    kept = store(os.environ)
    entries = {each.key: _shown(each) for each in stored_entries(kept)}
    marks = {key: {shown["key"], shown["provider"], shown["fingerprint"]} - {None} for key, shown in entries.items()}
    wanted = {each.replace("-", "_").lower() for each in what}
    if wanted - set(names()).union(*marks.values()):  # not repeated: it may be a secret
        there = ", ".join(sorted({shown["provider"] or shown["key"] for shown in entries.values()}))
        expected = f"expected one of {there}" if there else "nothing is kept"
        raise click.BadParameter(f"no entry has this name; {expected}", param_hint="WHAT")
    keys = {key for key, each in marks.items() if not wanted or each & wanted}
    clear_entries(kept, keys if wanted else None)
    _console.note(f"{len(keys)} {'entry' if len(keys) == 1 else 'entries'} removed")


def _shown(stored: "StoredEntry") -> dict[str, Any]:
    """What an entry holds, without what is secret. An entry that cannot be read shows its key and its end only."""
    shown: dict[str, Any] = {
        "key": stored.key[:_KEY_SHOWN],
        "provider": None,
        "environment": None,
        "kept": None,
        "fingerprint": None,
        "state": "unreadable",
        "ends": stored.expires.isoformat(timespec="seconds"),
    }
    entry = stored.entry
    if entry is None:
        return shown
    outcome = entry.outcome
    if isinstance(outcome, TokenError):
        return shown | {
            "provider": outcome.provider,
            "environment": outcome.environment,
            "kept": "error",
            "state": type(outcome).__name__,
        }
    mark = fingerprint(outcome.token.access_token)
    state = outcome.life(RefreshPolicy(), 0.0).state(_clock.monotonic(), failing=False)
    return shown | {
        "provider": entry.provider,
        "environment": entry.environment,
        "kept": f"token {mark}",
        "fingerprint": mark,
        "state": state.name.lower(),
    }
