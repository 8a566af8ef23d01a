"""What the doctor says about keys and certificates."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from paygrant import ClientCertificate, ClientCredentials, RefreshPolicy, SigningKey, SpecProvider
from paygrant._request.transport import tls_context
from paygrant.doctor import diagnose
from paygrant.sandbox import Sandbox
from tests.helpers.banks import bank
from tests.helpers.keys import Authority, pem, write_pair
from tests.helpers.servers import Reply, Server

PATIENT = RefreshPolicy(timeout=60, deadline=60)


def test_a_refused_assertion_of_a_wrong_clock_is_explained(server: Server) -> None:
    refusal = {"error": "invalid_client", "error_description": "assertion expired"}
    provider = ClientCredentials(
        client_id="id", token_url=f"{server.base_url}/token", auth_method="private_key_jwt", private_key=pem("ES256")
    )
    server.reply = Reply(refusal, 401, {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    findings = {each.check: each for each in diagnose(provider)}
    assert f"key for ES256 with thumbprint {SigningKey(pem('ES256')).thumbprint}" in findings["settings"].seen
    advice = findings["response"].advice
    assert re.match(
        r"This machine's clock is .* ahead of the server's: a likely cause\. Synchronize it \(NTP\)\. ", advice
    )
    checks = (
        "Check that the provider has the public key under this key id, that the client's id is right, and that the "
        f"provider expects the audience '{provider.token_url}'."
    )
    assert advice.endswith(checks)
    server.reply = Reply(refusal, 401)
    assert next(each.advice for each in diagnose(provider) if each.check == "response") == checks
    assert "BEGIN" not in str(findings)


def test_a_refused_assertion_of_a_secret_is_explained(server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    url = f"{server.base_url}/token"
    provider = ClientCredentials(client_id="id", token_url=url, auth_method="client_secret_jwt", client_secret="s" * 32)
    advice = next(each.advice for each in diagnose(provider) if each.check == "response")
    assert advice.startswith("Check that the secret is right, that the client's id is right, and that ")


def test_a_connection_that_ends_because_of_the_certificate_is_explained(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    pair = write_pair(tmp_path, Authority().issue("client", lifetime=timedelta(days=300)))
    request.addfinalizer(tls_context.cache_clear)
    with Sandbox(specs=[bank(tmp_path)], tls_port=0) as sandbox:
        monkeypatch.setenv("SSL_CERT_FILE", sandbox.ca_file)
        tls_context.cache_clear()  # another test may have had other authorities
        provider = SpecProvider(
            tmp_path / "bank.yaml",
            client_id="sandbox-client",
            auth_method="tls_client_auth",
            certificate=ClientCertificate(*pair),
            base_url=sandbox.bank.tls_base_url,
        )
        finding = next(each for each in diagnose(provider, policy=PATIENT) if each.check == "response")
    assert finding.verdict == "failed"
    assert finding.advice.endswith("Check that the provider knows it, or trusts its issuer.")


@pytest.mark.parametrize(
    ("days", "verdict", "words"), [(-1, "failed", "expired"), (10, "warning", "expires in"), (300, "ok", "issued by")]
)
def test_a_certificate_that_ends_soon_is_reported(days: int, verdict: str, words: str, tmp_path: Path) -> None:
    pair = write_pair(tmp_path, Authority().issue("client", lifetime=timedelta(days=days)))
    provider = ClientCredentials(
        client_id="id",
        token_url="https://127.0.0.1:9/token",
        auth_method="tls_client_auth",
        certificate=ClientCertificate(*pair),
    )
    finding = next(iter(diagnose(provider)))
    assert (finding.check, finding.verdict) == ("settings", verdict)
    assert words in finding.seen
    assert "authority of the tests" in finding.seen


def test_a_key_that_the_provider_does_not_accept_is_reported() -> None:
    spec = Path(__file__).parents[1] / "endpoints/github_app.yaml"
    provider = SpecProvider(spec, client_id="id", private_key=lambda: pem("ES256"), installation_id=1)
    finding = next(iter(diagnose(provider)))
    assert finding.verdict == "failed"
    assert "ES256" in finding.seen
