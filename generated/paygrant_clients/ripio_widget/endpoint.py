# Written by `make generate`; do not edit.
"""The token endpoint of specs/ripio_widget.yaml."""

from typing import Final, Literal, TypeAlias

from ..description import Answer, Condition, Credentials, Error, Lifetime, Server, TokenEndpoint

Environment: TypeAlias = Literal["sandbox", "production"]
ENDPOINT: Final = TokenEndpoint(
    name="ripio_widget",
    path="/api/v1/auth",
    servers={
        "sandbox": Server(
            url="https://b2b-widget-onramp-api.sandbox.ripio.com",
            facts={"widget_url": "https://b2b-widget-onramp.sandbox.ripio.com"},
        ),
        "production": Server(
            url="https://b2b-widget-onramp-api.ripio.com", facts={"widget_url": "https://b2b-widget-onramp.ripio.com"}
        ),
    },
    credentials=(Credentials(place="body", client_id=None, client_secret="password"),),
    fixed={},
    given={"username": "username"},
    answer=Answer(
        access_token=("/token",),
        token_type=("/token_type",),
        scope=(),
        lifetime=(Lifetime(at="/token", unit="jwt_exp"),),
    ),
    success=Condition(status=None, at="/succeed", equals=True),
    invalid_client=(
        Condition(status=401, at=None, equals=None),
        Condition(status=403, at=None, equals=None),
        Condition(status=None, at="/succeed", equals=False),
    ),
    error=Error(code=("/error",), description=("/error_description", "/message")),
)
