"""SpecProvider: any token endpoint that a spec describes, without a special class."""

import functools
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from os import PathLike, environ, fspath
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, cast, overload

from paygrant._arguments import (
    base_url_for,
    check_choice,
    check_function,
    check_scope,
    check_text,
    check_type,
    check_url,
    checked,
    invalid_argument,
    plain,
)
from paygrant._providers.base import made_with_secret
from paygrant._providers.keyed import KeyedProvider
from paygrant._providers.typed_class import checked_members
from paygrant._secrets import compared_as_a_whole
from paygrant._tokens.token import R_co

if TYPE_CHECKING:
    from paygrant._providers.keyed import PrivateKey
    from paygrant._providers.kind import ProviderKind
    from paygrant._request.certificate import ClientCertificate
    from paygrant._request.signing_key import Signer
    from paygrant._request.unsigned import UnsignedRequest
    from paygrant._spec.description import ClientAuth, Parameter, TokenEndpoint
    from paygrant._spec.files import SpecCache

_LARGEST = 2**53 - 1
"""JSON's numbers beyond this are not the same everywhere (RFC 8259 section 6)."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
"""The Python types of a parameter, by the type in its schema."""


class _Parameters(dict[str, Any]):
    """The values by argument, as a provider keeps them. ``dataclasses.replace`` passes them on as they are."""


@compared_as_a_whole
@dataclass(frozen=True, repr=False, init=False)
class SpecProvider(KeyedProvider[R_co]):
    """Any token endpoint that a spec describes. Each argument that the spec names is a keyword of the constructor.

    Attributes:
        spec: The path of a spec, or of a folder that ``paygrant generate`` made; or that package, imported.
        environment: One of the environments that the spec names. It may be left out if there is only one.
        parameters: The values of the spec's own arguments, by name.
        auth_method: The method of client authentication, if not the first one that the spec names.
        allow_link_local: Whether the base URL may be a link-local address, such as that of a cloud's metadata service.
        authenticate: Computes the credentials, if the spec says so. It completes an ``UnsignedRequest`` in place.
            Processes share a token only if this is a function of a module that reads nothing but the request. For a
            lambda, a method, or a function that reads a global value, they do not.

    Raises:
        ConfigurationError: The spec or an argument is bad, missing or unknown.
        ImportError: The spec is a file, and ``paygrant[generate]`` is not installed to read it.
    """

    __module__ = "paygrant"

    spec: "Path | ModuleType"
    environment: str | None = None
    auth_method: str | None = None
    authenticate: "Callable[[UnsignedRequest], object] | None" = None
    allow_link_local: bool = False
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    _description: "TokenEndpoint" = field(init=False, hash=False)
    _digest: str = field(init=False, hash=False, compare=False)
    """Distinguishes the description from others: two specs may have the same name."""

    _spec: ClassVar[ModuleType | None] = None
    """The package that a generated class belongs to."""

    @overload
    def __init__(
        self: "SpecProvider[Mapping[str, Any]]",
        spec: "str | PathLike[str]",
        *,
        client_secret: str | Callable[[], str] | None = ...,
        client_id: str | None = ...,
        environment: str | None = ...,
        base_url: str | None = ...,
        basic_encoding: Literal["auto", "plain", "form"] | None = ...,
        auth_method: str | None = ...,
        private_key: "PrivateKey | Callable[[], PrivateKey] | None" = ...,
        certificate: "ClientCertificate | None" = ...,
        assertion_audience: str | None = ...,
        dpop: "bool | Signer | None" = ...,
        authenticate: "Callable[[UnsignedRequest], object] | None" = ...,
        allow_link_local: bool = ...,
        **parameters: Any,
    ) -> None: ...
    @overload
    def __init__(
        self,
        spec: ModuleType,
        *,
        client_secret: str | Callable[[], str] | None = ...,
        client_id: str | None = ...,
        environment: str | None = ...,
        base_url: str | None = ...,
        basic_encoding: Literal["auto", "plain", "form"] | None = ...,
        auth_method: str | None = ...,
        private_key: "PrivateKey | Callable[[], PrivateKey] | None" = ...,
        certificate: "ClientCertificate | None" = ...,
        assertion_audience: str | None = ...,
        dpop: "bool | Signer | None" = ...,
        authenticate: "Callable[[UnsignedRequest], object] | None" = ...,
        allow_link_local: bool = ...,
        **parameters: Any,
    ) -> None: ...
    @checked
    def __init__(  # noqa: PLR0913 - the credentials, and where they go
        self,
        spec: "str | PathLike[str] | ModuleType",
        *,
        client_secret: str | Callable[[], str] | None = None,
        client_id: str | None = None,
        environment: str | None = None,
        base_url: str | None = None,
        basic_encoding: Literal["auto", "plain", "form"] | None = None,
        auth_method: str | None = None,
        private_key: "PrivateKey | Callable[[], PrivateKey] | None" = None,
        certificate: "ClientCertificate | None" = None,
        assertion_audience: str | None = None,
        dpop: "bool | Signer | None" = None,
        authenticate: "Callable[[UnsignedRequest], object] | None" = None,
        allow_link_local: bool = False,
        **parameters: Any,
    ) -> None:
        from paygrant._providers import read_spec

        description, digest = read_spec.read_once(spec)
        self._set("spec", spec if isinstance(spec, ModuleType) else Path(fspath(spec)))
        self._set("_description", description)
        self._set("_digest", digest)
        self._set("auth_method", plain(auth_method))
        client_id, client_secret = self._credentials(client_id, client_secret)
        if environment is None and len(description.servers) == 1:
            (environment,) = description.servers
        kept: dict[str, Any] = {}
        if isinstance(parameters.get("parameters"), _Parameters):  # what is not among them is not sent
            kept = dict.fromkeys(str(each.argument) for each in description.arguments) | parameters.pop("parameters")
        arguments: dict[str, Any] = {
            "client_id": client_id,
            "client_secret": client_secret,
            "environment": environment,
            "base_url": base_url,
            "basic_encoding": basic_encoding,
            "private_key": private_key,
            "certificate": certificate,
            "assertion_audience": assertion_audience,
            "dpop": description.token_use.dpop if dpop is None else dpop,
            "authenticate": authenticate,
            "allow_link_local": allow_link_local,
            "parameters": {**kept, **parameters},
        }
        vars(self).update({name: plain(value) for name, value in arguments.items()})
        self.__post_init__()

    def _credentials(
        self, client_id: str | None, client_secret: str | Callable[[], str] | None
    ) -> tuple[str, str | Callable[[], str]]:
        """The credentials, as far as something sends them. Empty strings if nothing does."""
        if self._client_auth.method == "none":
            for name, value in (("client_id", client_id), ("client_secret", client_secret)):
                if value not in {None, ""}:  # dataclasses.replace() gives the empty strings
                    raise invalid_argument(name, "is given, but the method 'none' sends no credentials", f"no {name}")
            return "", ""
        if client_id is None:
            from paygrant._providers.spec_arguments import sends_client_id

            client_id = None if sends_client_id(self._description) else self._description.name
        if self._spec is None and client_id is None:  # that of a generated class requires it
            raise invalid_argument("client_id", "is missing", "the client's id")
        return cast("Any", client_id), "" if client_secret is None else client_secret

    def __init_subclass__(cls, *, spec: ModuleType | None = None, **more: Any) -> None:
        """Prepare a generated class: no error shows its arguments, and ``dataclasses.replace`` knows them.

        Args:
            spec: The generated package that the class belongs to.
            **more: For other classes.
        """
        super().__init_subclass__(**more)
        if spec is None:
            return
        cls._spec = spec
        cls._package = cls.__module__ = spec.__name__  # from there users import it
        for name, member in checked_members(cls).items():
            setattr(cls, name, member)

    @classmethod
    @checked
    def from_env(  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride] - the spec comes first
        cls, spec: "str | PathLike[str] | ModuleType", prefix: str | None = None, **overrides: Any
    ) -> Self:
        """Make a provider from environment variables: ``ACME_CLIENT_ID`` gives ``client_id`` for the spec ``acme``.

        Each argument of the spec has a variable. A number, or true and false, is written as in JSON.
        ``..._CLIENT_SECRET_FILE`` names a file that holds the secret. The file is read again for each token request.
        An empty variable counts as not set.

        Args:
            spec: The spec, as for the constructor.
            prefix: How the names of the variables begin, instead of the spec's name: ``SHOP2`` for
                ``SHOP2_CLIENT_ID``.
            **overrides: Arguments that replace the environment's.

        Raises:
            ConfigurationError: The spec is bad, or a variable is missing or its value is bad. The error names the
                variable.
            ImportError: The spec is a file, and ``paygrant[generate]`` is not installed to read it.
        """
        return cls._kind_of(spec, prefix).from_variables(environ, overrides)

    @classmethod
    def _kind(cls, prefix: str | None = None) -> "ProviderKind[Self]":
        return super()._kind(prefix) if cls._spec is None else cls._kind_of(cls._spec, prefix)

    @classmethod
    def _kind_of(cls, spec: "str | PathLike[str] | ModuleType", prefix: str | None = None) -> "ProviderKind[Self]":
        """What is known of the provider that a spec describes."""
        from paygrant._providers import read_spec, spec_arguments
        from paygrant._providers.kind import ProviderKind, prefix_of

        read = read_spec.read_checked(spec)
        description = read_spec.description_of(read)
        make: Any = cls
        if cls._spec is None:
            make = functools.partial(make, read if isinstance(read, read_spec.ReadSpec) else spec)
        return ProviderKind(
            name=description.name,
            prefix=prefix_of(description.name, prefix),
            make=functools.partial(made_with_secret, make),
            source=cls,
            arguments=tuple(spec_arguments.arguments_of(description)),
            endpoint=description,
            about=description.about,
        )

    def _own_kind(self) -> "ProviderKind[Self]":
        from paygrant._providers.read_spec import ReadSpec

        spec = self.spec if isinstance(self.spec, ModuleType) else ReadSpec(self.spec, self._description)
        return type(self)._kind_of(spec)

    if not TYPE_CHECKING:  # a type checker would take every name for an attribute

        def __getattr__(self, name: str) -> Any:
            """The value of one of the spec's own arguments; None if it was not given."""
            description = vars(self).get("_description")
            if description and any(each.argument == name for each in description.arguments):
                return self.parameters.get(name)
            raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __post_init__(self) -> None:
        check_type("allow_link_local", self.allow_link_local, bool, "True or False")
        chosen = self._client_auth.method if self.auth_method is None else self.auth_method
        check_choice("auth_method", chosen, [each.method for each in self._description.client_auth])
        server = self._description.servers.get(self.environment) if isinstance(self.environment, str) else None
        if server and self.base_url is None and not self._in_host:
            for url in filter(None, (server.url, server.mtls_url)):  # the address in a file may be anything
                check_url("environment", url, link_local=self.allow_link_local)
        super().__post_init__()
        if (self._client_auth.method == "custom") != (self.authenticate is not None):
            missing = self.authenticate is None
            fault = "is missing" if missing else "is given, but the method is not 'custom'"
            raise invalid_argument("authenticate", fault, "a function only for the method 'custom'")
        if self.authenticate is not None:
            check_function("authenticate", self.authenticate, "a hashable function that completes an UnsignedRequest")
        self._set("parameters", _Parameters(self._checked_parameters()))
        self._check_exclusions()
        known: Mapping[str, Any] = {**self.parameters, "client_id": self.client_id}
        for name, argument in self._description.token_use.headers.items():
            if (value := known.get(argument)) is not None:
                from paygrant._request.unsigned import checked_header

                checked_header(argument, name, value)

    @property
    def _endpoint(self) -> "TokenEndpoint":
        return self._description

    @property
    def _client_auth(self) -> "ClientAuth":
        known, chosen = self._description.client_auth, self.auth_method
        for each in known:
            if each.method == chosen:
                return each
        return known[0]

    @property
    def _in_host(self) -> "Parameter | None":
        """The parameter that is the first label of the host. None if the host is fixed."""
        return next((each for each in self._description.parameters if each.place == "host"), None)

    @property
    def _effective_base_url(self) -> str:
        if self.base_url:
            return self.base_url
        url, label = super()._effective_base_url, self._in_host
        if not label:
            return url
        argument = label.argument or ""
        return base_url_for(argument, url, label.name, self.parameters.get(argument))

    def _arguments(self) -> Mapping[str, Any]:
        return self.parameters

    def _authenticate(self) -> "Callable[[UnsignedRequest], object] | None":
        return self.authenticate

    def _models(self) -> str | None:
        return self.spec.__name__ if isinstance(self.spec, ModuleType) else None

    def _identity(self) -> str:
        if self.authenticate is None:
            return self._digest
        from paygrant._providers.function_identity import identity_of

        return f"{self._digest} {identity_of(self.authenticate)}"  # what a function signs may name a user

    def _checked_parameters(self) -> Iterator[tuple[str, Any]]:
        """The parameters as they are sent."""
        wanted = {str(each.argument): each for each in self._description.arguments}
        for name in self.parameters.keys() - wanted.keys():
            from paygrant._providers.spec_arguments import keywords_of

            allowed = ", ".join(keywords_of(self._description))
            raise invalid_argument(name, "is unknown", f"one of: {allowed}")
        for name, each in wanted.items():
            value = _checked(name, self.parameters.get(name, each.default), each)
            if value is not None:
                yield name, value
            elif each.required or self._is_needed_by_assertion(name):
                raise invalid_argument(name, "is missing", f"a value of type {each.kind}")

    def _is_needed_by_assertion(self, argument: str) -> bool:
        """Whether the chosen method of client authentication needs an argument."""
        stated = self._client_auth.assertion
        replaced = self.assertion_audience is not None and argument == stated.audience_argument
        return stated.arguments.get(argument, False) and not replaced

    def _check_exclusions(self) -> None:
        """Check that no two arguments exclude each other."""
        for each in self._description.parameters:
            other = next((other for other in each.excludes if other in self.parameters), None)
            if other is not None and each.argument in self.parameters:
                fault = f"is given together with {other}"
                raise invalid_argument(str(each.argument), fault, f"{each.argument} or {other}, but not both")

    def __getstate__(self) -> dict[str, Any]:
        # A module cannot be pickled; its name can.
        state = dict(vars(self))
        return state | {"spec": self.spec.__name__} if isinstance(self.spec, ModuleType) else state

    def __setstate__(self, state: dict[str, Any]) -> None:
        spec = state["spec"]
        from importlib import import_module

        self.__dict__.update(state | {"spec": import_module(spec) if isinstance(spec, str) else spec})

    def __repr__(self) -> str:
        return super().__repr__().replace("<SpecProvider", f"<SpecProvider {self._description.name}", 1)


