"""Walking a stranger's document: whatever is missing, of another type or out of reach reads as empty."""

from collections.abc import Iterator
from typing import Any, TypeGuard
from urllib.parse import unquote

from paygrant._spec.document import is_object
from paygrant._spec.names import UNSAFE_CHARACTERS
from paygrant._spec.pointer import pointer_to as pointer
from paygrant._spec.pointer import value_at

_HOPS = 16
"""References in a row; a longer chain is taken for a circle."""

_LONGEST = 500
"""Characters of a reference."""

_FIRST = ("/x-token-endpoint/credentials", "/x-token-endpoint/use", "/servers", "/paths")
"""Places that decide who gets the secret, and how: their notes go before all others, and none of them is left out."""

_MOST_NOTES = 100
"""Of the other places: who has more to decide starts with another document."""


def clean(text: object, most: int = 300) -> str:
    """A stranger's text as one line that does no harm on a terminal, and is not too long."""
    line = " ".join(UNSAFE_CHARACTERS.sub(" ", str(text)).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def is_list(value: Any) -> TypeGuard[list[Any]]:
    """Whether a value is an array of JSON."""
    return isinstance(value, list)


class Notes:
    """What a person must decide, each once: what concerns the secret, the rest of the draft, and then the document."""

    def __init__(self) -> None:
        self._places = dict[str, str]()

    def add(self, place: str, text: str) -> None:
        """Note what is to be decided at a place."""
        self._places[clean(f"{place}: {text}", 600)] = place

    @property
    def lines(self) -> tuple[str, ...]:
        """The notes; where there are too many, the last line says how many more there are."""
        ranked = sorted(self._places, key=lambda line: _rank(self._places[line]))
        most = _MOST_NOTES + sum(place in _FIRST for place in self._places.values())
        more = [f"and {len(ranked) - most} more"] if len(ranked) > most else []
        return (*ranked[:most], *more)


def _rank(place: str) -> int:
    """Where the notes on a place stand among all."""
    return _FIRST.index(place) if place in _FIRST else len(_FIRST) + place.startswith("upstream ")


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
