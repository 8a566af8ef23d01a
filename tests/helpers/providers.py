"""The five providers with credentials for tests, and the responses that their pages document."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar, cast

import pytest

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    MemoryStore,
    PaygrantError,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    Token,
    TokenSource,
)
from paygrant._providers.base import Provider
from tests.helpers.servers import Reply, Seen, Server

P = TypeVar("P", bound=Provider)

CLIENT_ID = "client-of-straw"
CLIENT_SECRET = "secret-of-straw"
USER = "7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a01"

AWKWARD = "s% :+/é&=\"'<>\\?#"
"""A secret of which each character means something to some encoding."""

ARGUMENTS: dict[type[Provider], dict[str, Any]] = {
    RipioRamp: {"environment": "sandbox"},
    RipioWidget: {"environment": "sandbox", "external_ref": USER, "address": "0x05"},
    Ripple: {"environment": "test", "tenant_id": "acme"},
    AlternativePayments: {"environment": "demo"},
    Cryptofuse: {"base_url": "https://cryptofuse.example"},
}
"""What each provider needs beside its credentials."""

GRANTED: dict[type[Provider], Callable[[object], dict[str, Any]]] = {
    RipioRamp: lambda token: {"accessToken": token, "expiresIn": 36000, "tokenType": "Bearer"},
    RipioWidget: lambda token: {"succeed": True, "token": token, "token_type": "bearer"},
    Ripple: lambda token: {
        "access_token": token,
        "scope": "payments:accept payments:read",
        "expires_in": 3600,
        "token_type": "Bearer",
    },
    AlternativePayments: lambda token: {"access_token": token, "expires_in": 3600, "token_type": "bearer"},
    Cryptofuse: lambda token: {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 36000,
        "scope": "read write",
    },
}
"""The documented response with this token in it."""

BASIC_PROVIDERS: list[type[Provider]] = [RipioRamp, AlternativePayments, Cryptofuse]
"""Those that accept the credentials as HTTP Basic."""

ENVIRONMENTS: dict[type[Provider], str] = {
    RipioRamp: "sandbox, production",
    RipioWidget: "sandbox, production",
    Ripple: "test, uat, production",
    AlternativePayments: "demo, production",
}
"""Those that have environments, and which."""

each_with_environments = pytest.mark.parametrize(("kind", "known"), ENVIRONMENTS.items())
each_provider = pytest.mark.parametrize("kind", ARGUMENTS)


def make(kind: type[P], **changes: Any) -> P:
    """A provider with good arguments, apart from the changes."""
    credentials = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    return kind(**{**credentials, **ARGUMENTS[kind], **changes})


def ask(provider: Provider, **options: Any) -> Token:
    """The token that a new source gets by one request. It shares nothing with other sources."""
    options = {"store": MemoryStore(), "policy": RefreshPolicy(max_attempts=1), **options}
    return TokenSource(provider, **options).get()


def settle(source: TokenSource) -> None:
    """Wait for the end of the pending renewal, if there is one."""
    renewal = cast("Any", source._cache)._renewal
    if renewal:
        with suppress(PaygrantError):
            renewal.pending.wait()


def request_of(kind: type[Provider], server: Server, **changes: Any) -> Seen:
    """The request that arrives when a provider's token is requested."""
    server.reply = Reply(GRANTED[kind]("the-token"))
    assert ask(make(kind, base_url=server.base_url, **changes)).access_token == "the-token"
    (seen,) = server.seen
    return seen
