"""JSON documents and tokens for tests: the places in a document, and a JWT with some claims."""

from collections.abc import Iterator
from typing import Any

import jwt

from paygrant._spec.document import is_array, is_object


def places(document: Any) -> Iterator[tuple[Any, Any]]:
    """Each place in a document: its container, and its key there."""
    inner = [*document.items()] if is_object(document) else [*enumerate(document)] if is_array(document) else []
    for key, value in inner:
        yield document, key
        yield from places(value)


def jwt_with(**claims: object) -> str:
    """A JWT as a server issues it. Nobody checks its signature."""
    return jwt.encode(claims, "a key of straw that is thirty-two bytes or more", algorithm="HS256")
