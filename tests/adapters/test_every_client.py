"""What TokenAuth promises for every client: with real clients and sockets, a token endpoint and an API."""

import asyncio
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path
from typing import Any

import aiohttp
import httpx
import jwt
import pytest
import sniffio

import paygrant_clients.cryptofuse
from paygrant import (
    ClientCredentials,
    ConfigurationError,
    Cryptofuse,
    InvalidClient,
    MemoryStore,
    ProviderUnavailable,
    RefreshPolicy,
    Signer,
    SigningKey,
    TokenAuth,
    TokenSource,
)
from paygrant._auth.bearer import Authorization
from paygrant._spec.description import TokenUse
from paygrant.adapters import aiohttp as for_aiohttp
from paygrant.sandbox import Sandbox
from tests.helpers.apis import Api, Unseekable, token_of
from tests.helpers.clients import CLIENTS, HTTPX, ONE_SHOT, REPEATABLE, AnyAuth, ApiClient, Body, Httpx
from tests.helpers.clock import Clock
from tests.helpers.described import described
from tests.helpers.keys import pem
from tests.helpers.servers import Reply, Seen, Server, granted, serve


@pytest.fixture(params=CLIENTS.values(), ids=[*CLIENTS])
def client(request: pytest.FixtureRequest) -> ApiClient:
    client: ApiClient = request.param
    return client


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    """A server of another origin. Its response is always 401."""
    with serve() as server:
        server.reply = Reply({}, 401)
        yield server


@pytest.fixture(scope="module")
def sandbox() -> Iterator[Sandbox]:
    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def auth(client: ApiClient, source: TokenSource) -> AnyAuth:
    return client.auth(source)


# Attaching


def test_calls_share_a_token_and_share_its_replacement_after_a_revocation(client: ApiClient, sandbox: Sandbox) -> None:
    provider = Cryptofuse(
        client_id=sandbox.client_id, client_secret=sandbox.client_secret, base_url=sandbox.base_url("cryptofuse")
    )
    auth, url = client.auth(TokenSource(provider, store=MemoryStore())), f"{provider.base_url}/resource"
    before = sandbox.token_requests("cryptofuse")
    assert client.herd(auth, url, 8) == [200] * 8
    assert sandbox.token_requests("cryptofuse") - before == 1
    sandbox.cryptofuse.revoke()
    assert client.herd(auth, url, 32) == [200] * 32
    assert sandbox.token_requests("cryptofuse") - before == 2


def test_a_call_carries_the_token(client: ApiClient, auth: AnyAuth, api: Api) -> None:
    assert client.call(auth, api.url).status == 200
    assert api.server.seen[0].headers["Authorization"] == "Bearer token-1"


def test_many_calls_share_one_token_request(client: ApiClient, auth: AnyAuth, api: Api, server: Server) -> None:
    assert [client.call(auth, api.url).status for _ in range(5)] == [200] * 5
    assert len(server.seen) == 1


def test_a_call_with_a_fresh_token_takes_no_lock(
    client: ApiClient, source: TokenSource, auth: AnyAuth, api: Api
) -> None:
    client.call(auth, api.url)
    cache: Any = source._cache
    with ThreadPoolExecutor(1) as pool, cache._lock:
        assert pool.submit(client.call, auth, api.url).result(10).status == 200


def test_the_token_replaces_an_authorization_of_the_user(client: ApiClient, auth: AnyAuth, api: Api) -> None:
    assert client.call(auth, api.url, headers={"authorization": "Basic of-the-user"}).status == 200
    assert api.server.seen[0].headers["Authorization"] == "Bearer token-1"


