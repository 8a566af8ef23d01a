"""Checks that a spec is normalized: plain YAML, harmless, of the common shape, valid OpenAPI, and consistent.

Each stage has a module: ``document``, or one whose name begins with ``lint_``. A rule is a function of one of
these, a title in normalized.schema.json, or an entry in one of the tables named RULES.
function of the last two, a title in normalized.schema.json, or an entry in one of the tables named RULES.

Raises:
    ImportError: On import, if the extra is not installed.
"""

from pathlib import Path
from typing import Any

from paygrant._errors import missing_extra

try:
    from paygrant._spec import document, lint_examples, lint_fit, lint_harm, lint_servers, lint_shape
except ModuleNotFoundError as missing:
    raise missing_extra("paygrant.generate", missing, "generate") from missing
from paygrant._spec.errors import Finding, SpecError

RULES = {**document.RULES, **lint_harm.RULES, **lint_shape.RULES, **lint_fit.RULES}
"""Every rule: its id and its meaning."""

_STAGES = (
    lint_harm.harm_faults,
    lint_shape.shape_faults,
    lint_fit.basic_faults,
    lint_servers.server_faults,
    lint_shape.openapi_faults,
    lint_fit.fit_faults,
    lint_examples.example_faults,
)
"""Each stage relies on those before it."""


def lint(path: Path) -> list[Finding]:
    """Return the findings of the first stage that has any."""
    return _findings(document.read(path))


def load_checked(path: Path) -> dict[str, Any]:
    """Load the data of a normalized spec.

    Raises:
        SpecError: The spec is not normalized.
    """
    spec = document.read(path)
    if findings := _findings(spec):
        raise SpecError(findings)
    data: dict[str, Any] = spec.data
    return data


def _findings(spec: document.Document) -> list[Finding]:
    if spec.faults:
        return spec.findings(spec.faults)
    for stage in _STAGES:
        if faults := list(stage(spec)):
            return spec.findings(faults)
    return []
