# Written by `paygrant generate`; do not edit.
"""The token endpoint, as openapi.json beside this module describes it."""

from typing import Final

from paygrant_clients.description import (
    ClientAuth,
    Condition,
    ErrorFields,
    Lifetime,
    Parameter,
    ResponseFields,
    TokenEndpoint,
)

ENDPOINT: Final = TokenEndpoint(
    name="cryptofuse",
    method="POST",
    path="/o/token/",
    media_type="application/x-www-form-urlencoded",
    servers={},
    client_auth=(
        ClientAuth(place="basic"),
        ClientAuth(place="body", client_id="client_id", client_secret="client_secret"),
    ),
    parameters=(
        Parameter(name="grant_type", value="client_credentials", required=True),
        Parameter(name="scope", argument="scope"),
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
    ),
    error=ErrorFields(code=("/error",), description=("/error_description",)),
)
