"""ClientCredentials: any endpoint that follows RFC 6749, without a spec."""

import json
from typing import Any

import pytest

from paygrant import (
    ClientCredentials,
    ConfigurationError,
    InvalidClient,
    MemoryStore,
    TokenRequestRejected,
    TokenSource,
)
from tests.helpers.arguments import refusal
from tests.helpers.providers import ask
from tests.helpers.servers import Reply, Server, granted

CLIENT: dict[str, Any] = {"client_id": "straw-client", "client_secret": "straw-secret"}


def at(server: Server, path: str = "/oauth/token", **options: Any) -> ClientCredentials:
    return ClientCredentials(**CLIENT, token_url=f"{server.base_url}{path}", **options)


@pytest.mark.parametrize(
    ("options", "authorization", "body"),
    [
        ({}, "Basic c3RyYXctY2xpZW50OnN0cmF3LXNlY3JldA==", "grant_type=client_credentials"),
        (
            {"auth_method": "client_secret_post"},
            None,
            "grant_type=client_credentials&client_id=straw-client&client_secret=straw-secret",
        ),
        (
            {
                "auth_method": "client_secret_post",
                "scope": ("a", "b"),
                "parameters": {"audience": "https://api", "resource": "r"},
            },
            None,
            (
                "grant_type=client_credentials&scope=a+b&audience=https%3A%2F%2Fapi&resource=r"
                "&client_id=straw-client&client_secret=straw-secret"
            ),
        ),
    ],
)
def test_the_request_follows_rfc_6749(
    server: Server, options: dict[str, Any], authorization: str | None, body: str
) -> None:
    token = ask(at(server, **options))
    assert (token.access_token, token.response["access_token"]) == ("token-1", "token-1")
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.headers.get("Authorization")) == ("POST", "/oauth/token", authorization)
    assert seen.headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert seen.body.decode() == body


@pytest.mark.parametrize("path", ["/o/token/", "/token?tenant=a%20b", "", "/"])
def test_the_token_url_is_used_unchanged(server: Server, path: str) -> None:
    ask(at(server, path))
    assert server.seen[0].path == (path or "/")


@pytest.mark.parametrize("path", ["/..", "/a/../token", "/./token"])
def test_a_token_url_with_dots_for_a_part_of_its_path_is_refused(path: str) -> None:
    text = refusal(
        lambda: ClientCredentials(client_id="c", client_secret="s", token_url=f"https://a.example{path}"), "token_url"
    )
    assert text.startswith("token_url: holds . or .. as a part of its path; ")


def test_wrong_credentials_raise_the_error_of_rfc_6749(server: Server) -> None:
    server.reply = Reply({"error": "invalid_client", "error_description": "who?"}, 401)
    with pytest.raises(
        InvalidClient, match=r"client_credentials: status 401, credentials refused: invalid_client: who\?"
    ):
        ask(at(server))


def test_no_error_shows_a_parameter_that_may_be_secret(server: Server) -> None:
    server.reply = Reply({"error": "no", "error_description": "api, but canary-assertion-1 is wrong"}, 400)
    with pytest.raises(TokenRequestRejected, match=r"no: api, but\[cut\]"):
        ask(at(server, parameters={"user_assertion": "canary-assertion-1", "audience": "api"}))


