"""Writes what the generator drops of a spec, servers and `x-token-endpoint`, as a module of its package."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from pathlib import Path
from typing import Any

from paygrant_clients.description import TokenEndpoint

MARK = "# Written by `paygrant generate`; do not edit."
"""The first line of each package's endpoint module, by which a generated package is known."""


def endpoint_module(endpoint: TokenEndpoint) -> str:
    """The text of a module that holds `endpoint`, still to be formatted and rid of unused imports."""
    lines = [
        MARK,
        '"""The token endpoint, as openapi.json beside this module describes it."""',
        "from typing import Final, Literal, TypeAlias",
        "from paygrant_clients.description import (",
        "    ClientAuth, Condition, ErrorFields, Lifetime, Parameter, ResponseFields, Server, TokenEndpoint, TokenUse",
        ")",
    ]
    if endpoint.servers:
        lines.append(f"Environment: TypeAlias = Literal[{', '.join(map(repr, endpoint.servers))}]")
    lines.append(f"ENDPOINT: Final = {_expression(endpoint)}")
    return "\n".join(lines) + "\n"


def is_ours(package: Path) -> bool:
    """Whether a folder is a package that was generated."""
    try:
        with (package / "endpoint.py").open(encoding="utf-8") as module:
            return not package.is_symlink() and module.readline().rstrip() == MARK
    except (OSError, ValueError):
        return False


def _expression(value: Any) -> str:
    """The expression that makes a value; of its fields those that differ from their defaults."""
    if is_dataclass(value):
        given = {each.name: getattr(value, each.name) for each in fields(value)}
        defaults = {each.name: each.default for each in fields(value) if each.default is not MISSING}
        arguments = (
            f"{name}={_expression(part)}" for name, part in given.items() if part != defaults.get(name, MISSING)
        )
        return f"{type(value).__name__}({', '.join(arguments)})"
    inner: Any = value
    if isinstance(value, tuple):
        return f"({''.join(f'{_expression(each)},' for each in inner)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name!r}: {_expression(each)}' for name, each in inner.items())}}}"
    return repr(value)
