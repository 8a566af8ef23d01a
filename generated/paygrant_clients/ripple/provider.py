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
    client_secret: str | Callable[[], str]
    environment: Environment
    base_url: str | None
    audience: str
    certificate: "ClientCertificate | None"
    dpop: "bool | Signer"


class Ripple(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Ripple.

    Issues the access token for calls of Ripple's Payments Direct API.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "test", "uat" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        audience: A URN that names the environment and the tenant.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://docs.ripple.com/products/payments-direct/api-docs/payments-direct-api/reference/payments-direct-api/authentication/authenticate.md
            (read 2026-11-21)
        https://docs.ripple.com/payments-direct/api-docs/best-practices/authentication (read 2026-11-21)

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    environment: Environment

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str | Callable[[], str],
        environment: Environment,
        base_url: str | None = None,
        audience: str,
        certificate: "ClientCertificate | None" = None,
        dpop: "bool | Signer" = False,
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            client_secret=client_secret,
            environment=environment,
            base_url=base_url,
            audience=audience,
            certificate=certificate,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are RIPPLE_CLIENT_ID, RIPPLE_CLIENT_SECRET, RIPPLE_ENVIRONMENT, RIPPLE_BASE_URL, RIPPLE_AUDIENCE,
        RIPPLE_DPOP. RIPPLE_CLIENT_SECRET_FILE names a file with the secret. RIPPLE_CERTIFICATE_FILE names a file with
        the certificate. RIPPLE_DPOP_KEY_FILE names a file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of RIPPLE.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def audience(self) -> str:
        """A URN that names the environment and the tenant."""
        value: str = self.parameters["audience"]
        return value
