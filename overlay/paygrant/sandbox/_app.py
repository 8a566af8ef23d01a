"""The sandbox's routes and what it remembers: tokens alive, and how often it was called.

Two routes a provider, under the provider's name: the token endpoint of its spec, and a protected resource.
How a token request is judged and answered stands in ``_endpoint``.
"""

import logging
from collections.abc import Callable, Iterable
from email.utils import formatdate
from urllib.parse import quote

from openapi_core.contrib.starlette import StarletteOpenAPIRequest
from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paygrant.sandbox._endpoint import Endpoint

logger = logging.getLogger("paygrant.sandbox")

_NOT_KEPT = {"Cache-Control": "no-store"}  # RFC 6749 section 5.1


class Provider:
    """One provider: its endpoint, its tokens, its counts.

    Attributes:
        token_requests: How many token requests came in, refused ones included.
        api_calls: How many calls of the protected resource came in, refused ones included.
        tokens: Each token and when it ends, in seconds since the epoch.
    """

    def __init__(self, name: str, endpoint: Endpoint, clock: Callable[[], float]) -> None:
        self.name = name
        self.token_requests = 0
        self.api_calls = 0
        self.tokens: dict[str, float] = {}
        self._endpoint = endpoint
        self._clock = clock

    def routes(self) -> list[Route]:
        """The provider's routes, under its name."""
        return [
            Route(f"/{self.name}{self._endpoint.path}", self.create_token, methods=["POST"]),
            Route(f"/{self.name}/resource", self.resource, methods=["GET"]),
        ]

    async def create_token(self, request: Request) -> Response:
        """The token endpoint."""
        self.token_requests += 1
        answer = self._endpoint.answer(StarletteOpenAPIRequest(request, await request.body()), self._clock())
        if answer.token:
            self.tokens[answer.token] = answer.expires_at
        return JSONResponse(answer.document, answer.status, _NOT_KEPT)

    async def resource(self, request: Request) -> Response:
        """The protected resource (RFC 6750)."""
        self.api_calls += 1
        scheme, _, token = request.headers.get("Authorization", "").partition(" ")
        challenge = f'Bearer realm="{self.name}"'
        if scheme.lower() != "bearer":
            return Response(status_code=401, headers={"WWW-Authenticate": challenge})
        if self.tokens.get(token, 0.0) <= self._clock():
            return Response(status_code=401, headers={"WWW-Authenticate": f'{challenge}, error="invalid_token"'})
        return JSONResponse({"provider": self.name})


class Envelope:
    """What is around every answer: its Date by the sandbox's clock, and a line in the log.

    The line has method, path and status. Never the query, a header or a body: those carry secrets.
    """

    def __init__(self, app: ASGIApp, clock: Callable[[], float]) -> None:
        self._app = app
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message)["Date"] = formatdate(self._clock(), usegmt=True)
                # Quoted: a line break in a path must not begin a line of the log.
                logger.info("%s %s %s", scope["method"], quote(scope["path"]), message["status"])
            await send(message)

        await self._app(scope, receive, finish)


def create_app(providers: Iterable[Provider], clock: Callable[[], float]) -> Starlette:
    """The ASGI application that serves these providers."""
    routes = [route for provider in providers for route in provider.routes()]
    app = Starlette(routes=routes, middleware=[Middleware(Envelope, clock)])
    app.router.redirect_slashes = False  # a path is right or wrong, as in the spec
    return app
