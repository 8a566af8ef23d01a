"""Route: the connection to the token endpoint, direct or through a proxy. It sends no secret to the provider.

``cryptography`` reads the details of a certificate that is not valid (extra ``[cli]``).
"""

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

from paygrant._request.proxy import environment_proxy
from paygrant._request.transport import new_transport, tls_context
from paygrant._request.trust import trusting_context
from paygrant._secrets import compared_as_a_whole
from paygrant._text import os_error_words, redact

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class TunnelRefusedError(Exception):
    """The proxy does not open a tunnel.

    Attributes:
        reaction: What it does instead, such as ``"responds with status 403"``.
        status: The status of its response; None if there is none.
    """

    def __init__(self, reaction: str, status: int | None = None) -> None:
        self.reaction = reaction
        self.status = status


@dataclass(frozen=True, slots=True, repr=False)
class Certificate:
    """The names, the issuer and the validity of a certificate."""

    names: tuple[str, ...]
    issuer: str
    begins: datetime
    ends: datetime


@dataclass(frozen=True, slots=True, repr=False)
class Handshake:
    """The outcome of a TLS handshake.

    Attributes:
        protocol: Such as ``"TLSv1.3"``; empty if the handshake failed.
        certificate: The server's certificate; None if there is none or it cannot be read.
        error: Why the handshake failed; None if it succeeded.
        missing_module: The module that reads the certificate, if it is not installed.
    """

    protocol: str = ""
    certificate: Certificate | None = None
    error: OSError | TunnelRefusedError | None = None
    missing_module: str | None = None


