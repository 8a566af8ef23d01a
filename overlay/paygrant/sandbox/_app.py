"""The ASGI application of the sandbox. Each provider has its token endpoint; all other paths are its API.

``_endpoint`` decides how to respond to a token request, ``_fault_kinds`` says what can go wrong, and ``_memory`` keeps
tokens, requests and faults.
"""

import itertools
import json
import logging
from collections.abc import Awaitable, Callable, Iterable, Mapping
from contextlib import suppress
from http import HTTPStatus
from time import perf_counter
from typing import Any

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paygrant._arguments import invalid_argument
from paygrant.sandbox import _wire
from paygrant.sandbox._endpoint import Client, Endpoint, RequestParts, http_date
from paygrant.sandbox._fault_kinds import STAGES, Stage, Target
from paygrant.sandbox._faults import Faults
from paygrant.sandbox._guard import RequestError, check_origin, limited_body
from paygrant.sandbox._memory import ApiResponse, IssuedToken, Memory
from paygrant.sandbox._record import UNKNOWN, RecordedRequest, Redaction, shown_method

logger = logging.getLogger("paygrant.sandbox")

_NOT_KEPT = {"Cache-Control": "no-store"}  # RFC 6749 section 5.1
_CLOSE = {"Connection": "close"}  # otherwise the rest of a long body is read before the next request
_RECORDED = "paygrant.recorded"
RESOURCE = "/resource"
"""A path of every API, for tests that need no other."""

_LARGEST_BODY = 1 << 20
"""Bytes. No token request comes near it."""


class Journal:
    """What all providers share: the clock, the numbers of requests and faults, and a mark for each change."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.numbers = itertools.count(1)
        self._marks = itertools.count(1)
        self.mark = 0

    def changed(self) -> None:
        """Make a new mark. Safe to call from any thread."""
        self.mark = next(self._marks)


class SandboxProvider:
    """One provider of the sandbox: its endpoint and its memory. Safe to use from any thread."""

    def __init__(self, name: str, endpoint: Endpoint, client: Client, journal: Journal) -> None:
        self.name = name
        self.endpoint = endpoint
        self._journal = journal
        self.memory = self._new_memory()
        self._redaction = Redaction(endpoint.open_names, endpoint.fixed, (client.client_id, client.client_secret))

    def routes(self) -> list[Route]:
        """The provider's routes. Their paths start with its name."""
        return [
            Route(f"/{self.name}{self.endpoint.path}", self.create_token, methods=[self.endpoint.method]),
            _AnyMethod(f"/{self.name}/{{path:path}}", self.call_api),
        ]

    async def create_token(self, request: Request) -> Response:
        """The token endpoint."""
        memory = self.memory
        memory.token_requests += 1
        body = await limited_body(request, _LARGEST_BODY)
        parts = self.endpoint.read(request.headers, request.url.query, body)
        return await TokenRequestHandler(self, memory, request, parts).respond()

    async def call_api(self, request: Request) -> Response:
        """The API: any method and any path, with a token (RFC 6750)."""
        memory = self.memory
        memory.api_calls += 1
        await limited_body(request, _LARGEST_BODY)
        parts = self.endpoint.read({}, request.url.query, b"")
        return await ApiRequestHandler(self, memory, request, parts).respond()

    def now(self) -> float:
        """The sandbox's time, in seconds since the epoch."""
        return self._journal.clock()

    def shown_path(self, path: str, *, accepted: bool) -> str:
        """A path of the API as records show it. It is shown if a live token came with it and it contains no secret."""
        return path if accepted and self._redaction.shows(path) else f"/{self.name}/{UNKNOWN}"

    def set_response(self, method: str, path: str, response: ApiResponse) -> None:
        """Respond in this way to calls of the API with a live token.

        Raises:
            ConfigurationError: This is the token endpoint.
        """
        if (method, path) == (self.endpoint.method, self.endpoint.path):
            raise invalid_argument("path", "is the token endpoint", "a path of the API")
        self.memory.responses[method, path] = response

    def revoke(self) -> None:
        """Revoke all tokens."""
        self.memory.revoke()
        self._journal.changed()

    def reset(self) -> None:
        """Forget everything. A request that waits continues, and leaves no trace."""
        old, self.memory = self.memory, self._new_memory()
        old.end()
        self._journal.changed()

    def record(  # noqa: PLR0913 - the facts of a request
        self,
        memory: Memory,
        scope: Scope,
        path: str,
        status: int,
        *,
        at: float,
        milliseconds: float,
        parts: RequestParts | None = None,
        faults: tuple[str, ...] = (),
    ) -> None:
        """Record a request."""
        scope[_RECORDED] = True
        known = self.endpoint.names
        request = RecordedRequest(
            next(self._journal.numbers),
            at,
            self.name,
            shown_method(scope["method"]),
            path,
            int(status) or None,
            round(milliseconds, 3),
            self._redaction.headers(scope["headers"]),
            self._redaction.parameters(parts.query, parts.body, parts.headers, known=known) if parts else {},
            faults,
        )
        memory.record(request)
        self._journal.changed()
        log(scope, path, status, faults)

    def _new_memory(self) -> Memory:
        return Memory(Faults(self.endpoint, self._journal.numbers, self._journal.changed))


