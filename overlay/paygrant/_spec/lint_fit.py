"""Rules on how the parts of a spec fit together, which no JSON Schema can express. Each rule is a function.

They rely on the shape, so ``lint_shape`` runs first.
"""

import keyword
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, TypeAlias

from paygrant._spec.description import ASSERTION_METHODS, ClientAuth
from paygrant._spec.document import Document
from paygrant._spec.errors import Fault, with_rule
from paygrant._spec.lint_shape import json_schema
from paygrant._spec.names import (
    FUNCTION_NAMES,
    HTTP_HEADERS,
    MODEL_NAMES,
    RESERVED_ARGUMENTS,
    SECRET_NAME,
    generated_name,
    names_in_braces,
)
from paygrant._spec.pointer import any_item, field_at, pointer_to
from paygrant._spec.reader import (
    DEVIATIONS,
    ERROR,
    FORM,
    REQUEST,
    RESPONSE,
    SCHEMAS,
    SERVERS,
    NormalizedSpec,
    is_json,
)

_PLAIN = {"string", "integer", "number", "boolean"}

Faults: TypeAlias = Iterator[tuple[str, str]]
"""The places (JSON Pointers) that break a rule, and what is wrong there."""

Check: TypeAlias = Callable[[NormalizedSpec], Faults]

Key: TypeAlias = tuple[str, str]
"""A part of a request: its place, and its name there (in the body, its JSON Pointer)."""

RULES: dict[str, str] = {}
_BASIC: dict[str, Check] = {}
"""The rules on which the others, and those of OpenAPI, rely."""

_FURTHER: dict[str, Check] = {}


def rule_of(checks: dict[str, Check]) -> Callable[[Check], Check]:
    """Return a decorator that adds a function to a table. Its name is the rule's id, its docstring the rule's meaning."""

    def add(check: Check) -> Check:
        name = check.__name__.replace("_", "-")
        RULES[name] = str(check.__doc__)
        checks[name] = check
        return check

    return add


rule = rule_of(_FURTHER)
basic_rule = rule_of(_BASIC)


def basic_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks the rules on which the others rely."""
    return faults_of(document, _BASIC)


def fit_faults(document: Document) -> Iterator[Fault]:
    """Yield what breaks the others."""
    return faults_of(document, _FURTHER)


def faults_of(document: Document, checks: dict[str, Check]) -> Iterator[Fault]:
    """Yield what breaks these rules."""
    spec = NormalizedSpec(document.path.stem, document.data)
    for name, check in checks.items():
        for place, text in check(spec):
            yield Fault(name, place, with_rule(text, RULES[name]))


@rule
def file_name(spec: NormalizedSpec) -> Faults:
    """The file must have the provider's name in snake_case, which must not be a Python keyword: it names the package."""
    if keyword.iskeyword(spec.name) or not re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", spec.name):
        meant = generated_name(spec.name)
        usable = re.fullmatch("[a-z][a-z0-9_]*", meant) and not keyword.iskeyword(meant)
        yield "", f"the name is {spec.name!r}" + (f"; did you mean {meant!r}?" if usable else "")


@rule
def unique_deviations(spec: NormalizedSpec) -> Faults:
    """Two deviations must not have the same id."""
    for index, name in repeated([deviation["id"] for deviation in spec.deviations]):
        yield pointer_to(DEVIATIONS, index, "id"), f"{name!r} is a duplicate"


@rule
def field_names(spec: NormalizedSpec) -> Faults:
    """A field must not have a name that the generated models use, such as to_dict. A parameter must not have one that the generated functions use, such as body."""
    fields = [
        (field.at.rpartition("/")[2], field.pointer)
        for schema in (REQUEST, RESPONSE, ERROR)
        for field in spec.fields(schema)
    ]
    parameters = [(each.name, spec.declared_pointer(index)) for index, each in enumerate(spec.declared)]
    for named, taken in ((fields, MODEL_NAMES), (parameters, FUNCTION_NAMES)):
        for name, place in named:
            if generated_name(name) in taken:
                yield place, f"the name is {name!r}"


