"""Responses that go wrong on the connection: none at all, cut short, or byte by byte; and pauses before a response.

ASGI cannot close a connection. So the sandbox's server puts a ``Connection`` into the scope of each request. With
another server, or without one, ``disconnect`` raises an exception.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol, TypeAlias

import anyio
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from paygrant._cache.event_loop import call_soon, running_loop
from paygrant.sandbox._client_auth import PeerCertificate

CERTIFICATE = "paygrant.certificate"
"""The name of the extension that has the certificate of the client."""

CONNECTION = "paygrant.connection"
"""The name of the extension in an ASGI scope."""

NO_RESPONSE = 0
"""The status of a request that gets no response."""


class Connection(Protocol):
    """The connection of a request."""

    def disconnect(self) -> None:
        """Close the connection after everything that was sent has left."""
        ...


class _OtherServer:
    """The connection of a server that is not the sandbox's own."""

    def disconnect(self) -> None:
        raise ConnectionResetError("the sandbox closes the connection; another server than its own cannot do that")


Waking: TypeAlias = Callable[[Callable[[], object]], AbstractContextManager[None]]
"""Takes a function; while its context lasts, any thread may call the function."""


class DisconnectedError(Exception):
    """The client has closed the connection."""


def connection(scope: Scope) -> Connection:
    """The connection of a request."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    found: Connection = extensions.get(CONNECTION) or _OtherServer()
    return found


def certificate(scope: Scope) -> PeerCertificate | None:
    """The certificate that the connection of a request showed."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    found: PeerCertificate | None = extensions.get(CERTIFICATE)
    return found


async def pause(seconds: float, receive: Receive, waking: Waking) -> None:
    """Wait. The body of the request must have been read.

    Args:
        seconds: The longest wait.
        receive: The request's ASGI callable.
        waking: Gets a function that ends the wait.

    Raises:
        DisconnectedError: The client has disconnected, or the server stops.
    """
    schedule = call_soon(running_loop())
    with anyio.move_on_after(seconds) as scope, waking(lambda: schedule(scope.cancel)):
        await _disconnected(receive)
        raise DisconnectedError


class NoResponse(Response):
    """Closes the connection without a response."""

    def __init__(self) -> None:
        super().__init__(status_code=NO_RESPONSE)

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Close the connection."""
        connection(scope).disconnect()
        await _disconnected(receive)


class CutShort(Response):
    """Sends the headers and the first bytes of a response, and closes the connection."""

    def __init__(self, whole: Response, kept: int) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the part, and close the connection."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body[: self._kept]), "more_body": True})
        connection(scope).disconnect()
        await _disconnected(receive)


class Drip(Response):
    """Sends the body of a response byte by byte, with a pause before each."""

    def __init__(self, whole: Response, pause: Callable[[], Awaitable[None]]) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        self._pause = pause

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send the response until its end, or until the client disconnects."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with suppress(DisconnectedError):
            for byte in bytes(self.body):
                await self._pause()
                await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await send({"type": "http.response.body"})


async def _disconnected(receive: Receive) -> None:
    """Return when the client has disconnected."""
    while (await receive())["type"] != "http.disconnect":
        pass
