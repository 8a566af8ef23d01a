"""The control API: the sandbox's state as JSON, and its switches.

All paths are under ``/control``. Invalid input gets status 400 and ``{"error": "what is wrong; what is expected"}``.

=========================================  ============================================================================
``GET /control``                           the state: clock, providers, valid tokens, faults, the last 100 requests
``GET /control/events``                    the same as ``text/event-stream``, sent again after each change
``GET /control/faults``                    the kinds of faults, with the type, default and meaning of each parameter
``GET /control/usage``                     the client's id and secret, and for each provider a command for a shell
``POST /control/{provider}/faults``        ``{"kind": "fail", "on": "token", "times": 2, "status": 503}``: 201, ``{"id"}``
``DELETE /control/{provider}/faults``      switches off all faults of this provider: 204
``DELETE /control/{provider}/faults/{id}`` switches off one fault: 204
``POST /control/{provider}/revoke``        revokes all tokens of this provider: 204
``POST /control/{provider}/keys``          ``{"public_key": JWK or PEM, "key_id": "1"}``: a key that may sign assertions: 204
``POST /control/{provider}/audience``      ``{"audience": "https://auth.example"}``: what assertions must be for: 204
``POST /control/reset``                    deletes faults, tokens, counts and requests of all providers, and ends the
                                           wait of requests that ``delay`` or ``drip`` holds: 204
=========================================  ============================================================================

A web page of another site must not control or read the sandbox: see ``_guard``.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from itertools import chain
from typing import Any, cast

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from paygrant._arguments import invalid_argument
from paygrant._errors import ConfigurationError
from paygrant.sandbox._app import NOT_KEPT, Journal, SandboxProvider, as_json
from paygrant.sandbox._fault_kinds import KINDS
from paygrant.sandbox._faults import Fault
from paygrant.sandbox._guard import RequestError, limited_body
from paygrant.sandbox._keys import public_key_of
from paygrant.sandbox._record import RecordedRequest
from paygrant.sandbox._usage import Usage

_SHOWN = 100
"""The number of requests, and of tokens of each provider, in the state; newest first."""

_LARGEST_BODY = 64 * 1024
_PAUSE = 0.2
"""Seconds between two checks for changes."""


class Control:
    """The control API of these providers."""

    def __init__(self, providers: Mapping[str, SandboxProvider], journal: Journal, usage: Usage) -> None:
        self._providers = providers
        self._journal = journal
        self._usage = usage

    def routes(self) -> list[BaseRoute]:
        """The routes under /control."""
        routes = [
            Route("/control", self.state),
            Route("/control/events", self.events),
            Route("/control/faults", self.kinds),
            Route("/control/usage", self.usage),
            Route("/control/reset", self.reset, methods=["POST"]),
            Route("/control/{provider}/faults", self.switch_on, methods=["POST"]),
            Route("/control/{provider}/faults", self.restore_all, methods=["DELETE"]),
            Route("/control/{provider}/faults/{number}", self.restore, methods=["DELETE"]),
            Route("/control/{provider}/revoke", self.revoke, methods=["POST"]),
            Route("/control/{provider}/keys", self.register_key, methods=["POST"]),
            Route("/control/{provider}/audience", self.expect_audience, methods=["POST"]),
        ]
        guarded = _Errors(Router(routes, redirect_slashes=False))
        return [Route("/control", guarded), Route("/control/{rest:path}", guarded)]

    async def state(self, _request: Request) -> Response:
        """GET /control."""
        return as_json(self._state(), headers=NOT_KEPT)

    async def events(self, _request: Request) -> Response:
        """GET /control/events."""
        return StreamingResponse(self._changes(), media_type="text/event-stream", headers=NOT_KEPT)

    async def kinds(self, _request: Request) -> Response:
        """GET /control/faults."""
        return as_json(
            [
                {
                    "kind": kind.name,
                    "meaning": kind.meaning,
                    "on": list(kind.targets),
                    "parameters": [
                        {
                            "name": parameter.name,
                            "type": parameter.type,
                            "default": parameter.default,
                            "meaning": parameter.meaning,
                            "choices": list(parameter.choices),
                        }
                        for parameter in kind.parameters
                    ],
                }
                for kind in KINDS.values()
            ]
        )

    async def usage(self, request: Request) -> Response:
        """GET /control/usage."""
        url = f"{request.url.scheme}://{request.url.netloc}"
        return as_json(self._usage.described(url), headers=NOT_KEPT)

    async def switch_on(self, request: Request) -> Response:
        """POST /control/{provider}/faults."""
        provider = self._provider(request)
        given = await _document(request)
        fault = provider.memory.faults.switch_on(given.pop("kind", None), **given)
        return as_json({"id": fault.id}, HTTPStatus.CREATED)

    async def restore_all(self, request: Request) -> Response:
        """DELETE /control/{provider}/faults."""
        self._provider(request).memory.faults.clear()
        return _done()

    async def restore(self, request: Request) -> Response:
        """DELETE /control/{provider}/faults/{id}."""
        faults = self._provider(request).memory.faults
        numbers = {str(fault.id): fault.id for fault in faults.active()}  # the path may contain any text
        if not faults.remove(numbers.get(request.path_params["number"], 0)):
            raise RequestError(HTTPStatus.NOT_FOUND, "no fault with this id is switched on")
        return _done()

    async def revoke(self, request: Request) -> Response:
        """POST /control/{provider}/revoke."""
        self._provider(request).revoke()
        return _done()

    async def register_key(self, request: Request) -> Response:
        """POST /control/{provider}/keys."""
        given = await self._given(request, "public_key", "key_id")
        try:
            self._provider(request).register_key(
                public_key_of("public_key", given.get("public_key"), given.get("key_id"))
            )
        except ImportError as missing:
            raise RequestError(HTTPStatus.NOT_IMPLEMENTED, str(missing)) from None
        return _done()

    async def expect_audience(self, request: Request) -> Response:
        """POST /control/{provider}/audience."""
        audience = (await self._given(request, "audience")).get("audience")
        self._provider(request).expect_audience(audience)
        return _done()

    async def _given(self, request: Request, *names: str) -> dict[str, Any]:
        """The members of a request's document. Others are refused."""
        given = await _document(request)
        for unknown in given.keys() - {*names}:
            raise invalid_argument(unknown, "is unknown", f"one of: {', '.join(names)}")
        return given

    async def reset(self, _request: Request) -> Response:
        """POST /control/reset."""
        for provider in self._providers.values():
            provider.reset()
        return _done()

    def _provider(self, request: Request) -> SandboxProvider:
        provider = self._providers.get(request.path_params["provider"])
        if provider is None:
            raise RequestError(HTTPStatus.NOT_FOUND, f"unknown provider; expected one of: {', '.join(self._providers)}")
        return provider

    def _state(self) -> dict[str, Any]:
        latest = chain.from_iterable(provider.memory.requests()[-_SHOWN:] for provider in self._providers.values())
        return {
            "now": self._journal.clock(),
            "providers": [_provider_state(provider) for provider in self._providers.values()],
            "requests": [
                _request_state(request) for request in sorted(latest, key=lambda each: each.id, reverse=True)[:_SHOWN]
            ],
        }

    async def _changes(self) -> AsyncIterator[str]:
        """The state, now and after each change."""
        sent = None
        while True:
            mark = self._journal.mark
            if mark != sent:
                sent = mark
                yield f"data: {json.dumps(self._state())}\n\n"
            await anyio.sleep(_PAUSE)