class _AnyMethod(Route):
    """A route that serves every method."""

    def __init__(self, path: str, endpoint: Callable[..., Any]) -> None:
        super().__init__(path, endpoint)
        self.methods = None


class _RequestHandler:
    """Handles one request: applies the faults, makes the response, and records both before the response is sent."""

    target: Target

    def __init__(self, provider: SandboxProvider, memory: Memory, request: Request, parts: RequestParts) -> None:
        self.provider = provider
        self.memory = memory
        self.endpoint = provider.endpoint
        self.request = request
        self.parts = parts
        self.now = provider.now()
        self.lifetime: int | None = None
        self.oddity: str | None = None
        self._began = perf_counter()
        self._applied: list[str] = []

    async def respond(self) -> Response:
        """The response, with all faults applied."""
        try:
            response = await self._stage(STAGES)
        except _wire.DisconnectedError:
            response = _wire.NoResponse()
        self.provider.record(
            self.memory,
            self.request.scope,
            self.shown_path,
            response.status_code,
            at=self.now,
            milliseconds=(perf_counter() - self._began) * 1000,
            parts=self.parts,
            faults=tuple(self._applied),
        )
        return response

    @property
    def shown_path(self) -> str:
        """The path, as records show it."""
        path: str = self.request.scope["path"]
        return path

    async def pause(self, seconds: float) -> None:
        """Wait. A reset ends the wait."""
        await _wire.pause(seconds, self.request.receive, self.memory.waking)

    def refusal(self) -> Response:
        """The response to wrong credentials, or to a revoked token."""
        raise NotImplementedError

    def error(self, status: int, headers: Mapping[str, str]) -> Response:
        """An error response in the provider's format."""
        return as_json(self.endpoint.error(status).document, status, headers)

    def normal_response(self) -> Response:
        """The response if no fault replaces it."""
        raise NotImplementedError

    async def _stage(self, stages: tuple[Stage, ...]) -> Response:
        for position, stage in enumerate(stages, 1):
            if fault := self.memory.faults.take(stage, self.target):
                self._applied.append(fault.kind)
                if response := await fault.apply(self, self._proceed(stages[position:])):
                    return response
                self._applied.remove(fault.kind)
        return self.normal_response()

    def _proceed(self, stages: tuple[Stage, ...]) -> Callable[[], Awaitable[Response]]:
        return lambda: self._stage(stages)


class TokenRequestHandler(_RequestHandler):
    """Handles a token request."""

    target: Target = "token"

    def refusal(self) -> Response:
        """The provider's response to wrong credentials."""
        refusal = self.endpoint.wrong_credentials
        return as_json(refusal.document, refusal.status, _NOT_KEPT)

    def normal_response(self) -> Response:
        """The response that the provider documents."""
        now = self.provider.now()
        response = self.endpoint.respond(self.parts, now, lifetime=self.lifetime, oddity=self.oddity)
        if response.token is not None:
            self.memory.issue(IssuedToken(response.token, now, response.expires_at))
        return as_json(response.document, response.status, _NOT_KEPT)


