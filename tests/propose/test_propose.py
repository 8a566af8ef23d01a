"""Drafts of specs from documents of many kinds. Each is normalized, generates a package, and gets a token."""

import copy
import functools
import gzip
import json
import re
import select
import socket
import sys
import tempfile
import tracemalloc
import zlib
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import Any, NamedTuple
from urllib.parse import parse_qsl, urlsplit

import anyio
import jwt
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from paygrant import ConfigurationError, InvalidClient, SpecProvider
from paygrant._providers.base import Provider
from paygrant._spec.document import is_object
from paygrant.generate import lint, read_spec
from paygrant.generate.packages import write_packages
from paygrant.propose import Proposal, _assemble, _source, propose
from paygrant.propose._candidates import best_candidate
from tests.helpers.documents import places
from tests.helpers.keys import pem, public_pem
from tests.helpers.providers import ask
from tests.helpers.servers import Reply, Seen, Server, free_port, read_request, serve, serve_raw

FOLDER = Path(__file__).parents[1] / "proposals"
ID, SECRET = "client-of-straw", "secret-of-straw"
ENVIRONMENTS = {
    "among_thirty.yaml": "sandbox",
    "basic.json": "production",
    "camel_case.yaml": "demo",
    "form_data.yaml": "sandbox",
    "page.md": "sandbox",
    "relative_flow.yaml": "uat",
}


FORM, JSON = "application/x-www-form-urlencoded", "application/json"
GRANT = {"grant_type": "client_credentials"}
IN_BODY = {**GRANT, "client_id": ID, "client_secret": SECRET}
GRANTED = Reply({"access_token": "the-token", "token_type": "Bearer", "expires_in": 600})
UNAUTHORIZED = Reply({"error": "invalid_client"}, 401)
BEARER_ASSERTION = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


class Case(NamedTuple):
    """A document, the request that its server expects, the responses, and the arguments of the caller."""

    file: str
    path: str
    body: Mapping[str, Any] = GRANT
    media_type: str = FORM
    basic: bool = False
    headers: Mapping[str, str] = {}
    granted: Reply = GRANTED
    rejected: Reply = UNAUTHORIZED
    arguments: Mapping[str, Any] = {}
    lifetime: bool = True


CASES = [
    Case(
        "application_flow.json",
        "/oauth/token",
        {**GRANT, "scope": "parcels:read"},
        basic=True,
        arguments={"scope": ["parcels:read"]},
    ),
    Case(
        "form_data.yaml",
        "/connect/token",
        IN_BODY,
        headers={"X-Trace": "7"},
        rejected=Reply({"error": "unauthorized_client"}, 400),
        arguments={"x_trace": "7"},
    ),
    Case("among_thirty.yaml", "/oauth/token", {**IN_BODY, "audience": "m-1"}, arguments={"audience": "m-1"}),
    Case("basic.json", "/oauth2/token", basic=True),
    Case("relative_flow.yaml", "/identity/connect/token", IN_BODY, arguments={"auth_method": "client_secret_post"}),
    Case(
        "composed.yaml",
        "/auth/token",
        {**GRANT, "apiKey": ID, "apiSecret": SECRET},
        JSON,
        headers={"X-Tenant": "9"},
        granted=Reply({"token": "the-token", "ttl": 600}, 201),
        rejected=Reply({"title": "Unauthorized", "code": "bad_client"}, 401),
        arguments={"x_tenant": "9"},
    ),
    Case(
        "camel_case.yaml",
        "/session/login",
        {"auth": {"clientId": ID, "clientSecret": SECRET, "deviceName": "till"}},
        JSON,
        granted=Reply({"success": True, "data": {"accessToken": "the-token", "expiresAt": "2999-01-01T00:00:00Z"}}),
        arguments={"device_name": "till"},
    ),
    Case(
        "api_key.yaml",
        "/authentication/login",
        {},
        "",
        headers={"x-client-id": ID, "x-api-key": SECRET},
        granted=Reply({"token": "the-token"}, 201),
        rejected=Reply({}, 403),
        lifetime=False,
    ),
    Case(
        "assertion.yaml",
        "/7/token",
        {**GRANT, "client_id": ID, "client_assertion_type": BEARER_ASSERTION, "client_assertion": "signed"},
        arguments={"realm": "7", "private_key": pem("ES256")},
    ),
    Case("alternatives.yaml", "/oauth2/v3/token", IN_BODY),
    Case(
        "alternatives.yaml",
        "/oauth2/v3/token",
        {**GRANT, "client_id": ID, "client_assertion_type": BEARER_ASSERTION, "client_assertion": "signed"},
        arguments={"auth_method": "private_key_jwt", "private_key": pem("ES256")},
    ),
    Case(
        "metadata.md",
        "/as/token",
        {**GRANT, "client_id": ID, "client_assertion_type": BEARER_ASSERTION, "client_assertion": "signed"},
        arguments={"private_key": pem("ES256")},
    ),
    Case(
        "page.md",
        "/oauth/token",
        basic=True,
        granted=Reply({"accessToken": "the-token", "expiresIn": 600, "tokenType": "Bearer"}),
    ),
    Case(
        "own_grant.yaml",
        "/oauth/token",
        {"clientId": ID, "clientSecret": SECRET, "grantType": "AccessToken"},
        JSON,
        granted=Reply({"accessToken": "the-token", "expiresIn": "32503680000"}, 201),
        rejected=Reply({"errors": [{"code": 1401, "message": "The client is unknown"}]}, 400),
    ),
    Case(
        "partner_login.yaml",
        "/aggregation/v2/partners/authentication",
        {"partnerId": ID, "partnerSecret": SECRET},
        JSON,
        headers={"Tern-App-Key": "key-of-straw"},
        granted=Reply({"token": "the-token"}),
        rejected=Reply({"code": 9, "message": "No"}, 401),
        arguments={"tern_app_key": "key-of-straw"},
        lifetime=False,
    ),
    Case("page_in_json.md", "/oauth/token", basic=True, rejected=Reply({"message": "no"}, 403)),
]
each_case = pytest.mark.parametrize("case", CASES, ids=lambda case: case.file)


def write(proposal: Proposal, folder: Path) -> Path:
    path = folder / f"{proposal.name}.yaml"
    path.write_text(proposal.text, "utf-8")
    return path


def provider_of(case: Case, source: Path | ModuleType, server: Server, secret: str = SECRET) -> Provider:
    environment = ENVIRONMENTS.get(case.file, None if case.file == "api_key.yaml" else "production")
    arguments: dict[str, Any] = {**case.arguments, "environment": environment}
    if "private_key" not in arguments:
        arguments["client_secret"] = secret
    elif secret != SECRET:
        arguments["private_key"] = pem("ES256", 1)
    return SpecProvider(source, client_id=ID, base_url=server.base_url, **arguments)


