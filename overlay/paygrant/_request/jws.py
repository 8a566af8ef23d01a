"""Compact JSON Web Signatures (RFC 7515 section 7.1), with any key that can sign."""

import hashlib
import hmac
import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from paygrant._arguments import invalid_argument, is_coroutine
from paygrant._errors import missing_extra
from paygrant._request.signing_key import LEAST_RSA_BITS, Signer, SigningKey, base64url

_ECDSA_BYTES = {"ES256": 32, "ES384": 48}
"""The length of R and of S (RFC 7518 section 3.4)."""

_LEAST_RSA_BYTES = LEAST_RSA_BITS // 8
_ED25519_BYTES = 64
"""The length of a signature (RFC 8032 section 5.1.6)."""

_HASHES = {"HS256": hashlib.sha256, "HS384": hashlib.sha384, "HS512": hashlib.sha512}


class SecretSigner:
    """Signs with a client secret (RFC 7518 section 3.2)."""

    __slots__ = ("_secret", "algorithm")
    key_id = None

    def __init__(self, secret: str, algorithm: str = "HS256") -> None:
        self._secret = secret.encode()
        self.algorithm = algorithm

    def sign(self, data: bytes) -> bytes:
        """The authentication code."""
        return hmac.digest(self._secret, data, _HASHES[self.algorithm])


_OURS = frozenset({SigningKey, SecretSigner})
"""What signs without code of the caller's."""


def signed(header: Mapping[str, Any], claims: Mapping[str, Any], signer: Signer) -> str:
    """A signed JWT (RFC 7519).

    Raises:
        ConfigurationError: The caller's object could not sign.
    """
    return signed_after(segment(header), claims, signer)


def signed_after(header: str, claims: Mapping[str, Any], signer: Signer) -> str:
    """A signed JWT with a header that is encoded already."""
    return signed_text(header, _encode(claims), signer)


def signed_text(header: str, payload: str, signer: Signer, argument: str = "private_key") -> str:
    """A signed JWT of claims that are written as JSON already. An error names the argument that gave the key."""
    signing_input = f"{header}.{base64url(payload.encode())}"
    data = signing_input.encode()
    signature = signer.sign(data) if type(signer) in _OURS else _foreign_signature(signer, data, argument)
    return f"{signing_input}.{base64url(signature)}"


def segment(document: Mapping[str, Any]) -> str:
    """A part of a JWS: JSON in base64url."""
    return base64url(_encode(document).encode())


_encode = json.JSONEncoder(separators=(",", ":")).encode


def _foreign_signature(signer: Signer, data: bytes, argument: str) -> bytes:
    """The signature that a caller's object makes. It may come in DER, as KMS and HSM give it."""
    expected = "an object whose sign(data) returns the signature as bytes"
    try:
        signature: Any = signer.sign(data)
    except Exception as error:  # noqa: BLE001 - a user's function; its error text may hold anything
        fault = f"raised {type(error).__name__}"
    else:
        if isinstance(signature, bytes) and signature:
            algorithm, length = signer.algorithm, len(signature)
            if size := _ECDSA_BYTES.get(algorithm):
                return signature if length == 2 * size else _from_der(signature, size, argument)
            if length == _ED25519_BYTES if algorithm == "EdDSA" else length >= _LEAST_RSA_BYTES:
                return signature
            fault = f"returned {length} bytes that are no signature by {algorithm}"
            expected = "the bytes that RFC 7518 section 3 or RFC 8037 section 3.1 describes"
        elif is_coroutine(signature):
            fault = "is asynchronous"
        else:
            fault = "returned nothing" if signature == b"" else f"returned a {type(signature).__name__}"
    raise invalid_argument(argument, f"sign() {fault}", expected)


def _from_der(signature: bytes, size: int, argument: str) -> bytes:
    """R and S of full length, from a signature in DER."""
    try:
        from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
    except ImportError as error:
        raise missing_extra("an ECDSA signature in DER", error, "keys") from None
    try:
        return b"".join(part.to_bytes(size, "big") for part in decode_dss_signature(signature))
    except (ValueError, OverflowError):
        fault = f"sign() returned {len(signature)} bytes that are no ECDSA signature"
    raise invalid_argument(argument, fault, f"R and S of {size} bytes each, or both in DER")


@lru_cache(maxsize=64)
def key_header(kind: str, key_id: str | None, algorithm: str) -> str:
    """The header of an assertion, encoded: its type, the algorithm, and the key's id if it has one."""
    return segment({"alg": algorithm, "typ": kind} | ({"kid": key_id} if key_id else {}))
