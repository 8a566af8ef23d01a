"""Decides what a token request contains: the credentials, the fixed values, and the arguments of the caller."""

import keyword
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import chain, count
from typing import Any

from paygrant._spec.names import FUNCTION_NAMES, HTTP_HEADERS, RESERVED_ARGUMENTS
from paygrant._spec.pointer import pointer_to
from paygrant._spec.reader import FORM, JSON
from paygrant.propose import _field_names as names
from paygrant.propose._candidates import Candidate
from paygrant.propose._decisions import Decisions, clean
from paygrant.propose._fragment import SpecFragment
from paygrant.propose._schema import Field, SchemaReader
from paygrant.propose.references import Node

_SKIPPED_HEADERS = HTTP_HEADERS | {"accept", "accept-encoding", "accept-language", "user-agent", "authorization"}
_NAMES = {"header": r"[A-Za-z0-9-]{1,100}", "query": r"[A-Za-z0-9.:@_\[\]-]{1,100}"}


@dataclass(slots=True, repr=False, eq=False)
class RequestPart:
    """A part of the request: its place (body, query, header or path), its path there, and whether it is required."""

    place: str
    steps: tuple[str, ...]
    field: Field
    required: bool

    @property
    def name(self) -> str:
        """The name in a spec: for a field within objects, its JSON Pointer."""
        return self.steps[0] if len(self.steps) == 1 else pointer_to("", *self.steps)

    @property
    def normalized(self) -> str:
        """The last name of the path, without its spelling."""
        return names.normalized(self.steps[-1])


def propose_request(candidate: Candidate, path: str) -> SpecFragment:
    """The request to a token endpoint, which has this path in the draft."""
    decisions = candidate.document.decisions
    if candidate.is_flow:
        media_type, basic = FORM, True
        parts = [*_placeholders(candidate, path), *_standard_parts()]
        text = "a flow does not say how credentials are sent; assumed: HTTP Basic, or else the body (RFC 6749 section 2.3.1)"
        decisions.add("/x-token-endpoint/client_authentication", text)
    else:
        place = pointer_to("/paths", path, candidate.method)
        media_type, parts = _body(candidate.operation, place) if candidate.method != "get" else ("", [])
        parts += [*_declared(candidate), *_placeholders(candidate, path)]
        keys, basic = _security(candidate, {each.normalized for each in parts})
        parts = _unique([*keys, *parts])
        _hide_keys(candidate, parts)
    credentials, holders = _credentials(parts, basic=basic, decisions=decisions)
    parts = [each for each in parts if each in holders or not _is_of_another_grant(each, credentials)]
    parameters = dict[str, dict[str, Any]]()
    body = Field("object", description="The token request.")
    for part in parts:
        if part in holders or part.normalized == names.ASSERTION:
            part.field.secret = True
        else:
            parameters[part.name] = _source_of(part, parameters, candidate)
        if part.place == "body":
            body.put(part.steps, part.field, required=part.required)
    operation: dict[str, Any] = {
        "security": [{"basic": []} if each["method"] == "client_secret_basic" else {} for each in credentials]
    }
    if declared := [_parameter(part) for part in parts if part.place != "body"]:
        operation["parameters"] = declared
    if media_type:
        schema = {"$ref": "#/components/schemas/TokenRequest"}
        operation["requestBody"] = {"required": True, "content": {media_type: {"schema": schema}}}
    schemas = {"TokenRequest": body.schema("TokenRequest", request=True)} if media_type else {}
    return SpecFragment(operation, {"client_authentication": credentials, "parameters": parameters}, schemas)


def _standard_parts() -> list[RequestPart]:
    """The fields of RFC 6749 sections 2.3.1 and 4.4.2."""
    grant = Field(choices=["client_credentials"], description="The grant type of RFC 6749 section 4.4.2.")
    optional = {
        "scope": "The requested scopes, separated by spaces.",
        "client_id": "The client's id.",
        "client_secret": "The client's secret.",
    }
    return [
        RequestPart("body", ("grant_type",), grant, required=True),
        *(RequestPart("body", (name,), Field(description=text), required=False) for name, text in optional.items()),
    ]


