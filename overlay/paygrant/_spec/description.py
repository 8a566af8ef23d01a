"""The types that describe a token endpoint. ``reader`` makes them from a spec.

They are named tuples: Python makes such a class in a tenth of the time of a dataclass, and every first token waits for it.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Literal, NamedTuple, TypeAlias, TypeVar, cast

T = TypeVar("T", bound=type)

Place: TypeAlias = Literal["body", "query", "header", "path", "host"]
Method: TypeAlias = Literal[
    "client_secret_basic",
    "client_secret_post",
    "header",
    "query",
    "private_key_jwt",
    "client_secret_jwt",
    "tls_client_auth",
    "none",
    "custom",
]
ASSERTION_METHODS = frozenset({"private_key_jwt", "client_secret_jwt"})
"""The methods by which a client signs a JWT."""

WITHOUT_SECRET = frozenset({"private_key_jwt", "tls_client_auth", "none"})
"""The methods that use no client secret."""

AssertionAlgorithm: TypeAlias = Literal["RS256", "PS256", "ES256", "ES384", "EdDSA", "HS256", "HS384", "HS512"]
"""The algorithms of assertions. Those that begin with HS sign with the client's secret."""

BasicEncoding: TypeAlias = Literal["auto", "plain", "form"]
_NONE: Mapping[str, str] = {}

Unit: TypeAlias = Literal["seconds", "milliseconds", "epoch", "epoch_milliseconds", "moment", "jwt_exp", "never"]


def _compared_without_about(cls: T) -> T:
    """Decorate a named tuple whose last field, ``about``, is for people: values that differ in it alone are equal."""
    names: tuple[str, ...] = cast("Any", cls)._fields[:-1]

    def equals(self: tuple[Any, ...], other: object) -> bool:
        return isinstance(other, cls) and self[:-1] == cast("tuple[Any, ...]", other)[:-1]

    def differs(self: tuple[Any, ...], other: object) -> bool:
        return not equals(self, other)

    def hashed(self: tuple[Any, ...]) -> int:
        return hash(self[:-1])

    def shown(self: tuple[Any, ...]) -> str:
        return f"{cls.__name__}({', '.join(f'{name}={each!r}' for name, each in zip(names, self, strict=False))})"

    made: Any = cls
    made.__eq__, made.__ne__, made.__hash__, made.__repr__ = equals, differs, hashed, shown
    return cls


class Claim(NamedTuple):
    """A claim of an assertion: it has a fixed value, or an argument of the caller fills it. Neither: it is left out.

    ``required`` says whether the caller must give the argument.
    """

    name: str
    value: str | float | bool | None = None
    argument: str | None = None
    required: bool = True


class Assertion(NamedTuple):
    """A signed JWT by which a client authenticates itself (RFC 7523).

    Attributes:
        algorithms: The algorithms that the provider accepts. Empty: all of them.
        audience: The claim ``aud``. None: a fact or an argument, or else the token URL.
        audience_fact: The fact of the environment that gives it.
        audience_argument: The argument that gives it.
        lifetime: How long it is valid, in seconds.
        claims: More claims. They replace those of the same name.
        place: Whether it is a field of the body, or a Bearer credential in the header.
        name: The field: ``client_assertion`` (section 2.2), or ``assertion`` (section 2.1).
    """

    algorithms: tuple[AssertionAlgorithm, ...] = ()
    audience: str | None = None
    audience_fact: str | None = None
    audience_argument: str | None = None
    lifetime: float = 60.0
    claims: tuple[Claim, ...] = ()
    place: Literal["body", "header"] = "body"
    name: Literal["client_assertion", "assertion"] = "client_assertion"

    @property
    def arguments(self) -> dict[str, bool]:
        """The arguments of the caller that fill claims and the audience, and whether they are required."""
        claims = {each.argument: each.required for each in self.claims if each.argument}
        return claims | ({self.audience_argument: True} if self.audience_argument else {})


class ClientAuth(NamedTuple):
    """One method of client authentication: how the client's id and secret are sent.

    ``client_secret_basic`` is HTTP Basic (RFC 7617), in this encoding. ``client_secret_post`` sends them as fields of
    the body, ``header`` as headers, and ``query`` as parameters of the query. Each has its name; a name that is None is
    not sent. ``private_key_jwt`` and ``client_secret_jwt`` sign an assertion (RFC 7523). ``tls_client_auth`` shows a
    certificate (RFC 8705). ``none`` sends neither. ``custom`` leaves it to a function of the caller. RFC 8414 section 2
    and RFC 7591 section 2 have the names that OAuth knows.
    """

    method: Method
    client_id: str | None = None
    client_secret: str | None = None
    encoding: BasicEncoding = "auto"
    assertion: Assertion = Assertion()

    @property
    def place(self) -> Place | None:
        """Where the request has what the names say. None if the method has no names."""
        return _PLACES.get(self.method)


_PLACES: Mapping[str, Place] = {
    "client_secret_jwt": "body",
    "client_secret_post": "body",
    "header": "header",
    "private_key_jwt": "body",
    "query": "query",
    "tls_client_auth": "body",
}
"""Where a request has the credentials, by the methods that send them under names."""


