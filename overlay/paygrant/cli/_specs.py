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
            "Print a spec for another provider. It is made from the provider's OpenAPI document (2.0, 3.0 or 3.1), or "
            "from a page in Markdown that shows one.\n\n"
            "What a person must decide is written to standard error and to the first lines of the spec."
        ),
        example="paygrant new https://docs.acme.example/openapi.json",
        params=[click.Argument(["source"], metavar=_SOURCE)],
    )


def _generate(*, spec: Path, output: Path) -> None:
    from paygrant.generate import GenerationError, generate

    try:
        with _console.waiting("Generating ..."):
            files = generate(spec, output)
    except GenerationError as error:
        raise ConfigurationError(str(error), argument="spec") from None
    _console.result("\n".join(map(str, files)))


def _new(*, source: str) -> None:
    from paygrant.propose import propose

    try:
        with _console.waiting(f"Reading {source} ..."):
            proposal = propose(source)
    except ConfigurationError as error:
        if error.argument != "source":
            raise
        raise ConfigurationError(f"{_SOURCE}: {str(error).partition(': ')[2]}", argument=error.argument) from None
    _console.result(proposal.text.rstrip("\n"))
    for decision in proposal.decisions:
        _console.note(f"to decide: {decision}")
    _console.note(f"to save as {proposal.name}.yaml")
