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

Environment: TypeAlias = Literal["test", "uat", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="ripple",
    method="POST",
    path="/oauth/token",
    media_type="application/json",
    servers={
        "test": Server(url="https://auth-test.rnc.ripplenet.com", facts={"audience_environment": "test"}),
        "uat": Server(url="https://auth-uat.rnc.ripplenet.com", facts={"audience_environment": "uat"}),
        "production": Server(url="https://auth.rnc.ripplenet.com", facts={"audience_environment": "prod"}),
    },
    credentials=(Credentials(place="body", client_id="client_id", client_secret="client_secret"),),
    parameters=(
        Parameter(name="audience", argument="audience", required=True),
        Parameter(name="grant_type", value="client_credentials", required=True),
    ),
    answer=Answer(
        access_token=("/access_token",),
        token_type=("/token_type",),
        scope=("/scope",),
        lifetime=(Lifetime(unit="seconds", at="/expires_in"),),
    ),
    success=None,
    invalid_client=(
        Condition(status=401),
        Condition(at="/error", equals="invalid_client"),
        Condition(at="/error", equals="access_denied"),
        Condition(at="/error", equals="unauthorized_client"),
    ),
    error=Error(code=("/error",), description=("/error_description",)),
)
