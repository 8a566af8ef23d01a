"""The examples of the README and of the documentation run, and print what they say."""

import hashlib
import hmac
import json
import logging
import re
import sys
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any

import anyio
import httpx
import jwt
import pytest
import yaml
from cryptography.hazmat.primitives import serialization

from paygrant import (
    ClientCredentials,
    InvalidClient,
    ProviderUnavailable,
    RateLimited,
    Ripple,
    SpecProvider,
    TokenAuth,
    TokenSource,
)
from paygrant._providers.base import registration_of
from paygrant._request.build import build_request
from paygrant.generate import lint
from paygrant.sandbox import Sandbox
from paygrant.store_contract import StoreContract
from tests.helpers import vendors
from tests.helpers.box import ARGUMENTS
from tests.helpers.examples import DOCS, PAGES, ROOT, SHOWN_PORT, block, blocks, run_page
from tests.helpers.keys import Authority, pem, public_pem, write_pair
from tests.helpers.servers import Reply, Seen, Server, free_port, granted

RUN = Callable[[str], dict[str, Any]]


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def api(sandbox: Sandbox, server: Server) -> Server:
    """An API that accepts any call with a valid token of the sandbox."""

    def reply(seen: Seen) -> Reply:
        tokens = [token.access_token for name in sandbox.providers for token in getattr(sandbox, name).tokens]
        alive = seen.headers.get("Authorization") in {f"Bearer {token}" for token in tokens}
        return Reply({"path": seen.path}) if alive else Reply({"error": "no living token"}, 401)

    server.reply = reply
    return server


@pytest.fixture
def stand_ins(monkeypatch: pytest.MonkeyPatch) -> Callable[[dict[str, ModuleType]], None]:
    """Puts stand-ins in place of packages, for the length of a test."""

    def put(modules: dict[str, ModuleType]) -> None:
        for name, module in modules.items():
            monkeypatch.setitem(sys.modules, name, module)

    return put


@pytest.fixture
def run(
    sandbox: Sandbox,
    api: Server,
    stand_ins: Callable[[dict[str, ModuleType]], None],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> Iterator[RUN]:
    """Runs a page of the documentation where its variables lead to the sandbox and to the API."""
    variables = {
        "ACME_CLIENT_ID": "my-id",
        "ACME_CLIENT_SECRET": "my-secret",
        "ACME_ENVIRONMENT": "production",
        "ACME_REALM": "eu",
        "SHOP2_CLIENT_ID": "my-other-id",
        "SHOP2_CLIENT_SECRET": "my-other-secret",
        "API_URL": api.base_url,
        "BROKER_URL": "memory://",
        "RIPIO_WIDGET_ADDRESS": "0x05946b0d",
        "RIPIO_WIDGET_EXTERNAL_REF": "5f0c7b8e-3c0e-4b57-9d6f-6c1f2a9f8a11",
        "RIPPLE_TENANT_ID": "acme",
        "VAULT_ADDR": "https://vault.example.com",
        "VAULT_TOKEN": "token-of-straw",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
    }
    for name in sandbox.providers:
        variables |= getattr(sandbox, name).environ
    for name in ARGUMENTS.keys() - {"ripio_widget", "ripple"}:  # their classes have other arguments
        for argument, value in ARGUMENTS[name].items():
            variables[f"{name}_{argument}".upper()] = value if isinstance(value, str) else " ".join(value)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("PKCS11_MODULE", "/usr/lib/pkcs11.so")
    monkeypatch.setenv("PKCS11_PIN", "pin-of-straw")
    key: Any = serialization.load_pem_private_key(pem("ES256").encode(), None)
    services = vendors.key_services(key)
    for modules in (vendors.secret_managers(sandbox.client_secret, key), services, vendors.celery(), vendors.mcp()):
        stand_ins(modules)
    port = free_port()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path), *sys.path])  # a page imports what it has generated
    logger = logging.getLogger("paygrant")
    before = logger.level, list(logger.handlers)
    _write_files(tmp_path, port)
    yield lambda page: run_page(PAGES[page], port=port)
    logger.setLevel(before[0])
    logger.handlers[:] = before[1]
    for name in [each for each in sys.modules if each.split(".")[0] == "clients"]:
        del sys.modules[name]


