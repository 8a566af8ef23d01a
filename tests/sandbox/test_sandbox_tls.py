"""The TLS port of the sandbox: client certificates, and tokens that are bound to them (RFC 8705)."""

import asyncio
import json
import logging
import shlex
import socket
import ssl
import stat
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import requests
from cryptography import x509

from paygrant import (
    ClientCertificate,
    ClientCredentials,
    ConfigurationError,
    InvalidClient,
    MemoryStore,
    ProviderUnavailable,
    RefreshPolicy,
    SpecProvider,
    TokenAuth,
    TokenSource,
)
from paygrant._cache import registry
from paygrant.adapters import requests as for_requests
from paygrant.sandbox import Sandbox
from tests.helpers.banks import bank
from tests.helpers.keys import authority, write_pair
from tests.helpers.servers import free_port

METHODS = "    - {method: tls_client_auth}\n    - {method: client_secret_basic}\n    - {method: private_key_jwt}\n"
GRANT = {"grant_type": "client_credentials"}
ID = {"client_id": "sandbox-client"}
BASIC = ("sandbox-client", "sandbox-secret")


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Sandbox]:
    folder = tmp_path_factory.mktemp("specs")
    with Sandbox(specs=[bank(folder, METHODS)]) as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Iterator[Sandbox]:
    monkeypatch.setenv("SSL_CERT_FILE", running.bank.environ["SSL_CERT_FILE"])
    yield running
    running.reset()
    registry.forget_all()


def client_of(sandbox: Sandbox, certificate: str | None = None) -> httpx.Client:
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    if certificate:
        context.load_cert_chain(certificate)
    return httpx.Client(verify=context, trust_env=False, base_url=sandbox.bank.tls_base_url)


def source_of(sandbox: Sandbox, folder: Path, method: str | None = None, **more: Any) -> TokenSource[Any]:
    provider = SpecProvider(bank(folder, METHODS), **sandbox.bank.arguments_for(method, **more))
    return TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(max_attempts=1, refusal_pause=0))


# The files


def test_the_files_are_those_of_an_authority_a_server_and_a_client(sandbox: Sandbox) -> None:
    issuer = x509.load_pem_x509_certificate(Path(sandbox.ca_file).read_bytes())
    client = x509.load_pem_x509_certificate(Path(sandbox.certificate_file).read_bytes())
    client.verify_directly_issued_by(issuer)
    assert stat.S_IMODE(Path(sandbox.certificate_file).stat().st_mode) == 0o600
    assert "PRIVATE" not in Path(sandbox.ca_file).read_text()
    assert (sandbox.bank.ca_file, sandbox.bank.certificate_file) == (sandbox.ca_file, sandbox.certificate_file)


@pytest.mark.parametrize("name", ["127.0.0.1", "localhost"])
def test_the_server_has_a_certificate_for_loopback(sandbox: Sandbox, name: str) -> None:
    with client_of(sandbox) as client:
        url = sandbox.tls_url.replace("127.0.0.1", name)
        assert client.get(f"{url}/control").status_code == 200


def test_the_files_go_with_the_sandbox() -> None:
    sandbox = Sandbox()
    with sandbox:
        first, file = sandbox.tls_url, Path(sandbox.certificate_file)
        assert file.exists()
    assert not file.parent.exists()
    host, _, port = first.removeprefix("https://").rpartition(":")
    with pytest.raises(OSError):  # noqa: PT011 - refused, in the words of any system
        socket.create_connection((host, int(port)), 5)
    with pytest.raises(RuntimeError, match="the sandbox is not running"):
        _ = sandbox.tls_url


def test_the_port_can_be_chosen() -> None:
    port = free_port()
    with Sandbox(tls_port=port) as sandbox, client_of_any(sandbox) as client:
        assert sandbox.tls_url == f"https://127.0.0.1:{port}"
        assert client.get(f"https://127.0.0.1:{port}/").status_code == 200
    with pytest.raises(ConfigurationError, match="tls_port: is 70000; expected a whole number from 0 to 65535"):
        Sandbox(tls_port=70000)


