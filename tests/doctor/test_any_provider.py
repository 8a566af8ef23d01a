"""The doctor examines any provider that is made already, and any spec."""

from pathlib import Path
from typing import Any

import pytest

from paygrant import ClientCredentials, Provider, RefreshPolicy, Ripple, SpecProvider
from paygrant._providers import registry
from paygrant.doctor import Finding, diagnose, diagnose_kind
from tests.helpers.servers import Reply, Server, granted
from tests.helpers.short import written

CREDENTIALS: dict[str, Any] = {"client_id": "id", "client_secret": "canary-secret-77"}


class Shop(ClientCredentials):
    """A class of a user's own, with a constructor of its own."""

    def __init__(self, base_url: str, secret: str) -> None:
        super().__init__(client_id="id", client_secret=secret, token_url=f"{base_url}/t", name="shop")


class Tenant(Ripple):
    """A class that inherits its constructor."""


def seen(findings: list[Finding]) -> dict[str, str]:
    """The verdict of each check. Nothing shows the secret."""
    assert "canary" not in repr(findings)
    return {each.check: each.verdict for each in findings}


def acme(tmp_path: Path, server: Server) -> SpecProvider:
    server.reply = Reply({"data": {"accessToken": "t" * 40, "expiresIn": 3600}})
    given: dict[str, Any] = {**CREDENTIALS, "base_url": server.base_url, "environment": "sandbox", "realm": "eu"}
    return SpecProvider(written(tmp_path), **given)


def made(kind: str, tmp_path: Path, server: Server) -> Provider:
    if kind == "spec":
        return acme(tmp_path, server)
    server.reply = granted("t" * 40)
    if kind == "client credentials":
        return ClientCredentials(**CREDENTIALS, token_url=f"{server.base_url}/t", parameters={"audience": "x"})
    if kind == "own class":
        return Shop(server.base_url, "canary-secret-77")
    return Tenant(**CREDENTIALS, base_url=server.base_url, environment="test", tenant_id="acme")


@pytest.mark.parametrize("kind", ["spec", "client credentials", "own class", "inherited"])
def test_a_provider_that_is_made_is_examined(kind: str, tmp_path: Path, server: Server) -> None:
    found = seen(list(diagnose(made(kind, tmp_path, server), variables={})))
    assert {each for each, verdict in found.items() if verdict not in {"ok", "skipped"}} <= {"tls", "proxy"}
    assert found["response"] == found["settings"] == "ok"
    assert len(server.seen) >= 1


def test_a_response_without_a_token_names_the_places_of_the_spec_and_the_fields(tmp_path: Path, server: Server) -> None:
    provider = acme(tmp_path, server)
    server.reply = Reply({"data": {"access_token": "canary-token", "newToken": []}, "x" * 40: 1})
    findings = list(diagnose(provider, variables={}))
    [advice] = [each.advice for each in findings if each.check == "response"]
    assert advice == (
        "The response holds no token. The spec expects it at /data/accessToken; "
        "the response has the fields /data/access_token, /data/newToken, /.... "
        "response.access_token in the spec may be wrong. If it is right, check base_url."
    )
    assert "canary" not in repr(findings)
    server.reply = Reply({})
    [advice] = [each.advice for each in diagnose(provider, variables={}) if each.check == "response"]
    assert "the response has no fields." in advice


def test_without_a_spec_the_advice_does_not_speak_of_one(server: Server) -> None:
    provider = ClientCredentials(**CREDENTIALS, token_url=f"{server.base_url}/t")
    server.reply = Reply({"accessToken": "canary-token"})
    [advice] = [each.advice for each in diagnose(provider, variables={}) if each.check == "response"]
    assert "holds no token" in advice
    assert "spec" not in advice


@pytest.mark.parametrize("path", ["a\0b", "\ud800", "x" * 5000])
def test_a_path_that_no_file_can_have_is_a_finding(path: str) -> None:
    variables = {"RIPPLE_CLIENT_ID": "id", "RIPPLE_CLIENT_SECRET_FILE": path, "RIPPLE_TENANT_ID": "acme"}
    findings = list(diagnose(Ripple, {"environment": "test"}, variables=variables))
    assert "cannot be read" in next(each.seen for each in findings if each.verdict == "failed")


@pytest.mark.parametrize("kind", ["spec", "client credentials", "own class", "inherited"])
@pytest.mark.parametrize("status", [204, 300, 302, 304, 400, 401, 403, 404, 405, 406, 415, 418, 422, 429, 500, 503])
def test_any_status_gives_findings(status: int, kind: str, tmp_path: Path, server: Server) -> None:
    provider = made(kind, tmp_path, server)
    for location in ("", "https://other.example/t", "http://other.example/t", "/other", "http://[", "mailto:a@b"):
        server.reply = Reply({}, status, {"Location": location})
        findings = list(diagnose(provider, variables={}, policy=RefreshPolicy(max_attempts=1)))
        assert {"redirect", "response", "expiry"} <= {each.check for each in findings}
        if status not in {300, 302, 304}:
            break


def test_a_redirect_of_a_whole_address_names_the_argument(server: Server) -> None:
    provider = ClientCredentials(**CREDENTIALS, token_url=f"{server.base_url}/t")
    server.reply = Reply({}, 302, {"Location": "https://other.example/v2/token?a=b"})
    [advice] = [each.advice for each in diagnose(provider, variables={}) if each.check == "redirect"]
    assert advice == "If that is the provider's URL, set token_url=https://other.example/v2/token."
    server.reply = Reply({}, 304)
    [advice] = [each.advice for each in diagnose(provider, variables={}) if each.check == "redirect"]
    assert advice.startswith("Check that token_url is the provider's API")


@pytest.mark.parametrize("kind", ["spec", "client credentials", "own class", "inherited"])
def test_refused_credentials_are_found(kind: str, tmp_path: Path, server: Server) -> None:
    provider = made(kind, tmp_path, server)
    server.reply = Reply({"error": "invalid_client", "errors": [{"code": "invalid_client"}]}, status=401)
    findings = list(diagnose(provider, variables={}))
    assert seen(findings)["response"] == "failed"
    assert next(each.code for each in findings if each.check == "response") == "refused"


def test_a_spec_is_examined_with_the_variables_of_its_name(tmp_path: Path, server: Server) -> None:
    server.reply = Reply({"data": {"accessToken": "t" * 40, "expiresIn": 3600}})
    variables = {"ACME_CLIENT_ID": "id", "ACME_CLIENT_SECRET": "canary-secret-77", "ACME_BASE_URL": server.base_url}
    kind = registry.kind_at(written(tmp_path))
    findings = list(diagnose_kind(kind, {"environment": "sandbox"}, variables=variables, store=None))
    assert "ACME_REALM" in findings[0].seen
    assert seen(findings)["settings"] == "failed"
    complete = {**variables, "ACME_REALM": "eu", "ACME_LEVEL": "1"}
    assert seen(list(diagnose_kind(kind, {"environment": "sandbox"}, variables=complete, store=None)))["expiry"] == "ok"
