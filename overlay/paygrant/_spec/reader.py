"""Reads a normalized spec. This module alone knows the layout: what OpenAPI says, and what ``x-token-endpoint`` adds.

It takes for granted that the spec is normalized. Checking that is left to ``lint``. ``lint_shape`` and ``lint_fit`` run before the
check is complete, so each part is read when it is needed, and from its own place only.
"""

import functools
import json
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from paygrant._spec.client_auth import client_auth_of
from paygrant._spec.description import (
    ClientAuth,
    Condition,
    ErrorFields,
    Lifetime,
    Parameter,
    ResponseFields,
    Server,
    TokenEndpoint,
    TokenUse,
)
from paygrant._spec.parts import Example, RequestPart, SchemaField, Source
from paygrant._spec.pointer import field_at, parts, pointer_to

FORM = "application/x-www-form-urlencoded"
JSON = "application/json"
TEXT = "text/plain"


def is_json(media_type: str | None) -> bool:
    """Whether a media type is JSON, in general or of a vendor (RFC 6839 section 3.1)."""
    return media_type is not None and (media_type == JSON or media_type.endswith("+json"))


REQUEST, RESPONSE, ERROR = "TokenRequest", "TokenResponse", "TokenError"
"""The names of the schemas."""

ENDPOINT = "x-token-endpoint"
SCHEMAS = "/components/schemas"
SERVERS = "/servers"
TITLE = "/info/title"
CLASS_NAME = "/info/x-class-name"
DEVIATIONS = "/x-provenance/deviations"

_SECTIONS = {
    "client_auth": "client_authentication",
    "parameters": "parameters",
    "response": "response",
    "success": "success",
    "invalid_client": "invalid_client",
    "error": "error",
    "token_use": "token_use",
}
"""The fields of a description, and the words of ``x-token-endpoint`` for them."""


