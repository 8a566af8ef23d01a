"""TokenAuth on real sockets: a token endpoint, a protected API, and httpx clients between them."""

import io
import os
import ssl
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol

import anyio
import httpx
import pytest

from paygrant import (
    ConfigurationError,
    Cryptofuse,
    InvalidClient,
    MemoryStore,
    ProviderUnavailable,
    RefreshPolicy,
    TokenAuth,
    TokenSource,
)
from paygrant_clients.ripple.api.token import create_token
from paygrant_clients.ripple.client import AuthenticatedClient, Client
from paygrant_clients.ripple.models import TokenRequest
from tests.conftest import Clock
from tests.servers import Reply, Seen, Server, granted, serve

LOCAL: dict[str, Any] = {
    "trust_env": False,
    "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # loading the usual certificates takes longer than a call
}
BACKENDS = ["asyncio", "trio"]

on_each_backend = pytest.mark.parametrize("backend", BACKENDS)


class Api:
    """A protected API: 200 for the tokens it accepts, and for no other."""

    def __init__(self, server: Server) -> None:
        self.accepted = {"token-1"}
        self.rejection = 401
        self.server = server
        self.url = f"{server.base_url}/payments"
        server.reply = self.answer

    def answer(self, seen: Seen) -> Reply:
        allowed = token_of(seen) in self.accepted and seen.path != "/forbidden"
        return Reply({"path": seen.path}) if allowed else Reply({"fault": "who are you?"}, self.rejection)

    @property
    def tokens(self) -> list[str | None]:
        """The token of each call so far."""
        return [token_of(seen) for seen in self.server.seen]


def token_of(seen: Seen) -> str | None:
    """The bearer token that a request carried."""
    authorization = seen.headers.get("Authorization")
    return authorization and authorization.removeprefix("Bearer ")


@pytest.fixture
def api() -> Iterator[Api]:
    with serve() as server:
        yield Api(server)


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    """A server of another origin. It answers 401, whoever asks."""
    with serve() as server:
        server.reply = Reply({}, 401)
        yield server


@pytest.fixture
def source(provider: Cryptofuse) -> TokenSource:
    return TokenSource(provider, store=MemoryStore())


@pytest.fixture
def auth(source: TokenSource) -> TokenAuth:
    return TokenAuth(source)


class Call(Protocol):
    def __call__(self, auth: TokenAuth, url: str, method: str = "GET", **options: Any) -> httpx.Response: ...


class Herd(Protocol):
    def __call__(self, auth: TokenAuth, url: str, calls: int) -> list[int]: ...


def call_sync(auth: TokenAuth, url: str, method: str = "GET", **options: Any) -> httpx.Response:
    with httpx.Client(auth=auth, **LOCAL) as client:
        return client.request(method, url, **options)


def call_async(backend: str, auth: TokenAuth, url: str, method: str = "GET", **options: Any) -> httpx.Response:
    async def main() -> httpx.Response:
        async with httpx.AsyncClient(auth=auth, **LOCAL) as client:
            return await client.request(method, url, **options)

    return anyio.run(main, backend=backend)


@pytest.fixture(params=["Client", *BACKENDS])
def call(request: pytest.FixtureRequest) -> Call:
    """One call through a client: httpx.Client, or httpx.AsyncClient on either event loop."""
    if request.param == "Client":
        return call_sync

    def on_backend(auth: TokenAuth, url: str, method: str = "GET", **options: Any) -> httpx.Response:
        return call_async(request.param, auth, url, method, **options)

    return on_backend


