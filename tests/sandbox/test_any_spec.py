"""The sandbox with specs of the user's own: short ones, real ones, bad ones, and those of installed packages."""

import logging
import re
import shlex
import subprocess
import sys
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import yaml

from paygrant import (
    ConfigurationError,
    InvalidClient,
    MemoryStore,
    RefreshPolicy,
    SigningKey,
    SpecProvider,
    TokenAuth,
    TokenSource,
)
from paygrant.sandbox import Client, Sandbox
from tests.helpers.keys import pem
from tests.helpers.short import SHORT, SHORTEST, written
from tests.helpers.specs import ROOT

FOLDER = ROOT / "tests/endpoints"
CLIENT = Client("id é+", "s% +/é%3D~*&=")


def compute(request: Any) -> None:
    request.headers["X-Signature"] = request.client_secret


def assert_it(request: Any) -> None:
    request.fields["assertion"] = "signed"


ARGUMENTS: dict[str, dict[str, Any]] = {
    "auth0": {"audience": "https://api.example.com"},
    "azure_metadata": {"resource": "https://vault.example"},
    "bkash": {"username": "user", "password": "canary-password"},
    "box": {"enterprise_id": "enterprise", "app_secret": "canary-app-secret"},
    "docusign": {"audience": "account-d.docusign.com", "user_id": "user", "scope": "signature"},
    "entra_workload": {"tenant": "tenant"},
    "github_app": {"installation_id": 7},
    "google_service_account": {"scope": "read"},
    "keycloak": {"realm": "realm"},
    "maskinporten": {"scope": "read"},
    "mtn_momo": {"subscription_key": "canary-key"},
    "okta": {"org": "my-org"},
    "salesforce": {"username": "user"},
    "signed_form": {"authenticate": assert_it},
    "signed_app": {"authenticate": compute, "installation_id": 7},
    "personio": {"partner_id": "p", "app_id": "a"},
    "tableau": {"api_version": "3.24", "site": "site"},
    "yodlee": {"login_name": "user"},
    "zoho": {"refresh_token": "canary-refresh-token"},
    "zoom": {"account_id": "account"},
}
"""The arguments that a spec requires."""

NOT_SERVED = {"airwallex", "sicoob"}
"""The first is in the box. The second needs a connection with a certificate."""

REAL = {path.stem: path for path in FOLDER.rglob("*.yaml") if path.stem not in NOT_SERVED}
FIRST_METHODS: dict[str, dict[str, Any]] = {
    name: yaml.safe_load(path.read_text("utf-8"))["x-token-endpoint"]["client_authentication"][0]
    for name, path in REAL.items()
}
ASCII_ONLY = {"custom", "header"}
"""Methods whose credentials must be ASCII."""


@pytest.fixture(scope="module")
def real() -> Iterator[Sandbox]:
    with Sandbox(specs=list(REAL.values())) as sandbox:
        yield sandbox


def source_of(sandbox: Sandbox, spec: Path, **changes: Any) -> TokenSource[Any]:
    given = {**getattr(sandbox, spec.stem).arguments, **ARGUMENTS.get(spec.stem, {}), **changes}
    return TokenSource(SpecProvider(spec, **given), store=MemoryStore(), policy=RefreshPolicy(max_attempts=1))


@pytest.mark.parametrize("name", REAL)
def test_a_real_endpoint_gives_a_token_that_its_api_accepts(real: Sandbox, name: str) -> None:
    with httpx.Client(auth=TokenAuth(source_of(real, REAL[name])), trust_env=False) as api:
        first = api.get(f"{real.base_url(name)}/v1/payments")
        getattr(real, name).revoke()
        second = api.post(f"{real.base_url(name)}/v1/payments")
    assert (first.status_code, first.json(), second.status_code) == (200, {"provider": name}, 200)


def named(method: str, *others: str) -> list[str]:
    """The endpoints with one of these methods."""
    return sorted(name for name, first in FIRST_METHODS.items() if first["method"] in {method, *others})


