"""Providers without a class of their own: any endpoint that a spec describes, or that simply follows RFC 6749."""

import functools
import json
from collections.abc import Callable, Coroutine, Hashable, Mapping
from dataclasses import field
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from secrets import token_hex
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, ClassVar, Literal
from urllib.parse import urlsplit, urlunsplit

from paygrant._arguments import check_choice, check_scope, check_text, check_type, check_url, refused
from paygrant._providers.base import BasicProvider, endpoint_of, provider
from paygrant._spec.reader import read_endpoint
from paygrant_clients.description import (
    ClientAuth,
    Condition,
    ErrorFields,
    Lifetime,
    Parameter,
    ResponseFields,
    TokenEndpoint,
)

if TYPE_CHECKING:
    from paygrant._request.build import Draft

_LARGEST = 2**53 - 1
"""Beyond it, JSON's numbers are not the same everywhere (RFC 8259 section 6)."""

_LEGIBLE = frozenset({"audience", "resource", "scope"})
"""Parameters of ClientCredentials that are no secrets. Of others nobody knows."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
"""What a parameter may be, by the type in its schema."""


@provider
class DescribedProvider(BasicProvider):
    """A provider as its spec describes it. ``Provider.from_spec`` makes one.

    Attributes:
        spec: The description of the token endpoint.
        models: The generated package with the model of its answers; None where nothing was generated.
        environment: One of the environments that the spec names.
        parameters: What the spec leaves to the caller, by argument.
        credentials_in: Where the credentials travel, if not the first way that the spec names.
        authenticate: Computes the credentials, where the spec says so. Processes share a token only where this is a
            function of a module, and not one that was made for the occasion, such as a lambda or a method.
    """

    spec: TokenEndpoint = field(hash=False)
    models: str | None = None
    environment: str | None = None
    parameters: Mapping[str, Any] = field(default_factory=dict[str, Any], hash=False)
    credentials_in: str | None = None
    authenticate: "Callable[[Draft], object] | None" = None

    def __post_init__(self) -> None:
        check_choice(
            "credentials_in", self.way.place if self.credentials_in is None else self.credentials_in, self._ways
        )
        super().__post_init__()
        check_url("environment", self.host)  # a file may say what it likes
        if (self.way.place == "computed") != (self.authenticate is not None):
            fault = "is missing" if self.authenticate is None else "is given, but the credentials are not computed"
            raise refused("authenticate", fault, "allowed is a function of a Draft, where the spec says 'computed'")
        if self.authenticate is not None and not isinstance(self.authenticate, Hashable):
            raise refused("authenticate", "is a callable without a hash", "allowed is a hashable function of a Draft")
        self._set("parameters", dict(self._checked_parameters()))

    @property
    def endpoint(self) -> TokenEndpoint:
        return self.spec

    @property
    def model(self) -> Any:
        return self.models and import_module(f"{self.models}.models").TokenResponse

    @property
    def way(self) -> ClientAuth:
        return self._ways.get(self.credentials_in or "", self.spec.client_auth[0])

    @property
    def _ways(self) -> Mapping[str, ClientAuth]:
        return {way.place: way for way in self.spec.client_auth}

    def arguments(self) -> Mapping[str, Any]:
        return self.parameters

    def cache_key(self, secret: str, kind: str = "token") -> str:
        # Two specs may have one name, and what a function signs may name a user.
        shape = (super().cache_key(secret, kind), self.spec, self.authenticate and _mark(self.authenticate))
        return sha256(repr(shape).encode()).hexdigest()

    def complete(self, draft: "Draft") -> None:
        fault = "is missing"
        if self.authenticate:
            try:
                outcome = self.authenticate(draft)
            except Exception as error:  # noqa: BLE001 - a stranger's function; its text may hold the secret
                fault = f"the function raised {type(error).__name__}"
            else:
                if outcome is None:
                    return
                fault = f"the function returned a {type(outcome).__name__}"
                if isinstance(outcome, Coroutine):
                    outcome.close()  # nobody will await it
        raise refused("authenticate", fault, "allowed is a function that completes a Draft in place")

    def _checked_parameters(self) -> Any:
        """The parameters as they are sent."""
        wanted = {each.argument: each for each in self.spec.parameters if each.argument}
        allowed = f"allowed: {', '.join(wanted) or 'none'}"
        for name in self.parameters.keys() - wanted.keys():
            raise refused(name, "is unknown", allowed)
        for name, each in wanted.items():
            value = self.parameters.get(name)
            if value is not None:
                yield name, _checked(name, value, each)
            elif each.required:
                raise refused(name, "is missing", allowed)


def _checked(name: str, value: Any, parameter: Parameter) -> Any:
    """A parameter that fits what the spec says of it."""
    if name == "scope" and not isinstance(value, str):
        value = " ".join(check_scope(name, value))
    kinds = _KINDS[parameter.kind]
    if not isinstance(value, kinds) or (isinstance(value, bool) and bool not in kinds):
        raise refused(name, f"is of type {type(value).__name__}", f"allowed is a value of type {parameter.kind}")
    if isinstance(value, str):
        check_text(name, value)
    elif isinstance(value, int | float) and not -_LARGEST <= value <= _LARGEST:  # nor is NaN
        raise refused(name, "is no number that JSON carries", f"allowed is one from {-_LARGEST} to {_LARGEST}")
    if parameter.choices and value not in parameter.choices:
        raise refused(name, "is none of the choices", f"allowed: {', '.join(map(str, parameter.choices))}")
    return value


@functools.lru_cache(maxsize=1024)
def _mark(function: "Callable[[Draft], object]") -> str:
    """What tells a function from all others: its name and code, where it has nothing to go by but a Draft.

    Any other, such as one that was made for a user, has a mark that only this process knows. So has one of a program:
    another program's may have the same name.
    """
    if not isinstance(function, FunctionType) or function.__module__ == "__main__":
        return token_hex()
    if function.__closure__ or function.__defaults__ or function.__kwdefaults__ or "<" in function.__qualname__:
        return token_hex()
    code = function.__code__
    legible = [each for each in code.co_consts if not isinstance(each, CodeType)]
    return repr((function.__module__, function.__qualname__, code.co_code, code.co_names, legible))


def from_spec(source: str | Path | ModuleType, arguments: Mapping[str, Any]) -> DescribedProvider:
    """See ``Provider.from_spec``."""
    check_type("source", source, str | Path | ModuleType, "a spec's path, or a package that was generated from one")
    models = None
    if isinstance(source, ModuleType):
        models = source.__name__
        endpoint = endpoint_of(models)
    else:
        endpoint = _read(Path(source))
    own = {name: value for name, value in arguments.items() if name in OWN}
    if not any(way.client_id or way.place in {"basic", "computed"} for way in endpoint.client_auth):
        own.setdefault("client_id", endpoint.name)  # nothing asks for it
    others = {name: value for name, value in arguments.items() if name not in OWN}
    return DescribedProvider(spec=endpoint, models=models, parameters=others, **own)


OWN = {"client_id", "client_secret", "base_url", "basic_encoding", "environment", "credentials_in", "authenticate"}
"""The arguments of every described provider; a spec names its own otherwise."""


def _read(path: Path) -> TokenEndpoint:
    """The description in a spec's file; a folder is a generated package, which holds its spec."""
    allowed = "allowed is the path of a normalized spec, or of a package that was generated from one"
    try:
        if path.is_dir():
            # The generator has checked it: a package needs no tools at run time.
            return read_endpoint(path.resolve().name, json.loads((path / "openapi.json").read_text("utf-8")))
        from paygrant.generate import SpecError, read_spec

        try:
            return read_endpoint(path.stem, read_spec(path))
        except SpecError as error:
            fault = f"is no normalized spec\n{error}\n"
    except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        fault = f"holds no spec that can be read at {str(path)!r} ({type(error).__name__})"
    raise refused("source", fault, allowed)


