# Written by `paygrant generate`; do not edit.
"""The token endpoint, as openapi.json beside this module describes it."""

from typing import Final, Literal, TypeAlias

from paygrant_clients.description import (
    Answer,
    Condition,
    Credentials,
    Error,
    Lifetime,
    Parameter,
    Server,
    TokenEndpoint,
)

Environment: TypeAlias = Literal["demo", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="alternative_payments",
    method="POST",
    path="/oauth/token",
    media_type="application/x-www-form-urlencoded",
    servers={
        "demo": Server(url="https://public-api.demo.alternativepayments.io", facts={}),
        "production": Server(url="https://public-api.alternativepayments.io", facts={}),
    },
    credentials=(Credentials(place="basic"),),
    parameters=(Parameter(name="grant_type", value="client_credentials", required=True),),
    answer=Answer(
        access_token=("/access_token",),
        token_type=("/token_type",),
        scope=("/scope",),
        lifetime=(Lifetime(unit="seconds", at="/expires_in"),),
    ),
    success=None,
    invalid_client=(
        Condition(status=401),
        Condition(status=403),
        Condition(at="/error", equals="invalid_client"),
    ),
    error=Error(
        code=("/error",),
        description=(
            "/error_description",
            "/message",
        ),
    ),
)