@rule
def argument_names(spec: NormalizedSpec) -> Faults:
    """An argument must not be a Python keyword, or have the name of an argument that every provider has. With _file at its end, it must not have the name of a secret argument. In parameters, argument gives it another name."""
    parts = _request_parts(spec)
    files = {
        f"{source.argument}_file"
        for name, source in spec.parameter_sources.items()
        if (part := parts.get(_parameter_key(spec, name))) and part.schema.get("format") == "password"
    }
    for name, source in spec.parameter_sources.items():
        place = spec.place_of("parameters", name, "argument")
        if source.argument in RESERVED_ARGUMENTS:
            yield place, f"{source.argument!r} is taken"
        elif source.argument in files:
            yield place, f"{source.argument!r} names the file with a secret argument"
        elif keyword.iskeyword(source.argument or ""):
            yield place, f"{source.argument!r} is a Python keyword"


@rule
def exclusions(spec: NormalizedSpec) -> Faults:
    """The words of excludes must be other arguments. If two arguments exclude each other, neither may be required."""
    sources = spec.parameter_sources
    names = {source.argument: name for name, source in sources.items() if source.argument}
    parts = _request_parts(spec)
    required = {name for name in sources if (part := parts.get(_parameter_key(spec, name))) and part.required}
    for name, source in sources.items():
        for index, other in enumerate(source.excludes):
            place = spec.place_of("parameters", name, "excludes", index)
            if other not in names or other == source.argument:
                yield place, f"{other!r} is not another argument"
            elif {name, names[other]} & required:
                yield place, f"{source.argument!r} or {other!r} is required"


@rule
def api_headers(spec: NormalizedSpec) -> Faults:
    """A header of token_use must be filled by client_id or by an argument of parameters or claims. It must not be a header that HTTP, the token or a proof (DPoP) sets. Two headers must not differ only in case. The token must not be in a header that HTTP sets."""
    arguments = {source.argument for source in spec.parameter_sources.values()}
    arguments.update(*(auth.assertion.arguments for auth in spec.client_auth))
    if methods_of(spec) != {"none"}:
        arguments.add("client_id")
    header = spec.token_use.header or ""
    if header.lower() in HTTP_HEADERS:
        yield spec.place_of("token_use", "header"), f"{header!r} is taken"
    taken = {*HTTP_HEADERS, "dpop", header.lower()}
    for name, argument in spec.token_use.headers.items():
        if argument not in arguments:
            yield spec.place_of("token_use", "headers", name), f"{argument!r} is not an argument"
        elif name.lower() in taken:
            yield spec.place_of("token_use", "headers", name), f"{name!r} is taken"
        taken.add(name.lower())


@rule
def header_names(spec: NormalizedSpec) -> Faults:
    """A parameter must not be a header that HTTP, the body, a proof (DPoP) or client authentication sets. Two headers must not differ only in case."""
    taken = {*HTTP_HEADERS, "dpop"}
    if {"basic", "bearer"} & {scheme_of(auth) for auth in spec.client_auth}:
        taken.add("authorization")
    for index, each in enumerate(spec.declared):
        if each.place == "header":
            name = each.name.lower()
            if name in taken:
                yield pointer_to(spec.declared_pointer(index), "name"), f"{each.name!r} is taken"
            taken.add(name)


@basic_rule
def body(spec: NormalizedSpec) -> Faults:
    """There must be a schema TokenRequest where the operation has a body, and only there. In a form, TokenRequest must be flat."""
    if spec.has_schema(REQUEST) != (spec.media_type is not None):
        yield SCHEMAS, "TokenRequest is missing" if spec.media_type else "no requestBody uses TokenRequest"
    for at, place, field in spec.fields(REQUEST):
        if field["type"] == "array" or (field["type"] == "object" and spec.media_type == FORM):
            yield place, f"{at!r} is an {field['type']}, which nothing can fill"


