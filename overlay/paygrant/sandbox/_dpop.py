"""Checks DPoP proofs (RFC 9449 section 4.3), and makes the nonces that they must have."""

import json
import secrets
import threading
from collections.abc import Mapping
from typing import Any, cast
from urllib.parse import unquote, urlsplit

import jwt

from paygrant.sandbox._client_auth import Evidence
from paygrant.sandbox._jwt import (
    ASYMMETRIC,
    LEAST_RSA_BITS,
    LEEWAY,
    JwtError,
    VerifyingKey,
    algorithm_named,
    check_algorithm,
    check_id,
    check_issued,
    moment,
    read,
    sha256_base64url,
)

SCHEME = "DPoP"
"""The authentication scheme, the type of bound tokens, and the header of the proof."""

NONCE = "DPoP-Nonce"
"""The header by which the sandbox gives a nonce."""

_OLDEST = 60.0
"""Seconds. A proof is made for one request, so it is not older."""

_PRIVATE = frozenset({"d", "p", "q", "dp", "dq", "qi", "oth", "k"})
_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
"""The members that a thumbprint covers (RFC 7638 section 3.2, RFC 8037 section 2)."""

_PORTS = {"http": 80, "https": 443}


class ChangingNonces:
    """The nonces that proofs must have. The one before the latest counts, too, for requests that are on their way.

    Args:
        requests: A new nonce comes after this many requests. None: requests do not matter.
        seconds: A new nonce comes after this time. None: time does not matter.
    """

    def __init__(self, requests: int | None = None, seconds: float | None = None) -> None:
        self._requests = requests
        self._seconds = seconds
        self._lock = threading.Lock()
        self._latest = self._before = secrets.token_urlsafe(16)
        self._used = 0
        self._since: float | None = None

    def latest(self, now: float) -> str:
        """The nonce that the next proof should have."""
        with self._lock:
            self._change(now)
            return self._latest

    def accepts(self, nonce: object, now: float) -> bool:
        """Whether a proof may have this nonce. It counts as used if it may."""
        with self._lock:
            self._change(now)
            accepted = nonce in {self._latest, self._before} if isinstance(nonce, str) else False
            self._used += accepted
            return accepted

    def _change(self, now: float) -> None:
        if self._since is None:
            self._since = now
        passed = 0 if self._seconds is None else int((now - self._since) // self._seconds)
        if passed < 1 and (self._requests is None or self._used < self._requests):
            return
        after = secrets.token_urlsafe(16)
        self._before = after if passed > 1 else self._latest
        self._latest, self._used, self._since = after, 0, now


def check_proof(evidence: Evidence, token: str | None = None) -> str:
    """Check the proof of a request, and return the thumbprint of its key.

    Args:
        evidence: The request.
        token: The access token of a call of the API. None for a token request.

    Raises:
        JwtError: It is missing or wrong.
    """
    if len(evidence.proofs) != 1:
        fault = "there is none" if not evidence.proofs else "there is more than one"
        raise JwtError(f"DPoP: {fault}; expected one header with a proof")
    signed = read(evidence.proofs[0])
    if signed.header.get("typ") != "dpop+jwt":
        raise JwtError("typ: is another type; expected dpop+jwt")
    check_algorithm(signed, ASYMMETRIC)
    key, thumbprint = _key_in(signed.header.get("jwk"), signed.algorithm)
    signed.check_signature([VerifyingKey(key)])
    _check_claims(signed.claims, evidence, token)
    until = evidence.now + _OLDEST + 2 * LEEWAY
    check_id(signed.claims, lambda each: evidence.first_use(f"proof {thumbprint} {each}", until))
    return thumbprint


def _check_claims(claims: Mapping[str, Any], evidence: Evidence, token: str | None) -> None:
    """Check what the proof is for: the request, its time, the token and the nonce."""
    if claims.get("htm") != evidence.method:
        raise JwtError("htm: is another method; expected the method of the request")
    if not isinstance(claims.get("htu"), str) or _parts(claims["htu"]) != _parts(evidence.url):
        raise JwtError("htu: is another URL; expected the URL of the request without its query")
    check_issued(moment(claims, "iat"), evidence.now, _OLDEST)
    if token is not None and claims.get("ath") != sha256_base64url(token.encode()):
        fault = "is another hash" if "ath" in claims else "is missing"
        raise JwtError(f"ath: {fault}; expected the SHA-256 of the access token in base64url")
    if evidence.nonces is not None and not evidence.nonces.accepts(claims.get("nonce"), evidence.now):
        raise JwtError("nonce: is missing or old; expected the value of the header DPoP-Nonce", "use_dpop_nonce")


def challenge(code: str) -> str:
    """The value of ``WWW-Authenticate`` (RFC 9449 sections 7.1 and 9)."""
    return f'{SCHEME} error="{code}", algs="{" ".join(ASYMMETRIC)}"'


def _key_in(jwk: object, algorithm: str) -> tuple[Any, str]:
    """The public key in a proof, and its thumbprint (RFC 7638).

    Raises:
        JwtError: It is missing, private or damaged.
    """
    expected = "expected the public key as a JWK"
    if not isinstance(jwk, dict):
        raise JwtError(f"jwk: is missing; {expected}")
    stated = cast("Mapping[str, Any]", jwk)
    if _PRIVATE & stated.keys():
        raise JwtError(f"jwk: is a private key; {expected}")
    handler = algorithm_named(algorithm)
    try:
        key: Any = jwt.PyJWK(dict(stated), algorithm).key
        canonical: Mapping[str, str] = handler.to_jwk(key, as_dict=True)
        members = {name: canonical[name] for name in _MEMBERS[canonical["kty"]]}
    except Exception:  # noqa: BLE001 - anybody sends the key, and what it raises depends on what it holds
        key, members = None, {}
    if not members:
        raise JwtError(f"jwk: does not fit the algorithm; {expected}")
    if VerifyingKey(key).is_short:
        raise JwtError(f"jwk: is too short; expected an RSA key of {LEAST_RSA_BITS} bits or more")
    return key, sha256_base64url(json.dumps(members, separators=(",", ":"), sort_keys=True).encode())


def _parts(url: str) -> tuple[object, ...]:
    """What counts when URLs are compared: no query, no fragment, no default port (RFC 9449 section 4.3)."""
    try:
        parts = urlsplit(url)
        port = parts.port or _PORTS.get(parts.scheme)
    except ValueError:
        return (url,)
    return parts.scheme, parts.hostname, port, unquote(parts.path) or "/"
