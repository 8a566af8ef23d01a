"""Certificates for mutual TLS (RFC 8705): an authority of the sandbox's own, and what it issues to server and client.

They need the extra ``paygrant[keys]``. They are made when they are needed first.
"""

import os
import socket
import ssl
import threading
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address, IPv6Address, ip_address
from pathlib import Path
from typing import Any

from paygrant._errors import missing_extra
from paygrant._secrets import compared_as_a_whole
from paygrant.sandbox._client_auth import PeerCertificate
from paygrant.sandbox._jwt import sha256_base64url
from paygrant.sandbox._keys import Folder, private_pem

CLIENT_NAME = "paygrant sandbox client"
"""The common name in the certificate of the sandbox's client."""

_LIFETIME = timedelta(days=90)
"""The doctor warns of a certificate that ends within 30 days."""

_NAMES = ("localhost", "host.docker.internal")
_ADDRESSES = ("127.0.0.1", "::1")

_CA_FILE, _TRUST_FILE, _CLIENT_FILE, _SERVER_FILE = "ca.pem", "trust.pem", "client.pem", "server.pem"


class Certificates:
    """The authority, the server's certificate and the client's. Safe to use from any thread.

    Args:
        folder: Where the files are.
        host: The address that the server listens on.
    """

    def __init__(self, folder: Folder, host: str) -> None:
        self._folder = folder
        self._host = host
        self._lock = threading.RLock()
        self._authority: _Authority | None = None
        self._client: str | None = None

    @property
    def ca_file(self) -> str:
        """The path of the authority's certificate in PEM."""
        return self._folder.keep(_CA_FILE, self._issuer.pem)

    @property
    def trust_file(self) -> str:
        """The path of a file with that authority, and with those that the environment trusts: for ``SSL_CERT_FILE``."""
        return self._folder.keep(_TRUST_FILE, f"{_trusted()}\n{self._issuer.pem}")

    @property
    def client_file(self) -> str:
        """The path of the client's certificate and its private key in PEM."""
        with self._lock:
            if self._client is None:
                self._client = self._issuer.issue(CLIENT_NAME, for_client=True)
            return self._folder.keep(_CLIENT_FILE, self._client)

    def renew(self) -> None:
        """Issue a new certificate with a new key to the client, into the same file."""
        with self._lock:
            self._client = self._issuer.issue(CLIENT_NAME, for_client=True)
            self._folder.write(_CLIENT_FILE, self._client)

    def server_context(self) -> ssl.SSLContext:
        """A TLS context for the server. A client may show a certificate of the authority.

        Raises:
            ImportError: The extra is not installed.
        """
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        own = self._issuer.issue("paygrant sandbox", hosts=[*_NAMES, *_ADDRESSES, socket.gethostname(), self._host])
        context.load_cert_chain(self._folder.write(_SERVER_FILE, own))
        context.load_verify_locations(cadata=self._issuer.pem)
        context.verify_mode = ssl.CERT_OPTIONAL
        return context

    @property
    def _issuer(self) -> "_Authority":
        with self._lock:
            if self._authority is None:
                self._authority = _new_authority()
            return self._authority


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False, eq=False)
class _Authority:
    """A certificate authority."""

    key: Any
    certificate: Any
    pem: str

    def issue(self, name: str, *, for_client: bool = False, hosts: list[str] | None = None) -> str:
        """A certificate and its new private key, in PEM."""
        from cryptography.hazmat.primitives.asymmetric import ec
        from cryptography.x509 import ExtendedKeyUsage
        from cryptography.x509.oid import ExtendedKeyUsageOID

        key = ec.generate_private_key(ec.SECP256R1())
        use = ExtendedKeyUsageOID.CLIENT_AUTH if for_client else ExtendedKeyUsageOID.SERVER_AUTH
        builder = _builder(name, key, self.certificate.subject, self.key)
        builder = builder.add_extension(ExtendedKeyUsage([use]), critical=False)
        if hosts:
            builder = builder.add_extension(_alternative_names(hosts), critical=False)
        return _signed(builder, self.key)[1] + private_pem(key)


def peer_certificate(connection: ssl.SSLObject | None) -> PeerCertificate | None:
    """The certificate that a connection showed. None if it showed none, or has no TLS."""
    encoded = connection.getpeercert(binary_form=True) if connection else None
    if connection is None or not encoded:
        return None
    stated: Any = connection.getpeercert() or {}
    subject = {name: value for parts in stated.get("subject", ()) for name, value in parts}
    return PeerCertificate(sha256_base64url(encoded), subject.get("commonName") == CLIENT_NAME)


def _new_authority() -> _Authority:
    try:
        from cryptography import x509
        from cryptography.hazmat.primitives.asymmetric import ec
    except ImportError as error:
        raise missing_extra("the TLS port of the sandbox", error, "keys") from None
    key = ec.generate_private_key(ec.SECP256R1())
    name = "paygrant sandbox authority"
    builder = _builder(name, key, None, key)
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
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
    certificate, pem = _signed(builder.add_extension(usage, critical=True), key)
    return _Authority(key, certificate, pem)


def _builder(name: str, key: Any, issuer: Any, issuer_key: Any) -> Any:
    """What begins a certificate. Without an issuer, it is its own."""
    from cryptography import x509
    from cryptography.x509.oid import NameOID

    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    public = key.public_key()
    authority = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer_key.public_key())
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))  # the clock of another machine may be behind
        .not_valid_after(now + _LIFETIME)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        .add_extension(authority, critical=False)
    )


def _signed(builder: Any, key: Any) -> tuple[Any, str]:
    """A certificate, and the same in PEM."""
    from cryptography.hazmat.primitives import hashes, serialization

    certificate = builder.sign(key, hashes.SHA256())
    return certificate, certificate.public_bytes(serialization.Encoding.PEM).decode()


def _alternative_names(hosts: list[str]) -> Any:
    from cryptography import x509

    names: list[Any] = []
    for each in dict.fromkeys(hosts):
        try:
            address: IPv4Address | IPv6Address = ip_address(each)
        except ValueError:
            with suppress(ValueError):  # a machine may have any name
                names.append(x509.DNSName(each))
        else:
            names.append(x509.IPAddress(address))
    return x509.SubjectAlternativeName(names)


def _trusted() -> str:
    """The authorities that are trusted anyway: those of the environment, or those of certifi."""
    path = os.environ.get("SSL_CERT_FILE")
    if not path:
        try:
            import certifi
        except ImportError:
            return ""
        path = certifi.where()
    try:
        return Path(path).read_text("utf-8", errors="replace")
    except OSError:
        return ""
