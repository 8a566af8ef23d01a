"""``paygrant token``: prints the token for a shell script; and ``obtain``, which other commands use too."""

import json
import shlex
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal

import click

from paygrant import MalformedResponse, ProviderUnavailable, TokenError, TokenSource, _clock
from paygrant._providers.base import registration_of
from paygrant.cli import _console, _options, _store
from paygrant.cli._catalog import literal

if TYPE_CHECKING:
    from paygrant import Token
    from paygrant._providers.base import Provider
    from paygrant._providers.kind import ProviderKind
    from paygrant.cli._given import Given

_Format = Literal["text", "header", "json", "env"]

_BOUND = (
    "the token is bound to a key (RFC 9449): each API call needs a new proof by that key; in Python, TokenAuth makes the "
    "proofs if the provider's dpop is the same key"
)
_BOUND_TO_COMMAND = (
    "the token is bound to a key of this command (RFC 9449), which ends now, so no API call can use the token; "
    "--dpop-key-file gives a key that lasts, and in Python TokenAuth makes the proofs"
)


def build() -> click.Command:
    """The command."""
    return _options.ProviderGroup("token", _for_provider, about="Print an access token and nothing else.")


def cache_option() -> click.Option:
    """The option to use the tokens of the user's cache folder or not."""
    about = "Use and keep tokens in the user's cache folder, or request a token and do not keep it."
    return click.Option(["--cache/--no-cache"], default=True, show_default=True, help=about)


def obtain(given: "Given", provider: "Provider", *, cache: bool) -> "Token":
    """A token: the one in the user's cache folder, or a new one that is kept there.

    Raises:
        TokenError: There is no token. If the error is remembered, its text says for how long and what ends that. If
            the doctor can say more, a note says so.
    """
    certificate = registration_of(provider).certificate
    with_key = certificate.private_key_file if certificate else None
    for finding in given.exposed(given.env_file, *given.secret_files, with_key):
        _console.note(f"{finding.seen}; to change that: {finding.advice}")
    store = _store.usable(given.variables) if cache else None
    name = registration_of(provider).name
    with TokenSource(provider, store=store) as source, _console.waiting(f"Waiting for {name} ..."):
        try:
            return source.get()
        except TokenError as failed:
            error = failed
    seconds = _store.remembered(store, provider) if store else 0
    if seconds:
        hint = f'remembered for {seconds} s, no request is made until then; "paygrant cache clear" ends that'
        error.args = (f"{error} ({hint})",)
    if isinstance(error, (ProviderUnavailable, MalformedResponse)) or error.status == HTTPStatus.NOT_FOUND:
        error.add_note(
            f'the request went to {provider.token_url}; "paygrant doctor {given.word}" with the same options '
            "finds the cause"
        )
    raise error


def _for_provider(name: str, kind: "ProviderKind[Provider]", example: str) -> click.Command:
    return _options.provider_command(
        name,
        kind,
        _print,
        example=example,
        params=[
            click.Option(["--header"], is_flag=True, help="Print the whole header, such as Authorization: Bearer ..."),
            _options.json_option("Print the token and what is known about it as JSON."),
            click.Option(
                ["--format", "form"],
                type=click.Choice(literal(_Format)),
                default="text",
                show_default=True,
                help="How to print the token; env is a line NAME=value for a shell.",
            ),
            cache_option(),
        ],
    )


def _print(given: "Given", *, header: bool, as_json: bool, form: _Format, cache: bool) -> None:
    """Print the access token."""
    forms = {name for name, wanted in {"header": header, "json": as_json, form: form != "text"}.items() if wanted}
    if len(forms) > 1:
        raise click.BadParameter("expected only one of --header, --json and --format", param_hint="--format")
    provider = given.provider()
    found = obtain(given, provider, cache=cache)
    printed = {
        "header": lambda: f"{_header_of(provider)}: {found.authorization}",
        "json": lambda: _document(found),
        "env": lambda: f"{given.kind.prefix}_ACCESS_TOKEN={shlex.quote(found.access_token)}",
    }
    if registration_of(provider).proof_key is not None:
        _console.note(_BOUND_TO_COMMAND if getattr(provider, "dpop", None) is True else _BOUND)
    _console.result(printed[forms.pop()]() if forms else found.access_token)


def _header_of(provider: "Provider") -> str:
    """The header by which the API wants the token.

    Raises:
        click.BadParameter: The API wants the token in the query.
    """
    use = registration_of(provider).endpoint.token_use
    if use.header is None:
        raise click.BadParameter(f"expected no --header: the API wants the token in the query, as {use.query}")
    return use.header


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
