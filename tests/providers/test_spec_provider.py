"""SpecProvider with a dozen endpoints that differ from the five and from each other.

``tests/endpoints`` has the specs with their sources, and the servers, which accept the documented requests only.
"""

import base64
import importlib
import json
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from paygrant import (
    ConfigurationError,
    InvalidClient,
    MalformedResponse,
    Provider,
    SpecProvider,
    TokenRequestRejected,
)
from paygrant._providers.base import registration_of
from paygrant._spec.description import TokenUse
from paygrant.generate import generate, lint
from tests.endpoints.servers import (
    CLIENT_ID,
    CLIENT_SECRET,
    ENDPOINTS,
    FORM,
    JSON,
    REFRESH_TOKEN,
    USER,
    behave,
    pem,
    private_key,
)
from tests.helpers.providers import ask
from tests.helpers.servers import Reply, Server

SPECS = Path(__file__).parents[1] / "endpoints"
BASIC = f"Basic {base64.b64encode(f'{CLIENT_ID}:{CLIENT_SECRET}'.encode()).decode()}"
HTTPS_OWN = {"host", "accept", "accept-encoding", "user-agent", "content-length"}


@dataclass(frozen=True)
class Case:
    """What a caller gives beside the credentials, what is then sent, and what comes of it."""

    gives: Mapping[str, Any]
    line: str
    token: str
    lifetime: float
    refusal: tuple[str | None, str | None] | None
    """What wrong credentials give. None: the endpoint takes none."""
    headers: Mapping[str, str] = field(default_factory=dict[str, str])
    body: str = ""
    authorization: str = "Bearer {}"
    token_use: TokenUse = field(default_factory=TokenUse)


NO_CREDENTIALS = {"client_id": None, "client_secret": None}

CASES = {
    "ups": Case(
        gives={"environment": "test"},
        line="POST /security/v1/oauth/token",
        headers={"authorization": BASIC, "content-type": FORM},
        body="grant_type=client_credentials",
        token="ups-token",
        lifetime=14399,
        refusal=("10401", "ClientId is Invalid"),
    ),
    "auth0": Case(
        gives={"audience": "https://api.example/"},
        line="POST /oauth/token",
        headers={"content-type": JSON},
        body='{"grant_type":"client_credentials","audience":"https://api.example/",'
        '"client_id":"straw-client","client_secret":"straw/secret+1"}',
        token="auth0-token",
        lifetime=86400,
        refusal=("access_denied", "Unauthorized"),
    ),
    "gocardless": Case(
        gives={"environment": "production"},
        line="POST /api/v2/token/new/",
        headers={"content-type": JSON},
        body='{"secret_id":"straw-client","secret_key":"straw/secret+1"}',
        token="gocardless-token",
        lifetime=86400,
        refusal=("Authentication failed", "No active account found with the given credentials"),
    ),
    "vault": Case(
        gives={},
        line="POST /v1/auth/approle/login",
        headers={"content-type": JSON},
        body='{"role_id":"straw-client","secret_id":"straw/secret+1"}',
        token="vault-token",
        lifetime=1200,
        refusal=(None, "invalid role or secret ID"),
        authorization="{}",
        token_use=TokenUse(header="X-Vault-Token", prefix=""),
    ),
    "airwallex": Case(
        gives={"environment": "demo"},
        line="POST /api/v1/authentication/login",
        headers={"content-type": JSON, "x-client-id": CLIENT_ID, "x-api-key": CLIENT_SECRET},
        token="airwallex-token",
        lifetime=1800,
        refusal=("credentials_invalid", "UNAUTHORIZED"),
    ),
    "azure_metadata": Case(
        gives={"environment": "azure", "resource": "https://management.azure.com/", **NO_CREDENTIALS},
        line="GET /metadata/identity/oauth2/token?api-version=2018-02-01"
        "&resource=https%3A%2F%2Fmanagement.azure.com%2F",
        headers={"metadata": "true"},
        token="azure-token",
        lifetime=3599,
        refusal=None,
    ),
    "personio": Case(
        gives={"environment": "production"},
        line="POST /v1/auth",
        headers={"content-type": JSON},
        body='{"client_id":"straw-client","client_secret":"straw/secret+1"}',
        token="papi-token",
        lifetime=86400,
        refusal=("0", "Wrong credentials"),
    ),
    "zoom": Case(
        gives={"environment": "production", "account_id": "AbC_1"},
        line="POST /oauth/token?grant_type=account_credentials&account_id=AbC_1",
        headers={"authorization": BASIC},
        token="zoom-token",
        lifetime=3600,
        refusal=("invalid_client", "Invalid client_id or client_secret"),
    ),
    "wechat": Case(
        gives={"environment": "production"},
        line="GET /cgi-bin/token?grant_type=client_credential&appid=straw-client&secret=straw%2Fsecret%2B1",
        token="wechat-token",
        lifetime=7200,
        refusal=("40125", "invalid appsecret"),
        authorization="{}",
        token_use=TokenUse(header=None, prefix="", query="access_token"),
    ),
    "github_app": Case(
        gives={"environment": "production", "installation_id": 42},
        line="POST /app/installations/42/access_tokens",
        headers={"authorization": "Bearer {assertion}", "x-github-api-version": "2022-11-28"},
        token="ghs_token",
        lifetime=3600,
        refusal=(None, "A JSON web token could not be decoded"),
    ),
    "tableau": Case(
        gives={"api_version": "3.27", "site": "MarketingTeam"},
        line="POST /api/3.27/auth/signin",
        headers={"content-type": JSON},
        body='{"credentials":{"site":{"contentUrl":"MarketingTeam"},"personalAccessTokenName":"straw-client",'
        '"personalAccessTokenSecret":"straw/secret+1"}}',
        token="tableau-token",
        lifetime=14400,
        refusal=("401001", "Error signing in to Tableau Server"),
        authorization="{}",
        token_use=TokenUse(header="X-Tableau-Auth", prefix=""),
    ),
    "zoho": Case(
        gives={"environment": "eu", "refresh_token": REFRESH_TOKEN},
        line="POST /oauth/v2/token?grant_type=refresh_token&refresh_token=1000.straw.refresh"
        "&client_id=straw-client&client_secret=straw%2Fsecret%2B1",
        token="zoho-token",
        lifetime=3600,
        refusal=("invalid_client_secret", None),
        authorization="Zoho-oauthtoken {}",
        token_use=TokenUse(prefix="Zoho-oauthtoken"),
    ),
    "docusign": Case(
        gives={
            "environment": "demo",
            "user_id": USER,
            "scope": ["signature", "impersonation"],
            "audience": "127.0.0.1",
        },
        line="POST /oauth/token",
        headers={"content-type": FORM},
        body="grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&assertion={assertion}",
        token="docusign-token",
        lifetime=3600,
        refusal=("invalid_grant", "no_valid_keys_or_signatures"),
    ),
}