def behave(server: Server, case: Case) -> None:
    """Make the server respond as the document of the case says."""

    def reply(seen: Seen) -> Reply:
        if (seen.method, urlsplit(seen.path).path) != ("POST", case.path):
            return Reply({}, 404)
        basic = f"Basic {b64encode(f'{ID}:{SECRET}'.encode()).decode()}" if case.basic else None
        wanted = {"Content-Type": case.media_type or None, "Authorization": basic, **case.headers}
        right = fields(seen) == case.body and all(seen.headers.get(name) == value for name, value in wanted.items())
        return case.granted if right else case.rejected

    server.reply = reply


def fields(seen: Seen) -> dict[str, Any]:
    """The fields of a body; a valid assertion reads as ``signed``."""
    if seen.headers.get("Content-Type") == JSON:
        return dict(json.loads(seen.body))
    found = dict(parse_qsl(seen.body.decode()))
    if "client_assertion" in found:
        with suppress(jwt.InvalidTokenError):
            options: Any = {"verify_aud": False}
            jwt.decode(found["client_assertion"], public_pem("ES256"), ["ES256"], options)
            found["client_assertion"] = "signed"
    return found


def spec_of(file: str) -> Any:
    return yaml.safe_load(propose(FOLDER / file).text)


def changed(file: str, tmp_path: Path, change: Callable[[Any], object]) -> Proposal:
    """The draft of a changed document."""
    ((document,), _) = _source.read(FOLDER / file)
    change(document)
    path = tmp_path / "changed.json"
    path.write_text(json.dumps(document))
    return propose(path)


def decisions_at(proposal: Proposal, place: str) -> str:
    """The decisions about a place."""
    return "\n".join(line for line in proposal.decisions if line.startswith(f"{place}: "))


