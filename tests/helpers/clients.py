"""The HTTP clients by which users call an API, each with its TokenAuth."""

import asyncio
import io
import os
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, TypeAlias

import aiohttp
import anyio
import httpx
import httpx2
import pytest
import requests
from requests.adapters import HTTPAdapter
from yarl import URL

from paygrant import TokenAuth
from paygrant.adapters import aiohttp as for_aiohttp
from paygrant.adapters import httpx2 as for_httpx2
from paygrant.adapters import requests as for_requests
from tests.helpers.apis import Unseekable

AnyAuth: TypeAlias = Any
"""A TokenAuth of any client."""

LOCAL: dict[str, Any] = {
    "trust_env": False,
    "verify": ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),  # loading the usual certificates takes longer than a call
}
BACKENDS = ["asyncio", "trio"]


@dataclass(frozen=True)
class ApiResponse:
    """The parts of a response that every client gives."""

    status: int
    content: bytes


class Httpx:
    """``httpx.Client``, and ``httpx2.Client``: the library is given."""

    auth: type[AnyAuth] = TokenAuth

    def __init__(self, library: Any = httpx, auth: type[AnyAuth] = TokenAuth) -> None:
        self.library = library
        self.auth = auth

    def call(
        self, auth: AnyAuth, url: str, method: str = "GET", *, follow: bool = False, **options: Any
    ) -> ApiResponse:
        """One call."""
        with self.library.Client(auth=auth, **LOCAL) as client:
            response = client.request(method, url, follow_redirects=follow, **options)
            return ApiResponse(response.status_code, response.content)

    def herd(self, auth: AnyAuth, url: str, calls: int) -> list[int]:
        """Many calls at once; their statuses."""
        with self.library.Client(auth=auth, **LOCAL) as client, ThreadPoolExecutor(calls) as pool:
            return [response.status_code for response in pool.map(client.get, [url] * calls)]

    def authorization(self, auth: AnyAuth, url: str) -> str | None:
        """The header with which a request would go out."""
        value: str | None = next(auth.sync_auth_flow(self.library.Request("GET", url))).headers.get("Authorization")
        return value

    def body(self, content: Any) -> dict[str, Any]:
        """The option that sends this as the body."""
        return {"content": content}

    def multipart(self, file: Any) -> dict[str, Any]:
        """The options that upload a file in a form."""
        return {"files": {"file": ("a.bin", file)}, "data": {"note": "Zoë"}}

    def generator(self) -> Any:
        """A body b"once" in two parts."""
        return iter([b"on", b"ce"])


class AsyncHttpx(Httpx):
    """``httpx.AsyncClient``, and ``httpx2.AsyncClient``, on asyncio or trio."""

    def __init__(self, backend: str, library: Any = httpx, auth: type[AnyAuth] = TokenAuth) -> None:
        super().__init__(library, auth)
        self.backend = backend

    def call(
        self, auth: AnyAuth, url: str, method: str = "GET", *, follow: bool = False, **options: Any
    ) -> ApiResponse:
        async def main() -> ApiResponse:
            async with self.library.AsyncClient(auth=auth, **LOCAL) as client:
                response = await client.request(method, url, follow_redirects=follow, **options)
                return ApiResponse(response.status_code, response.content)

        return anyio.run(main, backend=self.backend)

    def herd(self, auth: AnyAuth, url: str, calls: int) -> list[int]:
        statuses: list[int] = []

        async def one(client: Any) -> None:
            statuses.append((await client.get(url)).status_code)

        async def main() -> None:
            async with self.library.AsyncClient(auth=auth, **LOCAL) as client, anyio.create_task_group() as tasks:
                for _ in range(calls):
                    tasks.start_soon(one, client)

        anyio.run(main, backend=self.backend)
        return statuses

    def authorization(self, auth: AnyAuth, url: str) -> str | None:
        async def main() -> str | None:
            async with aclosing(auth.async_auth_flow(self.library.Request("GET", url))) as flow:
                value: str | None = (await anext(flow)).headers.get("Authorization")
                return value

        return anyio.run(main, backend=self.backend)

    def generator(self) -> AsyncIterator[bytes]:
        return _in_two_parts()


