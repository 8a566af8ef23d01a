"""Reads any JSON Schema into plain fields, and writes fields as schemas and examples of a normalized spec.

References, allOf, oneOf and anyOf are resolved here: a normalized spec has none of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from paygrant._spec.document import is_array, is_object
from paygrant._spec.names import MODEL_NAMES, SECRET_NAME
from paygrant._spec.pointer import pointer_to
from paygrant.propose._decisions import clean
from paygrant.propose._field_names import (
    CLIENT_CREDENTIALS,
    GRANT_TYPE,
    USER_GRANTS,
    is_certain_secret,
    normalized,
    words,
)
from paygrant.propose.references import Node

MAX_FIELDS = 500
"""Fields in a schema. This limit and the next one end a schema that refers to itself."""

MAX_LEVELS = 12

CERTAIN = 10
"""The merit of a body that is for the client credentials grant; a body for the grants of a user has its negative."""

_NAME = re.compile(r"[A-Za-z0-9.:@_\[\]-]{1,100}")
_KINDS = {"string", "integer", "number", "boolean", "object", "array"}
_SAFE_NUMBER = 1 << 53


class SpecFragment(NamedTuple):
    """What the request or the responses add to a spec: members of the operation, of ``x-token-endpoint``, and schemas."""

    operation: dict[str, Any]
    endpoint: dict[str, Any]
    schemas: dict[str, Any]


@dataclass(slots=True, repr=False)
class Field:
    """A field, or a whole body.

    Attributes:
        kind: The type in JSON Schema.
        typed: Whether the document gives the type.
        description: The document's description.
        choices: The values that the document allows, if it lists them; all of them fit the kind.
        sample: A default or an example.
        format: The format in JSON Schema, such as date-time.
        fields: The members of an object.
        required: The names of the members that must be there.
        items: The items of an array.
        const: The one value that the spec allows.
        secret: Whether the value must be hidden.
    """

    kind: str = "string"
    typed: bool = True
    description: str = ""
    choices: list[Any] = field(default_factory=list[Any])
    sample: Any = None
    format: str = ""
    fields: dict[str, "Field"] = field(default_factory=dict[str, "Field"])
    required: set[str] = field(default_factory=set[str])
    items: "Field | None" = None
    const: Any = None
    secret: bool = False

    def absorb(self, other: "Field") -> None:
        """Take over what another description of the same field adds."""
        if not self.typed:
            self.kind, self.typed = other.kind, other.typed
        elif other.typed and other.kind != self.kind:
            return
        for name in ("description", "choices", "sample", "format", "items"):
            if not getattr(self, name):
                setattr(self, name, getattr(other, name))
        if self.kind == "object":
            for name, each in other.fields.items():
                self.fields.setdefault(name, each).absorb(each)
            self.required |= other.required

    def leaves(
        self, steps: tuple[str, ...] = (), *, required: bool = True, items: bool = False
    ) -> Iterator[tuple[tuple[str, ...], "Field", bool]]:
        """Every field that is not an object: its path, the field, and whether it must be there.

        With ``items``, the first item of an array takes the place of the array.
        """
        if items and self.kind == "array" and self.items:
            yield from self.items.leaves((*steps, "0"), required=False, items=True)
            return
        if self.kind != "object":
            yield steps, self, required
            return
        for name, each in self.fields.items():
            yield from each.leaves((*steps, name), required=required and name in self.required, items=items)

    def find(
        self, names: tuple[str, ...], kinds: str = "string integer number", *, items: bool = False
    ) -> tuple[str, "Field"] | None:
        """The JSON Pointer to the field with the first of these names, and the field; of several the least deep."""
        found = [
            (names.index(normalized(steps[-1])), len(steps), pointer_to("", *steps), each)
            for steps, each, _ in self.leaves(items=items)
            if steps and normalized(steps[-1]) in names and each.kind in kinds.split()
        ]
        best = min(found, key=lambda each: each[:2], default=None)
        return best and best[2:]

    def put(self, steps: tuple[str, ...], leaf: "Field", *, required: bool) -> None:
        """Add a field at a path, and the objects on the way to it."""
        body = self
        for depth, step in enumerate(steps, 1):
            if required:
                body.required.add(step)
            body = body.fields.setdefault(step, leaf if depth == len(steps) else Field("object"))

    def schema(self, name: str, at: str = "", *, request: bool = False) -> dict[str, Any]:
        """The field as a schema. A response is not restricted: a server may send more than its document says."""
        schema: dict[str, Any] = {"type": self.kind, "description": self.description or f"The {' '.join(words(name))}."}
        if self._is_hidden(at):
            schema["format"] = "password"
        if self.const is not None:
            schema["const"] = self.const
        elif request and self.choices:
            schema["enum"] = self.choices
        if self.kind == "object":
            if request and self.required:
                schema["required"] = [each for each in self.fields if each in self.required]
            schema["properties"] = {
                each: inner.schema(each, pointer_to(at, each), request=request) for each, inner in self.fields.items()
            }
        elif self.kind == "array":
            schema["items"] = (self.items or Field()).schema(f"{name} item", f"{at}/*", request=request)
        return schema

    def example(self, name: str, given: Any = None, at: str = "") -> Any:
        """A value that fits: the document's example, if it fits and is not secret, or a made-up one."""
        if self.kind == "object":
            known: dict[str, Any] = given if is_object(given) else {}
            return {
                each: inner.example(each, known.get(each), pointer_to(at, each))
                for each, inner in self.fields.items()
                if not known or known.get(each) is not None
            }
        if self.kind == "array":
            each = self.items or Field()
            return [
                each.example(name, value, f"{at}/*") for value in (given if is_array(given) and given else [None])[:3]
            ]
        if not self._is_hidden(at):
            for value in (given, self.sample):
                if _fits(value, self.kind):
                    return value
        return {"integer": 1, "number": 1, "boolean": False}.get(self.kind, f"example-{'-'.join(words(name))}")

    def fits(self, value: Any) -> bool:
        """Whether an example shows this value as it is."""
        return _fits(value, self.kind) and not self._is_hidden("")

    def _is_hidden(self, at: str) -> bool:
        """Whether no error and no example may show the value."""
        return self.secret or self.format == "password" or SECRET_NAME.search(at) is not None


