"""What distinguishes a function that computes credentials from all others. It is part of the cache key.

Processes share a token only if they surely sign alike. All processes know the identity of a function if its code, and
the code of the functions that it calls, decide alone what it does. Any other function has an identity of this process.
"""

import builtins
import functools
import os
from collections.abc import Callable, Iterator
from secrets import token_hex
from types import BuiltinFunctionType, CodeType, FunctionType, MethodType, ModuleType
from typing import Any, cast
from weakref import WeakKeyDictionary

from paygrant._request.object_mark import mark_of

_RECENT = 1024
"""Callables that are kept alive, so that an equal one, made again and again, is found again."""

_PURE = frozenset(
    [
        "base64",
        "binascii",
        "calendar",
        "collections",
        "cryptography",
        "dataclasses",
        "datetime",
        "decimal",
        "email",
        "enum",
        "functools",
        "hashlib",
        "hmac",
        "html",
        "itertools",
        "json",
        "jwt",
        "math",
        "numbers",
        "operator",
        "paygrant",
        "re",
        "secrets",
        "string",
        "struct",
        "textwrap",
        "time",
        "types",
        "typing",
        "unicodedata",
        "urllib",
        "uuid",
        "zlib",
    ]
)
"""Modules whose functions do the same in all processes, apart from the time and random numbers."""

_LOOKING_AROUND = frozenset(
    ["__import__", "breakpoint", "compile", "eval", "exec", "globals", "help", "id", "input", "locals", "open", "vars"]
)
"""Built-in functions by which a function may depend on anything."""

_OWN = "<a function of this process>"


class _Process:
    """Which process this is. A forked child is another one: what a function reads may change there."""

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.name = token_hex(16)


_process = _Process()
if hasattr(os, "register_at_fork"):  # there are no forks on Windows
    os.register_at_fork(after_in_child=_process.renew)


def identity_of(function: Callable[..., object]) -> str:
    """What distinguishes a callable from all others: the same text as long as it lives.

    Args:
        function: A callable. Equal ones have the same identity. A method is its function and the very object.
    """
    identity = _identity_of(function)
    return f"{identity} {_process.name}" if identity.startswith(_OWN) else identity


def _identity_of(function: Any) -> str:
    if isinstance(function, MethodType):
        return f"{_OWN} {mark_of(function.__self__)} {_identity_of(function.__func__)}"
    try:
        kept = _recent(function)
        return _known.get(kept) or _known.setdefault(kept, _new_identity(function))
    except Exception:  # noqa: BLE001 - it has no hash, or nothing can refer to it weakly, or its class raises
        return f"{_OWN} {mark_of(function)}"


_known: "WeakKeyDictionary[Any, str]" = WeakKeyDictionary()


@functools.lru_cache(maxsize=_RECENT)
def _recent(function: Any) -> Any:
    """The callable itself, or the equal one that was asked about first. Kept alive for a while."""
    return function


def _new_identity(function: object) -> str:
    return (isinstance(function, FunctionType) and _description_of(function, ())) or f"{_OWN} {token_hex()}"


def _description_of(function: FunctionType, callers: tuple[FunctionType, ...]) -> str | None:
    """The name and the code of a function, and of those that it calls. None if they do not decide alone what it does."""
    dynamic = function.__closure__ or function.__defaults__ or function.__kwdefaults__ or vars(function)
    if dynamic or "<" in function.__qualname__ or function.__module__ == "__main__" or function in callers:
        return None
    facts: list[object] = [function.__module__, function.__qualname__]
    for code in _codes(function.__code__):
        facts.append(
            (
                code.co_name,
                code.co_code,
                code.co_names,
                code.co_varnames,
                (code.co_argcount, code.co_posonlyargcount, code.co_kwonlyargcount, code.co_flags),
                [_text(each) for each in code.co_consts if not isinstance(each, CodeType)],
            )
        )
        for fact in _globals_of(code, function, (*callers, function)):
            if fact is None:
                return None
            facts.append(fact)
    return repr(facts)


def _codes(code: CodeType) -> Iterator[CodeType]:
    """A function's code, and that of all functions, classes and comprehensions within it."""
    yield code
    for each in code.co_consts:
        if isinstance(each, CodeType):
            yield from _codes(each)


def _text(constant: object) -> str:
    """A constant. The order in a set differs between processes."""
    if isinstance(constant, frozenset):
        return f"{{{sorted(map(_text, cast('frozenset[object]', constant)))}}}"
    return repr(constant)


def _globals_of(code: CodeType, function: FunctionType, callers: tuple[FunctionType, ...]) -> Iterator[str | None]:
    """The facts about each name that a code takes from outside. None for one that may differ between processes."""
    import dis

    instructions = [each for each in dis.get_instructions(code) if each.opname not in {"CACHE", "EXTENDED_ARG"}]
    for each, following in zip(instructions, [*instructions[1:], None], strict=True):
        if each.opname in {"STORE_GLOBAL", "DELETE_GLOBAL"}:
            yield None
        elif each.opname == "IMPORT_NAME":
            yield each.argval if _is_pure(each.argval) else None
        elif each.opname in {"LOAD_GLOBAL", "LOAD_NAME", "LOAD_FROM_DICT_OR_GLOBALS"}:
            name = str(each.argval)
            if name in function.__globals__:
                value = function.__globals__[name]
                # An attribute of a function may be set at any time.
                reads = following is not None and following.opname in {"LOAD_ATTR", "LOAD_METHOD"}
                yield None if reads and isinstance(value, FunctionType) else _fact_of(name, value, callers)
            elif name in _LOOKING_AROUND or (each.opname == "LOAD_GLOBAL" and not hasattr(builtins, name)):
                yield None


def _fact_of(name: str, value: object, callers: tuple[FunctionType, ...]) -> str | None:
    """What is known of a global value. None if it may differ between processes."""
    if isinstance(value, ModuleType):
        return f"{name}={value.__name__}" if _is_pure(value.__name__) else None
    if isinstance(value, type | FunctionType) and _is_pure(value.__module__):
        return f"{name}={value.__module__}.{value.__qualname__}"
    if isinstance(value, BuiltinFunctionType) and isinstance(value.__self__, ModuleType):
        module = value.__self__.__name__
        return f"{name}={module}.{value.__qualname__}" if _is_pure(module.lstrip("_")) else None
    return _description_of(value, callers) if isinstance(value, FunctionType) else None


def _is_pure(module: str) -> bool:
    return module.partition(".")[0] in _PURE
