"""Walking a stranger's document: whatever is missing, of another type or out of reach reads as empty."""

from collections.abc import Iterator
from typing import Any, TypeGuard
from urllib.parse import unquote

from paygrant._pointer import value_at
from paygrant.generate._document import is_object, pointer
from paygrant.generate._lint_harm import _UNFIT

_HOPS = 16
"""References in a row; a longer chain is taken for a circle."""

_LONGEST = 500
"""Characters of a reference."""

_MOST_NOTES = 100
"""Who has more to decide starts with another document."""


def clean(text: object, most: int = 300) -> str:
    """A stranger's text as one line that does no harm on a terminal, and is not too long."""
    line = " ".join(_UNFIT.sub(" ", str(text)).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value is an array of JSON."""
    return isinstance(value, list)


class Notes:
    """What a person must decide: lines in the order in which they came up, each once."""

    def __init__(self) -> None:
        self._lines = dict[str, None]()

    def add(self, place: str, text: str) -> None:
        """Note what is to be decided at a place."""
        if len(self._lines) < _MOST_NOTES:
            self._lines[clean(f"{place}: {text}", 600)] = None

    @property
    def lines(self) -> tuple[str, ...]:
        """The notes."""
        return tuple(self._lines)


class Node:
    """A place in a document, and what stands there, once the references that lead on from it are followed."""

    def __init__(self, document: Any, value: Any, place: str = "", notes: Notes | None = None) -> None:
        self.document = document
        self.notes = notes or Notes()
        self.place = place
        self.value: Any = value
        for _ in range(_HOPS):
            if not (is_object(self.value) and isinstance(self.value.get("$ref"), str)):
                return
            beside = dict(self.value)
            reference = beside.pop("$ref")
            near = reference.startswith("#/") and len(reference) <= _LONGEST
            target = value_at(document, unquote(reference[1:])) if near else None
            if target is None:
                self.notes.add(f"upstream {self.place}", f"the reference {clean(reference, 80)!r} was not followed")
                self.value = beside
                return
            self.place = unquote(reference[1:])
            self.value = {**target, **beside} if is_object(target) else target
        self.notes.add(f"upstream {place}", "references lead in a circle")
        self.value = None

    def __getitem__(self, step: str) -> "Node":
        inner = self.value.get(step) if is_object(self.value) else None
        return self._below(step, inner)

    def __contains__(self, step: str) -> bool:
        return is_object(self.value) and step in self.value

    def __bool__(self) -> bool:
        return bool(self.value)

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """What an object holds."""
        if is_object(self.value):
            for step, inner in self.value.items():
                yield step, self._below(step, inner)

    def each(self) -> Iterator["Node"]:
        """What a list holds."""
        if is_list(self.value):
            for index, inner in enumerate(self.value):
                yield self._below(index, inner)

    @property
    def text(self) -> str:
        """The text; an empty one for anything else."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def true(self) -> bool:
        """Whether this is the word true itself."""
        return self.value is True

    def with_notes(self, notes: Notes) -> "Node":
        """The same place; what comes up below is noted here."""
        return Node(self.document, self.value, self.place, notes)

    def _below(self, step: str | int, inner: Any) -> "Node":
        return Node(self.document, inner, pointer(self.place, step), self.notes)
