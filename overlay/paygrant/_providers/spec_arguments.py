"""The arguments that a spec gives a provider: which they are, and the checks of their values."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from urllib.parse import urlsplit

from paygrant._arguments import check_scope, check_text, invalid_argument, is_link_local
from paygrant._providers.kind import SECRET, Argument
from paygrant._request.unsigned import checked_header
from paygrant._spec.description import ClientAuth, Parameter, TokenEndpoint

_LARGEST = 2**53 - 1
"""JSON's numbers beyond this are not the same everywhere (RFC 8259 section 6)."""

_KINDS: Mapping[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
}
"""The Python types of a parameter, by the type in its schema."""


def arguments_of(description: TokenEndpoint) -> Iterator[Argument]:
    """The arguments that a spec gives a provider, credentials first."""
    servers: tuple[str, ...] = tuple(description.servers)
    methods: tuple[str, ...] = tuple(each.method for each in description.client_auth)
    if {*methods} != {"none"}:
        needed = methods[0] != "none"
        required = needed and _needs_client_id(description)
        yield Argument(name="client_id", required=required, about="The client's id.")
        yield Argument(name=SECRET, required=needed, secret=True, about="The client's secret.")
    if servers:
        about = "One of the environments that the spec names."
        only = servers[0] if len(servers) == 1 else None
        yield Argument(name="environment", choices=servers, default=only, required=only is None, about=about)
    about = "Replaces the environment's base URL." if servers else "The base URL. The spec names none."
    yield Argument(name="base_url", required=not servers, about=about)
    if "client_secret_basic" in methods:
        about = "How HTTP Basic encodes the credentials (RFC 7617, or RFC 6749 section 2.3.1)."
        default = next(each.encoding for each in description.client_auth if each.method == "client_secret_basic")
        yield Argument(name="basic_encoding", choices=("auto", "plain", "form"), default=default, about=about)
    if len(methods) > 1:
        about = "How the client authenticates."
        yield Argument(name="auth_method", choices=methods, default=methods[0], about=about)
    if "custom" in methods:
        yield Argument(name="authenticate", kind="object", about="A function that completes the request.")
    hosts = [urlsplit(each.url).hostname or "" for each in description.servers.values()]
    if "none" in methods or any(map(is_link_local, hosts)):
        about = "Allows a link-local address, such as that of a metadata service."
        yield Argument(name="allow_link_local", kind="boolean", about=about)
    for each in description.parameters:
        if each.argument:
            yield Argument(
                name=each.argument,
                kind=each.kind,
                choices=each.choices,
                required=each.required,
                secret=each.secret,
                about=each.about,
            )


def _needs_client_id(description: TokenEndpoint) -> bool:
    """Whether the token request or an API call carries the client's id, or a function may need it."""
    sent = any(each.client_id or each.method in {"client_secret_basic", "custom"} for each in description.client_auth)
    return sent or "client_id" in description.token_use.headers.values()


def credentials_of(
    description: TokenEndpoint,
    auth: ClientAuth,
    client_id: str | None,
    client_secret: str | Callable[[], str] | None,
) -> tuple[str, str | Callable[[], str]]:
    """The credentials, as far as this method of client authentication needs them. Empty strings if it needs none.

    Raises:
        ConfigurationError: One is missing, or is given though nothing sends it.
    """
    if auth.method == "none":
        for name, value in (("client_id", client_id), ("client_secret", client_secret)):
            if value is not None and value != "":  # dataclasses.replace() gives the empty strings
                raise invalid_argument(name, "is given, but the method 'none' sends no credentials", f"no {name}")
        return "", ""
    if client_id is None and _needs_client_id(description):
        raise invalid_argument("client_id", "is missing", "the client's id")
    if client_secret is None:
        raise invalid_argument("client_secret", "is missing", "the client's secret, or a callable that returns it")
    return description.name if client_id is None else client_id, client_secret


def checked_parameters(description: TokenEndpoint, given: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """The values of a spec's own arguments as they are sent.

    Raises:
        ConfigurationError: A value is bad, missing or unknown.
    """
    wanted = {each.argument: each for each in description.parameters if each.argument}
    for name in given.keys() - wanted.keys():
        allowed = ", ".join(each.name for each in arguments_of(description))
        raise invalid_argument(name, "is unknown", f"one of: {allowed}")
    for name, each in wanted.items():
        value = given.get(name)
        if value is not None:
            yield name, _checked(name, value, each)
        elif each.required:
            raise invalid_argument(name, "is missing", f"a value of type {each.kind}")


def check_exclusions(description: TokenEndpoint, given: Mapping[str, Any]) -> None:
    """Check that no two of the given arguments exclude each other.

    Raises:
        ConfigurationError: Two do.
    """
    for each in description.parameters:
        other = next((other for other in each.excludes if other in given), None)
        if other is not None and each.argument in given:
            fault = f"is given together with {other}"
            raise invalid_argument(str(each.argument), fault, f"{each.argument} or {other}, but not both")


def check_further_headers(description: TokenEndpoint, given: Mapping[str, Any]) -> None:
    """Check that API calls can carry the values for the further headers that they need.

    Raises:
        ConfigurationError: One cannot be sent in a header.
    """
    for name, argument in description.token_use.headers.items():
        if (value := given.get(argument)) is not None:
            checked_header(argument, name, value)


def _checked(name: str, value: Any, parameter: Parameter) -> Any:
    """A parameter that fits the spec."""
    if name == "scope" and not isinstance(value, str):
        value = " ".join(check_scope(name, value))
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
