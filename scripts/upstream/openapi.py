"""What matters in an OpenAPI 3 document: for each operation its servers, credentials, parameters, bodies and answers.

A document is a stranger's: it may nest, repeat or refer to itself as it likes, and what is not of the expected type is
passed over. How much is too much, facts.py says.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any, TypeGuard
from urllib.parse import urlsplit

import yaml
from markdown_it import MarkdownIt
from referencing import Registry
from referencing.exceptions import Unresolvable
from referencing.jsonschema import DRAFT202012

from paygrant._spec.document import is_object
from paygrant._spec.pointer import escaped
from scripts.upstream.facts import Pairs
from scripts.upstream.pages import PageError

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
DEEPEST = 100
"""Levels of YAML; the reader in C descends them without looking how much room there is."""

_FENCES = MarkdownIt("zero", {"maxNesting": DEEPEST}).enable(["fence", "list", "blockquote"]).disable("inline")
_JSON = re.compile(r"\s*\{")
_YAML = re.compile(r"^openapi:", re.MULTILINE)


def documents(text: str) -> Iterator[dict[str, Any]]:
    """The OpenAPI document that a page is, or those in its code blocks.

    Raises:
        PageError: There is one that cannot be read.
    """
    whole = text.lstrip().startswith(("{", "openapi:"))
    for block in [text] if whole else [token.content for token in _FENCES.parse(text) if token.type == "fence"]:
        if _JSON.match(block) and '"openapi"' in block:
            document = _object(_parsed(block, json.loads))
        else:
            document = _object(_parsed(block, _plain_yaml)) if _YAML.search(block) else {}
        if "openapi" in document:
            yield document


def pairs(document: dict[str, Any]) -> Pairs:
    """The places of a document that matter, and what stands there."""
    yield "document", "OpenAPI"
    reader = _Reader(document)
    for path, item in _object(document.get("paths")).items():
        for method in METHODS:
            if method in _object(item):
                yield from reader.operation(f"{method.upper()} {path}", _object(item), _object(item[method]))


def _parsed(text: str, parse: Callable[[str], Any]) -> Any:
    try:
        return parse(text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise PageError(f"an OpenAPI document in it cannot be read: {' '.join(str(error).split())}") from None


def _plain_yaml(text: str) -> Any:
    depth = 0
    for event in yaml.parse(text, Loader=yaml.CSafeLoader):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if isinstance(event, yaml.AliasEvent) or depth > DEEPEST:
            raise ValueError("it has an alias, or is too deep")
    return yaml.load(text, Loader=yaml.CSafeLoader)


def _object(value: Any) -> dict[str, Any]:
    return {str(key): item for key, item in value.items()} if is_object(value) else {}


def _list(value: Any) -> list[Any]:
    return value if _is_list(value) else []


def _is_list(value: Any) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


class _Reader:
    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document
        self.schemes = _object(_object(document.get("components")).get("securitySchemes"))
        nameless = {key: value for key, value in document.items() if key != "$id"}
        self.resolver = Registry[Any]().resolver_with_root(DRAFT202012.create_resource(nameless))

    def operation(self, name: str, item: dict[str, Any], operation: dict[str, Any]) -> Pairs:
        # What is said further in counts.
        around = {**self.document, **{key: item[key] for key in ("servers",) if key in item}, **operation}
        for server in map(_object, _list(around.get("servers"))):
            url = urlsplit(str(server.get("url")))
            yield f"{name}: host {url.netloc}", f"{url.scheme} {url.path.rstrip('/')}".strip()
        ways = (" and ".join(map(self.scheme, _object(way))) or "none" for way in _list(around.get("security")))
        yield f"{name}: credentials", " or ".join(ways) or "none"
        for parameter in map(self.resolved, (*_list(item.get("parameters")), *_list(operation.get("parameters")))):
            place = f"{name}: {parameter.get('in')} {parameter.get('name')}"
            yield from self.schema(place, parameter.get("schema"), required=parameter.get("required") is True)
        if body := self.resolved(operation.get("requestBody")):
            yield f"{name}: body", "required" if body.get("required") is True else "optional"
            yield from self.content(f"{name}: body", body)
        for status, response in _object(operation.get("responses")).items():
            answer = self.resolved(response)
            yield f"{name}: status {status}", ""
            yield from self.content(f"{name}: status {status}", answer)
            for header in _object(answer.get("headers")):
                yield f"{name}: status {status} header {header}", ""

    def scheme(self, name: str) -> str:
        """One way to send credentials; what it is called does not matter."""
        scheme = self.resolved(self.schemes.get(name))
        told = [scheme.get(key) for key in ("type", "scheme", "in", "name", "openIdConnectUrl")]
        for flow, details in _object(scheme.get("flows")).items():
            told += [flow, _object(details).get("tokenUrl")]
        return " ".join(str(part) for part in told if part) or name

    def content(self, place: str, holder: dict[str, Any]) -> Pairs:
        for media_type, media in _object(holder.get("content")).items():
            yield from self.schema(f"{place} {media_type} #", _object(media).get("schema"))

    def schema(self, place: str, schema: Any, *, required: bool = False, passed: tuple[str, ...] = ()) -> Pairs:
        """A value and what is in it. Each schema gives a pair, so whoever counts these limits the work."""
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
        undescribed = dict.fromkeys(wanted)  # here; perhaps elsewhere, in another part of an allOf
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
        """An object, or the one in the same document that it refers to; nothing where there is none."""
        given = _object(value)
        try:
            return _object(self.resolver.lookup(given["$ref"]).contents) if "$ref" in given else given
        except (Unresolvable, ValueError, TypeError, AttributeError):
            return {}


def _shape(schema: dict[str, Any], *, required: bool) -> str:
    types = schema.get("type", "")
    values = [schema["const"]] if "const" in schema else _list(schema.get("enum"))
    told = ["required"] if required else []
    told += [" or ".join(sorted(map(str, _list(types) or [types])))]
    told += [str(schema[key]) for key in ("format", "pattern") if key in schema]
    told += ["one of " + " ".join(sorted(map(str, values)))] if values else []
    return ", ".join(filter(None, told))
