"""Finds the token endpoint of a document: an operation that looks like one, or the flow of a security scheme.

Facts about an operation add to its score. Descriptions do not count: they may be in any language.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from paygrant._arguments import invalid_argument
from paygrant._spec.document import is_object
from paygrant.propose._decisions import Decisions, clean
from paygrant.propose._field_names import GRANT_TYPE, TOKENS, is_certain_secret, normalized, secret_rank
from paygrant.propose._schema import CERTAIN, Field, SchemaReader, merit
from paygrant.propose._swagger import as_openapi_3
from paygrant.propose.references import Node

MAX_OPERATIONS = 5000
"""Operations in a document; to read more of them would take too long."""

METHODS = ("post", "get", "put")

_PATH = re.compile("oauth|token|auth|login|session|connect", re.IGNORECASE)
_TOKEN_PATH = re.compile(
    r"(oauth.*token|(^|/)((access|auth|get|client)[-_]?)?(token|auth|login|authenticate|authentication|authorize)"
    r"(/new|/create|/get)?/?)$",
    re.IGNORECASE,
)
_RESOURCE = re.compile(r"s/\{[^}]*\}")
"""Matches the id of one of many in a path; what is below it belongs to a user, a card or the like."""

_OTHER_PATH = re.compile("revo|introspect|refresh|userinfo|logout|verify|register|device|password|reset", re.IGNORECASE)

_CLEAR_SCORE = 5
"""The score of an operation that takes a secret and returns a token, at a path that is typical for it."""

_FLOW_SCORE = 6
"""The score of a documented flow with client credentials."""

_MAX_SHOWN = 5
"""Other candidates, titles or hints that a decision or an error names."""

_HINTS = {
    "basic": "HTTP Basic may be all that a call needs",
    "mutualTLS": "a client certificate may be all that a call needs",
    "bearer": "its bearer tokens are from elsewhere: --template prints a spec to fill in",
}


@dataclass(frozen=True, slots=True, repr=False)
class Candidate:
    """What may be the token endpoint.

    Attributes:
        document: Its document, as OpenAPI 3; it collects the decisions.
        place: The JSON Pointer to it.
        score: How much it looks like a token endpoint.
        path: The operation's path; the tokenUrl of a flow.
        method: The HTTP method, in lower case.
        item: The operation's path item; empty for a flow.
        operation: The operation; empty for a flow.
        scopes: The scopes of a flow.
    """

    document: Node
    place: str
    score: int
    path: str
    method: str
    item: Node
    operation: Node
    scopes: tuple[str, ...] = ()

    @property
    def is_flow(self) -> bool:
        """Whether the document gives no more than a tokenUrl."""
        return self.operation.value is None

    @property
    def name(self) -> str:
        """Method and path, as a caller chooses it."""
        return clean(f"{self.method.upper()} {self.path}", 120)


def _listed(texts: Iterable[str]) -> str:
    """The first texts, each once. A page may hold thousands of documents."""
    found = [*dict.fromkeys(texts)]
    more = f" and {len(found) - _MAX_SHOWN} more" if len(found) > _MAX_SHOWN else ""
    return ", ".join(found[:_MAX_SHOWN]) + more


def best_candidate(documents: Sequence[dict[str, Any]], operation: str | None = None) -> Candidate:
    """The chosen operation, or else the likeliest token endpoint in any of the documents.

    Raises:
        ConfigurationError: There is none.
    """
    nodes = [Node.root(as_openapi_3(data) if "swagger" in data else data) for data in documents]
    candidates = [each for node in nodes for each in _candidates(node, operation)]
    if operation is not None:
        return _chosen(candidates, operation)
    if not candidates:
        titles = _listed(clean(node["info"]["title"].text or "untitled", 80) for node in nodes)
        found = dict.fromkeys(hint for node in nodes for hint in _hints(node))
        hints = "".join(f"; {hint}" for hint in [*found][:_MAX_SHOWN])
        raise invalid_argument(
            "source",
            f"contains no token endpoint ({titles}; {sum(len([*_operations(node)]) for node in nodes)} operations{hints})",
            f"an operation ({', '.join(METHODS).upper()}) that takes credentials (grant_type, client_secret or "
            "HTTP Basic) and returns a token (access_token), or has a path such as /oauth/token; or else a security "
            "scheme with a clientCredentials flow (2.0: application); --operation chooses any other operation",
        )
    best = max(candidates, key=lambda each: each.score)
    is_clear = best.score >= _CLEAR_SCORE
    others = [
        each.name for each in candidates if each.path != best.path and (each.score >= _CLEAR_SCORE or not is_clear)
    ]
    if others or not is_clear:
        doubt = "" if is_clear else ", though it does not look like a token endpoint in every way"
        named = f"; other candidates: {', '.join(others[:_MAX_SHOWN])}" if others else ""
        best.document.decisions.add("/paths", f"{best.name} was taken{doubt}{named}; --operation chooses another")
    return best


def _chosen(candidates: Sequence[Candidate], operation: str) -> Candidate:
    """The operation or the flow that the caller names by method and path."""
    method, _, path = operation.strip().partition(" ")
    wanted = (method.lower(), path.strip())
    found = [each for each in candidates if (each.method, each.path) == wanted]
    if not found:
        likely = sorted(candidates, key=lambda each: -each.score)
        named = ", ".join(f'"{each.name}"' for each in likely[:_MAX_SHOWN]) or f"one with {', '.join(METHODS).upper()}"
        raise invalid_argument(
            "operation", "is not in the document", f"method and path of an operation, such as {named}"
        )
    return found[0]


def _candidates(document: Node, operation: str | None) -> Iterator[Candidate]:
    """The operations, each with the score and scopes of its flows, and the flows without an operation."""
    flows = listed = list(_flows(document))
    for each in _scored_operations(document):
        same = [flow for flow in flows if flow.path.endswith(each.path)]
        flows = [flow for flow in flows if flow not in same]
        if not (each.score or same or operation):
            continue
        urls = [clean(flow.path, 80) for flow in same if "://" in flow.path]
        if urls:
            named = ", ".join(urls[:5]) + (f" and {len(urls) - 5} more" if urls[5:] else "")
            each.document.decisions.add(
                "/servers", f"a flow has the tokenUrl {named}; is its host one of these servers?"
            )
        score = each.score + max((flow.score for flow in same), default=0)
        scopes = tuple(dict.fromkeys(scope for flow in same or listed for scope in flow.scopes))
        yield replace(each, score=score, scopes=scopes)
    yield from flows


def _operations(document: Node) -> Iterator[tuple[str, str]]:
    """Path and method of each operation."""
    for path, item in document["paths"].items():
        yield from ((path, method) for method in METHODS if is_object(item[method].value))


def _scored_operations(document: Node) -> Iterator[Candidate]:
    for count, (path, method) in enumerate(_operations(document)):
        if count >= MAX_OPERATIONS:
            raise invalid_argument("source", f"has more than {MAX_OPERATIONS} operations", "a smaller document")
        item = document["paths"][path]
        score = _score(document, path, item, item[method])
        deciding = document.deciding(Decisions())
        item = deciding["paths"][path]
        yield Candidate(deciding, item[method].place, score, path, method, item, item[method])


def _flows(document: Node) -> Iterator[Candidate]:
    """The flows with client credentials. Without any, the other flows with a tokenUrl: it may grant these, too."""
    listed = [
        (kind, name)
        for name, scheme in document["components"]["securitySchemes"].items()
        for kind, flow in scheme["flows"].items()
        if flow["tokenUrl"].text
    ]
    granting = [each for each in listed if each[0] == "clientCredentials"]
    for kind, name in granting or listed:
        deciding = document.deciding(Decisions())
        flow = deciding["components"]["securitySchemes"][name]["flows"][kind]
        if not granting:
            text = f"the tokenUrl of the flow {clean(kind, 40)} was taken: does it grant client credentials, too?"
            deciding.decisions.add("/paths", text)
        scopes = tuple(clean(scope, 80) for scope, _ in flow["scopes"].items())
        nothing = Node.root(None)
        score = _FLOW_SCORE if granting else 1
        yield Candidate(deciding, flow.place, score, flow["tokenUrl"].text, "post", nothing, nothing, scopes)


def _hints(document: Node) -> Iterator[str]:
    """What the document says instead about how a client authenticates."""
    schemes = [*document["components"]["securitySchemes"].values()]
    keys = [clean(each["name"].text, 40) for each in schemes if each["type"].text == "apiKey"]
    if keys:
        yield f"its API keys ({', '.join(keys[:_MAX_SHOWN])}) may be all that a call needs"
    kinds = {each["scheme"].text.lower() or each["type"].text for each in schemes}
    yield from (hint for kind, hint in _HINTS.items() if kind in kinds)
    yield from (
        f"its authorization server describes itself at {url}, which paygrant new can read"
        for url in metadata_urls(document)
    )


def metadata_urls(document: Node) -> Iterator[str]:
    """Where the authorization server describes itself. It is never fetched here: it may be on any host."""
    for scheme in document["components"]["securitySchemes"].values():
        if url := scheme["oauth2MetadataUrl"].text or scheme["openIdConnectUrl"].text:
            yield clean(url, 120)


def _score(document: Node, path: str, item: Node, operation: Node) -> int:
    """The score of an operation: at least 1 if it may be a token endpoint, else 0."""
    bodies = [_skim(each["schema"]) for each in operation["requestBody"]["content"].values()]
    names = _names(bodies)
    names |= {normalized(each["name"].text) for where in (operation, item) for each in where["parameters"].each()}
    security = operation["security"] if "security" in operation else document["security"]
    schemes = [document["components"]["securitySchemes"][name] for each in security.each() for name, _ in each.items()]
    basic = any(each["scheme"].text.lower() == "basic" for each in schemes)
    key = "security" in operation and any(each["type"].text == "apiKey" for each in schemes)
    fixed_path = re.sub(r"\{[^}]*\}", "", path)
    made_for_it = bool(_TOKEN_PATH.search(fixed_path)) and not _RESOURCE.search(path)
    is_likely_path = bool(_PATH.search(fixed_path))
    secret = any(secret_rank(each) is not None for each in names)
    authorizes = "responsetype" in names and GRANT_TYPE not in names  # RFC 6749 section 4.1.1
    if authorizes or not (secret or GRANT_TYPE in names or made_for_it or ((basic or key) and is_likely_path)):
        return 0
    returned = _names(
        _skim(media["schema"])
        for status, response in operation["responses"].items()
        if status.startswith("2") or status == "default"
        for media in response["content"].values()
    )
    has_token = bool(returned.intersection(TOKENS))
    if not has_token and not made_for_it and not (GRANT_TYPE in names and is_likely_path):
        return 0
    grant = max(map(merit, bodies), default=0)
    score = (
        (3 if "accesstoken" in returned else 2 if has_token else -4 if returned else 1)
        + (2 if GRANT_TYPE in names else 0)
        + (3 if grant >= CERTAIN else -8 if grant < 0 else 0)
        + (2 if any(map(is_certain_secret, names)) else 1 if secret else 0)
        + (1 if "clientid" in names else 0)
        + (2 if basic else 1 if key else 0)
        + (2 if made_for_it else 1 if is_likely_path else 0)
        - (5 if _OTHER_PATH.search(fixed_path) else 3 if _RESOURCE.search(path) else 0)
    )
    return max(score, 1) if score >= _CLEAR_SCORE or is_likely_path else 0


def _skim(schema: Node) -> Field:
    return SchemaReader(fields=100, levels=4).read(schema)


def _names(bodies: Iterable[Field]) -> set[str]:
    """The names of all fields, without their spelling."""
    return {normalized(steps[-1]) for body in bodies for steps, _, _ in body.leaves() if steps}