@compared_as_a_whole
@dataclass(frozen=True, slots=True, repr=False)
class Route:
    """The connection from this machine to the provider's host.

    Attributes:
        target: The URL of the token endpoint.
        proxy: The URL of the proxy in between; None if there is none.
        variable: The name of the variable that sets the proxy, in lower case.
    """

    target: httpx.URL
    proxy: httpx.URL | None
    variable: str

    @property
    def host(self) -> str:
        """The provider's host, as DNS and TLS use it."""
        return self.target.raw_host.decode("ascii")

    @property
    def first_host(self) -> tuple[str, int]:
        """Name and port of the first host: the proxy's if there is one, else the provider's."""
        url = self.proxy or self.target
        return url.raw_host.decode("ascii"), url.port or _PORTS[url.scheme]

    @property
    def first_host_name(self) -> str:
        """The first host, for people."""
        host, port = self.first_host
        place = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        return f"the proxy {place}" if self.proxy else place

    @property
    def uses_tls(self) -> bool:
        """Whether the provider uses TLS. If not, it is on loopback."""
        return self.target.scheme == "https"

    @property
    def is_opaque(self) -> bool:
        """Whether the proxy speaks SOCKS or TLS, so that only a request by httpx can pass it."""
        return self.proxy is not None and self.proxy.scheme != "http"

    def connect(self, address: str, timeout: float) -> socket.socket:
        """Connect to the first host, at one of its addresses.

        Raises:
            OSError: The connection failed.
        """
        return socket.create_connection((address, self.first_host[1]), timeout)

    def tunnel(self, timeout: float) -> socket.socket:
        """Connect to the provider, through the proxy if there is one.

        Raises:
            OSError: The connection failed.
            TunnelRefusedError: The proxy does not open a tunnel.
        """
        connection = socket.create_connection(self.first_host, timeout)
        try:
            if self.proxy:
                with _cut_after(timeout, connection):
                    self._request_tunnel(connection, self.proxy)
        except BaseException:
            connection.close()
            raise
        return connection

    def _request_tunnel(self, connection: socket.socket, proxy: httpx.URL) -> None:
        """Send CONNECT (RFC 9110 section 9.3.6)."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        authority = f"{host}:{self.target.port or _PORTS[self.target.scheme]}"
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}"]
        if proxy.userinfo:
            credentials = b64encode(f"{proxy.username}:{proxy.password}".encode()).decode()
            lines.append(f"Proxy-Authorization: Basic {credentials}")
        response = HTTPResponse(connection, method="CONNECT")
        try:
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            response.begin()
        except OSError as error:
            raise TunnelRefusedError(f"closes the connection ({os_error_words(error).lower()})") from None
        except HTTPException:
            raise TunnelRefusedError("does not speak HTTP") from None
        finally:
            response.close()
        if not HTTPStatus.OK <= response.status < HTTPStatus.MULTIPLE_CHOICES:
            raise TunnelRefusedError(f"responds with status {response.status}", response.status)

    def handshake(self, timeout: float) -> Handshake:
        """Make the TLS handshake of a token request, and send nothing else. If it fails, try once more to see why."""
        try:
            with self._secure(tls_context(), timeout) as secured:
                return Handshake(str(secured.version()), _from_ssl(secured.getpeercert() or {}))
        except ssl.SSLCertVerificationError as error:
            return self._unverified(error, timeout)
        except (OSError, TunnelRefusedError) as error:
            return Handshake(error=error)

    def is_publicly_trusted(self, timeout: float) -> bool:
        """Whether the certificate is valid without the authorities that this machine's variables add."""
        return self._refusal(httpx.create_ssl_context(trust_env=False), timeout) is None

    def strict_error(self, timeout: float) -> ssl.SSLCertVerificationError | None:
        """Why strict checking refuses the certificate, which this version of Python accepts. None if it does not."""
        context = trusting_context()
        if context.verify_flags & ssl.VERIFY_X509_STRICT:
            return None
        context.verify_flags |= ssl.VERIFY_X509_STRICT
        return self._refusal(context, timeout)

    def _refusal(self, context: ssl.SSLContext, timeout: float) -> ssl.SSLCertVerificationError | None:
        """Why a handshake by these rules refuses the certificate. None if it does not, or fails for another reason."""
        try:
            self._secure(context, timeout).close()
        except ssl.SSLCertVerificationError as error:
            return error
        except (OSError, TunnelRefusedError):  # the last handshake succeeded, so this proves nothing
            return None
        return None

    def _unverified(self, error: OSError, timeout: float) -> Handshake:
        """Read a certificate that is not valid. Nothing is sent to its server."""
        try:
            from cryptography import x509
        except ImportError as missing:
            return Handshake(error=error, missing_module=missing.name)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        try:
            with self._secure(context, timeout) as secured:
                data = secured.getpeercert(binary_form=True) or b""
                return Handshake(certificate=_from_x509(x509.load_der_x509_certificate(data)), error=error)
        except (OSError, TunnelRefusedError, ValueError):  # another server may have responded this time
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
    """Close a connection after this time. The limit of one read does not stop a server that sends byte by byte."""

    def cut() -> None:
        with suppress(OSError):
            duplicate.shutdown(socket.SHUT_RDWR)

    with connection.dup() as duplicate:  # TLS takes over the connection's own handle
        timer = threading.Timer(seconds, cut)
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()


def route_to(url: str) -> Route:
    """The route to a URL, with the proxy that the environment sets.

    Raises:
        ConfigurationError: The proxy is not valid, or the list of trusted authorities cannot be read.
    """
    new_transport(url).close()
    variable, proxy = environment_proxy(url)
    return Route(httpx.URL(url), httpx.URL(proxy) if proxy else None, variable)


def _from_ssl(fields: Mapping[str, Any]) -> Certificate:
    """A valid certificate, as the module ssl returns it."""
    issuer = {name: value for [(name, value), *_] in fields["issuer"]}
    begins, ends = (
        datetime.fromtimestamp(ssl.cert_time_to_seconds(fields[f"not{when}"]), UTC) for when in ("Before", "After")
    )
    names = tuple(_clean(value) for _, value in fields.get("subjectAltName", ()))
    return Certificate(names, _issuer(issuer.get("organizationName"), issuer.get("commonName")), begins, ends)


def _from_x509(certificate: Any) -> Certificate:
    """A certificate, as cryptography returns it."""
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
    """The name of the issuer, with its organization."""
    return _clean(", ".join(dict.fromkeys(part for part in (organization, name) if part))) or "an unnamed issuer"


def _clean(text: str) -> str:
    return redact((), text)
