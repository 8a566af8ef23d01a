"""Rules on how the parts of a spec fit together, which no JSON Schema can say: one function a rule.

They rely on the shape, so _lint_shape comes first.
"""

import keyword
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeAlias

from paygrant._providers.spec_provider import OWN
from paygrant._spec.pointer import value_at
from paygrant.generate._document import Fault, Spec, pointer
from paygrant.generate._lint_shape import json_schema

ENDPOINT = "/x-token-endpoint"
REQUEST, RESPONSE, ERROR = "TokenRequest", "TokenResponse", "TokenError"
FORM = "application/x-www-form-urlencoded"

_TELLING = re.compile("(secret|password|username)[^/]*$|token$", re.IGNORECASE)
"""A name of what is secret."""

_TAKEN = {
    "additional_keys",
    "additional_properties",
    "cls",
    "d",
    "field_dict",
    "from_dict",
    "src_dict",
    "to_dict",
}
_TAKEN_BESIDE = {"body", "cookies", "headers", "kwargs", "params", "quote", "response"}
"""Names that the generated code uses itself; the generator does not see to all of them."""

_HTTPS_OWN = {"connection", "content-length", "content-type", "host", "transfer-encoding"}
"""Headers that HTTP or the body sets."""

_PLAIN = {"string", "integer", "number", "boolean"}


class Parts:
    """A spec taken apart."""

    def __init__(self, spec: Spec) -> None:
        self.name = spec.path.stem
        self.servers: list[dict[str, Any]] = spec.data.get("servers", [])
        self.deviations: list[dict[str, str]] = spec.data["x-provenance"]["deviations"]
        self.endpoint: dict[str, Any] = spec.data["x-token-endpoint"]
        self.credentials: list[dict[str, str]] = self.endpoint["credentials"]
        self.places = {way["place"] for way in self.credentials}
        self.parameters: dict[str, dict[str, Any]] = self.endpoint["parameters"]
        self.schemas: dict[str, dict[str, Any]] = spec.data["components"]["schemas"]
        self.security_schemes: dict[str, dict[str, Any]] = spec.data["components"].get("securitySchemes", {})
        ((self.path, item),) = spec.data["paths"].items()
        ((method, self.operation),) = item.items()
        self.operation_place = pointer("/paths", self.path, method)
        self.media_type: str | None = next(iter(self.operation.get("requestBody", {}).get("content", ())), None)
        self.declared: list[dict[str, Any]] = self.operation.get("parameters", [])
        self.security: list[dict[str, Any]] = self.operation.get("security") or [{}]
        self.responses: dict[str, dict[str, Any]] = self.operation["responses"]

    def fields(self, schema: str) -> Iterator[tuple[str, str, dict[str, Any]]]:
        """Every field of a schema: where it stands in a body, where in the spec, and its own schema."""
        return _fields(self.schemas.get(schema, {}), pointer("/components/schemas", schema))

    def documented(self, at: str, *schemas: str) -> bool:
        """Whether one of these schemas has a field at this JSON Pointer; a number leads through any item of an array."""
        return _anywhere(at) in {_anywhere(known) for schema in schemas for known, _, _ in self.fields(schema)}

    def sendable(self) -> dict[tuple[str, str], tuple[str, dict[str, Any], bool]]:
        """All that a request can carry: place and name; where that is said, its schema, and whether it is required."""
        found = {
            (each["in"], each["name"]): (self.declared_place(index), each["schema"], each.get("required", False))
            for index, each in enumerate(self.declared)
        }
        required = _required(self.schemas.get(REQUEST, {}))
        for at, place, field in self.fields(REQUEST):
            if field["type"] in _PLAIN:
                found["body", at] = (place, field, at in required)
        return found

    def declared_place(self, index: int) -> str:
        """Where one of the operation's parameters stands."""
        return pointer(self.operation_place, "parameters", index)

    def at(self, name: str) -> str:
        """The JSON Pointer of a field of the body that is named."""
        return name if name.startswith("/") else pointer("", name)

    def parameter(self, name: str) -> tuple[str, str]:
        """Place and name of a parameter, as `sendable` has them."""
        return next(((each["in"], name) for each in self.declared if each["name"] == name), ("body", self.at(name)))

    def way(self, way: dict[str, str]) -> dict[str, tuple[str, str]]:
        """Place and name of what a way of sending the credentials names."""
        place = way["place"]
        named = {part: name for part, name in way.items() if part != "place"}
        return {part: (place, self.at(name) if place == "body" else name) for part, name in named.items()}

    def examples(self) -> Iterator[tuple[str, str, str, Any]]:
        """Every example of an answer: its place in the spec, its status, its name and its body."""
        for status, response in self.responses.items():
            for media_type, content in response["content"].items():
                for name, example in content.get("examples", {}).items():
                    steps = ("responses", status, "content", media_type, "examples", name, "value")
                    yield pointer(self.operation_place, *steps), status, name, example["value"]


