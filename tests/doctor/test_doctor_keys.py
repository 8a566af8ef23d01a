"""What the doctor says about keys and certificates."""

from datetime import timedelta
from pathlib import Path

import pytest

from paygrant import ClientCertificate, ClientCredentials
from paygrant.doctor import diagnose
from tests.helpers.keys import Authority, pem, write_pair
from tests.helpers.servers import Reply, Server


def test_a_refused_assertion_of_a_wrong_clock_is_explained(server: Server) -> None:
    refusal = {"error": "invalid_client", "error_description": "assertion expired"}
    provider = ClientCredentials(
        client_id="id", token_url=f"{server.base_url}/token", auth_method="private_key_jwt", private_key=pem("ES256")
    )
    server.reply = Reply(refusal, 401, {"Date": "Thu, 01 Jan 2026 00:00:00 GMT"})
    findings = {each.check: each for each in diagnose(provider)}
    assert "key for ES256" in findings["settings"].seen
    assert "clock" in findings["response"].advice
    server.reply = Reply(refusal, 401)
    advice = next(each.advice for each in diagnose(provider) if each.check == "response")
    assert provider.token_url in advice or "clock" in advice
    assert "BEGIN" not in str(findings)


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
    from paygrant import SpecProvider

    spec = Path(__file__).parents[1] / "endpoints/github_app.yaml"
    provider = SpecProvider(spec, client_id="id", private_key=lambda: pem("ES256"), installation_id=1)
    finding = next(iter(diagnose(provider)))
    assert finding.verdict == "failed"
    assert "ES256" in finding.seen
