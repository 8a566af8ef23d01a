"""Checks of arguments: each failure names the argument, what is wrong with it and what is expected.

A traceback can show the arguments of every frame it passes. ``checked`` raises a refusal from a frame that holds none.
"""

import copy
import functools
import inspect
import ipaddress
import math
import re
import socket
import sys
from collections.abc import Callable, Iterable
from traceback import walk_tb
from types import FrameType, UnionType
from typing import Any, ParamSpec, TypeVar, cast
from urllib.parse import urlsplit

from paygrant._errors import ConfigurationError

P = ParamSpec("P")
R = TypeVar("R")

_FRAMING = frozenset({"connection", "content-length", "host", "transfer-encoding", "upgrade"})
"""Headers that decide to whom a request goes and where it ends (RFC 9110 sections 7.2 and 7.6.1). A network of many
sites gives a request to the site that Host names, whatever the certificate says."""

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_LONGEST_SHOWN = 20
"""Characters of a text that an error repeats. A name is not longer."""

_LARGEST_SHOWN = 64
"""Bits of a number that an error repeats."""

_NUMBERS = re.compile(r"(?:0[xX])?[0-9a-fA-F]+(?:\.(?:0[xX])?[0-9a-fA-F]+){0,3}")
"""An IPv4 address in any form: up to four numbers, each decimal, octal or hexadecimal."""

_PORTS = range(1, 1 << 16)
_LABEL = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?")
_DOMAIN = re.compile(r"(?:\.[A-Za-z0-9-]+){2,}(?::[0-9]+)?")
"""What may follow a label: not a top-level domain alone."""
_LINK_LOCAL = "is a link-local address, such as that of a metadata service, which allow_link_local permits"
_SCOPE_TOKEN = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+")


def checked(function: Callable[P, R]) -> Callable[P, R]:
    """Decorate a function so that no exception leaves it that shows the arguments in the frames of its traceback.

    A bad, missing or unknown argument gives a ConfigurationError. So does an exception that nobody expected, such as
    one that an argument's own methods raise. An ImportError stays one: it names an extra that is not installed.
    """

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return function(*args, **kwargs)
        except (ConfigurationError, ImportError) as refusal:
            error: BaseException = copy.copy(refusal)
        except TypeError as fault:
            error = _mismatch(inspect.signature(function), args, kwargs) or _unexpected(function, fault)
        except Exception as fault:  # noqa: BLE001 - an argument may be anything, and so may what it raises
            error = _unexpected(function, fault)
        del args, kwargs
        _clear_copied_fields(sys._getframe(1))
        raise error

    return call


def _unexpected(function: Callable[..., object], fault: BaseException) -> ConfigurationError:
    """The error in place of an exception that nobody expected. It names the argument that was being checked."""
    argument = next(
        (
            name
            for frame, _ in reversed(list(walk_tb(fault.__traceback__)))
            if frame.f_code.co_filename == __file__ and isinstance(name := frame.f_locals.get("argument"), str)
        ),
        None,
    )
    what = f"cannot be used ({type(fault).__name__})"
    if argument is not None:
        return invalid_argument(argument, what, "a value as documented")
    name = function.__qualname__.removesuffix(".__init__").rpartition(".")[2]
    return ConfigurationError(f"{name}: an argument {what}; expected values as documented")


def _clear_copied_fields(frame: FrameType | None) -> None:
    """Empty what the frames of ``dataclasses.replace`` hold: all fields of the value that was to be copied."""
    while frame and frame.f_globals.get("__name__") in {"copy", "dataclasses"}:
        changes = frame.f_locals.get("changes")
        if isinstance(changes, dict):
            cast("dict[str, object]", changes).clear()
        frame = frame.f_back