Faults: TypeAlias = Iterator[tuple[str, str]]
"""The places (JSON Pointers) that break a rule, and what is wrong there."""

Check: TypeAlias = Callable[[Parts], Faults]

RULES: dict[str, str] = {}
_BASIC: dict[str, Check] = {}
_FURTHER: dict[str, Check] = {}


def rule(check: Check, checks: dict[str, Check] = _FURTHER) -> Check:
    """Enters a function into the table of rules: its name is the rule's id, its docstring the rule's meaning."""
    name = check.__name__.replace("_", "-")
    RULES[name] = str(check.__doc__)
    checks[name] = check
    return check


def basic_rule(check: Check) -> Check:
    """Enters a function likewise, as a rule on which the others, and OpenAPI's own, rely."""
    return rule(check, _BASIC)


def basic_faults(spec: Spec) -> Iterator[Fault]:
    """What breaks the rules below on which the others rely."""
    return _faults(spec, _BASIC)


def fit_faults(spec: Spec) -> Iterator[Fault]:
    """What breaks the others."""
    return _faults(spec, _FURTHER)


def _faults(spec: Spec, checks: dict[str, Check]) -> Iterator[Fault]:
    parts = Parts(spec)
    for name, check in checks.items():
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
def field_names(spec: Parts) -> Faults:
    """No field has a name that the generated models use themselves, such as to_dict, and no parameter one of the functions', such as body."""
    fields = [
        (at.rpartition("/")[2], place) for name in (REQUEST, RESPONSE, ERROR) for at, place, _ in spec.fields(name)
    ]
    parameters = [(each["name"], spec.declared_place(index)) for index, each in enumerate(spec.declared)]
    for named, taken in ((fields, _TAKEN), (parameters, _TAKEN_BESIDE)):
        for name, place in named:
            if re.sub("[^a-z0-9]+", "_", name.lower()).strip("_") in taken:
                yield place, f"the name is {name!r}"


@rule
def argument_names(spec: Parts) -> Faults:
    """An argument has no name that every provider has as an argument of its own, and that of no keyword of Python."""
    for name, source in spec.parameters.items():
        argument = source.get("argument")
        if argument in OWN or keyword.iskeyword(argument or ""):
            yield pointer(ENDPOINT, "parameters", name, "argument"), f"{argument!r} is taken: {', '.join(sorted(OWN))}"


@rule
def header_names(spec: Parts) -> Faults:
    """No parameter is a header that HTTP, the body or the place basic sets, and no two headers differ only in case."""
    taken = {*_HTTPS_OWN}
    if "basic" in spec.places:
        taken.add("authorization")
    for index, each in enumerate(spec.declared):
        if each["in"] == "header":
            name = each["name"].lower()
            if name in taken:
                yield pointer(spec.declared_place(index), "name"), f"{each['name']!r} is taken"
            taken.add(name)


@basic_rule
def body(spec: Parts) -> Faults:
    """TokenRequest stands in the schemas where the operation has a requestBody, and only there; a form's is flat."""
    if (REQUEST in spec.schemas) != (spec.media_type is not None):
        yield "/components/schemas", "it is missing" if spec.media_type else "nothing sends it"
    for at, below, field in spec.fields(REQUEST):
        if field["type"] == "array" or (field["type"] == "object" and spec.media_type == FORM):
            yield below, f"{at!r} is an {field['type']}, which nothing can fill"


