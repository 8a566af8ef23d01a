"""Road: the way to the token endpoint, straight or by a proxy. Nobody is told anything secret on it.

What a handshake shows of a certificate that does not verify, ``cryptography`` reads (extra ``[cli]``).
"""

import os
import socket
import ssl
import threading
from base64 import b64encode
from collections.abc import Generator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse
from typing import Any

import httpx

from paygrant._arguments import invalid_argument
from paygrant._request.transport import environment_proxy, new_transport, tls_context
from paygrant._text import redact

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}

TRUST = ("SSL_CERT_FILE", "SSL_CERT_DIR")
"""The variables by which httpx is told whom to trust."""


class TunnelRefusedError(Exception):
    """The proxy opens no tunnel.

    Attributes:
        did: What it does instead.
        status: The status of its answer, None where there is none.
    """

    def __init__(self, did: str, status: int | None = None) -> None:
        self.did = did
        self.status = status


@dataclass(frozen=True, slots=True, repr=False)
class Certificate:
    """What a certificate says: for whom, by whom, from when until when."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Handshake:
    """What TLS showed.

    Attributes:
        protocol: Such as ``"TLSv1.3"``; empty where there was no handshake.
        certificate: The server's, None where it was not shown or cannot be read.
        error: Why the handshake failed, None where it did not.
        lacking: The module that would read the certificate, where it is not installed.
    """

    protocol: str = ""
    certificate: Certificate | None = None
    error: OSError | TunnelRefusedError | None = None
    lacking: str | None = None


@dataclass(frozen=True, slots=True, repr=False)
class Road:
    """From here to the provider's host.

    Attributes:
        target: The token endpoint.
        proxy: The proxy in between, None where there is none.
        variable: Which variable names the proxy, in lower case.
    """

    target: httpx.URL
    proxy: httpx.URL | None
    variable: str

    @property
    def host(self) -> str:
        """The provider's host, as it is looked up and told to TLS."""
        return self.target.raw_host.decode("ascii")

    @property
    def stop(self) -> tuple[str, int]:
        """Host and port of the first stop: the proxy's, or the provider's."""
        url = self.proxy or self.target
        return url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]

    @property
    def sign(self) -> str:
        """The first stop, for people."""
        host, port = self.stop
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return f"the proxy {place}" if self.proxy else place

    @property
    def secured(self) -> bool:
        """Whether TLS is spoken with the provider; if not, it is on loopback."""
        return self.target.scheme == "https"

    @property
    def opaque(self) -> bool:
        """Whether the proxy is one that only a request can pass: it speaks SOCKS, or TLS itself."""
        return self.proxy is not None and self.proxy.scheme != "http"

    def connect(self, address: str, timeout: float) -> socket.socket:
        """A connection to the first stop, at one of its addresses.

        Raises:
            OSError: There is none.
        """
        return socket.create_connection((address, self.stop[1]), timeout)

    def tunnel(self, timeout: float) -> socket.socket:
        """A connection at whose other end is the provider.

        Raises:
            OSError: There is none.
            TunnelRefusedError: The proxy does not want it.
        """
        connection = socket.create_connection(self.stop, timeout)
        try:
            if self.proxy:
                with _cut_after(timeout, connection):
                    self._ask_for_tunnel(connection, self.proxy)
        except BaseException:
            connection.close()
            raise
        return connection

    def _ask_for_tunnel(self, connection: socket.socket, proxy: httpx.URL) -> None:
        """CONNECT (RFC 9110 section 9.3.6)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        authority = f"{host}:{self.target.port or _PORTS[self.target.scheme]}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if proxy.userinfo:
            credentials = b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {credentials}")
        answer = HTTPResponse(connection, method="CONNECT")
        try:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            answer.begin()
        except OSError as error:
            raise TunnelRefusedError(f"breaks off ({words(error)})") from None
        except HTTPException:
            raise TunnelRefusedError("speaks no HTTP") from None
        finally:
            answer.close()
        if not HTTPStatus.OK <= answer.status < HTTPStatus.MULTIPLE_CHOICES:
            raise TunnelRefusedError(f"answers with status {answer.status}", answer.status)

    def handshake(self, timeout: float) -> Handshake:
        """TLS as a token request would speak it, and no word more. Where it fails, once more to see why."""
        try:
            with self._secure(tls_context(), timeout) as secured:
                return Handshake(str(secured.version()), _from_words(secured.getpeercert() or {}))
        except ssl.SSLCertVerificationError as error:
            return self._unverified(error, timeout)
        except (OSError, TunnelRefusedError) as error:
            return Handshake(error=error)

    def passes_for_all(self, timeout: float) -> bool:
        """Whether those authorities vouch for the certificate that everybody trusts, beside the ones set up here."""
        try:
            self._secure(httpx.create_ssl_context(trust_env=False), timeout).close()
        except ssl.SSLCertVerificationError:
            return False
        except (OSError, TunnelRefusedError):  # it passed a moment ago: nothing is known against it
            return True
        return True

    def _unverified(self, error: OSError, timeout: float) -> Handshake:
        """What a certificate says that does not verify. Nothing is sent to whoever shows it."""
        try:
            from cryptography import x509
        except ImportError as missing:
            return Handshake(error=error, lacking=missing.name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with self._secure(context, timeout) as secured:
                data = secured.getpeercert(binary_form=True) or b""
                return Handshake(certificate=_from_x509(x509.load_der_x509_certificate(data)), error=error)
        except (OSError, TunnelRefusedError, ValueError):  # another server may have answered this time
            return Handshake(error=error)

    def _secure(self, context: ssl.SSLContext, timeout: float) -> ssl.SSLSocket:
        connection = self.tunnel(timeout)
        try:
            with _cut_after(timeout, connection):
                return context.wrap_socket(connection, server_hostname=self.host)
        except BaseException:
            connection.close()
            raise


@contextmanager
def _cut_after(seconds: float, connection: socket.socket) -> Generator[None]:
    """Cut a connection that takes longer: a byte a second never runs into the time limit of one read."""

    def cut() -> None:
        with suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)

    with connection.dup() as line:  # TLS takes the connection's own handle away
        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def road_to(url: str) -> Road:
    """The way to an address, by the environment's proxies.

    Raises:
        ConfigurationError: The proxy is of no use, or the list of trusted authorities cannot be read.
    """
    try:
        new_transport(url).close()
    except OSError as error:
        trust = next((name for name in TRUST if os.environ.get(name)), TRUST[0])
        fault = type(error).__name__
        raise invalid_argument(trust, f"cannot be read ({fault})", "a file, or folder, of certificates") from None
    variable, proxy = environment_proxy(url)
    return Road(httpx.URL(url), httpx.URL(proxy) if proxy else None, variable)


def words(error: OSError) -> str:
    """An operating system's error in few words."""
    return (error.strerror or str(error) or type(error).__name__).lower()


