"""The class Sandbox: the ASGI application of all providers, served by a daemon thread.

``paygrant._providers.registry`` says which providers there are. No provider is named here.
"""

import logging
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from os import PathLike, fspath
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, cast

import uvicorn
from uvicorn.protocols.http.h11_impl import H11Protocol

from paygrant._arguments import (
    check_choice,
    check_function,
    check_seconds,
    check_text,
    check_type,
    check_whole,
    checked,
    invalid_argument,
    is_address,
    is_loopback,
    shown,
)
from paygrant._providers.registry import ServedSpec, served_spec_at, served_specs
from paygrant.sandbox import _page, _wire
from paygrant.sandbox._access import ClientAccess
from paygrant.sandbox._app import Journal, SandboxProvider
from paygrant.sandbox._client_auth import BasicDecoding, Client
from paygrant.sandbox._control import Control
from paygrant.sandbox._endpoint import Endpoint
from paygrant.sandbox._envelope import create_app
from paygrant.sandbox._handle import ProviderHandle
from paygrant.sandbox._keys import ClientKeys, Folder
from paygrant.sandbox._tls import Certificates, peer_certificate
from paygrant.sandbox._usage import Usage

if TYPE_CHECKING:
    from ssl import SSLContext

    from starlette.types import ASGIApp, Receive, Scope, Send
    from uvicorn._types import ASGI3Application

logger = logging.getLogger("paygrant.sandbox")

_LAST_PORT = (1 << 16) - 1
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_]*")
_RESERVED = frozenset({"app", "control"})
"""Names that a provider cannot have, like those of the attributes of the class: the sandbox uses them."""

_LOOPBACK_OF = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - the sandbox does not choose them
"""Where this machine reaches a server that listens on all addresses."""

_LONGEST_LIFETIME = 1e9
"""Seconds. A longer lifetime ends outside the calendar."""

_SHUTDOWN_LIMIT = 1
"""Seconds. The sandbox closes all connections when it ends, and waits for this time if a request is still running."""


