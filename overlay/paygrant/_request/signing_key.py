"""SigningKey: a private key, and the objects of a caller that can take its place. PyJWT and cryptography do the work."""

import hashlib
import json
import re
from binascii import b2a_base64
from collections.abc import Callable, Collection, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Any, Literal, Protocol, cast, get_args, runtime_checkable

from paygrant._arguments import check_choice, check_text, check_type, checked, invalid_argument
from paygrant._errors import missing_extra

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes

    from paygrant._spec.description import Assertion

Algorithm = Literal["RS256", "PS256", "ES256", "ES384", "EdDSA"]
ALGORITHMS: tuple[str, ...] = get_args(Algorithm)
"""The algorithms of RFC 7518 and RFC 8037 by which a private key may sign here."""

LEAST_RSA_BITS = 2048
"""Shorter keys must not be used (RFC 7518 section 3.3)."""

_EXPECTED = "the text of a private key in PEM (PKCS #8, PKCS #1 or SEC 1), or as a JWK"
_EXPECTED_TEXT = (
    "the text of the file, as Path(...).read_text() gives it; a variable ..._PRIVATE_KEY_FILE may name the file"
)
_OF_THE_KEY = "the password of the private key"
_LONGEST_KEY = 1 << 16
"""Characters. RSA with 16,384 bits needs 13,000 in PEM, and a chain of certificates may precede it."""

_PATH = re.compile(
    r"[^\n{]{0,250}\.(pem|key|p8|pk8|der|jwk|json|pfx|p12|txt)|(~|\.{1,2}|[A-Za-z]:)?[/\\][^\n=+]{1,250}"
)
"""Matches what is the path of a file, and no key."""

_THUMBPRINT_MEMBERS = {"EC": ("crv", "kty", "x", "y"), "OKP": ("crv", "kty", "x"), "RSA": ("e", "kty", "n")}
"""The members that a thumbprint covers, in their order (RFC 7638 section 3.2, RFC 8037 section 2)."""


_KINDS = {
    "RS256": ("RSA", None),
    "PS256": ("RSA", None),
    "ES256": ("EC", "P-256"),
    "ES384": ("EC", "P-384"),
    "EdDSA": ("OKP", "Ed25519"),
}
"""The key type and the curve that an algorithm needs."""


@runtime_checkable
class Signer(Protocol):
    """What signs: a SigningKey, or an object that asks a KMS or an HSM to sign.

    For DPoP, it also needs ``public_jwk``: the public key as a JWK (RFC 7517).
    """

    @property
    def algorithm(self) -> str:
        """The algorithm's name, such as ES256 (RFC 7518 section 3.1)."""
        ...

    @property
    def key_id(self) -> str | None:
        """The key's id as the provider knows it. It becomes the ``kid`` of the header (RFC 7515 section 4.1.4)."""
        ...

    def sign(self, data: bytes, /) -> bytes:
        """The signature. For ECDSA, that is R and S, each of full length (RFC 7518 section 3.4), or both in DER."""
        ...


Signer.__module__ = "paygrant"


