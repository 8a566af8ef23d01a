"""Why nothing was generated."""

from typing import TYPE_CHECKING

from paygrant._errors import PaygrantError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from paygrant.generate._document import Finding


class GenerationError(PaygrantError):
    """Nothing was generated; the text says why."""


class SpecError(GenerationError):
    """A spec is not normalized. The text has a line for each finding.

    Attributes:
        findings: What is wrong, and where.
    """

    def __init__(self, findings: "Sequence[Finding]") -> None:
        super().__init__("\n".join(map(str, findings)))
        self.findings = tuple(findings)

    def __reduce__(self) -> tuple[type["SpecError"], tuple[object]]:
        return type(self), (self.findings,)