class Requests:
    """``requests.Session``."""

    auth: type[AnyAuth] = for_requests.TokenAuth

    def session(self, auth: AnyAuth) -> requests.Session:
        session = requests.Session()
        session.trust_env = False
        session.auth = auth
        return session

    def call(
        self, auth: AnyAuth, url: str, method: str = "GET", *, follow: bool = False, **options: Any
    ) -> ApiResponse:
        with self.session(auth) as session:
            response = session.request(method, url, allow_redirects=follow, **options)
            return ApiResponse(response.status_code, response.content)

    def herd(self, auth: AnyAuth, url: str, calls: int) -> list[int]:
        with self.session(auth) as session, ThreadPoolExecutor(calls) as pool:
            session.mount("http://", HTTPAdapter(pool_maxsize=calls))
            return [response.status_code for response in pool.map(session.get, [url] * calls)]

    def authorization(self, auth: AnyAuth, url: str) -> str | None:
        value: str | None = requests.Request("GET", url, auth=auth).prepare().headers.get("Authorization")
        return value

    def body(self, content: Any) -> dict[str, Any]:
        return {"data": content}

    def multipart(self, file: Any) -> dict[str, Any]:
        return {"files": {"file": ("a.bin", file)}, "data": {"note": "Zoë"}}

    def generator(self) -> Iterator[bytes]:
        return iter([b"on", b"ce"])


class Aiohttp:
    """``aiohttp.ClientSession``."""

    auth: type[AnyAuth] = for_aiohttp.TokenAuth

    def call(
        self, auth: AnyAuth, url: str, method: str = "GET", *, follow: bool = False, **options: Any
    ) -> ApiResponse:
        async def main() -> ApiResponse:
            async with (
                aiohttp.ClientSession(middlewares=(auth,)) as session,
                session.request(method, url, allow_redirects=follow, **options) as response,
            ):
                return ApiResponse(response.status, await response.read())

        return asyncio.run(main())

    def herd(self, auth: AnyAuth, url: str, calls: int) -> list[int]:
        async def one(session: aiohttp.ClientSession) -> int:
            async with session.get(url) as response:
                return response.status

        async def main() -> list[int]:
            async with aiohttp.ClientSession(middlewares=(auth,)) as session:
                return await asyncio.gather(*[one(session) for _ in range(calls)])

        return asyncio.run(main())

    def authorization(self, auth: AnyAuth, url: str) -> str | None:
        class Out(Exception):
            pass

        async def main() -> str | None:
            async def handler(_: aiohttp.ClientRequest) -> aiohttp.ClientResponse:
                raise Out

            async with aiohttp.ClientSession() as session:
                request = aiohttp.ClientRequest("GET", URL(url), loop=asyncio.get_running_loop(), session=session)
                with pytest.raises(Out):
                    await auth(request, handler)
                value: str | None = request.headers.get("Authorization")
                return value

        return asyncio.run(main())

    def body(self, content: Any) -> dict[str, Any]:
        return {"data": content}

    def multipart(self, file: Any) -> dict[str, Any]:
        form = aiohttp.FormData()
        form.add_field("file", file, filename="a.bin")
        form.add_field("note", "Zoë")
        return {"data": form}

    def generator(self) -> AsyncIterator[bytes]:
        return _in_two_parts()


async def _in_two_parts() -> AsyncIterator[bytes]:
    yield b"on"
    yield b"ce"


ApiClient: TypeAlias = Httpx | Requests | Aiohttp

HTTPX: dict[str, Httpx] = {
    "httpx": Httpx(),
    **{f"httpx on {backend}": AsyncHttpx(backend) for backend in BACKENDS},
    "httpx2": Httpx(httpx2, for_httpx2.TokenAuth),
    **{f"httpx2 on {backend}": AsyncHttpx(backend, httpx2, for_httpx2.TokenAuth) for backend in BACKENDS},
}
CLIENTS: dict[str, ApiClient] = {**HTTPX, "requests": Requests(), "aiohttp": Aiohttp()}

Body: TypeAlias = Callable[[ApiClient], dict[str, Any]]

REPEATABLE: dict[str, Body] = {
    "none": lambda _: {},
    "json": lambda _: {"json": {"amount": "12.50", "to": "Zoë"}},
    "a form": lambda _: {"data": {"amount": "12.50", "to": "Zoë & Co"}},
    "bytes": lambda client: client.body(bytes(range(256))),
    "text": lambda client: client.body("twelve and a half, for Zoe"),
    "multipart with bytes": lambda client: client.multipart(bytes(range(256))),
    "multipart with a seekable file": lambda client: client.multipart(io.BytesIO(os.urandom(200_000))),
}
ONE_SHOT: dict[str, Body] = {
    "a generator": lambda client: client.body(client.generator()),
    "a pipe in multipart": lambda client: client.multipart(Unseekable(b"once")),
}
