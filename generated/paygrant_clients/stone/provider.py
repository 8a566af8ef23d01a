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
    certificate: "ClientCertificate | None"
    assertion_audience: str | None
    dpop: "bool | Signer"


class Stone(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Stone.

    Issues the access token for calls of Stone's open banking API, such as Pix and transfers.

    Attributes:
        client_id: The client's id.
        private_key: The key that signs assertions: a SigningKey, PEM, a JWK, an object that signs, or a callable that
            returns one.
        environment: "sandbox" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        assertion_audience: The audience of assertions, such as the issuer, instead of what the spec says.
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://github.com/stone-payments/merchant-go-stone-openbank/blob/master/client.go (read 2026-11-28)
        https://github.com/stone-payments/merchant-go-stone-openbank/blob/master/authentication.go (read 2026-11-28)
        https://github.com/stone-payments/merchant-go-stone-openbank/blob/master/token.go (read 2026-11-28)

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
            certificate=certificate,
            assertion_audience=assertion_audience,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are STONE_CLIENT_ID, STONE_ENVIRONMENT, STONE_BASE_URL, STONE_ASSERTION_AUDIENCE, STONE_DPOP.
        STONE_PRIVATE_KEY_FILE names a file with the key, STONE_KEY_ID is its id. STONE_CERTIFICATE_FILE names a file
        with the certificate. STONE_DPOP_KEY_FILE names a file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of STONE.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)
