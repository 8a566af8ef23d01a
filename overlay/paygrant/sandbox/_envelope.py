"""What surrounds the providers: the Date of each response, the record of requests without a route, and other sites.

``create_app`` makes the ASGI application.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress

from starlette.applications import Starlette
from starlette.datastructures import MutableHeaders
from starlette.middleware import Middleware
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from paygrant.sandbox._app import RECORDED, SandboxProvider, as_json, log
from paygrant.sandbox._endpoint import http_date
from paygrant.sandbox._guard import RequestError, check_origin
from paygrant.sandbox._record import UNKNOWN

_CLOSE = {"Connection": "close"}  # otherwise the rest of a long body is read before the next request


class Envelope:
    """Middleware: sets the Date of each response by the sandbox's clock, and records requests without a route.

    A request from a page of another site changes nothing: it is refused, and neither counted nor recorded. A client that
    disconnects while it sends its request causes no error.
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
                if RECORDED not in scope:
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
            scope[RECORDED] = True
            log(scope, f"/{UNKNOWN}", error.status, ())
            raise


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
