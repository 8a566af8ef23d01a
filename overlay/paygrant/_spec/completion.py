"""Completes a short spec: what the spec does not state gets the value that RFC 6749 or the rest of the spec determines.

The result has all parts of a normalized spec, so other code needs to know one layout only. A part that the spec states
stays as it is. A part of another type than expected stays as well: the lint rules report it.
"""

from collections.abc import Iterator, Mapping
from copy import deepcopy
from typing import Any

from paygrant._spec.complete_responses import complete_responses
from paygrant._spec.complete_schemas import (
    ensure,
    fill,
    mark_secrets,
    plain,
    pointers,
    reference_of,
    resolved,
    snake_case,
)
from paygrant._spec.document import is_array, is_object, object_in, objects_in
from paygrant._spec.names import SECRET_NAME, names_in_braces
from paygrant._spec.pointer import field_at, pointer_to
from paygrant._spec.reader import ENDPOINT, ERROR, FORM, REQUEST, RESPONSE, SCHEMAS, TEXT
from paygrant._text import one_line

_METHODS = ("get", "post", "put")
_STANDARD_SECTIONS = ("externalDocs", "security", "webhooks", "jsonSchemaDialect")
"""Sections of OpenAPI that say nothing about the token request."""

_RESPONSE: Mapping[str, Any] = {
    "access_token": ["/access_token"],
    "token_type": ["/token_type"],
    "scope": ["/scope"],
    "lifetime": [{"at": "/expires_in", "unit": "seconds"}],
}
"""The fields of RFC 6749 section 5.1."""

_ERROR: Mapping[str, Any] = {"code": ["/error"], "description": ["/error_description"]}
"""The fields of RFC 6749 section 5.2."""

_GRANT = {"grant_type": {"value": "client_credentials"}}
"""The request of RFC 6749 section 4.4.2."""


def completed(name: str, data: Mapping[str, Any]) -> dict[str, Any]:
    """A copy of the data of a spec that is not ``unusable``, with all parts of a normalized spec."""
    spec = {key: value for key, value in deepcopy(dict(data)).items() if key not in _STANDARD_SECTIONS}
    info = spec.setdefault("info", {})
    if is_object(info):
        fill(info, title=name, version="1")
        fill(info, description=f"Issues access tokens of {info['title']}.")
    fill(spec, openapi="3.1.0", tags=[], **{"x-provenance": {"sources": [], "deviations": []}})
    fill(spec["x-provenance"], sources=[], deviations=[])
    if not (is_array(spec["tags"]) and [each.get("name") for each in spec["tags"] if is_object(each)] == ["token"]):
        spec["tags"] = [{"name": "token"}]
    for tag in spec["tags"]:
        fill(tag, description="Access tokens.")
    _complete_servers(spec)
    if only := only_operation(spec):
        path, item, method = only
        _Completion(spec, spec[ENDPOINT], path, _operation(item, method)).run()
    return spec