@pytest.fixture(params=["threads", *BACKENDS])
def herd(request: pytest.FixtureRequest) -> Herd:
    """Many calls at once through one client, on threads or as tasks; gives their statuses."""

    def on_threads(auth: TokenAuth, url: str, calls: int) -> list[int]:
        with httpx.Client(auth=auth, **LOCAL) as client, ThreadPoolExecutor(calls) as pool:
            return [response.status_code for response in pool.map(client.get, [url] * calls)]

    def on_backend(auth: TokenAuth, url: str, calls: int) -> list[int]:
        statuses: list[int] = []

        async def one(client: httpx.AsyncClient) -> None:
            statuses.append((await client.get(url)).status_code)

        async def main() -> None:
            async with httpx.AsyncClient(auth=auth, **LOCAL) as client, anyio.create_task_group() as tasks:
                for _ in range(calls):
                    tasks.start_soon(one, client)

        anyio.run(main, backend=request.param)
        return statuses

    return on_threads if request.param == "threads" else on_backend


# Attaching


def test_a_call_carries_the_token(call: Call, auth: TokenAuth, api: Api) -> None:
    assert call(auth, api.url).status_code == 200
    assert api.server.seen[0].headers["Authorization"] == "Bearer token-1"


def test_many_calls_share_one_token_request(call: Call, auth: TokenAuth, api: Api, server: Server) -> None:
    assert [call(auth, api.url).status_code for _ in range(5)] == [200] * 5
    assert len(server.seen) == 1


def test_the_users_own_authorization_gives_way(call: Call, auth: TokenAuth, api: Api) -> None:
    assert call(auth, api.url, headers={"authorization": "Basic of-the-user"}).status_code == 200
    assert api.server.seen[0].headers["Authorization"] == "Bearer token-1"