each_endpoint = pytest.mark.parametrize("name", CASES)


def make(name: str, server: Server, source: Path | ModuleType | None = None, /, **changes: Any) -> Provider:
    """The provider of a spec, with what its case gives, at a server that behaves as documented."""
    server.reply = behave(ENDPOINTS[name])
    signed = {"client_secret": None, "private_key": pem(private_key())} if name in {"github_app", "docusign"} else {}
    arguments: dict[str, Any] = {
        "client_id": CLIENT_ID,
        "client_secret": CLIENT_SECRET,
        **CASES[name].gives,
        **signed,
        **changes,
    }
    return SpecProvider(source or SPECS / f"{name}.yaml", base_url=server.base_url, **arguments)


def seconds_left(moment: datetime | None) -> float:
    assert moment
    return (moment - datetime.now(UTC)).total_seconds()


def without_assertion(text: str) -> str:
    """A text without the JWT in it, which is another one for each request; the server has checked it."""
    return re.sub(r"eyJ[\w-]+\.[\w-]+\.[\w-]+", "{assertion}", text)


@each_endpoint
def test_the_spec_passes_all_lint_rules(name: str) -> None:
    assert lint(SPECS / f"{name}.yaml") == []


def test_each_spec_has_a_case_and_a_server() -> None:
    assert {path.stem for path in SPECS.glob("*.yaml")} == CASES.keys() == ENDPOINTS.keys()


@each_endpoint
def test_a_spec_is_enough_for_a_token(name: str, server: Server) -> None:
    case, provider = CASES[name], make(name, server)
    token = ask(provider)
    assert token.access_token == case.token
    assert token.authorization == case.authorization.format(case.token)
    assert registration_of(provider).endpoint.token_use == case.token_use
    assert seconds_left(token.expires_at) == pytest.approx(case.lifetime, abs=30)


@each_endpoint
def test_only_documented_values_are_sent(name: str, server: Server) -> None:
    case = CASES[name]
    ask(make(name, server))
    (seen,) = server.seen
    headers = {each.lower(): value for each, value in seen.headers.items() if each.lower() not in HTTPS_OWN}
    assert f"{seen.method} {seen.path}" == case.line
    assert {each: without_assertion(value) for each, value in headers.items()} == case.headers
    assert without_assertion(seen.body.decode()) == case.body