def _body(operation: Node, place: str) -> tuple[str, list[RequestPart]]:
    """The media type, preferably a form, and the fields that a request can fill; an empty string without a body."""
    content = dict(operation["requestBody"]["content"].items())
    if not content:
        return "", []
    form, json = (next((name for name in content if kind in name.lower()), None) for kind in ("form", "json"))
    media_type = JSON if json and not form else FORM
    name = form or json or next(iter(content))
    if len(content) > 1 or not name.startswith(media_type):
        operation.decisions.add(
            f"{place}/requestBody", f"{media_type} was taken from the media types of the body: {', '.join(content)}"
        )
    body = SchemaReader().read(content[name]["schema"])
    parts = list[RequestPart]()
    for steps, each, required in body.leaves():
        if steps and each.kind != "array" and (len(steps) == 1 or media_type == JSON):
            parts.append(RequestPart("body", steps, each, required))
        elif required:
            text = f"{'/'.join(steps) or 'the body'} is required, but a spec cannot fill it; it was left out"
            operation.decisions.add("/components/schemas/TokenRequest", text)
    return media_type, parts


def _declared(candidate: Candidate) -> Iterator[RequestPart]:
    """The parameters in header and query: first those of the path item, then those of the operation."""
    for each in (*candidate.item["parameters"].each(), *candidate.operation["parameters"].each()):
        place, name, required = each["in"].text, each["name"].text, each["required"].is_true
        if place not in _NAMES or (place == "header" and name.lower() in _SKIPPED_HEADERS):
            continue
        read = _field(each)
        usable = re.fullmatch(_NAMES[place], name) and "_".join(names.words(name)) not in FUNCTION_NAMES
        if usable and read.kind not in {"object", "array"}:
            yield RequestPart(place, (name,), read, required)
        elif required:
            candidate.document.decisions.add(
                f"upstream {each.place}", "this parameter is required, but a spec cannot fill it; it was left out"
            )


def _placeholders(candidate: Candidate, path: str) -> Iterator[RequestPart]:
    """The names in braces in the path; all of them are required."""
    declared = {
        each["name"].text: each
        for where in (candidate.item, candidate.operation)
        for each in where["parameters"].each()
    }
    for name in dict.fromkeys(re.findall(r"\{([^}]*)\}", path)):
        field = _field(declared[name]) if name in declared else Field()
        yield RequestPart("path", (name,), field if field.kind not in {"object", "array"} else Field(), required=True)


def _field(parameter: Node) -> Field:
    """The field of an OpenAPI parameter."""
    schema = next((each["schema"] for _, each in parameter["content"].items()), parameter["schema"])
    read = SchemaReader().read(schema)
    read.description = clean(parameter["description"].text) or read.description
    return read


def _security(candidate: Candidate, sent: set[str]) -> tuple[list[RequestPart], bool]:
    """The API keys in the request, and whether HTTP Basic is documented.

    An API key that the whole document requires is often an oversight for this operation. It counts only if no other part
    is a secret.
    """
    own = "security" in candidate.operation
    schemes = candidate.document["components"]["securitySchemes"]
    keys, basic = list[RequestPart](), False
    for requirement in (candidate.operation if own else candidate.document)["security"].each():
        named = [schemes[name] for name, _ in requirement.items()]
        basic = basic or any(each["scheme"].text.lower() == "basic" for each in named)
        if (own or not sent.intersection(names.SECRETS)) and not keys:
            keys = [_api_key(each) for each in named if _is_usable_key(each)]
    for each in candidate.operation["parameters"].each():
        text = " ".join((each["description"].text, str(each["schema"]["example"].value), str(each["example"].value)))
        basic = basic or (each["name"].text.lower() == "authorization" and "basic" in text.lower())
    return [each for each in keys if each.name.lower() not in _SKIPPED_HEADERS], basic


def _api_key(scheme: Node) -> RequestPart:
    described = Field(description=clean(scheme["description"].text))
    return RequestPart(scheme["in"].text, (scheme["name"].text,), described, required=True)


def _is_usable_key(scheme: Node) -> bool:
    place, name = scheme["in"].text, scheme["name"].text
    return scheme["type"].text == "apiKey" and place in _NAMES and bool(re.fullmatch(_NAMES[place], name))


def _hide_keys(candidate: Candidate, parts: list[RequestPart]) -> None:
    """Hide API keys that are declared as ordinary parameters, too."""
    schemes = [each for _, each in candidate.document["components"]["securitySchemes"].items()]
    keys = {(each["in"].text, each["name"].text.lower()) for each in schemes if each["type"].text == "apiKey"}
    for part in parts:
        part.field.secret = part.field.secret or (part.place, part.name.lower()) in keys


def _unique(parts: list[RequestPart]) -> list[RequestPart]:
    """One part for each name: in the path, else in the body, else the one that was declared last."""
    in_path = {part.name for part in parts if part.place == "path"}
    in_body = {part.steps[0] for part in parts if part.place == "body"}
    outside = {part.name: part for part in parts if part.place != "body" and part.name not in in_body | in_path}
    body = [part for part in parts if part.place == "body" and part.steps[0] not in in_path]
    return [*(part for part in parts if part.place == "path"), *outside.values(), *body]


