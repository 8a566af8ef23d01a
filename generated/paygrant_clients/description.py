# Written by `make generate`; do not edit.
"""The types in which a token endpoint is described: specs/*.yaml say it, a generated module a provider holds it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the client's id and secret travel: as HTTP Basic, or in the named fields of the body."""

    place: Literal["basic", "body"]
    client_id: str | None = None
    client_secret: str | None = None


@dataclass(frozen=True, slots=True)
class Condition:
    """Holds for an answer of this status, or for one with this value at this JSON Pointer."""

    status: int | None = None
    at: str | None = None
    equals: str | float | bool | None = None


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Where an answer says how long the token lives: seconds from now, a moment, or the token's own exp claim."""

    at: str
    unit: Literal["seconds", "moment", "jwt_exp"]


@dataclass(frozen=True, slots=True)
class Answer:
    """Where in an answer things stand: JSON Pointers (RFC 6901), of which the first that leads to a value counts."""

    access_token: tuple[str, ...]
    token_type: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    lifetime: tuple[Lifetime, ...] = ()


@dataclass(frozen=True, slots=True)
class Error:
    """Where in an answer an error's code and text stand: JSON Pointers."""

    code: tuple[str, ...] = ()
    description: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Server:
    """One environment: its base URL, and what else differs by environment."""

    url: str
    facts: Mapping[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class TokenEndpoint:
    """One provider's token endpoint, as its spec describes it."""

    name: str
    path: str
    servers: Mapping[str, Server]
    credentials: tuple[Credentials, ...]
    fixed: Mapping[str, str]
    """Parameters that always have this value, by their wire names."""
    given: Mapping[str, str]
    """Parameters that the caller gives: wire name to argument."""
    answer: Answer
    success: Condition | None
    """What holds, beside a status of 2xx, when a token was given."""
    invalid_client: tuple[Condition, ...]
    """Any of these means that the credentials were refused."""
    error: Error