def test_a_failed_token_request_fails_the_call_before_it_reaches_the_api(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        client.call(auth, api.url)
    assert api.server.seen == []


def test_a_closed_source_fails_the_call(client: ApiClient, source: TokenSource, auth: AnyAuth, api: Api) -> None:
    client.call(auth, api.url)
    source.close()
    with pytest.raises(ConfigurationError, match="closed"):
        client.call(auth, api.url)


# Replacing


def test_a_revoked_token_is_replaced_once_and_the_call_repeated(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    client.call(auth, api.url)
    api.accepted = {"token-2"}

    assert client.call(auth, api.url).status == 200

    assert api.tokens == ["token-1", "token-1", "token-2"]
    assert len(server.seen) == 2


def test_a_newer_token_is_used_without_a_token_request(
    client: ApiClient, source: TokenSource, auth: AnyAuth, api: Api, server: Server
) -> None:
    old = source.get()
    api.accepted = {"token-2"}
    api.server.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(client.call, auth, api.url)
        assert api.server.asked.wait(10)
        source.invalidate(old)
        source.get()
        api.server.hold.set()
        assert late.result().status == 200
    assert api.tokens == ["token-1", "token-2"]
    assert len(server.seen) == 2


def test_a_replacement_that_another_call_proved_is_replaced_after_a_revocation(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-2"}
    # This one cannot try the replacement itself.
    assert client.call(auth, api.url, "POST", **client.body(client.generator())).status == 401
    assert client.call(auth, api.url).status == 200
    api.accepted = {"token-3"}

    assert client.call(auth, api.url).status == 200

    assert api.tokens == ["token-1", "token-2", "token-2", "token-3"]
    assert len(server.seen) == 3


def test_a_replacement_that_the_api_never_accepted_is_not_replaced(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = set()
    client.call(auth, api.url, "POST", **client.body(client.generator()))

    assert client.call(auth, api.url).status == 401

    assert api.tokens == ["token-1", "token-2"]
    assert len(server.seen) == 2


def test_32_calls_with_a_revoked_token_make_one_token_request(
    client: ApiClient, source: TokenSource, auth: AnyAuth, api: Api, server: Server
) -> None:
    source.get()
    api.accepted = {"token-2"}
    everybody = threading.Barrier(32)

    def respond(seen: Seen) -> Reply:
        if token_of(seen) == "token-1":
            everybody.wait(10)  # nobody is rejected before all have asked
        return api.respond(seen)

    api.server.reply = respond

    assert client.herd(auth, api.url, 32) == [200] * 32

    assert sorted(filter(None, api.tokens)) == ["token-1"] * 32 + ["token-2"] * 32
    assert len(server.seen) == 2


def test_an_api_that_always_says_401_does_not_cause_a_token_request_per_call(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = set()
    assert [client.call(auth, api.url).status for _ in range(10)] == [401] * 10
    assert len(server.seen) == 2


def test_concurrent_calls_of_an_api_that_always_says_401_share_token_requests(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = set()
    assert client.herd(auth, api.url, 10) == [401] * 10
    assert len(server.seen) <= 3


def test_an_address_that_responds_with_401_does_not_cause_a_token_request_per_call(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-1", "token-2", "token-3"}
    for _ in range(5):
        assert client.call(auth, f"{api.server.base_url}/forbidden").status == 401
        assert client.call(auth, api.url).status == 200
    assert len(server.seen) == 2


def test_tokens_are_replaced_again_after_the_pause(
    client: ApiClient, provider: Cryptofuse, api: Api, server: Server, clock: Clock
) -> None:
    auth = client.auth(TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(replacement_pause=12)))
    api.accepted = set()
    client.call(auth, api.url)
    api.accepted = {"token-3"}

    clock.pass_by(11.9)
    assert client.call(auth, api.url).status == 401
    assert len(server.seen) == 2

    clock.pass_by(0.1)
    assert client.call(auth, api.url).status == 200
    assert len(server.seen) == 3


def test_the_user_decides_which_statuses_are_rejections(
    client: ApiClient, source: TokenSource, api: Api, server: Server
) -> None:
    auth = client.auth(source, rejected_statuses=frozenset({401, 403}))
    client.call(auth, api.url)
    api.accepted, api.rejection = {"token-2"}, 403
    assert client.call(auth, api.url).status == 200
    api.accepted, api.rejection = {"token-3"}, 401
    assert client.call(auth, api.url).status == 200
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [400, 403, 503])
def test_any_other_error_status_is_returned(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server, status: int
) -> None:
    api.accepted, api.rejection = set(), status
    assert client.call(auth, api.url).status == status
    assert len(api.tokens) == 1
    assert len(server.seen) == 1


def test_a_token_request_that_fails_after_a_401_fails_the_call(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    client.call(auth, api.url)
    api.accepted = set()
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        client.call(auth, api.url)


def test_a_401_is_returned_after_a_renewal_has_just_failed(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server, clock: Clock
) -> None:
    client.call(auth, api.url)
    api.accepted = {"token-3"}
    server.reply = Reply(b"<p>", 502)
    with pytest.raises(ProviderUnavailable):
        client.call(auth, api.url)
    requests = len(server.seen)
    for _ in range(3):
        assert client.call(auth, api.url).status == 401
    assert len(server.seen) == requests

    server.reply = granted("token-3")
    clock.pass_by(2)  # the longest pause after one failure
    assert client.call(auth, api.url).status == 200
    assert len(server.seen) == requests + 1


def test_a_forbidden_call_keeps_the_token_when_the_token_endpoint_is_down(
    client: ApiClient, api: Api, auth: AnyAuth, server: Server, clock: Clock
) -> None:
    assert client.call(auth, api.url).status == 200
    server.reply = Reply({}, 503)
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            client.call(auth, f"{api.server.base_url}/forbidden")
        assert client.call(auth, api.url).status == 200
        clock.pass_by(60)  # the longest pause after a renewal that failed
    assert set(api.tokens) == {"token-1"}


def test_other_calls_use_the_old_token_while_it_is_replaced(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-1", "token-2"}
    client.call(auth, api.url)
    server.hold.clear()
    server.asked.clear()
    with ThreadPoolExecutor(1) as pool:
        forbidden = pool.submit(client.call, auth, f"{api.server.base_url}/forbidden")
        assert server.asked.wait(10)
        assert client.call(auth, api.url).status == 200
        assert not forbidden.done()
        server.hold.set()
        assert forbidden.result().status == 401
    assert api.tokens == ["token-1", "token-1", "token-1", "token-2"]


def test_a_401_is_returned_when_the_source_was_closed_meanwhile(
    client: ApiClient, source: TokenSource, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = set()
    api.server.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        rejected = pool.submit(client.call, auth, api.url)
        assert api.server.asked.wait(10)
        source.close()
        api.server.hold.set()
        assert rejected.result().status == 401
    assert len(server.seen) == 1


# Bodies


@pytest.mark.parametrize("body", REPEATABLE.values(), ids=REPEATABLE)
def test_a_body_is_sent_again_byte_for_byte(client: ApiClient, auth: AnyAuth, api: Api, body: Body) -> None:
    api.accepted = {"token-2"}

    assert client.call(auth, api.url, "POST", **body(client)).status == 200

    rejected, repeated = api.server.seen
    assert repeated.body == rejected.body
    assert dict(repeated.headers) == {**rejected.headers, "Authorization": "Bearer token-2"}


@pytest.mark.parametrize("body", ONE_SHOT.values(), ids=ONE_SHOT)
def test_a_one_shot_body_is_not_sent_again_but_the_token_is_replaced(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server, body: Body
) -> None:
    api.accepted = {"token-2"}

    response = client.call(auth, api.url, "POST", **body(client))

    if isinstance(client, type(CLIENTS["requests"])) and body is ONE_SHOT["a pipe in multipart"]:
        assert response.status == 200  # requests reads the whole form before it sends it
        return
    assert response.status == 401
    assert b"who are you?" in response.content
    [seen] = api.server.seen
    assert b"once" in seen.body
    assert len(server.seen) == 2
    assert client.call(auth, api.url).status == 200
    assert api.tokens == ["token-1", "token-2"]


@pytest.mark.parametrize(
    "name", ["httpx", "httpx2", "requests", "aiohttp"]
)  # the async ones of httpx take no such body
def test_a_file_that_cannot_be_rewound_is_not_sent_again(name: str, source: TokenSource, api: Api) -> None:
    client = CLIENTS[name]
    api.accepted = {"token-2"}
    assert client.call(client.auth(source), api.url, "POST", **client.body(Unseekable(b"once"))).status == 401
    [seen] = api.server.seen
    assert seen.body == b"once"


# Origins


@pytest.mark.parametrize(
    ("origin", "url"),
    [
        ("https://api.example.com", "https://api.example.com/payments?page=2"),
        ("https://api.example.com/", "https://api.example.com"),
        ("https://api.example.com", "https://api.example.com:443/"),
        ("https://api.example.com:443", "https://api.example.com/"),
        ("HTTPS://API.Example.COM", "https://api.example.com/"),
        ("https://api.example.com", "HTTPS://API.EXAMPLE.COM/"),
        ("https://api.example.com:8443", "https://api.example.com:8443/"),
        ("https://bücher.example", "https://xn--bcher-kva.example/"),
        ("https://xn--bcher-kva.example", "https://bücher.example/"),
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/"),
        ("http://127.0.0.1:80", "http://127.0.0.1/"),
    ],
)
def test_a_request_to_an_origin_carries_the_token(
    client: ApiClient, source: TokenSource, origin: str, url: str
) -> None:
    assert client.authorization(client.auth(source, origins={origin}), url) == "Bearer token-1"


@pytest.mark.parametrize(
    "url",
    [
        "http://api.example.com/",
        "http://api.example.com:443/",
        "https://api.example.com:8443/",
        "https://example.com/",
        "https://api.example.com./",
        "https://v2.api.example.com/",
        "https://api.example.com.evil.example/",
        "https://api.example.com@evil.example/",
        "https://evil.example/https://api.example.com/",
        "https://evil.example#https://api.example.com/",
    ],
)
def test_a_request_to_another_origin_carries_no_token(
    client: ApiClient, source: TokenSource, server: Server, url: str
) -> None:
    authorization = client.authorization(client.auth(source, origins={"https://api.example.com"}), url)
    assert "token" not in (authorization or "")
    assert server.seen == []


def test_no_request_carries_the_token_when_no_origin_is_allowed(client: ApiClient, source: TokenSource) -> None:
    assert client.authorization(client.auth(source, origins=()), "https://api.example.com/") is None


def test_a_401_from_outside_the_origins_replaces_nothing(
    client: ApiClient, source: TokenSource, api: Api, server: Server, elsewhere: Server
) -> None:
    auth = client.auth(source, origins={api.server.base_url})
    assert client.call(auth, elsewhere.base_url).status == 401
    assert server.seen == []
    assert client.call(auth, api.url).status == 200
    assert client.call(auth, elsewhere.base_url).status == 401
    assert [token_of(seen) for seen in elsewhere.seen] == [None, None]
    assert len(server.seen) == 1


def test_an_authorization_of_the_user_stays_outside_the_origins(
    client: ApiClient, source: TokenSource, elsewhere: Server
) -> None:
    auth = client.auth(source, origins={"https://api.example.com"})
    client.call(auth, elsewhere.base_url, headers={"Authorization": "Basic of-the-user"})
    assert elsewhere.seen[0].headers["Authorization"] == "Basic of-the-user"


# Redirects


def test_a_redirect_to_another_origin_drops_the_token(
    client: ApiClient, auth: AnyAuth, api: Api, elsewhere: Server
) -> None:
    elsewhere.reply = Reply(b"welcome, stranger")
    assert client.call(auth, api.redirect(elsewhere.base_url), follow=True).content == b"welcome, stranger"
    assert [token_of(seen) for seen in elsewhere.seen] == [None]


def test_a_redirect_between_two_allowed_origins_drops_the_token(
    client: ApiClient, source: TokenSource, api: Api, elsewhere: Server
) -> None:
    auth = client.auth(source, origins={api.server.base_url, elsewhere.base_url})
    assert client.call(auth, api.redirect(elsewhere.base_url), follow=True).status == 401
    assert [token_of(seen) for seen in elsewhere.seen] == [None]


def test_a_redirect_into_the_origins_adds_no_token(
    client: ApiClient, source: TokenSource, api: Api, elsewhere: Server
) -> None:
    elsewhere.reply = Reply({}, 307, {"Location": api.url})
    auth = client.auth(source, origins={api.server.base_url})
    assert client.call(auth, elsewhere.base_url, follow=True).status == 401
    assert api.tokens == [None]


def test_a_401_after_a_redirect_to_another_origin_replaces_nothing(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server, elsewhere: Server
) -> None:
    assert client.call(auth, api.redirect(elsewhere.base_url), follow=True).status == 401
    assert client.call(auth, api.url).status == 200
    assert api.tokens == ["token-1", "token-1"]
    assert len(elsewhere.seen) == 1
    assert len(server.seen) == 1


def test_a_401_after_a_redirect_there_and_back_replaces_nothing(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server, elsewhere: Server
) -> None:
    elsewhere.reply = Reply({}, 307, {"Location": api.url})
    assert client.call(auth, api.redirect(elsewhere.base_url), follow=True).status == 401
    assert api.tokens == ["token-1", None]
    assert len(server.seen) == 1


def test_another_origin_that_redirects_within_itself_gets_no_token(
    client: ApiClient, auth: AnyAuth, api: Api, elsewhere: Server
) -> None:
    elsewhere.reply = lambda seen: (
        Reply({}, 401) if seen.path == "/further" else Reply({}, 307, {"Location": "/further"})
    )
    assert client.call(auth, api.redirect(elsewhere.base_url), follow=True).status == 401
    assert [token_of(seen) for seen in elsewhere.seen] == [None, None]


def test_a_401_after_a_redirect_within_the_origin_replaces_the_token(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-2"}
    assert client.call(auth, api.redirect("/payments"), "POST", follow=True, json={"amount": 5}).status == 200
    assert api.tokens[:2] == ["token-1", "token-1"]
    assert api.tokens[-1] == "token-2"
    assert {seen.body for seen in api.server.seen} == {api.server.seen[0].body}
    assert len(server.seen) == 2


def test_a_redirect_after_a_replacement_is_followed_within_the_origin(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-2"}
    moved = api.redirect("/payments")
    redirect: Any = api.server.reply
    api.server.reply = lambda seen: Reply({}, 401) if token_of(seen) == "token-1" else redirect(seen)
    assert client.call(auth, moved, "POST", follow=True, json={"amount": 5}).status == 200
    assert len(server.seen) == 2


def test_an_origin_that_was_once_reached_by_a_redirect_can_still_be_called(
    client: ApiClient, auth: AnyAuth, api: Api, elsewhere: Server
) -> None:
    client.call(auth, api.redirect(elsewhere.base_url), follow=True)
    elsewhere.reply = Reply({})
    assert client.call(auth, elsewhere.base_url).status == 200
    assert [token_of(seen) for seen in elsewhere.seen] == [None, "token-1"]


# Arguments, extras and what can be seen

each_auth = pytest.mark.parametrize(
    "kind", {client.auth: None for client in CLIENTS.values()}, ids=lambda kind: kind.__module__
)


@each_auth
@pytest.mark.parametrize(
    "origins",
    [
        "https://api.example.com",
        b"https://api.example.com",
        5,
        {"https://api.example.com/payments"},
        {"https://api.example.com?page=2"},
        {"https://user:word@api.example.com"},
        {"http://api.example.com"},
        {"api.example.com"},
        {"*"},
        {""},
        {None},
        ["https://api.example.com", 5],
    ],
)
def test_bad_origins_are_refused(kind: type[AnyAuth], source: TokenSource, origins: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"origins.*expected") as refusal:
        kind(source, origins=origins)
    assert refusal.value.argument == "origins"


@each_auth
@pytest.mark.parametrize("statuses", [401, "401", {"401"}, {200}, {401, 500}, [None], [[401]]])
def test_bad_rejected_statuses_are_refused(kind: type[AnyAuth], source: TokenSource, statuses: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"rejected_statuses.*expected") as refusal:
        kind(source, rejected_statuses=statuses)
    assert refusal.value.argument == "rejected_statuses"


@each_auth
def test_a_source_is_needed(kind: type[AnyAuth], provider: Cryptofuse) -> None:
    with pytest.raises(ConfigurationError, match=r"source.*expected a TokenSource"):
        kind(provider)
    with pytest.raises(ConfigurationError, match=r"source: is missing"):
        kind()


@each_auth
def test_no_repr_shows_a_token(kind: type[AnyAuth], source: TokenSource) -> None:
    token = source.get().access_token
    assert token not in f"{kind(source)!r} {vars(kind(source))}"


@pytest.mark.parametrize("client", ["httpx2", "requests", "aiohttp"])
def test_the_error_for_a_missing_client_names_its_extra(monkeypatch: pytest.MonkeyPatch, client: str) -> None:
    monkeypatch.setitem(sys.modules, client, None)
    monkeypatch.delitem(sys.modules, f"paygrant.adapters.{client}")
    with pytest.raises(ImportError, match=rf'needs {client}; to get it: pip install "paygrant\[{client}\]"') as fault:
        import_module(f"paygrant.adapters.{client}")
    assert fault.value.name == client


def test_only_an_adapter_imports_its_client() -> None:
    lines = [
        "import sys, paygrant, paygrant.adapters",
        "paygrant.TokenAuth",
        "assert 'httpx' in sys.modules",
        "assert not {'httpx2', 'requests', 'aiohttp'} & {*sys.modules}",
    ]
    subprocess.run([sys.executable, "-c", "\n".join(lines)], check=True)


# Elsewhere than in Authorization


def with_use(server: Server, token_use: TokenUse) -> TokenSource:
    """A source of tokens that the API wants elsewhere."""
    document = json.loads((Path(paygrant_clients.cryptofuse.__file__).parent / "openapi.json").read_text("utf-8"))
    document["x-token-endpoint"]["token_use"] = {
        name: value for name, value in token_use._asdict().items() if value is not None
    }
    provider = described(document, client_id=CLIENT, client_secret="b", base_url=server.base_url, scope=())
    return TokenSource(provider, store=MemoryStore())


CLIENT = "client-of-mine"


@pytest.mark.parametrize(
    ("token_use", "form"),
    [
        (TokenUse("X-Vault-Token", ""), "{} None b c"),
        (TokenUse("Authorization", "Token"), "None Token {} b c"),
        (TokenUse(None, "", "key"), "None None b c {}"),
    ],
    ids=["header", "prefix", "query"],
)
def test_a_token_is_put_and_replaced_where_the_spec_says(
    client: ApiClient, api: Api, server: Server, token_use: TokenUse, form: str
) -> None:
    dead: list[str] = []

    def carried(seen: Seen) -> str:
        query = httpx.URL(seen.path).params
        return " ".join(
            map(str, [seen.headers.get("X-Vault-Token"), seen.headers.get("Authorization"), *query.values()])
        )

    api.server.reply = lambda seen: Reply({}, 401 if any(token in carried(seen) for token in dead) else 200)
    auth = client.auth(with_use(server, token_use))
    assert client.call(auth, f"{api.url}?a=b%20c").status == 200
    dead.append("token-1")
    assert client.call(auth, f"{api.url}?a=b%20c").status == 200
    assert [carried(seen) for seen in api.server.seen] == [form.format(f"token-{each}") for each in (1, 1, 2)]
    assert len(server.seen) == 2


# After a redirect, and after a failure


def test_only_the_rejected_step_of_a_redirected_call_is_repeated(
    client: ApiClient, auth: AnyAuth, api: Api, server: Server
) -> None:
    def respond(seen: Seen) -> Reply:
        return Reply({}, 303, {"Location": "/paid"}) if seen.path == "/pay" else api.respond(seen)

    api.server.reply = respond
    api.accepted = {"token-2"}
    assert client.call(auth, f"{api.server.base_url}/pay", "POST", follow=True, **client.body(b"100 EUR")).status == 200
    assert [(seen.method, seen.path) for seen in api.server.seen] == [
        ("POST", "/pay"),
        ("GET", "/paid"),
        ("GET", "/paid"),
    ]
    assert len(server.seen) == 2


def test_a_failed_replacement_releases_the_connection(server: Server, source: TokenSource) -> None:
    with serve() as api:
        api.reply = Reply(b"x" * 3_000_000, 401)
        source.get()
        server.reply = Reply({"error": "invalid_client"}, 401)

        async def main() -> int:
            async with aiohttp.ClientSession(middlewares=(for_aiohttp.TokenAuth(source),)) as session:
                with pytest.raises(InvalidClient):
                    await session.get(api.base_url)
                connector: Any = session.connector
                return len(connector._acquired)

        assert asyncio.run(main()) == 0


USES = {
    "a header of its own": TokenUse("X-Vault-Token", ""),
    "a header of its own after a prefix": TokenUse("api_key", "Key"),
    "Authorization": TokenUse("authorization", "Token"),
    "the query": TokenUse(None, "", "key"),
}


def shows(seen: Seen, token: str) -> bool:
    """Whether a request holds this token anywhere."""
    return any(token in text for text in (seen.path, str(seen.headers), repr(seen.body)))


@pytest.mark.parametrize("use", USES.values(), ids=USES)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_no_token_to_another_origin(  # noqa: PLR0913, PLR0917 - servers and what differs
    client: ApiClient, api: Api, server: Server, elsewhere: Server, use: TokenUse, status: int
) -> None:
    auth = client.auth(with_use(server, use), origins={api.server.base_url, elsewhere.base_url})
    elsewhere.reply = lambda seen: Reply({}, 302, {"Location": "/next"}) if seen.path == "/moved" else Reply({}, 401)
    api.server.reply = Reply({}, status, {"Location": f"{elsewhere.base_url}/moved"})
    assert client.call(auth, api.url, "POST", follow=True, **client.body(b"100 EUR")).status == 401
    assert [shows(seen, "token-1") for seen in api.server.seen] == [True]
    assert [shows(seen, "token-") for seen in elsewhere.seen] == [False, False]
    assert len(server.seen) == 1


@pytest.mark.parametrize("use", list(USES.values())[:3], ids=list(USES)[:3])
def test_a_redirect_within_the_origin_takes_the_token_along(
    client: ApiClient, api: Api, server: Server, use: TokenUse
) -> None:
    dead = ["token-1"]

    def reply(seen: Seen) -> Reply:
        if seen.path == "/moved":
            return Reply({}, 307, {"Location": "/payments"})
        return Reply({}, 401 if any(shows(seen, token) for token in dead) else 200)

    api.server.reply = reply
    auth = client.auth(with_use(server, use))
    assert client.call(auth, f"{api.server.base_url}/moved", "POST", follow=True, **client.body(b"5")).status == 200
    assert shows(api.server.seen[0], "token-1")
    assert shows(api.server.seen[1], "token-1")
    assert shows(api.server.seen[-1], "token-2")
    assert not shows(api.server.seen[-1], "token-1")


@pytest.mark.parametrize("httpx_client", HTTPX.values(), ids=HTTPX)
def test_a_header_of_its_own_is_found_by_its_name_and_not_shown(httpx_client: Httpx, server: Server) -> None:
    request = httpx_client.library.Request(
        "GET", "https://api.example", headers={"x-vault-token": "old", "Authorization": "Basic of-the-user"}
    )
    next(httpx_client.auth(with_use(server, USES["a header of its own"])).sync_auth_flow(request))
    assert request.headers["X-VAULT-Token"] == "token-1"
    assert request.headers.get("Authorization") == "Basic of-the-user"
    assert "x-vault-token" in request.headers
    assert "X-Other" not in request.headers
    assert request.headers.get("X-Other") is None
    assert [name for name, value in request.headers.raw if b"token-1" in value] == [b"X-Vault-Token"]
    assert b"old" not in dict(request.headers.raw).values()
    assert "token-1" not in repr(request.headers)
    assert (
        dict(request.headers)["x-vault-token"]
        == request.headers.copy()["Authorization"].partition(", ")[2]
        == "token-1"
    )
    assert list(request.headers.items()) == list(zip(request.headers, request.headers.values(), strict=True))
    assert pickle.loads(pickle.dumps(request)).headers["X-Vault-Token"] == "token-1"


def test_the_rest_of_a_query_stays_unchanged(client: ApiClient, api: Api, server: Server) -> None:
    api.server.reply = lambda seen: Reply({}, 401 if "token-1" in seen.path else 200)
    auth = client.auth(with_use(server, TokenUse(None, "", "key")))
    assert client.call(auth, f"{api.url}?a=%E9&flag&b=c+d").status == 200
    assert [seen.path for seen in api.server.seen] == [
        f"/payments?a=%E9&flag&b=c+d&key=token-{each}" for each in (1, 2)
    ]


def test_an_invalid_location_is_returned_to_the_caller(client: ApiClient, auth: AnyAuth, api: Api) -> None:
    api.server.reply = Reply({}, 201, {"Location": "http://["})
    assert client.call(auth, api.url).status == 201


# What a spec says of the API


def test_the_statuses_by_which_an_api_rejects_a_token_stand_in_the_spec(
    client: ApiClient, api: Api, server: Server
) -> None:
    api.server.reply = lambda seen: Reply({}, 200 if shows(seen, "token-2") else 403)
    source = with_use(server, TokenUse(rejected_statuses=(401, 403)))
    assert client.call(client.auth(source), api.url).status == 200
    assert len(api.server.seen) == 2
    other = client.auth(with_use(server, TokenUse(rejected_statuses=(403,))), rejected_statuses={401})
    assert client.call(other, api.url).status == 403, "an argument wins over the spec"


FURTHER = {
    "with Authorization": TokenUse(headers={"Client_Id": "client_id"}),
    "with a header of its own": TokenUse("X-Vault-Token", "", headers={"Client_Id": "client_id"}),
    "with the query": TokenUse(None, "", "key", headers={"Client_Id": "client_id", "X-Scope": "scope"}),
}
each_further_header = pytest.mark.parametrize("use", FURTHER.values(), ids=FURTHER)


@each_further_header
def test_a_further_header_travels_with_the_token(client: ApiClient, api: Api, server: Server, use: TokenUse) -> None:
    dead = ["token-1"]
    api.server.reply = lambda seen: Reply({}, 401 if any(shows(seen, token) for token in dead) else 200)
    assert client.call(client.auth(with_use(server, use)), api.url).status == 200
    assert [seen.headers.get("Client_Id") for seen in api.server.seen] == [CLIENT, CLIENT]
    assert all("X-Scope" not in seen.headers for seen in api.server.seen), "the caller gives no scope"


@each_further_header
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_no_further_header_to_another_origin(  # noqa: PLR0913, PLR0917 - servers and what differs
    client: ApiClient, api: Api, server: Server, elsewhere: Server, use: TokenUse, status: int
) -> None:
    auth = client.auth(with_use(server, use), origins={api.server.base_url, elsewhere.base_url})
    elsewhere.reply = lambda seen: Reply({}, 302, {"Location": "/next"}) if seen.path == "/moved" else Reply({}, 401)
    api.server.reply = Reply({}, status, {"Location": f"{elsewhere.base_url}/moved"})
    assert client.call(auth, api.url, "POST", follow=True, **client.body(b"100 EUR")).status == 401
    assert [shows(seen, CLIENT) for seen in api.server.seen] == [True]
    assert [shows(seen, CLIENT) or shows(seen, "token-") for seen in elsewhere.seen] == [False, False]


@each_further_header
def test_a_request_to_another_origin_has_no_further_header(
    client: ApiClient, api: Api, server: Server, elsewhere: Server, use: TokenUse
) -> None:
    auth = client.auth(with_use(server, use), origins={api.server.base_url})
    client.call(auth, elsewhere.base_url)
    assert [shows(seen, CLIENT) for seen in elsewhere.seen] == [False]


def bound_source(server: Server, key: Signer | None = None) -> TokenSource:
    """A source of tokens that are bound to a key (RFC 9449), by default to that of this process."""
    server.reply = granted("token-1", token_type="DPoP")
    provider = ClientCredentials(
        client_id=CLIENT, client_secret="b", token_url=f"{server.base_url}/t", dpop=key or True
    )
    return TokenSource(provider, store=MemoryStore())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_takes_neither_token_nor_proof_to_another_origin(
    client: ApiClient, api: Api, server: Server, elsewhere: Server, status: int
) -> None:
    auth = client.auth(bound_source(server))
    elsewhere.reply = Reply({}, 401)
    api.server.reply = Reply({}, status, {"Location": f"{elsewhere.base_url}/moved"})
    assert client.call(auth, api.url, "POST", follow=True, **client.body(b"100 EUR")).status == 401
    assert [(seen.headers["Authorization"], "DPoP" in seen.headers) for seen in api.server.seen] == [
        ("DPoP token-1", True)
    ]
    assert [{"Authorization", "DPoP"} & {*seen.headers} for seen in elsewhere.seen] == [set()]


def test_a_call_within_an_origin_is_proved_again_after_a_redirect(client: ApiClient, api: Api, server: Server) -> None:
    def reply(seen: Seen) -> Reply:
        if seen.path != "/moved":
            return Reply({}, 307, {"Location": "/moved"})
        proved = jwt.decode(seen.headers["DPoP"], options={"verify_signature": False})["htu"]
        return Reply({}, 200 if proved.endswith("/moved") else 401)

    api.server.reply = reply
    assert client.call(client.auth(bound_source(server)), api.url, "POST", follow=True).status == 200


def test_the_response_stands_if_the_api_wants_yet_another_nonce(client: ApiClient, api: Api, server: Server) -> None:
    api.server.reply = lambda _: Reply(
        {"call": len(api.server.seen)},
        401,
        {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": f"nonce-{len(api.server.seen)}"},
    )
    response = client.call(client.auth(bound_source(server)), api.url, "POST", **client.body(b"100 EUR"))
    assert (response.status, len(api.server.seen), len(server.seen)) == (401, 2, 1)
    assert json.loads(response.content) == {"call": 2}


def test_all_calls_at_a_change_of_the_nonce_are_repeated(client: ApiClient, api: Api, server: Server) -> None:
    """The first response gives the nonce. To the other calls, it is no new one when their responses come."""
    all_are_here = threading.Barrier(8)

    def reply(seen: Seen) -> Reply:
        if jwt.decode(seen.headers["DPoP"], options={"verify_signature": False}).get("nonce") == "n-1":
            return Reply({})
        all_are_here.wait(10)
        return Reply({}, 401, {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n-1"})

    api.server.reply = reply
    assert client.herd(client.auth(bound_source(server)), api.url, 8) == [200] * 8
    assert (len(api.server.seen), len(server.seen)) == (16, 1)


@pytest.mark.parametrize("status", [200, 503])
def test_a_call_that_did_not_fail_for_want_of_a_nonce_is_not_repeated(
    client: ApiClient, api: Api, server: Server, status: int
) -> None:
    demand = {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n-1"}
    api.server.reply = Reply({}, status, demand)
    assert client.call(client.auth(bound_source(server)), api.url, "POST", **client.body(b"100 EUR")).status == status
    assert len(api.server.seen) == 1


class Device:
    """A key in a device. It notes whether it signs on the thread of an event loop."""

    algorithm, key_id, public_jwk = "ES256", None, SigningKey(pem("ES256")).public_jwk

    def __init__(self) -> None:
        self.on_a_loop = list[bool]()

    def sign(self, data: bytes) -> bytes:
        try:
            sniffio.current_async_library()
        except sniffio.AsyncLibraryNotFoundError:
            self.on_a_loop.append(False)
        else:
            self.on_a_loop.append(True)
        return SigningKey(pem("ES256")).sign(data)


def test_a_key_in_a_device_does_not_block_an_event_loop(client: ApiClient, api: Api, server: Server) -> None:
    demand = {"WWW-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n-1"}
    statuses = iter([401, 401, 200])  # for want of a nonce, then for want of another token
    api.server.reply = lambda _: Reply({}, next(statuses), demand if len(api.server.seen) == 1 else {})
    key = Device()
    assert client.call(client.auth(bound_source(server, key)), api.url).status == 200
    assert key.on_a_loop == [False] * 5


def test_an_auth_with_a_key_travels_to_another_process(server: Server) -> None:
    key = SigningKey(pem("ES256"))
    provider = ClientCredentials(
        client_id=CLIENT, client_secret="b", token_url=f"{server.base_url}/t", dpop=key or True
    )
    auth = pickle.loads(pickle.dumps(TokenAuth(TokenSource(provider))))
    server.reply = granted("token-1", token_type="DPoP")
    request = next(auth.sync_auth_flow(httpx.Request("GET", "https://api.example/x")))
    assert jwt.get_unverified_header(request.headers["DPoP"])["jwk"] == key.public_jwk


def test_each_call_has_a_token_of_its_own_if_tokens_are_used_once(client: ApiClient, api: Api, server: Server) -> None:
    used: list[str] = []

    def reply(seen: Seen) -> Reply:
        token = seen.headers["Authorization"]
        used.append(token)
        return Reply({}, 401 if used.count(token) > 1 else 200)

    api.server.reply = reply
    auth = client.auth(with_use(server, TokenUse(single_use=True)))
    assert client.herd(auth, api.url, 12) == [200] * 12
    assert len({*used}) == len(used) == len(server.seen) == 12


def test_a_value_without_a_word_before_it_is_not_shown() -> None:
    assert repr(Authorization("token-1")) == "'...'"
    assert repr(Authorization("Bearer token-1")) == "'Bearer ...'"