@basic_rule
def path_parameters(spec: Parts) -> Faults:
    """Each {placeholder} of the path is a required parameter in: path, and each such parameter a placeholder, once."""
    placeholders = re.findall(r"\{([^}]*)\}", spec.path)
    known = {each["name"]: index for index, each in enumerate(spec.declared) if each["in"] == "path"}
    for name in placeholders:
        if name not in known:
            yield pointer("/paths", spec.path), f"{name!r} is no parameter"
        elif placeholders.count(name) > 1:
            yield pointer("/paths", spec.path), f"{name!r} stands there twice"
    for name, index in known.items():
        if name not in placeholders:
            yield spec.declared_place(index), f"{name!r} is not in the path"
        elif not spec.declared[index].get("required"):
            yield spec.declared_place(index), f"{name!r} is not required"


@basic_rule
def unique_names(spec: Parts) -> Faults:
    """No two parameters of the operation have one name, nor have a parameter and a field of TokenRequest."""
    names = [each["name"] for each in spec.declared]
    for index, name in enumerate(names):
        if name in names[:index] or name in spec.schemas.get(REQUEST, {}).get("properties", {}):
            yield pointer(spec.declared_place(index), "name"), f"{name!r} is taken"


@rule
def secrets(spec: Parts) -> Faults:
    """What carries credentials or the token, or is named as if it did, has format: password."""
    filled = {spec.parameter(name) for name in spec.parameters}
    named = {part for way in spec.credentials for part in spec.way(way).values()}
    for key, (place, schema, _) in spec.sendable().items():
        carries = key in named or (key[0] == "body" and key not in filled)
        if (carries or _TELLING.search(key[1])) and schema.get("format") != "password":
            yield place, f"the format is {schema.get('format')!r}"
    tokens = {_anywhere(at) for at in spec.endpoint["answer"]["access_token"]}
    for model, carrying in ((RESPONSE, tokens), (ERROR, set[str]())):
        for at, place, field in spec.fields(model):
            if (_anywhere(at) in carrying or _TELLING.search(at)) and field.get("format") != "password":
                yield place, f"the format is {field.get('format')!r}"


@rule
def request_fields(spec: Parts) -> Faults:
    """Credentials and parameters name what TokenRequest and the operation's parameters declare, all of it, and each once."""
    parameters = {spec.parameter(name): pointer(ENDPOINT, "parameters", name) for name in spec.parameters}
    named = dict(parameters)
    for index, way in enumerate(spec.credentials):
        for part, key in spec.way(way).items():
            place = pointer(ENDPOINT, "credentials", index, part)
            if key in parameters:
                yield place, f"{way[part]!r} is a parameter as well"
            named[key] = place
    sendable = spec.sendable()
    for (where, name), place in named.items():
        if (where, name) not in sendable:
            yield place, f"the {where} has no {name!r}"
    if "computed" not in spec.places:  # a function may fill more
        for key in sendable.keys() - named.keys():
            yield sendable[key][0], f"nothing names {key[1]!r}"


@rule
def required_fields(spec: Parts) -> Faults:
    """Each way of sending the credentials sends all that is required, in the body and beside it."""
    required = {key for key, (_, _, needed) in spec.sendable().items() if needed}
    parameters = {spec.parameter(name) for name in spec.parameters}
    for index, way in enumerate(spec.credentials):
        missing = required - parameters - {*spec.way(way).values()}
        if missing and way["place"] != "computed":
            yield (
                pointer(ENDPOINT, "credentials", index),
                f"this way does not send {sorted(name for _, name in missing)}",
            )


@rule
def fixed_values(spec: Parts) -> Faults:
    """A parameter's value is the const of its schema, and of its type; the schema of an argument has no const."""
    sendable = spec.sendable()
    for name, source in spec.parameters.items():
        if spec.parameter(name) not in sendable:
            continue
        _, schema, _ = sendable[spec.parameter(name)]
        value, const = source.get("value"), schema.get("const")
        place = pointer(ENDPOINT, "parameters", name)
        if (type(value), value) != (type(const), const):
            yield place, f"the value is {value!r}, the const {const!r}"
        elif value is not None and not json_schema(schema).is_valid(value):
            yield place, f"{value!r} is not of the type {schema.get('type')!r}, or not in the enum"


