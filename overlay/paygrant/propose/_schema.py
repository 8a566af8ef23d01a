"""Schemas of any kind read into plain fields, and written as the schemas and examples of a normalized spec.

References, allOf, oneOf and anyOf are resolved here: a normalized spec has none of them.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from paygrant._spec.document import is_object
from paygrant._spec.names import MODEL_NAMES, SECRET_NAME
from paygrant._spec.pointer import parts
from paygrant._spec.pointer import pointer_to as pointer
from paygrant.propose._node import Node, clean, is_list

MOST_FIELDS = 500
"""In a schema; and levels, below: a schema that refers to itself in every other field would have no end."""

MOST_LEVELS = 12

CLIENT_CREDENTIALS = "clientcredentials"

SURE = 10
"""What a grant that can only be this one, or another one, weighs."""

_NAME = re.compile(r"[A-Za-z0-9.:@_\[\]-]{1,100}")
_KINDS = {"string", "integer", "number", "boolean", "object", "array"}
_SAFE_NUMBER = 1 << 53


@dataclass(slots=True, repr=False)
class Field:
    """A field, or a whole body.

    Attributes:
        kind: The type in JSON Schema.
        typed: Whether the document says so.
        description: In the document's words.
        choices: The values that the document allows, if it names them; all of them fit the kind.
        hint: A default or an example.
        form: The format in JSON Schema, such as date-time.
        fields: What an object holds.
        needed: Which of these must be there.
        items: What a list holds.
        const: The one value that is allowed in the spec.
        secret: Whether it is to be hidden.
    """

    kind: str = "string"
    typed: bool = True
    description: str = ""
    choices: list[Any] = field(default_factory=list[Any])
    hint: Any = None
    form: str = ""
    fields: dict[str, "Field"] = field(default_factory=dict[str, "Field"])
    needed: set[str] = field(default_factory=set[str])
    items: "Field | None" = None
    const: Any = None
    secret: bool = False

    def absorb(self, other: "Field") -> None:
        """Take over what another one says more."""
        if not self.typed:
            self.kind, self.typed = other.kind, other.typed
        elif other.typed and other.kind != self.kind:
            return
        for name in ("description", "choices", "hint", "form", "items"):
            if not getattr(self, name):
                setattr(self, name, getattr(other, name))
        if self.kind == "object":
            for name, each in other.fields.items():
                self.fields.setdefault(name, each).absorb(each)
            self.needed |= other.needed

    def leaves(
        self, steps: tuple[str, ...] = (), *, needed: bool = True
    ) -> Iterator[tuple[tuple[str, ...], "Field", bool]]:
        """Every field that is no object: the way to it, itself, and whether it must be there."""
        if self.kind != "object":
            yield steps, self, needed
            return
        for name, each in self.fields.items():
            yield from each.leaves((*steps, name), needed=needed and name in self.needed)

    def schema(self, name: str, at: str = "", *, request: bool = False) -> dict[str, Any]:
        """The field as a schema. What an answer may hold is not narrowed: a server may say more than it documents."""
        schema: dict[str, Any] = {"type": self.kind, "description": self.description or f"The {' '.join(words(name))}."}
        if self._is_hidden(at):
            schema["format"] = "password"
        if self.const is not None:
            schema["const"] = self.const
        elif request and self.choices:
            schema["enum"] = self.choices
        if self.kind == "object":
            if request and self.needed:
                schema["required"] = [each for each in self.fields if each in self.needed]
            schema["properties"] = {
                each: inner.schema(each, pointer(at, each), request=request) for each, inner in self.fields.items()
            }
        elif self.kind == "array":
            schema["items"] = (self.items or Field()).schema(f"{name} item", f"{at}/*", request=request)
        return schema

    def example(self, name: str, given: Any = None, at: str = "") -> Any:
        """A value that fits: what the document gives, as far as it fits and is no secret, and else one of straw."""
        if self.kind == "object":
            known: dict[str, Any] = given if is_object(given) else {}
            return {
                each: inner.example(each, known.get(each), pointer(at, each))
                for each, inner in self.fields.items()
                if not known or known.get(each) is not None
            }
        if self.kind == "array":
            return [(self.items or Field()).example(name, None, f"{at}/*")]
        if not self._is_hidden(at):
            for value in (given, self.hint):
                if fits(value, self.kind):
                    return value
        return {"integer": 1, "number": 1, "boolean": False}.get(self.kind, f"example-{'-'.join(words(name))}")

    def _is_hidden(self, at: str) -> bool:
        """Whether no error and no example may show it: that was settled, is documented, or is told by the name."""
        return self.secret or self.form == "password" or SECRET_NAME.search(at) is not None


class Reader:
    """Reads schemas, up to so many fields and levels in all."""

    def __init__(self, most: int = MOST_FIELDS, levels: int = MOST_LEVELS) -> None:
        self._left = most
        self._levels = levels

    def read(self, node: Node, above: tuple[str, ...] = ()) -> Field:
        """The schema that stands there."""
        self._left -= 1
        if node.place in above or len(above) > self._levels or self._left < 0:
            node.notes.add(f"upstream {node.place}", "the schema contains itself, or too much; it was cut off here")
            return Field("object")
        above = (*above, node.place)
        found = self._own(node, above)
        for part in node["allOf"].each():
            found.absorb(self.read(part, above))
        for word in ("oneOf", "anyOf"):
            options = [self.read(each, above) for each in node[word].each() if each["type"].text != "null"]
            if options:
                best = max(options, key=merit)
                if len(options) > 1:
                    names = ", ".join(best.fields) or best.kind
                    node.notes.add(
                        f"upstream {node.place}/{word}", f"of {len(options)} alternatives one was taken: {names}"
                    )
                found.absorb(best)
        found.choices = list(dict.fromkeys(each for each in found.choices if fits(each, found.kind)))
        return found

    def guess(self, value: Any, levels: int = 6) -> Field:
        """The schema of an example, where that is all there is."""
        self._left -= 1
        if is_object(value):
            known = value.items() if levels and self._left > 0 else ()
            usable = {name: each for name, each in known if _is_usable(name) and each is not None}
            return Field("object", fields={name: self.guess(each, levels - 1) for name, each in usable.items()})
        if is_list(value):
            return Field("array", items=self.guess(value[0], levels - 1) if value and levels else None)
        return Field(
            next((kind for kind in ("integer", "number", "boolean") if fits(value, kind)), "string"), hint=value
        )

    def _own(self, node: Node, above: tuple[str, ...]) -> Field:
        """What a schema says by itself."""
        kinds = [each.text for each in node["type"].each()] or [node["type"].text]
        kind = next((each for each in kinds if each in _KINDS), "")
        choices = [each.value for each in node["enum"].each()] or ([node["const"].value] if "const" in node else [])
        guess = next(
            (each for each in ("integer", "number", "boolean") if choices and fits(choices[0], each)), "string"
        )
        hints = [node["default"], node["example"], node["x-example"], *node["examples"].each()]
        found = Field(
            kind=kind or ("object" if node["properties"] else "array" if node["items"] else guess),
            typed=bool(kind),
            description=clean(node["description"].text or node["title"].text),
            choices=choices,
            hint=next((each.value for each in hints if each.value is not None), None),
            form=node["format"].text,
            needed={each.text for each in node["required"].each()},
            items=self.read(node["items"], above) if node["items"] else None,
        )
        for name, each in node["properties"].items():
            if not _is_usable(name):
                node.notes.add(f"upstream {node.place}", f"the field {clean(name, 80)!r} was left out for its name")
            elif each.value is not False and self._left > 0:
                found.fields[name] = self.read(each, above)
        return found


def _is_usable(name: str) -> bool:
    """Whether a field of the models can have this name."""
    return bool(_NAME.fullmatch(name)) and "_".join(words(name)) not in MODEL_NAMES


def merit(option: Field) -> int:
    """How much an alternative looks like the client credentials grant, or like an answer with a token."""
    score = 0
    for steps, each, _ in option.leaves():
        name = word(steps[-1] if steps else "")
        if name == "granttype":
            values = [word(str(value)) for value in (*each.choices, each.hint) if value is not None]
            score += SURE if CLIENT_CREDENTIALS in values else -SURE if values else 1
        score += 2 * (name in {"clientsecret", "accesstoken", "token"}) + (name == "clientid")
    return score


def find(body: Field, names: tuple[str, ...], kinds: str = "string integer number") -> tuple[str, Field] | None:
    """Where a field with one of these names stands, the first name first; of several the one that lies least deep."""
    found = [
        (names.index(word(steps[-1])), len(steps), pointer("", *steps), each)
        for steps, each, _ in body.leaves()
        if steps and word(steps[-1]) in names and each.kind in kinds.split()
    ]
    best = min(found, key=lambda each: each[:2], default=None)
    return best and best[2:]


def ensure(body: Field, at: str, leaf: Field) -> Field:
    """The field at a JSON Pointer, made where it is missing."""
    *above, last = parts(at)
    for step in above:
        body = body.fields.setdefault(step, Field("object"))
    return body.fields.setdefault(last, leaf)


def fits(value: Any, kind: str) -> bool:
    """Whether a value is of a kind, and can stand in a spec as it is."""
    if isinstance(value, bool):
        return kind == "boolean"
    if isinstance(value, str):
        return kind == "string" and bool(value) and clean(value) == value
    if isinstance(value, int):
        return kind in {"integer", "number"} and abs(value) < _SAFE_NUMBER
    return isinstance(value, float) and kind == "number"


def words(name: str) -> list[str]:
    """The words of a name in any spelling, in lower case."""
    return re.sub(r"([a-z0-9])([A-Z])", r"\1 \2", re.sub("[^A-Za-z0-9]+", " ", name)).lower().split()


def word(name: str) -> str:
    """A name without its spelling: client_id, clientId and X-Client-ID are one."""
    return re.sub("[^a-z0-9]", "", re.sub("^x-", "", name.lower()))
