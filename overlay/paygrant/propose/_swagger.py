"""Converts the parts of a Swagger 2.0 document that matter here to OpenAPI 3.0.

No Python library does this: prance sends the document to a web service. References stay unchanged, because their targets
(definitions, parameters, responses) stay where they are.
"""

from typing import Any

from paygrant._spec.document import is_object
from paygrant._spec.reader import FORM, JSON
from paygrant.propose.references import Node

_SCHEMA = ("type", "format", "enum", "default", "description", "items", "x-example")


def as_openapi_3(old: dict[str, Any]) -> dict[str, Any]:
    """The document with servers, paths and security schemes as in OpenAPI 3.0; the rest is unchanged."""
    document = Node.root(old)
    return {
        **old,
        "servers": [{"url": url} for url in _servers(document)],
        "paths": {
            path: {
                method: _operation(document, item, item[method]) for method in ("get", "post", "put") if item[method]
            }
            for path, item in document["paths"].items()
        },
        "components": {
            "securitySchemes": {name: _scheme(each) for name, each in document["securityDefinitions"].items()}
        },
    }


def _servers(document: Node) -> list[str]:
    """The base URL, with https unless only other schemes are listed; without a host, the path alone."""
    host, path = document["host"].text, document["basePath"].text
    schemes = [each.text for each in document["schemes"].each()]
    scheme = "http" if schemes and "https" not in schemes else "https"
    return [f"{scheme}://{host}{path}" if host else path or "/"]


def _operation(document: Node, item: Node, operation: Node) -> dict[str, Any]:
    parameters = [*operation["parameters"].each(), *item["parameters"].each()]
    new = _plain(operation, "summary", "description", "operationId", "security")
    new["parameters"] = [
        {**_plain(each, "name", "in", "required", "description"), "schema": _plain(each, *_SCHEMA)}
        for each in parameters
        if each["in"].text in {"path", "query", "header"}
    ]
    form = [each for each in parameters if each["in"].text == "formData"]
    body = next((each["schema"] for each in parameters if each["in"].text == "body"), None)
    if form:
        properties = {each["name"].text: _plain(each, *_SCHEMA) for each in form}
        required = [each["name"].text for each in form if each["required"].is_true]
        schema: Any = {"type": "object", "properties": properties, "required": required}
        new["requestBody"] = _content([FORM], schema)
    elif body:
        new["requestBody"] = _content(_media(document, operation, "consumes"), body.value)
    media = _media(document, operation, "produces")
    new["responses"] = {status: _response(each, media) for status, each in operation["responses"].items()}
    return new


def _media(document: Node, operation: Node, key: str) -> list[str]:
    listed = operation[key] if key in operation else document[key]
    return [each.text for each in listed.each()] or [JSON]


def _response(response: Node, media: list[str]) -> dict[str, Any]:
    new = _plain(response, "description")
    if "schema" in response:
        new |= _content(media, response["schema"].value)
        for kind, example in response["examples"].items():
            new["content"].setdefault(kind, {})["example"] = example.value
    return new


def _scheme(scheme: Node) -> Any:
    if scheme["type"].text == "basic":
        return {"type": "http", "scheme": "basic"}
    if scheme["type"].text == "oauth2" and scheme["flow"].text == "application":
        return {"type": "oauth2", "flows": {"clientCredentials": _plain(scheme, "tokenUrl", "scopes")}}
    return scheme.value


def _content(media: list[str], schema: Any) -> dict[str, Any]:
    return {"content": {kind: {"schema": schema} for kind in media}}


def _plain(node: Node, *keys: str) -> dict[str, Any]:
    known: dict[str, Any] = node.value if is_object(node.value) else {}
    return {key: known[key] for key in keys if key in known}