@pytest.mark.parametrize("name", sorted(REAL.keys() - named("none", "private_key_jwt", "custom")))
def test_a_real_endpoint_refuses_a_wrong_secret(real: Sandbox, name: str) -> None:
    with pytest.raises(InvalidClient):
        source_of(real, REAL[name], client_secret="canary-91bc").get()
    assert "canary" not in repr(getattr(real, name).requests)


@pytest.mark.parametrize("name", named("private_key_jwt"))
def test_a_real_endpoint_refuses_a_wrong_key(real: Sandbox, name: str) -> None:
    algorithm = FIRST_METHODS[name].get("algorithms", ["RS256"])[0]
    with pytest.raises(InvalidClient):
        source_of(real, REAL[name], private_key=SigningKey(pem(algorithm), algorithm=algorithm)).get()
    assert getattr(real, name).requests[-1].reason.startswith("the signature is wrong")


def test_a_method_that_sends_no_credentials_has_none_as_arguments(real: Sandbox) -> None:
    assert not {"client_id", "client_secret"} & real.azure_metadata.arguments.keys()
    assert set(real.azure_metadata.environ) == {"AZURE_METADATA_BASE_URL", "AZURE_METADATA_ENVIRONMENT"}


def test_a_request_that_a_function_completes_must_fit_the_schema(real: Sandbox) -> None:
    address = f"{real.signed_form.base_url}/oauth/token"
    grant = {"grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer", "assertion": "anything"}
    assert httpx.post(address, data=grant, trust_env=False).status_code == 200
    assert httpx.post(address, data={**grant, "grant_type": "password"}, trust_env=False).status_code == 400


# Short specs


@pytest.fixture
def acme(tmp_path: Path) -> Iterator[Sandbox]:
    with Sandbox(specs=[written(tmp_path)]) as sandbox:
        yield sandbox


def test_a_short_spec_is_a_provider_like_the_others(acme: Sandbox, tmp_path: Path) -> None:
    assert "acme" in acme.providers
    assert acme.acme.arguments == {
        "client_id": "sandbox-client",
        "client_secret": "sandbox-secret",
        "base_url": f"{acme.url}/acme",
        "environment": "production",
    }
    source = source_of(acme, tmp_path / "acme.yaml", realm="eu", level=2)
    with httpx.Client(auth=TokenAuth(source), trust_env=False) as api:
        assert api.get(f"{acme.acme.base_url}/resource").json() == {"provider": "acme"}
    assert source.get().response["data"].keys() == {"accessToken", "expiresIn"}
    with pytest.raises(InvalidClient):
        source_of(acme, tmp_path / "acme.yaml", realm="eu", client_secret="wrong").get()


def test_records_do_not_show_what_fills_a_path(acme: Sandbox, tmp_path: Path) -> None:
    source_of(acme, tmp_path / "acme.yaml", realm="canary").get()
    (request,) = acme.acme.requests
    assert (request.path, request.status) == ("/acme/v1/{realm}/authorize", 200)
    assert "canary" not in repr(request)


def test_the_shortest_spec_gives_a_token(tmp_path: Path) -> None:
    path = written(tmp_path, SHORTEST, "small.yaml")
    with Sandbox(specs=[str(path)], client=CLIENT) as sandbox:
        token = source_of(sandbox, path).get()
        assert (token.token_type, sandbox.small.tokens[0].access_token) == ("Bearer", token.access_token)


def test_errors_in_an_array_at_the_top_are_in_an_array(tmp_path: Path) -> None:
    error = ", error: {code: [/0/code], description: [/0/text]}}"
    spec = SHORTEST.removesuffix("}\n") + error
    with Sandbox(specs=[str(written(tmp_path, spec, "small.yaml"))]) as sandbox, sandbox.small.fail(503):
        unavailable = httpx.post(f"{sandbox.small.base_url}/oauth/token").json()
        sandbox.small.restore()
        refused = httpx.post(f"{sandbox.small.base_url}/oauth/token").json()
    assert unavailable == [{"code": "service_unavailable"}]
    assert refused == [{"code": "invalid_client", "text": "The credentials are wrong."}]


