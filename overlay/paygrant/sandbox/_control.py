"""The control API: the sandbox's state as JSON, and its switches. Its documentation stands in ``_faults``.

A web page of another site must not steer the sandbox, nor read it: so only loopback names are answered to (a rebound
name is none), and an ``Origin`` must be the sandbox's own.
"""

import json
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from http import HTTPStatus
from itertools import chain
from typing import Any, cast
from urllib.parse import urlsplit

import anyio
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import BaseRoute, Route, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from paygrant._arguments import is_loopback
from paygrant._errors import ConfigurationError
from paygrant.sandbox._app import Journal, Provider, as_json
from paygrant.sandbox._faults import KINDS, Fault
from paygrant.sandbox._record import RecordedRequest

_SHOWN = 100
"""Requests, and tokens of a provider, that the state lists; newest first."""

_LARGEST_BODY = 64 * 1024
_PAUSE = 0.2
"""Seconds between two looks at whether something has changed."""

_NOT_KEPT = {"Cache-Control": "no-store"}


class Control:
    """The control API of these providers."""

    def __init__(self, providers: Mapping[str, Provider], journal: Journal) -> None:
        self._providers = providers
        self._journal = journal

    def routes(self) -> list[BaseRoute]:
        """Its routes, under /control."""
        routes = [
            Route("/control", self.state),
            Route("/control/events", self.events),
            Route("/control/faults", self.kinds),
            Route("/control/reset", self.reset, methods=["POST"]),
            Route("/control/{provider}/faults", self.switch_on, methods=["POST"]),
            Route("/control/{provider}/faults", self.restore_all, methods=["DELETE"]),
            Route("/control/{provider}/faults/{number}", self.restore, methods=["DELETE"]),
            Route("/control/{provider}/revoke", self.revoke, methods=["POST"]),
        ]
        guarded = _Guard(Router(routes, redirect_slashes=False))
        return [Route("/control", guarded), Route("/control/{rest:path}", guarded)]

    async def state(self, _request: Request) -> Response:
        """GET /control."""
        return as_json(self._state(), headers=_NOT_KEPT)

    async def events(self, _request: Request) -> Response:
        """GET /control/events."""
        return StreamingResponse(self._changes(), media_type="text/event-stream", headers=_NOT_KEPT)

    async def kinds(self, _request: Request) -> Response:
        """GET /control/faults."""
        return as_json(
            [
                {
                    "kind": kind.name,
                    "meaning": kind.meaning,
                    "on": list(kind.places),
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
        numbers = {str(fault.id): fault.id for fault in faults.active()}  # what is asked for may be no number
        if not faults.remove(numbers.get(request.path_params["number"], 0)):
            raise _Refusal(HTTPStatus.NOT_FOUND, "no such fault is on")
        return _done()

    async def revoke(self, request: Request) -> Response:
        """POST /control/{provider}/revoke."""
        self._provider(request).revoke()
        return _done()

    async def reset(self, _request: Request) -> Response:
        """POST /control/reset."""
        for provider in self._providers.values():
            provider.reset()
        return _done()

    def _provider(self, request: Request) -> Provider:
        provider = self._providers.get(request.path_params["provider"])
        if provider is None:
            raise _Refusal(HTTPStatus.NOT_FOUND, f"there is no such provider; known: {', '.join(self._providers)}")
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
        """The state, now and whenever there is a new mark."""
        told = None
        while True:
            mark = self._journal.mark
            if mark != told:
                told = mark
                yield f"data: {json.dumps(self._state())}\n\n"
            await anyio.sleep(_PAUSE)


class _Refusal(Exception):
    """Why a request is not carried out, with the status of the answer."""

    def __init__(self, status: HTTPStatus, text: str) -> None:
        super().__init__(text)
        self.status = status


class _Guard:
    """Lets in who calls the sandbox by a loopback name, from no page but its own; and tells errors as JSON."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            _check_origin(request)
            await self._app(scope, receive, send)
        except ConfigurationError as error:
            await _refuse(HTTPStatus.BAD_REQUEST, str(error))(scope, receive, send)
        except _Refusal as error:
            await _refuse(error.status, str(error))(scope, receive, send)
        except HTTPException as error:  # no such path, or not by this method
            await _refuse(error.status_code, error.detail, error.headers)(scope, receive, send)


def _check_origin(request: Request) -> None:
    host = request.headers.get("Host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    if not is_loopback(name):
        raise _Refusal(HTTPStatus.FORBIDDEN, "Host: allowed is a loopback name, such as 127.0.0.1 or localhost")
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        raise _Refusal(HTTPStatus.FORBIDDEN, "Origin: allowed is the sandbox's own")


async def _document(request: Request) -> dict[str, Any]:
    if request.headers.get("Content-Type", "").partition(";")[0].strip().lower() != "application/json":
        raise _Refusal(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "Content-Type: allowed is application/json")
    body = b""
    async for part in request.stream():
        body += part
        if len(body) > _LARGEST_BODY:
            raise _Refusal(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body: allowed are {_LARGEST_BODY} bytes")
    document: Any = None
    with suppress(ValueError, RecursionError):  # no JSON, or bottomless JSON
        document = json.loads(body)
    if isinstance(document, dict):
        return cast("dict[str, Any]", document)
    raise ConfigurationError('body: is no JSON object; allowed is such as {"kind": "fail", "status": 503}')


def _provider_state(provider: Provider) -> dict[str, Any]:
    memory = provider.memory
    alive, latest = memory.latest(_SHOWN, provider.now())
    return {
        "name": provider.name,
        "base_url": f"/{provider.name}",
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
    }


def _refuse(status: int, text: str, headers: Mapping[str, str] | None = None) -> Response:
    return as_json({"error": text}, status, headers)


def _done() -> Response:
    return Response(status_code=HTTPStatus.NO_CONTENT)
