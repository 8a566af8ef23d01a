"""Proposes the methods of client authentication that need a key or a certificate: assertions and mutual TLS."""

import json
import re
from typing import Any

from paygrant.propose import _field_names as names
from paygrant.propose._candidates import Candidate
from paygrant.propose._decisions import clean
from paygrant.propose._metadata import AUTH_METHODS, SERVER
from paygrant.propose._parts import RequestPart
from paygrant.propose._schema import Field

PLACE = "/x-token-endpoint/client_authentication"

_METHODS = re.compile(r"\b(private_key_jwt|client_secret_jwt|(?:self_signed_)?tls_client_auth)\b")
"""The methods of OpenID Connect Core section 9 and RFC 8705 section 2 that need a key or a certificate."""

_JWT = {"private_key_jwt", "client_secret_jwt"}
_ALGORITHMS = re.compile(r"\b(?:[REP]S(?:256|384|512)|EdDSA)\b")
_MACS = re.compile(r"\bHS(?:256|384|512)\b")
_USABLE = {"RS256", "PS256", "ES256", "ES384", "EdDSA"}
"""The algorithms by which a private key signs here."""

_ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_BEARER_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"


def key_methods(candidate: Candidate, parts: list[RequestPart]) -> list[dict[str, Any]]:
    """The methods with a key or a certificate that the document names, or whose fields its request has."""
    schemes = candidate.document["components"]["securitySchemes"]
    described = candidate.document["info"]["description"].text
    texts = json.dumps([candidate.operation.value, schemes.value, described, candidate.document[AUTH_METHODS].value])
    found = [each.removeprefix("self_signed_") for each in _METHODS.findall(texts)]
    if any(each["type"].text == "mutualTLS" for each in schemes.values()):
        found.append("tls_client_auth")
    by_grant = _is_bearer_grant(candidate, parts)
    asserts = _ASSERTION_TYPE in texts or any(each.normalized == names.ASSERTION for each in parts)
    if names.ASSERTION in _alternatives(candidate):
        asserts = True
        for each in parts:
            each.required = each.required and not names.is_certain_secret(each.normalized)
    if by_grant or (asserts and "client_secret_jwt" not in found):
        found.append("private_key_jwt")
    client = next((each for each in parts if each.place == "body" and each.normalized == "clientid"), None)
    if client is None and "tls_client_auth" in found:  # RFC 8705 section 2
        client = RequestPart("body", ("client_id",), Field(description="The client's id."), required=False)
        parts.append(client)
    _decide(candidate, parts, list(dict.fromkeys(found)))
    sent = {"client_id": client.name} if client else {}
    return [
        {"method": name, **sent, **(_assertion(candidate, texts, name, by_grant=by_grant) if name in _JWT else {})}
        for name in dict.fromkeys(found)
    ]


def _alternatives(candidate: Candidate) -> set[str]:
    """The fields of all alternatives of the body, without their spelling. The parts are those of one alternative."""
    bodies = [each["schema"] for each in candidate.operation["requestBody"]["content"].values()]
    schemas = (each for body in bodies for word in ("oneOf", "anyOf") for each in body[word].each())
    return {names.normalized(name) for schema in schemas for name, _ in schema["properties"].items()}


def _is_bearer_grant(candidate: Candidate, parts: list[RequestPart]) -> bool:
    """Whether the request is an assertion alone (RFC 7523 section 2.1), and no client credentials."""
    grants = [each.field for each in parts if each.normalized == names.GRANT_TYPE]
    values = [value for field in grants for value in (field.const, field.sample, *field.choices)]
    found = _BEARER_GRANT in values and any(each.normalized == names.BEARER_ASSERTION for each in parts)
    if found and "client_credentials" in values:
        text = "the JWT bearer grant (RFC 7523 section 2.1) is documented, too: it needs a spec of its own"
        candidate.document.decisions.add(PLACE, text)
    return found and "client_credentials" not in values


def is_of_keys(part: RequestPart) -> bool:
    """Whether the engine fills a part by itself: an assertion, its type, or a DPoP proof (RFC 9449)."""
    proof = part.place == "header" and part.normalized == "dpop"
    return proof or part.normalized in {names.ASSERTION, names.ASSERTION_TYPE, names.BEARER_ASSERTION}


def _assertion(candidate: Candidate, texts: str, method: str, *, by_grant: bool) -> dict[str, Any]:
    """The words for an assertion that the document fills."""
    server = candidate.document[SERVER]
    stated = server["algorithms"].value
    known = _MACS if method == "client_secret_jwt" else _ALGORITHMS
    named = list(dict.fromkeys(known.findall(json.dumps(stated) if stated else texts)))
    algorithms = [each for each in named if each in _USABLE or known is _MACS]
    issuer = server["issuer"].text
    audience = f" (FAPI 2.0 demands the issuer, audience: {{value: {clean(issuer, 120)}}})" if issuer else ""
    accepted = ", ".join(algorithms) if algorithms else "any, as none is documented"
    if named and not algorithms:
        accepted = f"any, as no key signs here by {', '.join(named)}, which the document names"
    text = (
        f"the assertion of {method}: algorithms {accepted}; its audience is the token URL{audience}, it "
        "lives 60 s and has no further claims: is that right?"
    )
    candidate.document.decisions.add(PLACE, text)
    name = {"name": "assertion"} if by_grant and known is _ALGORITHMS else {}
    return ({"algorithms": algorithms} if algorithms else {}) | name


def _decide(candidate: Candidate, parts: list[RequestPart], methods: list[str]) -> None:
    """Note what a person must decide about keys, certificates and proofs."""
    decisions, server = candidate.document.decisions, candidate.document[SERVER]
    if methods:
        decisions.add(
            PLACE, f"the document names {', '.join(methods)}: decide whether your client is registered for it"
        )
    if "tls_client_auth" in methods or server["bound"].is_true:
        decisions.add(PLACE, "a certificate may accompany another method, too: each caller passes certificate")
    if server["proofs"].value or any(each.place == "header" and each.normalized == "dpop" for each in parts):
        decisions.add(PLACE, "the server takes DPoP proofs (RFC 9449): callers who want bound tokens pass dpop")
