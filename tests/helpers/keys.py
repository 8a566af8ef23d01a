"""Private keys and certificates for tests. Each kind is made once a session."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import cast

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PrivateKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

MAKERS: dict[str, Callable[[], PrivateKeyTypes]] = {
    "RS256": lambda: rsa.generate_private_key(65537, 2048),
    "PS256": lambda: rsa.generate_private_key(65537, 2048),
    "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
    "ES384": lambda: ec.generate_private_key(ec.SECP384R1()),
    "EdDSA": ed25519.Ed25519PrivateKey.generate,
}


def pem_of(key: PrivateKeyTypes, password: str | None = None) -> str:
    """A private key in PEM (PKCS #8)."""
    lock = serialization.BestAvailableEncryption(password.encode()) if password else serialization.NoEncryption()
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, lock).decode()


def pem(algorithm: str, number: int = 0, password: str | None = None) -> str:
    """A private key for an algorithm. Another number gives another key."""
    return _made(algorithm, number, password)


@cache
def _made(algorithm: str, _number: int, password: str | None) -> str:
    return pem_of(MAKERS[algorithm](), password)


def public_pem(algorithm: str) -> str:
    """The public part of ``pem(algorithm)``."""
    key = serialization.load_pem_private_key(pem(algorithm).encode(), None)
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return key.public_key().public_bytes(serialization.Encoding.PEM, form).decode()


class Authority:
    """A certificate authority of the tests."""

    def __init__(self) -> None:
        self._key = ec.generate_private_key(ec.SECP256R1())
        self._name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "authority of the tests")])
        usage = x509.KeyUsage(
            digital_signature=True,
            key_cert_sign=True,
            crl_sign=True,
            content_commitment=False,
            key_encipherment=False,
            data_encipherment=False,
            key_agreement=False,
            encipher_only=False,
            decipher_only=False,
        )
        made = self._builder(self._name, self._key, timedelta(days=1)).add_extension(
            x509.BasicConstraints(ca=True, path_length=None), critical=True
        )
        self.certificate = _pem(made.add_extension(usage, critical=True).sign(self._key, hashes.SHA256()))

    def _builder(
        self, subject: x509.Name, key: CertificateIssuerPrivateKeyTypes, lifetime: timedelta
    ) -> x509.CertificateBuilder:
        now = datetime.now(UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self._name)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - timedelta(days=2))
            .not_valid_after(now + lifetime)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self._key.public_key()), critical=False)
        )

    def issue(
        self, name: str, *, lifetime: timedelta = timedelta(days=1), password: str | None = None, kind: str = "ES256"
    ) -> tuple[str, str]:
        """A certificate and its private key, in PEM, for a client or for a server on loopback."""
        key = cast("CertificateIssuerPrivateKeyTypes", MAKERS[kind]())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        hosts = x509.SubjectAlternativeName([x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))])
        usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
        made = self._builder(subject, key, lifetime).add_extension(hosts, critical=False)
        certificate = made.add_extension(usage, critical=False).sign(self._key, hashes.SHA256())
        return _pem(certificate), pem_of(cast("PrivateKeyTypes", key), password)


def _pem(certificate: x509.Certificate) -> str:
    return certificate.public_bytes(serialization.Encoding.PEM).decode()


@cache
def authority() -> Authority:
    """The one authority of a session."""
    return Authority()


def write_pair(folder: Path, pair: tuple[str, str]) -> tuple[Path, Path]:
    """Write a certificate and its key into a folder. Return their paths."""
    certificate, key = folder / "client.pem", folder / "client.key"
    certificate.write_text(pair[0], "utf-8")
    key.write_text(pair[1], "utf-8")
    key.chmod(0o600)
    return certificate, key
