"""How a short spec is completed: what its schemas do not state."""

import re
from collections.abc import Collection, Iterable, Mapping
from typing import Any, TypeGuard

from paygrant._spec.document import DEEPEST, is_array, is_object, object_in
from paygrant._spec.names import SECRET_NAME, generated_name
from paygrant._spec.pointer import any_item, escaped, parts

_REFERENCE = re.compile(r"#/components/schemas/([A-Za-z0-9._-]+)")

_OTHER_KEYS = ("title", "example", "examples", "default", "deprecated", "readOnly", "writeOnly", "nullable")
"""Keys of a schema that say nothing about the request or the response."""


def fill(target: Any, **values: Any) -> None:
    """Add what is not there yet."""
    if is_object(target):
        for name, value in values.items():
            if target.get(name) is None:
                target[name] = value


def plain(schema: Mapping[str, Any], name: str = "") -> dict[str, Any]:
    """A schema with a type and a description, at any depth, without keys that say nothing here."""
    made = {key: value for key, value in schema.items() if key not in _OTHER_KEYS}
    kind = made.get("type")
    if is_array(kind):
        made["type"] = next((each for each in kind if each != "null"), "string")
    if not {"$ref", "allOf", "oneOf", "anyOf"} & made.keys():
        fill(made, type=_type_of(made), description=f"The field {name}." if name else "The fields.")
    properties = made.get("properties")
    if is_object(properties):
        made["properties"] = {
            name: plain(each or {}, name) if is_object(each) or each is None else each
            for name, each in properties.items()
        }
    if is_object(made.get("items")):
        made["items"] = plain(made["items"], name)
    return made


def _type_of(schema: Mapping[str, Any]) -> str:
    values: list[Any] = [schema.get("const"), *(schema.get("enum") or ())]
    example = next((each for each in values if each is not None), None)
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else _type_of_value(example)


def _type_of_value(value: Any) -> str:
    if isinstance(value, bool):
        return "boolean"
    return "integer" if isinstance(value, int) else "number" if isinstance(value, float) else "string"


def ensure(schema: dict[str, Any], at: str, value: Any, *, const: bool = True) -> dict[str, Any] | None:
    """Add a field at a JSON Pointer, if it is not there yet.

    Args:
        schema: The schema of the whole.
        at: The place of the field.
        value: A value that gives the field its type; None if it is a string.
        const: Whether the field always has this value.

    Returns:
        The field; None if something else is in the way.
    """
    here: Any = schema
    for step in parts(at)[:DEEPEST]:
        here = _below(here, step)
        if here is None:
            return None
    if set(here) == {"description"}:  # the field was made just now
        here["type"] = _type_of_value(value)
    if const and value is not None:
        fill(here, const=value)
    found: dict[str, Any] = here
    return found


_TEXTS = {
    "date": "2030-01-01",
    "date-time": "2030-01-01T00:00:00Z",
    "email": "somebody@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
"""Examples of strings, by format."""


def value_of(schema: Any, left_out: Collection[str] = (), at: str = "", depth: int = 0) -> Any:
    """A value of a schema: its own example, or each field with a value of its type.

    Args:
        schema: The schema, as it is stated.
        left_out: The JSON Pointers of fields that the value does not have.
        at: The place of the schema.
        depth: The number of schemas around it.
    """
    if not is_object(schema) or depth > DEEPEST:
        return "text"
    stated: list[Any] = [schema.get("const"), schema.get("example"), schema.get("default")]
    for key in ("examples", "enum"):
        several: Any = schema.get(key)
        stated += several[:1] if is_array(several) else []
    found = next((each for each in stated if each is not None), None)
    if found is not None:
        return found
    properties: Any = schema.get("properties")
    kind: Any = schema.get("type") or _type_of(schema)
    if is_array(kind):
        kind = next((each for each in kind if each != "null"), "string")
    if kind == "object" or is_object(properties):
        places_of = {name: f"{at}/{escaped(str(name))}" for name in (properties if is_object(properties) else {})}
        return {
            name: value_of(properties[name], left_out, place, depth + 1)
            for name, place in places_of.items()
            if place not in left_out
        }
    if kind == "array":
        return [value_of(schema.get("items"), left_out, f"{at}/0", depth + 1)]
    if kind in {"integer", "number"}:
        return 1
    return True if kind == "boolean" else _TEXTS.get(str(schema.get("format")), "text")


def _below(schema: dict[str, Any], step: str) -> Any:
    """The schema of a field or of an item, made if it is not there; None if the schema has another type."""
    items = step.isdecimal() and schema.get("type") != "object"
    kind = "array" if items else "object"
    if schema.setdefault("type", kind) != kind:
        return None
    fields: Any = schema if items else schema.setdefault("properties", {})
    key = "items" if items else step
    if not is_object(fields):
        return None
    found: Any = fields.setdefault(key, {})
    if found == {}:
        found["description"] = f"The field {step}."
    return found if is_object(found) else None


def mark_secrets(schema: Any, carrying: Iterable[str] = (), at: str = "") -> None:
    """State that the fields which carry a secret, or have a name that says so, are secret."""
    if not is_object(schema):
        return
    if schema.get("type") == "string" and at and (at in carrying or SECRET_NAME.search(at)):
        fill(schema, format="password")
    for name, field in object_in(schema, "properties").items():
        mark_secrets(field, carrying, f"{at}/{escaped(str(name))}")
    mark_secrets(schema.get("items"), {any_item(each) for each in carrying}, f"{at}/*")


def places(schema: Any, at: str = "") -> set[str]:
    """The JSON Pointers of all fields of a schema. Any item of an array is ``*``."""
    if not is_object(schema):
        return set()
    below = {f"{at}/{escaped(str(name))}": field for name, field in object_in(schema, "properties").items()}
    below |= {f"{at}/*": schema["items"]} if "items" in schema else {}
    return below.keys() | {each for place, field in below.items() for each in places(field, place)}


def require_nothing(schema: Any) -> None:
    """Let no field of a response be required: the generated client would raise KeyError without it."""
    if is_object(schema):
        schema.pop("required", None)
        for field in object_in(schema, "properties").values():
            require_nothing(field)
        require_nothing(schema.get("items"))


def resolved(schema: Any, schemas: Mapping[str, Any]) -> Any:
    """A schema, or the one under components that it refers to."""
    match = _REFERENCE.fullmatch(reference_of(schema))
    return schemas.get(match[1]) if match else schema


def reference_of(schema: Any) -> str:
    """The reference that a schema is; an empty text if it is none."""
    reference = object_in(schema).get("$ref")
    return reference if isinstance(reference, str) else ""


def pointers(section: Any, fact: str) -> list[str]:
    """The JSON Pointers of a fact."""
    found: Any = object_in(section).get(fact)
    return [each for each in found if is_pointer(each)] if is_array(found) else []


def is_pointer(value: Any) -> TypeGuard[str]:
    """Whether a value is a JSON Pointer that leads to a field."""
    return isinstance(value, str) and value.startswith("/") and value.count("/") <= DEEPEST


def contents(response: Any) -> list[dict[str, Any]]:
    """The contents of a response, of each media type."""
    return list(filter(is_object, object_in(response, "content").values()))


def snake_case(name: str) -> str:
    """The argument for a name, such as ``tenant_id`` for ``tenantId``."""
    return generated_name(re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", name.rpartition("/")[2]))
