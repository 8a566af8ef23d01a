"""One provider's token endpoint: judges a request by the spec, and answers with the spec's own examples.

No clock, no state and no I/O: which tokens are alive is the app's affair.
"""

import copy
import json
import secrets
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote_plus

import jwt
from jsonschema_path import SchemaPath
from openapi_core import V31RequestValidator
from openapi_core.exceptions import OpenAPIError
from openapi_core.protocols import Request
from openapi_core.validation.request.exceptions import SecurityValidationError

from paygrant_clients.description import Credentials, Lifetime, TokenEndpoint

BasicDecoding = Literal["plain", "form"]

DEFAULT_LIFETIME = 3600
"""Seconds, where the spec's example does not say: a JWT's end is inside the token."""


@dataclass(frozen=True, slots=True)
class Client:
    """The credentials that the sandbox takes. Of straw, but not shown."""

    client_id: str = field(default="sandbox-client", repr=False)
    client_secret: str = field(default="sandbox-secret", repr=False)


@dataclass(frozen=True, slots=True)
class Answer:
    """What goes back: a status and a JSON document; and the token in it, where one was granted."""

    status: int
    document: Any = field(repr=False)
    token: str | None = field(default=None, repr=False)
    expires_at: float = 0.0


class Endpoint:
    """A token endpoint, as its spec and its description tell it.

    Args:
        description: Where credentials, parameters and the answer's parts stand.
        spec: The OpenAPI document.
        client: The one client there is.
        basic_decoding: Whether the parts of Basic credentials are taken as they are, or form-decoded
            (RFC 6749 section 2.3.1).
        lifetime: The tokens' lifetime in seconds; None leaves it to the spec's example.
    """

    def __init__(
        self,
        description: TokenEndpoint,
        spec: Mapping[str, Any],
        *,
        client: Client,
        basic_decoding: BasicDecoding,
        lifetime: int | None,
    ) -> None:
        self.path = description.path
        self._description = description
        self._client = client
        self._basic_decoding: BasicDecoding = basic_decoding

        served = {**spec, "servers": [{"url": f"/{description.name}"}]}
        self._validator = V31RequestValidator(SchemaPath.from_dict(served))
        operation = spec["paths"][description.path]["post"]
        (self._media_type,) = operation["requestBody"]["content"]
        self._body_names = frozenset(spec["components"]["schemas"]["TokenRequest"]["properties"])
        self._query_names = frozenset(each["name"] for each in operation.get("parameters", ()) if each["in"] == "query")

        examples = dict(_examples(operation["responses"]))
        self._granted = examples["granted"]
        self._wrong_credentials = examples["wrong_credentials"]
        self._bad_request = examples.get("bad_request") or self._undocumented_bad_request()

        self._lifetime_at = next(iter(description.answer.lifetime), None)
        self._lifetime = self._example_lifetime() if lifetime is None else lifetime
        self._scope_name = next((each.name for each in description.parameters if each.argument == "scope"), None)
        self._composed_name = next((each.name for each in description.parameters if each.argument), "")
        self._jwt_key = secrets.token_bytes(32)

    def answer(self, request: Request, now: float) -> Answer:
        """Judge a token request and answer it as documented; ``now`` is in seconds since the epoch."""
        try:
            self._validator.validate(request)
            parameters = self._parameters(request.body or b"")
        except SecurityValidationError:
            return self._wrong_credentials
        except (OpenAPIError, ValueError, RecursionError):  # the last two: odd media types, bottomless JSON
            return self._bad_request
        if parameters.keys() - self._body_names or request.parameters.query.keys() - self._query_names:
            return self._bad_request
        presented = list(self._presented(request, parameters))
        if len(presented) > 1:  # RFC 6749 section 5.2: more than one mechanism is an invalid request
            return self._bad_request
        if presented != [self._client]:
            return self._wrong_credentials
        return self._grant(parameters, now)

    def _parameters(self, body: bytes) -> dict[str, Any]:
        """A valid body's parameters. openapi-core drops those of a form that the schema does not name."""
        if self._media_type == "application/json":
            return dict(json.loads(body))
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
        form = dict(pairs)
        if len(form) < len(pairs):
            raise ValueError("a parameter is repeated (RFC 6749 section 3.2)")
        return form

    def _presented(self, request: Request, parameters: Mapping[str, str]) -> Iterator[Client | None]:
        """The credentials that a request carries, in each documented place; None where they cannot be read."""
        for place in self._description.credentials:
            match place:
                case Credentials(place="basic"):
                    scheme, _, encoded = request.parameters.header.get("Authorization", "").partition(" ")
                    if scheme.lower() == "basic":
                        yield self._decoded(encoded)
                case Credentials(client_id=id_name, client_secret=str(secret_name)) if secret_name in parameters:
                    # Where no field holds just the id, it opens, up to a colon, the parameter that the caller composes.
                    composed = parameters.get(id_name or self._composed_name, "")
                    yield Client(composed if id_name else composed.partition(":")[0], parameters[secret_name])
                case _:
                    pass

    def _decoded(self, encoded: str) -> Client | None:
        """The parts of Basic credentials (RFC 7617)."""
        try:
            client_id, _, client_secret = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:  # no base64, or no UTF-8
            return None
        if self._basic_decoding == "form":
            client_id, client_secret = unquote_plus(client_id), unquote_plus(client_secret)
        return Client(client_id, client_secret)

    def _grant(self, parameters: Mapping[str, str], now: float) -> Answer:
        """The spec's example with a token, a lifetime and a scope of its own."""
        token = secrets.token_urlsafe(32)
        expires_at = now + self._lifetime
        document = copy.deepcopy(self._granted.document)
        match self._lifetime_at:
            case Lifetime(unit="seconds", at=at):
                _put(document, at, self._lifetime)
            case Lifetime(unit="moment", at=at):
                _put(document, at, datetime.fromtimestamp(expires_at, UTC).isoformat())
            case Lifetime(unit="jwt_exp"):
                token = jwt.encode({"jti": token, "exp": int(expires_at)}, self._jwt_key, "HS256")
            case _:
                pass
        _put(document, self._description.answer.access_token[0], token)
        if self._scope_name and (scope := parameters.get(self._scope_name)):
            _put(document, self._description.answer.scope[0], scope)
        return Answer(self._granted.status, document, token, expires_at)

    def _example_lifetime(self) -> int:
        match self._lifetime_at:
            case Lifetime(unit="seconds", at=at):
                return int(_get(self._granted.document, at))
            case _:
                return DEFAULT_LIFETIME

    def _undocumented_bad_request(self) -> Answer:
        """RFC 6749 section 5.2, where the provider documents nothing."""
        document: dict[str, Any] = {}
        _put(document, self._description.error.code[0], "invalid_request")
        return Answer(400, document)


def _examples(responses: Mapping[str, Any]) -> Iterator[tuple[str, Answer]]:
    """The examples of a spec's responses, by their names."""
    for status, response in responses.items():
        for content in response.get("content", {}).values():
            for name, example in content.get("examples", {}).items():
                yield name, Answer(int(status), example["value"])


def _put(document: Any, pointer: str, value: object) -> None:
    """Set what a JSON Pointer (RFC 6901) leads to, and make the objects on its way."""
    *parents, last = _parts(pointer)
    for part in parents:
        document = document.setdefault(part, {})
    document[last] = value


def _get(document: Any, pointer: str) -> Any:
    for part in _parts(pointer):
        document = document[part]
    return document


def _parts(pointer: str) -> list[str]:
    return [part.replace("~1", "/").replace("~0", "~") for part in pointer.removeprefix("/").split("/")]
