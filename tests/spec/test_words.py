"""The words of x-token-endpoint that few providers need, each against a server that insists on it."""

import json
import pickle
import re
import threading
from base64 import b64encode
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any, cast
from urllib.parse import parse_qsl, quote_plus, urlsplit

import anyio
import httpx
import pytest
import yaml
from jsonschema import Draft202012Validator

from paygrant import (
    ConfigurationError,
    FileStore,
    InvalidClient,
    MemoryStore,
    RefreshPolicy,
    SpecProvider,
    Store,
    TokenAuth,
    TokenRequestRejected,
    TokenSource,
)
from tests.helpers.arguments import refusal
from tests.helpers.described import described
from tests.helpers.providers import ask
from tests.helpers.servers import Reply, Seen, Server, granted, serve
from tests.helpers.specs import ROOT

ID, SECRET = "straw-client", "straw/secret+1 ü"
FORM = "application/x-www-form-urlencoded"
JSON_API = "application/vnd.api+json"
TEXT = {"type": "string"}
PASSWORD = {"type": "string", "format": "password"}


def spec(
    *,
    method: str = "post",
    content: dict[str, Any] | None = None,
    accept: str = "application/json",
    properties: dict[str, Any] | None = None,
    parameters: Iterable[dict[str, Any]] = (),
    **endpoint: Any,
) -> dict[str, Any]:
    """The smallest spec that has these parts."""
    body = {"requestBody": {"content": content}} if content else {}
    return {
        "paths": {
            "/token": {
                method: {
                    "parameters": list(parameters),
                    **body,
                    "responses": {"200": {"content": {accept: {}}}, "401": {"description": "Refused, without a body."}},
                }
            }
        },
        "components": {"schemas": {"TokenRequest": {"type": "object", "properties": properties or {}}}},
        "x-token-endpoint": {
            "client_authentication": [{"method": "client_secret_basic", "encoding": "form"}],
            "parameters": {},
            "response": {"access_token": ["/access_token"], "lifetime": [{"at": "/expires_in", "unit": "seconds"}]},
            "invalid_client": [{"status": 401}],
            "error": {},
            **endpoint,
        },
    }


def provider_of(server: Server, document: dict[str, Any], **arguments: Any) -> SpecProvider:
    credentials = {"client_id": ID, "client_secret": SECRET, "base_url": server.base_url}
    return described(document, **{**credentials, **arguments})


def source_of(server: Server, token_use: dict[str, Any], **arguments: Any) -> TokenSource:
    """A source of tokens for an API that uses them in this way."""
    return TokenSource(
        provider_of(server, spec(token_use=token_use)), **cast("Any", {"store": MemoryStore(), **arguments})
    )


# The request and its response


def test_json_of_a_vendor_is_sent_and_read_at_any_depth(server: Server) -> None:
    names = {"client_id": "/data/attributes/client_id", "client_secret": "/data/attributes/client_secret"}
    attributes = {"type": "object", "properties": {"client_id": PASSWORD, "client_secret": PASSWORD}}
    data = {"type": "object", "properties": {"type": TEXT, "attributes": attributes}}
    document = spec(
        content={JSON_API: {"schema": {}}},
        accept=JSON_API,
        properties={"data": data},
        client_authentication=[{"method": "client_secret_post", **names}],
        parameters=[],
        response={
            "access_token": ["/data/attributes/token"],
            "lifetime": [{"at": "/data/attributes/ttl", "unit": "seconds"}],
        },
        error={"code": ["/errors/0/code"], "description": ["/errors/0/detail"]},
    )
    document["x-token-endpoint"]["parameters"] = {"/data/type": {"value": "tokens"}}

    def reply(seen: Seen) -> Reply:
        if (seen.headers["Accept"], seen.headers["Content-Type"]) != (JSON_API, JSON_API):
            return Reply({}, 415)
        wanted = {"data": {"type": "tokens", "attributes": {"client_id": ID, "client_secret": SECRET}}}
        if json.loads(seen.body) != wanted:
            errors = [{"code": "unauthorized", "detail": "no such client"}]
            return Reply({"errors": errors}, 401, {"Content-Type": JSON_API})
        attributes = {"token": "it", "ttl": "600"}
        return Reply({"data": {"type": "tokens", "attributes": attributes}}, headers={"Content-Type": JSON_API})

    server.reply = reply
    token = ask(provider_of(server, document))
    assert token.access_token == "it"
    assert token.expires_at
    with pytest.raises(InvalidClient) as caught:
        ask(provider_of(server, document, client_secret="other"))
    assert (caught.value.error, caught.value.error_description) == ("unauthorized", "no such client")


