"""What is particular to httpx and httpx2. ``adapters/test_every_client`` has what TokenAuth promises for every client."""

import io
import os
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest

from paygrant import TokenAuth, TokenSource
from paygrant_clients.ripple.api.token import create_token
from paygrant_clients.ripple.client import AuthenticatedClient, Client
from paygrant_clients.ripple.models import TokenRequest
from tests.helpers.apis import Api, token_of
from tests.helpers.clients import BACKENDS, HTTPX, LOCAL, AnyAuth, AsyncHttpx, Httpx
from tests.helpers.servers import Reply, Seen, Server

on_each_backend = pytest.mark.parametrize("backend", BACKENDS)


@pytest.fixture(params=HTTPX.values(), ids=[*HTTPX])
def client(request: pytest.FixtureRequest) -> Httpx:
    client: Httpx = request.param
    return client


@pytest.fixture
def auth(client: Httpx, source: TokenSource) -> AnyAuth:
    return client.auth(source)


# Bodies


def test_a_file_on_disk_is_sent_again_whole(client: Httpx, auth: AnyAuth, api: Api, tmp_path: Path) -> None:
    content = os.urandom(200_000)
    path = tmp_path / "receipt.pdf"
    path.write_bytes(content)
    api.accepted = {"token-2"}

    with path.open("rb") as file:
        assert client.call(auth, api.url, "POST", files={"file": file}).status == 200

    rejected, repeated = api.server.seen
    assert content in repeated.body
    assert repeated.body == rejected.body


def test_a_closed_file_is_not_sent_again(client: Httpx, auth: AnyAuth, api: Api) -> None:
    file = io.BytesIO(b"once")

    def respond(seen: Seen) -> Reply:
        file.close()
        return api.respond(seen)

    api.accepted, api.server.reply = {"token-2"}, respond
    assert client.call(auth, api.url, "POST", files={"file": file}).status == 401


class Broken(io.FileIO):
    """A file whose disk fails when it is read from its start once more."""

    def seek(self, offset: int, whence: int = 0) -> int:
        if self.tell():
            raise OSError("disk failure")
        return super().seek(offset, whence)


class Tape(io.FileIO):
    """A file of known length that does not go back."""

    def seek(self, *_: object) -> int:
        raise io.UnsupportedOperation


@pytest.mark.parametrize("kind", [Broken, Tape])
def test_a_file_that_cannot_be_read_again_is_not_sent_again(
    client: Httpx, auth: AnyAuth, api: Api, tmp_path: Path, kind: type[io.FileIO]
) -> None:
    path = tmp_path / "receipt.pdf"
    path.write_bytes(b"once")
    api.accepted = {"token-2"}
    with kind(str(path)) as file:
        assert client.call(auth, api.url, "POST", files={"file": file}).status == 401
    [seen] = api.server.seen
    assert int(seen.headers["Content-Length"]) == len(seen.body)


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_consumed_stream_of_the_user_is_not_sent_again(source: TokenSource, api: Api, name: str) -> None:
    library = HTTPX[name].library

    class Once(library.AsyncByteStream, library.SyncByteStream):  # type: ignore[misc,name-defined]  # as given
        def __init__(self) -> None:
            self.parts = [b"on", b"ce"]

        def __iter__(self) -> Iterator[bytes]:
            if not self.parts:
                raise library.StreamConsumed
            while self.parts:
                yield self.parts.pop(0)

        async def __aiter__(self) -> AsyncIterator[bytes]:
            yield b""

    api.accepted = {"token-2"}
    headers = {"Host": "api.example", "Content-Length": "4"}
    with library.Client(auth=HTTPX[name].auth(source), **LOCAL) as session:
        response = session.send(library.Request("POST", api.url, headers=headers, stream=Once()))
    assert response.status_code == 401
    assert [seen.body for seen in api.server.seen] == [b"once"]


def test_a_stream_of_unknown_length_is_not_sent_again(client: Httpx, auth: AnyAuth, api: Api) -> None:
    class Pipe(io.BytesIO):
        def seek(self, *_: object) -> int:
            raise io.UnsupportedOperation

        def fileno(self) -> int:
            raise io.UnsupportedOperation

    api.accepted = {"token-2"}
    assert client.call(auth, api.url, "POST", files={"file": Pipe(b"once")}).status == 401
    [seen] = api.server.seen
    assert seen.headers["Transfer-Encoding"] == "chunked"


