# Written by `make generate`; do not edit.
"""The token endpoint of specs/ripio_ramp.yaml."""

from typing import Final, Literal, TypeAlias

from ..description import Answer, Condition, Credentials, Error, Lifetime, Server, TokenEndpoint

Environment: TypeAlias = Literal["sandbox", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="ripio_ramp",
    path="/oauth2/token/",
    servers={
        "sandbox": Server(url="https://skala-sandbox.ripio.com", facts={}),
        "production": Server(url="https://skala.ripio.com", facts={}),
    },
    credentials=(Credentials(place="basic", client_id=None, client_secret=None),),
    fixed={"grant_type": "client_credentials"},
    given={},
    answer=Answer(
        access_token=("/accessToken", "/access_token"),
        token_type=("/tokenType", "/token_type"),
        scope=("/scope",),
        lifetime=(Lifetime(at="/expiresIn", unit="seconds"), Lifetime(at="/expires_in", unit="seconds")),
    ),
    success=None,
    invalid_client=(
        Condition(status=401, at=None, equals=None),
        Condition(status=None, at="/error", equals="invalid_client"),
    ),
    error=Error(code=("/error",), description=("/error_description",)),
)