def test_a_content_type_is_sent_without_a_body(server: Server) -> None:
    names = {"client_id": "X-Client-Id", "client_secret": "X-Api-Key"}
    declared = [{"name": name, "in": "header", "required": True, "schema": PASSWORD} for name in names.values()]
    document = spec(
        content={"application/json": {}},
        parameters=declared,
        client_authentication=[{"method": "header", **names}],
    )
    server.reply = lambda seen: (
        granted() if (seen.headers.get("Content-Type"), seen.body) == ("application/json", b"") else Reply({}, 415)
    )
    assert ask(provider_of(server, document, client_secret="key")).access_token == "token-1"
    assert server.seen[0].headers["Content-Length"] == "0"


def test_an_error_without_a_body_is_an_error(server: Server) -> None:
    server.reply = Reply(b"", 401, {"Content-Type": ""})
    with pytest.raises(InvalidClient, match=r"status 401, credentials refused$") as caught:
        ask(provider_of(server, spec()))
    assert (caught.value.error, caught.value.error_description) == (None, None)


@pytest.mark.parametrize("encoding", ["form", "plain", "auto"])
def test_basic_credentials_are_encoded_as_the_spec_says_by_one_request(server: Server, encoding: str) -> None:
    def reply(seen: Seen) -> Reply:
        wanted = f"{quote_plus(ID)}:{quote_plus(SECRET)}" if encoding == "form" else f"{ID}:{SECRET}"
        right = seen.headers["Authorization"] == f"Basic {b64encode(wanted.encode()).decode()}"
        return granted() if right else Reply({}, 401)

    server.reply = reply
    method = {"method": "client_secret_basic", "encoding": encoding}
    assert ask(provider_of(server, spec(client_authentication=[method]))).access_token == "token-1"
    assert len(server.seen) == 1
    other = "plain" if encoding == "form" else "form"
    with pytest.raises(InvalidClient):
        ask(provider_of(server, spec(client_authentication=[method]), basic_encoding=other))


@pytest.mark.parametrize("name", ["Client_Secret", "X.Key", "!#$%&'*+-.^_`|~09az"])
def test_a_header_may_have_any_name_of_rfc_9110(server: Server, name: str) -> None:
    document = spec(
        parameters=[{"name": name, "in": "header", "required": True, "schema": PASSWORD}],
        client_authentication=[{"method": "header", "client_id": None, "client_secret": name}],
    )
    server.reply = lambda seen: granted() if seen.headers.get(name) == "key" else Reply({}, 401)
    assert ask(provider_of(server, document, client_secret="key")).access_token == "token-1"


def test_credentials_have_the_names_of_oauth_by_default(server: Server) -> None:
    for method in ("query", "client_secret_post"):
        document = spec(
            content={FORM: {"schema": {}}},
            properties={"client_id": PASSWORD, "client_secret": PASSWORD},
            client_authentication=[{"method": method}],
        )
        ask(provider_of(server, document))
        seen = server.seen[-1]
        sent = urlsplit(seen.path).query if method == "query" else seen.body.decode()
        assert dict(parse_qsl(sent)) == {"client_id": ID, "client_secret": SECRET}


EXCLUSIVE = {
    "object_id": {"argument": "object_id", "excludes": ["resource_id"]},
    "resource_id": {"argument": "resource_id"},
}


