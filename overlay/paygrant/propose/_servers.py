"""Decides on the path of the token endpoint, and on the base URL of each environment."""

import re
from typing import Any
from urllib.parse import urljoin, urlsplit

from paygrant._arguments import invalid_argument, is_loopback
from paygrant._spec.names import FUNCTION_NAMES, names_in_braces
from paygrant.propose._candidates import Candidate
from paygrant.propose._decisions import Decisions, clean
from paygrant.propose._field_names import words
from paygrant.propose._metadata import SERVER
from paygrant.propose.references import Node

_ENVIRONMENTS = {
    "sandbox": "sandbox", "test": "test", "testing": "test", "tst": "test", "staging": "staging", "stage": "staging",
    "stg": "staging", "uat": "uat", "demo": "demo", "dev": "development", "development": "development", "qa": "qa",
    "preprod": "preproduction", "preproduction": "preproduction", "production": "production", "prod": "production",
    "live": "production",
}  # fmt: skip
_JOINED = re.compile(
    "(api|auth|login|gateway|pay)?(sandbox|test|staging|stage|stg|uat|demo|dev|qa)(?(1)$|(api|auth|login|gateway|pay|report))"
)
"""Matches a word of a host that has the name of an environment within: devapi, apitest."""

_HOST = re.compile(r"https://[A-Za-z0-9.-]+(:[0-9]{1,5})?(/(?!\.{1,2}(/|$))[A-Za-z0-9._~-]+)*")
_PATH = re.compile(r"(/(?!/|(\.|%2[Ee]){1,2}(/|$))([A-Za-z0-9._~:@!$&*+,;=%()-]|\{[A-Za-z0-9_-]+\})*)+")
_RESERVED = re.compile(r"(^|\.)(test|example|invalid|localhost|example\.(com|net|org))\.?$")
"""Matches the names that RFC 2606 keeps for tests and documentation."""

_MAX_SERVERS = 50
"""Servers in a draft; a person must check each."""

_MAX_VARIABLES = 5
"""Variables in the URL of a server; with more of them, the server is left out."""


def propose_servers(candidate: Candidate, address: str) -> tuple[str, list[dict[str, Any]]]:
    """Return the path of the token endpoint, and the servers, one for each environment.

    In OpenAPI, a relative or missing server URL means the host of the document. Here it means no server: that host may have
    just a copy of the document, and must not get the secret.

    Raises:
        ConfigurationError: The path cannot be in a URL.
    """
    decisions = candidate.document.decisions
    path, listed = candidate.path, _listed(candidate)
    if candidate.is_flow:
        path, listed = _by_token_url(candidate, listed)
    placeholders = ["_".join(words(each)) for each in names_in_braces(path)]
    if not _PATH.fullmatch(path) or len(placeholders) > len({*placeholders} - FUNCTION_NAMES):
        place = clean(candidate.place, 200)
        raise invalid_argument("source", f"the path of {place} is {clean(path, 80)!r}", "a path that a URL can have")
    servers = dict[str, dict[str, Any]]()
    for url, text in listed:
        secure = re.sub("^http:", "https:", url).rstrip("/")
        if not _host(url):
            decisions.add(
                "/servers", f"{clean(url or path, 80)!r} is relative to the document's address; it was left out"
            )
        elif _is_reserved(url):
            decisions.add(
                "/servers", f"the host of {clean(url, 80)!r} is for documentation (RFC 2606); it was left out"
            )
        elif not _HOST.fullmatch(secure) or is_loopback(urlsplit(secure).hostname or ""):
            decisions.add("/servers", f"{clean(url, 80)!r} is not the https URL of a provider; it was left out")
        elif secure not in [each["url"] for each in servers.values()]:
            if url.startswith("http:"):
                decisions.add("/servers", f"{secure} was plain http in the document; does the server accept https?")
            name = _environment(secure, text, servers, decisions)
            servers[name] = {"url": secure, "description": text or f"The environment {name}.", "x-environment": name}
    if not servers:
        serving = _host(address)
        hint = f"; {clean(serving, 80)} has the document: may it get the secret?" if serving else ""
        decisions.add("/servers", f"no usable server is documented: add one, or each caller must pass base_url{hint}")
    _put_mtls_url(candidate, path, servers)
    return path, list(servers.values())