class SigningKey:
    """A private key that signs assertions (RFC 7523) and proofs (RFC 9449). It needs the extra ``paygrant[keys]``.

    Args:
        private_key: The key in PEM, or as a JWK (RFC 7517).
        key_id: The key's id as the provider knows it. The default is the JWK's ``kid``, if it has one.
        algorithm: ``"RS256"``, ``"PS256"``, ``"ES256"``, ``"ES384"`` or ``"EdDSA"``. The default is the JWK's ``alg``,
            or else fits the key: RS256 for RSA, ES256 for P-256, ES384 for P-384, EdDSA for Ed25519.
        password: The password of an encrypted key in PEM.

    Attributes:
        algorithm: The algorithm.
        key_id: The key's id. None if there is none.
        public_jwk: The public key as a JWK.

    Raises:
        ConfigurationError: An argument is bad, or the key is public, locked, too short or of another kind.
        ImportError: The extra is not installed.
    """

    __module__ = "paygrant"
    __slots__ = ("_is_stated", "_key", "_sign", "algorithm", "key_id", "public_jwk", "thumbprint")

    @checked
    def __init__(
        self,
        private_key: str | bytes,
        *,
        key_id: str | None = None,
        algorithm: Algorithm | None = None,
        password: str | None = None,
    ) -> None:
        private_key = _text_of(private_key)
        for name, text in (("key_id", key_id), ("password", password)):
            if text is not None:
                check_text(name, text)
        if algorithm is not None:
            check_choice("algorithm", algorithm, ALGORITHMS)
        key, stated = _loaded(private_key, password)
        fitting = _fitting(key)
        chosen = algorithm or stated.get("alg") or fitting[0]
        if chosen not in fitting:
            fault = f"is {chosen}" if chosen in ALGORITHMS else "is not supported"
            raise invalid_argument("algorithm", fault, f"one that fits the key: {' or '.join(fitting)}")
        if key_id is None and stated.get("kid") is not None:
            key_id = check_text("private_key", stated["kid"])
        self._is_stated = bool(algorithm or stated.get("alg"))
        self._key = key
        self._sign = _signature(key, chosen)
        self.algorithm: str = chosen
        self.key_id = key_id
        self.public_jwk: Mapping[str, str] = _public_jwk(key, chosen)
        self.thumbprint = thumbprint(self.public_jwk)
        """The base64url text of the public key's SHA-256 thumbprint (RFC 7638)."""

    def sign(self, data: bytes) -> bytes:
        """The signature of these bytes, as a JWS holds it (RFC 7518 section 3)."""
        return self._sign(data)

    def _accepted_by(self, algorithms: Collection[str]) -> "SigningKey":
        """The key with one of these algorithms, unless none fits or its user has stated another."""
        found = next((each for each in _fitting(self._key) if each in algorithms), None)
        if self._is_stated or found is None:
            return self
        twin = object.__new__(SigningKey)
        twin._is_stated, twin._key, twin._sign = False, self._key, _signature(self._key, found)
        twin.algorithm, twin.key_id = found, self.key_id
        twin.public_jwk, twin.thumbprint = self.public_jwk, self.thumbprint
        return twin

    def _facts(self) -> tuple[object, ...]:
        return self.algorithm, self.key_id, self.thumbprint

    def __eq__(self, other: object) -> bool:
        return self._facts() == other._facts() if isinstance(other, SigningKey) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._facts())

    def __copy__(self) -> "SigningKey":
        return self

    def __deepcopy__(self, memo: object) -> "SigningKey":
        return self

    def __reduce__(self) -> "tuple[Callable[..., SigningKey], tuple[object, ...]]":
        """Let it travel to another process of the same program, as a provider with its secret does."""
        from cryptography.hazmat.primitives import serialization

        plain = serialization.NoEncryption()
        pem = self._key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
        return _key_of, (pem.decode(), self.key_id, self.algorithm, self._is_stated)

    def __repr__(self) -> str:
        known = f" key_id={self.key_id!r}" if self.key_id else ""
        return f"<SigningKey {self.algorithm}{known} thumbprint={self.thumbprint[:8]}>"


def _key_of(private_key: str, key_id: str | None, algorithm: Algorithm, is_stated: bool) -> SigningKey:  # noqa: FBT001 - a pickle has no keywords
    """A key that was pickled."""
    key = SigningKey(private_key, key_id=key_id, algorithm=algorithm)
    key._is_stated = is_stated
    return key


def new_key() -> SigningKey:
    """A new key on the curve P-256, for proofs of this process."""
    try:
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise missing_extra("DPoP", error, "keys") from None

    plain = serialization.NoEncryption()
    key = ec.generate_private_key(ec.SECP256R1())
    pem = key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, plain)
    return SigningKey(pem)


