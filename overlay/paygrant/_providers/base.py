"""What all providers have in common: credentials, endpoint, checks, environment variables, the cache key.

A provider is a value: frozen, comparable, hashable. It says what to ask for; asking is left to ``_request``.
"""

import functools
import os
from collections.abc import Callable, Mapping
from dataclasses import MISSING, dataclass, fields
from hashlib import sha256
from importlib import import_module
from json import dumps
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeVar, cast, dataclass_transform

from paygrant._arguments import check_choice, check_secret, check_text, check_url, checked, refused
from paygrant._errors import ConfigurationError
from paygrant._request.client_auth import ENCODINGS, Encoding, basic_credentials
from paygrant._secrets import SecretFile, fingerprint

if TYPE_CHECKING:
    from pathlib import Path
    from types import ModuleType

    from paygrant._providers.spec_provider import DescribedProvider
    from paygrant._request.build import Draft
    from paygrant_clients.description import ClientAuth, TokenEndpoint

P = TypeVar("P", bound="Provider")


@dataclass_transform(kw_only_default=True, frozen_default=True)
def provider(cls: type[P]) -> type[P]:
    """Make a class of providers: a frozen dataclass whose constructor refuses bad arguments cleanly."""
    made = dataclass(frozen=True, kw_only=True, repr=False)(cls)
    init: Callable[..., None] = made.__init__
    names = {field.name for field in fields(made) if field.init}

    @functools.wraps(init)
    def with_gaps(self: P, **arguments: Any) -> None:
        # The checks say of these two what is allowed; that a call lacks them would say less.
        gaps = dict.fromkeys(names & {"environment", "base_url"} - arguments.keys())
        init(self, **arguments, **gaps)

    made.__init__ = checked(cast("Any", with_gaps))  # type: ignore[method-assign]
    return made


@provider
class Provider:
    """The part that all providers share.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it and is asked anew for each token request.
        base_url: Takes the place of the environment's host; plain http is for loopback only.
    """

    package: ClassVar[str]
    """The generated package that speaks to this provider."""

    _either: ClassVar[tuple[str, ...]] = ()
    """Fields of which one is needed."""

    client_id: str
    client_secret: str | Callable[[], str]
    base_url: str | None = None

    def __post_init__(self) -> None:
        check_text("client_id", self.client_id)
        check_secret("client_secret", self.client_secret, lines=self._is_key)
        if self.endpoint.servers:
            check_choice("environment", self.environment_name, self.endpoint.servers)
        elif self.base_url is None:
            raise refused(
                "base_url", "is missing", "the provider documents no host: allowed is https://host[:port][/path]"
            )
        if self.base_url is not None:
            self._set("base_url", check_url("base_url", self.base_url))

    def _set(self, field: str, value: object) -> None:
        """Put a field into its normal form, while the value is being made."""
        object.__setattr__(self, field, value)

    @property
    def endpoint(self) -> "TokenEndpoint":
        """The description of the token endpoint, out of the spec."""
        return endpoint_of(self.package)

    @property
    def model(self) -> Any:
        """The generated class of this endpoint's answers; None where there is none."""
        return import_module(f"{self.package}.models").TokenResponse

    @property
    def environment_name(self) -> str | None:
        """The environment; None where the provider has none."""
        return getattr(self, "environment", None)

    @property
    def facts(self) -> Mapping[str, str]:
        """What the spec says of this environment beside its host."""
        return self.endpoint.servers[self.environment_name or ""].environment_facts

    @property
    def host(self) -> str:
        """The base URL in force: the caller's, or the environment's."""
        return self.base_url or self.endpoint.servers[self.environment_name or ""].url

    @functools.cached_property
    def token_url(self) -> str:
        """Where tokens are asked for."""
        return self.host + self.endpoint.path

    @property
    def way(self) -> "ClientAuth":
        """How the credentials travel: the first way that the spec names."""
        return self.endpoint.client_auth[0]

    def basic_encodings(self, _secret: str) -> tuple[Encoding, ...]:
        """How Basic credentials may be encoded, in the order in which that is tried."""
        return ("plain",)

    @property
    def _is_key(self) -> bool:
        """Whether the secret is for a function to compute with, and never sent: a private key in PEM has several lines."""
        return self.way.place == "computed"

    def arguments(self) -> Mapping[str, Any]:
        """What the caller gives beside the credentials, by the names that the spec uses."""
        return {}

    def complete(self, draft: "Draft") -> None:
        """Put computed credentials on a token request, where the spec wants such."""

    def secret(self) -> str:
        """The client's secret as it is now.

        Raises:
            ConfigurationError: The callable failed, or returned what is no secret.
        """
        if isinstance(self.client_secret, str):
            return self.client_secret
        try:
            secret = self.client_secret()
        except Exception as error:
            if type(error) is ConfigurationError:  # ours, such as a SecretFile's
                raise
            fault = f"the callable raised {type(error).__name__}"
        else:
            return check_text("client_secret", secret, lines=self._is_key)
        raise refused("client_secret", fault, "allowed is a callable that returns the secret")

    def cache_key(self, secret: str, kind: str = "token") -> str:
        """A name for all that shapes the token, none of it legible; another kind of entry has another name."""
        shape = [
            kind,
            self.endpoint.name,
            self.environment_name,
            self.token_url,
            self.client_id,
            fingerprint(secret),
            self.way.place,
            self.basic_encodings(secret),
            sorted(self.arguments().items()),
        ]
        return sha256(dumps(shape).encode()).hexdigest()

    @staticmethod
    @checked
    def from_spec(source: "str | Path | ModuleType", **arguments: Any) -> "DescribedProvider":
        """Make a provider of any endpoint that a spec describes.

        Args:
            source: The path of a spec, or of a folder that ``paygrant generate`` made of one; or that package, imported.
            **arguments: ``client_id``, ``client_secret``, and as the spec has it ``environment`` or ``base_url``,
                ``basic_encoding``, ``credentials_in``, and the arguments that its parameters name. Where credentials
                are computed, ``authenticate`` is a function that completes a ``Draft`` in place.

        Raises:
            ConfigurationError: The spec or an argument is bad, missing or unknown.
            ImportError: A spec's file needs ``paygrant[generate]`` to be read.
        """
        from paygrant._providers.spec_provider import from_spec

        return from_spec(source, arguments)

    @classmethod
    @checked
    def from_env(cls, **overrides: Any) -> Self:
        """Make a provider from environment variables: ``RIPPLE_CLIENT_ID`` gives ``client_id``, and so on.

        ``..._CLIENT_SECRET_FILE`` names a file that holds the secret; it is read anew for each token request.
        An empty variable counts as not set.

        Args:
            **overrides: Arguments that go before the environment.

        Raises:
            ConfigurationError: A variable is missing or its value is bad; the variable is named.
        """
        return from_variables(cls, os.environ, overrides)

    def __repr__(self) -> str:
        where = [part for part in (self.environment_name, self.base_url) if part]
        return f"<{' '.join([type(self).__name__, *where])} client={fingerprint(self.client_id)}>"


