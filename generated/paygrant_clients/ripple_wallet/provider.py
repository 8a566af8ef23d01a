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
    certificate: "ClientCertificate | None"
    dpop: "bool | Signer"


class RippleWallet(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Ripple Wallet.

    Issues the access token for calls of the Ripple Custody (Wallet) API, once called Palisade.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "sandbox" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://docs.ripple.com/products/wallet/api-and-developer-experience/api-conventions (read 2026-11-28)
        https://docs.ripple.com/products/wallet/organization-and-access/api-credentials (read 2026-11-28)
        https://docs.ripple.com/products/wallet/api-docs/palisade-api/palisade-api/api-credentials (read 2026-11-28)
        https://github.com/palisadeinc/typescript-sdk/blob/main/sdk/typescript/docs/APICredentialsApi.md (read
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
        environment: Environment,
        base_url: str | None = None,
        certificate: "ClientCertificate | None" = None,
        dpop: "bool | Signer" = False,
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            client_secret=client_secret,
            environment=environment,
            base_url=base_url,
            certificate=certificate,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are RIPPLE_WALLET_CLIENT_ID, RIPPLE_WALLET_CLIENT_SECRET, RIPPLE_WALLET_ENVIRONMENT,
        RIPPLE_WALLET_BASE_URL, RIPPLE_WALLET_DPOP. RIPPLE_WALLET_CLIENT_SECRET_FILE names a file with the secret.
        RIPPLE_WALLET_CERTIFICATE_FILE names a file with the certificate. RIPPLE_WALLET_DPOP_KEY_FILE names a file with
        the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of RIPPLE_WALLET.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)