_TAKEN = frozenset({"grant_type", "client_id", "client_secret", "scope"})


@provider
class ClientCredentials(BasicProvider):
    """Any token endpoint that follows RFC 6749 (section 4.4), without a spec.

    Attributes:
        token_url: The whole address of the token endpoint.
        scope: The wanted scopes: a sequence, or a text that separates them by spaces.
        credentials_in: ``"basic"``, or ``"body"`` for the fields client_id and client_secret (section 2.3.1).
        parameters: More fields of the body, such as ``{"audience": ...}`` or ``{"resource": ...}`` (RFC 8707).

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    package: ClassVar[str] = "client_credentials"

    token_url: str = field()  # pyright: ignore[reportIncompatibleVariableOverride] - elsewhere it is put together
    base_url: str | None = field(init=False, default=None)
    scope: tuple[str, ...] = ()
    credentials_in: Literal["basic", "body"] = "basic"
    parameters: Mapping[str, str] = field(default_factory=dict[str, str], hash=False)

    def __post_init__(self) -> None:
        check_choice("credentials_in", self.credentials_in, ("basic", "body"))
        check_type("parameters", self.parameters, Mapping, "a mapping of texts to texts")
        for name, value in self.parameters.items():
            check_text("parameters", name)
            check_text("parameters", value)
            if name in _TAKEN:
                raise refused("parameters", f"holds {name!r}", "for that there is an argument, or it is fixed")
        check_type("token_url", self.token_url, str, "the address of the token endpoint")
        bare, _, query = self.token_url.partition("?")  # a query is allowed (RFC 6749 section 3.2)
        address = urlsplit(check_url("token_url", bare))
        if query:
            check_text("token_url", query, forbidden="#")
        self._set("base_url", f"{address.scheme}://{address.netloc}")
        super().__post_init__()
        self._set("scope", check_scope("scope", self.scope) if self.scope else ())
        self._set("parameters", dict(self.parameters))

    @property
    def endpoint(self) -> TokenEndpoint:
        return TokenEndpoint(
            name="client_credentials",
            method="POST",
            path=urlunsplit(("", "", *urlsplit(self.token_url)[2:])),
            media_type="application/x-www-form-urlencoded",
            servers={},
            client_auth=(
                ClientAuth("basic")
                if self.credentials_in == "basic"
                else ClientAuth("body", "client_id", "client_secret"),
            ),
            parameters=(
                Parameter("grant_type", value="client_credentials"),
                *(Parameter(name, argument=name, secret=name not in _LEGIBLE) for name in self.arguments()),
            ),
            response=ResponseFields(
                ("/access_token",), ("/token_type",), ("/scope",), (Lifetime("seconds", "/expires_in"),)
            ),
            success=None,
            invalid_client=(Condition(status=401), Condition(at="/error", equals="invalid_client")),
            error=ErrorFields(("/error",), ("/error_description",)),
        )

    @property
    def model(self) -> None:
        return None

    def arguments(self) -> Mapping[str, str]:
        return ({"scope": " ".join(self.scope)} if self.scope else {}) | dict(self.parameters)
