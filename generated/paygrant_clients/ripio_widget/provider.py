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
    client_id: str | None
    client_secret: str | Callable[[], str]
    environment: Environment
    base_url: str | None
    username: str
    certificate: "ClientCertificate | None"
    dpop: "bool | Signer"


class RipioWidget(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Ripio Widget.

    Issues the token that opens Ripio's on-ramp and off-ramp widget for one user with one wallet address.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "sandbox" or "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        username: The client id, the user's external_ref and the wallet address, joined by colons.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.

    Sources:
        https://docs.ripio.com/ramps-api/widget/authentication.md (read 2026-11-21)
        https://docs.ripio.com/ramps-api/widget/accessing-widget.md (read 2026-11-21)

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    environment: Environment

    def __init__(
        self,
        *,
        client_id: str | None = None,
        client_secret: str | Callable[[], str],
        environment: Environment,
        base_url: str | None = None,
        username: str,
        certificate: "ClientCertificate | None" = None,
        dpop: "bool | Signer" = False,
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            client_secret=client_secret,
            environment=environment,
            base_url=base_url,
            username=username,
            certificate=certificate,
            dpop=dpop,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are RIPIO_WIDGET_CLIENT_ID, RIPIO_WIDGET_CLIENT_SECRET, RIPIO_WIDGET_ENVIRONMENT,
        RIPIO_WIDGET_BASE_URL, RIPIO_WIDGET_USERNAME, RIPIO_WIDGET_DPOP. RIPIO_WIDGET_CLIENT_SECRET_FILE names a file
        with the secret. RIPIO_WIDGET_CERTIFICATE_FILE names a file with the certificate. RIPIO_WIDGET_DPOP_KEY_FILE
        names a file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of RIPIO_WIDGET.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def username(self) -> str:
        """The client id, the user's external_ref and the wallet address, joined by colons."""
        value: str = self.parameters["username"]
        return value
