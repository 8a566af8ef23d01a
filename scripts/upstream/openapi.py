"""Extracts the facts of an OpenAPI 3 document: of each operation its servers, credentials, parameters, bodies and responses.

The document is not trusted: it may nest, repeat or refer to itself. Values of an unexpected type are ignored, and facts.py
limits the number of facts.
"""

from typing import Any
from urllib.parse import urlsplit

from paygrant._spec.document import is_array, is_object
from paygrant._spec.pointer import escaped
from paygrant.propose.documents import documents_in
from paygrant.propose.references import References
from scripts.upstream.facts import Pairs
from scripts.upstream.pages import PageError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")


def documents(text: str) -> list[dict[str, Any]]:
    """Return the OpenAPI document that a page is, or those in its code blocks.

    Raises:
        PageError: One of them cannot be parsed.
    """
    found, faults = documents_in(text)
    if faults:
        raise PageError(f"an OpenAPI document in it cannot be parsed: {faults[0]}")
    return [each for each in found if "openapi" in each]


def pairs(document: dict[str, Any]) -> Pairs:
    """The facts of a document."""
    yield "document", "OpenAPI"
    reader = _Reader(document)
    for path, item in _object(document.get("paths")).items():
        for method in METHODS:
            if method in _object(item):
                yield from reader.operation(f"{method.upper()} {path}", _object(item), _object(item[method]))


def _object(value: Any) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if is_object(value) else {}


def _list(value: Any) -> list[Any]:
    return value if is_array(value) else []


class _Reader:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemes = _object(_object(document.get("components")).get("securitySchemes"))
        self.references = References(document)

    def operation(self, name: str, item: dict[str, Any], operation: dict[str, Any]) -> Pairs:
        # The innermost definition is the valid one.
        around = {**self.document, **{key: item[key] for key in ("servers",) if key in item}, **operation}
        for server in map(_object, _list(around.get("servers"))):
            url = urlsplit(str(server.get("url")))
            yield f"{name}: host {url.netloc}", f"{url.scheme} {url.path.rstrip('/')}".strip()
        required = (" and ".join(map(self.scheme, _object(each))) or "none" for each in _list(around.get("security")))
        yield f"{name}: credentials", " or ".join(required) or "none"
        for parameter in map(self.resolved, (*_list(item.get("parameters")), *_list(operation.get("parameters")))):
            place = f"{name}: {parameter.get('in')} {parameter.get('name')}"
            yield from self.schema(place, parameter.get("schema"), required=parameter.get("required") is True)
        if body := self.resolved(operation.get("requestBody")):
            yield f"{name}: body", "required" if body.get("required") is True else "optional"
            yield from self.content(f"{name}: body", body)
        for status, response in _object(operation.get("responses")).items():
            found = self.resolved(response)
            yield f"{name}: status {status}", ""
            yield from self.content(f"{name}: status {status}", found)
            for header in _object(found.get("headers")):
                yield f"{name}: status {status} header {header}", ""

    def scheme(self, name: str) -> str:
        """A security scheme, without its name."""
        scheme = self.resolved(self.schemes.get(name))
        facts = [scheme.get(key) for key in ("type", "scheme", "in", "name", "openIdConnectUrl")]
        for flow, details in _object(scheme.get("flows")).items():
            facts += [flow, _object(details).get("tokenUrl")]
        return " ".join(str(fact) for fact in facts if fact) or name

    def content(self, place: str, holder: dict[str, Any]) -> Pairs:
        for media_type, media in _object(holder.get("content")).items():
            yield from self.schema(f"{place} {media_type} #", _object(media).get("schema"))

    def schema(self, place: str, schema: Any, *, required: bool = False, passed: tuple[str, ...] = ()) -> Pairs:
        """A value and its parts. Each schema yields a pair, so that a limit on pairs limits the work."""
        given = _object(schema)
        if "$ref" in given:
            reference, target = str(given["$ref"]), self.resolved(given)
            if reference in passed or not target:
                yield place, f"{'required, ' if required else ''}reference to {reference}"
            else:
                yield from self.schema(place, target, required=required, passed=(*passed, reference))
            return
        yield place, _shape(given, required=required)
        wanted = list(map(str, _list(given.get("required"))))
        undescribed = dict.fromkeys(wanted)  # their schemas may be in another part of an allOf
        for name, field in {**undescribed, **_object(given.get("properties"))}.items():
            yield from self.schema(f"{place}/{escaped(name)}", field, required=name in wanted, passed=passed)
        for key, step in (("items", "[]"), ("additionalProperties", ".*")):
            if is_object(given.get(key)):
                yield from self.schema(place + step, given[key], passed=passed)
        for key in ("allOf", "oneOf", "anyOf"):
            for number, part in enumerate(_list(given.get(key)), 1):
                below = place if key == "allOf" else f"{place} ({key} {number})"
                yield from self.schema(below, part, passed=passed)

    def resolved(self, value: Any) -> dict[str, Any]:
        """An object, or the target of its reference; an empty object if there is none in the document."""
        given = _object(value)
        return _object(self.references.target(given["$ref"])) if "$ref" in given else given


def _shape(schema: dict[str, Any], *, required: bool) -> str:
    types = schema.get("type", "")
    values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    facts = ["required"] if required else []
    facts += [" or ".join(sorted(map(str, _list(types) or [types])))]
    facts += [str(schema[key]) for key in ("format", "pattern") if key in schema]
    facts += ["one of " + " ".join(sorted(map(str, values)))] if values else []
    return ", ".join(filter(None, facts))
