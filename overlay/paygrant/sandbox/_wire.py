"""Answers that go wrong on the wire, and the passing of time while somebody waits for an answer.

ASGI has no word for hanging up, so the sandbox's server puts itself into each request's scope as a ``Connection``. In
another server, or without one, hanging up is an exception.
"""

from collections.abc import AsyncIterator
from typing import Any, Protocol

import anyio
from starlette.responses import Response, StreamingResponse
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

    def may_be_cut(self) -> None:
        """Do not wait for the answer that is under way when the server stops."""
        ...


class _Elsewhere:
    """Stands for a connection that is not the sandbox's own."""

    def hang_up(self) -> None:
        raise ConnectionResetError("the sandbox hangs up; without its own server, this is all it can do")

    def may_be_cut(self) -> None:
        pass


class HungUpError(Exception):
    """The other side is gone; there is nobody to answer."""


def connection(scope: Scope) -> Connection:
    """The connection that a request came in on."""
    extensions: dict[str, Any] = scope.get("extensions") or {}
    found: Connection = extensions.get(CONNECTION) or _Elsewhere()
    return found


async def pause(seconds: float, scope: Scope, receive: Receive) -> None:
    """Let time pass. The request's body must have been read.

    Raises:
        HungUpError: The client hung up meanwhile, or the server stops.
    """
    connection(scope).may_be_cut()
    with anyio.move_on_after(seconds):
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


class Drip(StreamingResponse):
    """A whole answer whose body comes byte by byte."""

    def __init__(self, whole: Response, pace: float) -> None:
        super().__init__(_drops(bytes(whole.body), pace), whole.status_code)
        self.raw_headers = whole.raw_headers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send it, unless the server stops meanwhile."""
        connection(scope).may_be_cut()
        await super().__call__(scope, receive, send)


async def _drops(body: bytes, pace: float) -> AsyncIterator[bytes]:
    for position in range(len(body)):
        await anyio.sleep(pace)
        yield body[position : position + 1]


async def _gone(receive: Receive) -> None:
    """Return when the other side is gone."""
    while (await receive())["type"] != "http.disconnect":
        pass
