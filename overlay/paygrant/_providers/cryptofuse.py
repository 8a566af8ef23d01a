"""Cryptofuse: no documented host, scopes, and two ways for the credentials to travel."""

from collections.abc import Mapping
from dataclasses import field
from typing import TYPE_CHECKING, ClassVar, Literal

from paygrant._arguments import check_choice, check_scope
from paygrant._providers.base import BasicProvider, provider

if TYPE_CHECKING:
    from paygrant_clients.description import ClientAuth


@provider
class Cryptofuse(BasicProvider):
    """The Cryptofuse API (https://docs.cryptofuse.io/api-reference/authentication/oauth-token).

    Attributes:
        base_url: The host, which the documentation does not name.
        scope: The wanted scopes: a sequence, or a text that separates them by spaces.
        credentials_in: ``"basic"``, or ``"body"`` for the fields client_id and client_secret of the form.

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    package: ClassVar[str] = "paygrant_clients.cryptofuse"

    base_url: str = field()
    scope: tuple[str, ...] = ("read", "write")
    credentials_in: Literal["basic", "body"] = "basic"

    def __post_init__(self) -> None:
        check_choice("credentials_in", self.credentials_in, [way.place for way in self.endpoint.client_auth])
        super().__post_init__()
        self._set("scope", check_scope("scope", self.scope))

    @property
    def way(self) -> "ClientAuth":
        return next(way for way in self.endpoint.client_auth if way.place == self.credentials_in)

    def arguments(self) -> Mapping[str, str]:
        return {"scope": " ".join(self.scope)} if self.scope else {}