class NormalizedSpec:
    """A normalized spec, with its parts as attributes.

    Args:
        name: The provider's name, which is the name of the spec's file.
        data: The spec as JSON data.
    """

    def __init__(self, name: str, data: Mapping[str, Any]) -> None:
        self.name = name
        self.data = data
        ((self.path, item),) = data["paths"].items()
        ((method, operation),) = item.items()
        self.method: str = method.upper()
        self.operation: Mapping[str, Any] = operation
        self.operation_pointer = pointer_to("/paths", self.path, method)
        self._endpoint: Mapping[str, Any] = data[ENDPOINT]

    # What OpenAPI says

    @property
    def info(self) -> Mapping[str, Any]:
        """The title, the version and the description of the spec."""
        info: Mapping[str, Any] = self.data.get("info", {})
        return info

    @property
    def title(self) -> str:
        """The name of the provider, for people."""
        return str(self.info["title"])

    @property
    def states_class_name(self) -> bool:
        """Whether the spec states the name of the provider's class."""
        return "x-class-name" in self.info

    @property
    def class_name(self) -> str:
        """The name of the provider's class: ``x-class-name``, or one that is made from the title."""
        if self.states_class_name:
            return str(self.info["x-class-name"])
        from paygrant._spec.names import class_name_from  # a token request needs no names

        return class_name_from(self.title, self.name)

    @property
    def servers(self) -> list[tuple[str, Server]]:
        """The environments by name, in the order of the spec."""
        return [
            (
                each["x-environment"],
                Server(each["url"], each.get("x-environment-facts", {}), each.get("x-mtls-url")),
            )
            for each in self.data.get("servers", ())
        ]

    @property
    def variables(self) -> list[Mapping[str, Any]]:
        """The variables of each server: what the caller adds to its host."""
        return [each.get("variables", {}) for each in self.data.get("servers", ())]

    @property
    def in_host(self) -> list[RequestPart]:
        """The parts of the host that the caller gives. All servers have the same."""
        variables: Mapping[str, Any] = self.variables[0] if self.variables else {}
        return [
            RequestPart("host", name, required=True, schema={"type": "string"}, about=str(each.get("description", "")))
            for name, each in variables.items()
        ]

    @property
    def media_type(self) -> str | None:
        """The media type of the request's body; None where there is no body."""
        return next((each for each, content in self._request_content if "schema" in content), None)

    @property
    def content_type(self) -> str | None:
        """The Content-Type of a request without a body. None if there is a body, or no Content-Type."""
        return next((each for each, content in self._request_content if "schema" not in content), None)

    @property
    def _request_content(self) -> list[tuple[str, Mapping[str, Any]]]:
        return list(self.operation.get("requestBody", {}).get("content", {}).items())

    @property
    def accept(self) -> str:
        """The media type of the response with a token."""
        contents = [each.get("content", {}) for status, each in self._responses if status.startswith("2")]
        return next((media_type for content in contents for media_type in content), JSON)

    @property
    def _responses(self) -> list[tuple[str, Mapping[str, Any]]]:
        return list(self.operation.get("responses", {}).items())

    @property
    def declared(self) -> list[RequestPart]:
        """The parameters of the operation: what a request carries besides the body."""
        return [
            RequestPart(
                each["in"],
                each["name"],
                each.get("required", False),
                each["schema"],
                _one_line(each.get("description")),
            )
            for each in self.operation.get("parameters", ())
        ]

    def declared_pointer(self, index: int) -> str:
        """Return the JSON Pointer of one of them."""
        return pointer_to(self.operation_pointer, "parameters", index)

    @property
    def security(self) -> list[tuple[str, ...]]:
        """The alternatives of the operation's security: of each, its HTTP schemes; another scheme is ``other``.

        A certificate (``mutualTLS``) is left out: connections have it, not requests.
        """
        schemes = self._schemes
        return [
            tuple(
                schemes.get(name, {}).get("scheme", "other").lower()
                for name in alternative
                if schemes.get(name, {}).get("type") != "mutualTLS"
            )
            for alternative in self._alternatives
        ]

    @property
    def needs_certificate(self) -> bool:
        """Whether each alternative of the operation's security has a certificate (``mutualTLS``)."""
        certificates = {name for name, scheme in self._schemes.items() if scheme.get("type") == "mutualTLS"}
        return all(certificates & {*alternative} for alternative in self._alternatives)

    @property
    def _schemes(self) -> Mapping[str, Mapping[str, str]]:
        schemes: Mapping[str, Mapping[str, str]] = self.data["components"].get("securitySchemes", {})
        return schemes

    @property
    def _alternatives(self) -> list[Mapping[str, Any]]:
        return self.operation.get("security") or [{}]

    def has_schema(self, name: str) -> bool:
        """Whether there is a schema of this name."""
        return name in self.data["components"]["schemas"]

    def schema(self, name: str) -> Mapping[str, Any]:
        """The schema of this name; an empty one where there is none."""
        schema: Mapping[str, Any] = self.data["components"]["schemas"].get(name, {})
        return schema

    def fields(self, name: str) -> Iterator[SchemaField]:
        """Every field of a schema, at any depth."""
        return _fields(self.schema(name), pointer_to(SCHEMAS, name))

    @property
    def statuses(self) -> list[str]:
        """The statuses that have a response; one may be ``default``."""
        return [status for status, _ in self._responses]

    @property
    def bare_statuses(self) -> list[str]:
        """The statuses whose response has no body."""
        return [status for status, response in self._responses if "content" not in response]

    @property
    def media_types(self) -> list[tuple[str, str]]:
        """The media type of each response that has a body, with its status."""
        return [(status, each) for status, response in self._responses for each in response.get("content", ())]

    def response_headers(self, status: int) -> frozenset[str] | None:
        """The headers of the response with this status; None if the status has no response."""
        response: Mapping[str, Any] | None = self.operation["responses"].get(str(int(status)))
        return None if response is None else frozenset(response.get("headers", ()))

    def examples(self) -> Iterator[Example]:
        """Every example of a response."""
        for status, response in self._responses:
            for media_type, content in response.get("content", {}).items():
                for name, example in content.get("examples", {}).items():
                    steps = ("responses", status, "content", media_type, "examples", name, "value")
                    yield Example(
                        pointer_to(self.operation_pointer, *steps), status, media_type, name, example["value"]
                    )

    # What x-provenance says

    @property
    def sources(self) -> list[Mapping[str, Any]]:
        """The provider's pages that were read: ``url`` and ``read``, the day."""
        return list(self.data["x-provenance"]["sources"])

    @property
    def deviations(self) -> list[Mapping[str, str]]:
        """Where the spec differs from those pages: ``id``, ``upstream``, ``here`` and ``reason``."""
        return list(self.data["x-provenance"]["deviations"])

    # What x-token-endpoint says

    @staticmethod
    def place_of(section: str, *steps: str | int) -> str:
        """Return the JSON Pointer of a section of ``x-token-endpoint``, or of a place in it.

        Args:
            section: A field of ``TokenEndpoint``, such as ``"client_auth"``.
            *steps: The steps from there.
        """
        return pointer_to("", ENDPOINT, _SECTIONS[section], *steps)

    @property
    def client_auth(self) -> tuple[ClientAuth, ...]:
        """The methods of client authentication, the default first."""
        return tuple(client_auth_of(each) for each in self._endpoint["client_authentication"])

    @property
    def parameter_sources(self) -> dict[str, Source]:
        """What fills each parameter, by its name."""
        return {
            name: Source(
                source.get("value"), source.get("argument"), source.get("default"), tuple(source.get("excludes", ()))
            )
            for name, source in self._endpoint["parameters"].items()
        }

    @property
    def response(self) -> ResponseFields:
        """Where a response has the token and its facts."""
        fields = self._endpoint["response"]
        return ResponseFields(
            access_token=tuple(fields["access_token"]),
            token_type=tuple(fields.get("token_type", ())),
            scope=tuple(fields.get("scope", ())),
            lifetime=tuple(Lifetime(**each) for each in fields.get("lifetime", ())),
        )

    @property
    def success(self) -> Condition | None:
        """The condition that a response with a token meets."""
        return Condition(**self._endpoint["success"]) if "success" in self._endpoint else None

    @property
    def invalid_client(self) -> tuple[Condition, ...]:
        """The conditions that mean refused credentials."""
        return tuple(Condition(**each) for each in self._endpoint["invalid_client"])

    @property
    def error(self) -> ErrorFields:
        """Where a response has an error's code and text."""
        return ErrorFields(**{fact: tuple(pointers) for fact, pointers in self._endpoint["error"].items()})

    @property
    def token_use(self) -> TokenUse:
        """How API calls use the token."""
        use: dict[str, Any] = {**self._endpoint.get("token_use", {})}
        if "query" in use:
            use = {"header": None, "prefix": "", **use}
        elif "header" in use:
            use = {"prefix": "", **use}
        elif use.get("dpop"):
            use = {"prefix": "DPoP", **use}
        if "rejected_statuses" in use:
            use["rejected_statuses"] = tuple(use["rejected_statuses"])
        return TokenUse(**use)

    @property
    def limits(self) -> list[tuple[int, float]]:
        """The documented limits: a number of requests in a number of seconds."""
        return [(each["requests"], each["seconds"]) for each in self._endpoint.get("limits", ())]

    # All of it

    @functools.cached_property
    def endpoint(self) -> TokenEndpoint:
        """The description of the token endpoint."""
        return TokenEndpoint(
            name=self.name,
            method=self.method,
            path=self.path,
            media_type=self.media_type,
            servers=dict(self.servers),
            client_auth=self.client_auth,
            parameters=tuple(self._parameters()),
            response=self.response,
            success=self.success,
            invalid_client=self.invalid_client,
            error=self.error,
            token_use=self.token_use,
            about=_one_line(self.info.get("description") or self.info.get("title")),
            accept=self.accept,
            content_type=self.content_type,
            needs_certificate=self.needs_certificate,
        )

    def _parameters(self) -> Iterator[Parameter]:
        """The parts of the request that are not the client's authentication."""
        declared = {each.name: each for each in (*self.declared, *self.in_host)}
        for name, (value, argument, default, excludes) in self.parameter_sources.items():
            part = declared.get(name) or self._body_field(name)
            yield Parameter(
                name=name,
                place=part.place,
                value=value,
                argument=argument,
                required=part.required,
                secret=argument is not None and part.schema.get("format") == "password",
                kind=part.schema["type"],
                choices=tuple(part.schema.get("enum", ())),
                default=default,
                about=part.about,
                excludes=excludes,
            )

    def _body_field(self, name: str) -> RequestPart:
        """A field of the body. It is required where all that contains it is required as well."""
        required, schema = True, self.schema(REQUEST)
        for step in parts(field_at(name)):
            required = required and step in schema.get("required", ())
            schema = schema["properties"][step]
        return RequestPart("body", name, required, schema, _one_line(schema.get("description")))


