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

Environment: TypeAlias = Literal["sandbox", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="ripio_ramp",
    method="POST",
    path="/oauth2/token/",
    media_type="application/x-www-form-urlencoded",
    servers={
        "sandbox": Server(url="https://skala-sandbox.ripio.com", facts={}),
        "production": Server(url="https://skala.ripio.com", facts={}),
    },
    credentials=(Credentials(place="basic"),),
    parameters=(Parameter(name="grant_type", value="client_credentials", required=True),),
    answer=Answer(
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
    error=Error(code=("/error",), description=("/error_description",)),
)