FULL = """\
openapi: 3.1.0
servers: [{url: "https://auth.acme.example"}]
paths:
  /oauth/token:
    post:
      responses:
        "200": {content: {application/json: {schema: {$ref: "#/components/schemas/Granted"}}}}
components:
  schemas:
    Granted:
      properties:
        access_token: {type: string}
        expires_in: {type: integer}
        scope: {type: string}
        merchant: {type: object, properties: {id: {type: string, format: uuid}, live: {type: boolean}}}
        limits: {type: array, items: {type: number}}
        region: {enum: [eu, us]}
        plan: {type: string, example: gold}
        since: {type: string, format: date-time}
        level: {type: [integer, "null"]}
x-token-endpoint: {client_authentication: [{method: client_secret_basic}]}
"""


def test_without_an_example_each_field_has_a_value_of_its_type(tmp_path: Path) -> None:
    path = written(tmp_path, FULL)
    with Sandbox(specs=[path], lifetime=90) as sandbox:
        response = dict(source_of(sandbox, path).get().response)
    response.pop("access_token")
    assert response == {
        "expires_in": 90,
        "token_type": "Bearer",
        "merchant": {"id": "00000000-0000-4000-8000-000000000000", "live": True},
        "limits": [1],
        "region": "eu",
        "plan": "gold",
        "since": "2030-01-01T00:00:00Z",
        "level": 1,
    }


@pytest.mark.parametrize("examples", ["example: {}", "examples: {of_the_page: {value: {}}}"])
def test_an_example_of_the_spec_is_the_response(tmp_path: Path, examples: str) -> None:
    shown = '{access_token: x, expires_in: 77, merchant: "m-1"}'
    content = (
        f"{{post: {{responses: {{'200': {{content: {{application/json: {{{examples.replace('{}', shown)}}}}}}}}}}}}}"
    )
    path = written(tmp_path, SHORTEST.replace("{post: {}}", content))
    with Sandbox(specs=[path]) as sandbox:
        response = source_of(sandbox, path).get().response
    assert {**response, "access_token": ""} == {"access_token": "", "expires_in": 77, "merchant": "m-1"}


# Client authentication


METHODS = {
    "basic": "{method: client_secret_basic}",
    "basic-plain": "{method: client_secret_basic, encoding: plain}",
    "basic-form": "{method: client_secret_basic, encoding: form}",
    "post": "{method: client_secret_post}",
    "post-nested": "{method: client_secret_post, client_id: /auth/id, client_secret: /auth/key}",
    "post-secret-only": "{method: client_secret_post, client_id: null}",
    "header": "{method: header, client_id: X_Client, client_secret: X-Key}",
    "query": "{method: query, client_id: id, client_secret: key}",
    "none": "{method: none}",
    "custom": "{method: custom}",
}


@pytest.mark.parametrize("method", METHODS)
def test_each_method_of_client_authentication_is_accepted(tmp_path: Path, method: str) -> None:
    text = SHORTEST.replace("{method: client_secret_basic}", METHODS[method])
    if method == "post-nested":
        text = text.replace("{post: {}}", "{post: {requestBody: {content: {application/json: {}}}}}")
    path = written(tmp_path, text)
    client = Client("an-id", "a-secret") if method in ASCII_ONLY else CLIENT
    with Sandbox(specs=[path], client=client) as sandbox:
        more = {"authenticate": compute} if method == "custom" else {}
        assert source_of(sandbox, path, **more).get().access_token
        if method not in {"none", "custom"}:
            with pytest.raises(InvalidClient):
                source_of(sandbox, path, client_secret="wrong").get()
            assert sandbox.acme.token_requests == (3 if method == "basic" else 2)  # both encodings are tried


