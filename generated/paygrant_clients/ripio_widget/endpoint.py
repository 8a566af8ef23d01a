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
    name="ripio_widget",
    method="POST",
    path="/api/v1/auth",
    media_type="application/x-www-form-urlencoded",
    servers={
        "sandbox": Server(
            url="https://b2b-widget-onramp-api.sandbox.ripio.com",
            environment_facts={"widget_url": "https://b2b-widget-onramp.sandbox.ripio.com"},
        ),
        "production": Server(
            url="https://b2b-widget-onramp-api.ripio.com",
            environment_facts={"widget_url": "https://b2b-widget-onramp.ripio.com"},
        ),
    },
    client_auth=(ClientAuth(place="body", client_secret="password"),),
    parameters=(Parameter(name="username", argument="username", required=True, secret=True),),
    response=ResponseFields(
        access_token=("/token",), token_type=("/token_type",), lifetime=(Lifetime(unit="jwt_exp", at="/token"),)
    ),
    success=Condition(at="/succeed", equals=True),
    invalid_client=(
        Condition(status=401),
        Condition(status=403),
        Condition(at="/succeed", equals=False),
    ),
    error=ErrorFields(
        code=("/error",),
        description=(
            "/error_description",
            "/message",
        ),
    ),
)
