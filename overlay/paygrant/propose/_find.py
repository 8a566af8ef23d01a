"""Finds what hands out tokens in a document: an operation that looks like it, or the flow of a security scheme.

Operations are judged by facts, each with its weight; nothing is asked of the texts, which say anything in any language.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from paygrant._arguments import invalid_argument
from paygrant._spec.document import is_object
from paygrant.propose._node import Node, Notes, clean
from paygrant.propose._schema import SURE, Field, Reader, merit, word
from paygrant.propose._swagger import upgraded

MOST_OPERATIONS = 5000
"""In a document; reading more of them would take too long."""

TOKENS = (
    "accesstoken", "authtoken", "bearertoken", "clienttoken", "sessiontoken", "jwttoken", "jwt", "token", "access",
    "idtoken",
)  # fmt: skip
"""Names of a token in an answer, without their spelling; the likeliest first. So below."""
SECRETS = (
    "clientsecret", "appsecret", "applicationsecret", "apisecret", "consumersecret", "apisecretkey", "secretkey",
    "secretid", "secret", "clientpassword", "accesssecret", "apipassword", "password", "apikey", "apitoken",
)  # fmt: skip
METHODS = ("post", "get", "put")

_PATH = re.compile("oauth|token|auth|login|session|connect", re.IGNORECASE)
_TOKEN_PATH = re.compile(
    r"(oauth.*token|(token|auth|login|authenticate|authentication)(/new|/create)?/?)$", re.IGNORECASE
)
_OTHER_PATH = re.compile("revo|introspect|refresh|userinfo|logout|verify|register|device|password|reset", re.IGNORECASE)

_LEAST = 5
"""What an operation must weigh: a secret, a token that comes out, and a path that is made for it."""

_FLOW = 6
"""What a documented flow weighs."""


@dataclass(frozen=True, slots=True, repr=False)
class Found:
    """What hands out tokens.

    Attributes:
        document: The document in which it stands, as OpenAPI 3; it collects the notes.
        place: Where it stands there.
        score: How much it looks like a token endpoint.
        path: The operation's path; of a flow the tokenUrl.
        method: Such as post.
        item: The operation's path item; empty for a flow.
        operation: The operation; empty for a flow.
        scopes: Those that a flow names.
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
        """Whether all that is known is a tokenUrl."""
        return self.operation.value is None


def find(documents: Sequence[dict[str, Any]]) -> Found:
    """The best of what hands out tokens in any of the documents.

    Raises:
        ConfigurationError: There is nothing of the kind.
    """
    nodes = [Node(each, each) for each in (upgraded(data) if "swagger" in data else data for data in documents)]
    found = [each for node in nodes for each in _all(node)]
    if not found:
        titles = ", ".join(clean(node["info"]["title"].text or "untitled", 80) for node in nodes)
        raise invalid_argument(
            "source",
            f"nothing in it hands out tokens ({titles}; {sum(len([*_places(node)]) for node in nodes)} operations)",
            f"looked for was an operation ({', '.join(METHODS).upper()}) that takes a grant_type, a secret such as "
            "client_secret, or HTTP Basic, and answers with a token such as access_token or has a path such as "
            "/oauth/token; and a security scheme with a clientCredentials flow (2.0: application)",
        )
    best = max(found, key=lambda each: each.score)
    others = [each.place for each in found if each.path != best.path]
    if others:
        best.document.notes.add("/paths", f"{best.place} was taken; it might be another: {', '.join(others[:5])}")
    return best


def _all(document: Node) -> Iterator[Found]:
    """The operations, with what a flow that leads to one adds to it; and the flows that lead elsewhere."""
    flows = list(_flows(document))
    for operation in _operations(document):
        same = [each for each in flows if each.path.endswith(operation.path)]
        flows = [each for each in flows if each not in same]
        urls = [clean(flow.path, 80) for flow in same if "://" in flow.path]
        if urls:
            named = ", ".join(urls[:5]) + (f" and {len(urls) - 5} more" if urls[5:] else "")
            operation.document.notes.add("/servers", f"the tokenUrl of a flow is {named}; is its host here?")
        yield replace(operation, score=operation.score + _FLOW, scopes=same[0].scopes) if same else operation
    yield from flows


def _places(document: Node) -> Iterator[tuple[str, str]]:
    for path, item in document["paths"].items():
        yield from ((path, method) for method in METHODS if is_object(item[method].value))


def _operations(document: Node) -> Iterator[Found]:
    for count, (path, method) in enumerate(_places(document)):
        if count >= MOST_OPERATIONS:
            raise invalid_argument("source", f"has more than {MOST_OPERATIONS} operations", "a smaller document")
        item = document["paths"][path]
        score = _score(document, path, item, item[method])
        if score >= _LEAST:
            noting = document.with_notes(Notes())
            item = noting["paths"][path]
            yield Found(noting, item[method].place, score, path, method, item, item[method])


def _flows(document: Node) -> Iterator[Found]:
    for name, scheme in document["components"]["securitySchemes"].items():
        if url := scheme["flows"]["clientCredentials"]["tokenUrl"].text:
            noting = document.with_notes(Notes())
            flow = noting["components"]["securitySchemes"][name]["flows"]["clientCredentials"]
            scopes = tuple(clean(scope, 80) for scope, _ in flow["scopes"].items())
            nothing = Node(None, None)
            yield Found(noting, flow.place, _FLOW, url, "post", nothing, nothing, scopes)


def _score(document: Node, path: str, item: Node, operation: Node) -> int:
    """The weight of the facts; 0 where no credentials go in, or no token comes out."""
    bodies = [Reader(100, 4).read(each["schema"]) for _, each in operation["requestBody"]["content"].items()]
    names = _names(bodies)
    names |= {word(each["name"].text) for where in (operation, item) for each in where["parameters"].each()}
    security = operation["security"] if "security" in operation else document["security"]
    schemes = [document["components"]["securitySchemes"][name] for each in security.each() for name, _ in each.items()]
    basic = any(each["scheme"].text.lower() == "basic" for each in schemes)
    key = "security" in operation and any(each["type"].text == "apiKey" for each in schemes)
    made_for_it = bool(_TOKEN_PATH.search(path))
    if not (names.intersection(SECRETS) or "granttype" in names or basic or key or made_for_it):
        return 0
    answers = [
        Reader(100, 4).read(content["schema"])
        for status, response in operation["responses"].items()
        if status.startswith("2") or status == "default"
        for _, content in response["content"].items()
    ]
    given = _names(answers)
    if not given.intersection(TOKENS) and not (made_for_it and ("granttype" in names or not given)):
        return 0
    grant = max(map(merit, bodies), default=0)
    return (
        (3 if "accesstoken" in given else 2 if given else 0)
        + (2 if "granttype" in names else 0)
        + (3 if grant >= SURE else -8 if grant < 0 else 0)
        + (2 if names.intersection(SECRETS[:9]) else 1 if names.intersection(SECRETS) else 0)
        + (1 if "clientid" in names else 0)
        + (2 if basic else 1 if key else 0)
        + (2 if made_for_it else 1 if _PATH.search(path) else 0)
        - (5 if _OTHER_PATH.search(path) else 0)
    )


def _names(bodies: Sequence[Field]) -> set[str]:
    """The names of all fields, without their spelling."""
    return {word(steps[-1]) for body in bodies for steps, _, _ in body.leaves() if steps}
