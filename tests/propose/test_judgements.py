"""What a draft takes from a document's own words, and what it leaves to a person. Each document here is small."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from paygrant import ConfigurationError, SpecProvider, UnsignedRequest
from paygrant.generate import lint
from paygrant.propose import Proposal, propose
from tests.helpers.providers import ask
from tests.helpers.servers import Reply, Server

FOLDER = Path(__file__).parents[1] / "proposals"
FORM, JSON = "application/x-www-form-urlencoded", "application/json"
ID, SECRET = "client-of-straw", "secret-of-straw"
AUTH, USE, SERVERS = "/x-token-endpoint/client_authentication", "/x-token-endpoint/token_use", "/servers"
GRANTED = {"access_token": {"type": "string"}, "expires_in": {"type": "integer"}}


def schema(properties: dict[str, Any], required: list[str] | None = None) -> dict[str, Any]:
    listed = list(properties) if required is None else required
    return {"type": "object", "properties": properties, "required": listed}


def texts(*names: str) -> dict[str, Any]:
    return {name: {"type": "string"} for name in names}


def content(properties: dict[str, Any], media_type: str = JSON, **more: Any) -> dict[str, Any]:
    return {"content": {media_type: {"schema": schema(properties, []), **more}}}


def document(  # noqa: PLR0913 - one for each part of a document
    path: str = "/oauth/token",
    body: dict[str, Any] | None = None,
    media_type: str = JSON,
    granted: dict[str, Any] = GRANTED,
    *,
    status: str = "200",
    operation: dict[str, Any] | None = None,
    schemes: dict[str, Any] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A document with one operation, unless ``more`` has other parts."""
    sent = {"requestBody": {"content": {media_type: {"schema": body}}}} if body else {}
    responses = {status: {"description": "Granted.", **content(granted)}}
    found = {**sent, "responses": responses, **(operation or {})}
    return {
        "openapi": "3.2.0",
        "info": {"title": "Quay", "version": "1"},
        "servers": [{"url": "https://api.quay.internal"}],
        "paths": {path: {"post": found}},
        "components": {"securitySchemes": schemes or {"bearer": {"type": "http", "scheme": "bearer"}}},
        **more,
    }


@pytest.fixture
def draft(tmp_path: Path) -> Any:
    """Drafts of documents. Each is normalized."""

    def make(data: dict[str, Any], operation: str | None = None) -> Proposal:
        (tmp_path / "document.json").write_text(json.dumps(data))
        proposal = propose(tmp_path / "document.json", operation=operation)
        path = tmp_path / f"{proposal.name}.yaml"
        path.write_text(proposal.text, "utf-8")
        assert lint(path) == []
        return proposal

    return make


def endpoint(proposal: Proposal) -> Any:
    return yaml.safe_load(proposal.text)["x-token-endpoint"]


def decided(proposal: Proposal, place: str) -> str:
    return "\n".join(line for line in proposal.decisions if line.startswith(f"{place}: "))


# Two kinds of documents that once were drafted wrongly


def test_a_json_login_with_a_grant_type_of_its_own_keeps_its_words() -> None:
    proposal = propose(FOLDER / "own_grant.yaml")
    assert endpoint(proposal) == {
        "client_authentication": [
            {"method": "client_secret_post", "client_id": "clientId", "client_secret": "clientSecret"}
        ],
        "parameters": {"grantType": {"value": "AccessToken"}},
        "response": {"access_token": ["/accessToken"], "lifetime": [{"at": "/expiresIn", "unit": "epoch"}]},
        "invalid_client": [{"status": 401}, {"at": "/errors/0/code", "equals": 1401}],
        "error": {"code": ["/errors/0/code"], "description": ["/errors/0/message"]},
    }
    assert "'AccessToken' is sent: is that right?" in decided(proposal, "/x-token-endpoint/parameters/grantType")


def test_a_partner_login_with_a_key_and_a_header_for_the_token_keeps_its_words() -> None:
    proposal = propose(FOLDER / "partner_login.yaml")
    assert endpoint(proposal) == {
        "client_authentication": [
            {"method": "client_secret_post", "client_id": "partnerId", "client_secret": "partnerSecret"}
        ],
        "parameters": {"Tern-App-Key": {"argument": "tern_app_key"}},
        "response": {"access_token": ["/token"]},
        "invalid_client": [{"status": 401}],
        "error": {"code": ["/code"], "description": ["/message"]},
        "token_use": {"header": "Tern-App-Token", "headers": {"Tern-App-Key": "tern_app_key"}},
    }
    assert "is that right?" in decided(proposal, USE)
    assert "'The token is valid for two hours'" in decided(proposal, "/x-token-endpoint/response/lifetime")


# Which operation


