"""One provider's token endpoint: checks the credentials of a request, and responds with the examples of the spec.

It has no clock, no state and no I/O. ``_memory`` knows which tokens are valid.
"""

import re
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import formatdate
from http import HTTPStatus
from typing import Any, Literal

import jwt

from paygrant._secrets import compared_as_a_whole
from paygrant._spec.description import Condition, Lifetime
from paygrant._spec.pointer import value_at, with_value
from paygrant._spec.reader import JSON, TEXT, NormalizedSpec
from paygrant.sandbox._client_auth import Authenticator, BasicDecoding, Client, Evidence
from paygrant.sandbox._jwt import JwtError
from paygrant.sandbox._request_reader import RequestParts, RequestReader

DEFAULT_LIFETIME = 3600
"""Seconds. The lifetime if the example in the spec has none: the exp claim of a JWT is inside the token."""

_NEVER = 10 * 365 * 24 * 3600
"""Seconds. The lifetime of tokens that do not expire."""


@dataclass(frozen=True, slots=True)
class Limit:
    """A rate limit: this many requests in this many seconds."""

    requests: int
    seconds: float


@dataclass(frozen=True, slots=True)
class UnusualType:
    """A field of a token response, and the function that changes its value."""

    field_name: Literal["lifetime", "access_token", "token_type"]
    change: Callable[[Any], Any]


ODDITIES: Mapping[str, UnusualType] = {
    "lifetime_text": UnusualType("lifetime", str),
    "lifetime_float": UnusualType("lifetime", lambda seconds: seconds + 0.5),
    "lifetime_null": UnusualType("lifetime", lambda _: None),
    "token_number": UnusualType("access_token", lambda _: 12345),
    "token_null": UnusualType("access_token", lambda _: None),
    "token_object": UnusualType("access_token", lambda token: {"value": token}),
    "type_null": UnusualType("token_type", lambda _: None),
    "type_number": UnusualType("token_type", lambda _: 1),
}
"""The unusual types that a response can have. A lifetime inside the token gets its unusual type there."""