def signer_of(argument: str, value: object, *, with_public_key: bool = False) -> Signer:
    """What signs with this value: a SigningKey, PEM or JWK text, or an object of the caller's.

    Args:
        argument: The name of the argument.
        value: Its value.
        with_public_key: Whether a DPoP proof is to be signed, which holds the public key.

    Raises:
        ConfigurationError: It cannot sign.
    """
    expected = "a SigningKey, a private key in PEM or as a JWK, or an object with algorithm, key_id and sign(data)"
    if isinstance(value, str | bytes | PathLike):
        return SigningKey(cast("str", value))
    check_type(argument, value, Signer, expected)
    signer = cast("Signer", value)
    if isinstance(value, SigningKey):
        return signer
    check_choice(f"{argument}.algorithm", signer.algorithm, ALGORITHMS)
    if signer.key_id is not None:
        check_text(f"{argument}.key_id", signer.key_id)
    if with_public_key or hasattr(value, "public_jwk"):
        public = public_part(argument, getattr(value, "public_jwk", None))
        kind = public["kty"], public.get("crv")
        if kind != _KINDS[signer.algorithm]:
            fault = f"is of the kind {' '.join(filter(None, kind))}, which does not fit the algorithm"
            raise invalid_argument(f"{argument}.public_jwk", fault, f"the public key that fits {signer.algorithm}")
    return signer


def fitted(signer: Signer, assertion: "Assertion") -> Signer:
    """The key with an algorithm that the provider accepts, if the key's own is only a default that it does not accept."""
    accepted = assertion.algorithms
    if isinstance(signer, SigningKey) and accepted and signer.algorithm not in accepted:
        return signer._accepted_by(accepted)
    return signer


def identity_of(signer: Signer, given: object = None) -> str:
    """What distinguishes a key: its algorithm, its id, and its thumbprint where the public key is known.

    If an object of the caller's states neither, nothing but the very object distinguishes its key. A client secret
    has no id either, but the cache key holds its hash.

    Args:
        signer: The key.
        given: What the caller gave: the key, or a callable that may return another object each time. None: the key.
    """
    public = getattr(signer, "public_jwk", None)
    whose = thumbprint(cast("Mapping[str, str]", public)) if public else ""
    if not whose and signer.key_id is None and signer.algorithm in ALGORITHMS:
        from paygrant._request.object_mark import mark_of  # most keys state both

        whose = f"object {mark_of(signer if given is None else given)}"
    return json.dumps([signer.algorithm, signer.key_id, whose])


def thumbprint(public_jwk: Mapping[str, str]) -> str:
    """The SHA-256 thumbprint of a public key (RFC 7638 section 3)."""
    members = {name: public_jwk[name] for name in _THUMBPRINT_MEMBERS[public_jwk["kty"]]}
    return sha256_base64url(json.dumps(members, separators=(",", ":")).encode())


def public_thumbprint(argument: str, signer: Signer) -> str:
    """The thumbprint of a key that has ``public_jwk``.

    Raises:
        ConfigurationError: An object of the caller's has no public JWK, or no longer has one.
    """
    if isinstance(signer, SigningKey):
        return signer.thumbprint
    return thumbprint(public_part(argument, getattr(signer, "public_jwk", None)))


def sha256_base64url(data: bytes) -> str:
    """The SHA-256 of data, in base64url: how thumbprints and hashes of tokens are written."""
    return base64url(hashlib.sha256(data).digest())


_URL_SAFE = bytes.maketrans(b"+/", b"-_")


def base64url(data: bytes) -> str:
    """Base64url without padding (RFC 7515 section 2)."""
    return b2a_base64(data, newline=False).rstrip(b"=").translate(_URL_SAFE).decode()