def test_the_best_of_doubtful_operations_is_taken_and_the_doubt_is_a_decision(draft: Any) -> None:
    data = document("/v1/authorize", schema(texts("name", "clientKey")), granted=texts("ticket"))
    data["paths"]["/v1/sessions"] = data["paths"]["/v1/authorize"]
    proposal = draft(data)
    assert list(yaml.safe_load(proposal.text)["paths"]) == ["/v1/authorize"]
    assert "POST /v1/authorize was taken, though it does not look like" in decided(proposal, "/paths")
    assert "no field looks like a token" in decided(proposal, "/x-token-endpoint/response/access_token")


def test_the_caller_chooses_an_operation_by_method_and_path(draft: Any) -> None:
    data = document(body=schema(texts("client_id", "client_secret", "grant_type")))
    data["paths"]["/v1/pass"] = {"post": {"responses": {}}}
    assert list(yaml.safe_load(draft(data).text)["paths"]) == ["/oauth/token"]
    for wanted in ("POST /v1/pass", "post  /v1/pass"):
        assert list(yaml.safe_load(draft(data, wanted).text)["paths"]) == ["/v1/pass"]


@pytest.mark.parametrize("operation", ["GET /v1/pass", "/oauth/token", "POST /", "x", ""])
def test_an_operation_that_is_not_there_is_one_clear_error(operation: str, draft: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"^operation: ") as caught:
        draft(document(), operation)
    assert caught.value.argument == "operation"
    assert not operation or 'such as "POST /oauth/token"' in str(caught.value)


def test_a_document_with_keys_for_each_call_names_them_in_the_error(draft: Any) -> None:
    schemes = {"key": {"type": "apiKey", "in": "header", "name": "X-Quay-Key"}}
    data = document("/cards", schema(texts("number", "password")), granted=texts("token"), schemes=schemes)
    with pytest.raises(ConfigurationError, match=r"its API keys \(X-Quay-Key\) may be all that a call needs"):
        draft(data)


def test_an_authorization_endpoint_is_no_token_endpoint(draft: Any) -> None:
    names = ("response_type", "client_id", "redirect_uri", "scope")
    declared = [{"name": each, "in": "query", "required": True, "schema": {"type": "string"}} for each in names]
    data = document("/as/authorize", operation={"parameters": declared})
    with pytest.raises(ConfigurationError, match="contains no token endpoint"):
        draft(data)


def test_a_document_with_certificates_only_says_so_in_the_error(draft: Any) -> None:
    with pytest.raises(ConfigurationError, match="a client certificate may be all that a call needs"):
        draft(document("/payments", schemes={"tls": {"type": "mutualTLS"}}))


def test_a_placeholder_with_the_name_of_a_token_does_not_make_a_token_endpoint(draft: Any) -> None:
    data = document(
        "/links/{access_token}", granted=texts("access_token"), schemes={"b": {"type": "http", "scheme": "basic"}}
    )
    with pytest.raises(ConfigurationError, match="contains no token endpoint"):
        draft({**data, "security": [{"b": []}]})


@pytest.mark.parametrize(
    "path", ["/v2/users/{id}/send-verification-token", "/rewards/{id}/embed_token", "/customers/{id}/token"]
)
def test_a_token_of_a_user_or_a_card_does_not_make_a_token_endpoint(path: str, draft: Any) -> None:
    data = document(path, granted=texts("token"), operation={"security": [{"bearer": []}]})
    with pytest.raises(ConfigurationError, match="contains no token endpoint"):
        draft(data)


@pytest.mark.parametrize(
    "path", ["/{realm}/token", "/v1/accesstoken", "/api/Auth/GetToken", "/access-token", "/accesstoken/get"]
)
def test_a_path_that_is_typical_makes_a_token_endpoint_even_with_nothing_else(path: str, draft: Any) -> None:
    data = document(path, schemes={}, operation={"responses": {}})
    assert list(yaml.safe_load(draft(data).text)["paths"]) == [path]


def test_a_required_field_of_another_grant_is_left_out(draft: Any) -> None:
    body = schema(texts("client_id", "client_secret", "grant_type", "refresh_token", "code"))
    assert list(endpoint(draft(document(body=body, media_type=FORM)))["parameters"]) == ["grant_type"]


def test_the_flow_of_another_grant_is_taken_with_a_decision(draft: Any) -> None:
    flow: Any = {
        "tokenUrl": "https://auth.quay.internal/token",
        "authorizationUrl": "https://auth.quay.internal/",
        "scopes": {},
    }
    data = document(schemes={"user": {"type": "oauth2", "flows": {"authorizationCode": flow}}}, paths={})
    proposal = draft(data)
    assert yaml.safe_load(proposal.text)["servers"][0]["url"] == "https://auth.quay.internal"
    assert "flow authorizationCode was taken: does it grant client credentials, too?" in decided(proposal, "/paths")


# The credentials