@pytest.mark.parametrize(
    "change",
    [{"scope": "b"}, {"parameters": {"audience": "b"}}, {"auth_method": "client_secret_post"}, {"path": "/other"}],
)
def test_different_parameters_share_no_token(server: Server, change: dict[str, Any]) -> None:
    server.reply = lambda _: granted(f"token-{len(server.seen)}")
    store = MemoryStore()
    options: dict[str, Any] = {"scope": "a", "parameters": {"audience": "a"}}
    same = [TokenSource(at(server, **options), store=store).get() for _ in range(2)]
    other = TokenSource(at(server, **{**options, **change}), store=store).get()
    assert [each.access_token for each in (*same, other)] == ["token-1", "token-1", "token-2"]


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        ({}, "token_url: is missing"),
        ({"token_url": 5}, "token_url: is of type int"),
        ({"token_url": "http://auth.example/token"}, "token_url: is plain http"),
        ({"token_url": "https://auth.example/token#part"}, "token_url: holds a user, a query or a fragment"),
        ({"token_url": "https://user@auth.example/token"}, "token_url: holds a user, a query or a fragment"),
        ({"token_url": "https://auth.example", "scope": 'a"b'}, "scope: holds"),
        ({"token_url": "https://auth.example", "scope": 0}, "scope: is of type int"),
        ({"token_url": "https://auth.example", "scope": b""}, "scope: is of type bytes"),
        ({"token_url": "https://auth.example", "auth_method": "query"}, "auth_method: is 'query'"),
        ({"token_url": "https://auth.example", "parameters": "a=b"}, "parameters: is of type str"),
        ({"token_url": "https://auth.example", "parameters": {"a": ""}}, "parameters: is empty"),
        ({"token_url": "https://auth.example", "parameters": {"": "a"}}, "parameters: is empty"),
        ({"token_url": "https://auth.example", "parameters": {"grant_type": "password"}}, "holds 'grant_type'"),
        ({"token_url": "https://auth.example", "parameters": {"client_secret": "a"}}, "holds 'client_secret'"),
        ({"token_url": "https://auth.example/?a=\n"}, "token_url: holds a control character"),
        ({"token_url": "https://auth.example/?a=b#c"}, "token_url: holds '#'"),
        ({"token_url": "https://auth.example", "base_url": "https://b.example"}, "base_url"),
    ],
)
def test_a_bad_argument_is_named(options: dict[str, Any], fault: str) -> None:
    with pytest.raises(ConfigurationError, match=fault):
        ClientCredentials(**CLIENT, **options)


def test_from_env_reads_the_variables_of_client_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**CLIENT, "token_url": "https://auth.example/token", "scope": "a b"}.items():
        monkeypatch.setenv(f"CLIENT_CREDENTIALS_{name.upper()}", value)
    provider = ClientCredentials.from_env()
    assert (provider.token_url, provider.scope) == ("https://auth.example/token", ("a", "b"))
    assert provider == ClientCredentials(**CLIENT, token_url="https://auth.example/token", scope=("a", "b"))


# Names and bodies


def test_a_body_may_be_json(server: Server) -> None:
    ask(at(server, body="json", auth_method="client_secret_post", scope="a b", parameters={"audience": "x"}))
    (seen,) = server.seen
    assert seen.headers["Content-Type"] == "application/json"
    assert json.loads(seen.body) == {
        "grant_type": "client_credentials",
        "scope": "a b",
        "audience": "x",
        "client_id": "straw-client",
        "client_secret": "straw-secret",
    }


def test_the_name_stands_in_errors_and_begins_the_variables(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.reply = Reply({"error": "invalid_client"}, status=401)
    with pytest.raises(InvalidClient) as caught:
        ask(at(server, name="my_shop"))
    assert caught.value.provider == "my_shop"
    for name, value in {**CLIENT, "token_url": "https://auth.example/t"}.items():
        monkeypatch.setenv(f"MY_SHOP_{name.upper()}", value)
    made = ClientCredentials.from_env(name="my_shop")
    assert made == ClientCredentials(**CLIENT, token_url="https://auth.example/t", name="my_shop")
    assert ClientCredentials.from_env("MY_SHOP").name == "client_credentials"


@pytest.mark.parametrize("name", ["", "My shop", "shop-2", "a\nb", 7, None])
def test_a_name_must_be_in_snake_case(server: Server, name: Any) -> None:
    refusal(lambda: at(server, name=name), "name")
    if name is not None:
        refusal(lambda: ClientCredentials.from_env(name=name), "name")


def test_another_body_is_refused(server: Server) -> None:
    assert refusal(lambda: at(server, body="xml"), "body") == "body: is 'xml'; expected one of: form, json"
