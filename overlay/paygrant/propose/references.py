"""Walks through a document that is not trusted, and follows its references.

A value that is missing, has another type or cannot be reached reads as empty.
"""

from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from referencing import Registry, Resource
from referencing.exceptions import Unresolvable

from paygrant._spec.document import is_array, is_object
from paygrant._spec.pointer import pointer_to
from paygrant.propose._decisions import Decisions, clean

_MAX_HOPS = 16
"""References in a row; a longer chain is taken for a circle."""

_MAX_LENGTH = 500
"""Characters of a reference."""


class References:
    """The references (``$ref``) within one document. Those to another document are not followed.

    The document is opaque to the library: an ``$id`` or an anchor in it has no effect.
    """

    def __init__(self, document: Any) -> None:
        self._resolver = Registry[Any]().resolver_with_root(Resource[Any].opaque(document))

    def target(self, reference: object) -> Any:
        """The value at a reference, which is ``#`` and a JSON Pointer (RFC 6901); None where there is no value."""
        if not isinstance(reference, str) or not reference.startswith("#/") or len(reference) > _MAX_LENGTH:
            return None
        try:
            return self._resolver.lookup(reference).contents
        except (Unresolvable, ValueError, TypeError):  # a step into a list that is not a number, or into a scalar
            return None


class Node:
    """A place in a document and the value there, after its references were followed.

    Attributes:
        references: Those of the whole document.
        value: The value; None where there is none.
        place: The JSON Pointer (RFC 6901) to it.
        decisions: Collects what a person must decide about the document.
    """

    def __init__(self, references: References, value: Any, place: str = "", decisions: Decisions | None = None) -> None:
        self.references = references
        self.decisions = decisions or Decisions()
        self.place = place
        self.value: Any = value
        for _ in range(_MAX_HOPS):
            if not (is_object(self.value) and isinstance(self.value.get("$ref"), str)):
                return
            others = dict(self.value)
            reference = others.pop("$ref")
            target = references.target(reference)
            if target is None:
                self.note(f"the reference {clean(reference, 80)!r} was not followed")
                self.value = others
                return
            self.place = unquote(reference[1:])
            self.value = {**target, **others} if is_object(target) else target
        self.decisions.add(f"upstream {place}", "the references form a circle")
        self.value = None

    @classmethod
    def root(cls, document: Any) -> "Node":
        """The whole of a document."""
        return cls(References(document), document)

    def __getitem__(self, step: str) -> "Node":
        return self._below(step, self.value.get(step) if is_object(self.value) else None)

    def __contains__(self, step: str) -> bool:
        return is_object(self.value) and step in self.value

    def __bool__(self) -> bool:
        return bool(self.value)

    def items(self) -> Iterator[tuple[str, "Node"]]:
        """The members of an object."""
        if is_object(self.value):
            for step, inner in self.value.items():
                yield step, self._below(step, inner)

    def values(self) -> Iterator["Node"]:
        """The values of the members of an object."""
        return (inner for _, inner in self.items())

    def each(self) -> Iterator["Node"]:
        """The items of an array."""
        if is_array(self.value):
            for index, inner in enumerate(self.value):
                yield self._below(index, inner)

    @property
    def text(self) -> str:
        """The string; an empty one for any other value."""
        return self.value if isinstance(self.value, str) else ""

    @property
    def is_true(self) -> bool:
        """Whether the value is ``true`` itself."""
        return self.value is True

    def note(self, text: str) -> None:
        """Add what a person must know about this place of the document."""
        self.decisions.add(f"upstream {self.place}", text)

    def deciding(self, decisions: Decisions) -> "Node":
        """The same place, with another collection of decisions."""
        return Node(self.references, self.value, self.place, decisions)

    def _below(self, step: str | int, inner: Any) -> "Node":
        return Node(self.references, inner, pointer_to(self.place, step), self.decisions)