def source_urls(data: Mapping[str, Any]) -> list[str]:
    """Return the addresses of the provider's pages. The rest of the spec need not be normalized.

    Raises:
        KeyError, TypeError: There is no list of sources.
    """
    return [source["url"] for source in data["x-provenance"]["sources"]]


def read_endpoint(name: str, data: Mapping[str, Any]) -> TokenEndpoint:
    """Return the description of the token endpoint of the provider ``name``, from the data of its normalized spec."""
    return NormalizedSpec(name, data).endpoint


@functools.cache
def endpoint_of(package: str) -> TokenEndpoint:
    """Return the description of the token endpoint of a generated package. It is read once for a process.

    Args:
        package: The package's full name, such as ``"paygrant_clients.ripple"``.

    Raises:
        OSError: The package has no spec.
        ModuleNotFoundError: There is no such package.
    """
    return spec_of(package).endpoint


def spec_of(package: str) -> NormalizedSpec:
    """Return the spec that a generated package contains. Raises what ``endpoint_of`` raises."""
    if package in sys.modules:
        found: Any = sys.modules[package].__spec__
    else:  # the package itself is not imported: its client takes longer to import than a token request
        from importlib.util import find_spec

        found = find_spec(package)
    if found is None and package not in sys.modules:
        raise ModuleNotFoundError(f"No module named {package!r}", name=package)
    if not found or not found.submodule_search_locations or not hasattr(found.loader, "get_data"):
        raise FileNotFoundError(f"{package} is not a generated package")
    # The loader, not the file system: a package may be in a zip file.
    file = Path(found.submodule_search_locations[0], "openapi.json")
    return NormalizedSpec(package.rpartition(".")[2], json.loads(found.loader.get_data(str(file))))


def _one_line(text: str | None) -> str:
    """A text for people on one line; an empty one where there is none."""
    return " ".join(text.split()) if text else ""


def _fields(schema: Mapping[str, Any], pointer: str, at: str = "") -> Iterator[SchemaField]:
    below = [
        SchemaField(pointer_to(at, name), pointer_to(pointer, "properties", name), field)
        for name, field in schema.get("properties", {}).items()
    ]
    if "items" in schema:
        below.append(SchemaField(f"{at}/*", pointer_to(pointer, "items"), schema["items"]))
    for field in below:
        yield field
        yield from _fields(field.schema, field.pointer, field.at)