def public_part(argument: str, value: object) -> Mapping[str, str]:
    """The members of a public JWK that identify the key, checked. An object of the caller's gave it.

    Raises:
        ConfigurationError: It is no public JWK.
    """
    expected = "the public key as a JWK (RFC 7517), a mapping such as {'kty': 'EC', 'crv': 'P-256', 'x': ..., 'y': ...}"
    check_type(f"{argument}.public_jwk", value, Mapping, expected)
    jwk = cast("Mapping[str, str]", value)
    members = _THUMBPRINT_MEMBERS.get(str(jwk.get("kty")))
    if not members or not all(isinstance(jwk.get(name), str) for name in members):
        raise invalid_argument(f"{argument}.public_jwk", "lacks a member of its key type", expected)
    if "d" in jwk:
        raise invalid_argument(f"{argument}.public_jwk", "is a private key", expected)
    return {name: jwk[name] for name in members}


def _text_of(value: object) -> str:
    """The text of a key. A line break may be written as the two characters of its escape, as in a variable.

    Raises:
        ConfigurationError: It is not the text of a key.
    """
    fault, expected, text = "", _EXPECTED, value
    if isinstance(value, PathLike) or (isinstance(value, str) and _PATH.fullmatch(value)):
        fault, expected = "is the path of a file", _EXPECTED_TEXT
    elif isinstance(value, bytes | bytearray):
        fault = "is in DER, or a PKCS #12 file" if value[:1] == b"0" else ""
        text = value.decode("utf-8", errors="replace")
    if isinstance(text, str):
        fault = fault if len(text) <= _LONGEST_KEY else f"has more than {_LONGEST_KEY:,} characters"
        text = text.removeprefix("\ufeff").replace("\t", " ")
    if fault:
        raise invalid_argument("private_key", fault, expected)
    checked_text = check_text("private_key", text, multiline=True)
    if checked_text.lstrip().startswith("{"):
        return checked_text
    return checked_text.replace("\\r", "").replace("\\n", "\n")


def _loaded(text: str, password: str | None) -> tuple["PrivateKeyTypes", Mapping[str, str]]:
    """The key in a text, and what a JWK states beside it."""
    try:
        import jwt
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    except ImportError as error:
        raise missing_extra("a SigningKey", error, "keys") from None
    del jwt
    stated: dict[str, str] = {}
    if text.lstrip().startswith("{"):
        key, stated = _from_jwk(text, password)
    else:
        key = _from_pem(text, password)
    curves = ("secp256r1", "secp384r1")
    if isinstance(key, rsa.RSAPrivateKey):
        if key.key_size < LEAST_RSA_BITS:
            raise invalid_argument(
                "private_key", f"has {key.key_size} bits", f"an RSA key of {LEAST_RSA_BITS} bits or more"
            )
    elif isinstance(key, ec.EllipticCurvePrivateKey):
        if key.curve.name not in curves:
            raise invalid_argument("private_key", f"is on the curve {key.curve.name}", "P-256, P-384 or Ed25519")
    elif not isinstance(key, ed25519.Ed25519PrivateKey):
        raise invalid_argument("private_key", "is of another kind", "an RSA, ECDSA or Ed25519 key")
    return key, stated


def _from_pem(text: str, password: str | None) -> "PrivateKeyTypes":
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_private_key

    if "PRIVATE KEY-----" not in text:
        fault = "is a public key" if "PUBLIC KEY-----" in text else "is neither PEM nor a JWK"
        fault = "is a certificate" if "CERTIFICATE-----" in text else fault
        raise invalid_argument("private_key", fault, _EXPECTED)
    if "BEGIN OPENSSH" in text:
        raise invalid_argument(
            "private_key", "is in OpenSSH's own format", f"{_EXPECTED}; ssh-keygen -p -m PKCS8 converts it"
        )
    if len(re.findall("-BEGIN [A-Z ]*PRIVATE KEY-", text)) > 1:
        raise invalid_argument("private_key", "holds several private keys", "one of them")
    locked = "ENCRYPTED" in text
    try:
        return load_pem_private_key(text.strip().encode(), password.encode() if password and locked else None)
    except TypeError:
        argument, fault, expected = "password", "is missing, and the private key is locked", _OF_THE_KEY
    except (ValueError, UnsupportedAlgorithm) as error:
        argument, fault, expected = "private_key", "is damaged, or made in a way that is not supported", _EXPECTED
        if "password" in str(error):
            argument, fault, expected = "password", "is wrong", _OF_THE_KEY
    raise invalid_argument(argument, fault, expected)