@pytest.mark.parametrize(
    ("fields", "client_id", "client_secret"),
    [
        (["partnerId", "partnerSecret"], "partnerId", "partnerSecret"),
        (["userId", "clientSecret", "clientId"], "clientId", "clientSecret"),
        (["clientId", "clientKey"], "clientId", "clientKey"),
        (["clientKey", "clientSecret"], "clientKey", "clientSecret"),
        (["apiSecret", "apiKey"], "apiKey", "apiSecret"),
        (["merchant_code", "merchant-key"], "merchant_code", "merchant-key"),
        (["login_id", "api_key"], "login_id", "api_key"),
        (["secret_id", "secret_key"], "secret_id", "secret_key"),
        (["role_id", "secret_id"], "role_id", "secret_id"),
        (["username", "password", "appKey"], "username", "password"),
        (["newPartnerSecret", "partnerId", "partnerSecret"], "partnerId", "partnerSecret"),
        (["ShopPassPhrase", "ShopName"], "ShopName", "ShopPassPhrase"),
        (["subscription_key", "app_secret"], None, "app_secret"),
    ],
)
def test_a_secret_is_known_by_its_ending_and_the_id_by_the_stem(
    fields: list[str], client_id: str | None, client_secret: str, draft: Any
) -> None:
    (method,) = endpoint(draft(document(body=schema(texts(*fields)))))["client_authentication"]
    assert method == {"method": "client_secret_post", "client_id": client_id, "client_secret": client_secret}


def sign(request: UnsignedRequest) -> None:
    request.fields["signature"] = f"{request.client_id} by {request.client_secret}"


def test_a_required_signature_is_left_to_a_function_that_gets_what_it_covers(
    draft: Any, tmp_path: Path, server: Server
) -> None:
    body = schema({**texts("appId", "timestamp", "signature", "realm")})
    proposal = draft(document(body=body))
    assert endpoint(proposal)["client_authentication"] == [{"method": "custom"}]
    assert endpoint(proposal)["parameters"] == {"realm": {"argument": "realm"}}
    assert "signature seems to be a signature: each caller must pass a function" in decided(proposal, AUTH)
    server.reply = Reply({"access_token": "the-token", "expires_in": 60})
    provider = SpecProvider(
        tmp_path / "quay.yaml",
        client_id=ID,
        client_secret=SECRET,
        environment="production",
        base_url=server.base_url,
        authenticate=sign,
        realm="7",
    )
    assert ask(provider).access_token == "the-token"
    assert json.loads(server.seen[0].body) == {"realm": "7", "signature": f"{ID} by {SECRET}"}


@pytest.mark.parametrize("name", ["X-Signature", "hmac", "X-Request-HMAC", "sign", "Checksum"])
def test_a_required_signature_in_a_header_is_left_to_a_function(name: str, draft: Any) -> None:
    header = {"name": name, "in": "header", "required": True, "schema": {"type": "string"}}
    proposal = draft(document(body=schema(texts("clientId", "clientSecret")), operation={"parameters": [header]}))
    assert endpoint(proposal)["client_authentication"] == [{"method": "custom"}]
    assert name in decided(proposal, AUTH)


def test_an_optional_signature_beside_a_secret_is_left_out_with_a_decision(draft: Any) -> None:
    header = {"name": "X-Signature", "in": "header", "schema": {"type": "string"}}
    proposal = draft(document(body=schema(texts("clientId", "clientSecret")), operation={"parameters": [header]}))
    assert endpoint(proposal)["client_authentication"][0]["method"] == "client_secret_post"
    assert "the optional X-Signature was left out" in decided(proposal, AUTH)
    assert endpoint(proposal)["parameters"] == {}


def test_a_hash_in_place_of_the_secret_is_left_to_a_function(draft: Any) -> None:
    secret = {"type": "string", "description": "SHA512 of nonce and app key."}
    proposal = draft(document(body=schema({**texts("app_id", "nonce", "grant_type"), "secret": secret})))
    assert endpoint(proposal)["client_authentication"] == [{"method": "custom"}]
    assert endpoint(proposal)["parameters"] == {"grant_type": {"value": "client_credentials"}}


@pytest.mark.parametrize(
    ("body", "methods"),
    [(None, ["client_secret_basic"]), ("clientSecret", ["client_secret_post", "client_secret_basic"])],
)
def test_optional_basic_is_a_decision(body: str | None, methods: list[str], draft: Any) -> None:
    data = document(
        body=schema(texts(body), []) if body else None,
        operation={"security": [{}, {"client": []}]},
        schemes={"client": {"type": "http", "scheme": "basic"}},
    )
    proposal = draft(data)
    assert [each["method"] for each in endpoint(proposal)["client_authentication"]] == methods
    assert "is that right?" in decided(proposal, AUTH) or "one here right?" in decided(proposal, AUTH)