def _mismatch(
    signature: inspect.Signature, args: tuple[object, ...], kwargs: dict[str, object]
) -> ConfigurationError | None:
    """What of a call does not fit the signature."""
    names = "the arguments " + ", ".join(name for name in signature.parameters if name not in {"self", "cls"})
    try:
        bound = signature.bind_partial(*args, **kwargs)
    except TypeError as error:
        keywords = any(each.kind is each.KEYWORD_ONLY for each in signature.parameters.values())
        by_keyword = ", by keyword" if keywords and "positional" in str(error) else ""
        return ConfigurationError(f"{error}; expected {names}{by_keyword}")
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


def is_framing(name: str) -> bool:
    """Whether HTTP itself sets a header of this name."""
    return name.lower() in _FRAMING


def plain(value: Any) -> Any:
    """A string of Python's own class in place of one of another class, and any other value as it is.

    ``str()`` of a member of an enumeration may give its name, such as "Scope.READ".
    """
    return value if type(value) is str or not isinstance(value, str) else str.__str__(value)


def check_text(argument: str, value: object, *, forbidden: str = "", multiline: bool = False) -> str:
    """Check for a non-empty string without control characters and without the forbidden ones. Returns it as ``plain`` does.

    With ``multiline`` it may hold line breaks. The error never shows the value.
    """
    value = plain(value)
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