class _Errors:
    """Turns errors into JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ConfigurationError as error:
            await _error_response(HTTPStatus.BAD_REQUEST, str(error))(scope, receive, send)
        except HTTPException as error:  # unknown path, or a method that it does not have
            await _error_response(error.status_code, error.detail, error.headers)(scope, receive, send)


async def _document(request: Request) -> dict[str, Any]:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise RequestError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type: expected application/json")
    body = await limited_body(request, _LARGEST_BODY)
    document: Any = None
    with suppress(ValueError, RecursionError):  # not JSON, or nested too deeply
        document = json.loads(body)
    if isinstance(document, dict):
        return cast("dict[str, Any]", document)
    raise ConfigurationError('body: is not a JSON object; expected an object such as {"kind": "fail", "status": 503}')


def _provider_state(provider: SandboxProvider) -> dict[str, Any]:
    memory = provider.memory
    alive, latest = memory.latest(_SHOWN, provider.now())
    return {
        "name": provider.name,
        "base_url": f"/{provider.name}",
        "token_method": provider.endpoint.method,
        "token_path": provider.endpoint.path,
        "token_requests": memory.token_requests,
        "api_calls": memory.api_calls,
        "alive": alive,
        "tokens": [
            {"fingerprint": token.fingerprint, "issued_at": token.issued_at, "expires_at": token.expires_at}
            for token in latest
        ],
        "faults": [_fault_state(fault) for fault in memory.faults.active()],
    }


def _fault_state(fault: Fault) -> dict[str, Any]:
    return {"id": fault.id, "kind": fault.kind, "on": fault.on, "times": fault.times, **fault.parameters}


def _request_state(request: RecordedRequest) -> dict[str, Any]:
    return {
        "id": request.id,
        "at": request.at,
        "provider": request.provider,
        "method": request.method,
        "path": request.path,
        "status": request.status,
        "milliseconds": request.milliseconds,
        "headers": request.headers,
        "parameters": request.parameters,
        "fault": ", ".join(request.faults) or None,
        "reason": request.reason or None,
    }


def _error_response(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return as_json({"error": text}, status, headers)


def _done() -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)
