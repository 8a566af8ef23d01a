"""The sandbox's routes: two a provider, under its name, the token endpoint of its spec and a protected resource.

How a token request is judged and answered stands in ``_endpoint``, what can go wrong in ``_faults``, and what is
remembered of it all in ``_memory``.
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

from paygrant.sandbox import _wire
from paygrant.sandbox._endpoint import Client, Endpoint, TokenRequest, http_date
from paygrant.sandbox._faults import STAGES, Faults, Place, Stage
from paygrant.sandbox._memory import IssuedToken, Memory
from paygrant.sandbox._record import UNKNOWN, RecordedRequest, Redaction, shown_method

logger = logging.getLogger("paygrant.sandbox")

_NOT_KEPT = {"Cache-Control": "no-store"}  # RFC 6749 section 5.1
_RECORDED = "paygrant.recorded"


class Journal:
    """What all providers share: numbers, and a mark by which it can be told that something has changed."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.numbers = itertools.count(1)
        self._marks = itertools.count(1)
        self.mark = 0

    def changed(self) -> None:
        """Make a new mark. For any thread."""
        self.mark = next(self._marks)


class Provider:
    """One provider: its endpoint, and what is remembered of it. Read and steered by any thread."""

    def __init__(self, name: str, endpoint: Endpoint, client: Client, journal: Journal) -> None:
        self.name = name
        self.endpoint = endpoint
        self._journal = journal
        self.memory = self._new_memory()
        self._redaction = Redaction(endpoint.open_names, endpoint.fixed, (client.client_id, client.client_secret))

    def routes(self) -> list[Route]:
        """The provider's routes, under its name."""
        return [
            Route(f"/{self.name}{self.endpoint.path}", self.create_token, methods=["POST"]),
            Route(f"/{self.name}/resource", self.resource, methods=["GET"]),
        ]

    async def create_token(self, request: Request) -> Response:
        """The token endpoint."""
        memory = self.memory
        headers = request.headers
        asked = self.endpoint.read(
            headers.get("Authorization", ""),
            headers.get("Content-Type", ""),
            request.url.query,
            await request.body(),
        )
        memory.token_requests += 1
        return await TokenExchange(self, memory, request, asked).answer()

    async def resource(self, request: Request) -> Response:
        """The protected resource (RFC 6750)."""
        memory = self.memory
        await request.body()
        memory.api_calls += 1
        asked = self.endpoint.read("", "", request.url.query, b"")
        return await ResourceExchange(self, memory, request, asked).answer()

    def now(self) -> float:
        """Seconds since the epoch."""
        return self._journal.clock()

    def revoke(self) -> None:
        """Kill all tokens."""
        self.memory.revoke()
        self._journal.changed()

    def reset(self) -> None:
        """Forget everything; a request that waits goes on, and leaves nothing behind."""
        old, self.memory = self.memory, self._new_memory()
        old.end()
        self._journal.changed()

    def record(  # noqa: PLR0913 - what there is to know of a request
        self,
        memory: Memory,
        scope: Scope,
        path: str,
        status: int,
        *,
        at: float,
        milliseconds: float,
        asked: TokenRequest | None = None,
        faults: tuple[str, ...] = (),
    ) -> None:
        """Write a request down, once."""
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
            self._redaction.parameters(asked.query, asked.body, known=known) if asked else {},
            faults,
        )
        memory.record(request)
        self._journal.changed()
        log(scope, path, status, faults)

    def _new_memory(self) -> Memory:
        return Memory(Faults(self.endpoint, self._journal.numbers, self._journal.changed))


