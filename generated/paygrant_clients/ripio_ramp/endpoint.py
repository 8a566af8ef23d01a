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

Environment: TypeAlias = Literal["sandbox", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="ripio_ramp",
    method="POST",
    path="/oauth2/token/",
    media_type="application/x-www-form-urlencoded",
    servers={
        "sandbox": Server(url="https://skala-sandbox.ripio.com", environment_facts={}),
        "production": Server(url="https://skala.ripio.com", environment_facts={}),
    },
    client_auth=(ClientAuth(place="basic"),),
    parameters=(Parameter(name="grant_type", value="client_credentials", required=True),),
    response=ResponseFields(
        access_token=(
            "/accessToken",
            "/access_token",
        ),
        token_type=(
            "/tokenType",
            "/token_type",
        ),
        scope=("/scope",),
        lifetime=(
            Lifetime(unit="seconds", at="/expiresIn"),
            Lifetime(unit="seconds", at="/expires_in"),
        ),
    ),
    success=None,
    invalid_client=(
        Condition(status=401),
        Condition(at="/error", equals="invalid_client"),
    ),
    error=ErrorFields(code=("/error",), description=("/error_description",)),
)
