"""``paygrant doctor``: the findings of ``paygrant.doctor``, drawn line by line as they come, or as JSON."""

import functools
import json
import os
from contextlib import suppress
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Annotated

import typer

from paygrant import ConfigurationError
from paygrant.cli import _cache, _console
from paygrant.cli._options import Given

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.table import Table

    from paygrant.doctor import Code, Finding, Verdict

_EXITS: "dict[Code, int]" = {"configuration": 2, "refused": 3, "unavailable": 4, "malformed": 5}
"""The exit code of each kind of failure: what ``paygrant token`` would end with."""

_STYLES: "dict[Verdict, str]" = {"ok": "green", "warning": "yellow", "failed": "bold red", "skipped": "dim"}


def doctor(
    given: Given, *, as_json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False
) -> None:
    """Find out why there is no token: one request, looked at from all sides. Nothing is kept."""
    with suppress(ConfigurationError):  # found again
        given.provider()  # asks for the secret, before anything is drawn
    findings: list[Finding] = []
    for finding in map(functools.partial(_spelled, given), _found(given)):
        findings.append(finding)
        if not as_json:
            _console.draw(_line(finding))
    if as_json:
        _console.result(json.dumps([asdict(finding) for finding in findings], indent=2))
    code: Code | None = next((finding.code for finding in findings if finding.code), None)
    if code:
        raise typer.Exit(_EXITS[code])


def _found(given: Given) -> "Iterator[Finding]":
    """One finding after the other; what takes long says so."""
    from paygrant.doctor import diagnose

    yield from (replace(each, check="settings") for each in given.exposed(given.env_file))
    # An empty variable is worth a word: the options leave it out.
    variables = {**os.environ, **given.variables}
    findings = diagnose(given.kind, given.overrides, variables=variables, store=_cache.store(given.variables))
    while True:
        with _console.waiting("Looking ..."):
            finding = next(findings, None)
        if finding is None:
            return
        yield finding


def _spelled(given: Given, finding: "Finding") -> "Finding":
    """A finding that names options where it named arguments. What a stranger said is left alone."""
    seen = given.in_options(finding.seen) if finding.check == "settings" else finding.seen
    return replace(finding, seen=seen, advice=given.in_options(finding.advice))


def _line(finding: "Finding") -> "Table":
    """A finding, whole."""
    from rich.table import Table
    from rich.text import Text

    from paygrant.doctor import CHECKS

    line = Table.grid(padding=(0, 2))
    line.add_column(width=max(map(len, _STYLES)), style=_STYLES[finding.verdict])
    line.add_column(width=max(map(len, CHECKS)))
    line.add_column()
    line.add_row(finding.verdict, finding.check, Text(_console.printable(finding.seen), overflow="fold"))
    if finding.advice:
        line.add_row("", "", Text(_console.printable(f"> {finding.advice}"), style="bold"))
    return line