def test_an_optional_field_with_one_value_is_sent_and_is_a_decision(draft: Any) -> None:
    body = schema(
        {**texts("client_id", "client_secret"), "type": {"type": "string", "enum": ["machine"]}}, ["client_id"]
    )
    proposal = draft(document(body=body))
    assert endpoint(proposal)["parameters"] == {"type": {"value": "machine"}}
    assert "'machine' is its only value, which is sent" in decided(proposal, "/x-token-endpoint/parameters/type")


@pytest.mark.parametrize(
    ("grant", "value"),
    [
        ({"enum": ["authorization_code", "client_credentials"]}, "client_credentials"),
        ({"enum": ["authorization_code", "refresh_token"]}, "client_credentials"),
        ({"enum": ["refresh_token", "partner"]}, "partner"),
        ({"example": "ApiKey"}, "ApiKey"),
        ({"const": "CLIENT_CREDENTIALS"}, "CLIENT_CREDENTIALS"),
        ({"enum": ["password"]}, "password"),
    ],
)
@pytest.mark.parametrize("name", ["grant_type", "grantType"])
def test_the_value_of_a_grant_type_is_the_documents_own(name: str, grant: Any, value: str, draft: Any) -> None:
    body = schema({**texts("client_id", "client_secret"), name: {"type": "string", **grant}}, ["client_id"])
    proposal = draft(document(body=body, media_type=FORM))
    assert endpoint(proposal)["parameters"][name] == {"value": value}
    is_usual = value.lower() == "client_credentials" and "refresh_token" not in str(grant)
    assert bool(decided(proposal, f"/x-token-endpoint/parameters/{name}")) != is_usual


@pytest.mark.parametrize("url", ["https://api.quay.internal/oauth/token", "https://auth.quay.internal/as/token"])
def test_the_scopes_of_a_flow_are_kept_where_the_operation_has_no_field_for_them(url: str, draft: Any) -> None:
    flow = {"tokenUrl": url, "scopes": {"pay": "Pay", "read": "Read"}}
    data = document(
        body=schema(texts("client_id", "client_secret", "grant_type")),
        media_type=FORM,
        schemes={"machine": {"type": "oauth2", "flows": {"clientCredentials": flow}}},
    )
    proposal = draft(data)
    assert endpoint(proposal)["parameters"]["scope"] == {"argument": "scope"}
    assert "known scopes: pay, read" in decided(proposal, "/x-token-endpoint/parameters/scope")


def test_a_second_optional_secret_and_fields_of_token_exchange_are_left_out(draft: Any) -> None:
    names = ("grant_type", "client_id", "client_secret", "secret", "subject_token", "subject_token_type")
    proposal = draft(document(body=schema(texts(*names), ["client_secret"]), media_type=FORM))
    assert endpoint(proposal)["parameters"] == {"grant_type": {"value": "client_credentials"}}
    assert "secret seems to be a secret, too" in decided(proposal, AUTH)


def test_a_description_that_mentions_basic_is_enough(draft: Any) -> None:
    proposal = draft(document(operation={"description": "Send id and secret in a Basic Authorization header."}))
    assert decided(proposal, AUTH) == ""


# Keys and certificates


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_jwt", "tls_client_auth"])
def test_a_method_with_a_key_or_a_certificate_is_recognised(method: str, draft: Any) -> None:
    data = document(operation={"description": f"Clients use {method}."})
    proposal = draft(data)
    assert f"the document names {method}: decide" in decided(proposal, AUTH)
    (found,) = endpoint(proposal)["client_authentication"]
    assert found["method"] == method


def test_a_method_with_a_key_is_an_alternative_to_an_optional_secret(draft: Any) -> None:
    fields = {name: {"type": "string"} for name in ("grant_type", "client_id", "client_secret", "client_assertion")}
    proposal = draft(
        document(
            body={"properties": fields},
            media_type=FORM,
            operation={"description": "Signed by PS256 or ES256; private_key_jwt."},
        )
    )
    assert endpoint(proposal)["client_authentication"] == [
        {"method": "client_secret_post"},
        {"method": "private_key_jwt", "client_id": "client_id", "algorithms": ["PS256", "ES256"]},
    ]


def test_the_jwt_bearer_grant_is_recognised(draft: Any) -> None:
    grant = {"type": "string", "enum": ["urn:ietf:params:oauth:grant-type:jwt-bearer"]}
    proposal = draft(
        document(body={"properties": {"grant_type": grant, "assertion": {"type": "string"}}}, media_type=FORM)
    )
    assert endpoint(proposal)["client_authentication"] == [{"method": "private_key_jwt", "name": "assertion"}]
    assert endpoint(proposal)["parameters"] == {"grant_type": {"value": grant["enum"][0]}}
    assert "its audience is the token URL, it lives 60 s" in decided(proposal, AUTH)


def test_a_flow_may_state_the_type_of_its_assertions(draft: Any) -> None:
    flow: dict[str, Any] = {
        "tokenUrl": "https://login.quay.internal/token",
        "scopes": {},
        "x-assertionType": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    }
    proposal = draft(document(schemes={"o": {"type": "oauth2", "flows": {"clientCredentials": flow}}}, paths={}))
    assert "private_key_jwt" in {each["method"] for each in endpoint(proposal)["client_authentication"]}


