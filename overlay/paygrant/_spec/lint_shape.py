"""Rules on the shape of a spec: the titles in normalized.schema.json, and those of OpenAPI itself."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator, ValidationError
from jsonschema.protocols import Validator
from openapi_spec_validator import OpenAPIV31SpecValidator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from paygrant._spec.document import Document, is_object
from paygrant._spec.errors import Fault, with_rule
from paygrant._spec.pointer import pointer_to
from paygrant._text import similar

_KINDS = {
    "array": "a list",
    "boolean": "true or false",
    "integer": "a whole number",
    "null": "null",
    "number": "a number",
    "object": "a mapping",
    "string": "a text",
}
"""The types of JSON Schema, as a person who writes YAML calls them."""

LONG = 80
"""Characters. A finding does not repeat a longer value; it names the place."""


def _schema(name: str) -> Resource[Any]:
    return DRAFT202012.create_resource(json.loads(Path(__file__).with_name(name).read_text("utf-8")))


_NORMALIZED = _schema("normalized.schema.json")
_REGISTRY = Registry[Any]().with_resource("extensions.schema.json", _schema("extensions.schema.json"))


def _titles(schema: Resource[Any]) -> Iterator[tuple[str, str]]:
    if title := _title(schema.contents):
        yield title, schema.contents["description"]
    for part in schema.subresources():
        yield from _titles(part)


def _title(schema: Any) -> str | None:
    return schema.get("title") if is_object(schema) else None


RULES = {**dict(_titles(_NORMALIZED)), "openapi": "A spec must be valid OpenAPI 3.1."}


def json_schema(schema: Any) -> Validator:
    """Return a validator for this JSON Schema."""
    return Draft202012Validator(schema, registry=_REGISTRY, format_checker=Draft202012Validator.FORMAT_CHECKER)


def normalized_errors(document: Document) -> Iterator[ValidationError]:
    """Yield where a spec differs from the JSON Schema of a normalized spec."""
    yield from json_schema(_NORMALIZED.contents).iter_errors(document.data)


def shape_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks the JSON Schema of a normalized spec."""
    wrong_types = set[str]()
    for error in sorted(normalized_errors(document), key=lambda each: each.validator != "type"):
        place = pointer_to("", *error.absolute_path)
        if place in wrong_types:
            continue  # what else is wrong with it follows from its type
        if error.validator == "type":
            wrong_types.add(place)
        rule = _nearest_title(error)
        expected = error.schema.get("description", RULES[rule]) if is_object(error.schema) else RULES[rule]
        yield _fault(rule, error, expected)


def openapi_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks OpenAPI 3.1."""
    try:
        for error in OpenAPIV31SpecValidator(document.data).iter_errors():
            yield _fault("openapi", error, RULES["openapi"])
    except Exception as error:  # noqa: BLE001 - the validator takes some parts for granted, such as the name of a tag
        yield Fault("openapi", "", f"the document cannot be checked ({type(error).__name__}). {RULES['openapi']}")


def _fault(rule: str, error: ValidationError, expected: str) -> Fault:
    return Fault(rule, pointer_to("", *error.absolute_path), with_rule(_words(error), expected))


def _words(error: ValidationError) -> str:
    """What is wrong, in words of a person who writes YAML."""
    shown = repr(error.instance)
    value = "this" if len(shown) > LONG else shown
    stated: Any = error.validator_value
    if error.validator == "enum" and (meant := _meant(error.instance, stated)):
        return f"{value} is not known; did you mean {meant!r}?"
    if error.validator == "type":
        kinds: list[str] = [stated] if isinstance(stated, str) else stated
        return f"{value} is not {' or '.join(_KINDS.get(each, each) for each in kinds)}"
    if error.validator in {"pattern", "not"}:
        return f"{value} is not allowed here"
    if missing := _missing_word(error):
        return missing
    unknown = _unknown_words(error)
    if unknown and len(unknown) <= LONG:
        return f"{unknown} {'are' if ', ' in unknown else 'is'} not known here"
    return error.message.replace(shown, value)


def _missing_word(error: ValidationError) -> str:
    """The word that a mapping needs, by itself or beside another word; an empty text if it has all of them."""
    stated: Any = error.validator_value
    instance: Any = error.instance
    if error.validator == "dependentRequired":
        given = next(each for each in stated if each in instance and {*stated[each]} - {*instance})
        return f"{given!r} is given without {stated[given][0]!r}"
    missing = [each for each in stated if error.message.startswith(repr(each))] if error.validator == "required" else []
    return f"{missing[0]!r} is missing" if missing else ""


def _meant(value: Any, known: list[Any]) -> str | None:
    """The known value that this one is probably meant to be."""
    texts = [each for each in known if isinstance(each, str)]
    return similar(value, texts, part=True) if isinstance(value, str) else None


def _unknown_words(error: ValidationError) -> str:
    """The words of a mapping that its schema does not know; an empty text if the schema allows further ones."""
    if error.validator != "additionalProperties" or error.validator_value is not False or not is_object(error.schema):
        return ""
    known: Any = error.schema.get("properties", {})
    patterns: Any = error.schema.get("patternProperties", {})
    return "" if patterns or not is_object(error.instance) else ", ".join(map(repr, error.instance.keys() - known))


def _nearest_title(error: ValidationError) -> str:
    """Return the last title on the path to what failed. The path that jsonschema gives does not contain the $refs."""
    schema, resolver = _NORMALIZED.contents, _REGISTRY.resolver_with_root(_NORMALIZED)
    title = str(_title(schema))
    for step in error.absolute_schema_path:
        while "$ref" in schema:
            resolved = resolver.lookup(schema["$ref"])
            schema, resolver = resolved.contents, resolved.resolver
            title = _title(schema) or title
        schema = schema[step]
        title = _title(schema) or title
    return title