def client_of_any(sandbox: Sandbox) -> httpx.Client:
    return httpx.Client(verify=ssl.create_default_context(cafile=sandbox.ca_file), trust_env=False)


def test_a_taken_port_is_an_error_and_leaves_nothing_open() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        sandbox = Sandbox(tls_port=taken.getsockname()[1])
        with pytest.raises(OSError), sandbox:  # noqa: PT011 - taken, in the words of any system
            pass
    with pytest.raises(RuntimeError, match="the sandbox is not running"):
        _ = sandbox.url


def test_without_use_no_certificate_is_made() -> None:
    program = """
        import sys
        from paygrant.sandbox import Sandbox
        with Sandbox() as sandbox:
            sandbox.ripple.arguments
            assert sandbox._tls is None and sandbox._folder._path is None
        assert not {"paygrant.sandbox._assertions", "paygrant.sandbox._dpop"} & sys.modules.keys()
    """
    subprocess.run([sys.executable, "-c", textwrap.dedent(program)], check=True, timeout=60)


# The token endpoint


def test_the_certificate_of_the_client_authenticates_it(sandbox: Sandbox) -> None:
    with client_of(sandbox, sandbox.certificate_file) as client:
        response = client.post("/oauth/token", data={**GRANT, **ID})
    assert response.status_code == 200
    assert sandbox.bank.tokens[0].binding == {"x5t#S256": ClientCertificate(*[sandbox.certificate_file] * 2).thumbprint}


@pytest.mark.parametrize(
    ("form", "shown", "reason"),
    [
        (ID, "no certificate", "certificate: the connection shows none"),
        ({}, "its certificate", "client_id: is another one"),
        ({"client_id": "another"}, "its certificate", "client_id: is another one"),
    ],
)
def test_a_wrong_client_is_refused_with_the_reason(
    sandbox: Sandbox, form: dict[str, str], shown: str, reason: str
) -> None:
    with client_of(sandbox, sandbox.certificate_file if shown == "its certificate" else None) as client:
        response = client.post("/oauth/token", data={**GRANT, **form})
    assert (response.status_code, response.json()["error"]) == (401, "invalid_client")
    assert response.json()["error_description"].startswith(reason)
    assert sandbox.bank.requests[-1].reason == response.json()["error_description"]


def test_without_tls_no_certificate_arrives(sandbox: Sandbox) -> None:
    response = httpx.post(f"{sandbox.bank.base_url}/oauth/token", data={**GRANT, **ID}, trust_env=False)
    assert response.json()["error_description"].endswith("expected the client's, at the sandbox's TLS port")


def test_a_certificate_of_another_authority_ends_the_handshake(sandbox: Sandbox, tmp_path: Path) -> None:
    certificate, key = write_pair(tmp_path, authority().issue("paygrant sandbox client"))
    context = ssl.create_default_context(cafile=sandbox.ca_file)
    context.load_cert_chain(certificate, key)
    with httpx.Client(verify=context, trust_env=False) as client, pytest.raises(httpx.TransportError):
        client.post(f"{sandbox.bank.tls_base_url}/oauth/token", data={**GRANT, **ID})


def test_another_client_of_the_same_authority_is_refused(sandbox: Sandbox, tmp_path: Path) -> None:
    other = tmp_path / "other.pem"
    other.write_text(sandbox._certificates._issuer.issue("somebody else", for_client=True))
    with client_of(sandbox, str(other)) as client:
        response = client.post("/oauth/token", data={**GRANT, **ID})
    assert response.json()["error_description"] == "certificate: is another client's; expected the client's"


