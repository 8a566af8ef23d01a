# Written by `paygrant generate`; do not edit.
"""The token endpoint, as openapi.json beside this module describes it."""

from typing import Final, Literal, TypeAlias

from paygrant_clients.description import (
    ClientAuth,
    Condition,
    ErrorFields,
    Lifetime,
    Parameter,
    ResponseFields,
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
        "demo": Server(url="https://public-api.demo.alternativepayments.io", environment_facts={}),
        "production": Server(url="https://public-api.alternativepayments.io", environment_facts={}),
    },
    client_auth=(ClientAuth(place="basic"),),
    parameters=(Parameter(name="grant_type", value="client_credentials", required=True),),
    response=ResponseFields(
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
    error=ErrorFields(
        code=("/error",),
        description=(
            "/error_description",
            "/message",
        ),
    ),
)
