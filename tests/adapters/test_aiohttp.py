"""What is particular to aiohttp. ``test_every_client`` has what TokenAuth promises for every client."""

import asyncio
import io
import os
import socket
import threading
from collections.abc import AsyncIterator, Callable, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import aiohttp
import pytest

from paygrant import ClientCredentials, TokenSource
from paygrant.adapters.aiohttp import TokenAuth
from tests.helpers.apis import Api, token_of
from tests.helpers.servers import Reply, Seen, Server, granted, read_request, serve, serve_raw

T = TypeVar("T")


@pytest.fixture
def auth(source: TokenSource) -> TokenAuth:
    return TokenAuth(source)


def run(auth: TokenAuth, job: Callable[[aiohttp.ClientSession], Coroutine[Any, Any, T]], **options: Any) -> T:
    """Do something with a session."""

    async def main() -> T:
        options.setdefault("middlewares", (auth,))
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(10), **options) as session:
            return await job(session)

    return asyncio.run(main())


def status_of(
    url: str, method: str = "GET", **options: Any
) -> Callable[[aiohttp.ClientSession], Coroutine[Any, Any, int]]:
    """One call, as a job."""

    async def job(session: aiohttp.ClientSession) -> int:
        async with session.request(method, url, **options) as response:
            await response.read()
            return response.status

    return job


def test_a_token_request_does_not_block_the_loop(auth: TokenAuth, api: Api, server: Server) -> None:
    server.hold.clear()

    async def job(session: aiohttp.ClientSession) -> int:
        call = asyncio.create_task(status_of(api.url)(session))
        while not server.asked.is_set():
            await asyncio.sleep(0)
        server.hold.set()  # who would block the loop would wait for this
        return await call

    assert run(auth, job) == 200


def test_a_single_call_accepts_the_middleware(auth: TokenAuth, api: Api) -> None:
    assert run(auth, status_of(api.url, middlewares=(auth,)), middlewares=()) == 200


def test_a_call_and_its_repetition_use_one_connection(auth: TokenAuth, api: Api) -> None:
    connections: list[object] = []

    async def created(_: aiohttp.ClientSession, __: object, connection: object) -> None:
        connections.append(connection)

    async def main() -> int:
        trace, connector = aiohttp.TraceConfig(), aiohttp.TCPConnector(limit=1)
        trace.on_connection_create_end.append(created)
        async with aiohttp.ClientSession(
            middlewares=(auth,), connector=connector, trace_configs=[trace], timeout=aiohttp.ClientTimeout(10)
        ) as session:
            return await status_of(api.url)(session)

    large = os.urandom(1_000_000)  # arrives long after the status
    api.server.reply = lambda seen: Reply({}) if token_of(seen) == "token-2" else Reply(large, 401)
    assert asyncio.run(main()) == 200
    assert api.tokens == ["token-1", "token-2"]
    assert len(connections) == 1


@pytest.mark.parametrize(("status", "token"), [(401, "token-2"), (403, "token-1")])
def test_raise_for_status_uses_the_last_response_and_shows_no_token(
    auth: TokenAuth, api: Api, status: int, token: str
) -> None:
    api.accepted, api.rejection = set(), status
    with pytest.raises(aiohttp.ClientResponseError, match=str(status)) as fault:
        run(auth, status_of(api.url), raise_for_status=True)
    assert fault.value.request_info.headers["Authorization"] == f"Bearer {token}"
    assert "token-" not in repr(fault.value)
    assert "'Authorization': 'Bearer ...'" in repr(fault.value)


def test_the_session_keeps_cookies_of_the_rejection(auth: TokenAuth, api: Api) -> None:
    def respond(seen: Seen) -> Reply:
        reply = api.respond(seen)
        return Reply(reply.document, reply.status, {"Set-Cookie": f"from{reply.status}=1; Path=/"})

    async def main() -> set[str]:
        jar = aiohttp.CookieJar(unsafe=True)  # which takes those of an address, too
        async with aiohttp.ClientSession(middlewares=(auth,), cookie_jar=jar) as session:
            await status_of(api.url)(session)
        return {cookie.key for cookie in jar}

    api.accepted, api.server.reply = {"token-2"}, respond
    assert asyncio.run(main()) == {"from401", "from200"}


def test_a_streaming_call_is_repeated_and_streams(auth: TokenAuth, api: Api) -> None:
    content = os.urandom(1_000_000)

    async def job(session: aiohttp.ClientSession) -> bytes:
        async with session.get(api.url) as response:
            return b"".join([chunk async for chunk in response.content.iter_chunked(65_536)])

    api.server.reply = lambda seen: Reply(content) if token_of(seen) == "token-2" else Reply({}, 401)
    assert run(auth, job) == content


# Bodies


def test_a_file_is_sent_again_from_its_first_position(auth: TokenAuth, api: Api, tmp_path: Path) -> None:
    content = os.urandom(200_000)
    path = tmp_path / "receipt.pdf"
    path.write_bytes(content)
    api.accepted = {"token-2"}
    with path.open("rb") as file:
        file.seek(1000)
        assert run(auth, status_of(api.url, "POST", data=file)) == 200
    assert [seen.body for seen in api.server.seen] == [content[1000:]] * 2


