"""``paygrant generate`` and ``paygrant new``: clients for providers that paygrant does not bring along."""

from pathlib import Path
from typing import Annotated

import typer

from paygrant.cli import _console

_USAGE = 2


def generate(
    spec: Annotated[Path, typer.Argument(help="A normalized spec, called as the provider: acme.yaml.")],
    *,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder in which the package will stand.")],
) -> int:
    """Write the typed client of any provider whose spec is normalized, and print its files.

    In Python, SpecProvider makes a provider of the spec or of the package.
    """
    from paygrant.generate import GenerationError
    from paygrant.generate import generate as write

    try:
        with _console.waiting("generating"):
            files = write(spec, output)
    except GenerationError as error:
        _console.note(str(error))
        return _USAGE
    _console.result("\n".join(map(str, files)))
    return 0


def new(
    source: Annotated[str, typer.Argument(metavar="URL_OR_FILE", help="An OpenAPI document, 2.0, 3.0 or 3.1.")],
) -> None:
    """Print a normalized spec, out of a provider's OpenAPI document or a page in Markdown that shows one.

    What a person must decide is told on standard error, and in the first lines of the spec.
    """
    from paygrant.propose import propose

    with _console.waiting(f"reading {source}"):
        proposal = propose(source)
    _console.result(proposal.text.rstrip("\n"))
    for decision in proposal.decisions:
        _console.note(f"to decide: {decision}")
    _console.note(f"to be called {proposal.name}.yaml")
