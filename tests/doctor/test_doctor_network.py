"""The doctor on the way to the provider: names, ports, TLS and proxies, each with its own fault, on real sockets."""

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
from tests.doctor.test_doctor import ON_THE_WAY, only
from tests.helpers.providers import ARGUMENTS, CLIENT_ID, CLIENT_SECRET
from tests.helpers.servers import Reply, Server, granted, read_request, serve_raw

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


def assert_not_asked(found: dict[str, list[Finding]], culprit: str) -> None:
    """Whatever needs an answer waits for what failed."""
    for check in ON_THE_WAY:
        assert only(found, check) == Finding(check, "skipped", f"{culprit} comes first")


# Name and port


def test_a_host_that_does_not_resolve() -> None:
    found = look("https://nowhere.invalid")
    finding = only(found, "address")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.startswith("nowhere.invalid does not resolve (")
    assert "name server" in finding.advice
    assert "No proxy is set" in finding.advice
    assert only(found, "tcp") == Finding("tcp", "skipped", "address comes first")
    assert_not_asked(found, "address")
    assert only(found, "parameters").verdict == only(found, "cache").verdict == "ok"


def test_a_host_that_resolves(server: Server) -> None:
    assert only(look(server.base_url), "address") == Finding("address", "ok", "127.0.0.1 is an address")
    assert "127.0.0.1" in only(look(server.base_url.replace("127.0.0.1", "localhost")), "address").seen


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port: int = closed.getsockname()[1]
        return port


def test_a_port_at_which_nobody_listens() -> None:
    port = free_port()
    found = look(f"https://127.0.0.1:{port}")
    finding = only(found, "tcp")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen == f"127.0.0.1:{port} does not answer: 127.0.0.1 (connection refused)"
    assert "firewalls" in finding.advice
    assert only(found, "tls") == Finding("tls", "skipped", "tcp comes first")
    assert only(found, "proxy") == Finding("proxy", "skipped", "tcp comes first")
    assert_not_asked(found, "tcp")


def test_an_address_that_is_dead_beside_one_that_is_not(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
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
    """An authority, or whoever signs for itself."""

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
    else:
        builder = builder.add_extension(SIGNS_CERTIFICATES, critical=True)
    return builder.sign(signer.key, hashes.SHA256())


AUTHORITY = Signer(named("Root 1", "Straw Trust"), ec.generate_private_key(ec.SECP256R1()))
STRANGER = Signer(named("Nobody's Root"), ec.generate_private_key(ec.SECP256R1()))


@pytest.fixture(autouse=True)
def trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """One authority of straw is trusted."""
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
    """Makes the TLS of a server, for localhost and signed by the authority unless told otherwise."""

    def make(signer: Signer | None = AUTHORITY, host: str = "localhost", **times: timedelta) -> ssl.SSLContext:
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


def answer(connection: socket.socket, context: ssl.SSLContext, read: list[bytes]) -> None:
    """Speak TLS, and grant a token to whoever asks."""
    with context.wrap_socket(connection, server_side=True) as secured:
        request = read_request(secured)
        if request:
            read.append(request)
            body = granted().body
            secured.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))


@contextmanager
def serve_tls(context: ssl.SSLContext) -> Generator[tuple[str, list[bytes]]]:
    """A token endpoint behind TLS: its base URL, and what it reads."""
    read: list[bytes] = []
    with serve_raw(lambda connection: answer(connection, context, read)) as base_url:
        yield base_url.replace("http://127.0.0.1", "https://localhost"), read


def test_a_server_that_proves_who_it_is(secured: Make) -> None:
    with serve_tls(secured()) as (base_url, read):
        found = look(base_url)
    finding = only(found, "tls")
    end = datetime.now(UTC) + timedelta(days=9)
    assert finding.verdict == "ok"
    assert finding.seen == f"TLSv1.3; certificate until {end:%Y-%m-%d}, signed by Straw Trust, Root 1"
    assert only(found, "answer").verdict == "ok"
    assert len(read) == 1


YESTERDAY, TOMORROW = timedelta(days=-1), timedelta(days=1)


@pytest.mark.parametrize(
    ("options", "seen", "advice"),
    [
        ({"ends": YESTERDAY}, "the certificate ended on 20", "renew"),
        ({"begins": TOMORROW}, "the certificate begins on 20", "clock right? It says 20"),
        ({"host": "api.example"}, "the certificate is for api.example, not for localhost", "Another server"),
        ({"signer": None}, "the certificate is signed by itself, which nobody here vouches for", "SSL_CERT_FILE"),
        (
            {"signer": STRANGER},
            "the certificate is signed by Nobody's Root, which nobody here vouches for",
            "SSL_CERT_FILE",
        ),
    ],
    ids=["expired", "not yet valid", "another name", "self-signed", "an unknown authority"],
)
def test_a_certificate_that_does_not_verify(options: dict[str, Any], seen: str, advice: str, secured: Make) -> None:
    with serve_tls(secured(**options)) as (base_url, read):
        found = look(base_url)
    finding = only(found, "tls")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.startswith(seen)
    assert advice in finding.advice
    assert read == []
    assert_not_asked(found, "tls")
    assert only(found, "proxy").verdict == "ok"


