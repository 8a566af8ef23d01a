"""A protected API, as the tests of TokenAuth call it."""

import io
from collections.abc import Iterator
from typing import Any

import pytest

from paygrant import Cryptofuse, MemoryStore, TokenSource
from tests.helpers.servers import Reply, Seen, Server, serve


class Api:
    """A protected API: 200 for the tokens it accepts, and for no other."""

    def __init__(self, server: Server) -> None:
        self.accepted = {"token-1"}
        self.rejection = 401
        self.server = server
        self.url = f"{server.base_url}/payments"
        server.reply = self.respond

    def respond(self, seen: Seen) -> Reply:
        allowed = token_of(seen) in self.accepted and seen.path != "/forbidden"
        return Reply({"path": seen.path}) if allowed else Reply({"fault": "who are you?"}, self.rejection)

    def redirect(self, to: str) -> str:
        """Make it redirect calls of an address, which is returned."""

        def respond(seen: Seen) -> Reply:
            return Reply({}, 307, {"Location": to}) if seen.path == "/moved" else self.respond(seen)

        self.server.reply = respond
        return f"{self.server.base_url}/moved"

    @property
    def tokens(self) -> list[str | None]:
        """The token of each call so far."""
        return [token_of(seen) for seen in self.server.seen]


def token_of(seen: Seen) -> str | None:
    """The bearer token that a request carried."""
    authorization = seen.headers.get("Authorization")
    return authorization and authorization.removeprefix("Bearer ")


class Unseekable(io.RawIOBase):
    """A file that can be read once, such as a pipe."""

    def __init__(self, content: bytes) -> None:
        super().__init__()
        self._content = io.BytesIO(content)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._content.readinto(buffer)


@pytest.fixture
def api() -> Iterator[Api]:
    """An API that accepts token-1."""
    with serve() as server:
        yield Api(server)


@pytest.fixture
def source(provider: Cryptofuse) -> TokenSource:
    """A source that shares its token with no other."""
    return TokenSource(provider, store=MemoryStore())
