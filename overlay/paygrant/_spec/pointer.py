"""JSON Pointers (RFC 6901): finding a value in a document, and putting one there."""

from typing import Any


def escaped(step: str) -> str:
    """A step as a pointer holds it."""
    return step.replace("~", "~0").replace("/", "~1")


def parts(pointer: str) -> list[str]:
    """The steps of a pointer."""
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]


def value_at(document: Any, pointer: str) -> Any:
    """What stands there; None where nothing does."""
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
    """Set what stands there, and make the objects on the way."""
    *parents, last = parts(pointer)
    inner: Any = document
    for part in parents:
        inner = inner.setdefault(part, {})
    inner[last] = value
