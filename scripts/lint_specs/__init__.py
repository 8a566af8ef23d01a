"""Lints specs: checks that a spec is normalized: plain YAML, of the common shape, valid OpenAPI, and of one piece."""

from dataclasses import dataclass
from pathlib import Path

from scripts.lint_specs import document, fit, shape

RULES = {**document.RULES, **shape.RULES, **fit.RULES}
"""Every rule: its id and what it means."""


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A line of a spec that breaks a rule."""

    path: Path
    line: int
    fault: document.Fault

    def __str__(self) -> str:
        rule, place, text = self.fault
        return f"{self.path}:{self.line}: {rule}: #{place}: {text}"


def lint(path: Path) -> list[Finding]:
    """The findings of the first stage that has any, since each stage relies on the one before."""
    spec = document.read(path)
    faults = (
        list(spec.faults)
        or list(shape.shape_faults(spec))
        or list(shape.openapi_faults(spec))
        or list(fit.fit_faults(spec))
    )
    return sorted(Finding(path, spec.line(fault.place), fault) for fault in faults)
