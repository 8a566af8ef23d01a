"""Checks of arguments: each failure names the argument, what is wrong with it and what is allowed.

A traceback can show the arguments of every frame it passes. ``checked`` sees to it that a refused
argument is reported from a frame that holds none.
"""

import copy
import functools
import inspect
import ipaddress
import math
import re
from collections.abc import Callable, Hashable, Iterable
from types import UnionType
from typing import Any, ParamSpec, TypeVar, cast

from paygrant._errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_PORTS = range(1, 1 << 16)
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Raise every refusal of an argument, a missing or unknown one included, as a clean ConfigurationError."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except ConfigurationError as refusal:
            error = copy.copy(refusal)
        except TypeError:
            misfit = _misfit(inspect.signature(function), args, kwargs)
            if misfit is None:
                raise
            error = misfit
        del args, kwargs
        raise error

    return call


def _misfit(
    signature: inspect.Signature, args: tuple[object, ...], kwargs: dict[str, object]
) -> ConfigurationError | None:
    """What of a call does not fit the signature."""
    names = ", ".join(name for name in signature.parameters if name not in {"self", "cls"})
    try:
        bound = signature.bind_partial(*args, **kwargs)
    except TypeError as error:
        return ConfigurationError(f"{error}; allowed: {names}")
    for name, parameter in signature.parameters.items():
        optional = parameter.default is not parameter.empty or parameter.kind in {
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        }
        if not optional and name not in bound.arguments:
            return refused(name, "is missing", f"allowed: {names}")
    return None


def refused(argument: str, fault: str, allowed: str) -> ConfigurationError:
    """The error for an argument: its name, its fault and what is allowed."""
    return ConfigurationError(f"{argument}: {fault}; {allowed}", argument=argument)


def check_text(argument: str, value: object, *, forbidden: str = "", lines: bool = False) -> str:
    """A non-empty text without control characters (line breaks apart, with ``lines``) and without the forbidden ones.

    Never shown in the error.
    """
    allowed = "allowed is a non-empty text without control characters" + (
        f" and without {forbidden!r}" if forbidden else ""
    )
    if not isinstance(value, str):
        raise refused(argument, f"is of type {type(value).__name__}", allowed)
    if not value:
        raise refused(argument, "is empty", allowed)
    if _CONTROL.search(value.replace("\r", "").replace("\n", "") if lines else value):
        raise refused(argument, "holds a control character", allowed)
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refused(argument, "cannot be encoded as UTF-8", allowed) from None
    for character in forbidden:
        if character in value:
            raise refused(argument, f"holds {character!r}", allowed)
    return value


def check_type(argument: str, value: object, kind: type | UnionType, allowed: str) -> None:
    """A value of this type, and no class, which a protocol would take for an instance; ``allowed`` says what to give."""
    if isinstance(value, type) or not isinstance(value, kind):
        raise refused(argument, f"is of type {type(value).__name__}", f"allowed is {allowed}")


def check_secret(argument: str, value: Any, *, lines: bool = False) -> None:
    """A secret, or a callable that will give one."""
    if not callable(value):
        check_text(argument, value, lines=lines)
    elif not isinstance(value, Hashable):
        raise refused(
            argument, "is a callable without a hash", "allowed is a text, or a hashable callable that returns it"
        )


def check_choice(argument: str, value: object, choices: Iterable[str]) -> None:
    """One of the known words."""
    known = list(choices)
    if value not in known:
        fault = (
            "is missing"
            if value is None
            else f"is {value!r}"
            if isinstance(value, str)
            else f"is of type {type(value).__name__}"
        )
        raise refused(argument, fault, f"allowed: {', '.join(known)}")


def check_seconds(argument: str, value: object, *, least: float = 0.0, most: float = math.inf) -> None:
    """A finite number within bounds."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not least <= value <= most
    ):
        bounds = f"from {least:g} to {most:g}" if math.isfinite(most) else f"of at least {least:g}"
        raise refused(argument, f"is {value!r}", f"allowed is a finite number {bounds}")


def check_whole(argument: str, value: object, *, least: int) -> None:
    """A whole number that is large enough."""
    if isinstance(value, bool) or not isinstance(value, int) or value < least:
        raise refused(argument, f"is {value!r}", f"allowed is a whole number of at least {least}")


def check_scope(argument: str, value: Any) -> tuple[str, ...]:
    """Scope tokens (RFC 6749 section 3.3), as a sequence of texts or as one text that separates them by spaces."""
    allowed = "allowed are texts of printable ASCII without space, double quote and backslash (RFC 6749 section 3.3)"
    if isinstance(value, str):
        value = value.split(" ")
    check_type(argument, value, list | tuple | set | frozenset, "a text, or a sequence of texts")
    for token in value:
        if not isinstance(token, str) or not _SCOPE_TOKEN.fullmatch(token):
            raise refused(argument, f"holds {token!r}", allowed)
    # A set has no order, and a cache key needs one.
    return tuple(sorted(cast("set[str]", value)) if isinstance(value, set | frozenset) else value)


def check_url(argument: str, value: object) -> str:
    """A base URL: https, or http on loopback; no user, query or fragment. Returned without its last slash."""
    import httpx

    allowed = "allowed is https://host[:port][/path] (plain http on loopback only), without user, query and fragment"
    if not isinstance(value, str):
        raise refused(argument, f"is of type {type(value).__name__}", allowed)
    try:
        url = httpx.URL(value)
        host = url.host  # Punycode is decoded only here
    except (httpx.InvalidURL, UnicodeError):
        raise refused(argument, "is no URL", allowed) from None
    if url.scheme not in {"https", "http"} or not host or " " in value:
        raise refused(argument, "is no https URL", allowed)
    if url.port is not None and url.port not in _PORTS:
        raise refused(argument, f"names the port {url.port}", allowed)
    if any(mark in value for mark in "@?#"):  # also where a slash in a password ends the host before it
        raise refused(argument, "holds a user, a query or a fragment", allowed)
    if url.scheme == "http" and not is_loopback(host):
        raise refused(argument, f"is plain http to {host!r}", allowed)
    return str(url).rstrip("/")


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: an address of the loopback range, or localhost (RFC 6761 section 6.3)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")