@each_endpoint
def test_the_server_of_the_tests_refuses_undocumented_values(name: str, server: Server) -> None:
    ask(make(name, server))
    (seen,) = server.seen
    own = {each: value for each, value in seen.headers.items() if each.lower() not in {"host", "content-length"}}

    def status(path: str = seen.path, body: bytes = seen.body, headers: Mapping[str, str] | None = None) -> int:
        response = httpx.request(seen.method, server.base_url + path, content=body, headers={**own, **(headers or {})})
        return response.status_code

    assert status() in {200, 201}
    assert status(f"{seen.path}{'&' if '?' in seen.path else '?'}more=1") == 422
    assert status(seen.path.replace("token", "tokens").replace("login", "logins").replace("auth", "oauth")) == 422
    assert status(headers={"X-More": "1"}) == 422
    more = json.dumps({"more": "1", **(json.loads(seen.body) if seen.body[:1] == b"{" else {})}).encode()
    assert status(body=seen.body + b"&more=1" if seen.body[:1] == b"g" else more) == 422


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.refusal])
def test_wrong_credentials_raise_an_error_with_the_providers_text(name: str, server: Server) -> None:
    signs = name in {"github_app", "docusign"}
    wrong = pem(rsa.generate_private_key(65537, 2048)) if signs else "not-the-secret"
    with pytest.raises(InvalidClient) as caught:
        ask(make(name, server, **{"private_key" if signs else "client_secret": wrong}))
    assert (caught.value.error, caught.value.error_description) == CASES[name].refusal
    assert caught.value.provider == name
    assert wrong not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "optional", "where"),
    [
        ("ups", {"merchant_id": "1Z2345"}, {"X-Merchant-Id": "1Z2345"}),
        ("vault", {"namespace": "team/a"}, {"X-Vault-Namespace": "team/a"}),
        ("airwallex", {"login_as": "acct_1"}, {"X-Login-As": "acct_1"}),
        (
            "personio",
            {"partner_id": "PARTNER", "app_id": "APP"},
            {"X-Personio-Partner-ID": "PARTNER", "X-Personio-App-ID": "APP"},
        ),
        ("auth0", {"organization": "org_1"}, {}),
    ],
)
def test_an_optional_parameter_is_sent_if_given(
    name: str, optional: dict[str, Any], where: dict[str, str], server: Server
) -> None:
    assert ask(make(name, server, **optional)).access_token == CASES[name].token
    (seen,) = server.seen
    headers = httpx.Headers(dict(seen.headers))
    assert {each: headers[each] for each in where} == where
    assert where or json.loads(seen.body).items() >= optional.items()


@pytest.mark.parametrize(
    ("name", "argument"),
    [
        ("auth0", "audience"),
        ("zoom", "account_id"),
        ("github_app", "installation_id"),
        ("github_app", "private_key"),
        ("tableau", "site"),
        ("tableau", "api_version"),
        ("zoho", "refresh_token"),
        ("docusign", "private_key"),
        ("docusign", "user_id"),
        ("docusign", "audience"),
        ("azure_metadata", "resource"),
    ],
)
def test_a_missing_required_parameter_sends_nothing(name: str, argument: str, server: Server) -> None:
    with pytest.raises(ConfigurationError, match=f"{argument}: is missing"):
        make(name, server, **{argument: None})
    assert not server.seen


@pytest.mark.parametrize(
    ("name", "hosts"),
    [
        ("ups", {"test": "https://wwwcie.ups.com", "production": "https://onlinetools.ups.com"}),
        ("airwallex", {"demo": "https://api-demo.airwallex.com", "production": "https://api.airwallex.com"}),
        ("auth0", {}),
        ("vault", {}),
        ("tableau", {}),
    ],
)
def test_the_host_comes_from_the_environment_or_from_the_caller(
    name: str, hosts: dict[str, str], server: Server
) -> None:
    endpoint = registration_of(make(name, server)).endpoint
    assert {environment: each.url for environment, each in endpoint.servers.items()} == hosts
    if not hosts:
        with pytest.raises(ConfigurationError, match="base_url: is missing"):
            SpecProvider(SPECS / f"{name}.yaml", client_id="a", client_secret="b", **CASES[name].gives)


def test_a_lease_of_zero_has_no_end(server: Server) -> None:
    token = ask(make("vault", server, namespace="endless"))
    assert seconds_left(token.expires_at) > 365 * 86400 - 60


def test_a_metadata_service_is_asked_for_one_of_several_identities(server: Server) -> None:
    for argument, name in {
        "object_id": "object_id",
        "identity_client_id": "client_id",
        "resource_id": "msi_res_id",
    }.items():
        assert ask(make("azure_metadata", server, **{argument: "mine"})).access_token == "azure-token"
        assert server.seen[-1].path.endswith(f"&{name}=mine")
    with pytest.raises(ConfigurationError, match="is given together with"):
        make("azure_metadata", server, identity_client_id="one", resource_id="two")
    with pytest.raises(TokenRequestRejected) as caught:
        ask(make("azure_metadata", server, identity_client_id="nobody"))
    assert (caught.value.error, caught.value.error_description) == ("invalid_request", "Identity not found")


