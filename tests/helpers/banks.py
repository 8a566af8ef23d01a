"""Specs of providers that ask for keys and certificates, and what a client sends to them, made by PyJWT alone."""

import hashlib
import json
import ssl
from base64 import urlsafe_b64encode
from pathlib import Path
from secrets import token_urlsafe
from typing import Any, cast

import jwt
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from tests.helpers.keys import MAKERS, pem
from tests.helpers.short import written

BANK = """\
openapi: 3.1.0
paths: {/oauth/token: {post: {}}}
servers: [{url: "https://auth.bank.example", x-mtls-url: "https://mtls.bank.example"}]
x-token-endpoint:
  client_authentication:
    - {method: private_key_jwt}
    - {method: client_secret_jwt}
    - {method: client_secret_basic}
    - {method: tls_client_auth}
"""

NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For clients that use http only: to load the authorities takes longer than a request."""

SHORT_JWK = {"kty": "RSA", "e": "AQAB", "n": "u" * 170}
"""A public key of 1,020 bits."""

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


def bank(folder: Path, methods: str | None = None) -> Path:
    """The path of the bank's spec. Its methods can be replaced."""
    text = BANK if methods is None else BANK.partition("    - ")[0] + methods
    return written(folder, text, "bank.yaml")


def key_of(algorithm: str, number: int = 0) -> Any:
    """A private key as PyJWT takes it."""
    return load_pem_private_key(pem(algorithm, number).encode(), None)


def public_jwk(algorithm: str, number: int = 0) -> dict[str, Any]:
    """Its public part."""
    handler: Any = jwt.get_algorithm_by_name(algorithm)
    return cast("dict[str, Any]", handler.to_jwk(key_of(algorithm, number).public_key(), as_dict=True))


def assertion(
    now: float,
    audience: object,
    *,
    key: Any = None,
    algorithm: str = "ES256",
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """An assertion of the sandbox's client. None takes a claim out."""
    stated = {
        "iss": "sandbox-client",
        "sub": "sandbox-client",
        "aud": audience,
        "iat": int(now),
        "exp": int(now) + 60,
        "jti": token_urlsafe(16),
        **claims,
    }
    known = {name: value for name, value in stated.items() if value is not None}
    return jws(known, algorithm, key_of(algorithm) if key is None else key, header or {})


def proof(  # noqa: PLR0913 - what can be wrong
    now: float,
    method: str,
    url: str,
    token: str | None = None,
    *,
    algorithm: str = "ES256",
    key: Any = None,
    header: dict[str, Any] | None = None,
    **claims: Any,
) -> str:
    """A DPoP proof. None takes a claim out."""
    stated = {"htm": method, "htu": url, "iat": int(now), "jti": token_urlsafe(16)}
    stated |= {"ath": b64(hashlib.sha256(token.encode()).digest())} if token else {}
    known = {name: value for name, value in (stated | claims).items() if value is not None}
    given = {"typ": "dpop+jwt", "jwk": public_jwk(algorithm) if algorithm in MAKERS else {}, **(header or {})}
    return jws(known, algorithm, key_of(algorithm) if key is None else key, given)


def jws(claims: object, algorithm: str, key: Any, header: dict[str, Any]) -> str:
    """A signed text. It may hold what no JWT may."""
    return jwt.PyJWS().encode(json.dumps(claims).encode(), key, algorithm, headers=header)


def b64(data: bytes) -> str:
    """Base64url without padding."""
    return urlsafe_b64encode(data).rstrip(b"=").decode()