@rule
def basic_security(spec: Parts) -> Faults:
    """The operation's security is HTTP Basic for the place basic, and {} (or none at all) for others; for the place computed it may be any other."""
    allowed = {
        "+".join(spec.security_schemes.get(name, {}).get("scheme", "other").lower() for name in requirement) or "none"
        for requirement in spec.security
    }
    wanted = {"basic" if place == "basic" else "none" for place in spec.places - {"computed"}}
    if "computed" in spec.places:
        allowed = {scheme for scheme in allowed if scheme == "basic" or scheme in wanted}
    if allowed != wanted:
        yield pointer(spec.operation_place, "security"), f"this allows {sorted(allowed)}, not {sorted(wanted)}"


@rule
def answer_fields(spec: Parts) -> Faults:
    """An answer is first read at a field of TokenResponse; type and scope perhaps at one of RFC 6749 section 5.1."""
    first = {pointer("answer", fact, 0): places[0] for fact, places in spec.endpoint["answer"].items()}
    if "success" in spec.endpoint:
        first["success"] = spec.endpoint["success"]
    for place, found in first.items():
        at = found if isinstance(found, str) else found.get("at")
        if at and at not in {"/token_type", "/scope"} and not spec.documented(at, RESPONSE):
            yield f"{ENDPOINT}/{place}", f"{at!r} is not documented"


@rule
def error_fields(spec: Parts) -> Faults:
    """An error is first read at a field of TokenError or TokenResponse, or at one of RFC 6749 section 5.2."""
    first = {pointer("error", fact, 0): places[0] for fact, places in spec.endpoint["error"].items()}
    for index, condition in enumerate(spec.endpoint["invalid_client"]):
        if "at" in condition:
            first[pointer("invalid_client", index, "at")] = condition["at"]
    for place, at in first.items():
        if at not in {"/error", "/error_description"} and not spec.documented(at, RESPONSE, ERROR):
            yield f"{ENDPOINT}/{place}", f"{at!r} is not documented"


@rule
def lifetimes(spec: Parts) -> Faults:
    """A constant lifetime and never hold always: nothing stands after them."""
    for index, lifetime in enumerate(spec.endpoint["answer"].get("lifetime", [])[:-1]):
        if "at" not in lifetime:
            yield pointer(ENDPOINT, "answer", "lifetime", index), "this is not the last one"


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
        if "/text~1plain/" in place:
            schema = {"type": "string"}
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
        found = (value_at(body, at) for at in spec.endpoint["answer"]["access_token"])
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
    """Every field below; one of any item of an array stands at `*`."""
    below = {
        pointer(at, name): (pointer(place, "properties", name), field)
        for name, field in schema.get("properties", {}).items()
    }
    if "items" in schema:
        below[f"{at}/*"] = (pointer(place, "items"), schema["items"])
    for inner, (there, field) in below.items():
        yield inner, there, field
        yield from _fields(field, there, inner)


def _anywhere(at: str) -> str:
    """A JSON Pointer that leads through any item of an array, where the given one leads through a certain one."""
    return re.sub(r"/(?:0|[1-9][0-9]*)(?=/|$)", "/*", at)


def _required(schema: dict[str, Any], at: str = "") -> set[str]:
    """Where in a body the fields stand that are required, with all that they stand in."""
    inner = {
        pointer(at, name): field
        for name, field in schema.get("properties", {}).items()
        if name in schema.get("required", ())
    }
    return inner.keys() | {below for place, field in inner.items() for below in _required(field, place)}


def _repeated(values: list[str]) -> Iterator[tuple[int, str]]:
    return ((index, value) for index, value in enumerate(values) if value in values[:index])


def _holds(condition: dict[str, Any], body: Any) -> bool:
    found, wanted = value_at(body, condition["at"]), condition["equals"]
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)  # in Python, 1 == True