@pytest.mark.parametrize("options", [{"ends": YESTERDAY}, {"signer": None}, {"host": "api.example"}])
def test_a_certificate_of_which_little_can_be_said_for_lack_of_the_extra(
    options: dict[str, Any], secured: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_tls(secured(**options)) as (base_url, _):
        monkeypatch.setitem(sys.modules, "cryptography", None)
        finding = only(look(base_url), "tls")
    assert finding.verdict == "failed"
    assert finding.seen.startswith("the certificate does not verify: ")
    assert finding.seen.endswith('; cryptography would tell more: pip install "paygrant[cli]"')
    assert finding.advice


def test_a_port_where_no_tls_is_spoken(server: Server) -> None:
    found = look(server.base_url.replace("http://127.0.0.1", "https://localhost"))
    finding = only(found, "tls")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.startswith("no TLS is spoken at localhost:")
    assert_not_asked(found, "tls")


PROTOCOL_VERSION = bytes.fromhex("15 0301 0002 0246")
"""The alert of a server that speaks no version that it was offered (RFC 8446 section 6)."""


@pytest.mark.parametrize(
    ("says", "seen"),
    [(PROTOCOL_VERSION, "versions of TLS that are no longer safe"), (b"", "the handshake broke off (")],
)
def test_a_server_without_a_handshake(says: bytes, seen: str) -> None:
    def script(connection: socket.socket) -> None:
        connection.recv(1 << 16)
        connection.sendall(says)

    with serve_raw(script) as base_url:
        finding = only(look(base_url.replace("http://127.0.0.1", "https://localhost")), "tls")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert seen in finding.seen
    assert finding.advice


def test_a_list_of_authorities_that_is_not_there(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", "/nowhere/authorities.pem")
    found = look(server.base_url.replace("http:", "https:"))
    finding = only(found, "settings")
    assert (finding.verdict, finding.code) == ("failed", "configuration")
    assert finding.seen == "SSL_CERT_FILE: cannot be read (FileNotFoundError)"
    assert only(found, "address").verdict == "skipped"


# Proxies


@contextmanager
def serve_proxy(*lines: str, then: Callable[[socket.socket], object] = bool) -> Generator[tuple[str, list[bytes]]]:
    """A proxy that answers a CONNECT with these lines, then does something. Gives its URL, and what it is asked."""
    asked: list[bytes] = []

    def script(connection: socket.socket) -> None:
        request = read_request(connection)
        if request:
            asked.append(request)
            connection.sendall("\r\n".join([*lines, "", ""]).encode())
            then(connection)

    with serve_raw(script) as url:
        yield url, asked


OPEN = "HTTP/1.1 200 Connection established"


def relay_to(base_url: str) -> Callable[[socket.socket], None]:
    """Carries bytes to a server and back until one of the two has enough."""

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
            "opens no tunnel: it answers with status 407",
            "user:password@host:port, in https_proxy",
        ),
        ("HTTP/1.1 403 No", "opens no tunnel: it answers with status 403", f"let anybody through to {RIPPLE_HOST}"),
        ("HTTP/1.1 502 Bad", "opens no tunnel: it answers with status 502", "https_proxy names it"),
        ("HTTP/1.1 799 Odd", "opens no tunnel: it answers with status 799", "https_proxy names it"),
        ("220 mail.example ESMTP", "opens no tunnel: it speaks no HTTP", "https_proxy names it"),
    ],
)
def test_a_proxy_that_opens_no_tunnel(line: str, seen: str, advice: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_proxy(line) as (url, asked):
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple)
    place = url.removeprefix("http://")
    assert only(found, "address").seen == "the proxy 127.0.0.1 is an address"
    assert only(found, "tcp").seen.startswith(f"the proxy {place} answers in ")
    assert only(found, "tls") == Finding("tls", "skipped", "the proxy opens no tunnel")
    finding = only(found, "proxy")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen == f"the proxy {place} {seen}"
    assert advice in finding.advice
    assert_not_asked(found, "proxy")
    assert {request.partition(b"\r\n")[0] for request in asked} == {f"CONNECT {RIPPLE_HOST}:443 HTTP/1.1".encode()}


def test_a_proxy_that_breaks_off(monkeypatch: pytest.MonkeyPatch) -> None:
    def reset(connection: socket.socket) -> None:
        read_request(connection)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        connection.close()

    with serve_raw(reset) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple)
    finding = only(found, "proxy")
    assert (finding.verdict, finding.code) == ("failed", "unavailable")
    assert finding.seen.endswith(" opens no tunnel: it breaks off (connection reset by peer)")


