"""Puts a draft together: what was settled, the servers, where all of it is from, and the decisions in front."""

import keyword
import re
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import yaml

from paygrant import _clock
from paygrant._arguments import invalid_argument, is_loopback
from paygrant._spec.names import FUNCTION_NAMES
from paygrant.propose import _answering, _asking
from paygrant.propose._find import Found
from paygrant.propose._node import Node, Notes, clean
from paygrant.propose._schema import words

_ENVIRONMENTS = {
    "sandbox": "sandbox", "test": "test", "testing": "test", "tst": "test", "staging": "staging", "stage": "staging",
    "stg": "staging", "uat": "uat", "demo": "demo", "dev": "development", "development": "development", "qa": "qa",
    "preprod": "preproduction", "preproduction": "preproduction", "production": "production", "prod": "production",
    "live": "production",
}  # fmt: skip
_HOST = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
_PATH = re.compile(r"(/(?!/|(\.|%2[Ee]){1,2}(/|$))([A-Za-z0-9._~:@!$&*+,;=%()-]|\{[A-Za-z0-9_-]+\})*)+")
_MOST_SERVERS = 50
"""That a draft takes over: somebody has to look at each."""

_MOST_VARIABLES = 5
"""In the address of a server; with more it is left out."""

_IN_NO_NAME = {"api", "apis", "rest", "openapi", "swagger", "the", "docs", "documentation", "service", "spec"}


def write(found: Found, address: str) -> tuple[str, str, tuple[str, ...]]:
    """The name, the text and the decisions of the draft for what was found at an address.

    Raises:
        ConfigurationError: The path of the endpoint cannot be written down.
    """
    notes = found.document.notes
    info = found.document["info"]
    title = clean(info["title"].text, 80) or "Provider"
    path, servers = _servers(found, address)
    asking, answering = _asking.settle(found, path), _answering.settle(found, path)
    operation: dict[str, Any] = {
        "tags": ["token"],
        "operationId": "create_token",
        "summary": "Request an access token",
        "description": clean(found.operation["description"].text or found.operation["summary"].text)
        or "Exchanges the client's credentials for an access token.",
        "security": [{"basic": []} if way["place"] == "basic" else {} for way in asking.credentials],
    }
    if asking.declared:
        operation["parameters"] = asking.declared
    if asking.media_type:
        schema = {"$ref": "#/components/schemas/TokenRequest"}
        operation["requestBody"] = {"required": True, "content": {asking.media_type: {"schema": schema}}}
    operation["responses"] = answering.responses
    basic = {"type": "http", "scheme": "basic", "description": "The client's id and secret as user name and password."}
    _note_use(found.document)
    notes.add("/", "descriptions and examples are the provider's: does its licence let you keep them?")
    spec: dict[str, Any] = {
        "openapi": "3.1.0",
        "info": {
            "title": title,
            "version": clean(info["version"].text, 80) or "v1",
            "description": "Hands out the access token that calls of the API carry.",
        },
        "x-provenance": _provenance(address, notes),
        **({"servers": servers} if servers else {}),
        "tags": [{"name": "token", "description": "Access tokens."}],
        "paths": {path: {found.method: operation}},
        "components": {
            **({"securitySchemes": {"basic": basic}} if asking.basic else {}),
            "schemas": {
                **({"TokenRequest": asking.request} if asking.request else {}),
                "TokenResponse": answering.token_response,
                "TokenError": answering.token_error,
            },
        },
        "x-token-endpoint": {
            "credentials": asking.credentials,
            "parameters": asking.parameters,
            **answering.endpoint,
        },
    }
    head = "".join(f"# - {line}\n" for line in notes.lines)
    text = yaml.dump(spec, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)
    return (
        _name(title),
        f"# A draft by `paygrant new`. To be decided, and then to be deleted here:\n{head}{text}",
        notes.lines,
    )


class _Dumper(yaml.SafeDumper):
    """Indents lists, and repeats what occurs twice: a normalized spec has no aliases."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - as the base class has it
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002 - likewise
        super().increase_indent(flow, indentless=False)


def _name(title: str) -> str:
    """A package's name out of the title."""
    every = re.findall("[a-z0-9]+", title.lower())
    kept = [each for each in every if each not in _IN_NO_NAME and not re.fullmatch(r"v?[0-9]+", each)] or every
    name = "_".join(kept[:4])
    return name if re.match("[a-z]", name) and not keyword.iskeyword(name) else f"provider_{name}".strip("_")


def _servers(found: Found, address: str) -> tuple[str, list[dict[str, Any]]]:
    """The path, and the addresses that it follows, an environment each.

    OpenAPI takes an address that is relative, or missing, for the host of the document itself. Here it is none: that host
    may keep no more than a copy, and would be sent the secret.
    """
    notes = found.document.notes
    path, places = _places(found)
    placeholders = ["_".join(words(each)) for each in re.findall(r"\{([^}]*)\}", path)]
    if not _PATH.fullmatch(path) or len(placeholders) > len({*placeholders} - FUNCTION_NAMES):
        place = clean(found.place, 200)
        raise invalid_argument("source", f"the path of {place} is {clean(path, 80)!r}", "one that a URL can have")
    servers = dict[str, dict[str, Any]]()
    for url, text in places:
        secure = re.sub("^http:", "https:", url).rstrip("/")
        if not _host(url):
            notes.add(
                "/servers", f"{clean(url or path, 80)!r} is relative to the document's own address; it was left out"
            )
        elif not _HOST.fullmatch(secure) or is_loopback(urlsplit(secure).hostname or ""):
            notes.add("/servers", f"{clean(url, 80)!r} is no address of a provider; it was left out")
        elif secure not in [each["url"] for each in servers.values()]:
            if url.startswith("http:"):
                notes.add("/servers", f"{secure} was plain http; does it take https?")
            name = _environment(secure, text, servers, notes)
            servers[name] = {"url": secure, "description": text or f"The environment {name}.", "x-environment": name}
    if not servers:
        serving = _host(address)
        hint = f"; {clean(serving, 80)} has the document: is it the provider's, and takes secrets?" if serving else ""
        notes.add("/servers", f"no host is documented: name one, or each caller gives base_url{hint}")
    return path, list(servers.values())


