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
from paygrant.propose._field_names import CERTAIN_SECRETS, GRANT_TYPE, SECRETS, TOKENS, normalized
from paygrant.propose._schema import CERTAIN, Field, SchemaReader, merit
from paygrant.propose._swagger import as_openapi_3
from paygrant.propose.references import Node

MAX_OPERATIONS = 5000
"""Operations in a document; to read more of them would take too long."""

METHODS = ("post", "get", "put")

_PATH = re.compile("oauth|token|auth|login|session|connect", re.IGNORECASE)
_TOKEN_PATH = re.compile(
    r"(oauth.*token|(token|auth|login|authenticate|authentication)(/new|/create)?/?)$", re.IGNORECASE
)
_OTHER_PATH = re.compile("revo|introspect|refresh|userinfo|logout|verify|register|device|password|reset", re.IGNORECASE)

_LEAST_SCORE = 5
"""The score of an operation that takes a secret and returns a token, at a path that is typical for it."""

_FLOW_SCORE = 6
"""The score of a documented flow."""


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


def best_candidate(documents: Sequence[dict[str, Any]]) -> Candidate:
    """The likeliest token endpoint in any of the documents.

    Raises:
        ConfigurationError: There is none.
    """
    nodes = [Node.root(as_openapi_3(data) if "swagger" in data else data) for data in documents]
    candidates = [each for node in nodes for each in _candidates(node)]
    if not candidates:
        titles = ", ".join(clean(node["info"]["title"].text or "untitled", 80) for node in nodes)
        raise invalid_argument(
            "source",
            f"contains no token endpoint ({titles}; {sum(len([*_operations(node)]) for node in nodes)} operations)",
            f"an operation ({', '.join(METHODS).upper()}) that takes credentials (grant_type, client_secret or "
            "HTTP Basic) and returns a token (access_token), or has a path such as /oauth/token; or else a security "
            "scheme with a clientCredentials flow (2.0: application)",
        )
    best = max(candidates, key=lambda each: each.score)
    others = [each.place for each in candidates if each.path != best.path]
    if others:
        best.document.decisions.add("/paths", f"{best.place} was taken; other candidates: {', '.join(others[:5])}")
    return best


def _candidates(document: Node) -> Iterator[Candidate]:
    """The operations, each with the score and scopes of its flow, and the flows without an operation."""
    flows = list(_flows(document))
    for operation in _likely_operations(document):
        same = [each for each in flows if each.path.endswith(operation.path)]
        flows = [each for each in flows if each not in same]
        urls = [clean(flow.path, 80) for flow in same if "://" in flow.path]
        if urls:
            named = ", ".join(urls[:5]) + (f" and {len(urls) - 5} more" if urls[5:] else "")
            operation.document.decisions.add(
                "/servers", f"a flow has the tokenUrl {named}; is its host one of these servers?"
            )
        yield replace(operation, score=operation.score + _FLOW_SCORE, scopes=same[0].scopes) if same else operation
    yield from flows


def _operations(document: Node) -> Iterator[tuple[str, str]]:
    """Path and method of each operation."""
    for path, item in document["paths"].items():
        yield from ((path, method) for method in METHODS if is_object(item[method].value))


def _likely_operations(document: Node) -> Iterator[Candidate]:
    for count, (path, method) in enumerate(_operations(document)):
        if count >= MAX_OPERATIONS:
            raise invalid_argument("source", f"has more than {MAX_OPERATIONS} operations", "a smaller document")
        item = document["paths"][path]
        score = _score(document, path, item, item[method])
        if score >= _LEAST_SCORE:
            deciding = document.deciding(Decisions())
            item = deciding["paths"][path]
            yield Candidate(deciding, item[method].place, score, path, method, item, item[method])


def _flows(document: Node) -> Iterator[Candidate]:
    for name, scheme in document["components"]["securitySchemes"].items():
        if url := scheme["flows"]["clientCredentials"]["tokenUrl"].text:
            deciding = document.deciding(Decisions())
            flow = deciding["components"]["securitySchemes"][name]["flows"]["clientCredentials"]
            scopes = tuple(clean(scope, 80) for scope, _ in flow["scopes"].items())
            nothing = Node.root(None)
            yield Candidate(deciding, flow.place, _FLOW_SCORE, url, "post", nothing, nothing, scopes)


def _score(document: Node, path: str, item: Node, operation: Node) -> int:
    """The score of an operation; 0 if it takes no credentials, or returns no token."""
    bodies = [_skim(each["schema"]) for _, each in operation["requestBody"]["content"].items()]
    names = _names(bodies)
    names |= {normalized(each["name"].text) for where in (operation, item) for each in where["parameters"].each()}
    security = operation["security"] if "security" in operation else document["security"]
    schemes = [document["components"]["securitySchemes"][name] for each in security.each() for name, _ in each.items()]
    basic = any(each["scheme"].text.lower() == "basic" for each in schemes)
    key = "security" in operation and any(each["type"].text == "apiKey" for each in schemes)
    made_for_it = bool(_TOKEN_PATH.search(path))
    if not (names.intersection(SECRETS) or GRANT_TYPE in names or basic or key or made_for_it):
        return 0
    returned = _names(
        _skim(media["schema"])
        for status, response in operation["responses"].items()
        if status.startswith("2") or status == "default"
        for _, media in response["content"].items()
    )
    if not returned.intersection(TOKENS) and not (made_for_it and (GRANT_TYPE in names or not returned)):
        return 0
    grant = max(map(merit, bodies), default=0)
    return (
        (3 if "accesstoken" in returned else 2 if returned else 0)
        + (2 if GRANT_TYPE in names else 0)
        + (3 if grant >= CERTAIN else -8 if grant < 0 else 0)
        + (2 if names.intersection(CERTAIN_SECRETS) else 1 if names.intersection(SECRETS) else 0)
        + (1 if "clientid" in names else 0)
        + (2 if basic else 1 if key else 0)
        + (2 if made_for_it else 1 if _PATH.search(path) else 0)
        - (5 if _OTHER_PATH.search(path) else 0)
    )


def _skim(schema: Node) -> Field:
    return SchemaReader(fields=100, levels=4).read(schema)


def _names(bodies: Iterable[Field]) -> set[str]:
    """The names of all fields, without their spelling."""
    return {normalized(steps[-1]) for body in bodies for steps, _, _ in body.leaves() if steps}
