# Written by `paygrant generate`; do not edit.
"""The provider's class. openapi.json in this folder is its spec."""

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Literal, Self, TypedDict, Unpack

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
    auth_method: Literal["client_secret_post", "client_secret_basic"]
    certificate: "ClientCertificate | None"
    dpop: "bool | Signer"
    basic_encoding: Literal["auto", "plain", "form"]


class RippleRLUSD(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Ripple RLUSD.

    Issues the access token for calls of the Ripple Mint API, which issues and redeems RLUSD.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "uat" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        audience: A URN that names the environment and the tenant.
        auth_method: The method of client authentication: "client_secret_post" or "client_secret_basic".
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.
        basic_encoding: How HTTP Basic encodes id and secret: "plain" (RFC 7617), "form" (RFC 6749 section 2.3.1), or
            "auto".

    Sources:
        https://docs.ripple.com/products/stablecoin/api/authentication (read 2026-11-28)
        https://docs.ripple.com/products/stablecoin/api/get-started (read 2026-11-28)
        https://docs.ripple.com/pt-br/products/stablecoin/api/uat (read 2026-11-28)
        https://docs.ripple.com/products/collections/api/collections/authentication/testauthtoken (read 2026-11-28)

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
        auth_method: Literal["client_secret_post", "client_secret_basic"] = "client_secret_post",
        certificate: "ClientCertificate | None" = None,
        dpop: "bool | Signer" = False,
        basic_encoding: Literal["auto", "plain", "form"] = "plain",
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            client_secret=client_secret,
            environment=environment,
            base_url=base_url,
            audience=audience,
            auth_method=auth_method,
            certificate=certificate,
            dpop=dpop,
            basic_encoding=basic_encoding,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are RIPPLE_RLUSD_CLIENT_ID, RIPPLE_RLUSD_CLIENT_SECRET, RIPPLE_RLUSD_ENVIRONMENT,
        RIPPLE_RLUSD_BASE_URL, RIPPLE_RLUSD_AUDIENCE, RIPPLE_RLUSD_AUTH_METHOD, RIPPLE_RLUSD_DPOP,
        RIPPLE_RLUSD_BASIC_ENCODING. RIPPLE_RLUSD_CLIENT_SECRET_FILE names a file with the secret.
        RIPPLE_RLUSD_CERTIFICATE_FILE names a file with the certificate. RIPPLE_RLUSD_DPOP_KEY_FILE names a file with
        the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of RIPPLE_RLUSD.
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