def test_arguments_that_exclude_each_other_are_not_sent_together(server: Server) -> None:
    declared = [{"name": name, "in": "query", "schema": TEXT} for name in EXCLUSIVE]
    document = spec(parameters=declared)
    document["x-token-endpoint"]["parameters"] = EXCLUSIVE
    text = refusal(lambda: provider_of(server, document, object_id="a", resource_id="b"), "object_id")
    assert text == "object_id: is given together with resource_id; expected object_id or resource_id, but not both"
    for name in EXCLUSIVE:
        ask(provider_of(server, document, **{name: "a"}))
        assert urlsplit(server.seen[-1].path).query == f"{name}=a"


# No client authentication


def unauthenticated(**arguments: Any) -> SpecProvider:
    return described(spec(method="get", client_authentication=[{"method": "none"}]), **arguments)


def test_without_client_authentication_no_credentials_are_needed_nor_sent(server: Server) -> None:
    server.reply = Reply({"access_token": "it", "expires_in": "86399"})
    provider = unauthenticated(base_url=server.base_url)
    token = ask(provider)
    assert token.access_token == "it"
    assert token.expires_at
    (seen,) = server.seen
    assert (seen.method, seen.path, seen.body) == ("GET", "/token", b"")
    assert "Authorization" not in seen.headers
    assert repr(provider) == f"<SpecProvider acme {server.base_url}>"


def test_a_provider_without_client_authentication_can_be_copied(tmp_path: Path) -> None:
    (tmp_path / "openapi.json").write_text(json.dumps(spec(client_authentication=[{"method": "none"}])))
    provider = SpecProvider(tmp_path, base_url="https://auth.example")
    assert replace(provider, base_url="https://auth.example/v2").token_url == "https://auth.example/v2/token"
    assert pickle.loads(pickle.dumps(provider)) == provider


@pytest.mark.parametrize("name", ["client_id", "client_secret"])
def test_without_client_authentication_credentials_are_refused(name: str) -> None:
    given: dict[str, Any] = {name: "something"}
    text = refusal(lambda: unauthenticated(base_url="https://auth.example", **given), name)
    assert text == f"{name}: is given, but the method 'none' sends no credentials; expected no {name}"


LINK_LOCAL = [
    "http://169.254.169.254",
    "https://169.254.169.254",
    "http://[fe80::1]",
    "https://2852039166",
    "https://0xA9.0xFE.0xA9.0xFE/metadata",
    "https://[::ffff:169.254.169.254]",
]


@pytest.mark.parametrize("base_url", LINK_LOCAL)
def test_a_link_local_address_must_be_allowed(base_url: str) -> None:
    text = refusal(lambda: unauthenticated(base_url=base_url), "base_url")
    assert text.startswith("base_url: is a link-local address, ")
    assert unauthenticated(base_url=base_url, allow_link_local=True).token_url.endswith("/token")


def test_a_link_local_address_in_a_spec_must_be_allowed() -> None:
    document = spec(method="get", client_authentication=[{"method": "none"}])
    document["servers"] = [{"url": "http://169.254.169.254", "x-environment": "cloud"}]
    assert "is a link-local address" in refusal(lambda: described(document, environment="cloud"), "environment")
    provider = described(document, environment="cloud", allow_link_local=True)
    assert provider.token_url == "http://169.254.169.254/token"


@pytest.mark.parametrize("base_url", ["http://10.0.0.1", "http://metadata.example"])
def test_plain_http_to_other_hosts_is_never_allowed(base_url: str) -> None:
    text = refusal(lambda: unauthenticated(base_url=base_url, allow_link_local=True), "base_url")
    assert "is plain http to" in text


def test_allow_link_local_must_be_a_boolean() -> None:
    arguments: dict[str, Any] = {"base_url": "https://auth.example", "allow_link_local": "yes"}
    assert "is of type str" in refusal(lambda: unauthenticated(**arguments), "allow_link_local")


# Tokens that are used once


