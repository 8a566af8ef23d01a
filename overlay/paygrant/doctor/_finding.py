"""Finding: the result of a check, and what to do about it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paygrant.doctor._context import Context

Verdict: TypeAlias = Literal["ok", "warning", "failed", "skipped"]
Code: TypeAlias = Literal["configuration", "refused", "unavailable", "malformed"]
CheckFunction: TypeAlias = "Callable[[Context], Iterator[Finding]]"

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Finding:
    """The result of a check. It contains no secret.

    Attributes:
        check: The name of the check.
        verdict: ``"ok"``; ``"warning"``: it works, but something is unusual; ``"failed"``: this is why there is no
            token; ``"skipped"``: the check was not made.
        seen: What the check saw.
        advice: What to do about it; empty if there is nothing to do.
        code: The kind of failure; None if nothing failed.
    """

    check: str
    verdict: Verdict
    seen: str
    advice: str = ""
    code: Code | None = None


# ``diagnose`` fills in the name of the check.


def ok(seen: str) -> Finding:
    """A finding: everything is as it should be."""
    return Finding("", "ok", seen)


def warning(seen: str, advice: str) -> Finding:
    """A finding: unusual, but not the cause of a failure."""
    return Finding("", "warning", seen, advice)


def failed(code: Code, seen: str, advice: str) -> Finding:
    """A finding: the cause of a failure."""
    return Finding("", "failed", seen, advice, code)


def skipped(why: str) -> Finding:
    """A finding: the check was not made."""
    return Finding("", "skipped", why)


def difference(seconds: float) -> str:
    """How one clock differs from another, such as ``2 h ahead of``; ``behind`` below zero."""
    return f"{span(abs(seconds))} {'ahead of' if seconds > 0 else 'behind'}"


def span(seconds: float) -> str:
    """A length of time for people, such as ``2 h``."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit or seconds == unit:
            return f"{round(seconds / unit, 1):g} {name}"
    return f"{round(seconds):d} s"
