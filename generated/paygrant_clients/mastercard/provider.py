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
    private_key: "Signer | str | bytes | Callable[[], Signer | str | bytes]"
    environment: Environment
    base_url: str | None
    scope: str | Iterable[str] | None
    certificate: "ClientCertificate | None"
    assertion_audience: str | None
    dpop: "bool | Signer"


class Mastercard(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Mastercard.

    Issues the access token for calls of Mastercard's APIs that use OAuth 2.0 with FAPI 2.0.

    Attributes:
        client_id: The client's id.
        private_key: The key that signs assertions: a SigningKey, PEM, a JWK, an object that signs, or a callable that
            returns one.
        environment: "sandbox" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        scope: The requested scopes, separated by spaces. One string, or several strings.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        assertion_audience: The audience of assertions, such as the issuer, instead of what the spec says.
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share. The provider
            gives no other tokens.

    Sources:
        https://developer.mastercard.com/platform/documentation/authentication/using-oauth-2-to-access-mastercard-apis/
            (read 2026-11-28)
        https://developer.mastercard.com/platform/documentation/errors-and-troubleshooting/oauth2-error-codes/ (read
            2026-11-28)
        https://github.com/Mastercard/insomnia-plugin-mastercard/blob/main/README.md (read 2026-11-28)
        https://github.com/Mastercard/insomnia-plugin-mastercard/blob/main/workspace/mastercard-apis-insomnia-workspace-oauth2.json
            (read 2026-11-28)
        https://github.com/Mastercard/oauth2-client-js/blob/main/README.md (read 2026-11-28)
        https://github.com/Mastercard/oauth2-client-js/blob/main/src/core/client.ts (read 2026-11-28)
        https://github.com/Mastercard/oauth2-client-js/blob/main/src/security/profile/fapi2.ts (read 2026-11-28)

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    environment: Environment

    def __init__(
        self,
        *,
        client_id: str,
        private_key: "Signer | str | bytes | Callable[[], Signer | str | bytes]",
        environment: Environment,
        base_url: str | None = None,
        scope: str | Iterable[str] | None = None,
        certificate: "ClientCertificate | None" = None,
        assertion_audience: str | None = None,
        dpop: "bool | Signer" = True,
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            private_key=private_key,
            environment=environment,
            base_url=base_url,
            scope=scope,
            certificate=certificate,
            assertion_audience=assertion_audience,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are MASTERCARD_CLIENT_ID, MASTERCARD_ENVIRONMENT, MASTERCARD_BASE_URL, MASTERCARD_SCOPE,
        MASTERCARD_ASSERTION_AUDIENCE, MASTERCARD_DPOP. MASTERCARD_PRIVATE_KEY_FILE names a file with the key,
        MASTERCARD_KEY_ID is its id. MASTERCARD_CERTIFICATE_FILE names a file with the certificate.
        MASTERCARD_DPOP_KEY_FILE names a file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of MASTERCARD.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def scope(self) -> tuple[str, ...]:
        """The requested scopes, separated by spaces. One string, or several strings."""
        return tuple((self.parameters.get("scope") or "").split())
