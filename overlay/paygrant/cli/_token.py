"""``paygrant token``: the bare token, for a shell script; and what asks for one, for other commands."""

import json
import shlex
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from paygrant import MalformedResponse, ProviderUnavailable, TokenError, TokenSource, _clock
from paygrant._providers.base import registration_of
from paygrant.cli import _cache, _console
from paygrant.cli._options import Given, prefix

if TYPE_CHECKING:
    from paygrant import Token
    from paygrant._providers.base import Provider

Cached = Annotated[
    bool,
    typer.Option("--cache/--no-cache", help="Use the token that this user's processes share, or ask for one anyway."),
]
Format = Literal["text", "header", "json", "env"]


def token(
    given: Given,
    *,
    header: Annotated[bool, typer.Option("--header", help="Print the whole header: Authorization: Bearer ...")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print what is known of the token, as JSON.")] = False,
    format: Annotated[  # noqa: A002 - named after the option
        Format, typer.Option("--format", help="How to print it; env is a line NAME=value for a shell.")
    ] = "text",
    cache: Cached = True,
) -> None:
    """Print the access token, and nothing else."""
    wishes = {name for name, wished in {"header": header, "json": as_json, format: format != "text"}.items() if wished}
    if len(wishes) > 1:
        raise typer.BadParameter("one of --header, --json and --format", param_hint="--format")
    provider = given.provider()
    found = obtain(given, provider, cache=cache)
    printed = {
        "header": lambda: f"Authorization: {found.authorization}",
        "json": lambda: _document(found),
        "env": lambda: f"{prefix(given.kind)}_ACCESS_TOKEN={shlex.quote(found.access_token)}",
    }
    _console.result(printed[wishes.pop()]() if wishes else found.access_token)


def obtain(given: Given, provider: "Provider", *, cache: bool) -> "Token":
    """A token: the one at hand in the user's cache, or a new one that is kept there.

    Raises:
        TokenError: No token could be had. Where that is remembered, the text says for how long and what to do; where
            the doctor would tell more, a note says so.
    """
    for finding in given.exposed(given.env_file, given.secret_file):
        _console.note(f"{finding.seen}; to change that: {finding.advice}")
    store = _cache.usable(given.variables) if cache else None
    with (
        TokenSource(provider, store=store) as source,
        _console.waiting(f"Waiting for {registration_of(provider).name} ..."),
    ):
        try:
            return source.get()
        except TokenError as failed:
            error = failed
    seconds = _cache.remembered(store, provider) if store else 0
    if seconds:
        hint = f"remembered, and told without a request, for {seconds} s; paygrant cache clear ends that"
        error.args = (f"{error} ({hint})",)
    if isinstance(error, (ProviderUnavailable, MalformedResponse)) or error.status == HTTPStatus.NOT_FOUND:
        error.add_note(
            f"asked was {provider.token_url}; paygrant doctor {error.provider}, with the same options, says why"
        )
    raise error


def _document(token: "Token") -> str:
    end = token.expires_at
    return json.dumps(
        {
            "access_token": token.access_token,
            "token_type": token.token_type,
            "scope": " ".join(token.scope),
            "expires_at": end and end.isoformat(timespec="seconds"),
            "expires_in": end and max(0, int((end - _clock.wall()).total_seconds())),
        }
    )