def check_function(argument: str, value: object, expected: str) -> None:
    """Check for a callable that can be hashed, so that equal arguments share a token, and that is not asynchronous."""
    if not callable(value):
        raise invalid_argument(argument, f"is of type {type(value).__name__}", expected)
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
    if not isinstance(value, str) or value not in known:
        fault = (
            "is missing"
            if value is None
            else f"is {shown(value)}"
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


def check_whole(argument: str, value: object, *, least: int, most: int | None = None) -> None:
    """Check for a whole number within bounds."""
    fits = isinstance(value, int) and not isinstance(value, bool) and least <= value
    if not fits or (most is not None and cast("int", value) > most):
        bounds = f"of at least {least}" if most is None else f"from {least} to {most}"
        raise invalid_argument(argument, f"is {shown(value)}", f"a whole number {bounds}")


def shown(value: object) -> str:
    """A refused value, in words. A long text may be a secret in the wrong place, so only its type is shown."""
    if type(value) in {bool, complex, float, type(None)}:
        return repr(value)
    if (type(value) is int and value.bit_length() <= _LARGEST_SHOWN) or (
        type(value) is str and len(value) <= _LONGEST_SHOWN
    ):
        return repr(value)
    return f"of type {type(value).__name__}"


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
    return tuple(map(plain, sorted(cast("set[str]", value)) if isinstance(value, set | frozenset) else value))


def check_url(argument: str, value: object, *, link_local: bool = False) -> str:
    """Check a base URL: https, or http on loopback; no user, query or fragment. Returns it without its last slash.

    With ``link_local`` it may be a link-local address, also by plain http.
    """
    expected = "https://host[:port][/path] (plain http on loopback only), without user, query and fragment"
    if not isinstance(value, str):
        raise invalid_argument(argument, f"is of type {type(value).__name__}", expected)
    try:
        return _base_url(value, link_local)
    except ValueError as error:
        fault = str(error)
    raise invalid_argument(argument, fault, expected)


@functools.lru_cache(maxsize=256)
def _base_url(value: str, link_local: bool) -> str:  # noqa: FBT001 - the cache takes it faster than a keyword
    """A base URL without its last slash. Only good ones are remembered.

    Raises:
        ValueError: The fault, in words.
    """
    import httpx

    try:
        url = httpx.URL(value)
        host = url.host  # this decodes Punycode, which may fail
        urlsplit(value)  # it refuses some addresses that httpx takes
    except (httpx.InvalidURL, ValueError):
        raise ValueError("is not a URL") from None
    if url.scheme not in {"https", "http"} or not host or " " in value:
        raise ValueError("is not an https URL")
    if url.port is not None and url.port not in _PORTS:
        raise ValueError(f"names the port {url.port}")
    if any(mark in value for mark in "@?#"):  # a slash in a password would otherwise end the host before the @
        raise ValueError("holds a user, a query or a fragment")
    local = is_link_local(host)
    if local and not link_local:
        raise ValueError(_LINK_LOCAL)
    if url.scheme == "http" and not (local or is_loopback(host)):
        raise ValueError(f"is plain http to {host!r}")
    return str(url).rstrip("/")


def base_url_for(argument: str, template: str, placeholder: str, label: object) -> str:
    """Put one label into the host of a base URL, as in ``https://{shop}.myshopify.com``. Nothing else of it may change.

    The label is one of a domain name (RFC 1123 section 2.1): letters, digits and hyphens, 63 at most. So it cannot
    lead to another host. The whole address is checked after that.
    """
    if not isinstance(label, str) or not _LABEL.fullmatch(label):
        raise invalid_argument(argument, "is not one label of a host name", "letters, digits and hyphens, 63 at most")
    before, _, domain = urlsplit(template).netloc.partition(f"{{{placeholder}}}")
    whole = check_url(argument, template.replace(f"{{{placeholder}}}", label.lower()))
    if before or not _DOMAIN.fullmatch(domain) or urlsplit(whole).netloc != label.lower() + domain:
        raise invalid_argument(argument, "leads to another host", "one label before a domain that the spec names")
    return whole


def check_endpoint(argument: str, base_url: str, path: str, *, link_local: bool = False) -> None:
    """Check the whole address of a token endpoint, as the secret will be sent to it.

    The path must not change what stands before it: ``https://api.example`` and ``.evil.example/token`` are both
    harmless alone. Braces, which an argument fills later, may stand in the path only.
    """
    try:
        _check_address(base_url, path, link_local)
    except ValueError as error:
        fault = str(error)
    else:
        return
    expected = "a path that begins with a slash, and an https address (plain http on loopback only) without a user"
    raise invalid_argument(argument, fault, expected)


@functools.lru_cache(maxsize=256)
def _check_address(base_url: str, path: str, link_local: bool) -> None:  # noqa: FBT001 - as for _base_url
    """Check what ``check_endpoint`` checks. Only good addresses are remembered.

    Raises:
        ValueError: The fault, in words.
    """
    whole = f"{base_url}{path}"
    try:
        before, after = urlsplit(base_url), urlsplit(whole)
        host = after.hostname or ""
    except ValueError:
        raise ValueError("is not a URL") from None
    if not whole.isprintable() or any(character in whole for character in " \\#"):
        raise ValueError("holds a character that an address cannot carry")
    if (path and path[0] not in "/?") or (after.scheme, after.netloc) != (before.scheme, before.netloc):
        raise ValueError("leads to another host than the base URL")
    if not host or "@" in after.netloc or "{" in after.netloc:
        raise ValueError("holds a user, or no host")
    if {".", ".."} & {*after.path.split("/")}:
        raise ValueError("holds . or .. as a part of its path")
    local = is_link_local(host)
    if local and not link_local:
        raise ValueError(_LINK_LOCAL)
    if after.scheme != "https" and not (after.scheme == "http" and (local or is_loopback(host))):
        raise ValueError("is not an https address")


def is_address(host: str) -> bool:
    """Whether a host is an IP address."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def is_loopback(host: str) -> bool:
    """Whether a host is this machine: an address of the loopback range, or localhost (RFC 6761 section 6.3)."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost" or host.endswith(".localhost")


def is_link_local(host: str) -> bool:
    """Whether a host is a link-local address, such as that of a cloud's metadata service (RFC 3927, RFC 4291).

    A system resolves an IPv4 address in other forms too, such as 2852039166 for 169.254.169.254.
    """
    plain = host.strip("[]").partition("%")[0].rstrip(".")
    try:
        address = ipaddress.ip_address(plain)
    except ValueError:
        try:
            address = ipaddress.ip_address(socket.inet_aton(plain) if _NUMBERS.fullmatch(plain) else plain)
        except (OSError, ValueError):
            return False
    return (getattr(address, "ipv4_mapped", None) or address).is_link_local
