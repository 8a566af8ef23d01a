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
    shop: str
    certificate: "ClientCertificate | None"
    dpop: "bool | Signer"


class Shopify(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Shopify.

    Issues the access token with which an app of one's own calls the Admin API of a shop.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        shop: The name of the shop, which is the first label of its host.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://shopify.dev/docs/apps/build/authentication-authorization/access-tokens/client-credentials-grant (read
            2026-11-28)
        https://github.com/Shopify/shopify-app-js/blob/main/packages/apps/shopify-api/lib/auth/oauth/client-credentials.ts
            (read 2026-11-28)
        https://github.com/Shopify/shopify-app-js/blob/main/packages/apps/shopify-api/lib/utils/shop-validator.ts (read
            2026-11-28)

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    environment: Environment

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str | Callable[[], str],
        environment: Environment = "production",
        base_url: str | None = None,
        shop: str,
        certificate: "ClientCertificate | None" = None,
        dpop: "bool | Signer" = False,
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            client_secret=client_secret,
            environment=environment,
            base_url=base_url,
            shop=shop,
            certificate=certificate,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are SHOPIFY_CLIENT_ID, SHOPIFY_CLIENT_SECRET, SHOPIFY_ENVIRONMENT, SHOPIFY_BASE_URL, SHOPIFY_SHOP,
        SHOPIFY_DPOP. SHOPIFY_CLIENT_SECRET_FILE names a file with the secret. SHOPIFY_CERTIFICATE_FILE names a file
        with the certificate. SHOPIFY_DPOP_KEY_FILE names a file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of SHOPIFY.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def shop(self) -> str:
        """The name of the shop, which is the first label of its host."""
        value: str = self.parameters["shop"]
        return value