def _credentials(
    parts: list[RequestPart], *, basic: bool, decisions: Decisions
) -> tuple[list[dict[str, str | None]], list[RequestPart]]:
    """The methods of client authentication, the preferred one first, and the parts that hold the credentials."""
    place = "/x-token-endpoint/client_authentication"
    secret = _likeliest(parts, names.SECRETS)
    others = [each for each in parts if secret and each is not secret and each.place == secret.place]
    client = _likeliest(others, names.CLIENT_IDS)
    if secret and secret.place != "path":
        method = "client_secret_post" if secret.place == "body" else secret.place
        found = {"client_id": client.name if client else None, "client_secret": secret.name}
        credentials = [{"method": method, **{part: name for part, name in found.items() if name != part}}]
        if basic and secret.required:
            text = f"HTTP Basic is documented, too; the required {secret.name} is sent in the {secret.place}: is that right?"
            decisions.add(place, text)
        elif basic:
            credentials.insert(0, {"method": "client_secret_basic"})
            if client:
                client.required = False
        return credentials, [secret, *([client] if client else [])]
    if any(part.normalized == names.ASSERTION for part in parts) and not basic:
        text = "a client_assertion (RFC 7523) must be computed: each caller must pass a function as authenticate"
        decisions.add(place, text)
        return [{"method": "custom"}], []
    if not basic:
        text = "the document does not say how the secret is sent; assumed: HTTP Basic (RFC 6749 section 2.3.1)"
        decisions.add(place, text)
    return [{"method": "client_secret_basic"}], []


def _likeliest(parts: list[RequestPart], known: tuple[str, ...]) -> RequestPart | None:
    fitting = [each for each in parts if each.normalized in known and each.field.kind == "string"]
    return min(fitting, key=lambda each: known.index(each.normalized), default=None)


def _is_of_another_grant(part: RequestPart, credentials: list[dict[str, str | None]]) -> bool:
    """Whether a part is not sent: it belongs to another grant, or to another method of client authentication."""
    custom = credentials[0]["method"] == "custom"
    if part.normalized == names.ASSERTION:
        return not custom or part.place != "body"
    if custom and part.normalized == names.ASSERTION_TYPE:
        return False
    return not part.required and part.normalized in names.OTHER_GRANTS


def _source_of(part: RequestPart, parameters: dict[str, dict[str, Any]], candidate: Candidate) -> dict[str, Any]:
    """The fixed value of a part, or the argument that gives its value."""
    decisions = candidate.document.decisions
    place = pointer_to("/x-token-endpoint/parameters", part.name)
    field = part.field
    if part.normalized == names.GRANT_TYPE and field.kind == "string":
        values = [each for each in (*field.choices, field.sample) if isinstance(each, str)]
        fitting = [each for each in values if names.normalized(each) == names.CLIENT_CREDENTIALS]
        field.const = next(iter(fitting or field.choices), "client_credentials")
        if not fitting and names.CLIENT_CREDENTIALS not in names.normalized(field.description):
            decisions.add(place, f"the value client_credentials is not documented; {field.const!r} is sent")
    elif len(field.choices) == 1:
        field.const = field.choices[0]
    if field.const is not None:
        return {"value": field.const}
    field.secret = field.secret or any(map(names.is_sensitive, part.steps))
    argument = _argument(part, {each.get("argument") for each in parameters.values()})
    scopes = f"; known scopes: {', '.join(candidate.scopes[:20])}" if candidate.scopes and argument == "scope" else ""
    required = "required" if part.required else "optional"
    decisions.add(place, f"each caller passes {argument} ({required}): keep it, fix its value, or drop it{scopes}")
    return {"argument": argument}


def _argument(part: RequestPart, taken: set[str | None]) -> str:
    """A free Python name: of the field, of its whole path, of its place and path, or one of these with a number."""
    whole = names.words(" ".join(part.steps))
    numbered = ([part.place, *whole, str(number)] for number in count(2))
    joined = map("_".join, chain((names.words(part.steps[-1]), whole, [part.place, *whole]), numbered))
    fitting = (name for name in joined if re.fullmatch("[a-z][a-z0-9]*(_[a-z0-9]+)*", name))
    return next(name for name in fitting if name not in RESERVED_ARGUMENTS | taken and not keyword.iskeyword(name))


def _parameter(part: RequestPart) -> dict[str, Any]:
    """A part of path, query or header as an OpenAPI parameter."""
    schema = part.field.schema(part.name, part.name, request=True)
    required = {"required": True} if part.required else {}
    description = schema.pop("description")
    return {"name": part.name, "in": part.place, **required, "description": description, "schema": schema}
