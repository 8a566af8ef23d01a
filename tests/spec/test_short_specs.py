"""Short specs: what they leave out follows from RFC 6749 or from the rest of the spec."""

import copy
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import yaml

from paygrant import SpecProvider
from paygrant._providers.base import registration_of
from paygrant._spec import document
from paygrant._spec.completion import completed
from paygrant._spec.document import is_array, is_object
from paygrant._spec.errors import SpecError
from paygrant._spec.lint import OF_THE_BOX, RULES, check, lint, load_checked
from paygrant._spec.reader import NormalizedSpec, read_endpoint
from tests.helpers.short import SHORT, SHORTEST, written
from tests.helpers.specs import SPECS

FULL = [*SPECS, *sorted((Path(__file__).parents[1] / "endpoints").glob("*.yaml"))]
POST = "/paths/~1v1~1{realm}~1authorize/post"
BODY = f"{POST}/requestBody/content/application~1json/schema"
METHOD = "/x-token-endpoint/client_authentication/0"
CREDENTIALS: dict[str, Any] = {"client_id": "id", "client_secret": "secret"}


def short(changes: dict[str, Any]) -> dict[str, Any]:
    """The short spec with other values at some places, which are written with dots."""
    data: dict[str, Any] = yaml.safe_load(SHORT)
    for place, value in changes.items():
        *steps, last = place.split(".")
        here: Any = data
        for step in steps:
            here = here[step]
        if value is None:
            del here[last]
        else:
            here[last] = value
    return data


def errors(tmp_path: Path, data: Any) -> list[str]:
    """What keeps a spec from being used."""
    findings = lint(written(tmp_path, json.dumps(data, indent=1)))
    return [str(each) for each in findings if not each.warning]


@pytest.mark.parametrize("path", FULL, ids=lambda path: path.stem)
def test_a_complete_spec_stays_as_it_is(path: Path) -> None:
    data = document.read(path).data
    before = copy.deepcopy(data)
    assert completed(path.stem, data) == data == before
    assert lint(path) == []


def test_the_short_spec_has_25_lines_at_most() -> None:
    assert len(SHORT.splitlines()) <= 25


def test_a_short_spec_describes_the_whole_request(tmp_path: Path) -> None:
    endpoint = read_endpoint("acme", load_checked(written(tmp_path)))
    assert {each.name: (each.place, each.argument or each.value, each.kind) for each in endpoint.parameters} == {
        "realm": ("path", "realm", "string"),
        "grantType": ("body", "client_credentials", "string"),
        "level": ("body", "level", "integer"),
    }
    assert endpoint.media_type == "application/json"
    assert [each.status or (each.at, each.equals) for each in endpoint.invalid_client] == [
        401,
        ("/errors/0/code", "invalid_client"),
    ]
    assert list(endpoint.servers) == ["production", "sandbox"]


def test_the_shortest_spec_is_a_request_of_rfc_6749(tmp_path: Path) -> None:
    provider = SpecProvider(written(tmp_path, SHORTEST), **CREDENTIALS)
    endpoint = registration_of(provider).endpoint
    assert provider.token_url == "https://auth.acme.example/oauth/token"
    assert registration_of(provider).environment == "production"
    assert [(each.name, each.value) for each in endpoint.parameters] == [("grant_type", "client_credentials")]
    assert endpoint.response.lifetime[0].at == "/expires_in"


def test_a_short_spec_is_clean_for_its_author_and_not_for_the_box(tmp_path: Path) -> None:
    path = written(tmp_path)
    assert lint(path) == []
    strict = lint(path, strict=True)
    assert strict
    assert not any(each.warning for each in strict)


def test_the_completed_spec_is_clean_for_the_box_apart_from_its_sources(tmp_path: Path) -> None:
    path = written(tmp_path, json.dumps(load_checked(written(tmp_path))), "whole.yaml")
    assert {each.fault.rule for each in lint(path, strict=True)} == {"provenance"}


def test_the_examples_fit_the_description(tmp_path: Path) -> None:
    spec = NormalizedSpec("acme", load_checked(written(tmp_path)))
    assert {each.name: (each.status, each.body) for each in spec.examples()} == {
        "granted": ("200", {"data": {"accessToken": "example-access-token", "expiresIn": 3600}}),
        "wrong_credentials": (
            "401",
            {"errors": [{"code": "invalid_client", "message": "The credentials are wrong."}]},
        ),
    }