def _from_jwk(text: str, password: str | None) -> tuple["PrivateKeyTypes", dict[str, str]]:
    import jwt

    if password is not None:
        raise invalid_argument("password", "is given with a JWK, which is never locked", "no password")
    document: Any
    try:
        document = json.loads(text)
    except (ValueError, RecursionError):
        raise invalid_argument("private_key", "is not a JSON document", _EXPECTED) from None
    if "keys" in document:
        raise invalid_argument("private_key", "is a set of JWKs", "one of its keys")
    if "d" not in document:
        fault = "is a symmetric key" if "k" in document else "is a public key"
        raise invalid_argument("private_key", fault, _EXPECTED)
    operations = document.get("key_ops")
    if document.get("use", "sig") != "sig" or (operations is not None and "sign" not in operations):
        raise invalid_argument("private_key", "is not for signatures, by its use or key_ops", "a JWK that may sign")
    kind = {"RSA": "RS256", "EC": "ES256", "OKP": "EdDSA"}.get(str(document.get("kty")), "")
    try:
        key = jwt.get_algorithm_by_name(kind).from_jwk(document)
    except (jwt.PyJWTError, NotImplementedError, ValueError, TypeError, KeyError, AttributeError):
        raise invalid_argument("private_key", "is a damaged JWK, or one of another kind", _EXPECTED) from None
    return key, {name: document[name] for name in ("alg", "kid") if document.get(name) is not None}


def _fitting(key: "PrivateKeyTypes") -> tuple[str, ...]:
    """The algorithms that fit a key, the default first."""
    from cryptography.hazmat.primitives.asymmetric import ec, rsa

    if isinstance(key, rsa.RSAPrivateKey):
        return "RS256", "PS256"
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return ("ES256",) if key.curve.name == "secp256r1" else ("ES384",)
    return ("EdDSA",)


def _signature(key: "PrivateKeyTypes", algorithm: str) -> Callable[[bytes], bytes]:
    """The function that signs."""
    import jwt
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, utils

    if isinstance(key, ec.EllipticCurvePrivateKey):  # PyJWT would make the scheme again for each call
        private_key, size = key, key.key_size // 8
        # hashlib hashes a short text in less time than cryptography.
        hashed = hashlib.sha256 if algorithm == "ES256" else hashlib.sha384
        scheme = ec.ECDSA(utils.Prehashed(hashes.SHA256() if algorithm == "ES256" else hashes.SHA384()))

        def sign(data: bytes) -> bytes:
            # In DER, with the length of R at 3. Both are shorter than 128 bytes, so each length is one byte. Numbers of
            # Python between the two forms would take half of the time that a proof takes beside its signature.
            der = private_key.sign(hashed(data).digest(), scheme)
            end = 4 + der[3]
            return der[4:end].lstrip(b"\0").rjust(size, b"\0") + der[end + 2 :].lstrip(b"\0").rjust(size, b"\0")

        return sign
    signing: Any = jwt.get_algorithm_by_name(algorithm)
    return lambda data: signing.sign(data, key)


def _public_jwk(key: "PrivateKeyTypes", algorithm: str) -> Mapping[str, str]:
    """The public part of a key, with the members that a thumbprint covers."""
    import jwt

    signing: Any = jwt.get_algorithm_by_name(algorithm)
    jwk = signing.to_jwk(cast("Any", key).public_key(), as_dict=True)
    return {name: jwk[name] for name in _THUMBPRINT_MEMBERS[jwk["kty"]]}
