"""Every provider of the box against the sandbox, by its spec: as a file, and as the package made of it."""

import time
from base64 import b64decode
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
import yaml

from paygrant import (
    InvalidClient,
    MalformedResponse,
    MemoryStore,
    RefreshPolicy,
    SigningKey,
    SpecProvider,
    TokenAuth,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._spec.reader import spec_of
from paygrant.sandbox import Sandbox
from tests.helpers.box import ARGUMENTS, AUDIENCES, NEED_CERTIFICATES, PLACES, TOKEN_URLS
from tests.helpers.keys import pem
from tests.helpers.servers import Reply, Seen, Server
from tests.helpers.specs import ROOT

NAMES = sorted(TOKEN_URLS)

LIFETIMES = {
    "airwallex": 3600,
    "cielo": 1199,
    "dlocal": 180,
    "dwolla": 3599,
    "flutterwave": 600,
    "gocardless_bank_account_data": 86400,
    "mpesa": 3599,
    "phonepe": 3600,
    "plaid": 900,
    "ripple_wallet": 3600,
    "shopify": 86399,
    "wise": 43199,
}
"""Seconds, as the examples of some specs have it in their own ways."""

each_name = pytest.mark.parametrize("name", NAMES)


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


def package_of(name: str) -> ModuleType:
    return import_module(f"paygrant_clients.{name}")


def file_of(name: str) -> Path:
    return ROOT / f"specs/{name}.yaml"


def source_of(sandbox: Sandbox, name: str, spec: Path | ModuleType, **changes: Any) -> TokenSource:
    given = {**getattr(sandbox, name).arguments, **ARGUMENTS.get(name, {}), **changes}
    return TokenSource(SpecProvider(spec, **given), store=MemoryStore(), policy=RefreshPolicy(max_attempts=1))


def test_no_provider_of_the_box_is_left_out(sandbox: Sandbox) -> None:
    assert sorted(sandbox.providers) == NAMES == sorted(PLACES | AUDIENCES)


@pytest.mark.parametrize("spec_of", [file_of, package_of])
@each_name
def test_a_token_is_fetched_and_attached(sandbox: Sandbox, name: str, spec_of: Any) -> None:
    source = source_of(sandbox, name, spec_of(name))
    with httpx.Client(auth=TokenAuth(source), trust_env=False) as api:
        response = api.get(f"{sandbox.base_url(name)}/resource")

    assert (response.status_code, response.json()) == (200, {"provider": name})


@each_name
def test_a_revoked_token_is_replaced_once(sandbox: Sandbox, name: str) -> None:
    source = source_of(sandbox, name, package_of(name))
    with httpx.Client(auth=TokenAuth(source), trust_env=False) as api:
        api.get(f"{sandbox.base_url(name)}/resource")
        getattr(sandbox, name).revoke()
        before = getattr(sandbox, name).token_requests
        response = api.get(f"{sandbox.base_url(name)}/resource")

    assert response.status_code == 200
    assert getattr(sandbox, name).token_requests == before + 1


@pytest.mark.parametrize("name", PLACES)
def test_a_wrong_secret_is_refused_and_not_shown(sandbox: Sandbox, name: str) -> None:
    source = source_of(sandbox, name, package_of(name), client_secret="canary-91bc")
    with pytest.raises(InvalidClient) as caught:
        source.get()

    assert "canary-91bc" not in f"{caught.value!r}{caught.value}{source!r}{getattr(sandbox, name).requests!r}"


@pytest.mark.parametrize(("name", "seconds"), LIFETIMES.items())
def test_a_token_lives_as_long_as_the_response_says(sandbox: Sandbox, name: str, seconds: int) -> None:
    token = source_of(sandbox, name, package_of(name)).get()

    assert token.expires_at is not None
    assert abs(token.expires_at.timestamp() - time.time() - seconds) < 30


@pytest.mark.parametrize("name", AUDIENCES)
def test_an_unknown_key_and_another_audience_are_refused(sandbox: Sandbox, name: str) -> None:
    unknown = SigningKey(pem("RS256", 9), key_id="another")
    for change in ({"private_key": unknown}, {"assertion_audience": "https://another.example"}):
        with pytest.raises(InvalidClient):
            source_of(sandbox, name, package_of(name), **change).get()


@pytest.mark.parametrize("environment", AUDIENCES["mastercard"])
def test_the_audience_of_each_environment_is_accepted(sandbox: Sandbox, environment: str) -> None:
    source = source_of(sandbox, "mastercard", package_of("mastercard"), environment=environment)
    assert source.get().token_type == "DPoP"


def test_a_provider_whose_tokens_are_bound_wants_a_proof(sandbox: Sandbox, tmp_path: Path) -> None:
    spec = yaml.safe_load(file_of("mastercard").read_text("utf-8"))
    del spec["x-token-endpoint"]["token_use"]
    without = tmp_path / "mastercard.yaml"
    without.write_text(yaml.safe_dump(spec), "utf-8")
    with pytest.raises(TokenRequestRejected) as caught:
        source_of(sandbox, "mastercard", without).get()
    assert caught.value.error == "invalid_dpop_proof"


@pytest.mark.parametrize("name", sorted(NEED_CERTIFICATES))
def test_a_certificate_goes_beside_the_secret(sandbox: Sandbox, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    handle = getattr(sandbox, name)
    monkeypatch.setenv("SSL_CERT_FILE", str(handle.ca_file))
    given = {**handle.arguments_for(certificate=True), **ARGUMENTS.get(name, {})}
    source = TokenSource(SpecProvider(package_of(name), **given), store=MemoryStore())
    assert source.get().token_type == "Bearer"


@pytest.mark.parametrize("name", PLACES)
def test_the_secret_is_in_the_documented_place_and_nowhere_else(name: str, server: Server) -> None:
    spec = spec_of(f"paygrant_clients.{name}")
    granted = next(each for each in spec.examples() if each.name == "granted")
    server.reply = Reply(granted.body, int(granted.status))
    given: dict[str, Any] = {**ARGUMENTS.get(name, {}), "environment": next(iter(TOKEN_URLS[name]), None)}
    provider = SpecProvider(
        package_of(name), client_id="the-client", client_secret="the-secret", base_url=server.base_url, **given
    )
    with suppress(MalformedResponse):  # one example has a token that is no JWT
        TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(max_attempts=1)).get()
    seen = server.seen[0]

    assert (seen.method, seen.path.partition("?")[0]) == (spec.method, spec.path)
    assert places_of(seen, "the-secret") == {PLACES[name]}


def places_of(seen: Seen, secret: str) -> set[str]:
    """Where a request has the secret."""
    scheme, _, credentials = seen.headers.get("Authorization", "").partition(" ")
    places = {"basic"} if scheme == "Basic" and b64decode(credentials).decode().endswith(f":{secret}") else set[str]()
    if secret in seen.path:
        places.add("query")
    if secret in seen.headers.values():
        places.add("headers")
    if secret.encode() in seen.body:
        places.add("json" if seen.body.startswith(b"{") else "form")
    return places