def test_secrets_of_a_short_spec_are_secret(tmp_path: Path) -> None:
    data = short(
        {"x-token-endpoint.parameters": {"realm": {"argument": "realm"}, "pinSecret": {"argument": "pin_secret"}}}
    )
    del data["paths"]["/v1/{realm}/authorize"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schemas = load_checked(written(tmp_path, json.dumps(data)))["components"]["schemas"]
    formats = {name: each.get("format") for name, each in schemas["TokenRequest"]["properties"].items()}
    assert formats == {"clientId": "password", "clientSecret": "password", "pinSecret": "password"}
    assert schemas["TokenResponse"]["properties"]["data"]["properties"]["accessToken"]["format"] == "password"


def test_schemas_and_operations_may_have_other_names(tmp_path: Path) -> None:
    content = {"application/json": {"schema": {"$ref": "#/components/schemas/Login"}}}
    response = {"application/json": {"schema": {"$ref": "#/components/schemas/Session"}}}
    data: dict[str, Any] = yaml.safe_load(SHORT)
    operation = data["paths"]["/v1/{realm}/authorize"]["post"]
    login = operation["requestBody"]["content"]["application/json"]["schema"]
    operation |= {
        "operationId": "login",
        "tags": ["Login"],
        "security": [{"oauth": []}],
        "requestBody": {"content": content},
        "responses": {"201": {"description": "A session.", "content": response}},
    }
    session: dict[str, Any] = {
        "type": "object",
        "required": ["data"],
        "properties": {"data": {"properties": {"accessToken": {}}}},
    }
    data["components"] = {
        "schemas": {"Login": login, "Session": session},
        "securitySchemes": {"oauth": {"type": "oauth2", "flows": {}}},
    }
    found = load_checked(written(tmp_path, json.dumps(data)))
    assert found["components"]["schemas"].keys() == {"TokenRequest", "TokenResponse", "TokenError"}
    assert NormalizedSpec("acme", found).statuses == ["201", "401"]
    assert "required" not in found["components"]["schemas"]["TokenResponse"]


def test_credentials_in_headers_need_no_declaration(tmp_path: Path) -> None:
    data: dict[str, Any] = yaml.safe_load(SHORTEST)
    data["paths"] = {"/keys": {"get": None}}
    data["x-token-endpoint"]["client_authentication"] = [
        {"method": "header", "client_id": None, "client_secret": "X-Key"}
    ]
    endpoint = read_endpoint("acme", load_checked(written(tmp_path, json.dumps(data))))
    assert (endpoint.method, endpoint.media_type, endpoint.parameters) == ("GET", None, ())
    assert endpoint.client_auth[0].client_secret == "X-Key"


def test_a_name_in_camel_case_gives_an_argument_in_snake_case(tmp_path: Path) -> None:
    data = short({"x-token-endpoint.response": None})
    schema = data["paths"]["/v1/{realm}/authorize"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    schema["properties"]["tenantId"] = {"type": "string"}
    endpoint = read_endpoint("acme", load_checked(written(tmp_path, json.dumps(data))))
    assert "tenant_id" in {each.argument for each in endpoint.parameters}


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"x-token-endpoint.client_authentication": None}, "'client_authentication' is missing"),
        ({"x-token-endpoint": None}, "there is no x-token-endpoint, which"),
        ({"paths": None}, "expected one path with one operation"),
        ({"x-token-endpoint.anser": {}}, "'anser' is not known here"),
        ({"hosts": []}, "'hosts' is not known here"),
        ({"servers": [{"url": "http://acme.example"}]}, "servers"),
        ({"servers": [{"url": "https://a.example"}, {"url": "https://b.example"}]}, "'x-environment' is missing"),
        ({"paths": {"/a": {"post": {}}, "/b": {"post": {}}}}, "one-operation"),
        ({"paths": {"@evil.example/a": {"post": {}}}}, "one-operation"),
        ({"x-token-endpoint.error": {"code": ["errors"]}}, "token-endpoint"),
        ({"x-token-endpoint.parameters": {"level": {"argument": "environment"}}}, "'environment' is taken"),
        ({"components": {"schemas": {"A": {"$ref": "file:///etc/passwd"}}}}, "references"),
    ],
)
def test_what_matters_stays_an_error(tmp_path: Path, changes: dict[str, Any], text: str) -> None:
    assert text in "\n".join(errors(tmp_path, short(changes)))


