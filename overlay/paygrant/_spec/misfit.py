"""Whether a description holds what its types promise. The spec in a generated folder is read without the lint rules."""

import math
from collections.abc import Mapping
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin

from paygrant._spec.description import TokenEndpoint


def misfit(endpoint: TokenEndpoint) -> str | None:
    """The first field of a description that does not fit its type. None if all fit.

    A text does not fit if it holds a control character: names and texts stand in log lines and errors. A list does not
    fit if it is empty and something takes its first item.
    """
    wrong = (name for name, kind in _fields(TokenEndpoint).items() if not _fits(getattr(endpoint, name), kind))
    if found := next(wrong, None):
        return found
    needed = {
        "client_auth": endpoint.client_auth,
        "response": endpoint.response.access_token,
        "token_use": endpoint.token_use.rejected_statuses,
    }
    return next((name for name, values in needed.items() if not values), None)


def _fields(kind: type) -> dict[str, Any]:
    return kind.__annotations__  # none of them is a string


def _fits(value: Any, kind: Any) -> bool:  # noqa: PLR0911 - one for each kind of type
    origin, arguments = get_origin(kind), get_args(kind)
    inside: Any = value
    if origin in {Union, UnionType}:
        return any(_fits(value, each) for each in arguments)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, arguments[0]) for each in inside)
    if origin is Mapping:
        return isinstance(value, dict) and all(
            _fits(name, arguments[0]) and _fits(each, arguments[1]) for name, each in inside.items()
        )
    if kind.__module__ == TokenEndpoint.__module__:
        return isinstance(value, kind) and all(
            _fits(getattr(value, name), each) for name, each in _fields(kind).items()
        )
    if kind is float:
        return type(value) in {int, float} and math.isfinite(value)
    if kind is str:
        return isinstance(value, str) and _is_safe(value)
    return type(value) is kind or (kind is NoneType and value is None)


def _is_safe(text: str) -> bool:
    """Whether a text holds no control character. Most texts are plain ASCII, and need no expression for that."""
    if text.isascii() and text.isprintable():
        return True
    from paygrant._spec.names import UNSAFE_CHARACTERS

    return not UNSAFE_CHARACTERS.search(text)
