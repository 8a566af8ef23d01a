"""KeyFile: a private key in a file; and the arguments of a provider that name files with keys and certificates."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from paygrant._arguments import invalid_argument
from paygrant._errors import ConfigurationError
from paygrant._providers.secret_file import SecretFile
from paygrant._request.certificate import ClientCertificate
from paygrant._request.signing_key import SigningKey

if TYPE_CHECKING:
    from paygrant._request.signing_key import Algorithm

CERTIFICATE_FILE = "certificate_file"
DPOP_KEY = "dpop_key"
KEY_ID = "key_id"
PRIVATE_KEY = "private_key"

UNLOCKED = "a private key without a password (in Python, SigningKey and ClientCertificate take one)"
"""What is expected in place of a locked key in a file."""


class KeyFile:
    """Reads a mounted private key each time it is called, so that a rotated key needs no restart.

    While the file holds no whole key, as when it is being written, the earlier key goes on.

    Args:
        path: The file, in PEM or as a JWK.
        key_id: The key's id as the provider knows it. A JWK may state its own.
        algorithm: The algorithm, if it is not the default of the key.
    """

    __slots__ = ("_read", "algorithm", "key_id", "path")

    def __init__(self, path: str, key_id: str | None = None, algorithm: "Algorithm | None" = None) -> None:
        self.path = path
        self.key_id = key_id
        self.algorithm: Algorithm | None = algorithm
        self._read: tuple[str, SigningKey] | None = None

    def __call__(self) -> SigningKey:
        """The key in the file.

        Raises:
            ConfigurationError: The file cannot be read, or holds no private key, and never did.
        """
        earlier = self._read
        try:
            text = SecretFile(self.path, "private_key")()
            if earlier is None or earlier[0] != text:
                earlier = self._read = text, SigningKey(text, key_id=self.key_id, algorithm=self.algorithm)
        except ConfigurationError:
            if earlier is None:
                raise
        return earlier[1]

    def _facts(self) -> tuple[object, ...]:
        return self.path, self.key_id, self.algorithm

    def __eq__(self, other: object) -> bool:
        return self._facts() == other._facts() if isinstance(other, KeyFile) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._facts())

    def __reduce__(self) -> tuple[type["KeyFile"], tuple[object, ...]]:
        return KeyFile, self._facts()

    def __repr__(self) -> str:
        return f"KeyFile({self.path!r})"


def with_keys(given: Mapping[str, Any], method: str) -> dict[str, Any]:
    """The arguments of a provider, with the keys and certificates in the files that some of them name.

    The private key belongs to the certificate, unless it signs assertions. Without one, the certificate's own file
    holds it.

    Raises:
        ConfigurationError: A file cannot be used.
    """
    values = _with_proof_key(given)
    key, key_id = values.pop(PRIVATE_KEY, None), values.pop(KEY_ID, None)
    certificate = values.pop(CERTIFICATE_FILE, None)
    if certificate is not None:
        path = certificate
        if method != "private_key_jwt" and key is not None:
            if not isinstance(key, SecretFile):
                raise invalid_argument(PRIVATE_KEY, "belongs to the certificate and is not in a file", "a file in PEM")
            path, key = key.path, None
        try:
            values["certificate"] = ClientCertificate(certificate, path)
        except ConfigurationError as error:
            if path is not certificate or error.argument != "private_key_file":
                raise
            fault = "is missing, and the certificate's file holds none that fits"
            raise invalid_argument(PRIVATE_KEY, fault, "a file with the certificate's private key") from None
    if key_id is not None and (key is None or not isinstance(key, SecretFile | str)):
        raise invalid_argument(KEY_ID, "is given without a private key", "the id of a private key that signs")
    if isinstance(key, SecretFile):
        key = KeyFile(key.path, key_id)
    elif isinstance(key, str):
        key = SigningKey(key, key_id=key_id)
    if key is not None:
        values[PRIVATE_KEY] = key
    return values


def _with_proof_key(given: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments of a provider, with the key that DPoP tokens are bound to, if a text gives it.

    It is read once: a token stays bound to the key with which it was requested.

    Raises:
        ConfigurationError: The text holds no private key, or ``dpop`` says something else.
    """
    values = dict(given)
    text, dpop = values.pop(DPOP_KEY, None), values.get("dpop", True)
    if text is None:
        return values
    if dpop is not True:
        fault = "is given, but dpop is false" if dpop is False else "is given together with dpop"
        raise invalid_argument(DPOP_KEY, fault, "dpop to be true, or no key" if dpop is False else "one of the two")
    try:
        values["dpop"] = SigningKey(text)
    except ConfigurationError as error:
        if error.argument == "password":
            error = invalid_argument(DPOP_KEY, "is locked", UNLOCKED)
        message = str(error).replace(f"{error.argument}:", f"{DPOP_KEY}:", 1)
        raise ConfigurationError(message, argument=DPOP_KEY) from None
    return values