def test_a_failed_token_request_fails_the_call_and_nothing_reaches_the_api(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        call(auth, api.url)
    assert api.server.seen == []


def test_a_closed_source_fails_the_call(call: Call, source: TokenSource, auth: TokenAuth, api: Api) -> None:
    call(auth, api.url)
    source.close()
    with pytest.raises(ConfigurationError, match="closed"):
        call(auth, api.url)


# Replacing


def test_a_revoked_token_is_replaced_once_and_the_call_repeated(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    call(auth, api.url)
    api.accepted = {"token-2"}

    assert call(auth, api.url).status_code == 200

    assert api.tokens == ["token-1", "token-1", "token-2"]
    assert len(server.seen) == 2


def test_a_newer_token_at_hand_is_used_without_a_token_request(
    call: Call, source: TokenSource, auth: TokenAuth, api: Api, server: Server
) -> None:
    old = source.get()
    api.accepted = {"token-2"}
    api.server.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        late = pool.submit(call, auth, api.url)
        assert api.server.asked.wait(10)
        source.invalidate(old)
        source.get()
        api.server.hold.set()
        assert late.result().status_code == 200
    assert api.tokens == ["token-1", "token-2"]
    assert len(server.seen) == 2


def test_a_replacement_that_worked_elsewhere_first_and_is_then_revoked_is_replaced(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-2"}
    # This one cannot try the replacement itself.
    assert call(auth, api.url, "POST", files={"file": Unseekable(b"once")}).status_code == 401
    assert call(auth, api.url).status_code == 200
    api.accepted = {"token-3"}

    assert call(auth, api.url).status_code == 200

    assert api.tokens == ["token-1", "token-2", "token-2", "token-3"]
    assert len(server.seen) == 3


def test_a_replacement_that_never_worked_is_not_replaced(call: Call, auth: TokenAuth, api: Api, server: Server) -> None:
    api.accepted = set()
    call(auth, api.url, "POST", files={"file": Unseekable(b"once")})

    assert call(auth, api.url).status_code == 401

    assert api.tokens == ["token-1", "token-2"]
    assert len(server.seen) == 2


def test_32_calls_that_meet_a_revoked_token_at_once_make_one_token_request(
    herd: Herd, source: TokenSource, auth: TokenAuth, api: Api, server: Server
) -> None:
    source.get()
    api.accepted = {"token-2"}
    everybody = threading.Barrier(32)

    def answer(seen: Seen) -> Reply:
        if token_of(seen) == "token-1":
            everybody.wait(10)  # nobody is rejected before all have asked
        return api.answer(seen)

    api.server.reply = answer

    assert herd(auth, api.url, 32) == [200] * 32

    assert sorted(filter(None, api.tokens)) == ["token-1"] * 32 + ["token-2"] * 32
    assert len(server.seen) == 2


def test_an_api_that_always_says_401_costs_no_token_request_a_call(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    api.accepted = set()
    assert [call(auth, api.url).status_code for _ in range(10)] == [401] * 10
    assert len(server.seen) == 2


def test_an_api_that_always_says_401_costs_a_herd_no_token_request_a_call(
    herd: Herd, auth: TokenAuth, api: Api, server: Server
) -> None:
    api.accepted = set()
    assert herd(auth, api.url, 10) == [401] * 10
    assert len(server.seen) <= 3


def test_an_address_that_is_forbidden_by_401_costs_no_token_request_a_call(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-1", "token-2", "token-3"}
    for _ in range(5):
        assert call(auth, f"{api.server.base_url}/forbidden").status_code == 401
        assert call(auth, api.url).status_code == 200
    assert len(server.seen) == 2


def test_the_pause_ends(call: Call, provider: Cryptofuse, api: Api, server: Server, clock: Clock) -> None:
    auth = TokenAuth(TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(replacement_pause=12)))
    api.accepted = set()
    call(auth, api.url)
    api.accepted = {"token-3"}

    clock.pass_by(11.9)
    assert call(auth, api.url).status_code == 401
    assert len(server.seen) == 2

    clock.pass_by(0.1)
    assert call(auth, api.url).status_code == 200
    assert len(server.seen) == 3


def test_what_counts_as_a_rejection_can_be_told(call: Call, source: TokenSource, api: Api, server: Server) -> None:
    auth = TokenAuth(source, rejected_statuses=frozenset({401, 403}))
    call(auth, api.url)
    api.accepted, api.rejection = {"token-2"}, 403
    assert call(auth, api.url).status_code == 200
    api.accepted, api.rejection = {"token-3"}, 401
    assert call(auth, api.url).status_code == 200
    assert len(server.seen) == 3


@pytest.mark.parametrize("status", [400, 403, 404, 429, 500, 503])
def test_another_fault_is_the_apis_answer(auth: TokenAuth, api: Api, server: Server, status: int) -> None:
    api.accepted, api.rejection = set(), status
    assert call_sync(auth, api.url).status_code == status
    assert len(api.tokens) == 1
    assert len(server.seen) == 1


def test_a_token_request_that_fails_after_a_401_fails_the_call(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    call(auth, api.url)
    api.accepted = set()
    server.reply = Reply({"error": "invalid_client"}, 401)
    with pytest.raises(InvalidClient):
        call(auth, api.url)


def test_while_a_renewal_has_just_failed_a_401_stands(
    call: Call, auth: TokenAuth, api: Api, server: Server, clock: Clock
) -> None:
    call(auth, api.url)
    api.accepted = {"token-3"}
    server.reply = Reply(b"<p>", 502)
    with pytest.raises(ProviderUnavailable):
        call(auth, api.url)
    requests = len(server.seen)
    for _ in range(3):
        assert call(auth, api.url).status_code == 401
    assert len(server.seen) == requests

    server.reply = granted("token-3")
    clock.pass_by(2)  # the longest pause after one failure
    assert call(auth, api.url).status_code == 200
    assert len(server.seen) == requests + 1


def test_a_forbidden_call_while_the_token_endpoint_is_down_leaves_the_others_their_token(
    call: Call, api: Api, clock: Clock
) -> None:
    with serve() as tokens:
        provider = Cryptofuse(client_id="test-client", client_secret="test-secret", base_url=tokens.base_url)
        auth = TokenAuth(TokenSource(provider, store=MemoryStore()))
        assert call(auth, api.url).status_code == 200
    for _ in range(3):
        with pytest.raises(ProviderUnavailable):
            call(auth, f"{api.server.base_url}/forbidden")
        assert call(auth, api.url).status_code == 200
        clock.pass_by(60)  # the longest pause after a renewal that failed
    assert set(api.tokens) == {"token-1"}


def test_while_a_token_is_being_replaced_it_stays_in_service(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-1", "token-2"}
    call(auth, api.url)
    server.hold.clear()
    server.asked.clear()
    with ThreadPoolExecutor(1) as pool:
        forbidden = pool.submit(call, auth, f"{api.server.base_url}/forbidden")
        assert server.asked.wait(10)
        assert call(auth, api.url).status_code == 200
        assert not forbidden.done()
        server.hold.set()
        assert forbidden.result().status_code == 401
    assert api.tokens == ["token-1", "token-1", "token-1", "token-2"]


def test_a_source_that_is_closed_meanwhile_lets_the_401_stand(
    call: Call, source: TokenSource, auth: TokenAuth, api: Api, server: Server
) -> None:
    api.accepted = set()
    api.server.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        rejected = pool.submit(call, auth, api.url)
        assert api.server.asked.wait(10)
        source.close()
        api.server.hold.set()
        assert rejected.result().status_code == 401
    assert len(server.seen) == 1


# Bodies


class Unseekable(io.RawIOBase):
    """A file that can be read once, such as a pipe."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(buffer)


BODIES: dict[str, Callable[[], dict[str, Any]]] = {
    "json": lambda: {"json": {"amount": "12.50", "to": "Zoë"}},
    "a form": lambda: {"data": {"amount": "12.50", "to": "Zoë & Co"}},
    "bytes": lambda: {"content": bytes(range(256))},
    "text": lambda: {"content": "twelve and a half, for Zoë"},
    "multipart with bytes": lambda: {"files": {"file": ("a.bin", bytes(range(256)))}, "data": {"note": "Zoë"}},
    "multipart with a seekable file": lambda: {"files": {"file": io.BytesIO(os.urandom(200_000))}},
}


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_a_body_is_repeated_byte_for_byte(
    call: Call, auth: TokenAuth, api: Api, body: Callable[[], dict[str, Any]]
) -> None:
    api.accepted = {"token-2"}

    assert call(auth, api.url, "POST", **body()).status_code == 200

    rejected, repeated = api.server.seen
    assert rejected.body
    assert repeated.body == rejected.body
    assert dict(repeated.headers) == {**rejected.headers, "Authorization": "Bearer token-2"}


def test_a_file_on_the_disk_is_repeated_whole(call: Call, auth: TokenAuth, api: Api, tmp_path: Path) -> None:
    content = os.urandom(200_000)
    path = tmp_path / "receipt.pdf"
    path.write_bytes(content)
    api.accepted = {"token-2"}

    with path.open("rb") as file:
        assert call(auth, api.url, "POST", files={"file": file}).status_code == 200

    rejected, repeated = api.server.seen
    assert content in repeated.body
    assert repeated.body == rejected.body


def assert_not_repeated_but_replaced(api: Api, server: Server, status: int) -> None:
    """After a call with the body b"once", which cannot be sent again."""
    assert status == 401
    [seen] = api.server.seen
    assert b"once" in seen.body
    assert len(server.seen) == 2


def test_a_generator_is_not_repeated_but_the_token_is_replaced(auth: TokenAuth, api: Api, server: Server) -> None:
    def once() -> Iterator[bytes]:
        yield b"on"
        yield b"ce"

    api.accepted = {"token-2"}
    assert_not_repeated_but_replaced(api, server, call_sync(auth, api.url, "POST", content=once()).status_code)
    assert call_sync(auth, api.url).status_code == 200
    assert api.tokens == ["token-1", "token-2"]


@on_each_backend
def test_an_async_generator_is_not_repeated_but_the_token_is_replaced(
    auth: TokenAuth, api: Api, server: Server, backend: str
) -> None:
    async def once() -> AsyncIterator[bytes]:
        yield b"on"
        yield b"ce"

    api.accepted = {"token-2"}
    status = call_async(backend, auth, api.url, "POST", content=once()).status_code
    assert_not_repeated_but_replaced(api, server, status)
    assert call_async(backend, auth, api.url).status_code == 200
    assert api.tokens == ["token-1", "token-2"]


def test_an_unseekable_file_is_not_repeated_but_the_token_is_replaced(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-2"}
    status = call(auth, api.url, "POST", files={"file": Unseekable(b"once")}).status_code
    assert_not_repeated_but_replaced(api, server, status)
    assert call(auth, api.url).status_code == 200
    assert api.tokens == ["token-1", "token-2"]


def test_a_file_as_the_whole_body_is_not_repeated_but_the_token_is_replaced(
    auth: TokenAuth, api: Api, server: Server
) -> None:
    api.accepted = {"token-2"}
    status = call_sync(auth, api.url, "POST", content=Unseekable(b"once")).status_code
    assert_not_repeated_but_replaced(api, server, status)
    assert call_sync(auth, api.url).status_code == 200


def test_a_file_that_was_closed_meanwhile_is_not_repeated(auth: TokenAuth, api: Api) -> None:
    file = io.BytesIO(b"once")

    def answer(seen: Seen) -> Reply:
        file.close()
        return api.answer(seen)

    api.accepted, api.server.reply = {"token-2"}, answer
    assert call_sync(auth, api.url, "POST", files={"file": file}).status_code == 401


# Origins


def authorization(auth: TokenAuth, url: str) -> str | None:
    """What both flows put on a request to an address; they must agree."""

    async def main() -> httpx.Request:
        return await anext(auth.async_auth_flow(httpx.Request("GET", url)))

    sync = next(auth.sync_auth_flow(httpx.Request("GET", url)))
    assert anyio.run(main).headers == sync.headers
    value: str | None = sync.headers.get("Authorization")
    return value


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
        ("https://[2001:db8::1]:8443", "https://[2001:db8::1]:8443/"),
        ("http://127.0.0.1:80", "http://127.0.0.1/"),
    ],
)
def test_a_request_to_an_origin_carries_the_token(source: TokenSource, origin: str, url: str) -> None:
    assert authorization(TokenAuth(source, origins={origin}), url) == "Bearer token-1"


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
def test_a_request_to_another_origin_goes_without_a_token(source: TokenSource, server: Server, url: str) -> None:
    assert authorization(TokenAuth(source, origins={"https://api.example.com"}), url) is None
    assert server.seen == []


def test_where_no_origin_is_allowed_no_request_carries_the_token(source: TokenSource) -> None:
    assert authorization(TokenAuth(source, origins=()), "https://api.example.com/") is None


def test_a_401_from_outside_the_origins_replaces_nothing(
    call: Call, source: TokenSource, api: Api, server: Server, elsewhere: Server
) -> None:
    auth = TokenAuth(source, origins={api.server.base_url})
    assert call(auth, elsewhere.base_url).status_code == 401
    assert server.seen == []
    assert call(auth, api.url).status_code == 200
    assert call(auth, elsewhere.base_url).status_code == 401
    assert [token_of(seen) for seen in elsewhere.seen] == [None, None]
    assert len(server.seen) == 1


def test_outside_the_origins_the_users_own_authorization_stays(
    call: Call, source: TokenSource, elsewhere: Server
) -> None:
    auth = TokenAuth(source, origins={"https://api.example.com"})
    call(auth, elsewhere.base_url, headers={"Authorization": "Basic of-the-user"})
    assert elsewhere.seen[0].headers["Authorization"] == "Basic of-the-user"


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
def test_bad_origins_are_refused(source: TokenSource, origins: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"origins.*allowed") as refusal:
        TokenAuth(source, origins=origins)
    assert refusal.value.argument == "origins"


@pytest.mark.parametrize("statuses", [401, "401", {"401"}, {200}, {401, 500}, [None], [[401]]])
def test_bad_rejected_statuses_are_refused(source: TokenSource, statuses: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"rejected_statuses.*allowed") as refusal:
        TokenAuth(source, rejected_statuses=statuses)
    assert refusal.value.argument == "rejected_statuses"


def test_a_source_is_needed(provider: Any) -> None:
    with pytest.raises(ConfigurationError, match=r"source.*allowed is a TokenSource"):
        TokenAuth(provider)


# Redirects


def redirecting(api: Api, to: str) -> None:
    """Make the API redirect calls of /moved."""

    def answer(seen: Seen) -> Reply:
        return Reply({}, 307, {"Location": to}) if seen.path == "/moved" else api.answer(seen)

    api.server.reply = answer


def test_a_redirect_to_another_origin_drops_the_token(call: Call, auth: TokenAuth, api: Api, elsewhere: Server) -> None:
    elsewhere.reply = Reply({"welcome": "stranger"})
    redirecting(api, elsewhere.base_url)
    assert call(auth, f"{api.server.base_url}/moved", follow_redirects=True).json() == {"welcome": "stranger"}
    assert [token_of(seen) for seen in elsewhere.seen] == [None]


def test_a_401_after_a_redirect_to_another_origin_replaces_nothing(
    call: Call, auth: TokenAuth, api: Api, server: Server, elsewhere: Server
) -> None:
    redirecting(api, elsewhere.base_url)
    assert call(auth, f"{api.server.base_url}/moved", follow_redirects=True).status_code == 401
    assert call(auth, api.url).status_code == 200
    assert api.tokens == ["token-1", "token-1"]
    assert len(elsewhere.seen) == 1
    assert len(server.seen) == 1


def test_a_401_after_a_redirect_there_and_back_replaces_nothing(
    call: Call, auth: TokenAuth, api: Api, server: Server, elsewhere: Server
) -> None:
    redirecting(api, elsewhere.base_url)
    elsewhere.reply = Reply({}, 307, {"Location": api.url})
    assert call(auth, f"{api.server.base_url}/moved", follow_redirects=True).status_code == 401
    assert api.tokens == ["token-1", None]
    assert len(server.seen) == 1


def test_a_401_after_a_redirect_within_the_origin_replaces_the_token(
    call: Call, auth: TokenAuth, api: Api, server: Server
) -> None:
    redirecting(api, "/payments")
    api.accepted = {"token-2"}
    assert call(auth, f"{api.server.base_url}/moved", follow_redirects=True).status_code == 200
    assert api.tokens == ["token-1", "token-1", "token-2", "token-2"]
    assert len(server.seen) == 2


# What the caller's client sees


def test_history_and_hooks_see_the_calls_and_never_the_token_request(auth: TokenAuth, api: Api, server: Server) -> None:
    requests: list[httpx.Request] = []
    responses: list[httpx.Response] = []
    api.accepted = {"token-2"}

    with httpx.Client(
        auth=auth, event_hooks={"request": [requests.append], "response": [responses.append]}, **LOCAL
    ) as client:
        response = client.post(api.url, json={"amount": 5})

    assert [each.status_code for each in response.history] == [401]
    assert [each.status_code for each in responses] == [401, 200]
    assert_calls_of_the_api_alone(api, server, requests, response)


@on_each_backend
def test_history_and_async_hooks_see_the_calls_and_never_the_token_request(
    auth: TokenAuth, api: Api, server: Server, backend: str
) -> None:
    requests: list[httpx.Request] = []
    statuses: list[int] = []
    api.accepted = {"token-2"}

    async def on_request(request: httpx.Request) -> None:
        requests.append(request)

    async def on_response(response: httpx.Response) -> None:
        statuses.append(response.status_code)

    async def main() -> httpx.Response:
        hooks: dict[str, list[Any]] = {"request": [on_request], "response": [on_response]}
        async with httpx.AsyncClient(auth=auth, event_hooks=hooks, **LOCAL) as client:
            return await client.post(api.url, json={"amount": 5})

    response = anyio.run(main, backend=backend)

    assert [each.status_code for each in response.history] == [401]
    assert statuses == [401, 200]
    assert_calls_of_the_api_alone(api, server, requests, response)


def assert_calls_of_the_api_alone(
    api: Api, server: Server, requests: list[httpx.Request], response: httpx.Response
) -> None:
    credentials = server.seen[0].headers["Authorization"].removeprefix("Basic ")
    visible = [*requests, response.request, *(each.request for each in response.history)]
    assert len(visible) == 4
    for request in visible:
        assert str(request.url) == api.url
        text = f"{request.headers.raw} {request.content!r}"
        assert "Bearer token-" in text
        assert credentials not in text
        assert "test-secret" not in text


def test_a_streaming_call_is_repeated_and_streams(auth: TokenAuth, api: Api) -> None:
    content = os.urandom(1_000_000)
    stream_of(api, content)
    with httpx.Client(auth=auth, **LOCAL) as client, client.stream("GET", api.url) as response:
        assert response.status_code == 200
        assert not response.is_stream_consumed
        assert b"".join(response.iter_bytes()) == content
    assert api.tokens == ["token-1", "token-2"]


@on_each_backend
def test_a_streaming_async_call_is_repeated_and_streams(auth: TokenAuth, api: Api, backend: str) -> None:
    content = os.urandom(1_000_000)
    stream_of(api, content)

    async def main() -> None:
        async with httpx.AsyncClient(auth=auth, **LOCAL) as client, client.stream("GET", api.url) as response:
            assert response.status_code == 200
            assert not response.is_stream_consumed
            assert b"".join([chunk async for chunk in response.aiter_bytes()]) == content

    anyio.run(main, backend=backend)
    assert api.tokens == ["token-1", "token-2"]


def stream_of(api: Api, content: bytes) -> None:
    """Make the API answer with this content, to the second token alone."""
    api.accepted = {"token-2"}
    api.server.reply = lambda seen: Reply(content) if token_of(seen) == "token-2" else Reply({}, 401)


def test_one_connection_is_enough(auth: TokenAuth, api: Api) -> None:
    api.accepted = {"token-2"}
    limits = httpx.Limits(max_connections=1)
    with httpx.Client(auth=auth, limits=limits, timeout=5, **LOCAL) as client:
        assert client.get(api.url).status_code == 200
        assert client.get(api.url).status_code == 200


# Generated clients


def generated_clients(api: Api, auth: TokenAuth) -> dict[str, Client | AuthenticatedClient]:
    httpx_args = {"auth": auth, "trust_env": False}
    return {
        "Client": Client(base_url=api.server.base_url, httpx_args=httpx_args),
        "AuthenticatedClient": AuthenticatedClient(
            base_url=api.server.base_url, token="a placeholder", httpx_args=httpx_args
        ),
    }


ORDER = TokenRequest(client_id="a", client_secret="b", audience="c", grant_type="client_credentials")


@pytest.mark.parametrize("kind", ["Client", "AuthenticatedClient"])
def test_a_generated_client_calls_with_the_token(auth: TokenAuth, api: Api, kind: str) -> None:
    api.accepted = {"token-2"}
    with generated_clients(api, auth)[kind] as client:
        response = create_token.sync_detailed(client=client, body=ORDER)
    assert response.status_code == 200
    assert api.tokens == ["token-1", "token-2"]
    assert api.server.seen[0].body == api.server.seen[1].body


@on_each_backend
@pytest.mark.parametrize("kind", ["Client", "AuthenticatedClient"])
def test_a_generated_client_calls_asynchronously_with_the_token(
    auth: TokenAuth, api: Api, kind: str, backend: str
) -> None:
    api.accepted = {"token-2"}

    async def main() -> int:
        async with generated_clients(api, auth)[kind] as client:
            return (await create_token.asyncio_detailed(client=client, body=ORDER)).status_code

    assert anyio.run(main, backend=backend) == 200
    assert api.tokens == ["token-1", "token-2"]
