"""The private keys of the sandbox's client. Each is made when it is needed first, and kept in a file of a folder of its own.

They need the extra ``paygrant[keys]``.
"""

import os
import shutil
import threading
import weakref
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, cast

from paygrant._arguments import check_text, check_type, invalid_argument
from paygrant._errors import missing_extra
from paygrant._secrets import compared_as_a_whole
from paygrant.sandbox._jwt import ASYMMETRIC, LEAST_RSA_BITS, VerifyingKey

_BY_COST = ("ES256", "EdDSA", "ES384", "RS256", "PS256")
"""The algorithms. The keys of the first are made fastest, so they are preferred where the spec leaves the choice."""

_EXPECTED = "a public key in PEM, a certificate in PEM, or a public JWK"


class Folder:
    """A folder that only this user can read. It is made when the first file is written, and removed at the end."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._path: Path | None = None
        self._end: weakref.finalize[Any, Any] | None = None

    def write(self, name: str, text: str) -> str:
        """Write a file, and return its path. A reader sees the old text or the new one."""
        with self._lock:
            if self._path is None:
                self._path = Path(mkdtemp(prefix="paygrant-sandbox-"))
                self._end = weakref.finalize(self, _remove, self._path, os.getpid())
            path = self._path / name
            new = path.with_suffix(".new")
            new.touch(mode=0o600)
            new.write_text(text, "utf-8")
            new.replace(path)
            return str(path)

    def keep(self, name: str, text: str) -> str:
        """The path of a file with this text, which is written if it is not there."""
        path = None if self._path is None else self._path / name
        return str(path) if path is not None and path.exists() else self.write(name, text)

    def remove(self) -> None:
        """Remove the folder and its files."""
        with self._lock:
            if self._end is not None:
                self._end()
            self._path = self._end = None


def _remove(path: Path, owner: int) -> None:
    if os.getpid() == owner:  # a forked child must leave the folder to its parent
        shutil.rmtree(path, ignore_errors=True)


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class MadeKey:
    """A private key that the sandbox has made for its client."""

    key_id: str
    pem: str
    public: VerifyingKey


class ClientKeys:
    """The private keys of the one client, a key for each kind. Safe to use from any thread."""

    def __init__(self, folder: Folder) -> None:
        self._folder = folder
        self._lock = threading.Lock()
        self._made: dict[str, MadeKey] = {}

    def key_for(self, algorithms: tuple[str, ...]) -> MadeKey:
        """The key for one of these algorithms. Without any, all are possible.

        Raises:
            ImportError: The extra is not installed.
        """
        algorithm = next((each for each in _BY_COST if each in (algorithms or _BY_COST)), _BY_COST[0])
        name = "RSA" if algorithm in {"RS256", "PS256"} else algorithm
        with self._lock:
            if name not in self._made:
                self._made[name] = _new_key(name)
            return self._made[name]

    def file_for(self, algorithms: tuple[str, ...]) -> str:
        """The path of a file with that key. Raises what ``key_for`` raises."""
        made = self.key_for(algorithms)
        return self._folder.keep(f"{made.key_id}.pem", made.pem)

    def public_keys(self) -> tuple[VerifyingKey, ...]:
        """The public parts of the keys that were made."""
        return tuple(each.public for each in self._made.values())


def public_key_of(argument: str, value: object, key_id: str | None) -> VerifyingKey:
    """A public key that a test registers.

    Args:
        argument: The name of the argument.
        value: PEM, or a JWK as a mapping.
        key_id: The key's id. None: that of the JWK, if it has one.

    Raises:
        ConfigurationError: It is not a public key.
        ImportError: The extra is not installed.
    """
    if key_id is not None:
        check_text("key_id", key_id)
    if find_spec("cryptography") is None:
        raise missing_extra("a public key", ImportError(name="cryptography"), "keys")
    check_type(argument, value, str | Mapping, _EXPECTED)
    if isinstance(value, str):
        key = _from_pem(argument, check_text(argument, value, multiline=True))
        return _checked(argument, VerifyingKey(key, key_id))
    jwk = dict(cast("Mapping[str, Any]", value))
    stated = jwk.get("kid")
    return _checked(argument, VerifyingKey(_from_jwk(argument, jwk), stated if key_id is None else key_id))


def _checked(argument: str, key: VerifyingKey) -> VerifyingKey:
    if not any(map(key.fits, ASYMMETRIC)):
        raise invalid_argument(argument, "is of another kind", "an RSA, P-256, P-384 or Ed25519 key")
    if key.is_short:
        raise invalid_argument(argument, "is too short", f"an RSA key of {LEAST_RSA_BITS} bits or more")
    return key


def _from_pem(argument: str, text: str) -> Any:
    from cryptography.exceptions import UnsupportedAlgorithm
    from cryptography.hazmat.primitives.serialization import load_pem_public_key
    from cryptography.x509 import load_pem_x509_certificate

    if "PRIVATE KEY-----" in text:
        raise invalid_argument(argument, "is a private key", _EXPECTED)
    with suppress(ValueError, UnsupportedAlgorithm):
        if "BEGIN CERTIFICATE" in text:
            return load_pem_x509_certificate(text.encode()).public_key()
        return load_pem_public_key(text.encode())
    raise invalid_argument(argument, "cannot be read", _EXPECTED)


def _from_jwk(argument: str, jwk: dict[str, Any]) -> Any:
    import jwt

    if {"d", "k"} & jwk.keys():
        raise invalid_argument(argument, "is a private or symmetric key", _EXPECTED)
    try:
        return jwt.PyJWK(jwk).key
    except (jwt.PyJWTError, ValueError, TypeError, KeyError, AttributeError):
        raise invalid_argument(argument, "is a damaged JWK, or one of another kind", _EXPECTED) from None


def private_pem(key: Any) -> str:
    """A private key in PEM (PKCS #8), not encrypted."""
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    pem: bytes = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem.decode()


def _new_key(name: str) -> MadeKey:
    """A new private key.

    Raises:
        ImportError: The extra is not installed.
    """
    try:
        from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
    except ImportError as error:
        raise missing_extra("the private key of the sandbox's client", error, "keys") from None
    makers: Mapping[str, Any] = {
        "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
        "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
        "EdDSA": ed25519.Ed25519PrivateKey.generate,
        "RSA": lambda: rsa.generate_private_key(65537, LEAST_RSA_BITS),
    }
    key = makers[name]()
    key_id = f"sandbox-{name.lower()}"
    return MadeKey(key_id, private_pem(key), VerifyingKey(key.public_key(), key_id))
