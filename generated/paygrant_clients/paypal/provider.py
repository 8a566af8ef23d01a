# Written by `paygrant generate`; do not edit.
"""The provider's class. openapi.json in this folder is its spec."""

import sys
from collections.abc import Callable, Iterable
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
    scope: str | Iterable[str] | None
    certificate: "ClientCertificate | None"
    dpop: "bool | Signer"
    basic_encoding: Literal["auto", "plain", "form"]


class PayPal(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """PayPal.

    Issues the access token for calls of PayPal's REST APIs.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "sandbox" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        scope: The requested scopes, separated by spaces. One string, or several strings.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.
        basic_encoding: How HTTP Basic encodes id and secret: "plain" (RFC 7617), "form" (RFC 6749 section 2.3.1), or
            "auto".

    Sources:
        https://developer.paypal.com/api/rest/authentication/ (read 2026-11-28)
        https://github.com/paypal/PayPal-Python-Server-SDK/blob/main/paypalserversdk/configuration.py (read 2026-11-28)
        https://github.com/paypal/PayPal-Python-Server-SDK/blob/main/paypalserversdk/controllers/o_auth_authorization_controller.py
            (read 2026-11-28)
        https://github.com/paypal/PayPal-Python-Server-SDK/blob/main/doc/models/o-auth-provider-exception.md (read
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
        basic_encoding: Literal["auto", "plain", "form"] = "plain",
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
            basic_encoding=basic_encoding,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are PAYPAL_CLIENT_ID, PAYPAL_CLIENT_SECRET, PAYPAL_ENVIRONMENT, PAYPAL_BASE_URL, PAYPAL_SCOPE,
        PAYPAL_DPOP, PAYPAL_BASIC_ENCODING. PAYPAL_CLIENT_SECRET_FILE names a file with the secret.
        PAYPAL_CERTIFICATE_FILE names a file with the certificate. PAYPAL_DPOP_KEY_FILE names a file with the key to
        bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of PAYPAL.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def scope(self) -> tuple[str, ...]:
        """The requested scopes, separated by spaces. One string, or several strings."""
        return tuple((self.parameters.get("scope") or "").split())
