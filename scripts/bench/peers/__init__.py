"""The compared libraries, a module for each, and what the benchmarks need from them. A module is imported when it is used.

Each library has the best setup that its public options allow. If it lets us choose when to renew a token, it does so at the
latest time at which paygrant does.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

NAMES = ("paygrant", "authlib", "httpx_auth", "requests_oauth2client", "google_auth")

Attach = Callable[[], None]
"""Puts the token on a request without sending it. The request is always the same."""

AsyncAttach = Callable[[], Coroutine[Any, Any, None]]
"""The same on an event loop."""


@dataclass(frozen=True)
class Endpoint:
    """Where a client gets its tokens, and the API that takes them."""

    base_url: str
    client_id: str
    lifetime: float
    client_secret: str = "loopback-secret"  # noqa: S105 - a made-up secret

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.base_url}/o/token/"

    @property
    def api_url(self) -> str:
        """A resource that requires a token."""
        return f"{self.base_url}/api"

    @property
    def leeway(self) -> float:
        """A token is not used in the last seconds of its life: 30, or a tenth of its life if that is less."""
        return min(30, self.lifetime / 10)


@dataclass(frozen=True)
class Peer:
    """A client that gets its tokens from a library. Threads share it.

    Attributes:
        attach: Makes an `Attach` with its own request.
        call: Calls the API and returns the status of the response.
    """

    attach: Callable[[], Attach]
    call: Callable[[], int]


@dataclass(frozen=True)
class Library:
    """A library, and the ways to use it.

    Attributes:
        distribution: The name of its distribution.
        statement: How a user imports it.
        peer: Makes a client.
        async_peer: Makes a client for an event loop; None if the library is synchronous only.
        on_one_machine: Makes a client that shares its token with other processes through a folder; None if the library
            cannot do that.
        over_redis: The same for processes that share the Redis at a URL.
        remark: What a reader must know to compare the figures.
    """

    distribution: str
    statement: str
    peer: Callable[[Endpoint], Peer]
    async_peer: Callable[[Endpoint], Callable[[], AsyncAttach]] | None = None
    on_one_machine: Callable[[str, Endpoint], Peer] | None = None
    over_redis: Callable[[str, Endpoint], Peer] | None = None
    remark: str = ""


def library(name: str) -> Library:
    """The library in a module of this package."""
    return cast("Library", import_module(f"{__name__}.{name}").LIBRARY)