def _write_files(folder: Path, port: int) -> None:
    """The files that the examples read: an OpenAPI document, the specs of the page, an env file."""
    document = (ROOT / "tests/proposals/application_flow.json").read_text("utf-8")
    document = document.replace("login.northwind-parcel", "auth.acme").replace("northwind-parcel", "acme")
    document = document.replace("Northwind Parcel API", "Acme")
    data = json.loads(document)
    data["paths"]["/v1/authorize"] = {"post": {"responses": {}}}
    (folder / "openapi.json").write_text(json.dumps(data), "utf-8")
    metadata = {"issuer": "https://auth.acme.internal", "token_endpoint": "https://auth.acme.internal/oauth/token"}
    (folder / "oauth-authorization-server.json").write_text(json.dumps(metadata), "utf-8")
    specs = [each for each in blocks(DOCS / "any_provider.md", "yaml") if each.startswith("openapi:")]
    for name, text in zip(("acme", "metadata", "signed"), specs, strict=True):
        (folder / f"{name}.yaml").write_text(text, "utf-8")
    env = block(DOCS / "shell.md", "ini").replace(SHOWN_PORT, str(port))
    (folder / "ripple.env").write_text(env, "utf-8")
    (folder / "key.pem").write_text(pem("RS256"), "utf-8")
    (folder / "proofs.pem").write_text(pem("ES256"), "utf-8")
    write_pair(folder, Authority().issue("client"))
    (folder / "ripple.env").chmod(0o600)


@pytest.mark.parametrize("page", PAGES)
def test_the_examples_of_a_page_run_and_print_what_they_say(page: str, run: RUN) -> None:
    run(page)


