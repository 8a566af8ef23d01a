"""The parts of a spec, as ``reader`` gives them to the rules of lint and to the other readers of a spec."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from paygrant._spec.description import Place


class RequestPart(NamedTuple):
    """A parameter of the operation, a field of the request's body, or a part of the host."""

    place: Place
    name: str
    required: bool
    schema: Mapping[str, Any]
    about: str


class Source(NamedTuple):
    """What fills a parameter: a fixed value, or an argument of the caller, which may have a default."""

    value: str | float | bool | None
    argument: str | None
    default: str | float | bool | None
    excludes: tuple[str, ...]


class Example(NamedTuple):
    """An example of a response, and its JSON Pointer in the spec."""

    pointer: str
    status: str
    media_type: str
    name: str
    body: Any


class SchemaField(NamedTuple):
    """A field of a schema, at any depth.

    Attributes:
        at: Its JSON Pointer in a body. Any item of an array is ``*``.
        pointer: Its JSON Pointer in the spec.
        schema: Its own schema.
    """

    at: str
    pointer: str
    schema: Mapping[str, Any]
