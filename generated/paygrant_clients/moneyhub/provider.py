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
    client_secret: str | Callable[[], str] | None
    environment: Environment
    base_url: str | None
    scope: str | Iterable[str]
    sub: str | None
    auth_method: Literal["client_secret_basic", "private_key_jwt"]
    private_key: "Signer | str | bytes | Callable[[], Signer | str | bytes] | None"
    certificate: "ClientCertificate | None"
    assertion_audience: str | None
    dpop: "bool | Signer"
    basic_encoding: Literal["auto", "plain", "form"]


class Moneyhub(SpecProvider["TokenResponse"], spec=_PACKAGE):
    """Moneyhub.

    Issues the access token for calls of Moneyhub's API of accounts and payments, of the client itself or for one of its
    users.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        environment: "production". It determines the base URL.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
        scope: The requested scopes, separated by spaces. One string, or several strings.
        sub: The id of the user whose data the token is for.
        auth_method: The method of client authentication: "client_secret_basic" or "private_key_jwt".
        private_key: The key that signs assertions: a SigningKey, PEM, a JWK, an object that signs, or a callable that
            returns one.
        certificate: The client certificate that connections to the token endpoint show (RFC 8705).
        assertion_audience: The audience of assertions, such as the issuer, instead of what the spec says.
        dpop: Binds tokens to a key (RFC 9449): True for a key of this process, or a key that others share.
        basic_encoding: How HTTP Basic encodes id and secret: "plain" (RFC 7617), "form" (RFC 6749 section 2.3.1), or
            "auto".

    Sources:
        https://github.com/moneyhub/api-docs/blob/master/source/identity-docs.md (read 2026-11-28)
        https://github.com/moneyhub/moneyhub-api-client/blob/main/readme.md (read 2026-11-28)
        https://github.com/moneyhub/moneyhub-api-client/blob/main/src/tokens.ts (read 2026-11-28)
        https://github.com/moneyhub/moneyhub-api-client/blob/main/src/discovery.ts (read 2026-11-28)

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    environment: Environment

    def __init__(
        self,
        *,
        client_id: str,
        client_secret: str | Callable[[], str] | None = None,
        environment: Environment = "production",
        base_url: str | None = None,
        scope: str | Iterable[str],
        sub: str | None = None,
        auth_method: Literal["client_secret_basic", "private_key_jwt"] = "client_secret_basic",
        private_key: "Signer | str | bytes | Callable[[], Signer | str | bytes] | None" = None,
        certificate: "ClientCertificate | None" = None,
        assertion_audience: str | None = None,
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
            sub=sub,
            auth_method=auth_method,
            private_key=private_key,
            certificate=certificate,
            assertion_audience=assertion_audience,
            dpop=dpop,
            basic_encoding=basic_encoding,
        )

    @classmethod
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec is known
        cls, prefix: str | None = None, **overrides: "Unpack[_Arguments]"
    ) -> Self:
        """Make a provider from environment variables.

        The variables are MONEYHUB_CLIENT_ID, MONEYHUB_CLIENT_SECRET, MONEYHUB_ENVIRONMENT, MONEYHUB_BASE_URL,
        MONEYHUB_SCOPE, MONEYHUB_SUB, MONEYHUB_AUTH_METHOD, MONEYHUB_ASSERTION_AUDIENCE, MONEYHUB_DPOP,
        MONEYHUB_BASIC_ENCODING. MONEYHUB_CLIENT_SECRET_FILE names a file with the secret. MONEYHUB_PRIVATE_KEY_FILE
        names a file with the key, MONEYHUB_KEY_ID is its id. MONEYHUB_CERTIFICATE_FILE names a file with the
        certificate. MONEYHUB_DPOP_KEY_FILE names a file with the key to bind tokens to.

        Args:
            prefix: How the names of the variables begin, instead of MONEYHUB.
            **overrides: Arguments of the class that replace those of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return super().from_env(_PACKAGE, prefix, **overrides)

    @property
    def scope(self) -> tuple[str, ...]:
        """The requested scopes, separated by spaces. One string, or several strings."""
        return tuple((self.parameters.get("scope") or "").split())

    @property
    def sub(self) -> str | None:
        """The id of the user whose data the token is for."""
        value: str | None = self.parameters.get("sub")
        return value