def test_the_jwt_bearer_grant_beside_client_credentials_is_a_decision(draft: Any) -> None:
    grants = ["client_credentials", "urn:ietf:params:oauth:grant-type:jwt-bearer"]
    fields = {"grant_type": {"type": "string", "enum": grants}, **texts("client_id", "client_secret", "assertion")}
    proposal = draft(document(body={"properties": fields}, media_type=FORM))
    assert endpoint(proposal)["client_authentication"] == [{"method": "client_secret_post"}]
    assert endpoint(proposal)["parameters"] == {"grant_type": {"value": "client_credentials"}}
    assert "the JWT bearer grant (RFC 7523 section 2.1) is documented, too" in decided(proposal, AUTH)


def test_the_fields_of_another_alternative_are_a_method(draft: Any) -> None:
    by_secret, by_key = (schema(texts("grant_type", *more)) for more in (["client_secret"], ["client_assertion"]))
    proposal = draft(document(body={"anyOf": [by_secret, by_key]}, media_type=FORM))
    methods = [each["method"] for each in endpoint(proposal)["client_authentication"]]
    assert methods == ["client_secret_post", "private_key_jwt"]
    request = yaml.safe_load(proposal.text)["components"]["schemas"]["TokenRequest"]
    assert request["required"] == ["grant_type"]


def test_algorithms_by_which_no_key_signs_here_are_a_decision(draft: Any) -> None:
    proposal = draft(document(operation={"description": "private_key_jwt, signed by ES512 or RS512."}))
    assert endpoint(proposal)["client_authentication"] == [{"method": "private_key_jwt"}]
    assert "algorithms any, as no key signs here by ES512, RS512, which the document names" in decided(proposal, AUTH)


def test_the_metadata_fills_the_algorithm_of_a_secret_that_signs(draft: Any) -> None:
    data = metadata(
        token_endpoint_auth_methods_supported=["client_secret_jwt"],
        token_endpoint_auth_signing_alg_values_supported=["RS256", "HS512"],
    )
    found = endpoint(draft(data))["client_authentication"]
    assert found == [{"method": "client_secret_jwt", "client_id": "client_id", "algorithms": ["HS512"]}]


def test_a_proof_is_left_to_the_engine(draft: Any) -> None:
    header = {"name": "DPoP", "in": "header", "required": True, "schema": {"type": "string"}}
    fields = {"grant_type": {"type": "string"}, "client_assertion": {"type": "string"}}
    proposal = draft(document(body={"properties": fields}, media_type=FORM, operation={"parameters": [header]}))
    assert list(endpoint(proposal)["parameters"]) == ["grant_type"]
    assert "callers who want bound tokens pass dpop" in decided(proposal, AUTH)


def test_the_metadata_fills_algorithms_issuer_and_the_host_for_certificates(draft: Any) -> None:
    data = metadata(
        token_endpoint_auth_methods_supported=["private_key_jwt", "tls_client_auth", "self_signed_tls_client_auth"],
        token_endpoint_auth_signing_alg_values_supported=["PS256", "PS512", "ES256"],
        dpop_signing_alg_values_supported=["ES256"],
        tls_client_certificate_bound_access_tokens=True,
        mtls_endpoint_aliases={"token_endpoint": "https://mtls.quay.internal/as/token"},
    )
    proposal = draft(data)
    assert endpoint(proposal)["client_authentication"] == [
        {"method": "private_key_jwt", "client_id": "client_id", "algorithms": ["PS256", "ES256"]},
        {"method": "tls_client_auth", "client_id": "client_id"},
    ]
    assert yaml.safe_load(proposal.text)["servers"][0]["x-mtls-url"] == "https://mtls.quay.internal"
    said = decided(proposal, AUTH)
    assert "FAPI 2.0 demands the issuer, audience: {value: https://login.quay.internal}" in said
    assert "a certificate may accompany another method" in said
    assert "DPoP" in said


def test_the_usual_host_may_serve_clients_with_a_certificate(draft: Any) -> None:
    data = metadata()
    proposal = draft({**data, "mtls_endpoint_aliases": {"token_endpoint": data["token_endpoint"]}})
    assert "x-mtls-url" not in proposal.text


@pytest.mark.parametrize("alias", ["https://mtls.quay.internal/other", "http://mtls.quay.internal/as/token", "x"])
def test_another_address_for_certificates_is_a_decision(alias: str, draft: Any) -> None:
    proposal = draft(metadata(mtls_endpoint_aliases={"token_endpoint": alias}))
    assert "x-mtls-url" not in yaml.safe_load(proposal.text)["servers"][0]
    assert alias in decided(proposal, "/servers")


