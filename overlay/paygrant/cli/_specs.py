"""``paygrant new`` and ``paygrant generate``: a spec and a typed client for any other provider."""

from pathlib import Path

import click

from paygrant import ConfigurationError
from paygrant.cli import _console, _options

_SOURCE = "URL_OR_FILE"
"""The name of the argument as help shows it."""


def build_generate() -> click.Command:
    """The command ``generate``."""
    return _options.Command(
        "generate",
        _generate,
        about=(
            "Write the typed client for a normalized spec. It prints the names of the files.\n\n"
            "In Python, SpecProvider makes a provider from the spec or the package."
        ),
        example="paygrant generate acme.yaml --output clients",
        params=[
            click.Argument(["spec"], type=click.Path(path_type=Path)),
            click.Option(
                ["--output", "-o"],
                type=click.Path(path_type=Path),
                metavar="FOLDER",
                required=True,
                help="The folder in which the package is made.",
            ),
        ],
    )


def build_new() -> click.Command:
    """The command ``new``."""
    return _options.Command(
        "new",
        _new,
        about=(
            "Print a spec for another provider. It is made from the provider's OpenAPI document (2.0 to 3.2), from a "
            "page in Markdown that shows one, or from the metadata of an authorization server (RFC 8414). With "
            "--template, print a short spec to fill in.\n\n"
            "What a person must decide is written to standard error and to the first lines of the spec."
        ),
        example="paygrant new https://docs.acme.example/openapi.json",
        params=[
            click.Argument(["source"], metavar=f"[{_SOURCE}]", required=False),
            click.Option(
                ["--operation"],
                metavar='"METHOD /PATH"',
                help="The token endpoint in the document. Default: the operation that looks most like one.",
            ),
            click.Option(
                ["--template"],
                type=click.Choice(["form", "basic", "json"]),
                help=(
                    "Print a short spec to fill in: for credentials in a form (form), in HTTP Basic (basic), or in a "
                    "JSON body (json)."
                ),
            ),
        ],
    )


def _generate(*, spec: Path, output: Path) -> None:
    from paygrant.generate import GenerationError, generate

    try:
        with _console.waiting("Generating ..."):
            files = generate(spec, output)
    except GenerationError as error:
        raise ConfigurationError(str(error), argument="spec") from None
    _console.result("\n".join(map(str, files)))


def _new(*, source: str | None, operation: str | None, template: str | None) -> None:
    from paygrant import propose

    if (source is None) == (template is None) or (template and operation):
        fault = "was given with --template" if template else "is missing"
        text = f"{_SOURCE}: {fault}; expected {_SOURCE}, which may have an --operation, or --template alone"
        raise ConfigurationError(text, argument="source")
    if template:
        _console.result(propose.template(template).rstrip("\n"))
    elif source:
        _draft(source, operation)


def _draft(source: str, operation: str | None) -> None:
    from paygrant import propose

    try:
        with _console.waiting(f"Reading {source} ..."):
            proposal = propose.propose(source, operation=operation)
    except ConfigurationError as error:
        place = {"source": _SOURCE, "operation": "--operation"}.get(error.argument or "")
        if place is None:
            raise
        raise ConfigurationError(f"{place}: {str(error).partition(': ')[2]}", argument=error.argument) from None
    _console.result(proposal.text.rstrip("\n"))
    for decision in proposal.decisions:
        _console.note(f"to decide: {decision}")
    _console.note(f"to save as {proposal.name}.yaml")
