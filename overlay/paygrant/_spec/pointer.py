"""JSON Pointers (RFC 6901): write one, find a value by one, put a value at one."""

import functools
import re
from collections.abc import Sequence
from typing import Any

_INDICES = frozenset("0123456789")
"""Steps that lead into an array of an example."""


def escaped(step: str) -> str:
    """Escape one step of a pointer."""
    return step.replace("~", "~0").replace("/", "~1")


def pointer_to(place: str, *steps: str | int) -> str:
    """Return the pointer that leads some steps further than ``place``."""
    return "/".join((place, *(escaped(str(step)) for step in steps)))


@functools.lru_cache(maxsize=1024)  # those of the specs in use: reading a response splits them each time
def parts(pointer: str) -> tuple[str, ...]:
    """Return the steps of a pointer, unescaped."""
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:])


def field_at(name: str) -> str:
    """Return the pointer to a field that a spec names: by its name alone, or by a pointer."""
    return name if name.startswith("/") else pointer_to("", name)


def any_item(pointer: str) -> str:
    """Return a pointer with ``*`` in place of each index."""
    return re.sub(r"/(?:0|[1-9][0-9]*)(?=/|$)", "/*", pointer)


def value_at(document: Any, pointer: str) -> Any:
    """Return the value at a pointer; None where there is no value."""
    for part in parts(pointer):
        inner: Any = document
        if isinstance(document, dict):
            document = inner.get(part)
        elif isinstance(document, list) and part.isdecimal() and int(part) < len(inner):
            document = inner[int(part)]
        else:
            return None
    return document


def put(document: dict[str, Any], pointer: str, value: object) -> None:
    """Set the value at a pointer. Objects that are missing on the way are made."""
    *parents, last = parts(pointer)
    inner: Any = document
    for part in parents:
        inner = inner.setdefault(part, {})
    inner[last] = value


def with_value(document: Any, pointer: str, value: object) -> Any:
    """Return a copy with a value at a pointer. Objects and arrays that are missing on the way are made.

    An empty object becomes an array if the next step is an index.
    """
    return _with_value(document, parts(pointer), value)


def _with_value(here: Any, steps: Sequence[str], value: object) -> Any:
    if not steps:
        return value
    first, *rest = steps
    if first in _INDICES and (not here or not isinstance(here, dict)):
        items: list[Any] = [*here] if isinstance(here, list) else []
        items += [{}] * (int(first) + 1 - len(items))
        items[int(first)] = _with_value(items[int(first)], rest, value)
        return items
    made: dict[str, Any] = {**here} if isinstance(here, dict) else {}
    made[first] = _with_value(made.get(first), rest, value)
    return made
