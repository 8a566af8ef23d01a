"""ClientCertificate: what it accepts, rotation of its files, and the context that it gives to an API's client."""

import asyncio
import copy
import hashlib
import pickle
import socket
import ssl
import threading
from base64 import urlsafe_b64encode
from collections.abc import Generator
from contextlib import contextmanager, suppress
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from paygrant import ClientCredentials, InvalidClient, MemoryStore, ProviderUnavailable, RefreshPolicy, TokenSource
from paygrant._request import transport
from paygrant._request.certificate import ClientCertificate
from paygrant._request.trust import trusting_context
from tests.helpers.arguments import refusal
from tests.helpers.exposure import exposed
from tests.helpers.keys import Authority, authority, pem, write_pair
from tests.helpers.requester import Requester
from tests.helpers.servers import RAW_GRANT, serve_raw

PASSWORD = "seccanary91bc"


@pytest.fixture
def trust(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Let token requests and API clients trust the authority of the tests."""
    path = tmp_path / "authority.pem"
    path.write_text(authority().certificate, "utf-8")
    monkeypatch.setenv("SSL_CERT_FILE", str(path))
    return path


def thumbprint(certificate: str) -> str:
    return urlsafe_b64encode(hashlib.sha256(ssl.PEM_cert_to_DER_cert(certificate)).digest()).rstrip(b"=").decode()


@contextmanager
def tls_server(tmp_path: Path, reply: bytes = b"ok") -> Generator[tuple[int, list[str]]]:
    """A server on loopback that wants a client certificate. It notes the thumbprints that it sees."""
    folder = tmp_path / "server"
    folder.mkdir()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH, cadata=authority().certificate)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_cert_chain(*write_pair(folder, authority().issue("localhost")))
    seen: list[str] = []
    listener = socket.create_server(("127.0.0.1", 0))

    def run() -> None:
        while True:
            try:
                plain, _ = listener.accept()
            except OSError:
                return
            secured = context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False)
            with suppress(OSError), secured:
                try:
                    secured.do_handshake()
                except ssl.SSLError:
                    while socket.socket.recv(secured, 65536):  # a reset would overtake the alert
                        pass
                    continue
                shown = secured.getpeercert(binary_form=True)
                seen.append(urlsafe_b64encode(hashlib.sha256(shown or b"").digest()).rstrip(b"=").decode())
                request = b""
                while reply != b"ok" and b"grant_type" not in request:
                    request += secured.recv(65536)
                secured.sendall(reply)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    try:
        yield listener.getsockname()[1], seen
    finally:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join(5)


def connect(context: ssl.SSLContext, port: int) -> bytes:
    plain = socket.create_connection(("127.0.0.1", port))
    with plain, context.wrap_socket(plain, server_hostname="localhost") as secured:
        return secured.recv(2)


async def connect_async(context: ssl.SSLContext, port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port, ssl=context, server_hostname="localhost")
    read = await reader.read(2)
    writer.close()
    return read


def test_a_certificate_has_the_thumbprint_of_rfc_8705(tmp_path: Path) -> None:
    pair = authority().issue("client")
    assert ClientCertificate(*write_pair(tmp_path, pair)).thumbprint == thumbprint(pair[0])


def test_certificate_and_key_may_stand_in_one_file(tmp_path: Path) -> None:
    pair = authority().issue("client")
    both = tmp_path / "both.pem"
    both.write_text("".join(pair), "utf-8")
    assert ClientCertificate(both, str(both)).thumbprint == thumbprint(pair[0])


def test_a_locked_key_opens_with_its_password(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, authority().issue("client", password=PASSWORD))
    certificate = ClientCertificate(*paths, password=PASSWORD)
    assert PASSWORD not in repr(certificate)


def test_a_rotation_is_noticed_and_half_of_one_changes_nothing(tmp_path: Path) -> None:
    old, new = authority().issue("client"), authority().issue("client")
    paths = write_pair(tmp_path, old)
    certificate = ClientCertificate(*paths)
    paths[0].write_text(new[0], "utf-8")
    assert certificate.thumbprint == thumbprint(old[0])
    paths[1].write_text("", "utf-8")
    assert certificate.thumbprint == thumbprint(old[0])
    paths[1].write_text(new[1], "utf-8")
    assert certificate.thumbprint == thumbprint(new[0])
    paths[0].unlink()
    assert certificate.thumbprint == thumbprint(new[0])


@pytest.mark.usefixtures("trust")
def test_the_context_shows_the_certificate_that_the_files_hold_when_a_connection_begins(tmp_path: Path) -> None:
    pairs = [authority().issue("client") for _ in range(3)]
    paths = write_pair(tmp_path, pairs[0])
    context = ClientCertificate(*paths).ssl_context()
    with tls_server(tmp_path) as (port, seen):
        assert connect(context, port) == b"ok"
        write_pair(tmp_path, pairs[1])
        assert connect(context, port) == b"ok"
        write_pair(tmp_path, pairs[2])
        assert asyncio.run(connect_async(context, port)) == b"ok"
        paths[0].write_text(pairs[0][0], "utf-8")  # half a rotation
        assert connect(context, port) == b"ok"
    assert seen == [*(thumbprint(each[0]) for each in pairs), thumbprint(pairs[2][0])]


@pytest.mark.usefixtures("trust")
def test_the_context_shows_one_certificate_when_its_kind_of_key_changes(tmp_path: Path) -> None:
    """OpenSSL keeps a certificate for each kind of key, and prefers ECDSA."""
    pairs = [authority().issue("client"), authority().issue("client", kind="RS256"), authority().issue("client")]
    paths = write_pair(tmp_path, pairs[0])
    context = ClientCertificate(*paths).ssl_context()
    with tls_server(tmp_path) as (port, seen):
        for pair in pairs:
            write_pair(tmp_path, pair)
            assert connect(context, port) == b"ok"
    assert seen == [thumbprint(each[0]) for each in pairs]


@pytest.mark.usefixtures("trust")
def test_half_a_rotation_leaves_a_context_that_missed_the_one_before(tmp_path: Path) -> None:
    """The token request has shown the second certificate. The API's client has made no connection since the first."""
    first, second, third = (authority().issue("client") for _ in range(3))
    paths = write_pair(tmp_path, first)
    certificate = ClientCertificate(*paths)
    context = certificate.ssl_context()
    write_pair(tmp_path, second)
    assert certificate.thumbprint == thumbprint(second[0])
    paths[0].write_text(third[0], "utf-8")
    with tls_server(tmp_path) as (port, seen):
        assert connect(context, port) == b"ok"
        paths[1].write_text(third[1], "utf-8")
        assert connect(context, port) == b"ok"
    assert seen == [thumbprint(first[0]), thumbprint(third[0])]


def test_authorities_that_a_user_adds_stay_trusted_after_a_rotation(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, authority().issue("client"))
    context = ClientCertificate(*paths).ssl_context()
    with tls_server(tmp_path) as (port, seen):
        with pytest.raises(ssl.SSLCertVerificationError):
            connect(context, port)
        context.load_default_certs()
        for _ in range(2):
            context.load_verify_locations(cadata=authority().certificate)
            assert connect(context, port) == b"ok"
            write_pair(tmp_path, authority().issue("client"))
            assert connect(context, port) == b"ok"
    assert len({*seen}) == 3


def test_a_user_may_add_authorities_by_file_and_by_folder(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, authority().issue("client"))
    file, folder = tmp_path / "authority.pem", tmp_path / "empty"
    file.write_text(authority().certificate)
    folder.mkdir()
    context = ClientCertificate(*paths).ssl_context()
    with tls_server(tmp_path) as (port, seen):
        context.load_verify_locations(str(file), str(folder))
        assert len(context.get_ca_certs()) == 1 + len(ClientCertificate(*paths).ssl_context().get_ca_certs())
        for _ in range(2):
            assert connect(context, port) == b"ok"
            write_pair(tmp_path, authority().issue("client"))
    assert len({*seen}) == 2


@pytest.mark.usefixtures("trust")
def test_the_settings_of_the_context_count(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, authority().issue("client"))
    context = ClientCertificate(*paths).ssl_context()
    with tls_server(tmp_path) as (port, seen):
        plain = socket.create_connection(("127.0.0.1", port))
        with plain, pytest.raises(ssl.SSLCertVerificationError):
            context.wrap_socket(plain, server_hostname="other.example")
        context.check_hostname = False
        write_pair(tmp_path, authority().issue("client"))
        plain = socket.create_connection(("127.0.0.1", port))
        with plain, context.wrap_socket(plain, server_hostname="other.example") as secured:
            assert secured.recv(2) == b"ok"
    assert len(seen) == 1


@pytest.mark.usefixtures("trust")
def test_the_context_trusts_what_token_requests_trust(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    certificate = ClientCertificate(*write_pair(tmp_path, authority().issue("client")))
    monkeypatch.delenv("SSL_CERT_FILE")
    context = certificate.ssl_context()
    with tls_server(tmp_path) as (port, _), pytest.raises(ssl.SSLCertVerificationError):
        connect(context, port)


def test_bad_files_are_refused(tmp_path: Path) -> None:
    certificate, key = authority().issue("client")
    other = authority().issue("another")
    locked = authority().issue("client", password=PASSWORD)
    unfit = "private_key_file: does not fit the certificate; expected the private key of this certificate"
    keyless = "private_key_file: holds no private key; expected a private key in PEM"
    unusable = (
        "private_key_file: cannot be used with the certificate; expected a certificate and its private key in PEM"
    )
    empty = "certificate_file: holds no certificate; expected a certificate in PEM, the client's own first"
    password = "expected the password of the private key"
    for pair, options, text in (
        ((certificate, other[1]), {}, unfit),
        ((certificate, pem("RS256")), {}, unfit),
        ((certificate, certificate), {}, keyless),
        ((certificate, pem("ES256").replace("M", "N", 9)), {}, unusable),
        (("", key), {}, empty),
        (("-----BEGIN CERTIFICATE-----\n!\n-----END CERTIFICATE-----", key), {}, empty),
        (("-----BEGIN CERTIFICATE-----\nabcde\n-----END CERTIFICATE-----", key), {}, empty),
        (("-----BEGIN CERTIFICATE-----\nabcd", key), {}, empty),
        (locked, {}, f"password: is missing, and the private key is locked; {password}"),
        (locked, {"password": "seccanary91bc!"}, f"password: is wrong; {password}"),
        (locked, {"password": ""}, "password: is empty; expected a non-empty string without control characters"),
    ):
        paths = write_pair(tmp_path, pair)
        assert refusal(lambda: ClientCertificate(*paths, **options)) == text  # noqa: B023


def test_files_that_change_all_the_time_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    paths, states = write_pair(tmp_path, authority().issue("client")), count()

    def state(_: object) -> tuple[int]:
        return (next(states),)

    monkeypatch.setattr(ClientCertificate, "_state", state)
    text = "certificate_file: is being changed; expected a file that does not change for a while"
    assert refusal(lambda: ClientCertificate(*paths)) == text


def test_the_first_certificate_of_a_chain_is_the_clients_own(tmp_path: Path) -> None:
    certificate, key = authority().issue("client")
    paths = write_pair(tmp_path, (f"{certificate}\n{authority().certificate}", key))
    assert ClientCertificate(*paths).thumbprint == thumbprint(certificate)


def test_notes_around_the_pem_may_have_any_encoding(tmp_path: Path) -> None:
    certificate, key = authority().issue("client")
    paths = write_pair(tmp_path, ("", ""))
    for path, text in zip(paths, (certificate, key), strict=True):
        path.write_bytes("Schlüssel\n".encode("latin-1") + text.encode())
    assert ClientCertificate(*paths).thumbprint == thumbprint(certificate)


def test_missing_files_are_named(tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, authority().issue("client"))
    for paths, name in (
        ((tmp_path / "no", key), "certificate_file"),
        ((certificate, tmp_path / "no"), "private_key_file"),
    ):
        said = refusal(lambda: ClientCertificate(*paths))  # noqa: B023
        assert said == f"{name}: cannot be read (FileNotFoundError); expected a file in PEM"
    paths_of_files: Any = 5, certificate
    for argument, paths in (("certificate_file", paths_of_files), ("private_key_file", paths_of_files[::-1])):
        said = refusal(lambda: ClientCertificate(*paths))  # noqa: B023
        assert said == f"{argument}: is of type int; expected the path of a file in PEM"
    assert refusal(lambda: ClientCertificate("", key)).startswith("certificate_file: is empty; expected ")


def test_a_certificate_can_be_copied_pickled_and_compared(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, authority().issue("client"))
    certificate = ClientCertificate(*paths)
    assert copy.copy(certificate) is copy.deepcopy(certificate) is certificate
    assert pickle.loads(pickle.dumps(certificate)) == certificate == ClientCertificate(*paths)
    assert hash(certificate) == hash(ClientCertificate(*paths))
    assert certificate != ClientCertificate(*paths, password="x")
    assert certificate != paths
    assert len({certificate, ClientCertificate(*paths), ClientCertificate(*paths, password="x")}) == 2
    assert repr(certificate) == f"<ClientCertificate {str(paths[0])!r} thumbprint={certificate.thumbprint[:8]}>"


def test_a_pickled_certificate_has_its_password(tmp_path: Path) -> None:
    paths = write_pair(tmp_path, authority().issue("client", password=PASSWORD))
    certificate = ClientCertificate(*paths, password=PASSWORD)
    assert pickle.loads(pickle.dumps(certificate)) == certificate


@pytest.mark.usefixtures("trust")
def test_the_context_wraps_sockets_as_any_context_does(tmp_path: Path) -> None:
    context = ClientCertificate(*write_pair(tmp_path, authority().issue("client"))).ssl_context()
    with tls_server(tmp_path) as (port, seen):
        plain = socket.create_connection(("127.0.0.1", port))
        with plain, context.wrap_socket(plain, False, False, True, "localhost") as secured:  # noqa: FBT003
            assert secured.version() is None, "the handshake is left to the caller"
            secured.do_handshake()
            assert secured.recv(2) == b"ok"
        plain = socket.create_connection(("127.0.0.1", port))
        with plain, context.wrap_socket(plain, do_handshake_on_connect=False, server_hostname="localhost") as secured:
            assert secured.version() is None
        with context.wrap_socket(socket.socket(), server_hostname="localhost") as secured:
            secured.connect(("127.0.0.1", port))
            assert secured.version() is not None
            assert secured.recv(2) == b"ok"
        plain = socket.create_connection(("127.0.0.1", port))
        with plain, context.wrap_socket(plain, server_hostname="localhost") as secured:
            assert secured.version() is not None
            assert secured.recv(2) == b"ok"
    assert len(seen) == 3


@pytest.mark.usefixtures("trust")
def test_a_token_request_shows_the_certificate(tmp_path: Path) -> None:
    certificate = ClientCertificate(*write_pair(tmp_path, authority().issue("client")))
    with tls_server(tmp_path) as (port, seen):
        assert connect(certificate._current().context, port) == b"ok"
    assert seen == [certificate.thumbprint]


@pytest.mark.usefixtures("trust")
def test_a_store_keeps_a_token_under_the_certificate_that_it_is_bound_to(tmp_path: Path) -> None:
    certificate = ClientCertificate(*write_pair(tmp_path, authority().issue("client")))
    with tls_server(tmp_path, RAW_GRANT) as (port, seen):
        url, store, thumbprints = f"https://localhost:{port}/token", MemoryStore(), list[str]()
        client = ClientCredentials(client_id="c", token_url=url, auth_method="tls_client_auth", certificate=certificate)
        for number in range(1, 5):
            TokenSource(client, store=store, policy=RefreshPolicy(margin=number)).get()
            thumbprints.append(certificate.thumbprint)
            if number == 2:
                write_pair(tmp_path, authority().issue("client"))
        assert seen == [thumbprints[0], thumbprints[2]]
    assert len({*thumbprints}) == 2


@pytest.mark.usefixtures("trust")
def test_a_certificate_that_the_server_refuses_is_a_refusal_and_the_earlier_one_goes_on(tmp_path: Path) -> None:
    """The server does not trust the authority of the new certificate yet, and says so by an alert of TLS."""
    paths = write_pair(tmp_path, authority().issue("client"))
    certificate = ClientCertificate(*paths)
    with tls_server(tmp_path, RAW_GRANT) as (port, seen):
        url = f"https://localhost:{port}/token"
        client = ClientCredentials(client_id="c", token_url=url, auth_method="tls_client_auth", certificate=certificate)
        source = TokenSource(client, store=MemoryStore(), policy=RefreshPolicy(refusal_pause=0))
        source.invalidate(source.get())
        write_pair(tmp_path, Authority().issue("client"))
        assert source.get().access_token == "token-1"
        assert len(seen) == 2
        with pytest.raises(InvalidClient, match="the client certificate was refused, ") as caught:
            TokenSource(client, store=MemoryStore()).get()
        assert not exposed(caught.value)


@pytest.mark.usefixtures("trust")
def test_a_connection_that_breaks_is_no_refusal_of_the_certificate(tmp_path: Path) -> None:
    certificate = ClientCertificate(*write_pair(tmp_path, authority().issue("client")))
    with serve_raw(lambda _: None) as base_url:  # it hangs up at once
        requester = Requester(
            base_url.replace("http://", "https://"), auth_method="tls_client_auth", certificate=certificate
        )
        with pytest.raises(ProviderUnavailable) as caught:
            requester.token()
    assert caught.value.retryable


@pytest.mark.usefixtures("trust")
def test_a_server_that_wants_a_certificate_does_not_refuse_a_client_that_has_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transport, "tls_context", trusting_context)  # the usual one is read once
    with tls_server(tmp_path, RAW_GRANT) as (port, seen):
        with pytest.raises(ProviderUnavailable, match="_ALERT_"):
            Requester(f"https://localhost:{port}").token()
        assert seen == []