def _places(found: Found) -> tuple[str, list[tuple[str, str]]]:
    """The path, and each address that it follows, with what is said of it."""
    notes = found.document.notes
    levels = (found.operation["servers"], found.item["servers"], found.document["servers"])
    listed = [*next((each for each in levels if each), Node(None, [])).each()]
    if len(listed) > _MOST_SERVERS:
        notes.add("/servers", f"of {len(listed)} servers the first {_MOST_SERVERS} were taken")
    servers = [(_filled(each, notes), clean(each["description"].text, 120)) for each in listed[:_MOST_SERVERS]]
    if not found.is_flow:
        return found.path, servers
    hosts = list(dict.fromkeys(host for url, _ in servers if (host := _host(url))))
    if "?" in found.path or "#" in found.path:
        notes.add("/paths", "what follows the path in the tokenUrl was left out")
    address = re.split("[?#]", found.path)[0]
    if "://" in address:
        servers = [("", "")]  # whichever they are, the address replaces them
    elif not address.startswith("/"):
        notes.add(
            "/paths", f"the tokenUrl {clean(address, 80)!r} is taken as relative to the server's address (RFC 3986)"
        )
    whole = [(_split(_joined(url, address)), text) for url, text in servers or [("", "")]]
    path = whole[0][0][1]
    for (host, other), _ in whole:
        if hosts and _host(host) not in {"", *hosts}:
            named = ", ".join(clean(each, 80) for each in hosts[:5])
            text = f"the tokenUrl of the flow leads to {clean(host, 80)!r}, the servers are {named}: does the secret go there?"
            notes.add("/servers", text)
        if other != path:
            notes.add("/servers", f"{clean(host, 80)!r} has the path {clean(other, 80)!r}; it was left out")
    return path, [(host, text) for (host, other), text in whole if other == path]


def _filled(server: Node, notes: Notes) -> str:
    """A server's address, its variables filled with their defaults."""
    url = server["url"].text
    for name in re.findall(r"\{([^}]*)\}", url)[:_MOST_VARIABLES]:
        value = server["variables"][name]["default"].text
        notes.add(
            "/servers",
            f"the variable {clean(name, 40)} of {clean(url, 80)} is {clean(value, 40)!r} here: a server for each value?",
        )
        url = url.replace(f"{{{name}}}", value)
    return url


def _joined(base: str, url: str) -> str:
    try:
        return urljoin(base, url)
    except ValueError:
        return ""


def _split(address: str) -> tuple[str, str]:
    """Scheme and host of an address, and its path."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "", ""
    return (f"{parts.scheme}://{parts.netloc}", parts.path or "/") if parts.netloc else ("", parts.path)


def _host(address: str) -> str:
    """Host and port of an address; an empty text where it is relative."""
    return _split(address)[0].partition("//")[2].lower()


def _environment(url: str, text: str, taken: dict[str, Any], notes: Notes) -> str:
    """The name of an environment: a word in its description or its address that says so."""
    named = [_ENVIRONMENTS[each] for each in (*words(text), *words(url)) if each in _ENVIRONMENTS]
    if free := [each for each in named if each not in taken]:
        notes.add("/servers", f"{url} is taken for the environment {free[0]}, and is sent its secrets: is that right?")
        return free[0]
    base = (named or ["production"])[0]
    numbered = (f"{base}_{number}" for number in range(2, len(taken) + 3))
    name = next(each for each in (base, *numbered) if each not in taken)
    notes.add("/servers", f"nothing names the environment of {url}; {name}? It is sent the secrets")
    return name


def _provenance(address: str, notes: Notes) -> dict[str, Any]:
    """Where the facts are from, and where the draft does not follow."""
    url = address
    if not re.fullmatch(r"https://[^\s/]+(/\S*)?", address):
        url = f"https://example.com/{quote(address.rpartition('/')[2])}"
        notes.add("/x-provenance/sources/0/url", f"where is {clean(address, 80)} from?")
    deviation = {
        "id": "token-response-requires-nothing",
        "upstream": "Fields of the answer may be required.",
        "here": "No field is required.",
        "reason": "A server that answers a little differently must still have its token used, or get an error of our own.",
    }
    return {"sources": [{"url": url, "read": _clock.wall().date().isoformat()}], "deviations": [deviation]}


def _note_use(document: Node) -> None:
    """Say so where nothing tells that the API wants the token as Authorization: Bearer."""
    schemes = [each for _, each in document["components"]["securitySchemes"].items()]
    if not any(
        each["scheme"].text.lower() == "bearer" or each["type"].text in {"oauth2", "openIdConnect"} for each in schemes
    ):
        keys = ", ".join(each["name"].text for each in schemes if each["type"].text == "apiKey")
        hint = f" (the document names {keys})" if keys else ""
        document.notes.add("/x-token-endpoint/use", f"does the API want the token as Authorization: Bearer?{hint}")
