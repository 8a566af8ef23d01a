"""What the tests of the doctor share."""

from paygrant.doctor import Finding

NEED_THE_REQUEST = ("clock", "redirect", "response", "basic", "environment", "expiry")
"""The checks that need the token request."""

Findings = dict[str, list[Finding]]
"""The findings by check."""


def only(findings: Findings, check: str) -> Finding:
    """The one finding of a check."""
    (finding,) = findings[check]
    return finding
