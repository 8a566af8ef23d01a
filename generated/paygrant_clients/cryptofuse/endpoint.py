# Written by `make generate`; do not edit.
"""The token endpoint of specs/cryptofuse.yaml."""

from typing import Final

from ..description import Answer, Condition, Credentials, Error, Lifetime, TokenEndpoint

ENDPOINT: Final = TokenEndpoint(
    name="cryptofuse",
    path="/o/token/",
    servers={},
    credentials=(
        Credentials(place="basic", client_id=None, client_secret=None),
        Credentials(place="body", client_id="client_id", client_secret="client_secret"),
    ),
    fixed={"grant_type": "client_credentials"},
    given={"scope": "scope"},
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
    ),
    error=Error(code=("/error",), description=("/error_description",)),
)