def _from_words(words: Mapping[str, Any]) -> Certificate:
    """A certificate as ssl tells of one that verified."""
    issuer = {name: value for [(name, value), *_] in words["issuer"]}
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(words[f"not{when}"]), UTC) for when in ("Before", "After")
    )
    names = tuple(_clean(value) for _, value in words.get("subjectAltName", ()))
    return Certificate(names, _issuer(issuer.get("organizationName"), issuer.get("commonName")), begins, ends)


def _from_x509(certificate: Any) -> Certificate:
    """A certificate as cryptography tells of it."""
    from cryptography import x509

    def first(oid: x509.ObjectIdentifier) -> str | None:
        found = certificate.issuer.get_attributes_for_oid(oid)
        return str(found[0].value) if found else None

    try:
        extension = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
        names = tuple(_clean(str(name.value)) for name in extension.value)
    except x509.ExtensionNotFound:
        names = ()
    issuer = _issuer(first(x509.NameOID.ORGANIZATION_NAME), first(x509.NameOID.COMMON_NAME))
    return Certificate(names, issuer, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def _issuer(organization: str | None, name: str | None) -> str:
    """Who signed: an authority's name means little without its owner's."""
    return _clean(", ".join(dict.fromkeys(part for part in (organization, name) if part))) or "nobody"


def _clean(text: str) -> str:
    return redact((), text)