def test_a_certificate_beside_a_secret_binds_the_token(sandbox: Sandbox) -> None:
    with client_of(sandbox, sandbox.certificate_file) as client:
        assert client.post("/oauth/token", data=GRANT, auth=BASIC).status_code == 200
        assert client.post("/oauth/token", data=GRANT, auth=("sandbox-client", "wrong")).status_code == 401
    assert [set(each.binding) for each in sandbox.bank.tokens] == [{"x5t#S256"}]


# Calls of the API


def test_a_bound_token_needs_its_certificate(sandbox: Sandbox) -> None:
    with client_of(sandbox, sandbox.certificate_file) as client:
        token = client.post("/oauth/token", data={**GRANT, **ID}).json()["access_token"]
        headers = {"Authorization": f"Bearer {token}"}
        assert client.get("/resource", headers=headers).status_code == 200
    with client_of(sandbox) as client:
        response = client.get("/resource", headers=headers)
    assert (response.status_code, response.headers["WWW-Authenticate"]) == (
        401,
        'Bearer realm="bank", error="invalid_token"',
    )
    assert sandbox.bank.requests[-1].reason == "certificate: expected the one to which the token is bound"
    assert httpx.get(f"{sandbox.bank.base_url}/resource", headers=headers, trust_env=False).status_code == 401
    sandbox.bank.renew_certificate()
    with client_of(sandbox, sandbox.certificate_file) as client:
        assert client.get("/resource", headers=headers).status_code == 401
        new = client.post("/oauth/token", data={**GRANT, **ID}).json()["access_token"]
        assert client.get("/resource", headers={"Authorization": f"Bearer {new}"}).status_code == 200


def test_a_token_that_is_bound_to_nothing_needs_no_certificate(sandbox: Sandbox) -> None:
    response = httpx.post(f"{sandbox.bank.base_url}/oauth/token", data=GRANT, auth=BASIC, trust_env=False)
    headers = {"Authorization": f"Bearer {response.json()['access_token']}"}
    with client_of(sandbox) as client:
        assert client.get("/resource", headers=headers).status_code == 200


# With our own clients


def test_the_arguments_show_the_certificate(sandbox: Sandbox, tmp_path: Path) -> None:
    assert sandbox.bank.arguments.keys() == {"client_id", "certificate", "base_url", "environment"}
    source = source_of(sandbox, tmp_path)
    certificate = sandbox.bank.arguments["certificate"]
    with httpx.Client(auth=TokenAuth(source), verify=certificate.ssl_context(), trust_env=False) as api:
        assert api.get(f"{sandbox.bank.tls_base_url}/v1/payments").status_code == 200
    with requests.Session() as session:
        session.trust_env = False
        session.auth = for_requests.TokenAuth(source)
        session.verify, session.cert = sandbox.ca_file, sandbox.certificate_file
        assert session.get(f"{sandbox.bank.tls_base_url}/v1/payments").status_code == 200
    assert sandbox.bank.token_requests == 1


def test_an_async_client_uses_the_tls_port(sandbox: Sandbox, tmp_path: Path) -> None:
    source = source_of(sandbox, tmp_path)
    certificate = sandbox.bank.arguments["certificate"]

    async def run() -> int:
        context = certificate.ssl_context()
        async with httpx.AsyncClient(auth=TokenAuth(source), verify=context, trust_env=False) as api:
            return (await api.get(f"{sandbox.bank.tls_base_url}/v1/payments")).status_code

    assert asyncio.run(run()) == 200


@pytest.mark.parametrize("method", ["client_secret_basic", "private_key_jwt"])
def test_another_method_can_have_a_certificate_beside_it(sandbox: Sandbox, tmp_path: Path, method: str) -> None:
    assert source_of(sandbox, tmp_path, method, certificate=True).get()
    assert set(sandbox.bank.tokens[0].binding) == {"x5t#S256"}
    variables = sandbox.bank.environ_for(method, certificate=True)
    assert {"BANK_CERTIFICATE_FILE", "SSL_CERT_FILE", "BANK_AUTH_METHOD"} <= variables.keys()
    assert variables["BANK_BASE_URL"] == sandbox.bank.tls_base_url


