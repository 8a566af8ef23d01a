"""What all providers have in common: credentials, checks, environment variables.

A provider is a value: frozen, comparable, hashable. It states what to request; ``registration_of`` gives the engine the
result.
"""

import functools
import inspect
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, fields
from types import UnionType
from typing import (
    TYPE_CHECKING,
    Any,
    ClassVar,
    Generic,
    Literal,
    Self,
    TypeVar,
    Union,
    cast,
    dataclass_transform,
    get_args,
    get_origin,
    overload,
)

from paygrant._arguments import (
    check_choice,
    check_endpoint,
    check_secret,
    check_text,
    check_url,
    checked,
    invalid_argument,
    plain,
)
from paygrant._secrets import compared_as_a_whole, fingerprint
from paygrant._tokens.token import R_co

if TYPE_CHECKING:
    from paygrant._providers.kind import Argument, ProviderKind, TextKind
    from paygrant._request.registration import ClientRegistration
    from paygrant._request.signing_key import Signer
    from paygrant._request.unsigned import UnsignedRequest
    from paygrant._spec.description import ClientAuth, TokenEndpoint

P = TypeVar("P", bound="Provider[Any]")
T = TypeVar("T")


def endpoint_of(package: str) -> "TokenEndpoint":
    """The description of the token endpoint of a generated package."""
    from paygrant._spec import reader  # no import of paygrant has to wait for it

    return reader.endpoint_of(package)


class derived(Generic[T]):  # noqa: N801 - used like property
    """A property that a subclass may replace by a field. It is computed each time: a client's memory counts."""

    def __init__(self, func: Callable[[Any], T]) -> None:
        self.func = func
        self.__doc__ = func.__doc__

    @overload
    def __get__(self, instance: None, owner: type) -> Self: ...
    @overload
    def __get__(self, instance: object, owner: type) -> T: ...
    def __get__(self, instance: object | None, owner: type) -> Self | T:
        return self if instance is None else self.func(instance)


if TYPE_CHECKING:

    class Scope:
        """The type of a field that takes strings, or one string that separates them by spaces, and then holds a tuple."""

        def __get__(self, instance: object, owner: object) -> tuple[str, ...]: ...
        def __set__(self, instance: object, value: str | Iterable[str]) -> None: ...

else:
    Scope = str | Iterable[str]


@dataclass_transform(kw_only_default=True, frozen_default=True, field_specifiers=(field,))
def provider(cls: type[P]) -> type[P]:
    """Make a class of providers: a frozen dataclass whose constructor refuses bad arguments by a clean error."""
    made = compared_as_a_whole(dataclass(frozen=True, kw_only=True, repr=False)(cls))
    names = {each.name for each in fields(made) if each.init}
    made.__init__ = checked(choices_first(cast("Any", made.__init__), names))  # type: ignore[method-assign]
    made.__module__ = "paygrant"
    return made


def choices_first(init: Callable[..., None], names: Iterable[str]) -> Callable[..., None]:
    """A constructor with these arguments that passes None for a missing environment or base URL, and plain strings.

    The checks of the two say more than Python's own error: they list the choices.
    """
    missing = dict.fromkeys({*names} & {"environment", "base_url"})

    @functools.wraps(init)
    def fill(self: object, **arguments: Any) -> None:
        init(self, **{**missing, **{name: plain(value) for name, value in arguments.items()}})

    return fill


