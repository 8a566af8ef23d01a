"""From a normalized spec to the description of its token endpoint: what OpenAPI says, and what ``x-token-endpoint`` adds.

Whether a document is a normalized spec is not judged here; that is for the checks of ``paygrant generate``.
"""

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any, cast

from paygrant._spec import pointer as _pointer
from paygrant_clients.description import (
    ClientAuth,
    Condition,
    ErrorFields,
    Lifetime,
    Parameter,
    ResponseFields,
    Server,
    TokenEndpoint,
    TokenUse,
)


def read_endpoint(name: str, spec: Mapping[str, Any]) -> TokenEndpoint:
    """The description of the token endpoint of the provider ``name``, out of its normalized spec."""
    ((path, item),) = spec["paths"].items()
    ((method, operation),) = item.items()
    token = spec["x-token-endpoint"]
    answer = token["answer"]
    return TokenEndpoint(
        name=name,
        method=method.upper(),
        path=path,
        media_type=next(iter(operation.get("requestBody", {}).get("content", ())), None),
        servers={
            server["x-environment"]: Server(server["url"], server.get("x-environment-facts", {}))
            for server in spec.get("servers", ())
        },
        client_auth=tuple(ClientAuth(**way) for way in token["credentials"]),
        parameters=tuple(_parameters(token["parameters"], spec, operation)),
        response=ResponseFields(
            access_token=tuple(answer["access_token"]),
            token_type=tuple(answer.get("token_type", ())),
            scope=tuple(answer.get("scope", ())),
            lifetime=tuple(Lifetime(**lifetime) for lifetime in answer.get("lifetime", ())),
        ),
        success=Condition(**token["success"]) if "success" in token else None,
        invalid_client=tuple(Condition(**condition) for condition in token["invalid_client"]),
        error=ErrorFields(**{part: tuple(pointers) for part, pointers in token["error"].items()}),
        token_use=_use(token["use"]) if "use" in token else TokenUse(),
    )


def _parameters(
    sources: Mapping[str, Mapping[str, Any]], spec: Mapping[str, Any], operation: Mapping[str, Any]
) -> Iterator[Parameter]:
    """The parts of the request that are no credentials: what fills each, and what its schema says of it."""
    declared = {each["name"]: each for each in operation.get("parameters", ())}
    for name, source in sources.items():
        if name in declared:
            place, required, schema = (
                declared[name]["in"],
                declared[name].get("required", False),
                declared[name]["schema"],
            )
        else:
            place = "body"
            required, schema = _field(spec["components"]["schemas"]["TokenRequest"], name)
        yield Parameter(
            name=name,
            place=place,
            value=source.get("value"),
            argument=source.get("argument"),
            required=required,
            secret="argument" in source and schema.get("format") == "password",
            kind=schema["type"],
            choices=tuple(schema.get("enum", ())),
        )


def _field(schema: Mapping[str, Any], name: str) -> tuple[bool, Mapping[str, Any]]:
    """Whether a field of the body is required, with all that it stands in, and its schema."""
    required = True
    for part in _pointer.parts(name) if name.startswith("/") else [name]:
        required = required and part in schema.get("required", ())
        schema = schema["properties"][part]
    return required, schema


def _use(use: Mapping[str, str]) -> TokenUse:
    """How the token is used: a header (with a prefix, where one is named) or a parameter of the query."""
    return TokenUse(use.get("header"), use.get("prefix", ""), use.get("query"))


def endpoint_of(package: str) -> TokenEndpoint:
    """The description of the token endpoint of a generated package."""
    return cast("TokenEndpoint", import_module(f"{package}.endpoint").ENDPOINT)
