"""Answers that go wrong on the wire, and the passing of time while somebody waits for an answer.

ASGI has no word for hanging up, so the sandbox's server puts itself into each request's scope as a ``Connection``. In
another server, or without one, hanging up is an exception.
"""

from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager, suppress
from typing import Any, Protocol, TypeAlias

import anyio
import anyio.lowlevel
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

CONNECTION = "paygrant.connection"
"""The name of the extension in an ASGI scope."""

NO_ANSWER = 0
"""Stands where a status would, when no byte of an answer is sent."""


class Connection(Protocol):
    """What a request came in on."""

    def hang_up(self) -> None:
        """Close it, once what was sent is out."""
        ...


class _Elsewhere:
    """Stands for a connection that is not the sandbox's own."""

    def hang_up(self) -> None:
        raise ConnectionResetError("the sandbox hangs up; without its own server, this is all it can do")


Waking: TypeAlias = Callable[[Callable[[], object]], AbstractContextManager[None]]
"""A context in which any thread may call what it was given."""


class HungUpError(Exception):
    """The other side is gone; there is nobody to answer."""


def connection(scope: Scope) -> Connection:
    """The connection that a request came in on."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    found: Connection = extensions.get(CONNECTION) or _Elsewhere()
    return found


async def pause(seconds: float, receive: Receive, waking: Waking) -> None:
    """Let time pass. The request's body must have been read.

    Args:
        seconds: How long, at most.
        receive: The request's.
        waking: Is told how to end the pause.

    Raises:
        HungUpError: The client hung up meanwhile, or the server stops.
    """
    loop = anyio.lowlevel.current_token().native_token  # asyncio's or trio's
    call_soon = getattr(loop, "run_sync_soon", None) or getattr(loop, "call_soon_threadsafe")  # noqa: B009 - it has no type
    with anyio.move_on_after(seconds) as scope, waking(lambda: call_soon(scope.cancel)):
        await _gone(receive)
        raise HungUpError


class NoAnswer(Response):
    """The connection is closed, without a byte."""

    def __init__(self) -> None:
        super().__init__(status_code=NO_ANSWER)

    async def __call__(self, scope: Scope, receive: Receive, _send: Send) -> None:
        """Hang up."""
        connection(scope).hang_up()
        await _gone(receive)


class CutShort(Response):
    """An answer that announces its whole length, and of whose body only so many bytes come before the end."""

    def __init__(self, whole: Response, kept: int) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        self._kept = kept

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send a part, and hang up."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": bytes(self.body[: self._kept]), "more_body": True})
        connection(scope).hang_up()
        await _gone(receive)


class Drip(Response):
    """A whole answer whose body comes byte by byte, each after a pause."""

    def __init__(self, whole: Response, pause: Callable[[], Awaitable[None]]) -> None:
        super().__init__(whole.body, whole.status_code)
        self.raw_headers = whole.raw_headers
        self._pause = pause

    async def __call__(self, _scope: Scope, _receive: Receive, send: Send) -> None:
        """Send it, for as long as there is somebody to send it to."""
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        with suppress(HungUpError):
            for byte in bytes(self.body):
                await self._pause()
                await send({"type": "http.response.body", "body": bytes([byte]), "more_body": True})
            await send({"type": "http.response.body"})


async def _gone(receive: Receive) -> None:
    """Return when the other side is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
