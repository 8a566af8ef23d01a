"""Reads token requests: takes them apart, and says whether their parameters fit the spec."""

import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any, cast
from urllib.parse import parse_qsl

from jsonschema import Draft202012Validator, SchemaError

from paygrant._secrets import compared_as_a_whole
from paygrant._spec.reader import REQUEST, NormalizedSpec, is_json


@compared_as_a_whole
@dataclass(frozen=True, slots=True)
class RequestParts:
    """The parts of a token request that the endpoint checks.

    Attributes:
        authorization: The value of the header.
        query: The parameters in the query.
        body: The parameters in the body; None if it cannot be read.
        headers: The parameters in headers that the spec names.
        content_type: The Content-Type, in lower case and without parameters.
    """

    authorization: str = field(repr=False)
    query: Mapping[str, str] = field(repr=False)
    body: Mapping[str, Any] | None = field(repr=False)
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    content_type: str = field(default="", repr=False)


class RequestReader:
    """Reads the requests to one token endpoint.

    Args:
        spec: The provider's spec.
        of_assertions: The fields of the body that assertions need, whether or not the spec declares them.
    """

    def __init__(self, spec: NormalizedSpec, of_assertions: frozenset[str]) -> None:
        self._description = description = spec.endpoint
        self._takes_any = any(each.method == "custom" for each in description.client_auth)
        schema = spec.schema(REQUEST)
        _check_schema(json.dumps(schema))
        self._fits = cast("Callable[[Any], bool]", cast("Any", Draft202012Validator(schema)).is_valid)
        self._schemas: Mapping[str, Any] = schema.get("properties", {})
        """The schemas of the fields of the body."""
        beside = [each for each in spec.declared if each.place in {"query", "header"}]
        fields = {**self._schemas, **{each.name: each.schema for each in beside}}
        self._in_body = frozenset(self._schemas) | of_assertions
        self._in_query = frozenset(each.name for each in beside if each.place == "query")
        self._in_headers = frozenset(each.name for each in beside if each.place == "header")
        self.names = frozenset(fields) | of_assertions
        """The parameters that the spec names, and those that carry assertions."""
        self.open_names = frozenset(
            name
            for name, field in fields.items()
            if field.get("format") != "password" and name not in {"assertion", "client_assertion"}
        )
        """The parameters that carry no secret."""
        self.fixed = {each.name: str(each.value) for each in description.parameters if each.argument is None}
        """The right value of each parameter that has only one."""
        self._fixed_beside = {
            name: value for name, value in self.fixed.items() if name in self._in_query | self._in_headers
        }
        credentials = {name for each in description.client_auth for name in (each.client_id, each.client_secret)}
        self._required_beside = frozenset(each.name for each in beside if each.required) - credentials

    def read(self, headers: Mapping[str, str], query: str, body: bytes) -> RequestParts:
        """The parts of a request. ``parameters`` refuses what cannot be read."""
        parameters: Mapping[str, Any] | None = None
        content_type = headers.get("content-type", "").partition(";")[0].strip().lower()
        if self._description.media_type is None:
            parameters = None if body else {}
        elif content_type == self._description.media_type:
            with suppress(ValueError, RecursionError):  # not text, not JSON, or nested too deeply
                parameters = self._parsed(body)
        named = {name: headers[name.lower()] for name in self._in_headers if name.lower() in headers}
        parsed = dict(parse_qsl(query, keep_blank_values=True))
        return RequestParts(headers.get("authorization", ""), parsed, parameters, named, content_type)

    def parameters(self, request: RequestParts) -> Mapping[str, Any] | None:
        """The parameters of a request, wherever they are. None if one is missing, wrong or unknown."""
        if request.body is None or not self._fits(request.body):
            return None
        if self._description.content_type not in {None, request.content_type}:
            return None
        unknown = request.body.keys() - self._in_body or request.query.keys() - self._in_query
        if self._takes_any:  # a function may add anything
            unknown = set[str]()
        parameters = {**request.headers, **request.query, **request.body}
        wrong = any(parameters.get(name) != value for name, value in self._fixed_beside.items())
        return None if unknown or wrong or self._required_beside - parameters.keys() else parameters

    def _parsed(self, body: bytes) -> Mapping[str, Any] | None:
        """A body's parameters.

        Raises:
            ValueError: The body is not text or not JSON, or a parameter is repeated (RFC 6749 section 3.2).
            RecursionError: The JSON is nested too deeply.
        """
        if is_json(self._description.media_type):
            document: Any = json.loads(body)
            return cast("Mapping[str, Any]", document) if isinstance(document, dict) else None
        pairs = parse_qsl(body.decode(), keep_blank_values=True)
        form = dict(pairs)
        if len(form) < len(pairs):
            raise ValueError("a parameter is repeated")
        return {name: self._typed(name, text) for name, text in form.items()}

    def _typed(self, name: str, text: str) -> Any:
        """The value of a field of a form, with the type that its schema has."""
        if self._schemas.get(name, {}).get("type") in {"integer", "number", "boolean"}:
            with suppress(ValueError, RecursionError):
                return json.loads(text)
        return text


@lru_cache(maxsize=256)
def _check_schema(text: str) -> None:
    """Check the schema of the body, in JSON. The spec in a generated folder may have been changed by hand.

    One that is right is checked once in a process: that takes longer than all else that makes a sandbox.

    Raises:
        ValueError: It is no JSON Schema, it refers to another one, or a field has no type or several ones.
    """
    schema = json.loads(text)
    try:
        Draft202012Validator.check_schema(schema)
    except SchemaError as error:
        raise ValueError(f"the schema {REQUEST} is invalid ({error.validator})") from None
    if _has_reference(schema) or not all(
        isinstance(field["type"], str) for field in schema.get("properties", {}).values()
    ):
        raise ValueError(f"the schema {REQUEST} is not one that paygrant generate makes")


def _has_reference(schema: Any) -> bool:
    """Whether a schema refers to another one."""
    parts: Any = schema
    if isinstance(schema, list):
        return any(map(_has_reference, parts))
    if isinstance(schema, dict):
        return not {"$ref", "$dynamicRef"}.isdisjoint(parts) or any(map(_has_reference, parts.values()))
    return False
