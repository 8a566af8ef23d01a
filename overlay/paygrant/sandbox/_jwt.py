"""Checks JWTs that a client has signed (RFC 7515, RFC 7519). PyJWT checks the signatures.

An error text never holds a part of the JWT.
"""

import hashlib
import json
import math
from base64 import urlsafe_b64encode
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

import jwt

from paygrant._errors import missing_extra
from paygrant._secrets import compared_as_a_whole

ASYMMETRIC = ("RS256", "PS256", "ES256", "ES384", "EdDSA")
"""The algorithms of private keys that the sandbox knows (RFC 7518 section 3.1, RFC 8037 section 3.1)."""

SYMMETRIC = ("HS256", "HS384", "HS512")
"""The algorithms that sign with a client secret."""

LEAST_RSA_BITS = 2048
"""Shorter keys must not be used (RFC 7518 section 3.3)."""

LEEWAY = 5.0
"""Seconds by which the clocks of client and sandbox may differ."""

_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1"}

FirstUse = Callable[[str, float], bool]
"""Takes an id and the time until which it counts. Returns whether it is the first use."""


class JwtError(Exception):
    """What is wrong with a JWT, and what is expected.

    Attributes:
        code: The error code of a proof's refusal (RFC 9449 sections 5 and 8).
    """

    def __init__(self, message: str, code: str = "invalid_dpop_proof") -> None:
        super().__init__(message)
        self.code = code


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class VerifyingKey:
    """A key that checks signatures: a public key, or a client secret. ``key_id`` is None if the key has no id."""

    key: Any
    key_id: str | None = None

    @property
    def is_short(self) -> bool:
        """Whether it is an RSA key that is too short."""
        from cryptography.hazmat.primitives.asymmetric import rsa

        return isinstance(self.key, rsa.RSAPublicKey) and self.key.key_size < LEAST_RSA_BITS

    def fits(self, algorithm: str) -> bool:
        """Whether the key is of the kind that an algorithm needs."""
        if algorithm in SYMMETRIC or isinstance(self.key, bytes):
            return algorithm in SYMMETRIC and isinstance(self.key, bytes)
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa  # most sandboxes have no keys

        if algorithm in _CURVES:
            return isinstance(self.key, ec.EllipticCurvePublicKey) and self.key.curve.name == _CURVES[algorithm]
        return isinstance(self.key, ed25519.Ed25519PublicKey if algorithm == "EdDSA" else rsa.RSAPublicKey)


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class SignedJwt:
    """The parts of a JWT before its signature is checked."""

    header: Mapping[str, Any]
    claims: Mapping[str, Any]
    signature: bytes
    signing_input: bytes = field(default=b"")

    @property
    def algorithm(self) -> str:
        """The algorithm that the header names."""
        return str(self.header.get("alg"))

    def check_signature(self, keys: Iterable[VerifyingKey]) -> None:
        """Refuse a signature that none of these keys made.

        Raises:
            JwtError: None of them did.
        """
        algorithm = algorithm_named(self.algorithm)
        for each in keys:
            if each.fits(self.algorithm) and algorithm.verify(self.signing_input, each.key, self.signature):
                return
        raise JwtError("the signature is wrong; expected one by a key of the client")


def algorithm_named(name: str) -> Any:
    """What PyJWT has for an algorithm.

    Raises:
        JwtError: The extra with cryptography is not installed.
    """
    try:
        return jwt.get_algorithm_by_name(name)
    except NotImplementedError:
        missing = missing_extra("the sandbox", ImportError(name="cryptography"), "keys")
    raise JwtError(str(missing))


def read(text: str) -> SignedJwt:
    """The parts of a JWT.

    Raises:
        JwtError: It is not a JWT.
    """
    try:
        parts = jwt.PyJWS().decode_complete(text, options={"verify_signature": False})
        claims: Any = json.loads(parts["payload"])
    except (jwt.PyJWTError, ValueError, RecursionError):
        claims = None
    else:
        if isinstance(claims, dict):
            signing_input = text.rpartition(".")[0].encode()
            return SignedJwt(parts["header"], cast("Mapping[str, Any]", claims), parts["signature"], signing_input)
    raise JwtError("it is not a JWT; expected three parts in base64url, with claims in JSON")


def sha256_base64url(data: bytes) -> str:
    """The SHA-256 of data, in base64url (RFC 7638 section 3, RFC 8705 section 3.1, RFC 9449 section 4.2)."""
    return urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()


def check_algorithm(signed: SignedJwt, accepted: Iterable[str]) -> None:
    """Refuse other algorithms than the accepted ones.

    Raises:
        JwtError: The header names another one.
    """
    if signed.algorithm not in accepted:
        raise JwtError(f"alg: is another algorithm; expected {' or '.join(accepted)}")


def moment(claims: Mapping[str, Any], name: str, *, required: bool = True) -> float | None:
    """A time among the claims, in seconds since the epoch.

    Raises:
        JwtError: It is missing, or not a number.
    """
    value = claims.get(name)
    is_number = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value))
    if is_number and not isinstance(value, bool):
        return cast("float", value)
    if value is not None or required:
        raise JwtError(f"{name}: {'is missing' if value is None else 'is not a number'}; expected seconds since 1970")
    return None


def check_issued(issued: float | None, now: float, oldest: float) -> None:
    """Refuse a JWT from the future, or an old one.

    Args:
        issued: Its ``iat``.
        now: The time of the sandbox.
        oldest: The longest time since then, in seconds.

    Raises:
        JwtError: It is from the future or too old.
    """
    if issued is None:
        return
    if issued > now + LEEWAY:
        raise JwtError("iat: is in the future by the sandbox's clock; expected the current time")
    if issued < now - oldest - LEEWAY:
        raise JwtError(f"iat: is too old by the sandbox's clock; expected at most {oldest:.0f} seconds ago")


def check_id(claims: Mapping[str, Any], first_use: Callable[[str], bool], *, required: bool = True) -> None:
    """Refuse a JWT without an id, or with one that was used before.

    Raises:
        JwtError: It is missing or used.
    """
    identifier = claims.get("jti")
    if identifier is None and not required:
        return
    if not isinstance(identifier, str) or not identifier:
        raise JwtError(f"jti: {'is missing' if identifier is None else 'is not a string'}; expected a new id")
    if not first_use(identifier):
        raise JwtError("jti: was used before; expected a new id")