@provider
class Provider(Generic[R_co]):
    """The base of all providers. Its type parameter is the type of a token's ``response``.

    Attributes:
        client_id: The client's id.
        client_secret: The client's secret, or a callable that returns it. A callable is called for each token request.
        base_url: Replaces the environment's base URL. Plain http is allowed for loopback only.
    """

    _package: ClassVar[str]
    """The generated package that holds the spec."""

    _alternatives: ClassVar[tuple[str, ...]] = ()
    """Fields of which exactly one is needed."""

    client_id: str
    client_secret: str | Callable[[], str]
    base_url: str | None = None

    def __post_init__(self) -> None:
        from paygrant._request.registration import is_key
        from paygrant._spec.description import WITHOUT_SECRET  # importing paygrant need not wait for them

        self._check_endpoint()
        if self._client_auth.method != "none":
            check_text("client_id", self.client_id)
        if self._client_auth.method not in WITHOUT_SECRET:
            check_secret("client_secret", self.client_secret, multiline=is_key(self._client_auth))
        if self._endpoint.servers:
            check_choice("environment", self._environment, self._endpoint.servers)
        elif self.base_url is None:
            raise invalid_argument(
                "base_url", "is missing", "https://host[:port][/path], because the provider documents no host"
            )
        if self.base_url is not None:
            self._set("base_url", check_url("base_url", self.base_url, link_local=self._link_local))
        check_endpoint("token_url", self._effective_base_url, self._endpoint.path, link_local=self._link_local)

    def _check_endpoint(self) -> None:
        """Refuse a class that only others derive from."""
        if not has_variables(type(self)) and type(self)._endpoint is Provider._endpoint:
            raise invalid_argument("provider", f"{type(self).__name__} describes no token endpoint", _EXPECTED)

    def _set(self, name: str, value: object) -> None:
        """Normalize a field, while the value is being made."""
        object.__setattr__(self, name, value)

    @derived
    def token_url(self) -> str:
        """The address of the token endpoint."""
        return self._effective_base_url + self._endpoint.path

    @classmethod
    @checked
    def from_env(cls, prefix: str | None = None, **overrides: Any) -> Self:
        """Make a provider from environment variables: ``RIPPLE_CLIENT_ID`` gives ``client_id``, and so on.

        ``..._CLIENT_SECRET_FILE`` names a file that holds the secret. The file is read again for each token request.
        An empty variable counts as not set.

        Args:
            prefix: How the names of the variables begin, instead of the provider's name: ``SHOP2`` for
                ``SHOP2_CLIENT_ID``.
            **overrides: Arguments that replace the environment's.

        Raises:
            ConfigurationError: A variable is missing or its value is bad. The error names the variable.
        """
        return cls._kind(prefix).from_variables(os.environ, overrides)

    @classmethod
    def _kind(cls, prefix: str | None = None) -> "ProviderKind[Self]":
        """What is known of this class without arguments.

        Raises:
            ConfigurationError: The class describes no token endpoint without arguments, or the prefix is bad.
        """
        if not has_variables(cls):
            fault = f"{cls.__name__} has no environment variables of its own"
            raise invalid_argument("from_env", fault, _EXPECTED)
        documented = cls._endpoint is Provider._endpoint
        endpoint = endpoint_of(cls._package) if documented else None
        return _kind_of_class(cls, cls._package.rpartition(".")[2], prefix, endpoint)

    def _own_kind(self) -> "ProviderKind[Self]":
        """What is known of this provider's class, or of its spec."""
        return _kind_of_class(type(self), self._endpoint.name, None, self._endpoint)

    @property
    def _endpoint(self) -> "TokenEndpoint":
        """The description of the token endpoint, from the spec."""
        return endpoint_of(self._package)

    @property
    def _environment(self) -> str | None:
        """The environment. None if the provider has no environments."""
        return getattr(self, "environment", None)

    @property
    def _effective_base_url(self) -> str:
        """The base URL in use: the caller's, or the environment's."""
        return self.base_url or self._endpoint.servers[self._environment or ""].url

    @property
    def _link_local(self) -> bool:
        """Whether the token endpoint may have a link-local address."""
        return getattr(self, "allow_link_local", False)

    @property
    def _environment_facts(self) -> Mapping[str, str]:
        """The facts that the spec states about this environment, apart from its base URL."""
        servers = self._endpoint.servers
        return servers[self._environment or ""].environment_facts if servers else {}

    @property
    def _client_auth(self) -> "ClientAuth":
        """How the client authenticates: the first method that the spec names."""
        return self._endpoint.client_auth[0]

    def _arguments(self) -> Mapping[str, Any]:
        """The caller's values apart from the credentials, by the names that the spec uses."""
        return {}

    @property
    def _registration(self) -> "ClientRegistration":
        from paygrant._request.registration import ClientRegistration

        return ClientRegistration(
            endpoint=self._endpoint,
            environment=self._environment,
            environment_facts=self._environment_facts,
            effective_base_url=self._effective_base_url,
            token_url=self.token_url,
            client_id=self.client_id,
            client_secret=self.client_secret,
            client_auth=self._client_auth,
            basic_encoding=getattr(self, "basic_encoding", None) or self._client_auth.encoding,
            arguments=self._arguments(),
            authenticate=self._authenticate(),
            models=self._models(),
            identity=self._identity(),
            private_key=getattr(self, "private_key", None),
            certificate=getattr(self, "certificate", None),
            proof_key=self._proof_key,
            assertion_audience=getattr(self, "assertion_audience", None),
        )

    @property
    def _proof_key(self) -> "Signer | None":
        """The key that tokens are bound to (RFC 9449)."""
        return None

    def _authenticate(self) -> "Callable[[UnsignedRequest], object] | None":
        """The function that computes the credentials, if the spec requires one."""
        return None

    def _models(self) -> str | None:
        """The generated package with the model of the response. None if nothing was generated."""
        return self._package

    def _identity(self) -> str:
        """Distinguishes providers whose other facts are equal; part of the cache key."""
        return ""

    def __repr__(self) -> str:
        where = [part for part in (self._environment, self.base_url) if part]
        if self._client_auth.method != "none":
            where.append(f"client={fingerprint(self.client_id)}")
        return f"<{' '.join([type(self).__name__, *where])}>"


