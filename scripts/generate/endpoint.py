"""Writes what the generator drops of a spec, servers and `x-token-endpoint`, as a module of its package."""

from collections.abc import Mapping
from dataclasses import MISSING, fields, is_dataclass
from typing import Any

from paygrant_clients.description import TokenEndpoint


def endpoint_module(endpoint: TokenEndpoint) -> str:
    """The text of a module that holds `endpoint`, still to be formatted and rid of unused imports."""
    lines = [
        f'"""The token endpoint of specs/{endpoint.name}.yaml."""',
        "from typing import Final, Literal, TypeAlias",
        "from paygrant_clients.description import (",
        "    Answer, Condition, Credentials, Error, Lifetime, Parameter, Server, TokenEndpoint, Use",
        ")",
    ]
    if endpoint.servers:
        lines.append(f"Environment: TypeAlias = Literal[{', '.join(map(repr, endpoint.servers))}]")
    lines.append(f"ENDPOINT: Final = {_expression(endpoint)}")
    return "\n".join(lines) + "\n"


def _expression(value: Any) -> str:
    """The expression that makes a value; of its fields those that differ from their defaults."""
    if is_dataclass(value):
        given = {each.name: getattr(value, each.name) for each in fields(value)}
        defaults = {each.name: each.default for each in fields(value) if each.default is not MISSING}
        arguments = (
            f"{name}={_expression(part)}" for name, part in given.items() if part != defaults.get(name, MISSING)
        )
        return f"{type(value).__name__}({', '.join(arguments)})"
    if isinstance(value, tuple):
        return f"({''.join(f'{_expression(each)},' for each in value)})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{name!r}: {_expression(each)}' for name, each in value.items())}}}"
    return repr(value)
