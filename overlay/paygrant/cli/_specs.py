"""``paygrant new``, ``lint`` and ``generate``: a spec, its check and a typed client for any other provider."""

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import click

from paygrant import ConfigurationError
from paygrant.cli import _console, _options

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from paygrant.generate import Finding

_SOURCE = "URL_OR_FILE"
"""The name of the argument as help shows it."""


def build_generate() -> click.Command:
    """The command ``generate``."""
    return _options.Command(
        "generate",
        _generate,
        about=(
            "Write the typed client for a spec. It prints the names of the files.\n\n"
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


def build_lint() -> click.Command:
    """The command ``lint``."""
    return _options.Command(
        "lint",
        _lint,
        about=(
            "Check a spec. It prints what is wrong, and what could be better (warnings). A spec with warnings only can "
            "be used.\n\nThe exit code is 2 if the spec cannot be used."
        ),
        example="paygrant lint acme.yaml",
        params=[
            click.Argument(["spec"], type=click.Path(path_type=Path)),
            click.Option(["--all", "every"], is_flag=True, help="Print each place, not one place of each warning."),
            _options.json_option("Print the findings as JSON."),
        ],
    )


def build_new() -> click.Command:
    """The command ``new``."""
    return _options.Command(
        "new",
        _new,
        about=(
            "Print a spec for another provider. It is made from the provider's OpenAPI document (2.0 to 3.2), or from "
            "the metadata of its authorization server (RFC 8414). A page in Markdown may contain either. With "
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
    from paygrant.generate import GenerationError, generate, lint

    try:
        with _console.waiting("Generating ..."):
            files = generate(spec, output)
    except GenerationError as error:
        raise ConfigurationError(str(error), argument="spec") from None
    _console.result("\n".join(map(str, files)))
    if number := len(lint(spec)):
        warnings, shows_them = ("1 warning", "shows it") if number == 1 else (f"{number} warnings", "shows them")
        _console.note(f'{warnings} about the spec; "paygrant lint {spec}" {shows_them}')


def _lint(*, spec: Path, every: bool, as_json: bool) -> None:
    """Print the findings. A rule that is broken in many places is shown once."""
    from paygrant.generate import lint

    with _console.waiting("Checking ..."):
        findings = lint(spec)
    failed = any(not each.warning for each in findings)
    if as_json:
        shown = [
            {
                "path": str(each.path),
                "line": each.line,
                "rule": each.fault.rule,
                "place": each.fault.place,
                "text": each.fault.text,
                "warning": each.warning,
            }
            for each in findings
        ]
        _console.result(json.dumps(shown, indent=2))
    else:
        _console.draw(
            "\n".join(map(str, findings) if every or failed else _summed_up(findings)) or f"{spec}: no findings"
        )
    if failed:
        click.get_current_context().exit(2)


def _summed_up(findings: "Sequence[Finding]") -> "Iterator[str]":
    """A line for each rule: its first finding, and how many more there are."""
    counts = Counter(each.fault.rule for each in findings)
    for each in findings:
        if more := counts.pop(each.fault.rule, 0):
            yield f"{each}" + (f" (and {more - 1} more)" if more > 1 else "")


def _new(*, source: str | None, operation: str | None, template: str | None) -> None:
    from paygrant import propose

    if (source is None) == (template is None) or (template and operation):
        fault = "was given with --template" if template else "is missing"
        text = f"{_SOURCE}: {fault}; expected {_SOURCE}, which may have an --operation, or --template alone"
        raise ConfigurationError(text, argument="source")
    if template:
        _console.result(propose.template(template).rstrip("\n"))
    elif source is not None:
        _print_proposal(source, operation)


def _print_proposal(source: str, operation: str | None) -> None:
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