def test_each_call_gets_a_token_of_its_own(server: Server) -> None:
    source = source_of(server, {"single_use": True})

    async def several() -> list[str]:
        return [(await source.aget()).access_token for _ in range(2)]

    assert [source.get().access_token for _ in range(2)] == ["token-1", "token-2"]
    assert anyio.run(several) == ["token-3", "token-4"]
    assert anyio.run(several, backend="trio") == ["token-5", "token-6"]
    assert len(server.seen) == 6


def test_callers_at_the_same_time_share_no_token(server: Server) -> None:
    source, numbers, lock = source_of(server, {"single_use": True}), iter(range(100)), threading.Lock()

    def reply(_: Seen) -> Reply:
        with lock:
            return granted(f"token-{next(numbers)}")

    server.reply = reply
    with ThreadPoolExecutor(16) as pool:
        tokens = {each.result().access_token for each in [pool.submit(source.get) for _ in range(48)]}

    async def herd() -> None:
        async def one() -> None:
            tokens.add((await source.aget()).access_token)

        async with anyio.create_task_group() as tasks:
            for _ in range(16):
                tasks.start_soon(one)

    anyio.run(herd)
    assert len(tokens) == len(server.seen) == 64


def test_two_sources_and_a_store_share_no_token_that_is_used_once(server: Server, tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    sources = [source_of(server, {"single_use": True}, store=store) for _ in range(2)]
    assert [source.get().access_token for source in sources] == ["token-1", "token-2"]
    assert not [each for each in tmp_path.rglob("*") if each.is_file() and b"token-" in each.read_bytes()]


def test_a_refusal_is_remembered_for_tokens_that_are_used_once(server: Server) -> None:
    source = source_of(server, {"single_use": True})
    server.reply = Reply({}, 401)
    for _ in range(3):
        with pytest.raises(InvalidClient):
            source.get()
    assert len(server.seen) == 1


def test_a_request_for_a_token_that_is_used_once_is_repeated(server: Server, pauses: list[float]) -> None:
    source = source_of(server, {"single_use": True})
    replies = iter([Reply({}, 503), granted("token-1")])
    server.reply = lambda _: next(replies)
    assert source.get().access_token == "token-1"
    assert len(pauses) == 1


def test_a_rejected_token_is_replaced_by_another_one_within_the_budget(server: Server) -> None:
    source = source_of(server, {"single_use": True})
    used: list[str] = []

    def reply(seen: Seen) -> Reply:
        used.append(seen.headers["Authorization"])
        return Reply({}, 401 if len(used) == 1 else 200)

    with serve() as api, httpx.Client(auth=TokenAuth(source), trust_env=False) as client:
        api.reply = reply
        assert client.get(api.base_url).status_code == 200
        assert client.get(api.base_url).status_code == 200
        assert used == ["Bearer token-1", "Bearer token-2", "Bearer token-3"]
        api.reply = Reply({}, 401)
        statuses = [client.get(api.base_url).status_code for _ in range(10)]
    assert statuses == [401] * 10
    assert len(server.seen) == 3 + 10 + 1, "a replacement that was rejected, too, ends the replacements for a while"


def test_an_interrupted_request_leaves_the_source_usable(server: Server) -> None:
    source = source_of(server, {"single_use": True}, policy=RefreshPolicy(deadline=0.6, max_attempts=1))
    server.hold.clear()
    with pytest.raises(Exception, match=r"deadline|timed out"):
        source.get()
    server.hold.set()
    assert source.get().access_token == "token-2"
    source.close()
    with pytest.raises(ConfigurationError, match="is closed"):
        source.get()


def test_a_request_for_a_token_from_within_is_refused(server: Server) -> None:
    def secret() -> str:
        return source.get().access_token

    provider = provider_of(server, spec(token_use={"single_use": True}), client_secret=secret)
    source = TokenSource(provider, store=MemoryStore())
    with pytest.raises(ConfigurationError, match="from within"):
        source.get()
    assert not server.seen


# Tokens that must not be persisted


def files_of(folder: Path) -> list[bytes]:
    return [each.read_bytes() for each in folder.rglob("*") if each.is_file()]


def test_a_token_that_must_not_be_persisted_stays_in_memory(server: Server, tmp_path: Path) -> None:
    store = FileStore(tmp_path)
    sources = [source_of(server, {"persist": False}, store=store) for _ in range(2)]
    assert [source.get().access_token for source in sources] == ["token-1", "token-1"]
    sources[0].invalidate(sources[0].get())
    assert sources[0].get().access_token == "token-2"
    server.reply = Reply({"access_token": "token-3", "error": "token-3"}, 401)
    sources[0].invalidate(sources[0].get())
    with pytest.raises(TokenRequestRejected):
        sources[0].get()
    assert not any(b"token-" in each for each in files_of(tmp_path))
    server.reply = granted("token-4")
    assert source_of(server, {"persist": True}, store=store).get().access_token == "token-4"
    assert any(b"token-4" in each for each in files_of(tmp_path))


def test_a_store_of_another_class_does_not_see_a_token_that_must_not_be_persisted(server: Server) -> None:
    class Outside:
        def __getattr__(self, name: str) -> Callable[..., object]:
            raise AssertionError(name)

        def load(self, key: str) -> None:
            raise AssertionError(key)

        save = discard = lock = load

    store: Any = Outside()
    assert isinstance(store, Store)
    assert source_of(server, {"persist": False}, store=store).get().access_token == "token-1"


def test_a_memory_store_keeps_a_token_that_must_not_be_persisted(server: Server) -> None:
    stores = [MemoryStore(), MemoryStore()]
    assert [source_of(server, {"persist": False}, store=each).get().access_token for each in stores] == [
        "token-1",
        "token-2",
    ]


# API calls


def test_a_further_header_must_be_one_that_can_be_sent(server: Server) -> None:
    document = spec(token_use={"headers": {"Client_Id": "client_id"}})
    text = refusal(lambda: provider_of(server, document, client_id="clïent"), "client_id")
    assert text == "client_id: holds a character that a header cannot carry; expected printable ASCII"


def test_a_client_id_is_needed_for_a_further_header(server: Server) -> None:
    document = spec(
        client_authentication=[{"method": "header", "client_id": None, "client_secret": "X-Key"}],
        token_use={"headers": {"Client_Id": "client_id"}},
    )
    assert "is missing" in refusal(lambda: provider_of(server, document, client_id=None), "client_id")


# From variables, and in the documentation


def test_variables_give_a_provider_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_METADATA_RESOURCE", "https://management.azure.com/")
    path = ROOT / "tests/endpoints/azure_metadata.yaml"
    text = refusal(lambda: SpecProvider.from_env(path), "AZURE_METADATA_ENVIRONMENT")
    assert "is a link-local address" in text
    monkeypatch.setenv("AZURE_METADATA_ALLOW_LINK_LOCAL", "true")
    assert SpecProvider.from_env(path).token_url == "http://169.254.169.254/metadata/identity/oauth2/token"


def test_the_words_in_the_documentation_are_those_of_the_schema() -> None:
    page = (ROOT / "overlay/docs/any_provider.md").read_text("utf-8")
    [example] = re.findall(r"```yaml\n(x-token-endpoint:.*?)```", page, re.DOTALL)
    extensions = json.loads((ROOT / "overlay/paygrant/_spec/extensions.schema.json").read_text("utf-8"))
    schema = {"$ref": "#/$defs/token-endpoint", "$defs": extensions["$defs"]}
    Draft202012Validator(schema).validate(yaml.safe_load(example)["x-token-endpoint"])  # pyright: ignore[reportUnknownMemberType]
    readme = (ROOT / "specs/README.md").read_text("utf-8")
    known = extensions["$defs"]["token-use"]["properties"].keys() | {"encoding", "excludes", "none", "custom"}
    for text in (page, readme):
        assert [word for word in known if f"`{word}" not in text] == []
