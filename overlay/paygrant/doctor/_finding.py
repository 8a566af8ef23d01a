"""Finding: what a check saw, and what to do about it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from paygrant.doctor._case import Case

Verdict: TypeAlias = Literal["ok", "warning", "failed", "skipped"]
Code: TypeAlias = Literal["configuration", "refused", "unavailable", "malformed"]
Look: TypeAlias = "Callable[[Case], Iterator[Finding]]"

_MINUTE, _HOUR, _DAY = 60.0, 3600.0, 86400.0


@dataclass(frozen=True, slots=True)
class Finding:
    """What a check saw. Nothing in it is secret.

    Attributes:
        check: The check's name.
        verdict: ``"ok"``; ``"warning"``: works, but look at it; ``"failed"``: this is why there is no token;
            ``"skipped"``: nothing to see.
        seen: What was seen.
        advice: What to do about it; empty where there is nothing to do.
        code: The kind of a failure, None where nothing failed.
    """

    check: str
    verdict: Verdict
    seen: str
    advice: str = ""
    code: Code | None = None


def ok(seen: str) -> Finding:
    """All is well. Which check says so is filled in by ``diagnose``; likewise below."""
    return Finding("", "ok", seen)


def warning(seen: str, advice: str) -> Finding:
    """Not to blame, but odd."""
    return Finding("", "warning", seen, advice)


def failed(code: Code, seen: str, advice: str) -> Finding:
    """To blame."""
    return Finding("", "failed", seen, advice, code)


def skipped(why: str) -> Finding:
    """Nothing to see."""
    return Finding("", "skipped", why)


def span(seconds: float) -> str:
    """A length of time as people say it."""
    for unit, name in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= 2 * unit or seconds == unit:
            return f"{round(seconds / unit, 1):g} {name}"
    return f"{round(seconds):d} s"