class SchemaReader:
    """Reads schemas, up to a number of fields in all, and of levels."""

    def __init__(self, fields: int = MAX_FIELDS, levels: int = MAX_LEVELS) -> None:
        self._left = fields
        self._levels = levels

    def read(self, node: Node, above: tuple[str, ...] = ()) -> Field:
        """The field that a schema describes."""
        self._left -= 1
        if node.place in above or len(above) > self._levels or self._left < 0:
            node.note("the schema refers to itself, or is too large; it was cut off here")
            return Field("object")
        above = (*above, node.place)
        found = self._own(node, above)
        for part in node["allOf"].each():
            found.absorb(self.read(part, above))
        for keyword in ("oneOf", "anyOf"):
            options = [self.read(each, above) for each in node[keyword].each() if each["type"].text != "null"]
            if options:
                best = max(options, key=merit)
                if len(options) > 1:
                    names = ", ".join(best.fields) or best.kind
                    node[keyword].note(f"one of {len(options)} alternatives was taken: {names}")
                found.absorb(best)
        found.choices = list(dict.fromkeys(each for each in found.choices if _fits(each, found.kind)))
        return found

    def guess(self, value: Any, levels: int = 6) -> Field:
        """The field that an example shows, for a document without a schema."""
        self._left -= 1
        if is_object(value):
            known = value.items() if levels and self._left > 0 else ()
            usable = {name: each for name, each in known if _is_usable(name) and each is not None}
            return Field("object", fields={name: self.guess(each, levels - 1) for name, each in usable.items()})
        if is_array(value):
            return Field("array", items=self.guess(value[0], levels - 1) if value and levels else None)
        return Field(_scalar(value), sample=value)

    def _own(self, node: Node, above: tuple[str, ...]) -> Field:
        """The field, without the parts of allOf, oneOf and anyOf."""
        kinds = [each.text for each in node["type"].each()] or [node["type"].text]
        kind = next((each for each in kinds if each in _KINDS), "")
        choices = [each.value for each in node["enum"].each()] or ([node["const"].value] if "const" in node else [])
        samples = [node["default"], node["example"], node["x-example"], *node["examples"].each()]
        sample = next((each.value for each in samples if each.value is not None), None)
        if kind == "object" and not node["properties"] and isinstance(sample, str | int | float):
            kind = _scalar(sample)  # the type is wrong, or stands for any type
        guess = "object" if node["properties"] else "array" if node["items"] else _scalar(*choices[:1])
        found = Field(
            kind=kind or guess,
            typed=bool(kind),
            description=clean(node["description"].text or node["title"].text),
            choices=choices,
            sample=sample,
            format=node["format"].text,
            required={each.text for each in node["required"].each()},
            items=self.read(node["items"], above) if node["items"] else None,
        )
        for name, each in node["properties"].items():
            if not _is_usable(name):
                node.note(f"the field {clean(name, 80)!r} was left out: generated code cannot have its name")
            elif each.value is not False and self._left > 0:
                found.fields[name] = self.read(each, above)
        return found


def _is_usable(name: str) -> bool:
    """Whether a field of the generated models can have this name."""
    return bool(_NAME.fullmatch(name)) and "_".join(words(name)) not in MODEL_NAMES


def merit(body: Field) -> int:
    """How much a body looks like a request with client credentials, or like a response with a token."""
    score = 0
    for steps, each, _ in body.leaves():
        name = normalized(steps[-1]) if steps else ""
        if name == GRANT_TYPE:
            values = {normalized(str(value)) for value in (*each.choices, each.sample) if value is not None}
            score += CERTAIN if CLIENT_CREDENTIALS in values else -CERTAIN if values and values <= USER_GRANTS else 1
        score += 2 * (is_certain_secret(name) or name in {"accesstoken", "token"}) + (name == "clientid")
    return score


def _scalar(value: Any = None) -> str:
    """The kind of a value that is neither an object nor an array."""
    return next((kind for kind in ("integer", "number", "boolean") if _fits(value, kind)), "string")


def _fits(value: Any, kind: str) -> bool:
    """Whether a value is of a kind, and can go into a spec unchanged."""
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, str):
        return kind == "string" and bool(value) and clean(value) == value
    if isinstance(value, int):
        return kind in {"integer", "number"} and abs(value) < _SAFE_NUMBER
    return isinstance(value, float) and kind == "number"