def test_credentials_by_two_methods_are_a_bad_request(tmp_path: Path) -> None:
    both = "{method: client_secret_basic}, {method: client_secret_post}"
    path = written(tmp_path, SHORTEST.replace("{method: client_secret_basic}", both))
    with Sandbox(specs=[path]) as sandbox:
        form = {"grant_type": "client_credentials", "client_id": sandbox.client_id, "client_secret": "sandbox-secret"}
        address, auth = f"{sandbox.acme.base_url}/oauth/token", (sandbox.client_id, sandbox.client_secret)
        statuses = [httpx.post(address, trust_env=False, **each).status_code for each in _either(form, auth)]
    assert statuses == [200, 200, 400, 401]


def _either(form: dict[str, str], auth: tuple[str, str]) -> Iterator[dict[str, Any]]:
    grant = {"grant_type": form["grant_type"]}
    yield from ({"data": form}, {"data": grant, "auth": auth}, {"data": form, "auth": auth}, {"data": grant})


# How API calls use the token

USES: dict[str, tuple[str, dict[str, str], str, int]] = {
    "header": ("{header: X-Token}", {"X-Token": "{}"}, "", 200),
    "header-elsewhere": ("{header: X-Token}", {"Authorization": "Bearer {}"}, "", 401),
    "prefix": ("{header: Authorization, prefix: Acme}", {"Authorization": "Acme {}"}, "", 200),
    "another-prefix": ("{header: Authorization, prefix: Acme}", {"Authorization": "Bearer {}"}, "", 401),
    "query": ("{query: token}", {}, "?token={}", 200),
    "query-elsewhere": ("{query: token}", {"Authorization": "Bearer {}"}, "", 401),
    "further": (
        "{headers: {Client_Id: client_id}}",
        {"Authorization": "Bearer {}", "Client_Id": "sandbox-client"},
        "",
        200,
    ),
    "further-missing": ("{headers: {Client_Id: client_id}}", {"Authorization": "Bearer {}"}, "", 400),
    "further-wrong": ("{headers: {Client_Id: client_id}}", {"Authorization": "Bearer {}", "Client_Id": "x"}, "", 400),
    "rejected": ("{rejected_statuses: [403, 401]}", {"Authorization": "Bearer wrong"}, "", 403),
    "rejected-without": ("{rejected_statuses: [403, 401]}", {}, "", 403),
}


@pytest.mark.parametrize(("use", "headers", "query", "status"), USES.values(), ids=USES)
def test_an_api_call_carries_the_token_as_the_spec_says(
    tmp_path: Path, use: str, headers: dict[str, str], query: str, status: int
) -> None:
    path = written(tmp_path, f"{SHORTEST.rstrip()[:-1]}, token_use: {use}}}\n")
    with Sandbox(specs=[path]) as sandbox:
        token = source_of(sandbox, path).get().access_token
        address = f"{sandbox.acme.base_url}/v1/payments{query.format(token)}"
        sent = {name: value.format(token) for name, value in headers.items()}
        assert httpx.get(address, headers=sent, trust_env=False).status_code == status


def test_a_missing_further_header_is_named(tmp_path: Path) -> None:
    path = written(tmp_path, f"{SHORTEST.rstrip()[:-1]}, token_use: {{headers: {{Client_Id: client_id}}}}}}\n")
    with Sandbox(specs=[path]) as sandbox:
        headers = {"Authorization": f"Bearer {source_of(sandbox, path).get().access_token}"}
        response = httpx.get(f"{sandbox.acme.base_url}/v1/payments", headers=headers, trust_env=False)
        assert response.json() == {"error": "Client_Id: expected this header with its right value"}
        with httpx.Client(auth=TokenAuth(source_of(sandbox, path)), trust_env=False) as api:
            assert api.get(f"{sandbox.acme.base_url}/v1/payments").status_code == 200