@_compared_without_about
class Parameter(NamedTuple):
    """Another part of the token request. It has a fixed value, or an argument of the caller fills it.

    In a JSON body, a name that begins with a slash is a JSON Pointer (RFC 6901). In the host, the value is its first
    label, such as the name of a shop.
    """

    name: str
    place: Place = "body"
    value: str | float | bool | None = None
    argument: str | None = None
    required: bool = False
    secret: bool = False
    kind: Literal["string", "integer", "number", "boolean"] = "string"
    choices: tuple[str | float | bool, ...] = ()
    default: str | float | bool | None = None
    """What is sent if the caller gives no argument."""
    excludes: tuple[str, ...] = ()
    """Arguments that must not be given together with this one."""
    about: str = ""
    """What it is, for people, on one line."""


class Condition(NamedTuple):
    """Holds for a response with this status, or for one with this value at this JSON Pointer."""

    status: int | None = None
    at: str | None = None
    equals: str | float | bool | None = None


class Lifetime(NamedTuple):
    """How long a token lives: a value in the response, a documented constant in seconds, or forever (``never``).

    ``seconds`` and ``milliseconds`` count from now. ``epoch`` and ``epoch_milliseconds`` count from 1970. ``moment`` is
    a date as text. ``jwt_exp`` is the claim ``exp`` of the token itself.
    """

    unit: Unit
    at: str | None = None
    constant: float | None = None
    zero_is_never: bool = False


class TokenUse(NamedTuple):
    """How API calls use the token.

    Attributes:
        header: The header that carries the token.
        prefix: The word before the token in that header. Empty if there is none.
        query: The parameter of the query that carries the token, if no header does.
        rejected_statuses: The statuses by which the API rejects a dead token.
        headers: Further headers of API calls, with the arguments that fill them; ``client_id`` is one.
        single_use: Whether each API call needs a new token.
        persist: Whether a store outside the process may keep the token.
        dpop: Whether each token is bound to a key (RFC 9449).
    """

    header: str | None = "Authorization"
    prefix: str = "Bearer"
    query: str | None = None
    rejected_statuses: tuple[int, ...] = (401,)
    headers: Mapping[str, str] = _NONE
    single_use: bool = False
    persist: bool = True
    dpop: bool = False


class ResponseFields(NamedTuple):
    """Where a response has the token and its facts: JSON Pointers (RFC 6901). The first that leads to a value counts."""

    access_token: tuple[str, ...]
    token_type: tuple[str, ...] = ()
    scope: tuple[str, ...] = ()
    lifetime: tuple[Lifetime, ...] = ()


class ErrorFields(NamedTuple):
    """Where a response has an error's code and text: JSON Pointers (RFC 6901). The first that leads to a value counts."""

    code: tuple[str, ...] = ()
    description: tuple[str, ...] = ()


class Server(NamedTuple):
    """One environment: its base URL, the one for clients with a certificate, and what else differs."""

    url: str
    environment_facts: Mapping[str, str] = _NONE
    mtls_url: str | None = None
    """Replaces the base URL for a client that shows a certificate (RFC 8705 section 5)."""


@_compared_without_about
class TokenEndpoint(NamedTuple):
    """A provider's token endpoint, as its spec describes it."""

    name: str
    method: str
    path: str
    media_type: str | None
    """The media type of the request's body; None where there is no body."""
    servers: Mapping[str, Server]
    client_auth: tuple[ClientAuth, ...]
    parameters: tuple[Parameter, ...]
    response: ResponseFields
    success: Condition | None
    """A condition that a response with a token meets, besides a status of 2xx."""
    invalid_client: tuple[Condition, ...]
    """Each of these means that the provider refused the credentials."""
    error: ErrorFields
    token_use: TokenUse = TokenUse()
    accept: str = "application/json"
    """The media type of the response."""
    content_type: str | None = None
    """The Content-Type of a request without a body, if it has one."""
    needs_certificate: bool = False
    """Whether connections to the token endpoint must show a client certificate, whatever the method is."""
    about: str = ""
    """What the endpoint is, for people, on one line."""

    @property
    def arguments(self) -> list[Parameter]:
        """What arguments of the caller fill: parameters, and claims of assertions. Each argument stands here once.

        An argument of a claim alone is required if every method of client authentication needs it.
        """
        found: dict[str, Parameter] = {}
        for each in self.parameters:
            if each.argument and (each.argument not in found or each.required):
                found[each.argument] = each
        needed = [auth.assertion.arguments for auth in self.client_auth]
        for argument in {name: None for each in needed for name in each if name != "client_id"}:
            about = f"Fills {argument} in the assertion."
            required = all(each.get(argument) for each in needed)
            found.setdefault(argument, Parameter(argument, argument=argument, required=required, about=about))
        return list(found.values())


def header_names(endpoint: TokenEndpoint) -> Iterator[str]:
    """The names of the headers that a token request or an API call has from a description."""
    use = endpoint.token_use
    yield from filter(None, (use.header, *use.headers))
    yield from (each.name for each in endpoint.parameters if each.place == "header")
    for each in endpoint.client_auth:
        if each.place == "header":
            yield from filter(None, (each.client_id, each.client_secret))