@each_case
def test_a_draft_is_normalized_and_gets_a_token_from_a_server_like_the_documented_one(
    case: Case, server: Server, tmp_path: Path
) -> None:
    path = write(propose(FOLDER / case.file), tmp_path)
    assert lint(path) == []
    behave(server, case)
    token = ask(provider_of(case, path, server))
    assert token.access_token == "the-token"
    assert (token.expires_at is not None) == case.lifetime
    with pytest.raises(InvalidClient):
        ask(provider_of(case, path, server, "another-secret"))


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The packages generated from all drafts."""
    folder = tmp_path_factory.mktemp("packages")
    proposals = [propose(FOLDER / case.file) for case in CASES]
    drafts = {each.name: write(each, tmp_path_factory.mktemp("drafts")) for each in proposals}
    write_packages({name: read_spec(path) for name, path in drafts.items()}, folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "path", [str(folder), *sys.path])
        yield folder


@each_case
def test_a_package_generated_from_a_draft_has_a_model_for_the_response(
    case: Case, server: Server, packages: Path
) -> None:
    package = import_module(propose(FOLDER / case.file).name)
    behave(server, case)
    token = ask(provider_of(case, package, server))
    assert type(token.response).__module__.startswith(package.__name__)
    assert token.response.to_dict() == case.granted.document


# Proposals


def test_a_draft_contains_the_token_operation_only() -> None:
    spec = spec_of("among_thirty.yaml")
    assert [*spec["paths"]] == ["/oauth/token"]
    assert [*spec["components"]["schemas"]] == ["TokenRequest", "TokenResponse", "TokenError"]
    assert spec["components"]["schemas"]["TokenResponse"].get("required") is None


def test_a_draft_keeps_required_request_fields_and_points_to_the_response_fields() -> None:
    spec = spec_of("among_thirty.yaml")
    assert spec["components"]["schemas"]["TokenRequest"]["required"] == [*IN_BODY, "audience"]
    assert spec["x-token-endpoint"]["response"] == {
        "access_token": ["/access_token"],
        "token_type": ["/token_type"],
        "scope": ["/scope"],
        "lifetime": [{"at": "/expires_in", "unit": "seconds"}],
    }
    request = spec_of("camel_case.yaml")["components"]["schemas"]["TokenRequest"]
    assert request["required"] == ["auth"]
    assert request["properties"]["auth"]["required"] == ["clientId", "clientSecret"]


def test_a_success_flag_becomes_a_condition_and_a_decision() -> None:
    proposal = propose(FOLDER / "camel_case.yaml")
    assert yaml.safe_load(proposal.text)["x-token-endpoint"]["success"] == {"at": "/success", "equals": True}
    assert "in no other?" in decisions_at(proposal, "/x-token-endpoint/success")


def test_the_text_begins_with_the_decisions_and_gives_the_date_of_reading() -> None:
    days = {datetime.now(UTC).date().isoformat()}
    proposal = propose(FOLDER / "basic.json")
    days.add(datetime.now(UTC).date().isoformat())  # midnight may pass
    comments = [line[4:] for line in proposal.text.splitlines() if line.startswith("# - ")]
    assert tuple(comments) == proposal.decisions
    (source,) = yaml.safe_load(proposal.text)["x-provenance"]["sources"]
    assert source["url"] == "https://example.com/basic.json"
    assert source["read"] in days
    assert "basic.json" in decisions_at(proposal, "/x-provenance/sources/0/url")


def test_servers_become_environments_and_doubtful_ones_are_decisions() -> None:
    proposal = propose(FOLDER / "camel_case.yaml")
    assert yaml.safe_load(proposal.text)["servers"] == [
        {"url": "https://demo.lumen.internal/api", "description": "Demo", "x-environment": "demo"}
    ]
    assert "http://localhost:8080" in decisions_at(proposal, "/servers")
    assert "was plain http" in decisions_at(proposal, "/servers")
    assert "'eu'" in decisions_at(propose(FOLDER / "basic.json"), "/servers")


def test_unnamed_environments_get_names_and_each_is_a_decision(tmp_path: Path) -> None:
    urls = ["https://a.internal", "https://b.internal", "https://b.internal/", "https://api-test.c.internal"]
    servers = [*({"url": url} for url in urls), {"url": "https://d-uat.internal", "description": "A test by users"}]
    proposal = changed("page.md", tmp_path, lambda document: document.update(servers=servers))
    servers = yaml.safe_load(proposal.text)["servers"]
    assert {each["x-environment"]: each["url"] for each in servers} == {
        "production": urls[0],
        "production_2": urls[1],
        "test": urls[3],
        "uat": "https://d-uat.internal",
    }
    assert decisions_at(proposal, "/servers").count("is not documented; is it") == 2


def test_each_server_is_a_decision_even_with_a_clear_name(tmp_path: Path) -> None:
    urls = [f"https://{name}.brook.internal" for name in ("sandbox", "live", "api")]
    described = {"url": "https://d.brook.internal", "description": "UAT"}
    servers = [*({"url": url} for url in urls), described]
    proposal = changed("page.md", tmp_path, lambda document: document.update(servers=servers))
    assert [each["url"] for each in yaml.safe_load(proposal.text)["servers"]] == [each["url"] for each in servers]
    assert all(each["url"] in decisions_at(proposal, "/servers") for each in servers)


def test_servers_beyond_the_limit_are_left_out_and_a_decision_says_so(tmp_path: Path) -> None:
    servers = [{"url": f"https://s{number}.brook.internal"} for number in range(51)]
    proposal = changed("page.md", tmp_path, lambda document: document.update(servers=servers))
    assert len(yaml.safe_load(proposal.text)["servers"]) == 50
    assert "the first 50 of 51 servers were taken" in decisions_at(proposal, "/servers")


@pytest.mark.parametrize(
    ("url", "elsewhere"),
    [
        ("https://live.elsewhere.internal/token", True),
        ("//live.elsewhere.internal/token", True),
        ("https://ORCHARD.example/token", False),
        ("/token", False),
    ],
)
def test_a_token_url_on_another_host_than_the_servers_is_a_decision(
    url: str, tmp_path: Path, *, elsewhere: bool
) -> None:
    def change(document: Any) -> None:
        document["components"]["securitySchemes"]["machine"]["flows"]["clientCredentials"]["tokenUrl"] = url

    asked = "live.elsewhere.internal', the servers are uat.orchard.internal, orchard.internal: may the secret go there?"
    lines = decisions_at(changed("relative_flow.yaml", tmp_path, change), "/servers")
    assert (asked in lines) == elsewhere
    assert ("may the secret go there" in lines) == elsewhere


def test_many_decisions_do_not_hide_those_about_the_secret(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        operation = operation_of(document)
        operation["security"] = []
        properties = operation["requestBody"]["content"][FORM]["schema"]["properties"]
        properties |= {f"f{number}": {"$ref": f"other.yaml#/{number}"} for number in range(120)}
        document["components"].pop("securitySchemes")

    proposal = changed("page.md", tmp_path, change)
    *decisions, last = proposal.decisions
    places = list(dict.fromkeys(line.split(": ")[0] for line in decisions))
    assert places[:3] == ["/x-token-endpoint/client_authentication", "/x-token-endpoint/token_use", "/servers"]
    others = [line for line in decisions if not line.startswith(tuple(f"{place}: " for place in places[:3]))]
    assert len(others) == 100
    assert re.fullmatch("and 1[0-9]{2} more", last)
    assert f"# - {last}\n" in proposal.text


def test_many_flows_and_variables_do_not_hide_a_server(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        for number in range(40):
            flow: Any = {"tokenUrl": f"https://f{number}.internal/oauth/token", "scopes": {}}
            schemes = document["components"]["securitySchemes"]
            schemes[f"flow{number}"] = {"type": "oauth2", "flows": {"clientCredentials": flow}}
        document["servers"].append({"url": "https://{a}{b}{c}{d}{e}{f}.brook.internal"})

    lines = decisions_at(changed("page.md", tmp_path, change), "/servers")
    assert "https://f4.internal/oauth/token and 35 more; is its host one of these servers?" in lines
    assert lines.count("the variable") == 5
    assert len(lines.splitlines()) < 12


def test_decisions_about_the_document_come_last(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["components"]["schemas"]["Granted"]["properties"]["extra"] = {"$ref": "other.yaml"}

    decisions = changed("page.md", tmp_path, change).decisions
    assert decisions[-1].startswith("upstream ")
    assert not any(line.startswith(("upstream ", "and ")) for line in decisions[:-1])


def test_a_flow_gives_host_path_and_scopes() -> None:
    proposal = propose(FOLDER / "application_flow.json")
    spec = yaml.safe_load(proposal.text)
    assert spec["servers"][0]["url"] == "https://login.northwind-parcel.internal"
    assert "parcels:read, parcels:write" in decisions_at(proposal, "/x-token-endpoint/parameters/scope")
    assert "RFC 6749 section 2.3.1" in decisions_at(proposal, "/x-token-endpoint/client_authentication")


def test_a_relative_token_url_is_joined_to_each_server() -> None:
    spec = spec_of("relative_flow.yaml")
    assert [each["url"] for each in spec["servers"]] == ["https://uat.orchard.internal", "https://orchard.internal"]


def test_a_relative_token_url_without_a_slash_is_resolved_by_rfc_3986(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["servers"].append({"url": "https://other.internal/a/b/c"})
        flows = document["components"]["securitySchemes"]["machine"]["flows"]
        flows["clientCredentials"]["tokenUrl"] = "connect?x=1"

    proposal = changed("relative_flow.yaml", tmp_path, change)
    spec = yaml.safe_load(proposal.text)
    assert [*spec["paths"]] == ["/lending/connect"]
    assert len(spec["servers"]) == 2
    assert "/a/b/connect" in decisions_at(proposal, "/servers")
    assert "were left out" in decisions_at(proposal, "/paths")
    assert "RFC 3986" in decisions_at(proposal, "/paths")


def test_a_flow_with_the_url_of_an_operation_adds_its_scopes(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        flow = {"tokenUrl": "https://auth.elsewhere.internal/oauth/token", "scopes": {"pay": "Pay"}}
        document["components"]["securitySchemes"]["flow"] = {"type": "oauth2", "flows": {"clientCredentials": flow}}

    proposal = changed("among_thirty.yaml", tmp_path, change)
    assert "known scopes: pay" in decisions_at(proposal, "/x-token-endpoint/parameters/scope")
    assert "auth.elsewhere.internal" in decisions_at(proposal, "/servers")
    assert "other candidates" not in "\n".join(proposal.decisions)


def test_the_likeliest_of_several_operations_is_taken_and_a_decision_names_the_others(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        token = copy.deepcopy(document["paths"]["/oauth2/token"])
        token["post"]["requestBody"]["content"] = {"application/json": {"schema": {}}}
        document["paths"] = {"/login": token, **document["paths"], "/token/revoke": token}

    proposal = changed("basic.json", tmp_path, change)
    assert [*yaml.safe_load(proposal.text)["paths"]] == ["/oauth2/token"]
    assert "other candidates: POST /login; --operation" in decisions_at(proposal, "/paths")
    assert "revoke" not in decisions_at(proposal, "/paths")


def test_documented_examples_are_kept_without_their_secrets() -> None:
    content = spec_of("among_thirty.yaml")["paths"]["/oauth/token"]["post"]["responses"]["200"]["content"]
    assert content["application/json"]["examples"] == {
        "granted": {"value": {"access_token": "example-access-token", "expires_in": 900, "token_type": "Bearer"}}
    }


def test_missing_examples_are_made_up_and_a_decision_says_so() -> None:
    proposal = propose(FOLDER / "page_in_json.md")
    place = "/paths/~1oauth~1token/post/responses"
    assert "made up" in decisions_at(proposal, f"{place}/200")
    assert "made up" in decisions_at(proposal, f"{place}/403")
    assert "always" in decisions_at(proposal, "/x-token-endpoint/invalid_client")
    errors = yaml.safe_load(proposal.text)["components"]["schemas"]["TokenError"]["properties"]
    assert [*errors] == ["error", "error_description"]
    assert "no field is documented" in decisions_at(proposal, "/components/schemas/TokenError")
    missing = propose(FOLDER / "basic.json")
    assert "no response to wrong credentials" in decisions_at(missing, "/paths/~1oauth2~1token/post/responses/401")


def test_a_made_up_error_response_has_the_code_of_the_condition() -> None:
    spec = spec_of("among_thirty.yaml")
    example = operation_of(spec)["responses"]["401"]["content"][JSON]["examples"]["wrong_credentials"]["value"]
    assert example == {"error": "invalid_client", "error_description": "example-error-description"}
    assert spec["x-token-endpoint"]["invalid_client"] == [{"status": 401}, {"at": "/error", "equals": "invalid_client"}]


def test_an_example_of_listed_errors_without_their_code_gets_the_code(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        code = {"type": "string", "enum": ["invalid_client"]}
        each = {"type": "object", "properties": {"code": code, "message": {"type": "string"}}}
        schema = {"type": "object", "properties": {"errors": {"type": "array", "items": each}}}
        content = {JSON: {"schema": schema, "example": {"errors": [{"message": "The client is unknown."}]}}}
        document["paths"]["/oauth/token"]["post"]["responses"] |= {
            "401": {"description": "Refused.", "content": content}
        }

    spec = yaml.safe_load(changed("page.md", tmp_path, change).text)
    example = operation_of(spec)["responses"]["401"]["content"][JSON]["examples"]["wrong_credentials"]["value"]
    assert example == {"errors": [{"message": "The client is unknown.", "code": "invalid_client"}]}


def test_the_example_of_a_token_response_does_not_meet_the_error_condition(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["components"]["schemas"]["Granted"]["properties"]["error"] = {"example": "invalid_client"}

    proposal = changed("page.md", tmp_path, change)
    assert lint(write(proposal, tmp_path)) == []


def test_parameters_of_the_path_item_are_enough_for_an_operation(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        names = ("grant_type", "client_id", "client_secret")
        declared: list[Any] = [{"name": name, "in": "query", "required": True, "schema": {}} for name in names]
        document["paths"] = {"/oauth/token": {"post": {}, "parameters": declared}}

    proposal = changed("basic.json", tmp_path, change)
    assert lint(write(proposal, tmp_path)) == []
    assert credentials(proposal) == [{"method": "query"}]


def test_a_documented_error_code_becomes_the_condition() -> None:
    spec = spec_of("form_data.yaml")
    conditions = [{"status": 401}, {"at": "/error", "equals": "unauthorized_client"}]
    assert spec["x-token-endpoint"]["invalid_client"] == conditions


@pytest.mark.parametrize(
    ("name", "schema", "lifetime"),
    [
        ("expires_in", {"type": "string"}, {"at": "/expires_in", "unit": "seconds"}),
        ("expires_at", {"type": "integer"}, {"at": "/expires_at", "unit": "epoch"}),
        (
            "expiresAt",
            {"type": "integer", "example": 1700000000000},
            {"at": "/expiresAt", "unit": "epoch_milliseconds"},
        ),
        ("expiry", {"type": "string"}, {"at": "/expiry", "unit": "moment"}),
        ("validUntil", {"type": "integer", "format": "date-time"}, {"at": "/validUntil", "unit": "moment"}),
        ("expiration", {"type": "integer", "example": 3600}, {"at": "/expiration", "unit": "seconds"}),
        ("expires_in_ms", {"type": "integer"}, {"at": "/expires_in_ms", "unit": "milliseconds"}),
        ("lease_duration", {"type": "string"}, {"at": "/lease_duration", "unit": "seconds"}),
        ("other", {"type": "integer"}, None),
    ],
)
def test_the_unit_of_a_lifetime_follows_from_name_type_and_example(
    name: str, schema: Any, lifetime: Any, tmp_path: Path
) -> None:
    def change(document: Any) -> None:
        document["components"]["schemas"]["Granted"]["properties"] = {
            "access_token": {"type": "string"},
            "refresh_expires_in": {"type": "integer"},
            name: schema,
        }

    proposal = changed("page.md", tmp_path, change)
    fields = yaml.safe_load(proposal.text)["x-token-endpoint"]["response"]
    assert fields.get("lifetime") == (lifetime and [lifetime])
    assert lint(write(proposal, tmp_path)) == []
    assert bool(decisions_at(proposal, "/x-token-endpoint/response/lifetime")) == (name != "expires_in")


def test_the_lifetime_of_a_jwt_is_its_exp_claim() -> None:
    proposal = propose(FOLDER / "api_key.yaml")
    fields = yaml.safe_load(proposal.text)["x-token-endpoint"]["response"]
    assert fields["lifetime"] == [{"at": "/token", "unit": "jwt_exp"}]
    assert "JWT" in decisions_at(proposal, "/x-token-endpoint/response/lifetime")


def formats(proposal: Proposal) -> dict[str, str | None]:
    """The format of each part of the request, objects apart."""
    spec = yaml.safe_load(proposal.text)
    parameters = {each["name"]: each["schema"] for each in operation_of(spec).get("parameters", ())}
    return {name: each.get("format") for name, each in (parameters | body_of(spec)).items()}


def body_of(spec: Any) -> Any:
    return spec["components"]["schemas"]["TokenRequest"]["properties"]


def test_fields_that_are_secret_by_schema_scheme_or_name_are_hidden(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        operation = operation_of(document)
        names = ("api_key", "passcode", "x-functions-key", "tenant", "number")
        properties = operation["requestBody"]["content"][FORM]["schema"]["properties"]
        properties |= {name: {"type": "string"} for name in names}
        properties["number"]["format"] = "password"
        keys = {"Plan": {"type": "apiKey", "in": "header", "name": "X-Plan"}}
        keys["Shelf"] = {"type": "apiKey", "in": "query", "name": "shelf"}
        document["components"]["securitySchemes"] |= keys
        operation["security"] = [{"Basic": [], "Plan": []}]
        operation["parameters"] = [{"name": "shelf", "in": "query", "schema": {"type": "string"}}]

    proposal = changed("page.md", tmp_path, change)
    assert lint(write(proposal, tmp_path)) == []
    assert formats(proposal) == {
        "grant_type": None,
        "tenant": None,
        **dict.fromkeys(("api_key", "passcode", "x-functions-key", "number", "X-Plan", "shelf"), "password"),
    }


def test_a_field_within_a_secret_object_is_hidden(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        auth: Any = {"type": "object", "properties": {"value": {"type": "string"}}}
        schema = operation_of(document)["requestBody"]["content"]
        schema[JSON] = {"schema": {"type": "object", "properties": {"api_key": auth}}}
        del schema[FORM]

    spec = yaml.safe_load(changed("page.md", tmp_path, change).text)
    assert body_of(spec)["api_key"]["properties"]["value"]["format"] == "password"


def test_the_example_of_a_documented_secret_is_not_kept(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        properties = document["components"]["schemas"]["Granted"]["properties"]
        properties["number"] = {"type": "string", "format": "password", "example": "hush-hush"}

    proposal = changed("page.md", tmp_path, change)
    assert "hush-hush" not in proposal.text


def test_each_argument_has_a_unique_python_name(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        for name in ("environment", "class", "2nd", "-"):
            parameter = {"name": name, "in": "query", "required": True, "schema": {"type": "string"}}
            document["paths"]["/oauth2/token"]["post"].setdefault("parameters", []).append(parameter)

    proposal = changed("basic.json", tmp_path, change)
    parameters = yaml.safe_load(proposal.text)["x-token-endpoint"]["parameters"]
    names = {name: each.get("argument") for name, each in parameters.items()}
    assert lint(write(proposal, tmp_path)) == []
    assert names == {
        "environment": "query_environment",
        "class": "query_class",
        "2nd": "query_2nd",
        "-": "query",
        "grant_type": None,
        "scope": "scope",
    }


def test_required_parts_that_a_spec_cannot_fill_are_left_out_and_a_decision_says_so(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        operation = document["paths"]["/oauth2/token"]["post"]
        operation["parameters"] = [{"name": "X Y", "in": "header", "required": True, "schema": {"type": "string"}}]
        schema = operation["requestBody"]["content"]["application/x-www-form-urlencoded"]["schema"]
        schema["required"].append("audiences")
        schema["properties"]["audiences"] = {"type": "array", "items": {"type": "string"}}

    proposal = changed("basic.json", tmp_path, change)
    assert lint(write(proposal, tmp_path)) == []
    assert "audiences is required" in decisions_at(proposal, "/components/schemas/TokenRequest")
    assert "left out" in decisions_at(proposal, "upstream /paths/~1oauth2~1token/post/parameters/0")


def credentials(proposal: Proposal) -> Any:
    return yaml.safe_load(proposal.text)["x-token-endpoint"]["client_authentication"]


def operation_of(document: Any) -> Any:
    """The only operation of a document."""
    ((item,),) = [document["paths"].values()]
    return item["post"]


def test_body_and_security_of_swagger_2_are_read(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        operation = document["paths"]["/connect/token"]["post"]
        del operation["consumes"]
        schema = {"type": "object", "properties": {"grant_type": {"type": "string"}, "kind": {"enum": ["a", "b"]}}}
        operation["parameters"] = [{"name": "body", "in": "body", "schema": schema}]
        operation["security"] = [{"client": [], "tenant": []}]
        tenant = {"type": "apiKey", "in": "header", "name": "X-Tenant"}
        document["securityDefinitions"] = {"client": {"type": "basic"}, "tenant": tenant}

    proposal = changed("form_data.yaml", tmp_path, change)
    spec = yaml.safe_load(proposal.text)
    assert lint(write(proposal, tmp_path)) == []
    assert credentials(proposal) == [{"method": "client_secret_basic"}]
    assert decisions_at(proposal, "/x-token-endpoint/client_authentication") == ""
    assert [*spec["paths"]["/connect/token"]["post"]["requestBody"]["content"]] == [JSON]
    assert spec["components"]["schemas"]["TokenRequest"]["properties"]["kind"]["enum"] == ["a", "b"]
    assert spec["x-token-endpoint"]["parameters"]["X-Tenant"] == {"argument": "x_tenant"}
    assert "'client_credentials' is sent" in decisions_at(proposal, "/x-token-endpoint/parameters/grant_type")


def test_required_credential_fields_are_preferred_to_basic(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        schema = operation_of(document)["requestBody"]["content"][FORM]["schema"]
        schema["properties"] |= {"client_id": {"type": "string"}, "client_secret": {"type": "string"}}
        schema["required"] = ["client_id", "client_secret"]

    proposal = changed("page.md", tmp_path, change)
    assert lint(write(proposal, tmp_path)) == []
    assert credentials(proposal) == [{"method": "client_secret_post"}]
    assert "HTTP Basic is documented, too" in decisions_at(proposal, "/x-token-endpoint/client_authentication")


def test_optional_credential_fields_are_an_alternative_to_basic(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        schema = operation_of(document)["requestBody"]["content"][FORM]["schema"]
        schema["properties"] |= {"client_id": {"type": "string"}, "client_secret": {"type": "string"}}
        schema["required"] = ["client_id"]

    proposal = changed("page.md", tmp_path, change)
    assert lint(write(proposal, tmp_path)) == []
    assert [each["method"] for each in credentials(proposal)] == ["client_secret_basic", "client_secret_post"]


def test_an_authorization_header_that_mentions_basic_means_basic(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        header = {"name": "Authorization", "in": "header", "required": True, "description": "Basic and so on"}
        operation_of(document).update(security=[], parameters=[{**header, "schema": {"type": "string"}}])

    proposal = changed("page.md", tmp_path, change)
    assert credentials(proposal) == [{"method": "client_secret_basic"}]
    assert decisions_at(proposal, "/x-token-endpoint/client_authentication") == ""


def test_undocumented_credentials_are_a_decision(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        operation_of(document)["security"] = []

    proposal = changed("page.md", tmp_path, change)
    assert credentials(proposal) == [{"method": "client_secret_basic"}]
    assert "does not say how the secret is sent" in decisions_at(proposal, "/x-token-endpoint/client_authentication")


def test_fields_of_other_grants_are_left_out(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        schema = operation_of(document)["requestBody"]["content"][FORM]["schema"]
        schema["properties"] |= {"code": {"type": "string"}, "client_assertion": {"type": "string"}}
        schema["properties"]["grant_type"] = {"type": "string", "enum": ["authorization_code", "client_credentials"]}

    schemas = yaml.safe_load(changed("page.md", tmp_path, change).text)["components"]["schemas"]
    assert [*schemas["TokenRequest"]["properties"]] == ["grant_type"]
    assert schemas["TokenRequest"]["properties"]["grant_type"]["const"] == "client_credentials"


def test_a_token_with_an_unknown_name_is_a_decision(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["components"]["schemas"]["Granted"]["properties"] = {"bearer": {"type": "string"}}

    proposal = changed("page.md", tmp_path, change)
    assert "contains no token endpoint" not in proposal.text
    assert "access_token?" in decisions_at(proposal, "/x-token-endpoint/response/access_token")
    assert lint(write(proposal, tmp_path)) == []


def test_an_incomplete_example_is_completed(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        responses = operation_of(document)["responses"]
        responses["200"]["content"][JSON]["example"] = {"expiresIn": 5, "tokenType": 7}
        responses["401"]["content"][JSON]["example"] = {"other": True}

    proposal = changed("page.md", tmp_path, change)
    responses = operation_of(yaml.safe_load(proposal.text))["responses"]
    examples = {status: each["content"][JSON]["examples"] for status, each in responses.items()}
    assert lint(write(proposal, tmp_path)) == []
    assert examples["200"]["granted"]["value"] == {
        "accessToken": "example-access-token",
        "expiresIn": 5,
        "tokenType": "Bearer",
    }
    assert examples["401"]["wrong_credentials"]["value"] == {"error": "invalid_client"}


def test_a_response_without_a_schema_is_read_from_its_example(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        responses = operation_of(document)["responses"]
        granted = {"data": [{"a": 1.5, "b": None, "to_dict": 1}], "jwt": "eyJ", "ttl": 60, "on": True, "none": []}
        responses["200"]["content"][JSON] = {"example": granted}
        responses["401"]["content"][JSON] = {"schema": {"type": "object"}, "example": {"message": "No", "code": 7}}

    proposal = changed("page.md", tmp_path, change)
    spec = yaml.safe_load(proposal.text)
    fields = spec["components"]["schemas"]["TokenResponse"]["properties"]
    assert lint(write(proposal, tmp_path)) == []
    assert {name: each["type"] for name, each in fields.items()} == {
        "data": "array",
        "jwt": "string",
        "ttl": "integer",
        "on": "boolean",
        "none": "array",
    }
    assert [*fields["data"]["items"]["properties"]] == ["a"]
    assert spec["x-token-endpoint"]["response"]["access_token"] == ["/jwt"]
    assert spec["x-token-endpoint"]["error"]["description"] == ["/message"]


def test_the_first_of_contradicting_schemas_counts(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        properties = document["components"]["schemas"]["Granted"]["properties"]
        properties["extra"] = {"type": "boolean", "allOf": [{"type": "object", "properties": {"a": {}}}]}
        properties["flag"] = {"enum": [True]}
        properties["described"] = {
            "allOf": [{"type": "array", "items": {"type": "number"}, "description": "Described."}]
        }
        properties["open"] = {"oneOf": [{"type": "null"}, {"type": "integer"}, {"type": "string"}]}

    proposal = changed("page.md", tmp_path, change)
    properties = yaml.safe_load(proposal.text)["components"]["schemas"]["TokenResponse"]["properties"]
    assert lint(write(proposal, tmp_path)) == []
    assert [properties[name]["type"] for name in ("extra", "flag", "open")] == ["boolean", "boolean", "integer"]
    items = {"type": "number", "description": "The described item."}
    assert properties["described"] == {"type": "array", "description": "Described.", "items": items}
    assert "one of 2 alternatives was taken" in "\n".join(proposal.decisions)


def test_a_date_is_read_as_a_string_and_aliases_are_followed(tmp_path: Path) -> None:
    path = tmp_path / "document.yaml"
    document = "openapi: 3.0.0\ninfo: {title: Dated, version: 2026-99-99}\nx: &url https://a.internal/token\n"
    flow = "{clientCredentials: {tokenUrl: *url, scopes: {}}}"
    path.write_text(f"{document}components: {{securitySchemes: {{a: {{type: oauth2, flows: {flow}}}}}}}\n")
    spec = yaml.safe_load(propose(path).text)
    assert spec["info"]["version"] == "2026-99-99"
    assert spec["servers"][0]["url"] == "https://a.internal"


@pytest.mark.parametrize("url", ["http://[", "//[", "https://[/token"])
def test_invalid_urls_are_left_out(url: str, tmp_path: Path) -> None:
    proposal = changed("page.md", tmp_path, lambda document: document.update(servers=[{"url": url}]))
    assert "servers" not in yaml.safe_load(proposal.text)
    assert "no usable server is documented" in decisions_at(proposal, "/servers")

    def change(document: Any) -> None:
        document["components"]["securitySchemes"]["machine"]["flows"]["clientCredentials"]["tokenUrl"] = url

    with pytest.raises(ConfigurationError, match="the path of"):
        changed("relative_flow.yaml", tmp_path, change)


def test_a_server_url_with_dot_segments_is_left_out(tmp_path: Path) -> None:
    servers = [{"url": "https://a.internal/../b"}, {"url": "https://c.internal/.well-known"}]
    proposal = changed("page.md", tmp_path, lambda document: document.update(servers=servers))
    assert [each["url"] for each in yaml.safe_load(proposal.text)["servers"]] == ["https://c.internal/.well-known"]
    assert "'https://a.internal/../b' is not the https URL of a provider" in decisions_at(proposal, "/servers")


def test_a_missing_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("documents", "_source"):
        monkeypatch.delitem(sys.modules, f"paygrant.propose.{module}")
    monkeypatch.setitem(sys.modules, "markdown_it", None)
    with pytest.raises(ImportError, match=r"needs markdown_it; to get it: pip install \"paygrant\[generate\]\""):
        propose("x")


# Refused documents


def test_a_document_without_a_token_endpoint_is_an_error_that_says_what_is_expected() -> None:
    with pytest.raises(
        ConfigurationError, match=r"Weather; 2 operations.*grant_type.*clientCredentials flow"
    ) as caught:
        propose(FOLDER / "no_token.yaml")
    assert caught.value.argument == "source"


def test_an_operation_without_a_token_in_its_response_is_taken_with_a_decision(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        login = document["paths"].pop("/oauth2/token")
        document["paths"]["/login"] = login
        secret: Any = {"properties": {"client_id": {}, "client_secret": {}}}
        login["post"]["requestBody"]["content"] = {JSON: {"schema": secret}}
        login["post"]["responses"]["200"]["content"][JSON] = {"schema": {"properties": {"user": {}}}}

    proposal = changed("basic.json", tmp_path, change)
    assert "POST /login was taken, though it does not look like" in decisions_at(proposal, "/paths")
    assert "is it access_token?" in decisions_at(proposal, "/x-token-endpoint/response/access_token")
    assert lint(write(proposal, tmp_path)) == []


def nested(depth: int, opening: str, closing: str = "") -> str:
    return "openapi: " + opening * depth + closing * depth


ANCHORS = "a: &a [x, x, x, x, x, x, x, x, x, x]\n" + "".join(
    f"{new}: &{new} [{', '.join([f'*{old}'] * 10)}]\n" for old, new in zip("abcdefgh", "bcdefghi", strict=True)
)
MERGED = "a: &a {x: 1, y: 2}\n" + "".join(
    f"{new}: &{new} {{<<: [{', '.join([f'*{old}'] * 9)}]}}\n"
    for old, new in zip("abcdefghij", "bcdefghijk", strict=True)
)


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "no mapping"),
        ("- openapi", "no mapping"),
        ("title: x", "no mapping"),
        ("openapi: [\n\n", "line 3"),
        ("{", "contains no OpenAPI"),
        ("openapi: !!python/object/apply:os.system [x]", "a tag"),
        ("openapi: &a [*a]", "an alias refers to itself"),
        ("openapi: \x07", "contains no OpenAPI"),
        (f"openapi: 3.0.0\n{ANCHORS}", "more than 1048576 values"),
        (f"openapi: 3.0.0\n{MERGED}", "more than 1048576 values"),
        (nested(100_000, "["), "levels"),
        (nested(100_000, "- "), "levels|line 1"),
        ('{"openapi":' + "[" * 200_000, "contains no OpenAPI"),
        ('{"openapi":' + "[" * 500 + "]" * 500 + "}", "contains no OpenAPI"),
        ('{"openapi": ' + "9" * 5000 + "}", "contains no OpenAPI"),
        ("# Page\n\n```json\n{\n```\n\n```yaml\nopenapi: [\n```\n", "in line 2"),
        ("x" * (5 << 20) + "x", "larger than 5 MiB"),
        ("<html><body>Not found</body></html>", "no mapping|contains no OpenAPI"),
        ("openapi: 3.0.0\npaths: {/a: 1}\n", "contains no token endpoint"),
        ("openapi: 3.0.0\npaths: [1]\ncomponents: x\nservers: 7\n", "contains no token endpoint"),
        ("swagger: 2\npaths: {/a: {post: 1, get: {parameters: {}}}}\nschemes: 5\n", "contains no token endpoint"),
    ],
)
def test_an_invalid_document_is_one_clear_error(text: str, fault: str, tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_text(text, "utf-8")
    with pytest.raises(ConfigurationError, match=fault):
        propose(path)


@pytest.mark.parametrize("source", [7, "", "\0", "no/such/file.yaml", "tests", b"x"])
def test_an_invalid_source_is_one_clear_error(source: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^source: "):
        propose(source)


def test_bytes_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "document"
    path.write_bytes(b"openapi: \xff")
    with pytest.raises(ConfigurationError, match=r"UTF-8 at byte 9"):
        propose(path)


def test_operations_beyond_the_limit_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "document.json"
    path.write_text(json.dumps({"openapi": "3.0.0", "paths": {f"/{number}": {"get": {}} for number in range(5001)}}))
    with pytest.raises(ConfigurationError, match="more than 5000 operations"):
        propose(path)


@pytest.mark.parametrize(
    "reference", ["other.yaml#/Granted", "https://evil.internal/x", "#", "#Granted", "#/nothing", "#/a/" + "9" * 5000]
)
def test_an_unresolvable_reference_is_a_decision_with_its_place(reference: str, tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["a"] = []
        document["components"]["schemas"]["Granted"]["properties"]["extra"] = {"$ref": reference}

    proposal = changed("page.md", tmp_path, change)
    assert "was not followed" in decisions_at(proposal, "upstream /components/schemas/Granted/properties/extra")
    assert lint(write(proposal, tmp_path)) == []


@pytest.mark.parametrize(
    "schema",
    [
        {"$ref": "#/components/schemas/Granted"},
        {"allOf": [{"$ref": "#/components/schemas/Granted"}] * 3},
        {"oneOf": [{"$ref": "#/components/schemas/Granted"}] * 3},
        {"type": "array", "items": {"$ref": "#/components/schemas/Granted"}},
        {"properties": {name: {"$ref": "#/components/schemas/Wide"} for name in "abcdefgh"}},
    ],
)
def test_an_endless_schema_is_cut_off(schema: Any, tmp_path: Path) -> None:
    def change(document: Any) -> None:
        schemas = document["components"]["schemas"]
        schemas["Granted"]["properties"]["extra"] = schema
        for number in range(20):
            name = "Wide" if number == 0 else f"Wide{number}"
            inner = {"$ref": f"#/components/schemas/Wide{number + 1}"}
            schemas[name] = {"properties": dict.fromkeys("abcdefgh", inner)}

    proposal = changed("page.md", tmp_path, change)
    assert any("was cut off here" in line for line in proposal.decisions)
    assert lint(write(proposal, tmp_path)) == []


def test_circular_references_are_read_as_empty(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        schemas = document["components"]["schemas"]
        schemas |= {"One": {"$ref": "#/components/schemas/Two"}, "Two": {"$ref": "#/components/schemas/One"}}
        schemas["Granted"]["properties"]["extra"] = {"$ref": "#/components/schemas/One"}

    proposal = changed("page.md", tmp_path, change)
    assert any("form a circle" in line for line in proposal.decisions)
    assert lint(write(proposal, tmp_path)) == []


def test_control_characters_of_the_document_reach_neither_draft_nor_decisions(tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["info"]["title"] = "Evil\x1b[2J\u202e\nAPI"
        document["servers"][0] = {"url": "https://x.internal/\x1b[2J"}
        document["components"]["schemas"]["Granted"]["properties"]["\x1b[2J"] = {"description": "a\nb: # c"}

    proposal = changed("page.md", tmp_path, change)
    assert proposal.name == "evil_2j"
    assert "generated code cannot have its name" in "\n".join(proposal.decisions)
    assert all(line.isprintable() for line in proposal.text.splitlines())
    assert lint(write(proposal, tmp_path)) == []


@pytest.mark.parametrize("path", ["/oauth/token\n# x", "/../token", "/%2e/token", "//evil.internal/token"])
def test_a_path_that_cannot_be_in_a_url_is_refused(path: str, tmp_path: Path) -> None:
    def change(document: Any) -> None:
        document["paths"] = {path: document["paths"]["/oauth/token"]}

    with pytest.raises(ConfigurationError, match="expected a path that a URL can have"):
        changed("page.md", tmp_path, change)


@pytest.mark.parametrize(
    "title", ["Client", "self", "Token Error", "environment", "exception", "3 Self", "\u65e5\u672c"]
)
def test_a_title_that_is_taken_as_a_class_name_gives_a_normalized_draft(title: str, tmp_path: Path) -> None:
    proposal = changed("page.md", tmp_path, lambda document: document["info"].update(title=title))
    assert [each for each in lint(write(proposal, tmp_path)) if not each.warning] == []


# Addresses


def test_a_page_is_fetched_with_its_query_and_the_draft_omits_the_query(server: Server) -> None:
    server.reply = Reply((FOLDER / "page.md").read_bytes())
    proposal = propose(f"{server.base_url}/auth/page.md?key=hush-hush")
    assert proposal.name == "brook"
    assert server.seen[0].path == "/auth/page.md?key=hush-hush"
    assert "hush" not in proposal.text


@pytest.mark.parametrize("file", ["api_key.yaml", "relative_flow.yaml"])
@pytest.mark.parametrize("servers", [None, [], [{"url": "/api"}], [{"url": "/"}, {"url": "../v1"}]])
def test_the_host_of_the_document_does_not_become_a_server(file: str, servers: Any) -> None:
    ((document,), _) = _source.read(FOLDER / file)
    document["servers"] = servers
    address = "https://sandbox.copies.internal/kite/openapi.yaml"
    proposal = Proposal(*_assemble.assemble(best_candidate([document]), address))
    spec = yaml.safe_load(proposal.text)
    assert "servers" not in spec
    assert "each caller must pass base_url; sandbox.copies.internal has the document" in decisions_at(
        proposal, "/servers"
    )
    relative = ["/token"] if "flow" in file else [each["url"] for each in servers or ()]
    assert all(
        f"{url}' is relative to the document's address" in decisions_at(proposal, "/servers") for url in relative
    )
    assert spec["x-provenance"]["sources"][0]["url"] == address


def test_only_a_redirect_on_the_same_host_is_followed(server: Server) -> None:
    document = Reply((FOLDER / "basic.json").read_bytes())
    replies = {"/old": Reply({}, 302, {"Location": "/new"}), "/new": document}
    server.reply = lambda seen: replies[seen.path]
    assert propose(f"{server.base_url}/old").name == "fjord_bank"
    with serve() as other:
        replies["/old"] = Reply({}, 302, {"Location": f"{other.base_url}/new"})
        with pytest.raises(ConfigurationError, match="another host"):
            propose(f"{server.base_url}/old")
        assert other.seen == []
    replies["/old"] = Reply({}, 302, {"Location": "/old"})
    with pytest.raises(ConfigurationError, match="redirects more than 5 times"):
        propose(f"{server.base_url}/old")


@pytest.mark.parametrize(
    "address",
    [
        "http://docs.internal/x",
        "ftp://127.0.0.1/x",
        "https://",
        "https://u:p@docs.internal/x",
        "https://169.254.169.254/latest/meta-data",
        "https://[fe80::1]/x",
        "http://[",
        "https://\u2025/",
    ],
)
def test_an_unsafe_address_is_not_fetched(address: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^source: ") as caught:
        propose(address)
    assert "u:p" not in str(caught.value)


def test_a_failed_fetch_is_one_clear_error(server: Server) -> None:
    server.reply = Reply({}, 404)
    with pytest.raises(ConfigurationError, match="status 404"):
        propose(server.base_url)
    with pytest.raises(ConfigurationError, match="ConnectError"):
        propose(f"http://127.0.0.1:{free_port()}/")


def test_an_endless_page_is_cut_at_the_limit() -> None:
    def pour(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
        for _ in range(1 << 14):
            connection.sendall(b"x" * (1 << 16))

    with serve_raw(pour) as url, pytest.raises(ConfigurationError, match="larger than 5 MiB"):
        propose(url)


def test_an_error_names_a_few_of_many_documents(tmp_path: Path) -> None:
    blocks = (json.dumps({"openapi": "3.1.0", "info": {"title": f"Part {number % 900}"}}) for number in range(1000))
    page = tmp_path / "page.md"
    page.write_text("\n".join(f"```json\n{each}\n```" for each in blocks), "utf-8")
    with pytest.raises(ConfigurationError, match=r"\(Part 0, Part 1, .*, Part 4 and 895 more; 0 operations") as caught:
        propose(page)
    assert len(str(caught.value)) < 1000


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_what_follows_a_packed_page_counts_to_the_limit(coding: str) -> None:
    page = (FOLDER / "basic.json").read_bytes()
    start = gzip.compress(page) if coding == "gzip" else zlib.compress(page)

    def pour(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Encoding: %b\r\n\r\n" % coding.encode() + start)
        for _ in range(1 << 14):
            connection.sendall(b"x" * (1 << 16))

    with serve_raw(pour) as url, pytest.raises(ConfigurationError, match="larger than 5 MiB"):
        propose(url)


def packed(content: bytes, *codings: Callable[[bytes], bytes]) -> bytes:
    return functools.reduce(lambda packed, pack: pack(packed), codings, content)


@pytest.mark.parametrize(
    ("coding", "pack"), [("gzip", gzip.compress), ("GZIP ", gzip.compress), ("deflate", zlib.compress)]
)
def test_a_page_that_is_packed_unasked_is_unpacked(coding: str, pack: Callable[[bytes], bytes], server: Server) -> None:
    server.reply = Reply(pack((FOLDER / "basic.json").read_bytes()), headers={"Content-Encoding": coding})
    assert propose(server.base_url).name == "fjord_bank"


@pytest.mark.parametrize(
    ("coding", "packs", "fault"),
    [
        ("gzip", [gzip.compress], "is larger than 5 MiB"),
        ("deflate", [zlib.compress], "is larger than 5 MiB"),
        ("gzip", [gzip.compress, gzip.compress], "contains no OpenAPI document|is not UTF-8"),
        ("gzip, gzip", [gzip.compress, gzip.compress], "is sent in an encoding that was not requested"),
        ("br", [bytes], "is sent in an encoding that was not requested"),
        ("zstd", [bytes], "is sent in an encoding that was not requested"),
        ("gzip", [bytes], "is damaged"),
    ],
)
def test_a_small_page_that_unpacks_to_a_large_one_is_not_unpacked_on(
    coding: str, packs: list[Callable[[bytes], bytes]], fault: str, server: Server
) -> None:
    server.reply = Reply(packed(b" " * (64 << 20), *packs)[: 1 << 20], headers={"Content-Encoding": coding})
    tracemalloc.start()
    try:
        with pytest.raises(ConfigurationError, match=fault):
            propose(server.base_url)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 32 << 20


@pytest.mark.parametrize(
    ("variable", "value"),
    [("HTTPS_PROXY", "gopher://x"), ("ALL_PROXY", "socks9://x"), ("SSL_CERT_FILE", "/nowhere.pem")],
)
def test_a_bad_proxy_or_list_of_authorities_is_one_clear_error(
    variable: str, value: str, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(variable, value)
    with pytest.raises(ConfigurationError, match=r"the environment's proxy or authorities \(\w+\)"):
        propose(server.base_url)


@pytest.mark.parametrize("start", [b"HTTP/1.1 200 ", b"HTTP/1.1 200 OK\r\nX-Drip: ", b"HTTP/1.1 200 OK\r\n\r\n"])
def test_a_slow_page_is_given_up_after_the_time_limit(start: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    def drip(connection: socket.socket) -> None:
        read_request(connection)
        connection.sendall(start)
        for _ in range(500):  # each byte arrives soon, but there are too many
            if select.select([connection], [], [], 0.01)[0]:
                return  # the client has closed the connection
            connection.sendall(b"x")

    monkeypatch.setattr(_source, "TIME_LIMIT", 0.2)
    with serve_raw(drip) as url, pytest.raises(ConfigurationError, match=r"took longer than 0\.2 s"):
        propose(url)


def test_an_address_can_be_read_within_an_event_loop(server: Server) -> None:
    server.reply = Reply((FOLDER / "basic.json").read_bytes())

    async def within() -> str:
        return propose(server.base_url).name

    assert anyio.run(within) == "fjord_bank"


@pytest.mark.parametrize("location", ["http://[", "javascript:1", "//[::1", "http://a:99999999/", "file:///etc/passwd"])
def test_a_redirect_to_an_invalid_url_is_one_clear_error(location: str, server: Server) -> None:
    server.reply = Reply({}, 302, {"Location": location})
    with pytest.raises(ConfigurationError, match=r"^source: (redirects to an invalid URL|is not|cannot be read)"):
        propose(server.base_url)


# Random changes

DOCUMENTS = [document for file in sorted(FOLDER.iterdir()) for document in _source.read(file)[0]]
OTHERS: list[Any] = [
    *(None, True, 0, 1.5, 10**30, "", "x", "token", "\x1b[2J", "\ud800", [], {}, [[]], [{}]),
    *({"$ref": "#"}, {"$ref": "#/paths"}, {"$ref": "x.yaml"}, {"type": "array"}, {"type": ["null", "integer"]}),
    *({"properties": {"to_dict": {}, "a/b": {}, "token": {"type": "object"}}}, {"enum": [1, True, "x", None]}),
    *("http://[", "https://{x}.internal", "/{x}/{x}", "path", "query", "header", "integer", "object", "array"),
]
"""Values that replace those of a document."""


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_any_document_gives_a_normalized_draft_or_one_clear_error(data: st.DataObject) -> None:
    document = copy.deepcopy(data.draw(st.sampled_from(DOCUMENTS)))
    for _ in range(data.draw(st.integers(1, 5))):
        within, key = data.draw(st.sampled_from([*places(document)]))
        value = data.draw(st.sampled_from(OTHERS))
        if is_object(within) and data.draw(st.booleans()):
            within[str(value)] = within.pop(key)
        else:
            within[key] = copy.deepcopy(value)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "document.json")
        path.write_text(json.dumps(document))
        try:
            proposal = propose(path)
        except ConfigurationError:
            return
        assert lint(write(proposal, Path(folder))) == []
