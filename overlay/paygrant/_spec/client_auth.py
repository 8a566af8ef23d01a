"""Reads an entry of ``client_authentication``: a method, and the words that the method has."""

from collections.abc import Mapping
from typing import Any

from paygrant._spec.description import ASSERTION_METHODS, Assertion, Claim, ClientAuth

_OF_ASSERTION = ("algorithms", "audience", "lifetime", "claims", "in", "name")
"""The words that describe an assertion."""


def client_auth_of(stated: Mapping[str, Any]) -> ClientAuth:
    """A method of client authentication. Where it sends the id or the secret, their names have defaults."""
    method = stated["method"]
    names: dict[str, Any] = {}
    if method == "tls_client_auth":
        names = {"client_id": "client_id"}
    elif method not in ASSERTION_METHODS and ClientAuth(method).place:
        names = {"client_id": "client_id", "client_secret": "client_secret"}
    if method in ASSERTION_METHODS:
        names["assertion"] = _assertion(stated)
    return ClientAuth(**names | {word: value for word, value in stated.items() if word not in _OF_ASSERTION})


def _assertion(stated: Mapping[str, Any]) -> Assertion:
    audience = stated.get("audience", "token_url")
    named: Mapping[str, Any] = {} if audience == "token_url" else audience
    default = Assertion()
    return Assertion(
        algorithms=tuple(stated.get("algorithms", ())),
        audience=named.get("value"),
        audience_fact=named.get("fact"),
        audience_argument=named.get("argument"),
        lifetime=stated.get("lifetime", default.lifetime),
        claims=tuple(Claim(name, **(source or {})) for name, source in stated.get("claims", {}).items()),
        place=stated.get("in", default.place),
        name=stated.get("name", default.name),
    )