@pytest.mark.parametrize("odd", [None, 7, "text", [7], {"a": 7}])
def test_no_odd_value_in_a_short_spec_is_more_than_a_finding(tmp_path: Path, odd: Any) -> None:
    data: dict[str, Any] = yaml.safe_load(SHORT)

    def places(value: Any, steps: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        inner: Any = value.items() if is_object(value) else enumerate(value) if is_array(value) else ()
        return [steps, *(place for step, each in inner for place in places(each, (*steps, step)))]

    for *steps, last in filter(None, places(data)):
        changed = copy.deepcopy(data)
        here: Any = changed
        for step in steps:
            here = here[step]
        here[last] = odd
        with suppress(SpecError):
            assert read_endpoint("acme", check(document.Document(tmp_path / "acme.yaml", changed, {})))
    changed = copy.deepcopy(data)
    changed["x-token-endpoint"]["response"]["access_token"] = [f"/{'a/' * 5000}a"]
    assert errors(tmp_path, changed)


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ("x-token-endpoint", "x-token-endpont", "/x-token-endpont"),
        ("paths", "path", "/path"),
        ("servers", "server", "/server"),
        ("x-environment: sandbox", "x-enviroment: sandbox", "/servers/1/x-enviroment"),
        ("requestBody", "requestbody", f"{POST}/requestbody"),
        ("{type: integer, ", "{tpye: integer, ", f"{BODY}/properties/level/tpye"),
        ("client_authentication", "client_authentcation", "/x-token-endpoint/client_authentcation"),
        ("client_secret: clientSecret", "client_secert: clientSecret", f"{METHOD}/client_secert"),
        ("access_token", "acces_token", "/x-token-endpoint/response/acces_token"),
        ("unit", "units", "/x-token-endpoint/response/lifetime/0/units"),
        # A field that two parts of the spec call by different names.
        ("clientSecret: {", "clientSecert: {", f"{METHOD}/client_secret"),
        ("clientId: {", "clientid: {", f"{METHOD}/client_id"),
        # A value.
        ("method: client_secret_post", "method: basic", f"{METHOD}/method"),
        ("method: client_secret_post", "method: client_secret_pst", f"{METHOD}/method"),
        ("unit: seconds", "unit: second", "/x-token-endpoint/response/lifetime/0/unit"),
    ],
)
def test_a_typing_error_is_one_finding_with_the_word_that_is_meant(
    tmp_path: Path, right: str, wrong: str, place: str
) -> None:
    text = SHORT.replace(right, wrong)
    found = lint(written(tmp_path, text))
    assert [each.fault.place for each in found] == [place]
    assert not found[0].warning
    assert wrong.partition(":")[0] in text.splitlines()[(found[0].line or 0) - 1] or "client" in place
    assert "; did you mean '" in found[0].fault.text


def test_a_misspelt_place_in_a_response_is_found_if_the_response_is_listed(tmp_path: Path) -> None:
    fields = {"type": "object", "properties": {"accessToken": {"type": "string"}, "expiresIn": {"type": "integer"}}}
    listed = {"type": "object", "properties": {"data": fields}}
    responses = {"200": {"content": {"application/json": {"schema": listed}}}}
    good = short({"paths./v1/{realm}/authorize.post.responses": responses})
    assert errors(tmp_path, good) == []
    good["x-token-endpoint"]["response"]["access_token"] = ["/data/acessToken"]
    [found] = errors(tmp_path, good)
    assert found.endswith("the response has no '/data/acessToken'; did you mean '/data/accessToken'?")


def test_a_header_that_is_misspelt_is_found(tmp_path: Path) -> None:
    header = {"name": "X-Client-Secert", "in": "header"}
    method = [{"method": "header", "client_id": None, "client_secret": "X-Client-Secret"}]
    [found] = errors(
        tmp_path,
        short(
            {
                "paths./v1/{realm}/authorize.post.parameters": [header],
                "paths./v1/{realm}/authorize.post.requestBody": None,
                "x-token-endpoint.client_authentication": method,
            }
        ),
    )
    assert found.endswith("the header has no 'X-Client-Secret'; did you mean 'X-Client-Secert'?")


@pytest.mark.parametrize(
    ("parameters", "rules"),
    [
        ({"grantType": {"value": "client_credentials"}, "realm": {"argument": "realm"}}, []),
        ({"grantTyp": {"value": "client_credentials"}, "realm": {"argument": "realm"}}, ["spelling"]),
        ({"audience": {"argument": "audience"}, "grantType": {"value": "client_credentials"}}, ["undeclared-fields"]),
    ],
)
def test_a_parameter_that_the_listed_body_lacks_is_reported(
    tmp_path: Path, parameters: dict[str, Any], rules: list[str]
) -> None:
    body = {"properties": {name: {"type": "string"} for name in ("grantType", "clientId", "clientSecret")}}
    body["properties"]["grantType"] = {"const": "client_credentials"}
    changes = {
        "paths./v1/{realm}/authorize.post.requestBody": {"content": {"application/json": {"schema": body}}},
        "x-token-endpoint.parameters": {"realm": {"argument": "realm"}, **parameters},
    }
    found = lint(written(tmp_path, json.dumps(short(changes))))
    assert [each.fault.rule for each in found] == rules
    assert all(each.warning == (each.fault.rule == "undeclared-fields") for each in found)