@compared_as_a_whole
@dataclass(frozen=True, slots=True)
class EndpointResponse:
    """The response of a token endpoint: status, document, and the token in it if there is one.

    ``media_type`` is the document's: JSON, or text. None means that there is no body. ``reason`` says why a key, a proof
    or a certificate was refused. ``binding`` has what the token is bound to (RFC 7800 section 3.1).
    """

    status: int
    document: Any = field(repr=False)
    media_type: str | None = field(default=JSON, repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: float = 0.0
    reason: str = field(default="", repr=False)
    binding: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


class Endpoint:
    """A token endpoint that behaves as its spec describes it.

    Args:
        spec: The provider's spec.
        client: The one client that is accepted.
        basic_decoding: ``"plain"`` takes the parts of Basic credentials as they are, ``"form"`` form-decodes them
            (RFC 6749 section 2.3.1). None: as the spec says, and plain if it leaves the encoding open.
        lifetime: The lifetime of tokens in seconds; None: as in the example of the spec.
    """

    def __init__(
        self,
        spec: NormalizedSpec,
        *,
        client: Client,
        basic_decoding: BasicDecoding | None,
        lifetime: int | None,
    ) -> None:
        self._description = description = spec.endpoint
        self.name = description.name
        self.path = description.path
        self.method = description.method
        self.client_auth = description.client_auth
        """The methods of client authentication that the provider documents, the default first."""
        self.environments = tuple(description.servers)
        """The names of the environments."""
        self.use = description.token_use
        """How API calls use the token."""
        self._methods = {each.method for each in description.client_auth}
        self._at = re.compile("[^/]+".join(map(re.escape, re.split(r"\{[^}]*\}", description.path))))
        self._client = client
        self._authenticator = Authenticator(description, client, basic_decoding)
        self.requests = RequestReader(spec, self._authenticator.fields)
        """Reads token requests."""
        self.limits = tuple(Limit(*limit) for limit in spec.limits)
        """The limits that the provider documents."""
        headers = spec.response_headers(HTTPStatus.TOO_MANY_REQUESTS)
        self.sends_retry_after = headers is None or "Retry-After" in headers
        """Whether a 429 has a Retry-After header: as documented, and yes if the spec has no 429."""

        examples = {
            each.name: EndpointResponse(
                int(each.status) if each.status.isdecimal() else HTTPStatus.BAD_REQUEST, each.body, each.media_type
            )
            for each in spec.examples()
        }
        self._granted = examples["granted"]
        self.wrong_credentials = examples.get("wrong_credentials") or self._refusal(spec)
        self._bad_request = examples.get("bad_request") or self.error(HTTPStatus.BAD_REQUEST, "invalid_request")

        self._lifetime_at = next(iter(description.response.lifetime), None)
        self._lifetime = self._example_lifetime() if lifetime is None else lifetime
        self._scope_name = next((each.name for each in description.parameters if each.argument == "scope"), None)
        self._jwt_key = secrets.token_bytes(32)

    def is_at(self, path: str) -> bool:
        """Whether a path under the provider's base URL is the token endpoint's. A placeholder is any one segment."""
        return self._at.fullmatch(path) is not None

    def respond(
        self,
        request: RequestParts,
        now: float,
        *,
        lifetime: int | None = None,
        oddity: str | None = None,
        evidence: Evidence | None = None,
    ) -> EndpointResponse:
        """Check a token request and respond as documented.

        Args:
            request: The request.
            now: Seconds since the epoch.
            lifetime: The lifetime of the token in seconds; None: the default of this endpoint.
            oddity: The unusual type in the response, one of ``ODDITIES``; None for no such type.
            evidence: What the request has besides its parameters.
        """
        evidence = evidence or Evidence(now)
        scheme, _, credentials = request.authorization.partition(" ")
        if self._methods == {"client_secret_basic"} and not (scheme.lower() == "basic" and credentials):
            return self.wrong_credentials
        parameters = self.requests.parameters(request)
        if parameters is None:
            return self._bad_request
        faults = self._authenticator.faults(request.authorization, parameters, evidence)
        if len(faults) > 1:  # RFC 6749 section 5.2: more than one mechanism is an invalid request
            return self._bad_request
        if faults != [None] and (faults or not self._methods & {"none", "custom"}):
            return self.refusal(next(iter(faults), "") or "")
        binding = {} if evidence.certificate is None else {"x5t#S256": evidence.certificate.thumbprint}
        if evidence.proofs or self.use.dpop:
            found = self._proof_of(evidence)
            if isinstance(found, EndpointResponse):
                return found
            binding["jkt"] = found
        return self._grant(parameters, now, lifetime, oddity, binding)

    def refusal(self, reason: str = "") -> EndpointResponse:
        """The response to wrong credentials. It has the reason where the provider describes its errors."""
        refused = replace(self.wrong_credentials, reason=reason)
        return self._described(refused, reason) if reason else refused

    def token_in(self, headers: Mapping[str, str], query: Mapping[str, str]) -> str | None:
        """The token of a call to the API. None if it is not where the spec says."""
        use = self.use
        if self.is_by_proof(headers):
            return headers[(use.header or "Authorization").lower()].partition(" ")[2] or None
        if use.query:
            return query.get(use.query)
        value = headers.get((use.header or "Authorization").lower(), "")
        if not use.prefix:
            return value or None
        prefix, _, token = value.partition(" ")
        return token if prefix.lower() == use.prefix.lower() else None

    def is_by_proof(self, headers: Mapping[str, str]) -> bool:
        """Whether the token of a call to the API has the scheme DPoP (RFC 9449 section 7.1)."""
        if self.use.query:
            return False
        return headers.get((self.use.header or "Authorization").lower(), "").lower().startswith("dpop ")

    def missing_header(self, headers: Mapping[str, str]) -> str | None:
        """The name of a further header that a call to the API needs and does not have. None if all are there.

        The client's id must be the right one. Any value counts for other arguments.
        """
        for name, argument in self.use.headers.items():
            value = headers.get(name.lower())
            if not value or (argument == "client_id" and value != self._client.client_id):
                return name
        return None

    def error(self, status: int, code: str | None = None) -> EndpointResponse:
        """An error response in the provider's format. Without a code, the name of the status is the code."""
        if code is None:
            code = HTTPStatus(status).name.lower() if status in _STATUSES else "error"
        return EndpointResponse(status, with_value({}, next(iter(self._description.error.code), "/error"), code))

    def _proof_of(self, evidence: Evidence) -> "str | EndpointResponse":
        """The thumbprint of the key to which the token is bound, or the refusal of the proof (RFC 9449 section 5)."""
        from paygrant.sandbox._dpop import check_proof  # few clients have proofs

        try:
            return check_proof(evidence)
        except JwtError as error:
            refused = replace(self.error(HTTPStatus.BAD_REQUEST, error.code), reason=str(error))
        return self._described(refused, refused.reason)

    def _described(self, response: EndpointResponse, text: str) -> EndpointResponse:
        """A response with a text where the provider describes errors, unless the provider has a fixed text there."""
        where = next(iter(self._description.error.description), "/error_description")
        fixed = any(each.at == where for each in self._description.invalid_client)
        if fixed or response.media_type is None or response.media_type == TEXT:
            return response
        return replace(response, document=with_value(response.document, where, text))

    def _refusal(self, spec: NormalizedSpec) -> EndpointResponse:
        """The refusal of a spec without an example of one: without a body if the spec says so."""
        statuses = [each.status for each in self._description.invalid_client if each.status is not None]
        status = int(next(iter(statuses), HTTPStatus.UNAUTHORIZED))
        if str(status) in spec.bare_statuses:
            return EndpointResponse(status, None, None)
        refusal = self.error(status, "invalid_client")
        at_fields = [each for each in self._description.invalid_client if each.at is not None]
        match at_fields[:1]:
            case [Condition(at=str(at), equals=value)]:
                return EndpointResponse(status, with_value(refusal.document, at, value))
            case _:
                return refusal

    def _grant(
        self,
        parameters: Mapping[str, Any],
        now: float,
        lifetime: int | None,
        oddity: str | None,
        binding: Mapping[str, str],
    ) -> EndpointResponse:
        """The example of the spec, with a new token, its lifetime and its scope."""
        token = secrets.token_urlsafe(32)
        seconds = self._lifetime if lifetime is None else lifetime
        expires_at = now + seconds
        changes = {ODDITIES[oddity].field_name: ODDITIES[oddity].change} if oddity else {}
        changed = changes.get("lifetime", _same)
        document = self._granted.document
        numbers = {
            "seconds": seconds,
            "milliseconds": seconds * 1000,
            "epoch": int(expires_at),
            "epoch_milliseconds": int(expires_at * 1000),
        }
        match self._lifetime_at:
            case Lifetime(unit=str(unit), at=str(at)) if unit in numbers:
                document = with_value(document, at, changed(self._as_in_the_example(numbers[unit], at)))
            case Lifetime(unit="moment", at=str(at)):
                moment = datetime.fromtimestamp(expires_at, UTC).isoformat()
                document = with_value(document, at, changed(expires_at) if "lifetime" in changes else moment)
            case Lifetime(unit="jwt_exp"):
                claims = {"jti": token, "exp": changed(int(expires_at))} | ({"cnf": binding} if binding else {})
                token = jwt.encode(claims, self._jwt_key, "HS256")
            case _:
                pass
        response = self._description.response
        document = with_value(document, response.access_token[0], changes.get("access_token", _same)(token))
        if "jkt" in binding and response.token_type:  # RFC 9449 section 5
            document = with_value(document, response.token_type[0], "DPoP")
        if "token_type" in changes and response.token_type:
            document = with_value(document, response.token_type[0], changes["token_type"](None))
        if self._scope_name and response.scope and (scope := parameters.get(self._scope_name)):
            document = with_value(document, response.scope[0], scope)
        granted = self._granted
        return EndpointResponse(granted.status, document, granted.media_type, token, expires_at, binding=binding)

    def _as_in_the_example(self, number: int, at: str) -> int | str:
        """A number, as text if the example has text there."""
        return str(number) if isinstance(value_at(self._granted.document, at), str) else number

    def _example_lifetime(self) -> int:
        match self._lifetime_at:
            case Lifetime(unit="seconds", at=str(at)):
                return _seconds(self._granted.document, at, 1)
            case Lifetime(unit="milliseconds", at=str(at)):
                return _seconds(self._granted.document, at, 1000)
            case Lifetime(unit="never"):
                return _NEVER
            case Lifetime(constant=float() | int() as seconds):
                return int(seconds)
            case _:
                return DEFAULT_LIFETIME


_STATUSES = frozenset(HTTPStatus)


def _seconds(document: Any, at: str, unit: int) -> int:
    """The lifetime in an example; the default if there is none: 0 may mean that a token does not expire."""
    try:
        return int(float(value_at(document, at))) // unit or DEFAULT_LIFETIME
    except (TypeError, ValueError, OverflowError):
        return DEFAULT_LIFETIME


def http_date(moment: float) -> str:
    """A time in seconds since the epoch, as an HTTP date (RFC 9110 section 5.6.7)."""
    return formatdate(moment, usegmt=True)


def _same(value: Any) -> Any:
    return value
