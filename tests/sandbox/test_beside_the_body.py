"""Token requests whose parts are not in a body: headers, a query, and no body at all."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from paygrant.sandbox import Client, Sandbox

CLIENT = Client("canary-id-7f3a", "canary-secret-91bc")
HEADERS = {"x-client-id": CLIENT.client_id, "x-api-key": CLIENT.client_secret}
LOGIN = ("POST", "airwallex", "/api/v1/authentication/login")
GENERATE = ("GET", "mpesa", "/oauth/v1/generate")
RIGHT = (CLIENT.client_id, CLIENT.client_secret)
GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox(client=CLIENT) as sandbox:
        yield sandbox


def ask(sandbox: Sandbox, endpoint: tuple[str, str, str], **request: Any) -> httpx.Response:
    method, name, path = endpoint
    with httpx.Client(trust_env=False) as client:
        return client.request(method, sandbox.base_url(name) + path, **request)


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"headers": HEADERS}, 201),
        ({"headers": {**HEADERS, "x-login-as": "acct_1"}}, 201),
        ({"headers": {name.title(): value for name, value in HEADERS.items()}}, 201),
        ({"headers": {**HEADERS, "x-api-key": "wrong"}}, 401),
        ({"headers": {"x-client-id": CLIENT.client_id}}, 401),
        ({}, 401),
        ({"headers": HEADERS, "params": {"scope": "all"}}, 400),
        ({"headers": HEADERS, "json": {}}, 400),
    ],
)
def test_credentials_in_headers(sandbox: Sandbox, request_: dict[str, Any], status: int) -> None:
    assert ask(sandbox, LOGIN, **request_).status_code == status


@pytest.mark.parametrize(
    ("request_", "status"),
    [
        ({"params": GRANT, "auth": RIGHT}, 200),
        ({"params": GRANT, "auth": (CLIENT.client_id, "wrong")}, 400),
        ({"params": GRANT}, 400),
        ({"auth": RIGHT}, 400),
        ({"params": {"grant_type": "password"}, "auth": RIGHT}, 400),
        ({"params": {**GRANT, "scope": "all"}, "auth": RIGHT}, 400),
    ],
)
def test_a_parameter_in_the_query_of_a_get(sandbox: Sandbox, request_: dict[str, Any], status: int) -> None:
    assert ask(sandbox, GENERATE, **request_).status_code == status


def test_a_lifetime_is_text_where_the_example_has_text(sandbox: Sandbox) -> None:
    assert ask(sandbox, GENERATE, params=GRANT, auth=RIGHT).json()["expires_in"] == "3599"


def test_another_method_than_the_documented_one_has_no_route(sandbox: Sandbox) -> None:
    assert ask(sandbox, ("POST", *GENERATE[1:]), params=GRANT, auth=RIGHT).status_code == 405


def test_a_record_has_no_secret_from_a_header(sandbox: Sandbox) -> None:
    ask(sandbox, LOGIN, headers={**HEADERS, "x-login-as": "acct_1"})
    recorded = repr(sandbox.airwallex.requests[-1])

    assert "x-login-as" in recorded
    for each in (*HEADERS.values(), CLIENT.client_id):
        assert each not in recorded


@pytest.mark.parametrize(
    ("name", "header", "status"),
    [
        ("phonepe", {"Authorization": "O-Bearer {}"}, 200),
        ("phonepe", {"Authorization": "Bearer {}"}, 401),
        ("shopify", {"X-Shopify-Access-Token": "{}"}, 200),
        ("shopify", {"Authorization": "Bearer {}"}, 401),
        ("shopify", {"X-Shopify-Access-Token": ""}, 401),
        ("dwolla", {"Authorization": "Bearer {}"}, 200),
        ("dwolla", {"X-Shopify-Access-Token": "{}"}, 401),
    ],
)
def test_a_call_carries_the_token_as_the_spec_says(
    sandbox: Sandbox, name: str, header: dict[str, str], status: int
) -> None:
    sandbox.reset()
    names = {"client_id": CLIENT.client_id, "client_secret": CLIENT.client_secret}
    paths = {"phonepe": "/v1/oauth/token", "shopify": "/admin/oauth/access_token", "dwolla": "/token"}
    bodies: dict[str, dict[str, Any]] = {
        "phonepe": {"data": {**GRANT, **names, "client_version": "1"}},
        "shopify": {"json": {**GRANT, **names}},
        "dwolla": {"data": GRANT, "auth": RIGHT},
    }
    token = ask(sandbox, ("POST", name, paths[name]), **bodies[name]).json()["access_token"]
    headers = {each: value.format(token) for each, value in header.items()}

    assert ask(sandbox, ("GET", name, "/resource"), headers=headers).status_code == status