class ApiRequestHandler(_RequestHandler):
    """Handles a call of the API."""

    target: Target = "resource"
    accepted = False

    @property
    def shown_path(self) -> str:
        """The path, if it is known or a live token came with it: other paths may be secrets in the wrong place."""
        path = super().shown_path
        rest = path.removeprefix(f"/{self.provider.name}")
        known = rest == RESOURCE or any(each == rest for _, each in self.memory.responses)
        return path if known else self.provider.shown_path(path, accepted=self.accepted)

    def refusal(self) -> Response:
        """The response to a revoked token (RFC 6750 section 3.1)."""
        return self._challenge(', error="invalid_token"')

    def normal_response(self) -> Response:
        """What a test has set for this call, if the request has a valid token where the spec says that it is."""
        token = self.endpoint.token_in(self.request.headers, self.parts.query)
        if token is None:
            return self._challenge("")
        if not self.memory.is_alive(token, self.provider.now()):
            return self.refusal()
        self.accepted = True
        path = self.request.scope["path"].removeprefix(f"/{self.provider.name}")
        found = self.memory.responses.get((self.request.method, path))
        if found is None:
            return as_json({"provider": self.provider.name})
        if found.document is None:
            return Response(status_code=found.status, headers=found.headers)
        return as_json(found.document, found.status, found.headers)

    def _challenge(self, error: str) -> Response:
        challenge = f'Bearer realm="{self.provider.name}"{error}'
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": challenge})


class Envelope:
    """Middleware: sets the Date of each response by the sandbox's clock, and records requests without a route.

    A request from a page of another site changes nothing: it is refused, and neither counted nor recorded. A client that disconnects while it sends its request causes no error.
    """

    def __init__(self, app: ASGIApp, providers: Mapping[str, SandboxProvider], clock: Callable[[], float]) -> None:
        self._app = app
        self._providers = providers
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def finish(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).setdefault("Date", http_date(self._clock()))
                if _RECORDED not in scope:
                    self._record(scope, message["status"])
            await send(message)

        with suppress(ClientDisconnect):
            try:
                if scope["type"] == "http":
                    _refuse_other_sites(scope)
                await self._app(scope, receive, finish)
            except RequestError as error:
                response = as_json({"error": str(error)}, error.status, _CLOSE)
                await response(scope, receive, finish)

    def _record(self, scope: Scope, status: int) -> None:
        name, _, rest = scope["path"].removeprefix("/").partition("/")
        if provider := self._providers.get(name):
            path = scope["path"] if f"/{rest}" == provider.endpoint.path else f"/{name}/{UNKNOWN}"
            provider.record(provider.memory, scope, path, status, at=self._clock(), milliseconds=0.0)
        elif "endpoint" not in scope:  # the page and the control API are not logged
            log(scope, f"/{UNKNOWN}", status, ())


def _refuse_other_sites(scope: Scope) -> None:
    try:
        check_origin(scope)
    except RequestError as error:
        scope[_RECORDED] = True
        log(scope, f"/{UNKNOWN}", error.status, ())
        raise


def log(scope: Scope, path: str, status: int, faults: tuple[str, ...]) -> None:
    """Log a request in one line. Query, headers and body are left out: they carry secrets."""
    applied = f" ({', '.join(faults)})" if faults else ""
    logger.info("%s %s %s%s", shown_method(scope["method"]), path, status or "no response", applied)


def as_json(document: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response in ASCII: a request can contain half of a surrogate pair, which UTF-8 cannot encode."""
    return Response(json.dumps(document), status, headers, "application/json")


def create_app(
    providers: Mapping[str, SandboxProvider], clock: Callable[[], float], more: Iterable[BaseRoute]
) -> Starlette:
    """Make the ASGI application of these providers. ``more`` are further routes."""
    routes: list[BaseRoute] = [route for provider in providers.values() for route in provider.routes()]
    app = Starlette(routes=[*routes, *more], middleware=[Middleware(Envelope, providers, clock)])
    app.router.redirect_slashes = False  # a path matches exactly, as in the spec
    return app