class Sandbox:
    """A server with the token endpoint of each provider. All other paths are the provider's API.

    As a context manager, the sandbox listens in a daemon thread until the end of the block. ``app`` is the sandbox as an
    ASGI application: ``httpx.ASGITransport(sandbox.app)`` calls it without a port. Each provider is an attribute:
    ``sandbox.ripple``.
    Providers that installed packages declare are there, too.

    Args:
        specs: The paths of specs of your own, or of folders that ``paygrant generate`` made. The name of
            ``acme.yaml`` is ``acme``: ``sandbox.acme``.
        client: The one client that all endpoints accept.
        basic_decoding: How the endpoints decode Basic credentials. ``"plain"``: as they are (RFC 7617). ``"form"``: id
            and secret are form-decoded (RFC 6749 section 2.3.1). None: as each spec says, and plain if it leaves it open.
        lifetime: The lifetime of tokens in seconds; None: as in the example of each spec.
        host: The address to listen on. If it is not a loopback address, such as ``"0.0.0.0"`` in a container, everybody
            on the network can use the sandbox. A warning is logged then.
        port: The port to listen on; 0 chooses a free port.
        tls_port: The port for TLS; 0 chooses a free port. None: a free port, which opens when ``tls_url`` is used.
        clock: Returns the time in seconds since the epoch.

    Raises:
        ConfigurationError: An argument is bad or unknown, or a spec cannot be used, or its name is taken.
        ImportError: ``paygrant[generate]`` is not installed to read a spec, or ``paygrant[keys]`` for ``tls_port``.
        OSError: When the block is entered: the address or the port is not available.
    """

    @checked
    def __init__(  # noqa: PLR0913 - options, given by name
        self,
        *,
        specs: "Sequence[str | PathLike[str]]" = (),
        client: Client | None = None,
        basic_decoding: BasicDecoding | None = None,
        lifetime: int | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
        tls_port: int | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        check_type("host", host, str, "an address, such as 127.0.0.1")
        if not (is_loopback(host) or is_address(host)):
            raise invalid_argument(
                "host", f"is {shown(host)}", "an address of this machine, such as 127.0.0.1 or 0.0.0.0"
            )
        if basic_decoding is not None:
            check_choice("basic_decoding", basic_decoding, ("plain", "form"))
        check_type("client", client, Client | None, 'a Client, such as Client("id", "secret")')
        self._client = Client() if client is None else client
        check_text("client.client_id", self._client.client_id, forbidden=":")
        check_text("client.client_secret", self._client.client_secret)
        if lifetime is not None:
            check_whole("lifetime", lifetime, least=0)
            check_seconds("lifetime", lifetime, most=_LONGEST_LIFETIME)
        check_whole("port", port, least=0, most=_LAST_PORT)
        if tls_port is not None:
            check_whole("tls_port", tls_port, least=0, most=_LAST_PORT)
        self._tls_port = tls_port
        check_function("clock", clock, "a function such as time.time")
        self._address = (host, port)
        journal = Journal(clock)
        served = _all_specs(specs)
        self._folder = Folder()
        self._certificates = Certificates(self._folder, host)
        keys = ClientKeys(self._folder)
        self._providers = {
            name: SandboxProvider(
                name,
                _endpoint(each, self._client, basic_decoding, lifetime),
                self._client,
                journal,
                keys.public_keys,
            )
            for name, each in served.items()
        }
        access = {
            name: ClientAccess(provider, self._client, keys, self._certificates, self._url)
            for name, provider in self._providers.items()
        }
        self._handles = {name: ProviderHandle(self._providers[name], each) for name, each in access.items()}
        usage = Usage(self._client, served, access)
        more = [*Control(self._providers, journal, usage).routes(), *_page.routes()]
        self.app = create_app(self._providers, clock, more, in_network=not is_loopback(host))
        self._running: _Running | None = None
        self._tls: _Running | None = None
        self._tls_lock = threading.Lock()

    @property
    def providers(self) -> tuple[str, ...]:
        """The providers' names."""
        return tuple(self._providers)

    @property
    def client_id(self) -> str:
        """The id of the client that all endpoints accept."""
        return self._client.client_id

    @property
    def client_secret(self) -> str:
        """The secret of that client."""
        return self._client.client_secret

    @property
    def url(self) -> str:
        """The URL of the sandbox. Its page is at ``/``.

        Raises:
            RuntimeError: The sandbox is not running.
        """
        return self._url(with_tls=False)

    @property
    def tls_url(self) -> str:
        """The same server over TLS. A client may show its certificate there (RFC 8705).

        Raises:
            ImportError: ``paygrant[keys]`` is not installed.
            RuntimeError: The sandbox is not running.
        """
        return self._url(with_tls=True)

    @property
    def ca_file(self) -> str:
        """The path of a file with the authority that issued the certificates of the server and the client, in PEM.

        Raises:
            ImportError: ``paygrant[keys]`` is not installed.
        """
        return self._certificates.ca_file

    @property
    def certificate_file(self) -> str:
        """The path of a file with the client's certificate and its private key, in PEM.

        Raises:
            ImportError: ``paygrant[keys]`` is not installed.
        """
        return self._certificates.client_file

    def base_url(self, provider: str) -> str:
        """The base URL to use instead of the provider's own.

        Raises:
            ConfigurationError: The provider is unknown.
            RuntimeError: The sandbox is not running.
        """
        self._provider(provider)
        return f"{self.url}/{provider}"

    def token_requests(self, provider: str) -> int:
        """The number of token requests that a provider has had, refused ones included."""
        return self._provider(provider).memory.token_requests

    def api_calls(self, provider: str) -> int:
        """The number of calls that a provider's protected resource has had, refused ones included."""
        return self._provider(provider).memory.api_calls

    def reset(self) -> None:
        """Forget all faults, tokens and requests, and set all counts to 0.

        Requests in progress leave no trace either. Requests that ``delay`` or ``drip`` holds continue at once.
        """
        for provider in self._providers.values():
            provider.reset()

    def __getattr__(self, name: str) -> ProviderHandle:
        """A provider by its name, as in ``sandbox.ripple``."""
        handles: dict[str, ProviderHandle] = self.__dict__.get("_handles", {})
        if name in handles:
            return handles[name]
        raise AttributeError(f"the sandbox has no provider {name!r}; expected one of: {', '.join(handles)}")

    def __dir__(self) -> list[str]:
        return [*super().__dir__(), *self._providers]

    def __enter__(self) -> Self:
        host = self._address[0]
        if not is_loopback(host):
            logger.warning("the sandbox listens on %s: everybody on the network can use it", host)
        self._running = _Running(self.app, self._address)
        if self._tls_port is not None:
            try:
                self._url(with_tls=True)
            except BaseException:
                self._stop()
                raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop()

    def _stop(self) -> None:
        with self._tls_lock:
            for each in (self._running, self._tls):
                if each:
                    each.stop()
            self._running = self._tls = None
        self._folder.remove()

    def _url(self, with_tls: bool) -> str:  # noqa: FBT001 - the one thing that it depends on
        """The URL of the sandbox, or that of its TLS port, which opens when it is needed first."""
        if self._running is None:
            raise RuntimeError("the sandbox is not running: use it as a context manager")
        if not with_tls:
            return self._running.url
        with self._tls_lock:
            if self._tls is None:
                context = self._certificates.server_context()
                self._tls = _Running(self.app, (self._address[0], self._tls_port or 0), context)
            return self._tls.url

    def _provider(self, name: str) -> SandboxProvider:
        check_choice("provider", name, self._providers)
        return self._providers[name]


class _Protocol(H11Protocol):
    """uvicorn's HTTP protocol, with three differences.

    - It logs no requests, because logs would show queries and headers. uvicorn's own switch works for a whole process.
    - Each request's scope has its connection, and the certificate that it showed, for ``_wire``.
    - When the server stops, it closes connections instead of waiting for requests and responses.
    """

    def __init__(self, config: uvicorn.Config, *args: Any, **kwargs: Any) -> None:
        super().__init__(config, *args, **kwargs)
        self.access_log = False
        self._application = cast("ASGIApp", config.app)
        self.app = cast("ASGI3Application", self._call_application)

    def disconnect(self) -> None:
        """Close the connection after everything that was sent has left."""
        self.transport.close()

    def shutdown(self) -> None:
        """Called by the server when it stops."""
        super().shutdown()
        # Over TLS, an orderly end waits for the client, and a client that keeps an idle connection sends nothing.
        waits = self.transport.get_extra_info("ssl_object") is not None
        if waits or (self.cycle and not self.cycle.response_complete):
            self.transport.abort()

    async def _call_application(self, scope: "Scope", receive: "Receive", send: "Send") -> None:
        tls = self.transport.get_extra_info("ssl_object")
        scope["extensions"] = {_wire.CONNECTION: self, _wire.CERTIFICATE: peer_certificate(tls)}
        await self._application(scope, receive, send)


class _Running:
    """A uvicorn server with its own socket and thread."""

    def __init__(self, app: "ASGIApp", address: tuple[str, int], tls: "SSLContext | None" = None) -> None:
        host = address[0]
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._socket = socket.create_server(address, family=family)
        # Without it, responses on a kept connection take 40 ms. asyncio sets it only if the socket names its protocol.
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        named = _LOOPBACK_OF.get(host, host)
        self.url = f"{'http' if tls is None else 'https'}://{f'[{named}]' if ':' in named else named}:{self._socket.getsockname()[1]}"
        config = uvicorn.Config(
            app,
            http=_Protocol,
            ws="none",
            lifespan="off",
            log_config=None,
            date_header=False,
            timeout_graceful_shutdown=_SHUTDOWN_LIMIT,
        )
        config.load()
        config.ssl = tls  # uvicorn itself takes files, and makes a context of them that demands a client certificate
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._serve, name="paygrant-sandbox", daemon=True)
        self._thread.start()
        while not self._server.started:
            if not self._thread.is_alive():
                raise RuntimeError("the sandbox did not start; the traceback of its thread shows the cause")
            time.sleep(0.001)

    def _serve(self) -> None:
        """Serve, on this thread, without uvicorn's messages that it starts and ends."""
        own = threading.get_ident()

        def is_of_interest(record: logging.LogRecord) -> bool:
            return record.thread != own or record.levelno > logging.INFO

        # All servers of the process have this logger, so the filter checks the thread.
        log = logging.getLogger("uvicorn.error")
        log.addFilter(is_of_interest)
        try:
            self._server.run([self._socket])
        finally:
            log.removeFilter(is_of_interest)

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join()


