"""A token endpoint and the API behind it, in a process of their own. Each client has knobs of its own, and counters.

- POST /o/token/: a token, for whichever grant, to a client that was made known
- GET /api: 200 with a living token, 401 otherwise
- PUT /clients/{id}: makes a client known and sets its attributes; the response holds its counter
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
    """How the endpoint treats a client (times in seconds), and how often that one asked."""

    lifetime: float = 3600
    latency: float = 0
    down: bool = False
    token_requests: int = 0
    tokens: dict[str, float] = field(default_factory=dict[str, float])
    """Until when each token lives. Set to nothing, it revokes them all."""


_clients: dict[str, Client] = {}


async def _knobs(request: Request) -> JSONResponse:
    client = _clients.setdefault(request.path_params["id"], Client())
    for name, value in (await request.json()).items():
        setattr(client, name, value)
    return JSONResponse({"token_requests": client.token_requests})


async def _token(request: Request) -> JSONResponse:
    name = _client_id(request.headers.get("Authorization", ""), await request.body())
    client = _clients[name]
    client.token_requests += 1
    token = f"{name}.{client.token_requests}.{'t' * 200}"
    await asyncio.sleep(client.latency)
    if client.down:
        return JSONResponse({"error": "temporarily_unavailable"}, 503)
    client.tokens[token] = time.monotonic() + client.lifetime
    return JSONResponse({"access_token": token, "token_type": "Bearer", "expires_in": int(client.lifetime)})


def _client_id(authorization: str, body: bytes) -> str:
    """The id out of HTTP Basic, or else out of the form."""
    scheme, _, credentials = authorization.partition(" ")
    if scheme == "Basic":
        return base64.b64decode(credentials).decode().partition(":")[0]
    return parse_qs(body.decode())["client_id"][0]


async def _api(request: Request) -> JSONResponse:
    token = request.headers.get("Authorization", "").removeprefix("Bearer ")
    client = _clients.get(token.split(".")[0], Client())
    alive = client.tokens.get(token, 0) > time.monotonic()
    return JSONResponse({}, 200 if alive else 401)


def main() -> None:
    """Serve on a free port of loopback, print the port, and end when standard input does."""
    routes = [
        Route("/o/token/", _token, methods=["POST"]),
        Route("/api", _api),
        Route("/clients/{id}", _knobs, methods=["PUT"]),
    ]
    server = uvicorn.Server(uvicorn.Config(Starlette(routes=routes), log_level="critical", access_log=False))
    listener = socket.create_server(("127.0.0.1", 0), backlog=2048)
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)  # or an answer takes 40 ms: asyncio forgets it here

    def end() -> None:
        sys.stdin.read()
        server.should_exit = server.force_exit = True

    threading.Thread(target=end, daemon=True).start()
    print(listener.getsockname()[1], flush=True)
    server.run(sockets=[listener])


if __name__ == "__main__":
    main()
