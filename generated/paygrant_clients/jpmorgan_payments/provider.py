# Written by `paygrant generate`; do not edit.
"""The provider's class. openapi.json in this folder is its spec."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Self, TypedDict, Unpack

from paygrant import SpecProvider

from .environments import Environment

if TYPE_CHECKING:
    from paygrant import ClientCertificate, Signer

    from .models.token_response import TokenResponse  # noqa: F401 - in quotes below

_PACKAGE = sys.modules[__name__.rpartition(".")[0]]


class _Arguments(TypedDict, total=False):
    client_id: str
    private_key: "Signer | str | bytes | Callable[[], Signer | str | bytes]"
    environment: Environment
    base_url: str | None
    resource: str
    certificate: "ClientCertificate | None"
    assertion_audience: str | None
    dpop: "bool | Signer"


class JPMorganPayments(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """J.P. Morgan Payments.

    Issues the access token for calls of J.P. Morgan's payment APIs, by a service called IDAnywhere.

    Attributes:
        client_id: The client's id.
        private_key: The key that signs assertions: a SigningKey, PEM, a JWK, an object that signs, or a callable that
            returns one.
        environment: "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        resource: The resource that the token is for, such as JPMC:URI:RS-000000-00000-Resource-PROD.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        assertion_audience: The audience of assertions, such as the issuer, instead of what the spec says.
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://github.com/jpmorgan-payments/authentication/blob/main/java/sample-authentication-code/src/main/java/com/authentication/example/Constants.java
            (read 2026-11-28)
        https://github.com/jpmorgan-payments/authentication/blob/main/java/sample-authentication-code/src/main/java/com/authentication/example/utilities/IdAnywhereUtility.java
            (read 2026-11-28)
        https://github.com/jpmorgan-payments/authentication/blob/main/java/sample-authentication-code/src/main/java/com/authentication/example/utilities/JwtUtility.java
            (read 2026-11-28)
        https://github.com/jpmorgan-payments/authentication/blob/main/js/sample-authentication-code/config/config.json
            (read 2026-11-28)
        https://github.com/jpmorgan-payments/authentication/blob/main/js/sample-authentication-code/README.md (read
            2026-11-28)
        https://github.com/jpmorgan-payments/ai/blob/main/providers/cursor/plugin/skills/jpm-oauth/SKILL.md (read
            2026-11-28)

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    environment: Environment

    def __init__(
        self,
        *,
        client_id: str,
        private_key: "Signer | str | bytes | Callable[[], Signer | str | bytes]",
        environment: Environment = "production",
        base_url: str | None = None,
        resource: str,
        certificate: "ClientCertificate | None" = None,
        assertion_audience: str | None = None,
        dpop: "bool | Signer" = False,
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            private_key=private_key,
            environment=environment,
            base_url=base_url,
            resource=resource,
            certificate=certificate,
            assertion_audience=assertion_audience,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are JPMORGAN_PAYMENTS_CLIENT_ID, JPMORGAN_PAYMENTS_ENVIRONMENT, JPMORGAN_PAYMENTS_BASE_URL,
        JPMORGAN_PAYMENTS_RESOURCE, JPMORGAN_PAYMENTS_ASSERTION_AUDIENCE, JPMORGAN_PAYMENTS_DPOP.
        JPMORGAN_PAYMENTS_PRIVATE_KEY_FILE names a file with the key, JPMORGAN_PAYMENTS_KEY_ID is its id.
        JPMORGAN_PAYMENTS_CERTIFICATE_FILE names a file with the certificate. JPMORGAN_PAYMENTS_DPOP_KEY_FILE names a
        file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of JPMORGAN_PAYMENTS.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def resource(self) -> str:
        """The resource that the token is for, such as JPMC:URI:RS-000000-00000-Resource-PROD."""
        value: str = self.parameters["resource"]
        return value