class _Exchange:
    """A request under way: asked, perhaps spoilt by faults, answered, and written down before the answer goes out."""

    place: Place

    def __init__(self, provider: Provider, memory: Memory, request: Request, asked: TokenRequest) -> None:
        self.provider = provider
        self.memory = memory
        self.endpoint = provider.endpoint
        self.request = request
        self.asked = asked
        self.now = provider.now()
        self.lifetime: int | None = None
        self.oddity: str | None = None
        self._began = perf_counter()
        self._applied: list[str] = []

    async def answer(self) -> Response:
        """The answer, after all faults."""
        try:
            response = await self._stage(STAGES)
        except _wire.HungUpError:
            response = _wire.NoAnswer()
        self.provider.record(
            self.memory,
            self.request.scope,
            self.request.scope["path"],
            response.status_code,
            at=self.now,
            milliseconds=(perf_counter() - self._began) * 1000,
            asked=self.asked,
            faults=tuple(self._applied),
        )
        return response

    async def pause(self, seconds: float) -> None:
        """Let time pass; until a reset, at most."""
        await _wire.pause(seconds, self.request.receive, self.memory.waking)

    def refusal(self) -> Response:
        """The answer to wrong credentials, or to a dead token."""
        raise NotImplementedError

    def error(self, status: int, headers: Mapping[str, str]) -> Response:
        """An error in the provider's own form."""
        return as_json(self.endpoint.error(status).document, status, headers)

    def right_answer(self) -> Response:
        """What is answered where nothing goes wrong."""
        raise NotImplementedError

    async def _stage(self, stages: tuple[Stage, ...]) -> Response:
        for position, stage in enumerate(stages, 1):
            if fault := self.memory.faults.take(stage, self.place):
                self._applied.append(fault.kind)
                if response := await fault.apply(self, self._proceed(stages[position:])):
                    return response
                self._applied.remove(fault.kind)
        return self.right_answer()

    def _proceed(self, stages: tuple[Stage, ...]) -> Callable[[], Awaitable[Response]]:
        return lambda: self._stage(stages)


class TokenExchange(_Exchange):
    """A token request."""

    place: Place = "token"

    def refusal(self) -> Response:
        """The provider's answer to wrong credentials."""
        refusal = self.endpoint.wrong_credentials
        return as_json(refusal.document, refusal.status, _NOT_KEPT)

    def right_answer(self) -> Response:
        """What the provider documents."""
        now = self.provider.now()
        answer = self.endpoint.answer(self.asked, now, lifetime=self.lifetime, oddity=self.oddity)
        if answer.token is not None:
            self.memory.issue(IssuedToken(answer.token, now, answer.expires_at))
        return as_json(answer.document, answer.status, _NOT_KEPT)


class ResourceExchange(_Exchange):
    """A call of the protected resource."""

    place: Place = "resource"

    def refusal(self) -> Response:
        """The answer to a dead token (RFC 6750 section 3.1)."""
        return self._challenge(', error="invalid_token"')

    def right_answer(self) -> Response:
        """The resource, for who has a token."""
        scheme, _, token = self.request.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            return self._challenge("")
        alive = self.memory.is_alive(token, self.provider.now())
        return as_json({"provider": self.provider.name}) if alive else self.refusal()

    def _challenge(self, error: str) -> Response:
        challenge = f'Bearer realm="{self.provider.name}"{error}'
        return Response(status_code=HTTPStatus.UNAUTHORIZED, headers={"WWW-Authenticate": challenge})


class Envelope:
    """What is around every answer: its Date by the sandbox's clock; and a record of requests that no route took.

    A client that hangs up within its own request is no error.
    """

    def __init__(self, app: ASGIApp, providers: Mapping[str, Provider], clock: Callable[[], float]) -> None:
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
            await self._app(scope, receive, finish)

    def _record(self, scope: Scope, status: int) -> None:
        name, _, rest = scope["path"].removeprefix("/").partition("/")
        if provider := self._providers.get(name):
            known = rest == "resource" or f"/{rest}" == provider.endpoint.path
            path = scope["path"] if known else f"/{name}/{UNKNOWN}"
            provider.record(provider.memory, scope, path, status, at=self._clock(), milliseconds=0.0)
        elif "endpoint" not in scope:  # the page and the control API are not logged
            log(scope, f"/{UNKNOWN}", status, ())


def log(scope: Scope, path: str, status: int, faults: tuple[str, ...]) -> None:
    """A line in the log. Never the query, a header or a body: those carry secrets."""
    spoilt = f" ({', '.join(faults)})" if faults else ""
    logger.info("%s %s %s%s", shown_method(scope["method"]), path, status or "no answer", spoilt)


def as_json(document: Any, status: int = HTTPStatus.OK, headers: Mapping[str, str] | None = None) -> Response:
    """JSON of plain ASCII: half a surrogate pair, which a request can hold, has no UTF-8."""
    return Response(json.dumps(document), status, headers, "application/json")


def create_app(providers: Mapping[str, Provider], clock: Callable[[], float], more: Iterable[BaseRoute]) -> Starlette:
    """The ASGI application that serves these providers, and more."""
    routes: list[BaseRoute] = [route for provider in providers.values() for route in provider.routes()]
    app = Starlette(routes=[*routes, *more], middleware=[Middleware(Envelope, providers, clock)])
    app.router.redirect_slashes = False  # a path is right or wrong, as in the spec
    return app
