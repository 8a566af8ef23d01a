"""A token endpoint and an API, in their own process. Each client has its own attributes and its own counter.

- POST /o/token/: issues a token to a registered client, for any grant
- GET /api: 200 with a valid token, otherwise 401
- PUT /clients/{id}: registers a client and sets its attributes; the response has the number of its token requests
- PUT /count: the number of token requests, and of the connections that they used, since the last such call
"""

import asyncio
import base64
import socket
import sys
import threading
import time
from dataclasses import dataclass, field
from urllib.parse import parse_qs

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route


@dataclass
class Client:
    """How the endpoint treats a client (times in seconds), and the number of the client's token requests."""

    lifetime: float = 3600
    latency: float = 0
    down: bool = False
    token_requests: int = 0
    tokens: dict[str, float] = field(default_factory=dict[str, float])
    """The end of each token's life. An empty mapping revokes all tokens."""


_clients: dict[str, Client] = {}
_requests: list[int] = []
"""The client's port of each token request since the last count."""


async def _set(request: Request) -> JSONResponse:
    client = _clients.setdefault(request.path_params["id"], Client())
    for name, value in (await request.json()).items():
        setattr(client, name, value)
    return JSONResponse({"token_requests": client.token_requests})


async def _count(_: Request) -> JSONResponse:
    count = {"requests": len(_requests), "connections": len({*_requests})}
    _requests.clear()
    return JSONResponse(count)


async def _token(request: Request) -> JSONResponse:
    name = _client_id(request.headers.get("Authorization", ""), await request.body())
    client = _clients.setdefault(name, Client())
    client.token_requests += 1
    _requests.append(request.client.port if request.client else 0)
    token = f"{name}.{client.token_requests}.{'t' * 200}"
    await asyncio.sleep(client.latency)
    if client.down:
        return JSONResponse({"error": "temporarily_unavailable"}, 503)
    client.tokens[token] = time.monotonic() + client.lifetime
    return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": int(client.lifetime)})


def _client_id(authorization: str, body: bytes) -> str:
    """The client id, from HTTP Basic or from the form."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme == "Basic":
        return base64.b64decode(credentials).decode().partition(":")[0]
    return parse_qs(body.decode())["client_id"][0]


async def _api(request: Request) -> JSONResponse:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    client = _clients.get(token.split(".")[0], Client())
    valid = client.tokens.get(token, 0) > time.monotonic()
    return JSONResponse({}, 200 if valid else 401)


def main() -> None:
    """Serve on a free port of loopback and print the port. Stop when standard input ends.

    With the paths of a certificate and of its key as arguments, it serves TLS.
    """
    routes = [
        Route("/o/token/", _token, methods=["POST"]),
        Route("/api", _api),
        Route("/clients/{id}", _set, methods=["PUT"]),
        Route("/count", _count, methods=["PUT"]),
    ]
    certificate, key = (*sys.argv[1:], None, None)[:2]
    app = Starlette(routes=routes)
    config = uvicorn.Config(app, log_level="critical", access_log=False, ssl_certfile=certificate, ssl_keyfile=key)
    server = uvicorn.Server(config)
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setsockopt(
        socket.IPPROTO_TCP, socket.TCP_NODELAY, 1
    )  # asyncio does not set it here, and a response would take 40 ms

    def end() -> None:
        sys.stdin.read()
        server.should_exit = server.force_exit = True

    threading.Thread(target=end, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