@basic_rule
def error_schema(spec: NormalizedSpec) -> Faults:
    """There must be a schema TokenError where an error has JSON."""
    used = any(is_json(media_type) and not status.startswith("2") for status, media_type in spec.media_types)
    if used and not spec.has_schema(ERROR):
        yield SCHEMAS, "TokenError is missing"


@basic_rule
def path_parameters(spec: NormalizedSpec) -> Faults:
    """Each {placeholder} of the path must be a required parameter in: path, and occur once. Each such parameter must be a placeholder."""
    placeholders = names_in_braces(spec.path)
    known = {each.name: index for index, each in enumerate(spec.declared) if each.place == "path"}
    for name in placeholders:
        if name not in known:
            yield pointer_to("/paths", spec.path), f"{name!r} is not a parameter"
        elif placeholders.count(name) > 1:
            yield pointer_to("/paths", spec.path), f"{name!r} occurs twice"
    for name, index in known.items():
        if name not in placeholders:
            yield spec.declared_pointer(index), f"{name!r} is not in the path"
        elif not spec.declared[index].required:
            yield spec.declared_pointer(index), f"{name!r} is not required"


@basic_rule
def unique_names(spec: NormalizedSpec) -> Faults:
    """Two parameters of the operation must not have the same name. A field of TokenRequest or a variable of a server must not have the name of a parameter."""
    names = [each.name for each in spec.declared]
    taken = {*spec.schema(REQUEST).get("properties", ()), *(each.name for each in spec.in_host)}
    for index, name in enumerate(names):
        if name in names[:index] or name in taken:
            yield pointer_to(spec.declared_pointer(index), "name"), f"{name!r} is a duplicate"


@rule
def secrets(spec: NormalizedSpec) -> Faults:
    """A field that carries credentials or the token, or has a name that says so, must have format: password."""
    filled = {_parameter_key(spec, name) for name in spec.parameter_sources}
    named = {key for auth in spec.client_auth for key in (*_auth_keys(auth).values(), *assertion_keys(auth)[:1])}
    public = {key for auth in spec.client_auth for key in assertion_keys(auth)[1:]}
    for key, part in _request_parts(spec).items():
        carries = key in named or (key[0] == "body" and key not in filled | public)
        if (carries or SECRET_NAME.search(key[1])) and part.schema.get("format") != "password":
            yield part.pointer, f"the format is {part.schema.get('format')!r}"
    tokens = {any_item(at) for at in spec.response.access_token}
    for model, carrying in ((RESPONSE, tokens), (ERROR, set[str]())):
        for at, place, field in spec.fields(model):
            sounds_secret = field["type"] != "object" and SECRET_NAME.search(
                at
            )  # an object is not secret, but may hold a secret
            if (any_item(at) in carrying or sounds_secret) and field.get("format") != "password":
                yield place, f"the format is {field.get('format')!r}"


@rule
def request_fields(spec: NormalizedSpec) -> Faults:
    """client_authentication and parameters must name everything that TokenRequest and the operation's parameters declare, each once, and nothing else. The fields of an assertion need not be declared."""
    parameters = {_parameter_key(spec, name): spec.place_of("parameters", name) for name in spec.parameter_sources}
    named, declared = dict(parameters), _request_parts(spec)
    for index, auth in enumerate(spec.client_auth):
        for part, key in _auth_keys(auth).items():
            place = spec.place_of("client_auth", index, part)
            if key in parameters:
                yield place, f"{getattr(auth, part)!r} is a parameter as well"
            named[key] = place
        filled = {key: parameters.get(key, place) for key in assertion_keys(auth) for place in [""] if key in declared}
        yield from ((place, f"{auth.method} fills it") for place in filled.values() if place)
        named |= filled
    for (where, name), place in named.items():
        if (where, name) not in declared:
            yield place, f"the {where} has no {name!r}"
    if "custom" not in methods_of(spec):  # a function may fill more
        for key in declared.keys() - named.keys():
            yield declared[key].pointer, f"nothing names {key[1]!r}"