def test_a_body_that_lists_no_fields_may_have_any(tmp_path: Path) -> None:
    changes: dict[str, Any] = {
        "paths./v1/{realm}/authorize.post.requestBody": {"content": {"application/json": {}}},
        "x-token-endpoint.parameters": {"realm": {"argument": "realm"}, "audience": {"argument": "audience"}},
    }
    assert lint(written(tmp_path, json.dumps(short(changes)))) == []


def test_a_finding_in_a_schema_has_the_line_where_its_author_wrote_it(tmp_path: Path) -> None:
    text = SHORT.replace("{type: integer, enum: [1, 2]}", "{type: array, items: {type: string}}")
    [found] = lint(written(tmp_path, text))
    assert found.fault.place == f"{BODY}/properties/level"
    assert "level:" in text.splitlines()[(found.line or 0) - 1]


@pytest.mark.parametrize(
    ("right", "wrong", "said"),
    [
        (
            "[/data/accessToken]",
            "/data/accessToken",
            "'/data/accessToken' is not a list. A list of JSON Pointers, such as",
        ),
        ("/data/accessToken", "data.accessToken", "'data.accessToken' is not allowed here. A JSON Pointer (RFC 6901)"),
        ("openapi: 3.1.0", "openapi: 3.0.3", "the version is 3.0.3; expected 3.1.0"),
        ("openapi: 3.1.0", "openapi: 3.1", "the version is 3.1; expected 3.1.0"),
        ("openapi: 3.1.0", "openapi: [3]", "the version is of type list; expected 3.1.0"),
        ("https://sandbox.acme.example", "http://localhost", "For a server on this machine, pass base_url."),
        ("/v1/{realm}/authorize", "v1/{realm}/authorize", "The path begins with a slash"),
        ("[{at: /data/expiresIn, unit: seconds}]", "{unit: never}", "{'unit': 'never'} is not a list"),
        ("level:", "class:", "'class' is a Python keyword. An argument must not be"),
        (
            "{header: X-Acme-Token}",
            "{dpop: true, query: t}",
            "{'dpop': True, 'query': 't'} is not allowed here. A token that",
        ),
        (
            "{header: X-Acme-Token}",
            "{prefix: Acme}",
            "'prefix' is given without 'header'. How API calls use the token.",
        ),
        ("{header: X-Acme-Token}", "{header: Authorization, prefix: DPoP}", "'DPoP' is not allowed here. Tokens with"),
        ("token_use: {header: X-Acme-Token}", "parameters: {level: 2}", "2 is not a mapping. Either value, which is"),
    ],
)
def test_a_mistake_is_one_finding_that_says_what_is_expected(tmp_path: Path, right: str, wrong: str, said: str) -> None:
    [found] = lint(written(tmp_path, SHORT.replace(right, wrong)))
    assert said in found.fault.text


def test_the_finding_about_the_name_of_a_file_has_a_good_name(tmp_path: Path) -> None:
    [found] = lint(written(tmp_path, name="Acme-Pay.yaml"))
    assert found.fault.text == "the name is 'Acme-Pay'; did you mean 'acme_pay'?"


def test_a_spec_of_many_names_is_compared_in_a_moment(tmp_path: Path) -> None:
    fields = {f"client_secre{index}": {"type": "string"} for index in range(3000)}
    body = {"content": {"application/json": {"schema": {"properties": fields}}}}
    parameters = {f"client_secr{index}t": {"value": "x"} for index in range(1000)}
    changes = {"paths./v1/{realm}/authorize.post.requestBody": body, "x-token-endpoint.parameters": parameters}
    assert len(lint(written(tmp_path, json.dumps(short(changes))))) <= 20


def test_an_object_that_is_called_token_is_no_secret_itself(tmp_path: Path) -> None:
    data = short({"x-token-endpoint.response": {"access_token": ["/token/value"]}})
    assert lint(written(tmp_path, json.dumps(data))) == []


def test_the_rules_of_the_box_are_rules() -> None:
    assert RULES.keys() >= OF_THE_BOX


def test_a_variable_of_the_host_is_an_argument(tmp_path: Path) -> None:
    server = '{url: "https://{shop}.acme.example", variables: {shop: {}}}'
    path = written(tmp_path, SHORTEST.replace('{url: "https://auth.acme.example"}', server))
    made = SpecProvider(path, **CREDENTIALS, shop="my-shop")
    assert made.token_url == "https://my-shop.acme.example/oauth/token"
