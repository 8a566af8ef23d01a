"""Checks of arguments: each failure names the argument, what is wrong with it and what is expected.

A traceback can show the arguments of every frame it passes. ``checked`` raises a refusal from a frame that holds none.
"""

import copy
import functools
import inspect
import ipaddress
import math
import re
from collections.abc import Callable, Iterable
from types import UnionType
from typing import Any, ParamSpec, TypeVar, cast

from paygrant._errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_VALUE = 60
"""Characters of a value that an error shows."""

_PORTS = range(1, 1 << 16)
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that it refuses a bad, missing or unknown argument by a clean ConfigurationError."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ConfigurationError as refusal:
            error = copy.copy(refusal)
        except TypeError:
            mismatch = _mismatch(inspect.signature(function), args, kwargs)
            if mismatch is None:
                raise
            error = mismatch
        del args, kwargs
        raise error

    return call


def _mismatch(
    signature: inspect.Signature, args: tuple[object, ...], kwargs: dict[str, object]
) -> ConfigurationError | None:
    """What of a call does not fit the signature."""
    names = "the arguments " + ", ".join(name for name in signature.parameters if name not in {"self", "cls"})
    try:
        bound = signature.bind_partial(*args, **kwargs)
    except TypeError as error:
        return ConfigurationError(f"{error}; expected {names}")
    for name, parameter in signature.parameters.items():
        optional = parameter.default is not parameter.empty or parameter.kind in {
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        }
        if not optional and name not in bound.arguments:
            return invalid_argument(name, "is missing", names)
    return None


def invalid_argument(argument: str, fault: str, expected: str) -> ConfigurationError:
    """The error for an argument: its name, what is wrong with it, and what is expected."""
    return ConfigurationError(f"{argument}: {fault}; expected {expected}", argument=argument)


def shown(value: object) -> str:
    """A user's value for an error's text. A long one is cut; Python writes no int of more than 4,300 digits."""
    try:
        text = repr(value)
    except ValueError:
        return f"a value of type {type(value).__name__}"
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def check_text(argument: str, value: object, *, forbidden: str = "", multiline: bool = False) -> str:
    """Check for a non-empty string without control characters and without the forbidden ones.

    With ``multiline`` it may hold line breaks. The error never shows the value.
    """
    expected = "a non-empty string without control characters" + (f" and without {forbidden!r}" if forbidden else "")
    if not isinstance(value, str):
        raise invalid_argument(argument, f"is of type {type(value).__name__}", expected)
    if not value:
        raise invalid_argument(argument, "is empty", expected)
    if _CONTROL.search(value.replace("\r", "").replace("\n", "") if multiline else value):
        raise invalid_argument(argument, "holds a control character", expected)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise invalid_argument(argument, "cannot be encoded as UTF-8", expected) from None
    for character in forbidden:
        if character in value:
            raise invalid_argument(argument, f"holds {character!r}", expected)
    return value


def check_type(argument: str, value: object, kind: type | UnionType, expected: str) -> None:
    """Check for an instance of this type. A class is refused: a protocol would take it for an instance."""
    if isinstance(value, type) or not isinstance(value, kind):
        raise invalid_argument(argument, f"is of type {type(value).__name__}", expected)


def check_secret(argument: str, value: Any, *, multiline: bool = False) -> None:
    """Check for a secret, or for a callable that returns one."""
    if callable(value):
        check_function(argument, value, "a string, or a hashable callable that returns it")
    else:
        check_text(argument, value, multiline=multiline)


def check_function(argument: str, value: Callable[..., object], expected: str) -> None:
    """Check for a callable that can be hashed, so that equal arguments share a token, and that is not asynchronous."""
    if any(map(inspect.iscoroutinefunction, (value, getattr(value, "__call__", None)))):  # noqa: B004 - a class's own
        raise invalid_argument(argument, "is an async function, which nothing would await", expected)
    check_hashable(argument, value, expected)


def check_hashable(argument: str, value: object, expected: str) -> None:
    """Check for an object that can be hashed. A class with ``__eq__`` but without ``__hash__`` has none that can be."""
    try:
        hash(value)
    except Exception as error:  # noqa: BLE001 - a user's class may raise anything
        fault = f"is of type {type(value).__name__}, which cannot be hashed ({type(error).__name__})"
        raise invalid_argument(argument, fault, expected) from None


def is_coroutine(value: object) -> bool:
    """Whether a callable returned a coroutine, because it is asynchronous. It is closed: nothing awaits it."""
    if inspect.iscoroutine(value):
        value.close()
        return True
    return False


def check_choice(argument: str, value: object, choices: Iterable[str]) -> None:
    """Check for one of the choices."""
    known = list(choices)
    if value not in known:
        fault = (
            "is missing"
            if value is None
            else f"is {value!r}"
            if isinstance(value, str)
            else f"is of type {type(value).__name__}"
        )
        raise invalid_argument(argument, fault, f"one of: {', '.join(known)}")


def check_seconds(argument: str, value: object, *, least: float = 0.0, most: float = math.inf) -> None:
    """Check for a finite number within bounds."""
    number = value if isinstance(value, int | float) and not isinstance(value, bool) else math.nan
    # A comparison works with an int of any length, which is not so of math.isfinite.
    if not least <= number < math.inf or number > most:
        bounds = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}"
        raise invalid_argument(argument, f"is {shown(value)}", f"a finite number {bounds}")


def check_whole(argument: str, value: object, *, least: int) -> None:
    """Check for a whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise invalid_argument(argument, f"is {shown(value)}", f"a whole number of at least {least}")


def check_scope(argument: str, value: Any) -> tuple[str, ...]:
    """Check scope tokens (RFC 6749 section 3.3): a sequence of strings, or one string that separates them by spaces."""
    expected = "strings of printable ASCII without space, double quote and backslash (RFC 6749 section 3.3)"
    if isinstance(value, str):
        value = value.split(" ")
    check_type(argument, value, list | tuple | set | frozenset, "a string, or a sequence of strings")
    for token in value:
        if not isinstance(token, str) or not _SCOPE_TOKEN.fullmatch(token):
            raise invalid_argument(argument, f"holds {shown(token)}", expected)
    # A set has no order, but the cache key needs one.
    return tuple(sorted(cast("set[str]", value)) if isinstance(value, set | frozenset) else value)


def check_url(argument: str, value: object) -> str:
    """Check a base URL: https, or http on loopback; no user, query or fragment. Returns it without its last slash."""
    import httpx

    expected = "https://host[:port][/path] (plain http on loopback only), without user, query and fragment"
    if not isinstance(value, str):
        raise invalid_argument(argument, f"is of type {type(value).__name__}", expected)
    try:
        url = httpx.URL(value)
        host = url.host  # this decodes Punycode, which may fail
    except (httpx.InvalidURL, UnicodeError):
        raise invalid_argument(argument, "is not a URL", expected) from None
    if url.scheme not in {"https", "http"} or not host or " " in value:
        raise invalid_argument(argument, "is not an https URL", expected)
    if url.port is not None and url.port not in _PORTS:
        raise invalid_argument(argument, f"names the port {url.port}", expected)
    if any(mark in value for mark in "@?#"):  # a slash in a password would otherwise end the host before the @
        raise invalid_argument(argument, "holds a user, a query or a fragment", expected)
    if url.scheme == "http" and not is_loopback(host):
        raise invalid_argument(argument, f"is plain http to {host!r}", expected)
    return str(url).rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: an address of the loopback range, or localhost (RFC 6761 section 6.3)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
