"""The API of a provider in the sandbox: any method and path, responses of a test's own, and what records show."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from paygrant import ConfigurationError
from paygrant.sandbox import Sandbox

GRANT = {"grant_type": "client_credentials"}


@pytest.fixture(scope="module")
def running() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def sandbox(running: Sandbox) -> Iterator[Sandbox]:
    running.reset()
    yield running
    running.reset()


@pytest.fixture
def api(sandbox: Sandbox) -> Iterator[httpx.Client]:
    """A client of the API with a live token."""
    base_url = sandbox.cryptofuse.base_url
    with httpx.Client(base_url=base_url, trust_env=False) as client:
        granted = client.post("/o/token/", data=GRANT, auth=(sandbox.client_id, sandbox.client_secret))
        client.headers["Authorization"] = f"Bearer {granted.json()['access_token']}"
        yield client


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"])
@pytest.mark.parametrize("path", ["/resource", "/v4/payments", "/", "/a/b%20c/", "/o/token"])
def test_any_method_and_path_responds_to_a_live_token(api: httpx.Client, method: str, path: str) -> None:
    response = api.request(method, path)
    assert (response.status_code, response.json()) == (200, {"provider": "cryptofuse"})


def test_a_path_of_the_api_refuses_a_dead_token(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.cryptofuse.revoke()
    response = api.post("/v4/payments", json={})
    assert response.status_code == 401
    assert 'error="invalid_token"' in response.headers["WWW-Authenticate"]
    assert api.post("/v4/payments", headers={"Authorization": ""}).status_code == 401
    assert sandbox.cryptofuse.api_calls == 2


def test_a_response_of_a_tests_own_is_for_its_method_and_path(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.cryptofuse.respond(
        "POST", "/v4/payments", status=201, json={"id": 7}, headers={"Location": "/v4/payments/7"}
    )
    created = api.post("/v4/payments?dry=1", json={})
    assert (created.status_code, created.json(), created.headers["Location"]) == (201, {"id": 7}, "/v4/payments/7")
    assert api.get("/v4/payments").json() == {"provider": "cryptofuse"}

    sandbox.cryptofuse.respond("POST", "/v4/payments", status=204)
    empty = api.post("/v4/payments")
    assert (empty.status_code, empty.content) == (204, b"")

    sandbox.reset()
    assert api.post("/v4/payments").status_code == 401  # the token is forgotten, too


def test_a_reset_forgets_the_responses(sandbox: Sandbox) -> None:
    sandbox.cryptofuse.respond("GET", "/v4/payments", status=418)
    sandbox.reset()
    with httpx.Client(base_url=sandbox.cryptofuse.base_url, trust_env=False) as client:
        granted = client.post("/o/token/", data=GRANT, auth=(sandbox.client_id, sandbox.client_secret))
        headers = {"Authorization": f"Bearer {granted.json()['access_token']}"}
        assert client.get("/v4/payments", headers=headers).status_code == 200


def test_a_dead_token_gets_no_response_of_a_tests_own(sandbox: Sandbox, api: httpx.Client) -> None:
    sandbox.cryptofuse.respond("GET", "/v4/payments", json={"id": 7})
    sandbox.cryptofuse.revoke()
    assert api.get("/v4/payments").status_code == 401


def test_faults_of_the_resource_apply_to_every_path(sandbox: Sandbox, api: httpx.Client) -> None:
    with sandbox.cryptofuse.fail(503, on="resource"):
        assert api.get("/v4/payments").status_code == 503
    assert api.get("/v4/payments").status_code == 200


def test_another_method_of_the_token_endpoint_needs_a_token(sandbox: Sandbox, api: httpx.Client) -> None:
    refused = httpx.get(f"{sandbox.cryptofuse.base_url}/o/token/", trust_env=False)
    assert (refused.status_code, refused.headers["Allow"]) == (405, "POST")
    assert api.get("/o/token/").status_code == 200
    sandbox.cryptofuse.respond("GET", "/o/token/", json=[])
    assert api.get("/o/token/").json() == []


def test_a_record_shows_a_path_only_if_it_is_known_or_a_live_token_came_with_it(
    sandbox: Sandbox, api: httpx.Client
) -> None:
    token = api.headers["Authorization"].removeprefix("Bearer ")
    api.get("/v4/payments/12")
    api.get(f"/v4/{token}")
    api.get(f"/v4/{sandbox.client_secret}")
    api.get("/v4/payments/12", headers={"Authorization": "Bearer canary"})
    sandbox.cryptofuse.respond("GET", "/v4/refunds")
    api.get("/v4/refunds", headers={"Authorization": "Bearer canary"})

    paths = [each.path.removeprefix("/cryptofuse") for each in sandbox.cryptofuse.requests[1:]]
    assert paths == ["/v4/payments/12", "/[unknown]", "/[unknown]", "/[unknown]", "/v4/refunds"]
    recorded = repr(sandbox.cryptofuse.requests)
    for secret in (token, sandbox.client_secret, "canary"):
        assert secret not in recorded


BAD: list[tuple[tuple[Any, ...], dict[str, Any], str]] = [
    (("post", "/a"), {}, "method: is 'post'; expected one of: CONNECT, "),
    ((3, "/a"), {}, "method: is of type int"),
    (("GET", "a"), {}, "path: has no slash at its start"),
    (("GET", "/a?b"), {}, "path: holds '?'"),
    (("GET", "/a b"), {}, "path: holds ' '"),
    (("GET", ""), {}, "path: is empty"),
    (("GET", None), {}, "path: is of type NoneType"),
    (("POST", "/o/token/"), {}, "path: is the token endpoint; expected a path of the API"),
    (("GET", "/a"), {"status": 99}, "status: is 99; "),
    (("GET", "/a"), {"status": 600}, "status: is 600; "),
    (("GET", "/a"), {"status": "200"}, "status: is '200'; "),
    (("GET", "/a"), {"status": 200.0}, "status: is 200.0; "),
    (("GET", "/a"), {"json": {1, 2}}, "json: cannot be sent as JSON (TypeError); expected "),
    (("GET", "/a"), {"json": {}, "status": 204}, "json: is given with status 204, which has no body; expected no json"),
    (("GET", "/a"), {"json": float("nan")}, "json: cannot be sent as JSON (ValueError); expected "),
    (("GET", "/a"), {"headers": ["a"]}, "headers: is of type list; expected a mapping"),
    (("GET", "/a"), {"headers": {"a": "b\nc"}}, "headers: "),
    (("GET", "/a"), {"headers": {"a b": "c"}}, "headers: "),
    (("GET", "/a"), {"headers": {"a": 1}}, "headers: "),
    (("GET", "/a"), {"headers": {"content-length": "5"}}, "headers: has content-length, which HTTP itself sets"),
    (("GET", "/a"), {"headers": {"ä": "c"}}, "headers: "),
    (("GET", "/a"), {"headers": {"a": "€"}}, "headers: "),
]


@pytest.mark.parametrize(("arguments", "options", "fault"), BAD)
def test_a_bad_argument_of_a_response_is_a_configuration_error(
    sandbox: Sandbox, arguments: tuple[Any, ...], options: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        sandbox.cryptofuse.respond(*arguments, **options)
    assert str(caught.value).startswith(fault)


def test_a_document_that_changes_later_is_sent_as_it_was(sandbox: Sandbox, api: httpx.Client) -> None:
    document = {"id": 7}
    sandbox.cryptofuse.respond("GET", "/v4/payments", json=document)
    document["id"] = 8
    assert api.get("/v4/payments").json() == {"id": 7}