@pytest.mark.parametrize("value", [7, [], {"token_endpoint": 7}, None])
def test_odd_metadata_about_certificates_is_no_fault(value: object, draft: Any) -> None:
    odd = dict.fromkeys(("dpop_signing_alg_values_supported", "tls_client_certificate_bound_access_tokens"), value)
    proposal = draft(
        metadata(mtls_endpoint_aliases=value, token_endpoint_auth_signing_alg_values_supported=value, **odd)
    )
    assert "x-mtls-url" not in yaml.safe_load(proposal.text)["servers"][0]


def metadata(**more: Any) -> dict[str, Any]:
    return {"issuer": "https://login.quay.internal", "token_endpoint": "https://login.quay.internal/as/token", **more}


@pytest.mark.parametrize(
    ("supported", "methods"),
    [
        (None, ["client_secret_basic"]),
        (["client_secret_post", "private_key_jwt"], ["client_secret_post", "private_key_jwt"]),
        (["client_secret_post", "client_secret_basic"], ["client_secret_basic", "client_secret_post"]),
        (["private_key_jwt"], ["private_key_jwt"]),
        ([7, "none"], ["custom"]),
    ],
)
def test_the_metadata_of_an_authorization_server_is_read(supported: Any, methods: list[str], draft: Any) -> None:
    data = metadata(scopes_supported=["pay"], grant_types_supported=["authorization_code"])
    proposal = draft(data if supported is None else {**data, "token_endpoint_auth_methods_supported": supported})
    spec = yaml.safe_load(proposal.text)
    assert (spec["servers"][0]["url"], list(spec["paths"])) == ("https://login.quay.internal", ["/as/token"])
    assert [each["method"] for each in endpoint(proposal)["client_authentication"]] == methods
    assert "known scopes: pay" in decided(proposal, "/x-token-endpoint/parameters/scope")
    assert "grants authorization_code" in decided(proposal, "/x-token-endpoint/parameters/grant_type")
    assert ("private_key_jwt" in decided(proposal, AUTH)) == ("private_key_jwt" in (supported or []))


