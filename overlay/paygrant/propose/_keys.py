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

_ALGORITHMS = re.compile(r"\b(RS256|PS256|ES256|ES384|EdDSA)\b")
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
    by_grant = _is_bearer_grant(parts)
    asserts = _ASSERTION_TYPE in texts or any(each.normalized == names.ASSERTION for each in parts)
    if by_grant or (asserts and "client_secret_jwt" not in found):
        found.append("private_key_jwt")
    client = next((each for each in parts if each.place == "body" and each.normalized == "clientid"), None)
    if client is None and "tls_client_auth" in found:  # RFC 8705 section 2
        client = RequestPart("body", ("client_id",), Field(description="The client's id."), required=False)
        parts.append(client)
    methods: list[dict[str, Any]] = []
    for name in dict.fromkeys(found):
        method: dict[str, Any] = {"method": name, **({"client_id": client.name} if client else {})}
        if name == "private_key_jwt":
            method |= _assertion(candidate, texts) | ({"name": "assertion"} if by_grant else {})
        methods.append(method)
    _decide(candidate, parts, methods)
    return methods


def _is_bearer_grant(parts: list[RequestPart]) -> bool:
    """Whether the request is an assertion alone (RFC 7523 section 2.1)."""
    grants = [each.field for each in parts if each.normalized == names.GRANT_TYPE]
    values = [value for field in grants for value in (field.const, field.sample, *field.choices)]
    return _BEARER_GRANT in values and any(each.normalized == names.BEARER_ASSERTION for each in parts)


def is_of_keys(part: RequestPart) -> bool:
    """Whether the engine fills a part by itself: an assertion, its type, or a DPoP proof (RFC 9449)."""
    proof = part.place == "header" and part.normalized == "dpop"
    return proof or part.normalized in {names.ASSERTION, names.ASSERTION_TYPE, names.BEARER_ASSERTION}


def _assertion(candidate: Candidate, texts: str) -> dict[str, Any]:
    """The words for an assertion that the document fills."""
    server = candidate.document[SERVER]
    stated = server["algorithms"]
    algorithms = list(dict.fromkeys(_ALGORITHMS.findall(json.dumps(stated.value) if stated.value else texts)))
    issuer = server["issuer"].text
    audience = f" (FAPI 2.0 demands the issuer, audience: {{value: {clean(issuer, 120)}}})" if issuer else ""
    accepted = ", ".join(algorithms) if algorithms else "any, as none is documented"
    text = (
        f"the assertion of private_key_jwt: algorithms {accepted}; its audience is the token URL{audience}, it "
        "lives 60 s and has no further claims: is that right?"
    )
    candidate.document.decisions.add(PLACE, text)
    return {"algorithms": algorithms} if algorithms else {}


def _decide(candidate: Candidate, parts: list[RequestPart], methods: list[dict[str, Any]]) -> None:
    """Note what a person must decide about keys, certificates and proofs."""
    decisions, server = candidate.document.decisions, candidate.document[SERVER]
    if methods:
        named = ", ".join(each["method"] for each in methods)
        decisions.add(PLACE, f"the document names {named}: decide whether your client is registered for it")
    if any(each["method"] == "tls_client_auth" for each in methods) or server["bound"].is_true:
        decisions.add(PLACE, "a certificate may accompany another method, too: each caller passes certificate")
    if server["proofs"].value or any(each.place == "header" and each.normalized == "dpop" for each in parts):
        decisions.add(PLACE, "the server takes DPoP proofs (RFC 9449): callers who want bound tokens pass dpop")
