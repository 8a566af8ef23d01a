"""The sandbox as users hold it: the app of all providers, served on loopback by a thread.

The providers are those whose specs are installed with ``paygrant_clients``; nothing here knows one by name.
"""

import logging
import socket
import threading
import time
from collections.abc import Callable, Iterator
from importlib import resources
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from paygrant._arguments import check_choice, invalid_argument, is_loopback
from paygrant._spec.reader import NormalizedSpec, spec_of
from paygrant.sandbox import _page, _wire
from paygrant.sandbox._app import Journal, Provider, create_app
from paygrant.sandbox._control import Control
from paygrant.sandbox._endpoint import BasicDecoding, Client, Endpoint
from paygrant.sandbox._handle import ProviderHandle

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn._types import ASGI3Application

_SHUTDOWN_LIMIT = 1
"""Seconds. Requests are cut when the sandbox ends, so that nothing is left to wait for; if something is, so long."""


class Sandbox:
    """Token endpoints on loopback that behave as their providers document it, each with a protected resource.

    As a context manager it listens, in a daemon thread, for as long as the block lasts. ``app`` is the same as an
    ASGI application, for clients that need no socket.

    Args:
        client: The one client that every endpoint knows.
        basic_decoding: ``"plain"``: Basic credentials are the base64 text of id, colon and secret, as the providers
            document it. ``"form"``: both parts are form-decoded first, as servers do that keep to RFC 6749
            section 2.3.1.
        lifetime: The tokens' lifetime in seconds; None leaves it to each spec's example.
        host: A loopback address.
        port: The port to listen on; 0 takes a free one.
        clock: Tells the time in seconds since the epoch.

    Raises:
        ConfigurationError: The host is no loopback address, or an option is unknown.
        OSError: On entering the block: the port cannot be had.
    """

    def __init__(  # noqa: PLR0913 - options, each by its name
        self,
        *,
        client: Client | None = None,
        basic_decoding: BasicDecoding = "plain",
        lifetime: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        if not is_loopback(host):
            raise invalid_argument("host", f"is {host!r}", "the sandbox listens on loopback only, such as 127.0.0.1")
        check_choice("basic_decoding", basic_decoding, ("plain", "form"))
        self._client = client or Client()
        self._address = (host, port)
        journal = Journal(clock)
        self._providers = {
            name: Provider(
                name,
                Endpoint(spec, client=self._client, basic_decoding=basic_decoding, lifetime=lifetime),
                self._client,
                journal,
            )
            for name, spec in _installed()
        }
        self._handles = {
            name: ProviderHandle(provider, self._client, self.base_url) for name, provider in self._providers.items()
        }
        more = [*Control(self._providers, journal).routes(), *_page.routes()]
        self.app = create_app(self._providers, clock, more)
        self._running: _Running | None = None

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers' names."""
        return tuple(self._providers)

    @property
    def client_id(self) -> str:
        """The id of the client that every endpoint knows."""
        return self._client.client_id

    @property
    def client_secret(self) -> str:
        """The secret of that client."""
        return self._client.client_secret

    @property
    def url(self) -> str:
        """Where the sandbox is; its page is at ``/``.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        if self._running is None:
            raise RuntimeError("the sandbox is not running: use it as a context manager")
        return self._running.url

    def base_url(self, provider: str) -> str:
        """What takes the place of a provider's host while the sandbox is running.

        Raises:
            ConfigurationError: There is no such provider.
            RuntimeError: The sandbox is not running.
        """
        self._provider(provider)
        return f"{self.url}/{provider}"

    def token_requests(self, provider: str) -> int:
        """How many token requests a provider has had, refused ones included."""
        return self._provider(provider).memory.token_requests

    def api_calls(self, provider: str) -> int:
        """How many calls a provider's protected resource has had, refused ones included."""
        return self._provider(provider).memory.api_calls

    def revoke(self, provider: str) -> None:
        """Kill all tokens of a provider ahead of their time."""
        self._provider(provider).revoke()

    def reset(self) -> None:
        """Back to the beginning: no faults, no tokens, no requests, and all counts 0.

        Requests under way leave nothing behind either. Those that a delay or a drip holds up go on at once.
        """
        for provider in self._providers.values():
            provider.reset()

    def __getattr__(self, name: str) -> ProviderHandle:
        """A provider by its name: ``sandbox.ripple``."""
        handles: dict[str, ProviderHandle] = self.__dict__.get("_handles", {})
        if name in handles:
            return handles[name]
        raise AttributeError(f"{name!r} is no provider of the sandbox; known: {', '.join(handles)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._providers]

    def __enter__(self) -> Self:
        self._running = _Running(self.app, self._address)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._running:
            self._running.stop()
            self._running = None

    def _provider(self, name: str) -> Provider:
        check_choice("provider", name, self._providers)
        return self._providers[name]


class _Protocol(H11Protocol):
    """HTTP as uvicorn speaks it, with three differences.

    Without its logs of requests: they show queries, and at its trace level headers. (Its switch for the one works on
    the whole process, and the other has none.) And each request knows its connection, as ``_wire`` needs it.
    And when the server stops, nobody waits for the rest of a request or of an answer.
    """

    def __init__(self, config: uvicorn.Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.access_log = False
        self._answer = cast("ASGIApp", config.app)
        self.app = cast("ASGI3Application", self._introduce)

    def hang_up(self) -> None:
        """Close the connection, once what was sent is out."""
        self.transport.close()

    def shutdown(self) -> None:
        """Called by the server when it stops."""
        super().shutdown()
        if self.cycle and not self.cycle.response_complete:
            self.transport.abort()

    async def _introduce(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        scope["extensions"] = {_wire.CONNECTION: self}
        await self._answer(scope, receive, send)


class _Running:
    """A uvicorn server on a socket and a thread of its own."""

    def __init__(self, app: "ASGIApp", address: tuple[str, int]) -> None:
        host = address[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server(address, family=family)
        # asyncio does so only where a socket names its protocol; without, answers on a kept connection take 40 ms.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self._socket.getsockname()[1]}"
        self._server = uvicorn.Server(
            uvicorn.Config(
                app,
                http=_Protocol,
                ws="none",
                lifespan="off",
                log_config=None,
                date_header=False,
                timeout_graceful_shutdown=_SHUTDOWN_LIMIT,
            )
        )
        self._thread = threading.Thread(target=self._serve, name="paygrant-sandbox", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the sandbox did not start; its thread's traceback says why")
            time.sleep(0.001)

    def _serve(self) -> None:
        """Serve, on the thread. That uvicorn starts and ends is nothing that a user's log should tell."""
        own = threading.get_ident()

        def worth_telling(record: logging.LogRecord) -> bool:
            return record.thread != own or record.levelno > logging.INFO

        log = logging.getLogger("uvicorn.error")  # one for all servers of the process, so the thread is looked at
        log.addFilter(worth_telling)
        try:
            self._server.run([self._socket])
        finally:
            log.removeFilter(worth_telling)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


def _installed() -> Iterator[tuple[str, NormalizedSpec]]:
    """Yield every installed provider: its name and its spec."""
    for package in sorted(resources.files("paygrant_clients").iterdir(), key=lambda each: each.name):
        if (package / "openapi.json").is_file():
            yield package.name, spec_of(f"paygrant_clients.{package.name}")
