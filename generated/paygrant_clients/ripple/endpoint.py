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

Environment: TypeAlias = Literal["test", "uat", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="ripple",
    method="POST",
    path="/oauth/token",
    media_type="application/json",
    servers={
        "test": Server(url="https://auth-test.rnc.ripplenet.com", environment_facts={"audience_environment": "test"}),
        "uat": Server(url="https://auth-uat.rnc.ripplenet.com", environment_facts={"audience_environment": "uat"}),
        "production": Server(url="https://auth.rnc.ripplenet.com", environment_facts={"audience_environment": "prod"}),
    },
    client_auth=(ClientAuth(place="body", client_id="client_id", client_secret="client_secret"),),
    parameters=(
        Parameter(name="audience", argument="audience", required=True),
        Parameter(name="grant_type", value="client_credentials", required=True),
    ),
    response=ResponseFields(
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
    error=ErrorFields(code=("/error",), description=("/error_description",)),
)