def test_a_proof_and_a_certificate_bind_a_token_together(sandbox: Sandbox, tmp_path: Path) -> None:
    given = sandbox.bank.arguments_for("private_key_jwt", certificate=True)
    provider = SpecProvider(bank(tmp_path, METHODS), dpop=True, **given)
    source = TokenSource(provider, store=MemoryStore())
    with httpx.Client(auth=TokenAuth(source), verify=given["certificate"].ssl_context(), trust_env=False) as api:
        assert api.get(f"{sandbox.bank.tls_base_url}/v1/payments").status_code == 200
    assert set(sandbox.bank.tokens[0].binding) == {"x5t#S256", "jkt"}


def test_a_provider_without_a_spec_can_use_the_tls_port(sandbox: Sandbox) -> None:
    provider = ClientCredentials(
        client_id="sandbox-client",
        token_url=f"{sandbox.bank.tls_base_url}/oauth/token",
        auth_method="tls_client_auth",
        certificate=ClientCertificate(sandbox.certificate_file, sandbox.certificate_file),
    )
    assert TokenSource(provider, store=MemoryStore()).get()


def test_faults_apply_at_the_tls_port_as_well(sandbox: Sandbox, tmp_path: Path) -> None:
    source = source_of(sandbox, tmp_path)
    with sandbox.bank.refuse(times=1), pytest.raises(InvalidClient):
        source.get()
    with sandbox.bank.drop(), pytest.raises(ProviderUnavailable):
        source.get()
    assert source.get()


def test_an_authority_that_is_not_trusted_is_reported(
    sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(ProviderUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
        source_of(sandbox, tmp_path).get()


def test_the_command_for_a_token_runs(sandbox: Sandbox, tmp_path: Path) -> None:
    command = httpx.get(f"{sandbox.url}/control/usage", trust_env=False).json()["commands"]["bank"]
    words = shlex.split(command)
    variables = dict(each.split("=", 1) for each in words[: words.index("paygrant")])
    assert variables == {"SSL_CERT_FILE": sandbox.bank.environ["SSL_CERT_FILE"]}
    program = [sys.executable, "-m", *words[words.index("paygrant") :]]
    environment = {**variables, "HOME": str(tmp_path), "PATH": ""}
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, sandbox.bank.token_requests) == (0, 1), done.stderr


def test_the_module_serves_a_tls_port(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "paygrant.sandbox", "--spec", str(bank(tmp_path, METHODS)), "--tls-port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        lines: list[str] = []
        while not any(each.startswith("client id") for each in lines):
            lines.append(process.stdout.readline())
        url = next(each.split()[1] for each in lines if each.startswith("TLS"))
        line = next(each for each in lines if each.startswith("authority"))
        authority_file, certificate = line.split(",")[0].split()[1], line.split()[-1]
        context = ssl.create_default_context(cafile=authority_file)
        context.load_cert_chain(certificate)
        response = httpx.post(f"{url}bank/oauth/token", data={**GRANT, **ID}, verify=context, trust_env=False)
        process.terminate()
    assert response.status_code == 200


def test_nothing_that_the_sandbox_shows_has_a_key(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    source_of(sandbox, tmp_path, "private_key_jwt", certificate=True).get()
    with client_of_any(sandbox) as client:
        shown = [client.get(f"{sandbox.url}/control{path}").text for path in ("", "/usage", "/faults")]
    key = Path(sandbox.certificate_file).read_text().partition("PRIVATE KEY-----")[2][:60].split()[0]
    text = json.dumps(shown) + repr((sandbox.bank.requests, sandbox.bank.arguments, sandbox.bank.environ)) + caplog.text
    assert "eyJ" not in text
    assert "PRIVATE KEY---" not in text
    assert key not in text