@provider
class BasicProvider(Provider):
    """A provider that takes the credentials as HTTP Basic.

    Attributes:
        basic_encoding: ``"plain"`` (RFC 7617), ``"form"`` (RFC 6749 section 2.3.1), or ``"auto"``: plain as the
            providers document it, and form-encoded once where the two differ and plain was refused.
    """

    basic_encoding: Literal["auto", "plain", "form"] = "auto"

    def __post_init__(self) -> None:
        super().__post_init__()
        check_choice("basic_encoding", self.basic_encoding, ("auto", "plain", "form"))
        if self.way.place == "basic" and self.basic_encoding != "form":
            check_text("client_id", self.client_id, forbidden=":")

    def basic_encodings(self, secret: str) -> tuple[Encoding, ...]:
        if self.basic_encoding != "auto":
            return (self.basic_encoding,)
        if self.way.place != "basic":
            return ENCODINGS[:1]
        same = len({basic_credentials(self.client_id, secret, encoding) for encoding in ENCODINGS}) == 1
        return ENCODINGS[:1] if same else ENCODINGS


def endpoint_of(package: str) -> "TokenEndpoint":
    """The description of a token endpoint that a generated package holds."""
    return cast("TokenEndpoint", import_module(f"{package}.endpoint").ENDPOINT)


def variable_of(kind: type[Provider], field: str) -> str:
    """The environment variable that gives a field: ``RIPPLE_CLIENT_ID``."""
    return f"{kind.package.rpartition('.')[2]}_{field}".upper()


def from_variables(kind: type[P], variables: Mapping[str, str], overrides: Mapping[str, Any]) -> P:
    """What ``from_env`` does, by any variables."""
    names = {field.name: variable_of(kind, field.name) for field in fields(kind) if field.init}
    found: dict[str, Any] = {name: variables[each] for name, each in names.items() if variables.get(each)}
    file_variable = f"{names['client_secret']}_FILE"
    if (path := variables.get(file_variable)) and "client_secret" not in overrides:
        if "client_secret" in found:
            raise refused(file_variable, f"is set beside {names['client_secret']}", "allowed is one of the two")
        names["client_secret"] = file_variable
        found["client_secret"] = SecretFile(path)
    # Of what is missing, all is named at once. Where only a choice is to be made, the constructor says which.
    lacking = _lacking(kind, {*found, *overrides})
    choice = {"environment", "base_url", *kind._either}
    if (len(lacking) > 1 or {*lacking} - choice) and overrides.keys() <= names.keys():
        more = {"client_secret": " (or ..._FILE)"}
        more |= dict.fromkeys(kind._either[:1], f" (or {', '.join(names[each] for each in kind._either[1:])})")
        needed = ", ".join(names[each] + more.get(each, "") for each in lacking)
        message = f"environment variable {names[lacking[0]]}: is missing; allowed: a value for each of {needed}"
        raise ConfigurationError(message, argument=names[lacking[0]])
    try:
        made = kind(**{**found, **overrides})
        if callable(found.get("client_secret")):
            made.secret()  # a bad file is better known now than at the first request
    except ConfigurationError as error:
        argument = error.argument or ""
        if argument in overrides or argument not in names:
            raise
        message = str(error).replace(argument, f"environment variable {names[argument]}", 1)
        raise ConfigurationError(message, argument=names[argument]) from None
    return made


def _lacking(kind: type[Provider], given: set[str]) -> list[str]:
    """What a provider needs and is not given; of fields of which one is needed, the first."""
    needed = [each.name for each in fields(kind) if each.init and each.default is each.default_factory is MISSING]
    needed += [] if given & {*kind._either} else kind._either[:1]
    return [name for name in needed if name not in given]
