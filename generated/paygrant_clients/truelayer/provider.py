# Written by `paygrant generate`; do not edit.
"""The provider's class. openapi.json in this folder is its spec."""

import sys
from collections.abc import Callable, Iterable
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
    scope: str | Iterable[str] | None
    certificate: "ClientCertificate | None"
    dpop: "bool | Signer"


class TrueLayer(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """TrueLayer.

    Issues the access token for calls of TrueLayer's Payments API.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "sandbox" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        scope: The requested scopes, separated by spaces. One string, or several strings.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://github.com/TrueLayer/truelayer-dotnet/blob/main/src/TrueLayer/Auth/AuthApi.cs (read 2026-11-28)
        https://github.com/TrueLayer/truelayer-dotnet/blob/main/src/TrueLayer/Common/TrueLayerBaseUris.cs (read
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
        scope: str | Iterable[str] | None = None,
        certificate: "ClientCertificate | None" = None,
        dpop: "bool | Signer" = False,
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            client_secret=client_secret,
            environment=environment,
            base_url=base_url,
            scope=scope,
            certificate=certificate,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are TRUELAYER_CLIENT_ID, TRUELAYER_CLIENT_SECRET, TRUELAYER_ENVIRONMENT, TRUELAYER_BASE_URL,
        TRUELAYER_SCOPE, TRUELAYER_DPOP. TRUELAYER_CLIENT_SECRET_FILE names a file with the secret.
        TRUELAYER_CERTIFICATE_FILE names a file with the certificate. TRUELAYER_DPOP_KEY_FILE names a file with the key
        to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of TRUELAYER.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def scope(self) -> tuple[str, ...]:
        """The requested scopes, separated by spaces. One string, or several strings."""
        return tuple((self.parameters.get("scope") or "").split())