def test_a_metadata_service_has_a_link_local_address() -> None:
    given = CASES["azure_metadata"].gives
    with pytest.raises(ConfigurationError, match="environment: is a link-local address"):
        SpecProvider(SPECS / "azure_metadata.yaml", **given)
    provider = SpecProvider(SPECS / "azure_metadata.yaml", allow_link_local=True, **given)
    assert provider.token_url == "http://169.254.169.254/metadata/identity/oauth2/token"


@pytest.mark.parametrize(
    ("name", "changes", "error"),
    [
        ("wechat", {"client_id": "nobody"}, "40013"),
        ("zoho", {"client_id": "nobody"}, "invalid_client"),
        ("zoho", {"refresh_token": "not-the-token"}, "invalid_code"),
    ],
)
def test_an_error_code_under_status_200_is_a_refusal(
    name: str, changes: dict[str, Any], error: str, server: Server
) -> None:
    with pytest.raises(InvalidClient) as caught:
        ask(make(name, server, **changes))
    assert (caught.value.status, caught.value.error) == (200, error)


def test_a_private_key_has_several_lines_and_may_come_from_a_callable(server: Server) -> None:
    provider = make("github_app", server, private_key=lambda: pem(private_key()))
    assert ask(provider).access_token == CASES["github_app"].token


def test_a_wrong_user_does_not_raise_invalid_client(server: Server) -> None:
    with pytest.raises(TokenRequestRejected) as caught:
        ask(make("docusign", server, user_id="nobody"))
    assert type(caught.value) is TokenRequestRejected
    assert caught.value.error_description == "user_not_found"


def test_a_client_id_may_hold_a_colon_if_the_credentials_are_not_basic(server: Server) -> None:
    with pytest.raises(InvalidClient):
        ask(make("tableau", server, client_id="nightly:export"))


# What is generated of them


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The packages, in a folder on the path."""
    folder = tmp_path_factory.mktemp("generated") / "straw_clients"
    for name in CASES:
        assert generate(SPECS / f"{name}.yaml", folder)
    (folder / "__init__.py").touch()
    sys.path.insert(0, str(folder.parent))
    yield folder
    sys.path.remove(str(folder.parent))
    for name in [each for each in sys.modules if each.partition(".")[0] == folder.name]:
        del sys.modules[name]


def test_all_packages_pass_strict_type_checks(packages: Path, tmp_path: Path) -> None:
    root = packages.parent
    pyright = {"include": [packages.name], "typeCheckingMode": "strict", "pythonVersion": "3.11"}
    (root / "pyrightconfig.json").write_text(json.dumps(pyright))
    # Side by side, on as many processors: each takes its time.
    running = [
        subprocess.Popen((sys.executable, "-m", *command), cwd=root, stdout=subprocess.PIPE, text=True)
        for command in (
            ("mypy", "--strict", "--cache-dir", str(tmp_path / "mypy"), packages.name),
            ("pyright", "--outputjson", "--pythonpath", sys.executable),
        )
    ]
    found = [process.communicate(timeout=90)[0] for process in running]
    files = len(list(packages.rglob("*.py")))
    assert found[0] == f"Success: no issues found in {files} source files\n"
    summary = json.loads(found[1])["summary"]
    assert (summary["filesAnalyzed"], summary["errorCount"], summary["warningCount"]) == (files, 0, 0), found[1]


@each_endpoint
def test_a_package_and_its_spec_give_the_same_description(name: str, packages: Path, server: Server) -> None:
    package = importlib.import_module(f"{packages.name}.{name}")
    imported, folder, file = (make(name, server, source) for source in (package, packages / name, None))
    assert len({repr(registration_of(each).endpoint) for each in (imported, folder, file)}) == 1


@each_endpoint
def test_a_package_has_a_model_for_the_response(name: str, packages: Path, server: Server) -> None:
    package = importlib.import_module(f"{packages.name}.{name}")
    token = ask(make(name, server, package))
    assert type(token.response).__module__ == f"{packages.name}.{name}.models.token_response"
    assert token.access_token in json.dumps(token.response.to_dict())
    assert token.access_token not in repr(token.response)


def test_a_response_that_does_not_fit_its_model_gives_a_token_all_the_same(packages: Path, server: Server) -> None:
    provider = make("tableau", server, importlib.import_module(f"{packages.name}.tableau"))
    server.reply = Reply({"credentials": {"site": "expected an object", "token": "tableau-token"}})
    token = ask(provider)
    assert token.access_token == "tableau-token"
    with pytest.raises(MalformedResponse, match="does not fit the generated model"):
        _ = token.response