@pytest.mark.parametrize("in_a_form", [True, False])
def test_a_closed_file_is_not_sent_again(auth: TokenAuth, api: Api, *, in_a_form: bool) -> None:
    file = io.BytesIO(b"once")

    async def closing(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        response = await handler(request)
        file.close()
        return response

    api.accepted = {"token-2"}
    call = status_of(api.url, "POST", data={"file": file} if in_a_form else file)
    assert run(auth, call, middlewares=(auth, closing)) == 401
    assert api.tokens == ["token-1"]


def test_an_async_generator_in_a_form_is_not_repeated(auth: TokenAuth, api: Api) -> None:
    async def once() -> AsyncIterator[bytes]:
        yield b"once"

    async def job(session: aiohttp.ClientSession) -> int:
        with aiohttp.MultipartWriter("form-data") as form:
            form.append("first")
            form.append(once())
        return await status_of(api.url, "POST", data=form)(session)

    api.accepted = {"token-2"}
    assert run(auth, job) == 401
    assert api.tokens == ["token-1"]


REJECTED = b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
WELCOME = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def test_a_body_that_was_rejected_early_is_sent_again_whole(auth: TokenAuth) -> None:
    content = os.urandom(20_000_000)  # more than the sockets' buffers take
    bodies: list[bytes] = []
    repeated = threading.Event()

    def script(connection: socket.socket) -> None:
        if not bodies:
            bodies.append(connection.recv(1000))
            connection.sendall(REJECTED)
            assert repeated.wait(10)
        else:
            repeated.set()
            bodies.append(read_request(connection).partition(b"\r\n\r\n")[2])
            connection.sendall(WELCOME)

    with serve_raw(script) as url:
        assert run(auth, status_of(url, "POST", data=io.BytesIO(content))) == 200
    assert bodies[1] == content


def test_a_body_that_waits_for_100_continue_is_sent_again(auth: TokenAuth) -> None:
    requests: list[bytes] = []
    repeated = threading.Event()

    def script(connection: socket.socket) -> None:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            head += connection.recv(1)
        requests.append(head)
        if len(requests) == 1:
            connection.sendall(REJECTED)
            assert repeated.wait(10)
            return
        repeated.set()
        connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        requests.append(connection.recv(4, socket.MSG_WAITALL))
        connection.sendall(WELCOME)

    with serve_raw(script) as url:
        assert run(auth, status_of(url, "POST", data=b"once", expect100=True, headers={"Connection": "close"})) == 200
    assert [b"Bearer token-1" in requests[0], b"Bearer token-2" in requests[1], requests[2]] == [True, True, b"once"]


# Redirects


def test_a_redirect_is_recognized_when_each_step_runs_on_its_own_task(auth: TokenAuth, api: Api) -> None:
    async def on_a_task(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
        async def step() -> aiohttp.ClientResponse:
            return await handler(request)

        return await asyncio.create_task(step())

    with serve() as elsewhere:
        elsewhere.reply = Reply({})
        moved = api.redirect(elsewhere.base_url)
        assert run(auth, status_of(moved), middlewares=(on_a_task, auth)) == 200
        assert [token_of(seen) for seen in elsewhere.seen] == [None]


def test_following_a_redirect_by_hand_is_a_new_call(auth: TokenAuth, api: Api) -> None:
    async def job(session: aiohttp.ClientSession) -> int:
        async with session.get(api.redirect(elsewhere.base_url), allow_redirects=False) as response:
            return await status_of(response.headers["Location"])(session)

    with serve() as elsewhere:
        elsewhere.reply = Reply({})
        assert run(auth, job) == 200
        assert [token_of(seen) for seen in elsewhere.seen] == ["token-1"]


def test_calls_without_a_time_limit_are_kept_apart(auth: TokenAuth, api: Api) -> None:
    async def main() -> list[int]:
        timeout = aiohttp.ClientTimeout(None)
        async with aiohttp.ClientSession(middlewares=(auth,), timeout=timeout) as session:
            moved = status_of(api.redirect(elsewhere.base_url))
            return await asyncio.gather(*[each(session) for _ in range(10) for each in (moved, status_of(api.url))])

    with serve() as elsewhere:
        elsewhere.reply = Reply({})
        assert asyncio.run(main()) == [200] * 20
        assert [token_of(seen) for seen in elsewhere.seen] == [None] * 10


def test_a_demand_for_a_nonce_is_found_in_the_second_of_two_challenges(api: Api, server: Server) -> None:
    server.reply = granted(token_type="DPoP")
    url = f"{server.base_url}/token"
    source = TokenSource(ClientCredentials(client_id="c", client_secret="s", token_url=url, dpop=True))
    challenges = {"WWW-Authenticate": "Bearer", "Www-Authenticate": 'DPoP error="use_dpop_nonce"', "DPoP-Nonce": "n-1"}
    api.server.reply = lambda _: Reply({}, 200 if len(api.server.seen) > 1 else 401, challenges)
    assert run(TokenAuth(source), status_of(api.url)) == 200
    assert (len(api.server.seen), len(server.seen)) == (2, 1)
