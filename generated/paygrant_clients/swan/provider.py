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


class Swan(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Swan.

    Issues the project access token for calls of Swan's API.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://github.com/swan-io/docs/blob/main/docs/developers/using-api/authentication/guide-get-token-project.mdx
            (read 2026-11-28)

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

        The variables are SWAN_CLIENT_ID, SWAN_CLIENT_SECRET, SWAN_ENVIRONMENT, SWAN_BASE_URL, SWAN_DPOP.
        SWAN_CLIENT_SECRET_FILE names a file with the secret. SWAN_CERTIFICATE_FILE names a file with the certificate.
        SWAN_DPOP_KEY_FILE names a file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of SWAN.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)
