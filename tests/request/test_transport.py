"""The environment's proxies, a transport of the caller's own, and TLS."""

import socket
import ssl
import threading
from collections.abc import Generator, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from weakref import WeakSet

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from paygrant import (
    AlternativePayments,
    ConfigurationError,
    Cryptofuse,
    ProviderUnavailable,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    TokenError,
    TokenSource,
)
from paygrant._cache import workers
from paygrant._cache.registry import forget_all
from paygrant._providers.base import Provider
from paygrant._request import transport as transport_module
from paygrant._request.transport import (
    forget_connections,
    is_client_certificate_refused,
    new_transport,
    shared_connections,
    transport_for,
)
from paygrant._request.trust import trusting_context
from tests.helpers.providers import ask, make
from tests.helpers.servers import RAW_GRANT, Reply, Server, granted, read_request, serve, serve_raw


class Request(NamedTuple):
    """A request as the provider documents it."""

    path: str
    content_type: str
    authorization: str | None
    body: bytes


# The environment's proxies


@pytest.mark.parametrize("variable", ["HTTP_PROXY", "http_proxy", "ALL_PROXY"])
@pytest.mark.parametrize("scheme", ["http://", ""])
def test_a_request_goes_through_the_proxy_of_the_environment(
    variable: str, scheme: str, server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, other.base_url.replace("http://", scheme))
    ask(make(Cryptofuse, base_url=server.base_url))
    assert [seen.path for seen in other.seen] == [f"{server.base_url}/o/token/"]
    assert server.seen == []


