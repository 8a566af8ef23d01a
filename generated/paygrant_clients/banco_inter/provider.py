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
    certificate: "ClientCertificate | None"
    environment: Environment
    base_url: str | None
    scope: str | Iterable[str]
    dpop: "bool | Signer"


class BancoInter(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Banco Inter.

    Issues the access token for calls of Banco Inter's APIs for companies, such as Pix, boletos and banking.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705). The provider wants
            it at each of its own addresses.
        environment: "sandbox" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        scope: The requested scopes, separated by spaces. One string, or several strings.
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://github.com/inter-co/pj-sdk-python/blob/main/inter_sdk_python/commons/enums/EnvironmentEnum.py (read
            2026-11-28)
        https://github.com/inter-co/pj-sdk-python/blob/main/inter_sdk_python/commons/structures/Constants.py (read
            2026-11-28)
        https://github.com/inter-co/pj-sdk-python/blob/main/inter_sdk_python/commons/utils/TokenUtils.py (read
            2026-11-28)
        https://github.com/inter-co/pj-sdk-python/blob/main/inter_sdk_python/commons/models/GetTokenResponse.py (read
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
        certificate: "ClientCertificate | None" = None,
        environment: Environment,
        base_url: str | None = None,
        scope: str | Iterable[str],
        dpop: "bool | Signer" = False,
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            client_secret=client_secret,
            certificate=certificate,
            environment=environment,
            base_url=base_url,
            scope=scope,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are BANCO_INTER_CLIENT_ID, BANCO_INTER_CLIENT_SECRET, BANCO_INTER_ENVIRONMENT,
        BANCO_INTER_BASE_URL, BANCO_INTER_SCOPE, BANCO_INTER_DPOP. BANCO_INTER_CLIENT_SECRET_FILE names a file with the
        secret. BANCO_INTER_CERTIFICATE_FILE names a file with the certificate. BANCO_INTER_DPOP_KEY_FILE names a file
        with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of BANCO_INTER.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def scope(self) -> tuple[str, ...]:
        """The requested scopes, separated by spaces. One string, or several strings."""
        return tuple((self.parameters.get("scope") or "").split())