def test_a_proxy_gets_its_credentials_and_they_are_not_shown(monkeypatch: pytest.MonkeyPatch) -> None:
    with serve_proxy("HTTP/1.1 403 No") as (url, asked):
        monkeypatch.setenv("HTTPS_PROXY", url.replace("http://", "http://someone:pass%2Bword@"))
        found = look(kind=Ripple)
    assert all(b"Proxy-Authorization: Basic c29tZW9uZTpwYXNzK3dvcmQ=\r\n" in request for request in asked)
    assert "someone" not in str(found)
    assert "word@" not in str(found["proxy"]).replace("user:password@", "")


def test_a_proxy_that_does_not_resolve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://nowhere.invalid:3128")
    finding = only(look(kind=Ripple), "address")
    assert finding.verdict == "failed"
    assert finding.seen.startswith("the proxy nowhere.invalid does not resolve (")
    assert "https_proxy names it" in finding.advice


def test_a_proxy_that_is_none(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "ftp://name:password@127.0.0.1:1")
    found = look(server.base_url)
    finding = only(found, "settings")
    assert (finding.verdict, finding.code) == ("failed", "configuration")
    assert finding.seen.startswith("http_proxy: names a proxy that cannot be used (")
    assert "name:password" not in str(found)
    assert server.seen == []


@pytest.mark.parametrize("variable", ["SSL_CERT_FILE", None], ids=["a list of one's own", "the usual list"])
def test_a_proxy_that_lets_through(
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
    assert only(found, "tls").verdict == only(found, "answer").verdict == "ok"
    assert len(read) == 1


@pytest.mark.parametrize(
    ("signer", "tls", "seen"),
    [
        (AUTHORITY, "ok", "signed by Straw Trust, Root 1, which SSL_CERT_FILE vouches for"),
        (STRANGER, "failed", "signed by Nobody's Root, which nobody here vouches for"),
    ],
    ids=["trusted", "untrusted"],
)
def test_a_proxy_that_reads_along(
    signer: Signer, tls: str, seen: str, secured: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    context, read = secured(signer, host=RIPPLE_HOST), list[bytes]()
    with serve_proxy(OPEN, then=lambda connection: answer(connection, context, read)) as (url, _):
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple)
    finding = only(found, "proxy")
    assert finding.verdict == "warning"
    assert "seems to read along" in finding.seen
    assert finding.seen.endswith(seen)
    assert RIPPLE_HOST in finding.advice
    assert only(found, "tls").verdict == tls
    assert len(read) == (tls == "ok")


def test_a_proxy_of_which_no_more_can_be_said(secured: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    context, connections = secured(host=RIPPLE_HOST), iter([True])

    def script(connection: socket.socket) -> None:
        if read_request(connection) and next(connections, False):
            connection.sendall(f"{OPEN}\r\n\r\n".encode())
            answer(connection, context, [])

    with serve_raw(script) as url:
        monkeypatch.setenv("HTTPS_PROXY", url)
        found = look(kind=Ripple)
    assert only(found, "tls").verdict == only(found, "proxy").verdict == "ok"
    assert only(found, "answer").verdict == "failed"


def test_a_proxy_that_is_not_used_for_this_host(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://nowhere.invalid:3128")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    found = look(server.base_url)
    assert only(found, "proxy") == Finding("proxy", "ok", "http_proxy set, but not used for 127.0.0.1")
    assert only(found, "answer").verdict == "ok"


def test_no_proxy_at_all(server: Server) -> None:
    assert only(look(server.base_url), "proxy") == Finding("proxy", "ok", "none set in the environment")


def test_a_proxy_that_carries_plain_requests(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.base_url)
    found = look("http://127.0.0.1:9")
    place = server.base_url.removeprefix("http://")
    assert only(found, "proxy") == Finding("proxy", "ok", f"the proxy {place} (http_proxy) carries the request")
    assert only(found, "answer").verdict == "ok"
    assert [seen.path for seen in server.seen] == ["http://127.0.0.1:9/o/token/"]


def test_a_proxy_that_only_a_request_can_pass(secured: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    context = secured()

    def script(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as outer:
            asked.append(read_request(outer))
            outer.sendall(b"HTTP/1.1 403 No\r\nContent-Length: 0\r\n\r\n")

    asked: list[bytes] = []
    with serve_raw(script) as url:
        monkeypatch.setenv("HTTPS_PROXY", url.replace("http://127.0.0.1", "https://localhost"))
        found = look(kind=Ripple)
    assert only(found, "tls").seen.startswith("not looked at by itself")
    assert only(found, "proxy").verdict == "ok"
    assert only(found, "answer").seen.startswith("ripple (test): ProxyError: 403")
    assert len(asked) == 1


def test_an_answer_that_the_proxy_gave(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", server.base_url)
    server.reply = Reply({}, 407)
    finding = only(look("http://127.0.0.1:9"), "answer")
    assert (finding.verdict, finding.code) == ("failed", "refused")
    assert "The proxy wants credentials" in finding.advice


@pytest.mark.parametrize("drip", [b"HTTP/1.1 100 Continue\r\n\r\n", b"X"])
def test_a_proxy_that_drips_holds_nobody_up(drip: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
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
def test_a_host_that_is_no_name_does_not_resolve(host: str) -> None:
    assert only(look(f"https://{host}"), "address").verdict == "failed"
