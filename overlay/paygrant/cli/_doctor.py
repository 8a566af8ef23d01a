"""``paygrant doctor``: writes the findings of ``paygrant.doctor`` line by line as they come, or as JSON."""

import json
import os
from contextlib import suppress
from dataclasses import asdict, replace
from functools import partial
from typing import TYPE_CHECKING

import click

from paygrant import ConfigurationError
from paygrant._text import one_line
from paygrant.cli import _console, _options
from paygrant.cli._store import store_or_none

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paygrant._providers.base import Provider
    from paygrant._providers.kind import ProviderKind
    from paygrant.cli._given import Given
    from paygrant.doctor import Code, Finding, Verdict

_EXITS: "dict[Code, int]" = {"configuration": 2, "refused": 3, "unavailable": 4, "malformed": 5}
"""The exit code for each kind of failure: the one that ``paygrant token`` would end with."""

_LONGEST_CAUSE = 120
"""Characters of a cause in the last line. The whole text is above."""

_STYLES: "dict[Verdict, Callable[[str], str]]" = {
    "ok": partial(click.style, fg="green"),
    "warning": partial(click.style, fg="yellow"),
    "failed": partial(click.style, fg="red", bold=True),
    "skipped": partial(click.style, dim=True),
}


def build() -> click.Command:
    """The command."""
    return _options.ProviderGroup("doctor", _for_provider, about="Find out why there is no token.")


def _for_provider(name: str, kind: "ProviderKind[Provider]", example: str) -> click.Command:
    return _options.provider_command(
        name, kind, _examine, example=example, params=[_options.json_option("Print the findings as JSON.")]
    )


def _examine(given: "Given", *, as_json: bool) -> None:
    """Write the findings. The exit code is that of the first failure."""
    with suppress(ConfigurationError):  # it is a finding later
        given.provider()  # prompts for the secret before anything is written
    findings: list[Finding] = []
    for finding in map(partial(_in_options, given), _findings(given)):
        findings.append(finding)
        if not as_json:
            _console.draw(_line(finding))
    if as_json:
        _console.result(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        _console.draw(_conclusion(findings))
    code: Code | None = next((finding.code for finding in findings if finding.code), None)
    if code:
        click.get_current_context().exit(_EXITS[code])


def _conclusion(findings: "list[Finding]") -> str:
    """The last line: the cause, which is the first failure, or that all is well."""
    cause = next((each for each in findings if each.verdict == "failed"), None)
    if cause:
        text = f"the cause: {cause.check}: {one_line(cause.seen, _LONGEST_CAUSE)}"
        return click.style(_console.wrapped(text, 0), fg="red", bold=True)
    warnings = sum(each.verdict == "warning" for each in findings)
    more = f", with {warnings} warning{'s' * (warnings > 1)}" if warnings else ""
    return click.style(f"all is well{more}", fg="green", bold=True)


def _findings(given: "Given") -> "Iterator[Finding]":
    """One finding after another."""
    from paygrant.doctor import diagnose_kind

    yield from (replace(each, check="settings") for each in given.exposed(given.env_file))
    # The doctor reports empty variables, which the options leave out.
    variables = {**os.environ, **given.variables}
    findings = diagnose_kind(given.kind, given.overrides, variables=variables, store=store_or_none(given.variables))
    while True:
        with _console.waiting("Examining ..."):
            finding = next(findings, None)
        if finding is None:
            return
        yield finding


def _in_options(given: "Given", finding: "Finding") -> "Finding":
    """A finding that names options in place of arguments. The words of a server stay as they are."""
    seen = given.in_options(finding.seen) if finding.check == "settings" else finding.seen
    return replace(finding, seen=seen, advice=given.in_options(finding.advice))


def _line(finding: "Finding") -> str:
    """A finding with its advice, in columns. Nothing is cut."""
    from paygrant.doctor import CHECKS

    widths = [max(map(len, _STYLES)) + 2, max(map(len, CHECKS)) + 2]
    indent = sum(widths)
    verdict = _STYLES[finding.verdict](finding.verdict.ljust(widths[0]))
    lines = [f"{verdict}{finding.check.ljust(widths[1])}{_console.wrapped(_console.printable(finding.seen), indent)}"]
    if finding.advice:
        advice = _console.wrapped(_console.printable(f"> {finding.advice}"), indent)
        lines.append(" " * indent + click.style(advice, bold=True))
    return "\n".join(lines)
