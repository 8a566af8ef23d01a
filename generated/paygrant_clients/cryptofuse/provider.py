# Written by `paygrant generate`; do not edit.
"""The provider's class. openapi.json in this folder is its spec."""

import sys
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Literal, Self, TypedDict, Unpack

from paygrant import SpecProvider

if TYPE_CHECKING:
    from paygrant import ClientCertificate, Signer

    from .models.token_response import TokenResponse  # noqa: F401 - in quotes below

_PACKAGE = sys.modules[__name__.rpartition(".")[0]]


class _Arguments(TypedDict, total=False):
    client_id: str
    client_secret: str | Callable[[], str]
    base_url: str
    scope: str | Iterable[str] | None
    auth_method: Literal["client_secret_basic", "client_secret_post"]
    certificate: "ClientCertificate | None"
    dpop: "bool | Signer"
    basic_encoding: Literal["auto", "plain", "form"]


class Cryptofuse(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Cryptofuse.

    Issues the access token for calls of the Cryptofuse API.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        base_url: The base URL. The documentation names none.
        scope: The requested scopes (read, write, admin), separated by spaces. One string, or several strings.
        auth_method: The method of client authentication: "client_secret_basic" or "client_secret_post".
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.
        basic_encoding: How HTTP Basic encodes id and secret: "plain" (RFC 7617), "form" (RFC 6749 section 2.3.1), or
            "auto".

    Sources:
        https://docs.cryptofuse.io/api-reference/authentication/oauth-token (read 2026-11-21)
        https://cryptofuse-docs.pages.dev/api-reference/authentication/oauth-token (read 2026-11-21)
        https://docs.cryptofuse.io/pl/authentication (read 2026-11-21)
        https://cryptofuse-docs.pages.dev/v0.9/authentication (read 2026-11-21)

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str | Callable[[], str],
        base_url: str,
        scope: str | Iterable[str] | None = "read write",
        auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic",
        certificate: "ClientCertificate | None" = None,
        dpop: "bool | Signer" = False,
        basic_encoding: Literal["auto", "plain", "form"] = "auto",
    ) -> None:
        super().__init__(
            _PACKAGE,
            client_id=client_id,
            client_secret=client_secret,
            base_url=base_url,
            scope=scope,
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

        The variables are CRYPTOFUSE_CLIENT_ID, CRYPTOFUSE_CLIENT_SECRET, CRYPTOFUSE_BASE_URL, CRYPTOFUSE_SCOPE,
        CRYPTOFUSE_AUTH_METHOD, CRYPTOFUSE_DPOP, CRYPTOFUSE_BASIC_ENCODING. CRYPTOFUSE_CLIENT_SECRET_FILE names a file
        with the secret. CRYPTOFUSE_CERTIFICATE_FILE names a file with the certificate. CRYPTOFUSE_DPOP_KEY_FILE names a
        file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of CRYPTOFUSE.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def scope(self) -> tuple[str, ...]:
        """The requested scopes (read, write, admin), separated by spaces. One string, or several strings."""
        return tuple((self.parameters.get("scope") or "").split())
