"""The compared libraries: a module each, imported only when asked for, and what the benchmarks need of them.

Each is set up as well as its public options allow, and where it lets us choose, it renews a token as long before its end as
paygrant does at the latest.
"""

from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from importlib import import_module
from typing import Any, cast

NAMES = ("paygrant", "authlib", "httpx_auth", "requests_oauth2client", "google_auth")

Attach = Callable[[], None]
"""Puts the token on a request, always the same, without sending it."""

AsyncAttach = Callable[[], Coroutine[Any, Any, None]]
"""The same on an event loop."""


@dataclass(frozen=True)
class Endpoint:
    """Where a client gets its tokens, and the API that takes them."""

    base_url: str
    client_id: str
    lifetime: float
    client_secret: str = "loopback-secret"  # noqa: S105 - of straw

    @property
    def token_url(self) -> str:
        """The token endpoint."""
        return f"{self.base_url}/o/token/"

    @property
    def api_url(self) -> str:
        """A resource that wants a token."""
        return f"{self.base_url}/api"

    @property
    def leeway(self) -> float:
        """The seconds before its end from which a token is not used: 30, but at most a tenth of its life."""
        return min(30, self.lifetime / 10)


@dataclass(frozen=True)
class Peer:
    """A client that gets its tokens from a library; threads share it.

    Attributes:
        attach: Makes an `Attach`, with a request of its own.
        call: Calls the API and returns the status of the answer.
    """

    attach: Callable[[], Attach]
    call: Callable[[], int]


@dataclass(frozen=True)
class Library:
    """A library as it comes, and the ways to use it.

    Attributes:
        distribution: Its name among the installed ones.
        statement: How a user imports it.
        peer: Makes a client.
        async_peer: Makes one for an event loop; None where the library blocks by design.
        on_one_machine: Makes a client that shares its token with the machine's processes by way of a folder, where the
            library has something for that.
        over_redis: The same for processes that share the Redis at a URL.
        remark: What a reader must know to judge the figures.
    """

    distribution: str
    statement: str
    peer: Callable[[Endpoint], Peer]
    async_peer: Callable[[Endpoint], Callable[[], AsyncAttach]] | None = None
    on_one_machine: Callable[[str, Endpoint], Peer] | None = None
    over_redis: Callable[[str, Endpoint], Peer] | None = None
    remark: str = ""


def library(name: str) -> Library:
    """The library of a module of this package."""
    return cast("Library", import_module(f"{__name__}.{name}").LIBRARY)