def test_each_secret_manager_gives_the_secret_that_the_provider_takes(
    run: RUN, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    mounted = tmp_path / "client-secret"
    mounted.write_text(sandbox.client_secret + "\n", "utf-8")
    monkeypatch.delenv("RIPPLE_CLIENT_SECRET")
    monkeypatch.setenv("RIPPLE_CLIENT_SECRET_FILE", str(mounted))
    namespace = run("overlay/docs/recipes/secrets.md")
    callables = [value for name, value in namespace.items() if name.startswith("secret_from_")]
    assert len(callables) == 4
    for number, secret in enumerate(callables, 1):
        with TokenSource(Ripple.from_env(client_secret=secret, tenant_id=f"tenant-{number}")) as source:
            source.get()
        assert sandbox.ripple.token_requests == number
    with TokenSource(Ripple.from_env()) as source:
        source.get()


def test_the_key_in_each_device_signs_assertions(run: RUN) -> None:
    namespace = run("overlay/docs/keys.md")
    signers = {name: value for name, value in namespace.items() if name.startswith("key_in_")}
    assert len(signers) == 4
    for signer in signers.values():
        provider = ClientCredentials(
            client_id="id", token_url="https://a.example/token", auth_method="private_key_jwt", private_key=signer
        )
        registration = registration_of(provider)
        request = build_request(registration, registration.credentials(), "plain")
        claims = jwt.decode(
            request.fields["client_assertion"], public_pem("ES256"), ["ES256"], audience=provider.token_url
        )
        assert claims["sub"] == "id"


def test_the_pod_of_kubernetes_sets_variables_that_the_provider_reads() -> None:
    pod = yaml.safe_load(block(DOCS / "recipes/secrets.md", "yaml"))
    [container] = pod["spec"]["containers"]
    variables = {each["name"]: each["value"] for each in container["env"]}
    fields = {name.removeprefix("RIPPLE_").removesuffix("_FILE").lower() for name in variables}
    assert fields == {"client_id", "environment", "tenant_id", "client_secret"}
    [mount] = container["volumeMounts"]
    assert variables["RIPPLE_CLIENT_SECRET_FILE"].startswith(mount["mountPath"])


def test_the_django_view_responds_with_the_payments_and_with_502_without_a_token(run: RUN, sandbox: Sandbox) -> None:
    django_conf, django_test = import_module("django.conf"), import_module("django.test")  # without types
    if not django_conf.settings.configured:
        django_conf.settings.configure()
    namespace = run("overlay/docs/recipes/django.md")
    request = django_test.RequestFactory().get("/payments")
    response = namespace["payments"](request)
    assert (response.status_code, json.loads(response.content)) == (200, {"path": "/payments"})
    assert sandbox.ripple.token_requests == 1
    namespace["payments_api"]().close()
    namespace["payments_api"].cache_clear()
    sandbox.ripple.refuse()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RIPPLE_TENANT_ID", "another")
        assert namespace["payments"](request).status_code == 502
    namespace["payments_api"]().close()


def test_a_worker_of_celery_opens_a_client_and_repeats_what_was_not_sent(run: RUN, sandbox: Sandbox) -> None:
    namespace = run("overlay/docs/recipes/celery.md")
    sys.modules["celery.signals"].worker_process_init.send()
    assert namespace["send_payment"]({"id": "1"}) == {"path": "/payments"}
    assert sandbox.ripple.token_requests == 1
    assert namespace["send_payment"].autoretry_for == (ProviderUnavailable, RateLimited)
    namespace["clients"]["payments"].close()


def test_the_mcp_client_sends_the_token_with_each_message(run: RUN, sandbox: Sandbox, api: Server) -> None:
    namespace = run("overlay/docs/recipes/mcp.md")
    assert anyio.run(namespace["tools"], f"{api.base_url}/mcp") == ["pay"]
    assert [seen.path for seen in api.seen] == ["/mcp", "/mcp"]
    assert sandbox.ripple.token_requests == 1


def test_the_errors_recipe_says_whether_a_later_attempt_may_succeed(run: RUN, sandbox: Sandbox, api: Server) -> None:
    namespace = run("overlay/docs/recipes/errors.md")
    refused = httpx.Client(base_url=api.base_url, auth=TokenAuth(namespace["source"]))
    with refused, pytest.raises(InvalidClient):
        namespace["payments"](refused)
    sandbox.ripple.fail(503)
    with httpx.Client(base_url=api.base_url, auth=TokenAuth(TokenSource(Ripple.from_env()))) as unavailable:
        assert namespace["payments"](unavailable) is None


def test_the_log_line_of_a_token_request_is_the_one_that_the_page_shows(
    run: RUN, caplog: pytest.LogCaptureFixture
) -> None:
    run("overlay/docs/logs_and_metrics.md")
    shown = block(DOCS / "logs_and_metrics.md", "text").strip()
    [line] = [record.getMessage() for record in caplog.records if record.name == "paygrant"]
    assert re.sub(r"\d+\.\d+s", "", line) == re.sub(r"\d+\.\d+s", "", shown)


def test_the_function_that_signs_puts_its_signature_on_the_token_request(run: RUN, api: Server) -> None:
    namespace = run("overlay/docs/any_provider.md")
    api.reply = granted()
    provider = namespace["SpecProvider"](
        "signed.yaml",
        client_id="my-id",
        client_secret="my-secret",
        base_url=api.base_url,
        authenticate=namespace["sign"],
        environment="production",
    )
    with TokenSource(provider) as source:
        source.get()
    [seen] = api.seen
    signature = hmac.new(b"my-secret", seen.body, hashlib.sha256).hexdigest()
    assert (seen.headers["X-Client"], seen.headers["X-Signature"]) == ("my-id", signature)


def test_the_short_spec_of_the_page_can_be_used(tmp_path: Path) -> None:
    text = block(DOCS / "any_provider.md", "yaml")
    assert len(text.strip().splitlines()) <= 25
    spec = tmp_path / "acme.yaml"
    spec.write_text(text, "utf-8")
    assert all(each.warning for each in lint(spec))
    made = SpecProvider(spec, client_id="id", client_secret="secret", environment="sandbox", realm="eu")
    assert made.token_url == "https://sandbox.acme.example/v1/{realm}/authorize"


def test_the_store_of_ones_own_keeps_the_contract(run: RUN) -> None:
    namespace = run("overlay/docs/stores.md")
    names = [name for name in vars(StoreContract) if name.startswith("test_")]
    assert names
    for name in names:
        getattr(namespace["TestDictStore"](), name)(namespace["DictStore"]())
