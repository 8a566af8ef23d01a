"""The types in which a token endpoint is described: specs/*.yaml say it, a generated module a provider holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

Place: TypeAlias = Literal["body", "query", "header", "path"]
Unit: TypeAlias = Literal["seconds", "milliseconds", "epoch", "epoch_milliseconds", "moment", "jwt_exp", "never"]


@dataclass(frozen=True, slots=True)
class ClientAuth:
    """Where the client's id and secret travel.

    As HTTP Basic; under these names in the body, the query or headers; or computed: by a function that the caller gives.
    """

    place: Literal["basic", "body", "query", "header", "computed"]
    client_id: str | None = None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True)
class Parameter:
    """One more part of the request: fixed (value), or given by the caller (argument).

    In a JSON body a name that begins with a slash is a JSON Pointer (RFC 6901).
    """

    name: str
    place: Place = "body"
    value: str | float | bool | None = None
    argument: str | None = None
    required: bool = False
    secret: bool = False
    kind: Literal["string", "integer", "number", "boolean"] = "string"
    choices: tuple[str | float | bool, ...] = ()


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds for an answer of this status, or for one with this value at this JSON Pointer."""

    status: int | None = None
    at: str | None = None
    equals: str | float | bool | None = None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """How long the token lives: a value in the answer, in this unit, or a documented constant; or for ever.

    The units count from now (seconds, milliseconds), since 1970 (epoch, epoch_milliseconds), are a date as text
    (moment) or the token's own exp claim (jwt_exp).
    """

    unit: Unit
    at: str | None = None
    constant: float | None = None
    zero_is_never: bool = False


@dataclass(frozen=True, slots=True)
class TokenUse:
    """How the API wants the token: in this header, after this prefix, or in this parameter of the query."""

    header: str | None = "Authorization"
    prefix: str = "Bearer"
    query: str | None = None


@dataclass(frozen=True, slots=True)
class ResponseFields:
    """Where in an answer things stand: JSON Pointers (RFC 6901), of which the first that leads to a value counts."""

    access_token: tuple[str, ...]
    token_type: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    lifetime: tuple[Lifetime, ...] = ()


@dataclass(frozen=True, slots=True)
class ErrorFields:
    """Where in an answer an error's code and text stand: JSON Pointers."""

    code: tuple[str, ...] = ()
    description: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """One environment: its base URL, and what else differs by environment."""

    url: str
    environment_facts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """One provider's token endpoint, as its spec describes it."""

    name: str
    method: str
    path: str
    media_type: str | None
    """Of the body; None where there is none."""
    servers: Mapping[str, Server]
    client_auth: tuple[ClientAuth, ...]
    parameters: tuple[Parameter, ...]
    response: ResponseFields
    success: Condition | None
    """What holds, beside a status of 2xx, when a token was given."""
    invalid_client: tuple[Condition, ...]
    """Any of these means that the credentials were refused."""
    error: ErrorFields
    token_use: TokenUse = TokenUse()
