"""The doctor's checks of the network: names, ports, TLS and proxies, each with its own fault, on real sockets."""

import re
import select
import socket
import ssl
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import certifi
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from paygrant import Cryptofuse, RefreshPolicy, Ripple
from paygrant._providers.base import Provider
from paygrant._request.transport import tls_context
from paygrant.doctor import Finding, diagnose
from tests.helpers.doctor import NEED_THE_REQUEST, only
from tests.helpers.providers import ARGUMENTS, CLIENT_ID, CLIENT_SECRET
from tests.helpers.servers import Reply, Server, free_port, granted, read_request, serve_raw

RIPPLE_HOST = "auth-test.rnc.ripplenet.com"


def look(
    base_url: str | None = None, kind: type[Provider] = Cryptofuse, timeout: float = 5
) -> dict[str, list[Finding]]:
    """The findings, by check."""
    overrides: dict[str, Any] = {**ARGUMENTS[kind], "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
    if base_url:
        overrides["base_url"] = base_url
    found: dict[str, list[Finding]] = {}
    for finding in diagnose(kind, overrides, variables={}, policy=RefreshPolicy(timeout=timeout)):
        found.setdefault(finding.check, []).append(finding)
    return found


def assert_not_requested(found: dict[str, list[Finding]], cause: str) -> None:
    """The checks that need a response are skipped because of the failed check."""
    for check in NEED_THE_REQUEST:
        assert only(found, check) == Finding(check, "skipped", f"{cause} must pass first")


# Name and port


def test_a_host_that_does_not_resolve_is_a_failure() -> None:
    found = look("https://nowhere.invalid")
    finding = only(found, "address")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.startswith("nowhere.invalid does not resolve (")
    assert "name server" in finding.advice
    assert "set https_proxy" in finding.advice
    assert only(found, "tcp") == Finding("tcp", "skipped", "address must pass first")
    assert_not_requested(found, "address")
    assert only(found, "parameters").verdict == only(found, "cache").verdict == "ok"


def test_a_host_that_resolves_is_ok(server: Server) -> None:
    assert only(look(server.base_url), "address") == Finding("address", "ok", "127.0.0.1 is an IP address")
    assert "127.0.0.1" in only(look(server.base_url.replace("127.0.0.1", "localhost")), "address").seen


def test_a_closed_port_is_a_failure() -> None:
    port = free_port()
    found = look(f"https://127.0.0.1:{port}")
    finding = only(found, "tcp")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen == f"127.0.0.1:{port} accepts no connection: 127.0.0.1 (connection refused)"
    assert "firewall" in finding.advice
    assert only(found, "tls") == Finding("tls", "skipped", "tcp must pass first")
    assert only(found, "proxy") == Finding("proxy", "skipped", "tcp must pass first")
    assert_not_requested(found, "tcp")


def test_one_dead_address_of_several_is_a_warning(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    resolve = socket.getaddrinfo

    def both(host: Any, *args: Any, **options: Any) -> Any:
        found = resolve("127.0.0.1", *args, **options)
        return (
            resolve("127.0.0.2", *args, **options) + found if host == "localhost" else resolve(host, *args, **options)
        )

    monkeypatch.setattr(socket, "getaddrinfo", both)
    finding = only(look(server.base_url.replace("127.0.0.1", "localhost")), "tcp")
    assert finding.verdict == "warning"
    assert finding.seen.endswith("at 127.0.0.1, but not at 127.0.0.2 (connection refused)")
    assert finding.advice


# TLS


@dataclass(frozen=True)
class Signer:
    """An authority that signs certificates, or a server that signs its own."""

    name: x509.Name
    key: ec.EllipticCurvePrivateKey


def named(common: str, organization: str | None = None) -> x509.Name:
    parts = [x509.NameAttribute(x509.NameOID.COMMON_NAME, common)]
    if organization:
        parts.append(x509.NameAttribute(x509.NameOID.ORGANIZATION_NAME, organization))
    return x509.Name(parts)


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


SIGNS_CERTIFICATES = x509.KeyUsage(
    digital_signature=False,
    content_commitment=False,
    key_encipherment=False,
    data_encipherment=False,
    key_agreement=False,
    key_cert_sign=True,
    crl_sign=True,
    encipher_only=False,
    decipher_only=False,
)
"""Python 3.13 and later verify strictly: an authority's certificate must state its key usage (RFC 5280, 4.2.1.3)."""


def sign(  # noqa: PLR0913 - what a certificate says
    subject: x509.Name,
    key: ec.EllipticCurvePrivateKey,
    signer: Signer,
    *,
    states_usage: bool = True,
    host: str | None = None,
    begins: timedelta = timedelta(days=-9),
    ends: timedelta = timedelta(days=9),
) -> x509.Certificate:
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder(signer.name, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(now + begins)
        .not_valid_after(now + ends)
        .add_extension(x509.BasicConstraints(ca=host is None, path_length=None), critical=True)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.key.public_key()), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    if host:
        builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(host)]), critical=False)
    elif states_usage:
        builder = builder.add_extension(SIGNS_CERTIFICATES, critical=True)
    return builder.sign(signer.key, hashes.SHA256())