def _endpoint(
    served: ServedSpec, client: Client, basic_decoding: BasicDecoding | None, lifetime: int | None
) -> Endpoint:
    """The token endpoint of a spec.

    Raises:
        ConfigurationError: The spec is that of a generated package, and was changed by hand.
    """
    try:
        return Endpoint(served.spec, client=client, basic_decoding=basic_decoding, lifetime=lifetime)
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        fault = f"has {shown(served.spec.name)}, which cannot be served ({type(error).__name__})"
    raise invalid_argument("specs", fault, "what paygrant generate made, unchanged")


def _all_specs(paths: object) -> Mapping[str, ServedSpec]:
    """The specs of all providers by name, sorted: of the box, of installed packages, and of the user.

    Raises:
        ConfigurationError: A spec cannot be used, or its name is taken.
    """
    expected = "a list of paths, such as ['acme.yaml']"
    if isinstance(paths, str | PathLike):
        raise invalid_argument("specs", "is one path", expected)
    check_type("specs", paths, Sequence, expected)
    found = {each.spec.name: each for each in served_specs()}
    for path in cast("Sequence[object]", paths):
        check_type("specs", path, str | PathLike, expected)
        served = served_spec_at(Path(fspath(cast("str | PathLike[str]", path))))
        name = served.spec.name
        if not _NAME.fullmatch(name) or hasattr(Sandbox, name) or name in _RESERVED:
            fault = f"has a spec whose name the sandbox cannot use: {shown(name)}"
            raise invalid_argument("specs", fault, "a file with a name such as acme.yaml")
        if name in found:
            raise invalid_argument("specs", f"has a second provider named {name}", "another name for this spec's file")
        found[name] = served
    return dict(sorted(found.items()))