# What the caller's client sees


def test_history_and_hooks_see_the_calls_and_never_the_token_request(
    client: Httpx, auth: AnyAuth, api: Api, server: Server
) -> None:
    requests: list[Any] = []
    statuses: list[int] = []
    api.accepted = {"token-2"}

    async def on_request(request: Any) -> None:
        requests.append(request)

    async def on_response(response: Any) -> None:
        statuses.append(response.status_code)

    def on_response_sync(response: Any) -> None:
        statuses.append(response.status_code)

    def call() -> Any:
        hooks: dict[str, list[Any]] = {"request": [requests.append], "response": [on_response_sync]}
        with client.library.Client(auth=auth, event_hooks=hooks, **LOCAL) as session:
            return session.post(api.url, json={"amount": 5})

    async def call_async() -> Any:
        hooks: dict[str, list[Any]] = {"request": [on_request], "response": [on_response]}
        async with client.library.AsyncClient(auth=auth, event_hooks=hooks, **LOCAL) as session:
            return await session.post(api.url, json={"amount": 5})

    response = anyio.run(call_async, backend=client.backend) if isinstance(client, AsyncHttpx) else call()

    assert [each.status_code for each in response.history] == [401]
    assert statuses == [401, 200]
    credentials = server.seen[0].headers["Authorization"].removeprefix("Basic ")
    visible = [*requests, response.request, *(each.request for each in response.history)]
    assert len(visible) == 4
    for request in visible:
        assert str(request.url) == api.url
        text = f"{request.headers.raw} {request.content!r}"
        assert "Bearer token-" in text
        assert credentials not in text
        assert "test-secret" not in text
        assert "token-" not in repr(request.headers)


def test_a_streaming_call_is_repeated_and_streams(client: Httpx, auth: AnyAuth, api: Api) -> None:
    content = os.urandom(1_000_000)
    api.server.reply = lambda seen: Reply(content) if token_of(seen) == "token-2" else Reply({}, 401)

    def call() -> None:
        with client.library.Client(auth=auth, **LOCAL) as session, session.stream("GET", api.url) as response:
            assert not response.is_stream_consumed
            assert b"".join(response.iter_bytes()) == content

    async def call_async() -> None:
        async with (
            client.library.AsyncClient(auth=auth, **LOCAL) as session,
            session.stream("GET", api.url) as response,
        ):
            assert not response.is_stream_consumed
            assert b"".join([chunk async for chunk in response.aiter_bytes()]) == content

    anyio.run(call_async, backend=client.backend) if isinstance(client, AsyncHttpx) else call()
    assert api.tokens == ["token-1", "token-2"]


@pytest.mark.parametrize("name", ["httpx", "httpx2"])
def test_a_call_and_its_repetition_need_one_connection(source: TokenSource, api: Api, name: str) -> None:
    client = HTTPX[name]
    api.accepted = {"token-2"}
    limits = client.library.Limits(max_connections=1)
    with client.library.Client(auth=client.auth(source), limits=limits, timeout=5, **LOCAL) as session:
        assert session.get(api.url).status_code == 200
        assert session.get(api.url).status_code == 200


def test_the_auth_has_the_type_of_its_library(client: Httpx, auth: AnyAuth) -> None:
    assert isinstance(auth, client.library.Auth)
    assert isinstance(auth, httpx.Auth) == (client.library is httpx)


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
def test_a_generated_client_calls_with_the_token(source: TokenSource, api: Api, kind: str) -> None:
    api.accepted = {"token-2"}
    with generated_clients(api, TokenAuth(source))[kind] as client:
        response = create_token.sync_detailed(client=client, body=ORDER)
    assert response.status_code == 200
    assert api.tokens == ["token-1", "token-2"]
    assert api.server.seen[0].body == api.server.seen[1].body


@on_each_backend
@pytest.mark.parametrize("kind", ["Client", "AuthenticatedClient"])
def test_a_generated_client_calls_asynchronously_with_the_token(
    source: TokenSource, api: Api, kind: str, backend: str
) -> None:
    api.accepted = {"token-2"}

    async def main() -> int:
        async with generated_clients(api, TokenAuth(source))[kind] as client:
            return (await create_token.asyncio_detailed(client=client, body=ORDER)).status_code

    assert anyio.run(main, backend=backend) == 200
    assert api.tokens == ["token-1", "token-2"]
