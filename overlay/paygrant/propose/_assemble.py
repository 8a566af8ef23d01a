"""Assembles the draft: servers, request, responses and provenance, with the decisions as comments at the top."""

import keyword
import re
from collections import Counter
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import yaml

from paygrant._spec.names import CLASS_NAMES, class_name_from
from paygrant.propose._candidates import METHODS, Candidate
from paygrant.propose._decisions import Decisions, clean
from paygrant.propose._request import propose_request
from paygrant.propose._responses import propose_responses
from paygrant.propose._servers import propose_servers
from paygrant.propose.references import Node

_NOT_IN_NAMES = {"api", "apis", "rest", "openapi", "swagger", "the", "docs", "documentation", "service", "spec"}
_USE = "/x-token-endpoint/token_use"
_TOKEN_HEADER = re.compile("(?!.*[cx]srf)[A-Za-z0-9-]*token", re.IGNORECASE)


def assemble(candidate: Candidate, address: str) -> tuple[str, str, tuple[str, ...]]:
    """Return the name, the text and the decisions of the draft. The address is that of the document.

    Raises:
        ConfigurationError: The path of the token endpoint cannot be in a URL.
    """
    decisions = candidate.document.decisions
    info = candidate.document["info"]
    title = clean(info["title"].text, 80) or "Provider"
    path, servers = propose_servers(candidate, address)
    request, responses = propose_request(candidate, path), propose_responses(candidate, path)
    description = clean(candidate.operation["description"].text or candidate.operation["summary"].text)
    token_use = _token_use(candidate, request.endpoint["parameters"])
    decisions.add("/", "descriptions and examples are the provider's: does its license allow you to keep them?")
    spec: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {"title": title, **_class_name(title), "version": clean(info["version"].text, 80) or "v1"},
        "x-provenance": _provenance(address, decisions),
        **({"servers": servers} if servers else {}),
        "paths": {
            path: {
                candidate.method: {
                    **({"description": description} if description else {}),
                    **request.operation,
                    **responses.operation,
                }
            }
        },
        "components": {"schemas": {**request.schemas, **responses.schemas}},
        "x-token-endpoint": {
            **request.endpoint,
            **responses.endpoint,
            **({"token_use": token_use} if token_use else {}),
        },
    }
    head = "".join(f"# - {line}\n" for line in decisions.lines)
    text = yaml.dump(spec, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return (
        _name(title),
        f"# A draft by `paygrant new`. Decide on each of these points, then delete it here:\n{head}{text}",
        decisions.lines,
    )


class _Dumper(yaml.SafeDumper):
    """Indents lists, and writes no aliases: a normalized spec has none."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the signature of the base class
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - likewise
        super().increase_indent(flow, indentless=False)


def _name(title: str) -> str:
    """A package's name, made from the title."""
    every = re.findall("[a-z0-9]+", title.lower())
    kept = [each for each in every if each not in _NOT_IN_NAMES and not re.fullmatch(r"v?[0-9]+", each)] or every
    name = "_".join(kept[:4])
    return name if re.match("[a-z]", name) and not keyword.iskeyword(name) else f"provider_{name}".strip("_")


def _class_name(title: str) -> dict[str, str]:
    """The name of the provider's class, if that of the title is taken, as by "Client"."""
    name = class_name_from(title, _name(title))
    return {"x-class-name": f"{name}Provider"} if name in CLASS_NAMES else {}


def _provenance(address: str, decisions: Decisions) -> dict[str, Any]:
    """Where the facts come from. A person adds where the draft deviates from it."""
    url = address
    if not re.fullmatch(r"https://[^\s/]+(/\S*)?", address):
        url = f"https://example.com/{quote(address.rpartition('/')[2])}"
        decisions.add("/x-provenance/sources/0/url", f"which URL is {clean(address, 80)} from?")
    return {"sources": [{"url": url, "read": datetime.now(UTC).date().isoformat()}], "deviations": []}


def _token_use(candidate: Candidate, parameters: dict[str, dict[str, Any]]) -> dict[str, Any]:
    """How the API takes the token; empty for a bearer token and no further header."""
    document = candidate.document
    schemes = document["components"]["securitySchemes"]
    others = (item[method] for path, item in document["paths"].items() for method in METHODS if path != candidate.path)
    used = {name for each in (document, *others) for needed in each["security"].each() for name, _ in needed.items()}
    keys = {each["name"].text for name, each in schemes.items() if name in used and each["in"].text == "header"}
    place = _token_place(document)
    headers = {
        name: source["argument"]
        for name, source in parameters.items()
        if name in keys and "argument" in source and name.lower() != place.get("header", "").lower()
    }
    if not headers:
        return place
    document.decisions.add(_USE, f"other operations need {', '.join(headers)}, too: is that so for each API call?")
    return {**place, "headers": headers}


def _token_place(document: Node) -> dict[str, str]:
    """Where an API call has the token; empty for a bearer token.

    A document without a bearer scheme may have one header whose name is that of a token: an API key, or a parameter.
    """
    schemes = [*document["components"]["securitySchemes"].values()]
    if any(
        each["scheme"].text.lower() == "bearer" or each["type"].text in {"oauth2", "openIdConnect"} for each in schemes
    ):
        return {}
    keys = [clean(each["name"].text, 80) for each in schemes if each["type"].text == "apiKey"]
    hint = f" (the document names {', '.join(keys[:5])})" if keys else ""
    if header := _token_header(document, schemes):
        document.decisions.add(_USE, f"the API seems to take the token in the header {header}: is that right?{hint}")
        return {"header": header}
    document.decisions.add(_USE, f"does the API take the token as Authorization: Bearer?{hint}")
    return {}


def _token_header(document: Node, schemes: list[Node]) -> str | None:
    """The header with the name of a token: an API key, or the parameter that most operations have."""
    operations = (item[method] for item in document["paths"].values() for method in METHODS)
    declared = (each for operation in operations for each in operation["parameters"].each())
    keys, parameters = (
        Counter(each["name"].text for each in found if each["in"].text == "header") for found in (schemes, declared)
    )
    for counted in (keys, parameters):
        tokens = [(name, number) for name, number in counted.most_common() if _TOKEN_HEADER.fullmatch(name)]
        if tokens and (len(tokens) == 1 or tokens[0][1] > 2 * tokens[1][1]):
            return tokens[0][0]
    return None
