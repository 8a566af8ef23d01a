# Written by `make generate`; do not edit.
"""The token endpoint of specs/alternative_payments.yaml."""

from typing import Final, Literal, TypeAlias

from ..description import Answer, Condition, Credentials, Error, Lifetime, Server, TokenEndpoint

Environment: TypeAlias = Literal["demo", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="alternative_payments",
    path="/oauth/token",
    servers={
        "demo": Server(url="https://public-api.demo.alternativepayments.io", facts={}),
        "production": Server(url="https://public-api.alternativepayments.io", facts={}),
    },
    credentials=(Credentials(place="basic", client_id=None, client_secret=None),),
    fixed={"grant_type": "client_credentials"},
    given={},
    answer=Answer(
        access_token=("/access_token",),
        token_type=("/token_type",),
        scope=("/scope",),
        lifetime=(Lifetime(at="/expires_in", unit="seconds"),),
    ),
    success=None,
    invalid_client=(
        Condition(status=401, at=None, equals=None),
        Condition(status=403, at=None, equals=None),
        Condition(status=None, at="/error", equals="invalid_client"),
    ),
    error=Error(code=("/error",), description=("/error_description", "/message")),
)
