"""Reads out of a spec what the generator drops, servers and `x-token-endpoint`, and writes it as a module."""

from collections.abc import Mapping
from typing import Any

from scripts.generate.description import (
    Answer,
    Condition,
    Credentials,
    Error,
    Lifetime,
    Server,
    TokenEndpoint,
)


def read_endpoint(name: str, spec: Mapping[str, Any]) -> TokenEndpoint:
    """The description of the token endpoint of the provider `name`, out of its normalized spec."""
    (path,) = spec["paths"]
    token = spec["x-token-endpoint"]
    answer = token["answer"]
    parameters: Mapping[str, Mapping[str, str]] = token["parameters"]
    return TokenEndpoint(
        name=name,
        path=path,
        servers={
            server["x-environment"]: Server(server["url"], server.get("x-environment-facts", {}))
            for server in spec.get("servers", ())
        },
        credentials=tuple(Credentials(**place) for place in token["credentials"]),
        fixed={wire: source["value"] for wire, source in parameters.items() if "value" in source},
        given={wire: source["argument"] for wire, source in parameters.items() if "argument" in source},
        answer=Answer(
            access_token=tuple(answer["access_token"]),
            token_type=tuple(answer.get("token_type", ())),
            scope=tuple(answer.get("scope", ())),
            lifetime=tuple(Lifetime(**lifetime) for lifetime in answer.get("lifetime", ())),
        ),
        success=Condition(**token["success"]) if "success" in token else None,
        invalid_client=tuple(Condition(**condition) for condition in token["invalid_client"]),
        error=Error(**{part: tuple(pointers) for part, pointers in token["error"].items()}),
    )


def endpoint_module(endpoint: TokenEndpoint) -> str:
    """The text of a module that holds `endpoint`, still to be formatted and rid of unused imports."""
    lines = [
        f'"""The token endpoint of specs/{endpoint.name}.yaml."""',
        "from typing import Final, Literal, TypeAlias",
        "from ..description import Answer, Condition, Credentials, Error, Lifetime, Server, TokenEndpoint",
    ]
    if endpoint.servers:
        lines.append(f"Environment: TypeAlias = Literal[{', '.join(map(repr, endpoint.servers))}]")
    lines.append(f"ENDPOINT: Final = {endpoint!r}")  # a dataclass's repr is the expression that makes it
    return "\n".join(lines) + "\n"
