"""Rules on how the parts of a spec fit together, which no JSON Schema can say: one function a rule.

They rely on the shape, so shape.py comes first.
"""

import keyword
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from scripts.lint_specs.document import Fault, Spec, is_object, pointer
from scripts.lint_specs.shape import json_schema

ENDPOINT = "/x-token-endpoint"
REQUEST, RESPONSE, ERROR = "TokenRequest", "TokenResponse", "TokenError"


class Parts:
    """A spec taken apart."""

    def __init__(self, spec: Spec) -> None:
        self.name = spec.path.stem
        self.servers: list[dict[str, Any]] = spec.data.get("servers", [])
        self.deviations: list[dict[str, str]] = spec.data["x-provenance"]["deviations"]
        self.endpoint: dict[str, Any] = spec.data["x-token-endpoint"]
        self.credentials: list[dict[str, str]] = self.endpoint["credentials"]
        self.parameters: dict[str, dict[str, str]] = self.endpoint["parameters"]
        self.schemas: dict[str, dict[str, Any]] = spec.data["components"]["schemas"]
        self.security_schemes: dict[str, dict[str, Any]] = spec.data["components"].get("securitySchemes", {})
        ((path, item),) = spec.data["paths"].items()
        self.operation: dict[str, Any] = item["post"]
        self.operation_place = pointer("/paths", path, "post")
        self.security: list[dict[str, Any]] = self.operation.get("security") or [{}]
        self.responses: dict[str, dict[str, Any]] = self.operation["responses"]

    def fields(self, schema: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Every field of a schema: where it stands in a body, where in the spec, and its own schema."""
        return _fields(self.schemas[schema], pointer("/components/schemas", schema))

    def documented(self, *schemas: str) -> set[str]:
        """Where in a body the fields of these schemas stand."""
        return {at for schema in schemas for at, _, _ in self.fields(schema)}

    def examples(self) -> Iterator[tuple[str, str, str, Any]]:
        """Every example of an answer: its place in the spec, its status, its name and its body."""
        for status, response in self.responses.items():
            for name, example in response["content"]["application/json"].get("examples", {}).items():
                steps = ("responses", status, "content", "application/json", "examples", name, "value")
                yield pointer(self.operation_place, *steps), status, name, example["value"]


Faults: TypeAlias = Iterator[tuple[str, str]]
"""The places (JSON Pointers) that break a rule, and what is wrong there."""

RULES: dict[str, str] = {}
_CHECKS: dict[str, Callable[[Parts], Faults]] = {}


def rule(check: Callable[[Parts], Faults]) -> Callable[[Parts], Faults]:
    """Enters a function into the table of rules: its name is the rule's id, its docstring the rule's meaning."""
    name = check.__name__.replace("_", "-")
    RULES[name] = str(check.__doc__)
    _CHECKS[name] = check
    return check


def fit_faults(spec: Spec) -> Iterator[Fault]:
    """What breaks the rules below."""
    parts = Parts(spec)
    for name, check in _CHECKS.items():
        for place, text in check(parts):
            yield Fault(name, place, f"{text}. {RULES[name]}")


@rule
def file_name(spec: Parts) -> Faults:
    """A spec's file has the provider's name in snake_case, and no keyword of Python: the package gets that name."""
    if keyword.iskeyword(spec.name) or not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", spec.name):
        yield "", f"the name is {spec.name!r}"


@rule
def unique_environments(spec: Parts) -> Faults:
    """No two servers have the same x-environment."""
    for index, environment in _repeated([server["x-environment"] for server in spec.servers]):
        yield pointer("/servers", index, "x-environment"), f"{environment!r} is taken"


@rule
def same_facts(spec: Parts) -> Faults:
    """All servers tell the same x-environment-facts: whoever needs one needs it in every environment."""
    told = [sorted(server.get("x-environment-facts", {})) for server in spec.servers]
    for index, names in enumerate(told):
        if names != told[0]:
            yield pointer("/servers", index), f"this server tells {names}, the first {told[0]}"


@rule
def unique_deviations(spec: Parts) -> Faults:
    """No two deviations have the same id."""
    for index, name in _repeated([deviation["id"] for deviation in spec.deviations]):
        yield pointer("/x-provenance/deviations", index, "id"), f"{name!r} is taken"


@rule
def secrets(spec: Parts) -> Faults:
    """A field that carries credentials or the token, or is named as if it did, has format: password."""
    carriers = {
        REQUEST: spec.documented(REQUEST) - {pointer("", name) for name in spec.parameters},
        RESPONSE: set(spec.endpoint["answer"]["access_token"]),
        ERROR: set[str](),
    }
    telling = re.compile("(secret|password|username)[^/]*$|token$", re.IGNORECASE)
    for schema, carrying in carriers.items():
        for at, place, field in spec.fields(schema):
            if (at in carrying or telling.search(at)) and field.get("format") != "password":
                yield place, f"the format is {field.get('format')!r}"


@rule
def request_fields(spec: Parts) -> Faults:
    """Credentials and parameters name the very fields of TokenRequest, and no field is both."""
    named = {pointer("", name): pointer(ENDPOINT, "parameters", name) for name in spec.parameters}
    for index, way in enumerate(spec.credentials):
        for part, name in _body_fields(way).items():
            place = pointer(ENDPOINT, "credentials", index, part)
            if name in spec.parameters:
                yield place, f"{name!r} is a parameter as well"
            named[pointer("", name)] = place
    fields = {at: place for at, place, _ in spec.fields(REQUEST)}
    for at in named.keys() - fields.keys():
        yield named[at], f"TokenRequest has no {at!r}"
    for at in fields.keys() - named.keys():
        yield fields[at], f"nothing names {at!r}"


@rule
def required_fields(spec: Parts) -> Faults:
    """Each way of sending the credentials sends every field that TokenRequest requires."""
    required = spec.schemas[REQUEST].get("required", [])
    for index, way in enumerate(spec.credentials):
        sent = {*spec.parameters, *_body_fields(way).values()}
        if missing := [name for name in required if name not in sent]:
            yield pointer(ENDPOINT, "credentials", index), f"this way does not send {missing}"


@rule
def fixed_values(spec: Parts) -> Faults:
    """A parameter's value is the const of its field in TokenRequest; the field of an argument has no const."""
    fields = spec.schemas[REQUEST].get("properties", {})
    for name in spec.parameters.keys() & fields.keys():
        value, const = spec.parameters[name].get("value"), fields[name].get("const")
        if value != const:
            yield pointer(ENDPOINT, "parameters", name), f"the value is {value!r}, the const {const!r}"


@rule
def basic_security(spec: Parts) -> Faults:
    """The operation's security is HTTP Basic for the place basic, {} (or none at all) for the place body."""
    allowed = {
        "+".join(spec.security_schemes.get(name, {}).get("scheme", "other").lower() for name in requirement) or "body"
        for requirement in spec.security
    }
    places = {way["place"] for way in spec.credentials}
    if allowed != places:
        yield pointer(spec.operation_place, "security"), f"this allows {sorted(allowed)}, not {sorted(places)}"


@rule
def answer_fields(spec: Parts) -> Faults:
    """An answer is first read at a field of TokenResponse; type and scope perhaps at one of RFC 6749 section 5.1."""
    known = spec.documented(RESPONSE) | {"/token_type", "/scope"}
    first = {pointer("answer", fact, 0): places[0] for fact, places in spec.endpoint["answer"].items()}
    if "success" in spec.endpoint:
        first["success"] = spec.endpoint["success"]
    for place, found in first.items():
        at = found if isinstance(found, str) else found["at"]
        if at not in known:
            yield f"{ENDPOINT}/{place}", f"{at!r} is not documented"


@rule
def error_fields(spec: Parts) -> Faults:
    """An error is first read at a field of TokenError or TokenResponse, or at one of RFC 6749 section 5.2."""
    known = spec.documented(RESPONSE, ERROR) | {"/error", "/error_description"}
    first = {pointer("error", fact, 0): places[0] for fact, places in spec.endpoint["error"].items()}
    for index, condition in enumerate(spec.endpoint["invalid_client"]):
        if "at" in condition:
            first[pointer("invalid_client", index, "at")] = condition["at"]
    for place, at in first.items():
        if at not in known:
            yield f"{ENDPOINT}/{place}", f"{at!r} is not documented"


@rule
def refusal_statuses(spec: Parts) -> Faults:
    """A status in invalid_client has a response, its own or default, or is the 401 of RFC 6749 section 5.2."""
    known = spec.responses.keys() | {"401"}
    for index, condition in enumerate(spec.endpoint["invalid_client"]):
        if "status" in condition and not known & {str(condition["status"]), "default"}:
            yield pointer(ENDPOINT, "invalid_client", index, "status"), f"{condition['status']} is not documented"


@rule
def example_schemas(spec: Parts) -> Faults:
    """An example fits the schema of its response."""
    for place, status, _, body in spec.examples():
        schema = spec.schemas[RESPONSE if status.startswith("2") else ERROR]
        for error in json_schema(schema).iter_errors(body):
            yield pointer(place, *error.absolute_path), error.message


@rule
def granted_example(spec: Parts) -> Faults:
    """Each 2xx response has an example named granted, from which x-token-endpoint reads a token."""
    granted = {status: (place, body) for place, status, name, body in spec.examples() if name == "granted"}
    for status in spec.responses:
        if status.startswith("2") and status not in granted:
            yield pointer(spec.operation_place, "responses", status), "there is none"
    for place, body in granted.values():
        found = (_value(body, at) for at in spec.endpoint["answer"]["access_token"])
        token = next((value for value in found if value is not None), None)
        if not (isinstance(token, str) and token):
            yield place, "there is no token"
        if "success" in spec.endpoint and not _holds(spec.endpoint["success"], body):
            yield place, "success does not hold"


@rule
def wrong_credentials_example(spec: Parts) -> Faults:
    """Some response has an example named wrong_credentials; such examples, and no others, count as invalid_client."""
    examples = list(spec.examples())
    if not any(name == "wrong_credentials" for _, _, name, _ in examples):
        yield pointer(spec.operation_place, "responses"), "there is none"
    for place, status, name, body in examples:
        refused = any(
            status == str(condition["status"]) if "status" in condition else _holds(condition, body)
            for condition in spec.endpoint["invalid_client"]
        )
        if refused != (name == "wrong_credentials"):
            yield place, f"{name!r} counts" if refused else f"{name!r} does not count"


def _fields(schema: dict[str, Any], place: str, at: str = "") -> Iterator[tuple[str, str, dict[str, Any]]]:
    for name, field in schema.get("properties", {}).items():
        below = pointer(place, "properties", name)
        yield pointer(at, name), below, field
        yield from _fields(field, below, pointer(at, name))


def _repeated(values: list[str]) -> Iterator[tuple[int, str]]:
    return ((index, value) for index, value in enumerate(values) if value in values[:index])


def _body_fields(way: dict[str, str]) -> dict[str, str]:
    return {part: name for part, name in way.items() if part != "place"}


def _holds(condition: dict[str, Any], body: Any) -> bool:
    found, wanted = _value(body, condition["at"]), condition["equals"]
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)  # in Python, 1 == True


def _value(body: Any, at: str) -> Any:
    """What stands at a JSON Pointer, or None; plain schemas have objects only, so no arrays are looked into."""
    for step in at.split("/")[1:]:
        name = step.replace("~1", "/").replace("~0", "~")
        if not is_object(body):
            return None
        body = body.get(name)
    return body
