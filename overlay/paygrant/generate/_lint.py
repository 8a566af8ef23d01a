"""Lints specs: checks that a spec is normalized: plain YAML, harmless, of the common shape, valid OpenAPI, of one piece."""

from pathlib import Path
from typing import Any

from paygrant.generate import _document, _lint_fit, _lint_harm, _lint_shape
from paygrant.generate._document import Finding, Spec
from paygrant.generate._errors import SpecError

RULES = {**_document.RULES, **_lint_harm.RULES, **_lint_shape.RULES, **_lint_fit.RULES}
"""Every rule: its id and what it means."""

_STAGES = (
    _lint_harm.harm_faults,
    _lint_shape.shape_faults,
    _lint_fit.basic_faults,
    _lint_shape.openapi_faults,
    _lint_fit.fit_faults,
)
"""Each relies on those before it."""


def lint(path: Path) -> list[Finding]:
    """The findings of the first stage that has any."""
    return _findings(_document.read(path))


def load_checked(path: Path) -> dict[str, Any]:
    """The data of a normalized spec.

    Raises:
        SpecError: It is not normalized.
    """
    spec = _document.read(path)
    if findings := _findings(spec):
        raise SpecError(findings)
    data: dict[str, Any] = spec.data
    return data


def _findings(spec: Spec) -> list[Finding]:
    if spec.faults:
        return spec.findings(spec.faults)
    for stage in _STAGES:
        if faults := list(stage(spec)):
            return spec.findings(faults)
    return []