@pytest.mark.parametrize("exempt", ["127.0.0.1", "localhost,127.0.0.1", "*", "127.0.0.1:{port}"])
def test_no_proxy_avoids_the_proxy(exempt: str, server: Server, other: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    monkeypatch.setenv("NO_PROXY", exempt.format(port=server.base_url.rpartition(":")[2]))
    ask(make(Cryptofuse, base_url=server.base_url))
    assert [seen.path for seen in server.seen] == ["/o/token/"]
    assert other.seen == []


def test_no_proxy_for_another_host_uses_the_proxy(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    monkeypatch.setenv("NO_PROXY", "127.0.0.2,example.com,127.0.0.1:1")
    ask(make(Cryptofuse, base_url=server.base_url))
    assert len(other.seen) == 1


@pytest.mark.parametrize("exempt", ["::1", "[::1]", "[::1]:9"])
def test_no_proxy_may_name_an_ipv6_address(exempt: str, other: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    monkeypatch.setenv("NO_PROXY", exempt)
    with pytest.raises(ProviderUnavailable, match="ConnectError"):
        ask(make(Cryptofuse, base_url="http://[::1]:9"))
    assert other.seen == []


HOSTS = [
    (RipioRamp, "sandbox", "skala-sandbox.ripio.com"),
    (RipioRamp, "production", "skala.ripio.com"),
    (RipioWidget, "sandbox", "b2b-widget-onramp-api.sandbox.ripio.com"),
    (RipioWidget, "production", "b2b-widget-onramp-api.ripio.com"),
    (Ripple, "test", "auth-test.rnc.ripplenet.com"),
    (Ripple, "uat", "auth-uat.rnc.ripplenet.com"),
    (Ripple, "production", "auth.rnc.ripplenet.com"),
    (AlternativePayments, "demo", "public-api.demo.alternativepayments.io"),
    (AlternativePayments, "production", "public-api.alternativepayments.io"),
]


@pytest.mark.parametrize(("kind", "environment", "host"), HOSTS)
def test_each_environment_is_reached_at_its_host_by_tls_alone(
    kind: type[Provider], environment: str, host: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(connection: socket.socket) -> None:
        requests.append(read_request(connection))
        connection.sendall(b"HTTP/1.1 502 No way\r\nContent-Length: 0\r\n\r\n")

    requests: list[bytes] = []
    with serve_raw(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        with pytest.raises(ProviderUnavailable, match="ProxyError: 502 No way"):
            ask(make(kind, environment=environment))
    (request,) = requests
    assert request.startswith(f"CONNECT {host}:443 HTTP/1.1\r\n".encode())
    assert b"of-straw" not in request


@pytest.mark.parametrize("echo", ["no such user: PROXY-PASSWORD/77", "bm9ib2R5OlBST1hZLVBBU1NXT1JELzc3"])
def test_a_proxy_that_repeats_its_password_is_cut_short(echo: str, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(f"HTTP/1.1 407 {echo}\r\nContent-Length: 0\r\n\r\n".encode())

    with serve_raw(refuse) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("http://", "http://nobody:PROXY-PASSWORD%2F77@"))
        with pytest.raises(ProviderUnavailable, match=r"ProxyError: 407") as caught:
            ask(make(Ripple, environment="test"))
    assert "[cut]" in str(caught.value)
    assert echo[-12:] not in str(caught.value)


def test_of_a_callers_own_proxy_only_the_status_is_shown() -> None:
    def refuse(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 407 not nobody with PROXY-PASSWORD-77\r\nContent-Length: 0\r\n\r\n")

    with serve_raw(refuse) as proxy, httpx.HTTPTransport(proxy=proxy) as transport:
        source = TokenSource(
            make(Ripple, environment="test"), transport=transport, policy=RefreshPolicy(max_attempts=1)
        )
        with pytest.raises(ProviderUnavailable, match=r"ProxyError: 407 \(attempts: 1\)"):
            source.get()


@pytest.mark.parametrize("proxy", ["ftp://name:password@127.0.0.1:1", "socks9://127.0.0.1", "http://[::1"])
def test_an_unusable_proxy_is_a_configuration_error(
    proxy: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", proxy)
    with pytest.raises(
        ConfigurationError, match=r"http_proxy: names a proxy that cannot be used \(.*; expected "
    ) as caught:
        ask(make(Cryptofuse, base_url=server.base_url))
    assert "password" not in str(caught.value)
    assert server.seen == []


@pytest.mark.parametrize("proxy", ["http://", "//name:password@127.0.0.1", "http://127.0.0.1:99999", "127.0.0.1:0"])
def test_a_proxy_without_a_host_or_a_usable_port_is_a_configuration_error(
    proxy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(
        ConfigurationError,
        match=r"^https_proxy: names a proxy that cannot be used \(ValueError\); expected http://host:port",
    ):
        ask(make(Cryptofuse, base_url="https://cryptofuse.invalid"))


def test_plain_http_on_loopback_uses_no_proxy(
    server: Server, provider: Cryptofuse, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://proxy.invalid:3128")
    assert ask(provider).access_token == "token-1"
    assert len(server.seen) == 1


# A transport of the caller's


class CountingTransport(httpx.HTTPTransport):
    """A real transport that notes what becomes of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.requests: list[str] = []
        self.closed = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(str(request.url))
        return super().handle_request(request)

    def close(self) -> None:
        self.closed = True
        super().close()


def test_a_transport_is_used_and_stays_open(server: Server) -> None:
    transport = CountingTransport()
    with TokenSource(make(Cryptofuse, base_url=server.base_url), transport=transport) as source:
        source.invalidate(source.get())
        assert source.get().access_token == "token-2"
    assert transport.requests == [f"{server.base_url}/o/token/"] * 2
    assert not transport.closed
    transport.close()


def test_a_transport_stays_open_when_the_request_fails(server: Server) -> None:
    server.reply = Reply(b"", 503)
    transport = CountingTransport()
    with pytest.raises(ProviderUnavailable):
        ask(make(Cryptofuse, base_url=server.base_url), transport=transport)
    assert transport.requests
    assert not transport.closed
    transport.close()


def test_a_transport_replaces_the_environments_proxy(
    server: Server, other: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", other.base_url)
    with httpx.HTTPTransport() as transport:
        ask(make(Cryptofuse, base_url=server.base_url), transport=transport)
    assert len(server.seen) == 1
    assert other.seen == []


def test_a_transport_needs_no_network() -> None:
    response = httpx.Response(200, json=granted("made-up").document)
    transport = httpx.MockTransport(lambda _: response)
    assert ask(make(Cryptofuse), transport=transport).access_token == "made-up"


def test_a_request_is_the_same_by_a_transport_of_the_user(server: Server) -> None:
    ask(make(Cryptofuse, base_url=server.base_url))
    with httpx.HTTPTransport() as transport:
        ask(make(Cryptofuse, base_url=server.base_url), transport=transport, transport_name="bank")
    first, second = server.seen
    assert first.headers["Authorization"].startswith("Basic ")
    assert {name.lower(): value for name, value in first.headers.items()} == {
        name.lower(): value for name, value in second.headers.items()
    }
    assert (first.path, first.body) == (second.path, second.body)


class NoWordsError(Exception):
    def __str__(self) -> str:
        raise RuntimeError("there are no words")


def in_a_circle() -> Exception:
    one, other = ValueError("one"), ValueError("other")
    one.__cause__, other.__cause__ = other, one
    return one


RAISED: dict[str, Exception] = {
    "our own, for an argument": ConfigurationError("proxy: client_of_straw_secret"),
    "our own": TokenError("no token here"),
    "httpx's": httpx.ConnectError("refused"),
    "one without words": NoWordsError(),
    "one whose causes are a circle": in_a_circle(),
    "one of nobody": type("OddError", (Exception,), {})("odd"),
    "a group": ExceptionGroup("several", [ValueError("one"), KeyError("two")]),
}


@pytest.mark.parametrize("raised", RAISED.values(), ids=RAISED)
def test_whatever_a_transport_raises_is_an_error_of_ours_with_its_class(raised: Exception) -> None:
    def fail(_: httpx.Request) -> httpx.Response:
        raise raised

    with pytest.raises(ProviderUnavailable, match=type(raised).__name__) as caught:
        ask(make(Cryptofuse), transport=httpx.MockTransport(fail))
    assert caught.value.provider == "cryptofuse"
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_a_transport_without_its_own_configuration_is_asked_once() -> None:
    asked: list[httpx.Request] = []

    def fail(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        raise ConfigurationError("proxy: is missing")

    with pytest.raises(ProviderUnavailable, match="ConfigurationError: proxy: is missing"):
        ask(make(Cryptofuse), transport=httpx.MockTransport(fail), policy=RefreshPolicy())
    assert len(asked) == 1


def test_a_connection_is_closed_when_its_worker_is_idle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(workers, "IDLE", 0.1)
    closed = threading.Event()

    def respond(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(RAW_GRANT)
        connection.settimeout(10)
        if connection.recv(1) == b"":
            closed.set()

    with serve_raw(respond) as base_url:
        ask(make(Cryptofuse, base_url=base_url))
        assert closed.wait(10)


def test_a_forked_child_has_connections_of_its_own(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "_thread_local", threading.local())
    monkeypatch.setattr(transport_module, "_sockets", WeakSet[socket.socket]())
    with shared_connections(), transport_for(server.base_url) as parents:
        forget_connections()  # as in the child
        with shared_connections():
            with transport_for(server.base_url) as own, transport_for(server.base_url) as again:
                assert own is again is not parents
            with transport_for(server.base_url) as again:
                assert own is again
        monkeypatch.undo()


def test_a_transport_of_ours_uses_the_proxy_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    def read(connection: socket.socket) -> None:
        seen.append(read_request(connection))
        connection.sendall(RAW_GRANT)

    seen: list[bytes] = []
    with serve_raw(read) as proxy:
        monkeypatch.setenv("https_proxy", proxy)
        with new_transport("https://auth.example/") as transport, suppress(httpx.HTTPError):
            transport.handle_request(httpx.Request("GET", "https://auth.example/"))
        monkeypatch.setenv("https_proxy", "telnet://127.0.0.1:1")
        with pytest.raises(ConfigurationError, match="https_proxy"):
            new_transport("https://auth.example/")
    assert seen[0].startswith(b"CONNECT auth.example:443 ")


@pytest.mark.parametrize(
    ("reason", "is_refused"),
    [
        ("SSLV3_ALERT_BAD_CERTIFICATE", True),
        ("TLSV13_ALERT_CERTIFICATE_REQUIRED", True),
        ("TLSV1_ALERT_UNKNOWN_CA", True),
        ("TLSV1_ALERT_ACCESS_DENIED", True),
        ("TLSV1_ALERT_PROTOCOL_VERSION", False),
        ("SSLV3_ALERT_HANDSHAKE_FAILURE", False),
        ("CERTIFICATE_VERIFY_FAILED", False),
        (None, False),
    ],
)
def test_only_an_alert_about_the_certificate_is_its_refusal(reason: str | None, *, is_refused: bool) -> None:
    cause = ssl.SSLError(1, "failed")
    cause.reason = reason  # type: ignore[assignment]
    error = httpx.ReadError("failed")
    error.__cause__ = cause
    assert is_client_certificate_refused(error) == is_refused


# TLS


class TlsServer(NamedTuple):
    """A server with a certificate: its base URL, what it reads, each connection, and the file of the certificate."""

    base_url: str
    read: list[bytes]
    connections: list[object]
    file: Path


@contextmanager
def serve_tls(folder: Path, name: str = "localhost", days: int = 1) -> Generator[TlsServer]:
    """Run a server on localhost whose certificate is for this name, and ends after this many days.

    The certificate is its own authority.
    """
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
    end = datetime.now(UTC) + timedelta(days=days)
    usage = dict.fromkeys(
        ("content_commitment", "key_encipherment", "data_encipherment", "key_agreement", "crl_sign"), False
    )
    certificate = (
        x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number())
        .not_valid_before(end - timedelta(days=9))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(
            x509.KeyUsage(
                digital_signature=True, key_cert_sign=True, encipher_only=False, decipher_only=False, **usage
            ),
            critical=True,
        )
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    file = folder / f"{name}.pem"
    file.write_bytes(
        certificate.public_bytes(serialization.Encoding.PEM)
        + key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    read: list[bytes] = []
    connections: list[object] = []

    def respond(connection: socket.socket) -> None:
        connections.append(connection)
        with context.wrap_socket(connection, server_side=True) as secured:
            read.append(read_request(secured))
            secured.sendall(RAW_GRANT)

    with serve_raw(respond) as base_url:
        yield TlsServer(base_url.replace("http://127.0.0.1", "https://localhost"), read, connections, file)


@pytest.fixture
def tls_server(tmp_path: Path) -> Iterator[TlsServer]:
    """A server with a good certificate. Nobody but a test trusts its authority."""
    with serve_tls(tmp_path) as server:
        yield server


BAD_CERTIFICATES: dict[str, tuple[dict[str, Any], bool, str]] = {
    "an authority that nobody trusts": ({}, False, "self.signed certificate"),
    "expired": ({"days": -1}, True, "certificate has expired"),
    "another host": ({"name": "other.example"}, True, "Hostname mismatch"),
}


@pytest.mark.parametrize("own", [False, True], ids=["our transport", "the user's transport"])
@pytest.mark.parametrize(("certificate", "trusted", "words"), BAD_CERTIFICATES.values(), ids=BAD_CERTIFICATES)
def test_a_certificate_that_does_not_verify_is_tried_once(  # noqa: PLR0913, PLR0917 - the certificate, and who looks at it
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    pauses: list[float],
    certificate: dict[str, Any],
    trusted: bool,  # noqa: FBT001 - from a table
    words: str,
    own: bool,  # noqa: FBT001 - a parameter of the test
) -> None:
    with serve_tls(tmp_path, **certificate) as server:
        context = ssl.create_default_context(cafile=server.file if trusted else None)
        monkeypatch.setattr(transport_module, "tls_context", lambda: context)
        options = {"transport": httpx.HTTPTransport(verify=context)} if own else {}
        with pytest.raises(ProviderUnavailable, match=f"CERTIFICATE_VERIFY_FAILED.*{words}") as caught:
            ask(make(Cryptofuse, base_url=server.base_url), policy=RefreshPolicy(), **options)
    assert not caught.value.retryable
    assert caught.value.attempts == len(server.connections) == 1
    assert (server.read, pauses) == ([], [])


def test_our_transport_trusts_the_authorities_of_the_environment(
    tls_server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(tls_server.file))
    monkeypatch.setattr(transport_module, "tls_context", trusting_context)
    assert ask(make(Cryptofuse, base_url=tls_server.base_url)).access_token == "token-1"


def test_a_transport_can_trust_its_own_authority(tls_server: TlsServer) -> None:
    context = ssl.create_default_context(cafile=tls_server.file)
    with httpx.HTTPTransport(verify=context) as transport:
        assert ask(make(Cryptofuse, base_url=tls_server.base_url), transport=transport).access_token == "token-1"
    assert tls_server.read[0].endswith(b"grant_type=client_credentials&scope=read+write")


def test_a_request_goes_by_tls_within_the_tls_of_a_proxy(
    tls_server: TlsServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tls_server.file)
    asked: list[bytes] = []

    def copy(source: socket.socket, target: socket.socket) -> None:
        with suppress(OSError):
            while data := source.recv(4096):
                target.sendall(data)

    def tunnel(connection: socket.socket) -> None:
        with context.wrap_socket(connection, server_side=True) as outer:
            asked.append(read_request(outer).splitlines()[0])
            outer.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            with socket.create_connection(("localhost", urlsplit(tls_server.base_url).port or 0)) as target:
                back = threading.Thread(target=copy, args=(target, outer))
                back.start()
                copy(outer, target)
                target.shutdown(socket.SHUT_RDWR)
                back.join()

    monkeypatch.setenv("SSL_CERT_FILE", str(tls_server.file))
    monkeypatch.setattr(transport_module, "tls_context", trusting_context)
    with serve_raw(tunnel) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.replace("http://127.0.0.1", "https://localhost"))
        assert ask(make(Cryptofuse, base_url=tls_server.base_url)).access_token == "token-1"
        forget_all()  # closes the connection, which is kept otherwise
    assert asked == [f"CONNECT {urlsplit(tls_server.base_url).netloc} HTTP/1.1".encode()]
    assert len(tls_server.read) == 1


# Addresses


def test_dead_addresses_leave_time_for_a_live_one(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each dead address has a full backlog, which swallows a connection without a response."""
    with ExitStack() as stack:
        live = stack.enter_context(serve())
        port = urlsplit(live.base_url).port
        for number in (2, 3, 4):
            dead = stack.enter_context(socket.create_server((f"127.0.0.{number}", port or 0), backlog=0))
            for _ in range(3):
                filler = stack.enter_context(socket.socket())
                filler.settimeout(0)
                filler.connect_ex(dead.getsockname())
        addresses = ["127.0.0.2", "127.0.0.3", "127.0.0.4", "127.0.0.1"]
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (each, port)) for each in addresses]

        def addresses_of(*_: object, **__: object) -> list[Any]:
            return list(found)

        monkeypatch.setattr(socket, "getaddrinfo", addresses_of)
        provider = make(Cryptofuse, base_url=f"http://many.localhost:{port}")
        token = ask(provider, policy=RefreshPolicy(timeout=1.2, deadline=10, max_attempts=1))
    assert token.access_token == "token-1"