def test_a_token_for_a_single_use_is_dead_after_one_call(tmp_path: Path) -> None:
    path = written(tmp_path, f"{SHORTEST.rstrip()[:-1]}, token_use: {{single_use: true, persist: false}}}}\n")
    with Sandbox(specs=[path]) as sandbox:
        source = source_of(sandbox, path)
        headers = {"Authorization": f"Bearer {source.get().access_token}"}
        address = f"{sandbox.acme.base_url}/v1/payments"
        assert [httpx.get(address, headers=headers, trust_env=False).status_code for _ in range(2)] == [200, 401]
        assert sandbox.acme.tokens == ()
        with httpx.Client(auth=TokenAuth(source), trust_env=False) as api:
            assert [api.get(address).status_code for _ in range(3)] == [200, 200, 200]


def test_a_lifetime_of_zero_that_means_never_is_no_dead_token(tmp_path: Path) -> None:
    fields = "response: {access_token: [/t], lifetime: [{unit: never}]}"
    path = written(tmp_path, f"{SHORTEST.rstrip()[:-1]}, {fields}}}\n")
    with (
        Sandbox(specs=[path]) as sandbox,
        httpx.Client(auth=TokenAuth(source_of(sandbox, path)), trust_env=False) as api,
    ):
        assert api.get(f"{sandbox.acme.base_url}/resource").status_code == 200


# Names


@pytest.mark.parametrize(
    ("names", "fault"),
    [
        (["ripple.yaml"], "specs: has a second provider named ripple; expected another name for this spec's file"),
        (["acme.yaml", "more/acme.yaml"], "specs: has a second provider named acme; "),
        (
            ["control.yaml"],
            "specs: has a spec whose name the sandbox cannot use: 'control'; expected a file with a name ",
        ),
        (["reset.yaml"], "specs: has a spec whose name the sandbox cannot use: 'reset'; "),
        (["url.yaml"], "specs: has a spec whose name the sandbox cannot use: 'url'; "),
        (["app.yaml"], "specs: has a spec whose name the sandbox cannot use: 'app'; "),
    ],
)
def test_a_name_that_is_taken_is_refused(tmp_path: Path, names: list[str], fault: str) -> None:
    (tmp_path / "more").mkdir()
    with pytest.raises(ConfigurationError) as caught:
        Sandbox(specs=[written(tmp_path, SHORTEST, name) for name in names])
    assert str(caught.value).startswith(fault)


def test_a_bad_spec_is_reported(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be used"):
        Sandbox(specs=[written(tmp_path, "openapi: 3.1.0")])


def test_a_provider_of_an_installed_package_is_served(tmp_path: Path) -> None:
    (tmp_path / "shop").symlink_to(ROOT / "generated/paygrant_clients/cryptofuse")
    info = tmp_path / "shop_dist-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: shop-dist\nVersion: 1.0\n", "utf-8")
    points = "[paygrant.providers]\nshop = shop\nbroken = nowhere\nripple = shop\n"
    (info / "entry_points.txt").write_text(points, "utf-8")
    program = (
        "from paygrant.sandbox import Sandbox\nwith Sandbox() as sandbox: print(*sandbox.providers, sandbox.shop.name)"
    )
    environment = {"PYTHONPATH": str(tmp_path), "PATH": "", "HOME": str(tmp_path)}
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, env=environment, check=False)
    assert ran.stderr == ""
    assert ran.stdout.split()[-1] == "shop"
    assert "broken" not in ran.stdout.split()


# Commands