AUTHORITY = Signer(named("Root 1", "Straw Trust"), ec.generate_private_key(ec.SECP256R1()))
STRANGER = Signer(named("Nobody's Root"), ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(autouse=True)
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The list of trusted authorities has the test authority only."""
    file = tmp_path / "authority.pem"
    file.write_bytes(pem(sign(AUTHORITY.name, AUTHORITY.key, AUTHORITY)))
    monkeypatch.setenv("SSL_CERT_FILE", str(file))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    tls_context.cache_clear()
    yield file
    tls_context.cache_clear()


Make = Callable[..., ssl.SSLContext]


@pytest.fixture
def secured(tmp_path: Path) -> Make:
    """Makes the TLS context of a server. By default it is for localhost and signed by the test authority."""

    def make(signer: Signer | None = AUTHORITY, host: str = "localhost", **times: Any) -> ssl.SSLContext:
        key = ec.generate_private_key(ec.SECP256R1())
        certificate = sign(named(host), key, signer or Signer(named(host), key), host=host, **times)
        file = tmp_path / "server.pem"
        secret = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        file.write_bytes(pem(certificate) + secret)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
        return context

    return make


def grant_over_tls(connection: socket.socket, context: ssl.SSLContext, read: list[bytes]) -> None:
    """Speak TLS, and respond to each request with a token."""
    with context.wrap_socket(connection, server_side=True) as secured:
        request = read_request(secured)
        if request:
            read.append(request)
            body = granted().body
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@contextmanager
def serve_tls(context: ssl.SSLContext) -> Generator[tuple[str, list[bytes]]]:
    """A token endpoint behind TLS: its base URL, and what it receives."""
    read: list[bytes] = []
    with serve_raw(lambda connection: grant_over_tls(connection, context, read)) as base_url:
        yield base_url.replace("http://127.0.0.1", "https://localhost"), read


def test_a_valid_certificate_is_ok(secured: Make) -> None:
    with serve_tls(secured()) as (base_url, read):
        found = look(base_url)
    finding = only(found, "tls")
    end = datetime.now(UTC) + timedelta(days=9)
    assert finding.verdict == "ok"
    assert finding.seen == f"TLSv1.3; certificate valid until {end:%Y-%m-%d}, signed by Straw Trust, Root 1"
    assert only(found, "response").verdict == "ok"
    assert len(read) == 1


YESTERDAY, TOMORROW = timedelta(days=-1), timedelta(days=1)


@pytest.mark.parametrize(
    ("options", "seen", "advice"),
    [
        ({"ends": YESTERDAY}, "the certificate expired on 20", "renew"),
        ({"begins": TOMORROW}, "the certificate is not valid before 20", "clock: it says 20"),
        ({"host": "api.example"}, "the certificate is for api.example, not for localhost", "Another server"),
        ({"signer": None}, "the certificate is signed by itself, which this machine does not trust", "SSL_CERT_FILE"),
        (
            {"signer": STRANGER},
            "the certificate is signed by Nobody's Root, which this machine does not trust",
            "SSL_CERT_FILE",
        ),
    ],
    ids=["expired", "not yet valid", "another name", "self-signed", "an unknown authority"],
)
def test_an_invalid_certificate_is_a_failure(options: dict[str, Any], seen: str, advice: str, secured: Make) -> None:
    with serve_tls(secured(**options)) as (base_url, read):
        found = look(base_url)
    finding = only(found, "tls")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.startswith(seen)
    assert advice in finding.advice
    assert read == []
    assert_not_requested(found, "tls")
    assert only(found, "proxy").verdict == "ok"


@pytest.mark.parametrize("options", [{"ends": YESTERDAY}, {"signer": None}, {"host": "api.example"}])
def test_without_cryptography_an_invalid_certificate_is_a_failure_without_details(
    options: dict[str, Any], secured: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_tls(secured(**options)) as (base_url, _):
        monkeypatch.setitem(sys.modules, "cryptography", None)
        finding = only(look(base_url), "tls")
    assert finding.verdict == "failed"
    assert finding.seen.startswith("the certificate is not valid: ")
    assert finding.seen.endswith('; for details, install cryptography: pip install "paygrant[cli]"')
    assert finding.advice


def test_what_strict_checking_wants_of_an_authority_is_said(secured: Make, trust: Path) -> None:
    trust.write_bytes(pem(sign(AUTHORITY.name, AUTHORITY.key, AUTHORITY, states_usage=False)))
    tls_context.cache_clear()
    with serve_tls(secured()) as (base_url, _):
        finding = look(base_url)["tls"][-1]
        strict = bool(tls_context().verify_flags & ssl.VERIFY_X509_STRICT)
        if not strict:  # Python before 3.13
            assert finding.verdict == "warning"
            assert finding.seen.startswith("Python 3.13 and later refuse the certificate: CA cert does not include key")
            assert "keyUsage with keyCertSign" in finding.advice
            tls_context().verify_flags |= ssl.VERIFY_X509_STRICT
            finding = look(base_url)["tls"][-1]
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.startswith("the certificate is not valid: CA cert does not include key usage extension")
    assert "keyUsage with keyCertSign" in finding.advice


def test_a_server_that_does_not_speak_tls_is_a_failure(server: Server) -> None:
    found = look(server.base_url.replace("http://127.0.0.1", "https://localhost"))
    finding = only(found, "tls")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert re.fullmatch(r"the server at localhost:\d+ does not speak TLS", finding.seen)
    assert_not_requested(found, "tls")


PROTOCOL_VERSION = bytes.fromhex("15 0301 0002 0246")
"""The alert of a server that supports none of the offered TLS versions (RFC 8446 section 6)."""


@pytest.mark.parametrize(
    ("says", "seen"),
    [(PROTOCOL_VERSION, "only old, unsafe versions of TLS"), (b"", "the TLS handshake failed (")],
)
def test_a_failed_tls_handshake_is_a_failure(says: bytes, seen: str) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(says)

    with serve_raw(script) as base_url:
        finding = only(look(base_url.replace("http://127.0.0.1", "https://localhost")), "tls")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert seen in finding.seen
    assert finding.advice


def test_a_missing_list_of_authorities_is_a_failure(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authorities.pem")
    found = look(server.base_url.replace("http:", "https:"))
    finding = only(found, "settings")
    assert (finding.verdict, finding.code) == ("failed", "configuration")
    assert finding.seen == "SSL_CERT_FILE: cannot be read (FileNotFoundError)"
    assert only(found, "address").verdict == "skipped"


# Proxies


@contextmanager
def serve_proxy(*lines: str, then: Callable[[socket.socket], object] = bool) -> Generator[tuple[str, list[bytes]]]:
    """A proxy that responds to CONNECT with these lines, then calls a function. Gives its URL and the requests."""
    received: list[bytes] = []

    def script(connection: socket.socket) -> None:
        request = read_request(connection)
        if request:
            received.append(request)
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            then(connection)

    with serve_raw(script) as url:
        yield url, received


OPEN = "HTTP/1.1 200 Connection established"


def relay_to(base_url: str) -> Callable[[socket.socket], None]:
    """Carries bytes to a server and back until one side closes the connection."""

    def relay(client: socket.socket) -> None:
        port = int(base_url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port)) as server, suppress(OSError):
            while True:
                for ready in select.select([client, server], [], [])[0]:
                    data = ready.recv(1 << 16)
                    if not data:
                        return
                    (server if ready is client else client).sendall(data)

    return relay


@pytest.mark.parametrize(
    ("line", "seen", "advice"),
    [
        (
            "HTTP/1.1 407 Who are you",
            "does not open a tunnel: it responds with status 407",
            "set https_proxy to http://user:password@host:port",
        ),
        (
            "HTTP/1.1 403 No",
            "does not open a tunnel: it responds with status 403",
            f"allows no connection to {RIPPLE_HOST}",
        ),
        ("HTTP/1.1 502 Bad", "does not open a tunnel: it responds with status 502", "https_proxy names a proxy"),
        ("HTTP/1.1 799 Odd", "does not open a tunnel: it responds with status 799", "https_proxy names a proxy"),
        ("220 mail.example ESMTP", "does not open a tunnel: it does not speak HTTP", "https_proxy names a proxy"),
    ],
)
def test_a_proxy_that_does_not_open_a_tunnel_is_a_failure(
    line: str, seen: str, advice: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_proxy(line) as (url, received):
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple)
    place = url.removeprefix("http://")
    assert only(found, "address").seen == "the proxy 127.0.0.1 is an IP address"
    assert only(found, "tcp").seen.startswith(f"the proxy {place} accepts connections (")
    assert only(found, "tls") == Finding("tls", "skipped", "the proxy does not open a tunnel")
    finding = only(found, "proxy")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen == f"the proxy {place} {seen}"
    assert advice in finding.advice
    assert_not_requested(found, "proxy")
    assert {request.partition(b"\r\n")[0] for request in received} == {f"CONNECT {RIPPLE_HOST}:443 HTTP/1.1".encode()}


def test_a_proxy_that_closes_the_connection_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(connection: socket.socket) -> None:
        read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with serve_raw(reset) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple)
    finding = only(found, "proxy")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.endswith(" does not open a tunnel: it closes the connection (connection reset by peer)")


def test_a_proxy_receives_its_credentials_and_they_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_proxy("HTTP/1.1 403 No") as (url, received):
        monkeypatch.setenv("HTTPS_PROXY", url.replace("http://", "http://someone:pass%2Bword@"))
        found = look(kind=Ripple)
    assert all(b"Proxy-Authorization: Basic c29tZW9uZTpwYXNzK3dvcmQ=\r\n" in request for request in received)
    assert "someone" not in str(found)
    assert "word@" not in str(found["proxy"]).replace("user:password@", "")


def test_a_proxy_that_does_not_resolve_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://nowhere.invalid:3128")
    finding = only(look(kind=Ripple), "address")
    assert finding.verdict == "failed"
    assert finding.seen.startswith("the proxy nowhere.invalid does not resolve (")
    assert "set in https_proxy" in finding.advice


def test_an_invalid_proxy_is_a_failure(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://name:password@127.0.0.1:1")
    found = look(server.base_url)
    finding = only(found, "settings")
    assert (finding.verdict, finding.code) == ("failed", "configuration")
    assert finding.seen.startswith("http_proxy: names a proxy that cannot be used (")
    assert "name:password" not in str(found)
    assert server.seen == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", None], ids=["a list of one's own", "the usual list"])
def test_a_proxy_that_opens_a_tunnel_is_ok(
    variable: str | None, secured: Make, trust: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(certifi, "where", lambda: str(trust))  # everybody trusts the authority
    if variable is None:
        monkeypatch.delenv("SSL_CERT_FILE")
    with serve_tls(secured()) as (base_url, read), serve_proxy(OPEN, then=relay_to(base_url)) as (url, _):
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(base_url)
    assert only(found, "proxy").verdict == "ok"
    assert only(found, "proxy").seen.endswith(" (https_proxy) opens a tunnel to localhost")
    assert only(found, "tls").verdict == only(found, "response").verdict == "ok"
    assert len(read) == 1


@pytest.mark.parametrize(
    ("signer", "tls", "seen"),
    [
        (AUTHORITY, "ok", "signed by Straw Trust, Root 1, which only SSL_CERT_FILE makes trusted"),
        (STRANGER, "failed", "signed by Nobody's Root, which this machine does not trust"),
    ],
    ids=["trusted", "untrusted"],
)
def test_a_proxy_that_intercepts_tls_is_a_warning(
    signer: Signer, tls: str, seen: str, secured: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, read = secured(signer, host=RIPPLE_HOST), list[bytes]()
    with serve_proxy(OPEN, then=lambda connection: grant_over_tls(connection, context, read)) as (url, _):
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple)
    finding = only(found, "proxy")
    assert finding.verdict == "warning"
    assert "seems to intercept TLS" in finding.seen
    assert finding.seen.endswith(seen)
    assert RIPPLE_HOST in finding.advice
    assert only(found, "tls").verdict == tls
    assert len(read) == (tls == "ok")


def test_a_proxy_that_fails_the_second_time_is_ok(secured: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    context, connections = secured(host=RIPPLE_HOST), iter([True])

    def script(connection: socket.socket) -> None:
        if read_request(connection) and next(connections, False):
            connection.sendall(f"{OPEN}\r\n\r\n".encode())
            grant_over_tls(connection, context, [])

    with serve_raw(script) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple)
    assert only(found, "tls").verdict == only(found, "proxy").verdict == "ok"
    assert only(found, "response").verdict == "failed"


def test_a_proxy_that_is_not_used_for_this_host_is_ok(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://nowhere.invalid:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = look(server.base_url)
    assert only(found, "proxy") == Finding("proxy", "ok", "http_proxy set, but not used for 127.0.0.1")
    assert only(found, "response").verdict == "ok"


def test_no_proxy_is_ok(server: Server) -> None:
    assert only(look(server.base_url), "proxy") == Finding("proxy", "ok", "no proxy is set in the environment")


def test_a_proxy_for_plain_http_is_ok(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.base_url)
    found = look("http://127.0.0.1:9")
    place = server.base_url.removeprefix("http://")
    assert only(found, "proxy") == Finding("proxy", "ok", f"the proxy {place} (http_proxy) carries the request")
    assert only(found, "response").verdict == "ok"
    assert [seen.path for seen in server.seen] == ["http://127.0.0.1:9/o/token/"]


def test_a_proxy_that_only_a_request_can_pass_is_not_checked_separately(
    secured: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = secured()

    def script(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as outer:
            received.append(read_request(outer))
            outer.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    received: list[bytes] = []
    with serve_raw(script) as url:
        monkeypatch.setenv("HTTPS_PROXY", url.replace("http://127.0.0.1", "https://localhost"))
        found = look(kind=Ripple)
    assert only(found, "tls").seen.startswith("not checked separately")
    assert only(found, "proxy").verdict == "ok"
    assert only(found, "response").seen.startswith("ripple (test): ProxyError: 403")
    assert len(received) == 1


def test_a_response_of_the_proxy_gives_advice_about_the_proxy(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.base_url)
    server.reply = Reply({}, 407)
    finding = only(look("http://127.0.0.1:9"), "response")
    assert (finding.verdict, finding.code) == ("failed", "refused")
    assert "The proxy needs credentials" in finding.advice


@pytest.mark.parametrize("drip", [b"HTTP/1.1 100 Continue\r\n\r\n", b"X"])
def test_a_proxy_that_sends_byte_by_byte_is_cut_off(drip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    over = threading.Event()

    def script(connection: socket.socket) -> None:
        read_request(connection)
        with suppress(OSError):
            while not over.wait(0.01):
                connection.sendall(drip)

    with serve_raw(script) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple, timeout=0.2)
        over.set()
    assert only(found, "proxy").verdict == "failed"


@pytest.mark.parametrize("host", ["a..b.example", f"{'a' * 64}.example"])
def test_an_invalid_host_name_does_not_resolve(host: str) -> None:
    assert only(look(f"https://{host}"), "address").verdict == "failed"