_EXPECTED = "a provider's class such as Ripple, or SpecProvider(...) with its arguments"


def has_variables(kind: type[Provider]) -> bool:
    """Whether a class stands for one provider, whose name begins the names of its variables."""
    return hasattr(kind, "_package") or getattr(kind, "_spec", None) is not None


def registration_of(provider: Provider) -> "ClientRegistration":
    """What the engine knows of a provider."""
    return provider._registration


def _kind_of_class(cls: type[P], name: str, prefix: str | None, endpoint: "TokenEndpoint | None") -> "ProviderKind[P]":
    from paygrant._providers.kind import ProviderKind, prefix_of

    return ProviderKind(
        name=name,
        prefix=prefix_of(name, prefix),
        make=functools.partial(made_with_secret, cls),
        source=cls,
        arguments=tuple(_arguments_of(cls)),
        alternatives=cls._alternatives,
        endpoint=endpoint,
    )


def kind_of(kind: type[P], prefix: str | None = None) -> "ProviderKind[P]":
    """What is known of a class of providers without arguments.

    Raises:
        ConfigurationError: The class describes no token endpoint without arguments, or the prefix is bad.
    """
    return kind._kind(prefix)


def own_kind_of(provider: P) -> "ProviderKind[P]":
    """What is known of a provider's class, or of its spec."""
    return provider._own_kind()


def description_of(kind: type[Provider]) -> "TokenEndpoint":
    """The description of the token endpoint of a class of providers."""
    return endpoint_of(kind._package)


def made_with_secret(make: Callable[..., P], **arguments: Any) -> P:
    """Make a provider. If its secret or key is in a file, the file is read now, so that a bad one is reported at once."""
    from paygrant._providers import secret_file
    from paygrant._providers.key_file import PRIVATE_KEY, KeyFile
    from paygrant._providers.kind import SECRET

    longest = secret_file.LONGEST_READ
    made = make(**arguments)
    if isinstance(arguments.get(SECRET), secret_file.SecretFile):
        registration_of(made).secret(within=longest)  # the file may be a pipe that nobody writes to
    if isinstance(arguments.get(PRIVATE_KEY), KeyFile):
        registration_of(made).credentials(within=longest)
    return made


def _arguments_of(kind: type[Provider]) -> "Iterator[Argument]":
    """The arguments of a class's constructor."""
    from paygrant._providers.kind import REREAD, Argument, key_arguments, proof_arguments

    keys = {each.name: each for each in key_arguments()}
    for each in inspect.signature(kind).parameters.values():
        if each.name == "private_key":
            yield from keys.values()
        elif each.name == "dpop":
            yield from proof_arguments()
        elif each.name not in {"certificate", *keys} and each.kind not in {each.VAR_KEYWORD, each.VAR_POSITIONAL}:
            choices = _literals(each.annotation)
            if each.name == "environment" and kind._endpoint is Provider._endpoint:
                choices = tuple(endpoint_of(kind._package).servers)
            yield Argument(
                name=each.name,
                kind=_text_kind(each.annotation),
                choices=choices,
                default=_shown_default(each.default),
                required=each.default is each.empty,
                secret=each.name in REREAD,
            )


def _literals(annotation: Any) -> tuple[Any, ...]:
    """The values of a ``Literal``, or of one that may be None; empty for another annotation."""
    found = [each for each in (annotation, *get_args(annotation)) if get_origin(each) is Literal]
    return get_args(found[0]) if found else ()


def _text_kind(annotation: Any) -> "TextKind":
    """The type of an argument that a text can give; ``object`` if none can."""
    names = {bool: "boolean", int: "integer", str: "string", "bool": "boolean", "int": "integer"}
    if isinstance(annotation, str) or _literals(annotation):
        first = str(annotation).partition(" | ")[0]
        return cast("TextKind", names.get(first, "string"))
    alternatives = get_args(annotation) if get_origin(annotation) in {Union, UnionType} else (annotation,)
    found = [names[each] for each in alternatives if isinstance(each, type) and each in names]
    return cast("TextKind", "string" if "string" in found else found[0] if found else "object")


def _shown_default(default: Any) -> str | None:
    """A default as a user would write it; None if there is none to show."""
    if default is inspect.Parameter.empty or isinstance(default, bool):
        return None
    if isinstance(default, tuple):
        return " ".join(map(str, cast("tuple[object, ...]", default)))
    return default if isinstance(default, str) else None
