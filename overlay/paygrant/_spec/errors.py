"""What a check of a spec finds, and the errors that report it."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from paygrant._errors import PaygrantError

FILE = "file"
"""Stands in place of a rule if the file does not exist, or cannot be read."""


class Fault(NamedTuple):
    """A broken rule: the rule's id, the place (a JSON Pointer, RFC 6901), and what is wrong there and what is expected."""

    rule: str
    place: str
    text: str


def with_rule(text: str, rule: str) -> str:
    """What is wrong, followed by what the rule expects. A question needs no such explanation."""
    return text if text.endswith("?") else f"{text}. {rule}"


@dataclass(frozen=True, slots=True, order=True)
class Finding:
    """A fault with the file and the line that it is in. A file that cannot be read has no line."""

    path: Path
    line: int | None
    fault: Fault
    warning: bool = False
    """Whether the spec can be used all the same."""

    def __str__(self) -> str:
        from paygrant._text import one_line  # few users of specs see a finding

        rule, place, text = self.fault
        if self.line is None:
            return one_line(f"{self.path}: {text}")
        return one_line(f"{self.path}:{self.line}: {'warning: ' * self.warning}{rule}: #{place}: {text}")


class GenerationError(PaygrantError):
    """A package could not be generated. The text says why."""


class SpecError(GenerationError):
    """A spec is not normalized. The text has a line for each finding.

    Attributes:
        findings: What is wrong, and where.
    """

    def __init__(self, findings: Sequence[Finding]) -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)

    def __reduce__(self) -> tuple[type["SpecError"], tuple[object]]:
        return type(self), (self.findings,)


# A traceback names an error as a user imports it.
for _kind in (GenerationError, SpecError):
    _kind.__module__ = "paygrant.generate"