def _put_mtls_url(candidate: Candidate, path: str, servers: dict[str, dict[str, Any]]) -> None:
    """Let the server of the metadata have another base URL for clients with a certificate (RFC 8705 section 5)."""
    url = candidate.document[SERVER]["mtls_url"].text
    base_url = url.removesuffix(path)
    if base_url in [each["url"] for each in servers.values()]:
        return  # Keycloak states the same address
    if base_url != url and _HOST.fullmatch(base_url) and len(servers) == 1:
        next(iter(servers.values()))["x-mtls-url"] = base_url
    elif url:
        text = f"clients with a certificate use {clean(url, 120)}, which x-mtls-url cannot express: make a spec for it"
        candidate.document.decisions.add("/servers", text)


def _listed(candidate: Candidate) -> list[tuple[str, str]]:
    """URL and description of each server that the document lists."""
    decisions = candidate.document.decisions
    levels = (candidate.operation["servers"], candidate.item["servers"], candidate.document["servers"])
    listed = [*next((each for each in levels if each), levels[-1]).each()]
    if len(listed) > _MAX_SERVERS:
        decisions.add("/servers", f"the first {_MAX_SERVERS} of {len(listed)} servers were taken")
    return [(_filled(each, decisions), clean(each["description"].text, 120)) for each in listed[:_MAX_SERVERS]]


def _by_token_url(candidate: Candidate, servers: list[tuple[str, str]]) -> tuple[str, list[tuple[str, str]]]:
    """The path of a flow's tokenUrl, and the servers that it can follow."""
    decisions = candidate.document.decisions
    hosts = list(dict.fromkeys(host for url, _ in servers if (host := _host(url))))
    if "?" in candidate.path or "#" in candidate.path:
        decisions.add("/paths", "the query and fragment of the tokenUrl were left out")
    token_url = re.split("[?#]", candidate.path)[0]
    if "://" in token_url:
        servers = []  # it replaces them all
    elif not token_url.startswith("/"):
        decisions.add(
            "/paths", f"the tokenUrl {clean(token_url, 80)!r} was resolved against each server's URL (RFC 3986)"
        )
    joined = [(*_joined(url, token_url), text) for url, text in servers or [("", "")]]
    path = joined[0][1]
    for base, other, _ in joined:
        if hosts and _host(base) not in {"", *hosts} and not _is_reserved(base):
            named = ", ".join(clean(each, 80) for each in hosts[:5])
            text = (
                f"the tokenUrl of the flow is on {clean(base, 80)!r}, the servers are {named}: may the secret go there?"
            )
            decisions.add("/servers", text)
        if other != path:
            decisions.add("/servers", f"{clean(base, 80)!r} would have the path {clean(other, 80)!r}; it was left out")
    return path, [(base, text) for base, other, text in joined if other == path]


def _filled(server: Node, decisions: Decisions) -> str:
    """A server's URL, with the default of each variable."""
    url = server["url"].text
    for name in names_in_braces(url)[:_MAX_VARIABLES]:
        value = server["variables"][name]["default"].text
        decisions.add(
            "/servers",
            f"the variable {clean(name, 40)} of {clean(url, 80)} has the value {clean(value, 40)!r} here: add a server for each other value?",
        )
        url = url.replace(f"{{{name}}}", value)
    return url


def _joined(base: str, url: str = "") -> tuple[str, str]:
    """Scheme and host of a URL relative to a base, and its path; empty strings where there is none."""
    try:
        parts = urlsplit(urljoin(base, url))
    except ValueError:
        return "", ""
    return (f"{parts.scheme}://{parts.netloc}", parts.path or "/") if parts.netloc else ("", parts.path)


def _host(url: str) -> str:
    """Host and port of a URL; an empty string for a relative one."""
    return _joined(url)[0].partition("//")[2].lower()


def _is_reserved(url: str) -> bool:
    """Whether the host of a URL has a name of RFC 2606, which no provider has."""
    return _RESERVED.search(_host(url).partition(":")[0]) is not None


def _environment(url: str, text: str, taken: dict[str, Any], decisions: Decisions) -> str:
    """The name of the environment: a known word in its description or URL, or a made-up name."""
    joined = [found[2] for each in words(url) if (found := _JOINED.match(each))]
    named = [_ENVIRONMENTS[each] for each in (*words(text), *words(url), *joined) if each in _ENVIRONMENTS]
    if free := [each for each in named if each not in taken]:
        decisions.add(
            "/servers", f"{url} was taken as the environment {free[0]}: may it get the secrets of this environment?"
        )
        return free[0]
    base = (named or ["production"])[0]
    numbered = (f"{base}_{number}" for number in range(2, len(taken) + 3))
    name = next(each for each in (base, *numbered) if each not in taken)
    decisions.add(
        "/servers", f"the environment of {url} is not documented; is it {name}? It gets the secrets of this environment"
    )
    return name