def unusable(data: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Why a spec cannot be completed: the rule, the place and what is wrong; None if it can."""
    if not is_object(data.get(ENDPOINT)):
        return "sections", "", f"there is no {ENDPOINT}, which describes the token request"
    version = data.get("openapi")
    if version is not None and not str(version).startswith("3.1."):
        shown = version if isinstance(version, str | float) else f"of type {type(version).__name__}"
        return "openapi", "/openapi", f"the version is {one_line(str(shown), 40)}; expected 3.1.0"
    if only_operation(data) is None:
        return (
            "one-operation",
            "/paths" if "paths" in data else "",
            "expected one path with one operation: get, post or put",
        )
    return None


def origins(spec: Mapping[str, Any]) -> dict[str, str]:
    """Where the author of a short spec stated each schema, by the place that it has when the spec is complete."""
    only = only_operation(spec)
    if only is None:
        return {}
    path, item, method = only
    at = pointer_to("/paths", path, method)
    operation: Any = item[method] or {}
    bodies = [(REQUEST, pointer_to(at, "requestBody"), operation.get("requestBody"))]
    for status, response in object_in(operation, "responses").items():
        model = RESPONSE if status.startswith("2") else ERROR
        bodies.append((model, pointer_to(at, "responses", status), response))
    found: dict[str, str] = {}
    for model, place, body in bodies:
        for media_type, part in object_in(body, "content").items():
            schema: Any = object_in(part).get("schema")
            reference = reference_of(schema)
            stated = reference[1:] if reference else pointer_to(place, "content", media_type, "schema")
            if schema is not None and media_type != TEXT:
                found.setdefault(f"{SCHEMAS}/{model}", stated)
    return found


def _complete_servers(spec: dict[str, Any]) -> None:
    if spec.get("servers") == []:
        del spec["servers"]
    for server in objects_in(spec, "servers"):
        for key in ("url", "x-mtls-url"):
            if isinstance(server.get(key), str):
                server[key] = server[key].rstrip("/")
        if len(spec["servers"]) == 1:
            fill(server, **{"x-environment": "production"})
        fill(server, description=f"The environment {server.get('x-environment')}.")
        for name, variable in object_in(server, "variables").items():
            fill(variable, default="example", description=f"The first part of the host, {name}.")


def host_variables(spec: Mapping[str, Any]) -> set[str]:
    """The variables of the servers, which are parts of the host."""
    return {str(name) for server in objects_in(spec, "servers") for name in object_in(server, "variables")}


def only_operation(spec: Mapping[str, Any]) -> tuple[str, dict[str, Any], str] | None:
    """The only path, what it has, and the only method; None if there is no such one."""
    paths: Any = spec.get("paths")
    if not is_object(paths) or len(paths) != 1:
        return None
    ((path, item),) = paths.items()
    found = [method for method in item if method in _METHODS] if is_object(item) else []
    if len(found) != 1 or not (item[found[0]] is None or is_object(item[found[0]])):
        return None
    return path, item, found[0]


def _operation(item: dict[str, Any], method: str) -> dict[str, Any]:
    """The only operation of a path, with the path's own parameters."""
    operation: dict[str, Any] = {} if item[method] is None else item[method]
    shared = item.pop("parameters", None)
    if is_array(shared):
        operation["parameters"] = [*shared, *operation.get("parameters", [])]
    for key in ("summary", "description", "servers"):
        item.pop(key, None)
    for key in ("externalDocs", "deprecated", "callbacks", "servers"):
        operation.pop(key, None)
    operation["tags"], operation["operationId"] = ["token"], "create_token"
    fill(operation, description="Requests an access token.")
    item[method] = operation
    operation.setdefault("parameters", [])
    if method != "get" and "requestBody" not in operation:
        operation["x-no-body"] = True
    return operation


class _Completion:
    """The parts that depend on each other: the request, the responses, and what ``x-token-endpoint`` says about them."""

    def __init__(self, spec: dict[str, Any], endpoint: dict[str, Any], path: str, operation: dict[str, Any]) -> None:
        self.spec = spec
        self.endpoint = endpoint
        self.path = path
        self.operation = operation
        self.given = object_in(spec, "components", "schemas")
        self.kept: dict[str, Any] = {}
        self.schemes: Any = object_in(spec, "components").get("securitySchemes")

    def run(self) -> None:
        """Complete the parts."""
        fill(self.endpoint, response=deepcopy(dict(_RESPONSE)), error=deepcopy(dict(_ERROR)))
        codes = [{"at": at, "equals": "invalid_client"} for at in pointers(self.endpoint["error"], "code")[:1]]
        fill(self.endpoint, invalid_client=[{"status": 401}, *codes])
        may_have_body = self.operation.pop("x-no-body", False)
        self._declared()
        body = self._body_schema(may_have_body=may_have_body)
        if "parameters" not in self.endpoint:
            self.endpoint["parameters"] = dict(self._derived_parameters(body))
        self._body(body, may_have_body=may_have_body)
        self.kept |= complete_responses(self.operation, self.endpoint, self.given)
        self._security()
        self.spec["components"] = {
            **({"securitySchemes": self.schemes} if self.schemes else {}),
            "schemas": self.kept,
        }
        if not self.operation["parameters"]:
            del self.operation["parameters"]

    # The request

    def _declared(self) -> None:
        """Complete the parameters of the operation, and add those of the path that only its placeholders name."""
        declared = self.operation["parameters"]
        if not is_array(declared):
            return
        known = {each.get("name") for each in declared if is_object(each)}
        for name in dict.fromkeys(names_in_braces(self.path)):
            if name not in known:
                declared.append({"name": name, "in": "path"})
        for name, place in self._names_outside_the_body():
            if name not in known:
                declared.append({"name": name, "in": place, "schema": {"type": "string", "format": "password"}})
        for each in filter(is_object, declared):
            name = str(each.get("name"))
            each["schema"] = self._schema_of(name, each.get("schema"))
            if each.get("in") == "path":
                each["required"] = True
            for key in {*each} - {"name", "in", "required", "description", "schema"}:
                del each[key]
            fill(each, description=f"The parameter {name}.")

    def _schema_of(self, name: str, stated: Any) -> Any:
        """The schema of a parameter of the operation."""
        if stated is not None and not is_object(stated):
            return stated
        value = self._source(name)
        schema = plain({**({} if value is None else {"const": value}), **(stated or {})})
        schema.pop("description", None)
        if SECRET_NAME.search(name) and schema.get("type") == "string":
            fill(schema, format="password")
        return schema

    def _names_outside_the_body(self) -> Iterator[tuple[str, str]]:
        """The names of the credentials that travel as headers or in the query, with their places."""
        for auth, names in self._credentials():
            if auth in {"header", "query"}:
                for name in names:
                    yield name, auth

    def _credentials(self) -> Iterator[tuple[str, list[str]]]:
        """Each method of client authentication that has names, with these names."""
        for each in objects_in(self.endpoint, "client_authentication"):
            method: Any = each.get("method")
            if method in {"client_secret_post", "header", "query"}:
                names = [each.get(part, part) for part in ("client_id", "client_secret")]
                yield str(method), [name for name in names if isinstance(name, str)]
            elif method in {"private_key_jwt", "client_secret_jwt", "tls_client_auth"}:
                name = each.get("client_id", "client_id" if method == "tls_client_auth" else None)
                yield "client_secret_post", [name] if isinstance(name, str) else []

    def _source(self, name: str) -> Any:
        """The fixed value of a parameter; None if it has none."""
        return object_in(self.endpoint, "parameters", name).get("value")

    def _body_schema(self, *, may_have_body: bool) -> dict[str, Any] | None:
        """The schema of the body as the spec states it; an empty one if the spec states none; None without a body."""
        body: Any = self.operation.get("requestBody", {} if may_have_body else None)
        if not is_object(body):
            return None
        content: Any = body.get("content", {})
        if not is_object(content):
            return None
        first = object_in(next(iter(content.values()), None))
        schema = resolved(first.get("schema"), self.given) or self.given.get(REQUEST)
        return plain(schema) if is_object(schema) else {"type": "object"}

    def _derived_parameters(self, body: Mapping[str, Any] | None) -> Iterator[tuple[str, dict[str, Any]]]:
        """What fills the parts that the spec declares but does not mention: a constant, or an argument of that name."""
        taken = {name for _, names in self._credentials() for name in names}
        found = {each["name"]: each["schema"] for each in self.operation["parameters"] if is_object(each)}
        properties = object_in(body, "properties")
        found |= properties
        found |= {name: {} for name in host_variables(self.spec)}
        if body is not None and not properties and self._media_type() == FORM:
            yield from _GRANT.items()
        for name, schema in found.items():
            if name not in taken and is_object(schema):
                value = schema.get("const")
                yield name, {"argument": snake_case(name)} if value is None else {"value": value}

    def _media_type(self) -> str:
        return next(iter(object_in(self.operation, "requestBody", "content")), FORM)

    def _body(self, schema: dict[str, Any] | None, *, may_have_body: bool) -> None:
        """Complete the body: each field that something fills is in its schema. Without such a field there is no body."""
        names = {
            name: "password" for auth, each in self._credentials() if auth == "client_secret_post" for name in each
        }
        declared = {each.get("name") for each in self.operation["parameters"] if is_object(each)}
        declared |= host_variables(self.spec)
        for name in object_in(self.endpoint, "parameters"):
            if name not in declared:
                names.setdefault(str(name), "")
        if schema is None or (not names and (may_have_body or "properties" not in schema)):
            return  # a body that is stated without a schema gives the media type only
        required = "required" not in schema
        for name, secret in names.items():
            value = self._source(name)
            field = ensure(schema, field_at(name), value)
            if field is not None and field.get("type") == "string" and (secret or SECRET_NAME.search(name)):
                fill(field, format="password")
            if required and value is not None and not name.startswith("/"):
                schema.setdefault("required", []).append(name)
        mark_secrets(schema)
        self.kept[REQUEST] = schema
        body = self.operation.setdefault("requestBody", {})
        content = {self._media_type(): {"schema": {"$ref": f"#/components/schemas/{REQUEST}"}}}
        self.operation["requestBody"] = {**body, "required": True, "content": content}
        self.operation["requestBody"].pop("description", None)

    # Security

    def _security(self) -> None:
        """State the security that the methods of client authentication determine, if the spec states another one."""
        methods = objects_in(self.endpoint, "client_authentication")
        names = {str(each.get("method")) for each in methods}
        if names == {"custom"} and "security" in self.operation:
            return
        if any(each.get("in") == "header" for each in methods):
            return  # an assertion in the header is a Bearer credential; the spec states that scheme
        wanted: list[Any] = [{"basic": []}] if "client_secret_basic" in names else []
        wanted += [{}] if names - {"client_secret_basic", "custom"} else []
        alternatives = list(self._stated_alternatives())
        certificates = [name for name in alternatives[0] if self._scheme(name, "type") == "mutualtls"]
        needed = [name for name in certificates if all(name in each for each in alternatives)]
        kinds = {next((name for name in each if name not in certificates), "") for each in alternatives}
        stated = {"none" if not each else "basic" if self._scheme(each) == "basic" else "other" for each in kinds}
        if stated != {"basic" if each else "none" for each in wanted}:
            self.operation["security"] = [each | {name: [] for name in needed} for each in wanted or [{}]]
            basic = {"type": "http", "scheme": "basic", "description": "The client's id and secret."}
            kept = {name: self.schemes[name] for name in needed}
            self.schemes = ({"basic": basic} if wanted and wanted[0] else {}) | kept

    def _stated_alternatives(self) -> Iterator[list[str]]:
        """The stated alternatives: the names of the schemes of each; none where no scheme is needed."""
        stated: Any = self.operation.get("security")
        alternatives: list[Any] = stated if is_array(stated) and stated else [{}]
        for each in alternatives:
            yield [*each] if is_object(each) else []

    def _scheme(self, name: str, part: str = "scheme") -> str:
        return str(object_in(self.schemes, name).get(part, "")).lower()