@pytest.mark.parametrize(
    "text",
    [
        "issuer: https://login.quay.internal\ntoken_endpoint: https://login.quay.internal/as/token",
        'The response:\n\n```\n{"token_endpoint": "https://login.quay.internal/as/token"}\n```\n',
    ],
    ids=["yaml", "page"],
)
def test_metadata_may_be_yaml_or_in_a_page(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.md").write_text(text)
    proposal = propose(tmp_path / "x.md")
    assert proposal.name == "login_quay_internal"
    assert list(yaml.safe_load(proposal.text)["paths"]) == ["/as/token"]


def test_a_page_with_a_document_and_metadata_gives_the_document(tmp_path: Path) -> None:
    blocks = [document(body=schema(texts("client_id", "client_secret"))), metadata()]
    (tmp_path / "x.md").write_text("".join(f"```json\n{json.dumps(each)}\n```\n\n" for each in blocks))
    assert propose(tmp_path / "x.md").name == "quay"


def test_the_draft_of_metadata_leaves_the_responses_to_the_rfc(draft: Any) -> None:
    proposal = draft(metadata())
    assert "responses" not in yaml.safe_load(proposal.text)["paths"]["/as/token"]["post"]
    assert endpoint(proposal).keys() == {"client_authentication", "parameters"}
    assert "RFC 6749 sections 5.1 and 5.2" in decided(proposal, "/x-token-endpoint/response")


@pytest.mark.parametrize("text", ['{"token_endpoint": 7}', "[1]", "7", "[" * 100_000, '{"issuer": "x"}'])
def test_other_json_is_no_metadata(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ConfigurationError, match=r"contains no OpenAPI document.*metadata of an authorization server"):
        propose(tmp_path / "x.json")


@pytest.mark.parametrize("key", ["oauth2MetadataUrl", "openIdConnectUrl"])
def test_the_address_of_metadata_is_a_decision_and_is_not_fetched(key: str, draft: Any, server: Server) -> None:
    scheme: Any = {"type": "oauth2", "flows": {}, key: f"{server.base_url}/.well-known/oauth-authorization-server"}
    data = document(body=schema(texts("client_id", "client_secret")), schemes={"machine": scheme})
    assert f"{server.base_url}/.well-known/oauth-authorization-server says" in decided(draft(data), AUTH)
    with pytest.raises(ConfigurationError, match=r"describes itself at http://127.*, which paygrant new can read"):
        draft({**data, "paths": {}})
    assert server.seen == []


# Servers


@pytest.mark.parametrize(
    "host",
    ["api.example.com", "example.org", "quay.example", "quay.test:8443", "x.invalid", "EXAMPLE.NET", "dev.localhost"],
)
def test_a_host_for_documentation_is_no_environment(host: str, draft: Any) -> None:
    proposal = draft(document(servers=[{"url": f"https://{host}/v1"}]))
    assert "servers" not in yaml.safe_load(proposal.text)
    assert f"'https://{host}/v1' is for documentation (RFC 2606)" in decided(proposal, SERVERS)


@pytest.mark.parametrize(
    "host", ["example.quay.internal", "myexample.com", "test.quay.internal", "latest.quay.internal"]
)
def test_a_host_that_only_resembles_one_for_documentation_is_an_environment(host: str, draft: Any) -> None:
    proposal = draft(document(servers=[{"url": f"https://{host}"}]))
    (found,) = yaml.safe_load(proposal.text)["servers"]
    assert found["x-environment"] == ("test" if host.startswith("test") else "production")


@pytest.mark.parametrize(
    ("host", "environment"),
    [("devapi", "development"), ("apitest", "test"), ("sandboxreporting", "sandbox"), ("device", "production")],
)
def test_the_environment_is_found_within_a_word(host: str, environment: str, draft: Any) -> None:
    (found,) = yaml.safe_load(draft(document(servers=[{"url": f"https://{host}.quay.internal"}])).text)["servers"]
    assert found["x-environment"] == environment


# Responses


@pytest.mark.parametrize(
    ("schema_of_it", "unit"),
    [
        ({"type": "integer", "example": 3600}, "seconds"),
        ({"type": "integer", "example": 2592000}, "seconds"),
        ({"type": "integer", "example": 31536000}, "seconds"),
        ({"type": "integer", "example": 3600000}, "milliseconds"),
        ({"type": "integer", "example": 86400000}, "milliseconds"),
        ({"type": "integer", "example": 1790000000}, "epoch"),
        ({"type": "integer", "example": 1790000000000}, "epoch_milliseconds"),
        ({"type": "string", "example": "1790000000"}, "epoch"),
        ({"type": "string", "example": "3600"}, "seconds"),
        ({"type": "string", "example": "2026-11-28T01:00:00Z"}, "moment"),
        ({"type": "number", "example": True}, "seconds"),
        ({"type": "string", "example": "9" * 500}, "seconds"),
    ],
)
def test_the_size_of_an_example_decides_on_the_unit_of_a_lifetime(schema_of_it: Any, unit: str, draft: Any) -> None:
    proposal = draft(document(granted={**texts("access_token"), "expires_in": schema_of_it}))
    assert endpoint(proposal)["response"]["lifetime"] == [{"at": "/expires_in", "unit": unit}]
    assert bool(decided(proposal, "/x-token-endpoint/response/lifetime")) == (unit != "seconds")


def test_a_lifetime_in_minutes_is_a_decision(draft: Any) -> None:
    proposal = draft(document(granted={**texts("token"), "ttl": {"type": "integer", "description": "In minutes."}}))
    assert "in minutes? No unit expresses that" in decided(proposal, "/x-token-endpoint/response/lifetime")


def test_an_example_in_hours_beside_seconds_is_no_decision(draft: Any) -> None:
    described = {"type": "integer", "description": "The lifetime in seconds. The value 3600 means one hour."}
    proposal = draft(
        document(body=schema(texts("client_id", "client_secret")), granted={**GRANTED, "expires_in": described})
    )
    assert decided(proposal, "/x-token-endpoint/response/lifetime") == ""


def refusing(
    errors: dict[str, Any], example: Any = None, status: str = "401", description: str = "No."
) -> dict[str, Any]:
    more = {} if example is None else {"example": example}
    data = document(body=schema(texts("client_id", "client_secret")))
    refused = {"description": description, **content(errors, **more)}
    data["paths"]["/oauth/token"]["post"]["responses"][status] = refused
    return data


ERRORS = {"errors": {"type": "array", "items": schema({"code": {"type": "integer"}, **texts("message")})}}


def test_an_error_in_an_array_and_a_number_as_its_code_are_found(draft: Any) -> None:
    proposal = draft(refusing(ERRORS, {"errors": [{"code": 1401, "message": "Unknown client"}]}))
    assert endpoint(proposal)["error"] == {"code": ["/errors/0/code"], "description": ["/errors/0/message"]}
    assert endpoint(proposal)["invalid_client"] == [{"status": 401}, {"at": "/errors/0/code", "equals": 1401}]


@pytest.mark.parametrize(
    ("errors", "conditions", "question"),
    [
        (ERRORS, [], "no code of refused credentials at /errors/0/code is documented"),
        (texts("code"), [], "no code of refused credentials at /code is documented"),
        (texts("reason"), [], "no code of refused credentials is documented; their status"),
        (texts("error"), [{"at": "/error", "equals": "invalid_client"}], "assumed: invalid_client (RFC 6749"),
        ({}, [{"at": "/error", "equals": "invalid_client"}], "assumed: invalid_client (RFC 6749"),
    ],
)
def test_no_refusal_is_invented(errors: Any, conditions: list[Any], question: str, draft: Any) -> None:
    proposal = draft(refusing(errors))
    assert endpoint(proposal)["invalid_client"] == [{"status": 401}, *conditions]
    assert question in decided(proposal, "/x-token-endpoint/invalid_client")


def test_a_400_without_a_documented_code_is_not_taken_for_refused_credentials(draft: Any) -> None:
    proposal = draft(refusing(texts("message"), {"message": "Client unknown"}, "400", "Wrong client credentials"))
    assert endpoint(proposal)["invalid_client"] == [{"status": 401}]


@pytest.mark.parametrize(
    ("codes", "conditions"),
    [
        (["invalid_grant", "invalid_client"], [{"at": "/error", "equals": "invalid_client"}]),
        (["BAD_REQUEST", "WRONG_CREDENTIALS"], [{"at": "/error", "equals": "WRONG_CREDENTIALS"}]),
        (["bad_request"], []),
    ],
)
def test_a_listed_code_of_refused_credentials_is_documented(codes: list[str], conditions: Any, draft: Any) -> None:
    proposal = draft(refusing({"error": {"type": "string", "enum": codes}}))
    assert endpoint(proposal)["invalid_client"] == [{"status": 401}, *conditions]
    assert bool(decided(proposal, "/x-token-endpoint/invalid_client")) == (not conditions)


def test_of_several_examples_the_one_about_credentials_counts(draft: Any) -> None:
    data = refusing(texts("code"), status="400", description="Bad request")
    data["paths"]["/oauth/token"]["post"]["responses"]["400"]["content"][JSON]["examples"] = {
        "a": {"value": {"code": "missing_field"}},
        "b": {"value": {"code": "bad_client"}},
    }
    assert {"at": "/code", "equals": "bad_client"} in endpoint(draft(data))["invalid_client"]


@pytest.mark.parametrize("value", [{"x": 1}, [1], "a\u202eb", True, None, 10**30])
def test_an_odd_code_of_an_error_is_no_condition(value: Any, draft: Any) -> None:
    proposal = draft(refusing(texts("code"), {"code": value}))
    assert endpoint(proposal)["invalid_client"] == [{"status": 401}]


def test_the_header_of_most_operations_with_the_name_of_a_token_carries_it(draft: Any) -> None:
    headers = [{"name": name, "in": "header", "schema": {"type": "string"}} for name in ("X-Auth-Token", "X-Sca-Token")]
    data = document(
        "/authenticate/api", schema(texts("login_id", "api_key")), granted=texts("auth_token"), components={}
    )
    for number in range(3):
        data["paths"][f"/accounts/{number}"] = {"get": {"parameters": headers if number == 0 else headers[:1]}}
    assert endpoint(draft(data))["token_use"] == {"header": "X-Auth-Token"}


def test_a_header_against_forged_requests_carries_no_access_token(draft: Any) -> None:
    data = document(
        body=schema(texts("client_id", "client_secret")), schemes={"x": {"type": "http", "scheme": "digest"}}
    )
    header = {"name": "X-XSRF-TOKEN", "in": "header", "schema": {"type": "string"}}
    data["paths"]["/things"] = {"get": {"parameters": [header]}}
    assert "does the API take the token as Authorization: Bearer?" in decided(draft(data), USE)


def test_an_api_key_of_other_operations_goes_with_the_bearer_token(draft: Any) -> None:
    schemes = {
        "key": {"type": "apiKey", "in": "header", "name": "Quay_Key"},
        "bearer": {"type": "http", "scheme": "bearer"},
    }
    data = document(
        body=schema(texts("client_id", "client_secret")), operation={"security": [{"key": []}]}, schemes=schemes
    )
    assert "token_use" not in endpoint(draft(data))
    data["paths"]["/accounts"] = {"get": {"security": [{"bearer": [], "key": []}]}}
    proposal = draft(data)
    assert endpoint(proposal)["token_use"] == {"headers": {"Quay_Key": "quay_key"}}
    assert "other operations need Quay_Key, too" in decided(proposal, USE)


def test_headers_with_underscores_hold_the_credentials(draft: Any) -> None:
    names = ("client_id", "client_secret")
    headers = [{"name": name, "in": "header", "required": True, "schema": {"type": "string"}} for name in names]
    proposal = draft(document("/accesstoken/get", operation={"parameters": headers}))
    assert endpoint(proposal)["client_authentication"] == [{"method": "header"}]


def test_the_json_of_a_vendor_keeps_its_media_type(draft: Any) -> None:
    body = schema({"data": schema(texts("clientId", "clientSecret"))})
    spec = yaml.safe_load(draft(document(body=body, media_type="application/vnd.api+json; charset=utf-8")).text)
    assert list(spec["paths"]["/oauth/token"]["post"]["requestBody"]["content"]) == ["application/vnd.api+json"]
    assert spec["x-token-endpoint"]["client_authentication"] == [
        {"method": "client_secret_post", "client_id": "/data/clientId", "client_secret": "/data/clientSecret"}
    ]