@rule
def required_fields(spec: NormalizedSpec) -> Faults:
    """Each method of client authentication must send everything that is required, in the body and elsewhere in the request."""
    required = {key for key, part in _request_parts(spec).items() if part.required}
    parameters = {_parameter_key(spec, name) for name in spec.parameter_sources}
    for index, auth in enumerate(spec.client_auth):
        missing = required - parameters - {*_auth_keys(auth).values(), *assertion_keys(auth)}
        if missing and auth.method != "custom":
            names = sorted(name for _, name in missing)
            yield spec.place_of("client_auth", index), f"this method does not send {names}"


@rule
def fixed_values(spec: NormalizedSpec) -> Faults:
    """A parameter's value must be the const of its schema, and fit the schema. An argument's default must fit it, too. A secret has no default."""
    declared = _request_parts(spec)
    for name, source in spec.parameter_sources.items():
        part = declared.get(_parameter_key(spec, name))
        if part is None:
            continue
        value, const = source.value, part.schema.get("const")
        place = spec.place_of("parameters", name)
        if (type(value), value) != (type(const), const):
            yield place, f"the value is {value!r}, the const is {const!r}"
        elif source.default is not None and part.schema.get("format") == "password":
            yield place, "a secret has a default"
        elif not all(json_schema(part.schema).is_valid(each) for each in (value, source.default) if each is not None):
            yield place, f"the value is not of the type {part.schema.get('type')!r}, or not in the enum"


@rule
def basic_security(spec: NormalizedSpec) -> Faults:
    """The operation's security must be HTTP Basic for client_secret_basic, HTTP Bearer for an assertion in the header, and {} or absent for other methods. For custom it may be any other scheme."""
    allowed = {"+".join(schemes) or "none" for schemes in spec.security}
    methods = methods_of(spec)
    wanted = {scheme_of(auth) for auth in spec.client_auth if auth.method != "custom"}
    if "custom" in methods:
        allowed = {scheme for scheme in allowed if scheme == "basic" or scheme in wanted}
    if allowed != wanted:
        place = pointer_to(spec.operation_pointer, "security")
        yield place, f"the security is {sorted(allowed)}, expected {sorted(wanted)}"


@rule
def response_fields(spec: NormalizedSpec) -> Faults:
    """The first place in each list of response must be a field of TokenResponse. The type and the scope may also be at the names of RFC 6749 section 5.1."""
    response = spec.response
    first = {
        fact: getattr(response, fact)[0] for fact in ("access_token", "token_type", "scope") if getattr(response, fact)
    }
    if response.lifetime:
        first["lifetime"] = response.lifetime[0].at
    places = {spec.place_of("response", fact, 0): at for fact, at in first.items()}
    if spec.success:
        places[spec.place_of("success")] = spec.success.at
    for place, at in places.items():
        if at and at not in {"/token_type", "/scope"} and not _documented(spec, at, RESPONSE):
            yield place, f"{at!r} is not documented"


@rule
def error_fields(spec: NormalizedSpec) -> Faults:
    """The first place in each list of error must be a field of TokenError or TokenResponse, or a name of RFC 6749 section 5.2."""
    first = {
        spec.place_of("error", fact, 0): getattr(spec.error, fact)[0]
        for fact in ("code", "description")
        if getattr(spec.error, fact)
    }
    for index, condition in enumerate(spec.invalid_client):
        if condition.at is not None:
            first[spec.place_of("invalid_client", index, "at")] = condition.at
    for place, at in first.items():
        if at not in {"/error", "/error_description"} and not _documented(spec, at, RESPONSE, ERROR):
            yield place, f"{at!r} is not documented"


