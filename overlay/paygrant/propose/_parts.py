"""Reads what a token request can contain: the fields of its body, its parameters, and its API keys."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from paygrant._spec.names import FUNCTION_NAMES, HTTP_HEADERS, names_in_braces
from paygrant._spec.pointer import pointer_to
from paygrant._spec.reader import FORM, JSON
from paygrant.propose import _field_names as names
from paygrant.propose._candidates import Candidate
from paygrant.propose._decisions import clean
from paygrant.propose._schema import Field, SchemaReader
from paygrant.propose.references import Node

_VENDOR_JSON = re.compile(r"application/[A-Za-z0-9][A-Za-z0-9._-]*\+json")
_SKIPPED_HEADERS = HTTP_HEADERS | {"accept", "accept-encoding", "accept-language", "user-agent", "authorization"}
_NAMES = {"header": r"[A-Za-z0-9._-]{1,100}", "query": r"[A-Za-z0-9.:@_\[\]-]{1,100}"}


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


def request_parts(candidate: Candidate, path: str) -> tuple[str, list[RequestPart]]:
    """Return the media type of the body, and the parts of the request. Without a body the type is empty."""
    if candidate.is_flow:
        return FORM, [*_placeholders(candidate, path), *_standard_parts()]
    place = pointer_to("/paths", path, candidate.method)
    media_type, parts = _body(candidate.operation, place) if candidate.method != "get" else ("", [])
    parts += [*_declared(candidate), *_placeholders(candidate, path)]
    if candidate.scopes and media_type == FORM and not any(each.normalized in names.SCOPES for each in parts):
        parts.append(_scope())  # a flow documents it
    parts = _unique([*_api_keys(candidate, {each.normalized for each in parts}), *parts])
    _hide_keys(candidate, parts)
    return media_type, parts


def _standard_parts() -> list[RequestPart]:
    """The fields of RFC 6749 sections 2.3.1 and 4.4.2."""
    grant = Field(choices=["client_credentials"], description="The grant type of RFC 6749 section 4.4.2.")
    optional = {"client_id": "The client's id.", "client_secret": "The client's secret."}
    return [
        RequestPart("body", ("grant_type",), grant, required=True),
        _scope(),
        *(RequestPart("body", (name,), Field(description=text), required=False) for name, text in optional.items()),
    ]


def _scope() -> RequestPart:
    described = Field(description="The requested scopes, separated by spaces.")
    return RequestPart("body", ("scope",), described, required=False)


def _body(operation: Node, place: str) -> tuple[str, list[RequestPart]]:
    """The media type, preferably a form, and the fields that a request can fill; an empty string without a body."""
    content = dict(operation["requestBody"]["content"].items())
    if not content:
        return "", []
    form, json = (next((name for name in content if kind in name.lower()), None) for kind in ("form", "json"))
    name = form or json or next(iter(content))
    vendor = _VENDOR_JSON.match(name)
    media_type = vendor.group() if vendor else JSON if name == json else FORM
    if len(content) > 1 or not name.startswith(media_type):
        operation.decisions.add(
            f"{place}/requestBody", f"{media_type} was taken from the media types of the body: {', '.join(content)}"
        )
    body = SchemaReader().read(content[name]["schema"])
    parts = list[RequestPart]()
    for steps, each, required in body.leaves():
        if steps and each.kind != "array" and (len(steps) == 1 or media_type != FORM):
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
            each.note("this parameter is required, but a spec cannot fill it; it was left out")


def _placeholders(candidate: Candidate, path: str) -> Iterator[RequestPart]:
    """The names in braces in the path; all of them are required."""
    declared = {
        each["name"].text: each
        for where in (candidate.item, candidate.operation)
        for each in where["parameters"].each()
    }
    for name in dict.fromkeys(names_in_braces(path)):
        field = _field(declared[name]) if name in declared else Field()
        yield RequestPart("path", (name,), field if field.kind not in {"object", "array"} else Field(), required=True)


def _field(parameter: Node) -> Field:
    """The field of an OpenAPI parameter."""
    schema = next((each["schema"] for each in parameter["content"].values()), parameter["schema"])
    read = SchemaReader().read(schema)
    read.description = clean(parameter["description"].text) or read.description
    return read


def _api_keys(candidate: Candidate, sent: set[str]) -> list[RequestPart]:
    """The API keys in the request.

    An API key that the whole document requires is often an oversight for this operation. It counts only if no other part
    is a secret.
    """
    own = "security" in candidate.operation
    if not own and any(names.secret_rank(each) is not None for each in sent):
        return []
    schemes = candidate.document["components"]["securitySchemes"]
    for requirement in (candidate.operation if own else candidate.document)["security"].each():
        keys = [each for name, _ in requirement.items() if (each := schemes[name])["type"].text == "apiKey"]
        parts = [
            RequestPart(
                key["in"].text, (key["name"].text,), Field(description=clean(key["description"].text)), required=True
            )
            for key in keys
            if re.fullmatch(_NAMES.get(key["in"].text, ""), key["name"].text or " ")
        ]
        if parts:
            return [each for each in parts if each.name.lower() not in _SKIPPED_HEADERS]
    return []


def _hide_keys(candidate: Candidate, parts: list[RequestPart]) -> None:
    """Hide API keys that are declared as ordinary parameters, too."""
    schemes = [*candidate.document["components"]["securitySchemes"].values()]
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
