# Written by `make generate`; do not edit.
"""The token endpoint of specs/ripple.yaml."""

from typing import Final, Literal, TypeAlias

from ..description import Answer, Condition, Credentials, Error, Lifetime, Server, TokenEndpoint

Environment: TypeAlias = Literal["test", "uat", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="ripple",
    path="/oauth/token",
    servers={
        "test": Server(url="https://auth-test.rnc.ripplenet.com", facts={"audience_environment": "test"}),
        "uat": Server(url="https://auth-uat.rnc.ripplenet.com", facts={"audience_environment": "uat"}),
        "production": Server(url="https://auth.rnc.ripplenet.com", facts={"audience_environment": "prod"}),
    },
    credentials=(Credentials(place="body", client_id="client_id", client_secret="client_secret"),),
    fixed={"grant_type": "client_credentials"},
    given={"audience": "audience"},
    answer=Answer(
        access_token=("/access_token",),
        token_type=("/token_type",),
        scope=("/scope",),
        lifetime=(Lifetime(at="/expires_in", unit="seconds"),),
    ),
    success=None,
    invalid_client=(
        Condition(status=401, at=None, equals=None),
        Condition(status=None, at="/error", equals="invalid_client"),
        Condition(status=None, at="/error", equals="access_denied"),
        Condition(status=None, at="/error", equals="unauthorized_client"),
    ),
    error=Error(code=("/error",), description=("/error_description",)),
)
