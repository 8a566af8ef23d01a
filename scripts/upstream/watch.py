"""Compares pages with what was seen of them last, which a JSON file a provider in specs/upstream keeps."""

import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple, TypeAlias

from scripts.upstream import openapi, prose
from scripts.upstream.facts import Facts, gather, line
from scripts.upstream.pages import Page, PageError

STATES = ("changed", "gone", "moved", "new", "not read", "reworded", "unchanged")
"""What a page can be, the most alarming first."""

_URGENT = re.compile(
    r"(^|: )(host|credentials)|secret|password|user_?name|client_?id|authorization|api.?key|assertion", re.IGNORECASE
)
"""Places that say to whom the secret goes, and where in a request."""


class Seen(NamedTuple):
    """What was seen of a page: its facts, and a hash of its text."""

    facts: Facts
    sha256: str


Memory: TypeAlias = dict[str, Seen]
"""What was seen of pages, by address."""


@dataclass(frozen=True, slots=True)
class Change:
    """One place at which a page says something else than before; None where it says nothing."""

    place: str
    was: str | None
    now: str | None

    @property
    def urgent(self) -> bool:
        """Whether the secret may go elsewhere than before: to another host, without TLS, or in another place."""
        return bool(_URGENT.search(self.place))

    def __str__(self) -> str:
        if self.was is None:
            return f"{self.place}: new" + (f": {self.now}" if self.now else "")
        if self.now is None:
            return f"{self.place}: gone" + (f" (was {self.was})" if self.was else "")
        return f"{self.place}: was {self.was or 'without value'}, now {self.now or 'without value'}"


@dataclass(frozen=True, slots=True)
class Report:
    """What has become of a page."""

    provider: str
    url: str
    state: str
    reason: str = ""
    changes: tuple[Change, ...] = ()

    @property
    def order(self) -> tuple[object, ...]:
        """Pages with urgent changes before all others."""
        return (not any(change.urgent for change in self.changes), STATES.index(self.state), self.provider, self.url)

    def as_json(self) -> dict[str, Any]:
        """The report as plain data."""
        changes = [{**asdict(change), "urgent": change.urgent} for change in self.changes]
        return {**asdict(self), "changes": changes}

    def __str__(self) -> str:
        head = f"{self.state:<9}  {self.provider}  {self.url}" + (f": {self.reason}" if self.reason else "")
        return "\n".join((head, *(f"  {'!' if change.urgent else ' '} {change}" for change in self.changes)))


def look(provider: str, url: str, page: Page | PageError, before: Seen | None) -> tuple[Report, Seen | None]:
    """What has become of a page, and what is seen of it now; None where it could not be read."""
    try:
        if isinstance(page, PageError):
            raise page
        now = Seen(facts_of(page.text), sha256(page.text.encode()).hexdigest())
    except PageError as error:
        return Report(provider, url, error.state, line(str(error))), None
    reason = f"read at {line(page.moved_to)}" if page.moved_to else ""
    if before is None:
        return Report(provider, url, "new", reason), now
    changes = compare(before.facts, now.facts)
    state = "changed" if changes else "unchanged" if before.sha256 == now.sha256 else "reworded"
    return Report(provider, url, state, reason, changes), now


def facts_of(text: str) -> Facts:
    """What matters in a page.

    Raises:
        PageError: The page holds no facts, or none that can be made out.
    """
    try:
        documents = list(openapi.documents(text))
        facts = gather(chain.from_iterable(map(openapi.pairs, documents)) if documents else prose.pairs(text))
    except (RecursionError, ValueError) as error:
        raise PageError(f"it cannot be made out: {error}") from None
    if facts.keys() <= {"document"}:
        raise PageError("there is nothing in it to compare")
    return facts


def compare(before: Facts, now: Facts) -> tuple[Change, ...]:
    """What differs, the urgent first. An operation that has moved is one change, and what differs in it another."""
    gone, new = _operations(before) - _operations(now), _operations(now) - _operations(before)
    changes: list[Change] = []
    if len(gone) == len(new) == 1:
        (old,), (name,) = gone, new
        changes.append(Change("operation", old, name))
        before = {place.replace(f"{old}: ", f"{name}: ", 1): value for place, value in before.items()}
    differing = {place for place in before.keys() | now.keys() if before.get(place) != now.get(place)}
    changes += [Change(place, before.get(place), now.get(place)) for place in differing]
    return tuple(sorted(changes, key=lambda change: (not change.urgent, change.place)))


def _operations(facts: Facts) -> set[str]:
    return {place.split(": ")[0] for place in facts if ": " in place}


def load(path: Path) -> Memory:
    """What was seen of a provider's pages; of pages nobody has looked at, nothing.

    Raises:
        ValueError: The file does not hold what `save` writes.
    """
    if not path.exists():
        return {}
    try:
        return {
            url: Seen(dict(seen["facts"]), str(seen["sha256"])) for url, seen in json.loads(path.read_bytes()).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} does not hold facts: {error}") from None


def save(path: Path, memory: Memory) -> None:
    """Writes what was seen, the same bytes for the same facts."""
    path.parent.mkdir(exist_ok=True)
    data = {url: seen._asdict() for url, seen in memory.items()}
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def summary(reports: Iterable[Report]) -> str:
    """How many pages are in which state."""
    states = [report.state for report in reports]
    counts = (f"{states.count(state)} {state}" for state in STATES if state in states)
    return f"{len(states)} pages: {', '.join(counts)}"
