"""ClientCredentials: any token endpoint that follows RFC 6749, without a spec."""

import functools
import re
from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast
from urllib.parse import urlsplit, urlunsplit

from paygrant._arguments import (
    check_choice,
    check_scope,
    check_text,
    check_type,
    check_url,
    checked,
    invalid_argument,
    plain,
    shown,
)
from paygrant._providers.base import Scope, provider
from paygrant._providers.keyed import METHODS, KeyedProvider
from paygrant._spec.description import (
    ClientAuth,
    Condition,
    ErrorFields,
    Lifetime,
    Parameter,
    ResponseFields,
    TokenEndpoint,
)

if TYPE_CHECKING:
    from paygrant._spec.description import Method

_PUBLIC = frozenset({"audience", "resource", "scope"})
"""Parameters that are no secrets. Any other may be one."""

_RESERVED = frozenset(
    {"grant_type", "client_id", "client_secret", "client_assertion", "client_assertion_type", "scope"}
)


_MEDIA_TYPES = {"form": "application/x-www-form-urlencoded", "json": "application/json"}


@provider
class ClientCredentials(KeyedProvider[Mapping[str, Any]]):
    """Any token endpoint that follows RFC 6749 (section 4.4), without a spec.

    Attributes:
        token_url: The whole address of the token endpoint.
        scope: The requested scopes: a sequence, or a string that separates them by spaces.
        name: A name for logs, metrics and environment variables, in snake_case.
        body: Whether the request is a form, as RFC 6749 says, or JSON.
        auth_method: How the client authenticates (RFC 7591 section 2): ``"client_secret_basic"`` (HTTP Basic),
            ``"client_secret_post"`` (the fields client_id and client_secret), ``"private_key_jwt"`` or
            ``"client_secret_jwt"`` (RFC 7523), or ``"tls_client_auth"`` (RFC 8705).
        parameters: More fields of the body, such as ``{"audience": ...}`` or ``{"resource": ...}`` (RFC 8707).

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    _package: ClassVar[str] = "client_credentials"

    token_url: str = field()  # pyright: ignore[reportIncompatibleVariableOverride] - other providers compute it
    if TYPE_CHECKING:
        base_url: str | None = field(init=False, default=None)  # it follows from token_url
    else:
        base_url: ClassVar[str | None] = None
    scope: Scope = cast("Any", ())
    auth_method: Literal[
        "client_secret_basic", "client_secret_post", "client_secret_jwt", "private_key_jwt", "tls_client_auth"
    ] = "client_secret_basic"
    parameters: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)
    name: str = "client_credentials"
    body: Literal["form", "json"] = "form"

    @classmethod
    @checked
    def from_env(cls, prefix: str | None = None, **overrides: Any) -> Self:
        """Make a provider from environment variables: ``CLIENT_CREDENTIALS_TOKEN_URL`` gives ``token_url``, and so on.

        ``..._CLIENT_SECRET_FILE`` names a file that holds the secret. The file is read again for each token request.
        An empty variable counts as not set.

        Args:
            prefix: How the names of the variables begin, instead of the name: ``SHOP2`` for ``SHOP2_TOKEN_URL``.
            **overrides: Arguments that replace the environment's. A ``name`` also begins the names of the variables.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        if prefix is None and "name" in overrides:
            prefix = _check_name(overrides["name"])
        return super().from_env(prefix, **overrides)

    def __post_init__(self) -> None:
        _check_name(self.name)
        check_choice("body", self.body, _MEDIA_TYPES)
        scope: Any = self.scope
        self._set("scope", () if scope is None or scope == "" else check_scope("scope", scope))
        check_choice("auth_method", self.auth_method, METHODS)
        check_type("parameters", self.parameters, Mapping, "a mapping of strings to strings")
        for name, value in self.parameters.items():
            check_text("parameters", name)
            check_text("parameters", value)
            if name in _RESERVED:
                expected = "other names: this field is fixed or has an argument of its own"
                raise invalid_argument("parameters", f"holds {name!r}", expected)
        check_type("token_url", self.token_url, str, "the address of the token endpoint")
        bare, _, query = self.token_url.partition("?")  # a query is allowed (RFC 6749 section 3.2)
        address = urlsplit(check_url("token_url", bare))
        if query:
            check_text("token_url", query, forbidden="#")
        self._set("base_url", f"{address.scheme}://{address.netloc}")
        super().__post_init__()
        self._set("parameters", {plain(name): plain(value) for name, value in self.parameters.items()})

    @property
    def _endpoint(self) -> TokenEndpoint:
        return _endpoint(self.name, self.token_url, self.body, self.auth_method, tuple(self._arguments()))

    def _models(self) -> None:
        return None

    def _arguments(self) -> Mapping[str, Any]:
        return ({"scope": " ".join(self.scope)} if self.scope else {}) | dict(self.parameters)


def _check_name(name: object) -> str:
    """Check a name for logs, metrics and variables."""
    if not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", check_text("name", name)):
        raise invalid_argument("name", f"is {shown(name)}", "a name in snake_case, such as my_shop")
    return str(name)


@functools.lru_cache(maxsize=256)
def _endpoint(name: str, token_url: str, body: str, auth_method: "Method", arguments: tuple[str, ...]) -> TokenEndpoint:
    """The description of the endpoint. Clients of one endpoint share it."""
    names = {"client_secret_post": ("client_id", "client_secret"), "tls_client_auth": ("client_id", None)}
    return TokenEndpoint(
        name=name,
        method="POST",
        path=urlunsplit(("", "", *urlsplit(token_url)[2:])),
        media_type=_MEDIA_TYPES[body],
        servers={},
        client_auth=(ClientAuth(auth_method, *names.get(auth_method, (None, None))),),
        parameters=(
            Parameter("grant_type", value="client_credentials"),
            *(Parameter(each, argument=each, secret=each not in _PUBLIC) for each in arguments),
        ),
        response=ResponseFields(
            ("/access_token",), ("/token_type",), ("/scope",), (Lifetime("seconds", "/expires_in"),)
        ),
        success=None,
        invalid_client=(Condition(status=401), Condition(at="/error", equals="invalid_client")),
        error=ErrorFields(("/error",), ("/error_description",)),
    )
