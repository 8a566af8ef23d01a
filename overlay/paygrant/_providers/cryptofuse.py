"""Cryptofuse: no documented host, scopes, and two methods of client authentication."""

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, Any, ClassVar, Literal, cast

from paygrant._arguments import check_choice, check_scope
from paygrant._providers.base import BasicProvider, Scope, provider

if TYPE_CHECKING:
    from paygrant._spec.description import ClientAuth
    from paygrant_clients.cryptofuse.models import TokenResponse  # noqa: F401 - the bases name it


@provider
class Cryptofuse(BasicProvider["TokenResponse"]):
    """The Cryptofuse API (https://docs.cryptofuse.io/api-reference/authentication/oauth-token).

    Attributes:
        base_url: The base URL. The documentation names none.
        scope: The requested scopes: a sequence, or a string that separates them by spaces.
        auth_method: ``"client_secret_basic"`` (HTTP Basic), or ``"client_secret_post"`` for the fields client_id and
            client_secret of the form.

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    _package: ClassVar[str] = "paygrant_clients.cryptofuse"

    base_url: str = field()
    scope: Scope = cast("Any", ("read", "write"))
    auth_method: Literal["client_secret_basic", "client_secret_post"] = "client_secret_basic"

    def __post_init__(self) -> None:
        check_choice("auth_method", self.auth_method, [each.method for each in self._endpoint.client_auth])
        super().__post_init__()
        self._set("scope", check_scope("scope", self.scope))

    @property
    def _client_auth(self) -> "ClientAuth":
        return next(each for each in self._endpoint.client_auth if each.method == self.auth_method)

    def _arguments(self) -> Mapping[str, str]:
        return {"scope": " ".join(self.scope)} if self.scope else {}