def test_the_command_of_a_spec_prints_a_token(acme: Sandbox, tmp_path: Path) -> None:
    usage = httpx.get(f"{acme.url}/control/usage", trust_env=False).json()
    assert (usage["client_id"], usage["client_secret"]) == (acme.client_id, acme.client_secret)
    assert usage["commands"].keys() == {*acme.providers}
    command = usage["commands"]["acme"]
    assert command == (
        f"ACME_CLIENT_SECRET=sandbox-secret paygrant token {shlex.quote(str(tmp_path / 'acme.yaml'))} --client-id "
        f"sandbox-client --environment production --base-url {acme.url}/acme --realm REALM"
    )
    variable, _, *words = shlex.split(command)
    name, _, secret = variable.partition("=")
    ran = subprocess.run(
        [sys.executable, "-m", "paygrant", *words],
        capture_output=True,
        text=True,
        env={name: secret, "HOME": str(tmp_path), "no_proxy": "*"},
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    assert acme.acme.tokens[0].access_token == ran.stdout.strip()


def test_a_provider_that_needs_a_function_has_no_command(real: Sandbox) -> None:
    commands = httpx.get(f"{real.url}/control/usage", trust_env=False).json()["commands"]
    assert (commands["signed_form"], commands["signed_app"]) == (None, None)
    assert "--client-id" not in commands["azure_metadata"]


# Other addresses


@pytest.mark.parametrize(("host", "named"), [("0.0.0.0", "127.0.0.1"), ("::", "[::1]")])
def test_an_address_of_the_network_is_used_with_a_warning(
    host: str, named: str, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox = Sandbox(host=host)
    assert not caplog.records
    with caplog.at_level(logging.WARNING, "paygrant.sandbox"), sandbox:
        assert re.fullmatch(rf"http://{re.escape(named)}:\d+", sandbox.url)
        assert httpx.get(f"{sandbox.url}/control", trust_env=False).status_code == 200
    assert caplog.messages == [f"the sandbox listens on {host}: everybody on the network can use it"]


@pytest.mark.parametrize(
    ("host", "header", "origin", "status"),
    [
        ("0.0.0.0", "192.0.2.7:8000", None, 200),
        ("0.0.0.0", "[2001:db8::1]:8000", None, 200),
        ("0.0.0.0", "sandbox:8000", None, 200),
        ("0.0.0.0", "host.docker.internal:8000", None, 200),
        ("0.0.0.0", "sandbox.default.svc.cluster.local", None, 200),
        ("0.0.0.0", "evil.example:8000", None, 403),
        ("0.0.0.0", "192.0.2.7.evil.example", None, 403),
        ("0.0.0.0", "evil.internal.example", None, 403),
        ("0.0.0.0", "", None, 403),
        ("0.0.0.0", "sandbox:8000", "http://sandbox:8000", 200),
        ("0.0.0.0", "sandbox:8000", "http://evil.example", 403),
        ("0.0.0.0", "192.0.2.7:8000", "http://192.0.2.8:8000", 403),
        ("0.0.0.0", "192.0.2.7:8000", "null", 403),
        ("127.0.0.1", "192.0.2.7:8000", None, 403),
        ("127.0.0.1", "sandbox:8000", None, 403),
    ],
)
def test_pages_of_other_sites_are_refused_on_any_address(
    host: str, header: str, origin: str | None, status: int
) -> None:
    with Sandbox(host=host) as sandbox:
        headers = {"Host": header, **({"Origin": origin} if origin else {})}
        assert httpx.get(f"{sandbox.url}/control", headers=headers, trust_env=False).status_code == status


def test_the_module_serves_a_spec(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "paygrant.sandbox", "--spec", str(written(tmp_path)), "--host", "0.0.0.0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stderr
        lines = [process.stdout.readline().split()]
        process.terminate()
        lines += [line.split() for line in process.stdout]
        warning = process.stderr.read()
    found = {name: address for name, address, *_ in lines}
    assert found["acme"].startswith("http://127.0.0.1:")
    assert "the sandbox listens on 0.0.0.0: everybody on the network can use it" in warning


def test_form_encoded_basic_is_decoded_as_the_spec_says(tmp_path: Path) -> None:
    path = written(tmp_path, SHORTEST.replace("basic}", "basic, encoding: form}"))
    plain = b64encode(f"{CLIENT.client_id}:{CLIENT.client_secret}".encode()).decode()
    with Sandbox(specs=[path], client=CLIENT) as sandbox:
        assert source_of(sandbox, path).get()
        response = httpx.post(
            f"{sandbox.acme.base_url}/oauth/token",
            headers={"Authorization": f"Basic {plain}"},
            data={"grant_type": "client_credentials"},
            trust_env=False,
        )
    assert response.status_code == 401


def test_the_short_spec_of_the_tests_stays_short() -> None:
    assert len(SHORT.splitlines()) <= 30
