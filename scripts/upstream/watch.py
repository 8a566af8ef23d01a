"""Compares the facts of pages with the last ones checked, in one JSON file for each provider in specs/upstream."""

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
"""The states of a page, the most alarming first."""

_URGENT = re.compile(
    r"(^|: )(host|credentials)|secret|password|user_?name|client_?id|authorization|api.?key|assertion", re.IGNORECASE
)
"""Places of facts about where the secret goes, and how a request carries it."""


class Snapshot(NamedTuple):
    """The facts of a page, and a hash of its text."""

    facts: Facts
    sha256: str


Snapshots: TypeAlias = dict[str, Snapshot]
"""Snapshots of pages, by URL."""


@dataclass(frozen=True, slots=True)
class FactChange:
    """A change of one fact; None means that the fact is missing."""

    place: str
    was: str | None
    now: str | None

    @property
    def urgent(self) -> bool:
        """Whether the change may concern where the secret goes: its host, TLS, or its place in a request."""
        return bool(_URGENT.search(self.place))

    def __str__(self) -> str:
        if self.was is None:
            return f"{self.place}: new" + (f": {self.now}" if self.now else "")
        if self.now is None:
            return f"{self.place}: gone" + (f" (was {self.was})" if self.was else "")
        return f"{self.place}: was {self.was or 'without value'}, now {self.now or 'without value'}"


@dataclass(frozen=True, slots=True)
class Report:
    """The state of a page, and its changes."""

    provider: str
    url: str
    state: str
    reason: str = ""
    changes: tuple[FactChange, ...] = ()

    @property
    def order(self) -> tuple[object, ...]:
        """The sort key: pages with urgent changes first."""
        return (not any(change.urgent for change in self.changes), STATES.index(self.state), self.provider, self.url)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON data."""
        changes = [{**asdict(change), "urgent": change.urgent} for change in self.changes]
        return {**asdict(self), "changes": changes}

    def __str__(self) -> str:
        head = f"{self.state:<9}  {self.provider}  {self.url}" + (f": {self.reason}" if self.reason else "")
        return "\n".join((head, *(f"  {'!' if change.urgent else ' '} {change}" for change in self.changes)))


def inspect(provider: str, url: str, page: Page | PageError, before: Snapshot | None) -> tuple[Report, Snapshot | None]:
    """Return the report on a page, and its present snapshot; None if it could not be read."""
    try:
        if isinstance(page, PageError):
            raise page
        now = Snapshot(facts_of(page.text), sha256(page.text.encode()).hexdigest())
    except PageError as error:
        return Report(provider, url, error.state, line(str(error))), None
    reason = f"read at {line(page.moved_to)}" if page.moved_to else ""
    if before is None:
        return Report(provider, url, "new", reason), now
    changes = compare(before.facts, now.facts)
    state = "changed" if changes else "unchanged" if before.sha256 == now.sha256 else "reworded"
    return Report(provider, url, state, reason, changes), now


def facts_of(text: str) -> Facts:
    """Return the facts of a page.

    Raises:
        PageError: The page contains no facts, or they cannot be extracted.
    """
    try:
        documents = openapi.documents(text)
        facts = gather(chain.from_iterable(map(openapi.pairs, documents)) if documents else prose.pairs(text))
    except (RecursionError, ValueError) as error:
        raise PageError(f"its facts cannot be extracted: {error}") from None
    if facts.keys() <= {"document"}:
        raise PageError("it contains no facts")
    return facts


def compare(before: Facts, now: Facts) -> tuple[FactChange, ...]:
    """Return the changes, urgent ones first. The path of an operation is one change, and what differs in it another."""
    gone, new = _operations(before) - _operations(now), _operations(now) - _operations(before)
    changes: list[FactChange] = []
    if len(gone) == len(new) == 1:
        (old,), (name,) = gone, new
        changes.append(FactChange("operation", old, name))
        before = {place.replace(f"{old}: ", f"{name}: ", 1): value for place, value in before.items()}
    differing = {place for place in before.keys() | now.keys() if before.get(place) != now.get(place)}
    changes += [FactChange(place, before.get(place), now.get(place)) for place in differing]
    return tuple(sorted(changes, key=lambda change: (not change.urgent, change.place)))


def _operations(facts: Facts) -> set[str]:
    return {place.split(": ")[0] for place in facts if ": " in place}


def load(path: Path) -> Snapshots:
    """Load the snapshots of a provider's pages; none without a file.

    Raises:
        ValueError: The file is not one that ``save`` writes.
    """
    if not path.exists():
        return {}
    try:
        return {
            url: Snapshot(dict(seen["facts"]), str(seen["sha256"]))
            for url, seen in json.loads(path.read_bytes()).items()
        }
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path} is not a file of facts: {error}") from None


def save(path: Path, snapshots: Snapshots) -> None:
    """Write the snapshots; the same facts give the same bytes."""
    path.parent.mkdir(exist_ok=True)
    data = {url: snapshot._asdict() for url, snapshot in snapshots.items()}
    path.write_text(json.dumps(data, ensure_ascii=False, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def summary(reports: Iterable[Report]) -> str:
    """The number of pages in each state."""
    states = [report.state for report in reports]
    counts = (f"{states.count(state)} {state}" for state in STATES if state in states)
    return f"{len(states)} pages: {', '.join(counts)}"