@rule
def lifetimes(spec: NormalizedSpec) -> Faults:
    """A constant lifetime or never must be the last in its list: it always applies."""
    for index, lifetime in enumerate(spec.response.lifetime[:-1]):
        if lifetime.at is None:
            yield spec.place_of("response", "lifetime", index), "this is not the last one"


@rule
def refusal_statuses(spec: NormalizedSpec) -> Faults:
    """A status in invalid_client must have a response of its own or a default response, or be the 401 of RFC 6749 section 5.2."""
    known = {*spec.statuses, "401"}
    for index, condition in enumerate(spec.invalid_client):
        if condition.status is not None and not known & {str(condition.status), "default"}:
            yield spec.place_of("invalid_client", index, "status"), f"{condition.status} is not documented"


class _Part(NamedTuple):
    """A part of a request: the JSON Pointer of its declaration, its schema, and whether it is required."""

    pointer: str
    schema: Mapping[str, Any]
    required: bool


def _request_parts(spec: NormalizedSpec) -> dict[Key, _Part]:
    """Everything that a request can carry."""
    found: dict[Key, _Part] = {
        (each.place, each.name): _Part(spec.declared_pointer(index), each.schema, each.required)
        for index, each in enumerate(spec.declared)
    }
    for each in spec.in_host:
        found["host", each.name] = _Part(pointer_to(SERVERS, 0, "variables", each.name), each.schema, each.required)
    required = _required(spec.schema(REQUEST))
    for at, pointer, field in spec.fields(REQUEST):
        if field["type"] in _PLAIN:
            found["body", at] = _Part(pointer, field, at in required)
    return found


def _parameter_key(spec: NormalizedSpec, name: str) -> Key:
    """The part of the request that a parameter names."""
    beside = (*spec.declared, *spec.in_host)
    return next(((each.place, name) for each in beside if each.name == name), ("body", field_at(name)))


def _auth_keys(auth: ClientAuth) -> dict[str, Key]:
    """The parts of the request that a method of client authentication names, by ``client_id`` and ``client_secret``."""
    named = {"client_id": auth.client_id, "client_secret": auth.client_secret}
    place = auth.place
    return {
        part: (place, field_at(name) if place == "body" else name)
        for part, name in named.items()
        if name is not None and place is not None
    }


def assertion_keys(auth: ClientAuth) -> list[Key]:
    """The parts of the request that an assertion fills: its own field, then that of its type."""
    stated = auth.assertion
    if auth.method not in ASSERTION_METHODS or stated.place == "header":
        return []
    names = [stated.name, "client_assertion_type"] if stated.name == "client_assertion" else [stated.name]
    return [("body", field_at(name)) for name in names]


def scheme_of(auth: ClientAuth) -> str:
    """The HTTP scheme by which a method authenticates the client (RFC 9110 section 11.1), or ``none``."""
    if auth.method == "client_secret_basic":
        return "basic"
    return "bearer" if auth.assertion.place == "header" else "none"


def methods_of(spec: NormalizedSpec) -> set[str]:
    """All methods of client authentication."""
    return {auth.method for auth in spec.client_auth}


def _documented(spec: NormalizedSpec, at: str, *schemas: str) -> bool:
    """Whether one of these schemas has a field at this JSON Pointer. A number stands for any item of an array."""
    return any_item(at) in {any_item(field.at) for schema in schemas for field in spec.fields(schema)}


def _required(schema: Mapping[str, Any], at: str = "") -> set[str]:
    """The JSON Pointers of the fields of a body that are required, together with all that contains them."""
    inner = {
        pointer_to(at, name): field
        for name, field in schema.get("properties", {}).items()
        if name in schema.get("required", ())
    }
    return inner.keys() | {below for place, field in inner.items() for below in _required(field, place)}


def repeated(values: list[str]) -> Iterator[tuple[int, str]]:
    """Yield the place and the value of each that an earlier one equals."""
    return ((index, value) for index, value in enumerate(values) if value in values[:index])