def _checked(name: str, value: Any, parameter: "Parameter") -> Any:
    """A parameter that fits the spec. None is not sent, nor is a scope without words."""
    value = plain(value)
    if name == "scope" and parameter.kind == "string" and value is not None:
        value = " ".join(check_scope(name, value)) or None
    if value is None:
        return None
    kinds = _KINDS[parameter.kind]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise invalid_argument(name, f"is of type {type(value).__name__}", f"a value of type {parameter.kind}")
    if isinstance(value, str):
        check_text(name, value)
    elif isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:  # this refuses NaN, too
        raise invalid_argument(name, "is a number that JSON cannot carry", f"one from {-_LARGEST} to {_LARGEST}")
    if parameter.choices and value not in parameter.choices:
        raise invalid_argument(name, "is none of the choices", f"one of: {', '.join(map(str, parameter.choices))}")
    return value


def kind_of_spec(
    spec: "str | PathLike[str] | ModuleType", prefix: str | None = None, cache: "SpecCache | None" = None
) -> "ProviderKind[SpecProvider[Any]]":
    """What is known of the provider that a spec describes. Raises what ``read_checked`` raises."""
    from paygrant._providers.read_spec import ReadSpec, read_checked

    read = read_checked(spec, cache)
    return SpecProvider._kind_of(read if isinstance(read, ReadSpec) else spec, prefix)
