"""Checks that a spec is normalized: plain YAML, harmless, of the common shape, valid OpenAPI, and consistent.

Each stage has a module: ``document``, or one whose name begins with ``lint_``. A rule is a function of one of
these, a title in normalized.schema.json, or an entry in one of the tables named RULES.

Raises:
    ImportError: On import, if the extra is not installed.
"""

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

from paygrant._errors import missing_extra

try:
    from paygrant._spec import (
        document,
        lint_auth,
        lint_examples,
        lint_fit,
        lint_harm,
        lint_names,
        lint_servers,
        lint_shape,
        lint_spelling,
    )
except ModuleNotFoundError as missing:
    raise missing_extra("paygrant.generate", missing, "generate") from missing
from paygrant._spec.completion import completed, origins, unusable
from paygrant._spec.errors import Fault, Finding, SpecError

RULES = {**document.RULES, **lint_harm.RULES, **lint_shape.RULES, **lint_fit.RULES, **lint_names.RULES}
"""Every rule of a normalized spec: its id and its meaning. ``lint_spelling`` has further ones for a spec that may be short."""

_STAGES = (
    lint_harm.harm_faults,
    lint_shape.shape_faults,
    lint_fit.basic_faults,
    lint_servers.server_faults,
    lint_shape.openapi_faults,
    lint_fit.fit_faults,
    lint_auth.auth_faults,
    lint_examples.example_faults,
    lint_names.name_faults,
)
"""Each stage relies on those before it."""

OF_THE_BOX = frozenset(
    {
        "descriptions",
        "provenance",
        "unique-deviations",
        "example-schemas",
        "granted-example",
        "wrong-credentials-example",
        "refusal-statuses",
    }
)
"""The rules that only the specs of this project must keep. Another spec can be used all the same."""

_FOR_AUTHORS = OF_THE_BOX - {"descriptions"}
"""Those of the rules above that give a warning for another spec. A missing description is no loss."""


def lint(path: Path, *, strict: bool = False) -> list[Finding]:
    """Return what is wrong with a spec: the findings of the first stage that has any.

    A spec that can be used may still be better. These findings are warnings, unless the check is strict.
    """
    read = document.read(path)
    if strict:
        return _findings(read)
    errors, _ = _completed(read)
    if errors:
        return errors
    better = [each for each in _findings(read) if each.fault.rule in _FOR_AUTHORS]
    better += read.findings([*lint_spelling.misspelt_words(read), *lint_spelling.undeclared_fields(read)])
    return [replace(each, warning=True) for each in sorted(better)]


def load_checked(path: Path, *, strict: bool = False) -> dict[str, Any]:
    """Load the data of a spec, with all parts of a normalized spec.

    Raises:
        SpecError: The spec cannot be used; or, if the check is strict, it is not normalized.
    """
    return check(document.read(path), strict=strict)


def check(read: document.Document, *, strict: bool = False) -> dict[str, Any]:
    """Return the data of a spec that was read. Raises what ``load_checked`` raises."""
    findings, data = (_findings(read), read.data) if strict else _completed(read)
    if findings:
        raise SpecError(findings)
    found: dict[str, Any] = data
    return found


def _completed(spec: document.Document) -> tuple[list[Finding], Any]:
    """The errors of a spec, and its data with all parts of a normalized spec."""
    if faults := spec.faults or tuple(lint_harm.harm_faults_of_short_spec(spec)):
        return spec.findings(faults), None
    try:
        if misnamed := [*lint_spelling.misspelt_fields(spec)]:
            return _misspelt(spec) or spec.findings(misnamed), None
        if reason := unusable(spec.data):
            return _misspelt(spec) or spec.findings([Fault(*reason)]), None
        whole = replace(spec, data=completed(spec.path.stem, spec.data))
        findings = _findings(whole, OF_THE_BOX)
        if findings:
            findings = _misspelt(spec) or [_as_stated(each, spec) for each in _misspelt(whole) or findings]
    except (TypeError, LookupError, AttributeError, ValueError, RecursionError):
        # A part that only a rule of the box looks at has another type than the later rules take for granted.
        return _misspelt(spec) or _findings(spec), spec.data
    return findings, whole.data


def _misspelt(spec: document.Document) -> list[Finding]:
    """The misspelt words of a spec. A word that is missing for this reason is another finding, which says less."""
    return spec.findings(lint_spelling.misspelt_words(spec))


def _as_stated(finding: Finding, spec: document.Document) -> Finding:
    """A finding in a completed spec, with the place and the line where the author of the spec stated the part."""
    place = finding.fault.place
    for complete, stated in origins(spec.data).items():
        if place == complete or place.startswith(f"{complete}/"):
            place = stated + place.removeprefix(complete)
            break
    return replace(finding, line=spec.line(place), fault=finding.fault._replace(place=place))


def _findings(spec: document.Document, allowed: Collection[str] = ()) -> list[Finding]:
    if spec.faults:
        return spec.findings(spec.faults)
    for stage in _STAGES:
        if faults := [fault for fault in stage(spec) if fault.rule not in allowed]:
            return spec.findings(faults)
    return []
