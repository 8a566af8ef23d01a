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
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paygrant._arguments import invalid_argument
from paygrant._spec.reader import JSON, TEXT
from paygrant.sandbox import _wire
from paygrant.sandbox._endpoint import Client, Endpoint, EndpointResponse, RequestParts, http_date
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
            _AnyMethod(f"/{self.name}/{{path:path}}", self.serve),
        ]

    async def serve(self, request: Request) -> Response:
        """Pass a request on to the token endpoint, or to the API."""
        if not self.is_token_endpoint(request.scope["path"]):
            return await self.call_api(request)
        if request.method == self.endpoint.method:
            return await self.create_token(request)
        parts = self.endpoint.read({}, request.url.query, b"")
        if self.endpoint.token_in(request.headers, parts.query) is not None:
            return await self.call_api(request)
        raise RequestError(HTTPStatus.METHOD_NOT_ALLOWED, "this path is the token endpoint's", self.endpoint.method)

    def is_token_endpoint(self, path: str) -> bool:
        """Whether a path of the sandbox is the token endpoint's."""
        return self.endpoint.is_at(path.removeprefix(f"/{self.name}"))

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

    def shown_token_path(self, path: str) -> str:
        """The token endpoint's path as records show it. What fills its placeholders is not shown: it may be secret."""
        return f"/{self.name}{self.endpoint.path}" if self.is_token_endpoint(path) else f"/{self.name}/{UNKNOWN}"

    def set_response(self, method: str, path: str, response: ApiResponse) -> None:
        """Respond in this way to calls of the API with a live token.

        Raises:
            ConfigurationError: This is the token endpoint.
        """
        if method == self.endpoint.method and self.endpoint.is_at(path):
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
        return self.provider.shown_token_path(self.request.scope["path"])

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
        return _as_response(self.endpoint.wrong_credentials)

    def normal_response(self) -> Response:
        """The response that the provider documents."""
        now = self.provider.now()
        response = self.endpoint.respond(self.parts, now, lifetime=self.lifetime, oddity=self.oddity)
        if response.token is not None:
            self.memory.issue(IssuedToken(response.token, now, response.expires_at))
        return _as_response(response)


class ApiRequestHandler(_RequestHandler):
    """Handles a call of the API."""

    target: Target = "resource"
    accepted = False

    @property
    def shown_path(self) -> str:
        """The path, if it is known or a live token came with it: other paths may be secrets in the wrong place."""
        path: str = self.request.scope["path"]
        rest = path.removeprefix(f"/{self.provider.name}")
        known = rest == RESOURCE or any(each == rest for _, each in self.memory.responses)
        return path if known else self.provider.shown_path(path, accepted=self.accepted)

    def refusal(self) -> Response:
        """The response to a revoked token (RFC 6750 section 3.1)."""
        return self._challenge(self.endpoint.use.rejected_statuses[0], ', error="invalid_token"')

    def normal_response(self) -> Response:
        """What a test has set for this call, if the request has a valid token where the spec says that it is."""
        token = self.endpoint.token_in(self.request.headers, self.parts.query)
        if token is None:
            return self._challenge(self.endpoint.use.rejected_statuses[0], "")
        if (header := self.endpoint.missing_header(self.request.headers)) is not None:
            return as_json({"error": f"{header}: expected this header with its right value"}, HTTPStatus.BAD_REQUEST)
        if not self.memory.accepts(token, self.provider.now(), single_use=self.endpoint.use.single_use):
            return self.refusal()
        self.accepted = True
        path = self.request.scope["path"].removeprefix(f"/{self.provider.name}")
        found = self.memory.responses.get((self.request.method, path))
        if found is None:
            return as_json({"provider": self.provider.name})
        if found.document is None:
            return Response(status_code=found.status, headers=found.headers)
        return as_json(found.document, found.status, found.headers)

    def _challenge(self, status: int, error: str) -> Response:
        challenge = {"WWW-Authenticate": f'Bearer realm="{self.provider.name}"{error}'}
        return Response(status_code=status, headers=challenge if status == HTTPStatus.UNAUTHORIZED else None)


class Envelope:
    """Middleware: sets the Date of each response by the sandbox's clock, and records requests without a route.

    A request from a page of another site changes nothing: it is refused, and neither counted nor recorded. A client that disconnects while it sends its request causes no error.
    """

    def __init__(
        self, app: ASGIApp, providers: Mapping[str, SandboxProvider], clock: Callable[[], float], *, in_network: bool
    ) -> None:
        self._app = app
        self._providers = providers
        self._clock = clock
        self._in_network = in_network

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
                    self._refuse_other_sites(scope)
                await self._app(scope, receive, finish)
            except RequestError as error:
                allowed = {"Allow": error.allowed} if error.allowed else {}
                response = as_json({"error": str(error)}, error.status, _CLOSE | allowed)
                await response(scope, receive, finish)

    def _record(self, scope: Scope, status: int) -> None:
        name = scope["path"].removeprefix("/").partition("/")[0]
        if provider := self._providers.get(name):
            path = provider.shown_token_path(scope["path"])
            provider.record(provider.memory, scope, path, status, at=self._clock(), milliseconds=0.0)
        elif "endpoint" not in scope:  # the page and the control API are not logged
            log(scope, f"/{UNKNOWN}", status, ())

    def _refuse_other_sites(self, scope: Scope) -> None:
        try:
            check_origin(scope, in_network=self._in_network)
        except RequestError as error:
            scope[_RECORDED] = True
            log(scope, f"/{UNKNOWN}", error.status, ())
            raise


def log(scope: Scope, path: str, status: int, faults: tuple[str, ...]) -> None:
    """Log a request in one line. Query, headers and body are left out: they carry secrets."""
    applied = f" ({', '.join(faults)})" if faults else ""
    logger.info("%s %s %s%s", shown_method(scope["method"]), path, status or "no response", applied)


def as_json(
    document: Any,
    status: int = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    media_type: str = JSON,
) -> Response:
    """A JSON response in ASCII: a request can contain half of a surrogate pair, which UTF-8 cannot encode."""
    return Response(json.dumps(document), status, headers, media_type)


def _as_response(response: EndpointResponse) -> Response:
    """The response of a token endpoint, which nobody may keep."""
    if response.media_type is None:
        return Response(status_code=response.status, headers=_NOT_KEPT)
    if response.media_type == TEXT:
        return PlainTextResponse(str(response.document), response.status, _NOT_KEPT)
    return as_json(response.document, response.status, _NOT_KEPT, response.media_type)


def create_app(
    providers: Mapping[str, SandboxProvider],
    clock: Callable[[], float],
    more: Iterable[BaseRoute],
    *,
    in_network: bool = False,
) -> Starlette:
    """Make the ASGI application of these providers.

    Args:
        providers: The providers by name.
        clock: Returns the time in seconds since the epoch.
        more: Further routes.
        in_network: Whether other machines can reach the application.
    """
    routes: list[BaseRoute] = [route for provider in providers.values() for route in provider.routes()]
    envelope = Middleware(Envelope, providers, clock, in_network=in_network)
    app = Starlette(routes=[*routes, *more], middleware=[envelope])
    app.router.redirect_slashes = False  # a path matches exactly, as in the spec
    return app
