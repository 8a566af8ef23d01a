"""A token endpoint on a real socket. A test sets its responses, and it records the requests."""

import json
import re
import socket
import ssl
import threading
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from socketserver import BaseRequestHandler
from typing import Any


@dataclass(frozen=True)
class Seen:
    """A request as it arrived. ``certificate`` is the common name in that of the client."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes
    certificate: str = ""


@dataclass(frozen=True)
class Reply:
    """A response. A document is sent as JSON, bytes unchanged. A header without a value is left out."""

    document: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict[str, str])

    @property
    def body(self) -> bytes:
        return self.document if isinstance(self.document, bytes) else json.dumps(self.document).encode()


def granted(token: str = "token-1", lifetime: object = 3600, **more: object) -> Reply:
    """The response of an endpoint that follows RFC 6749."""
    return Reply({"access_token": token, "token_type": "Bearer", "expires_in": lifetime, **more})


_GRANT = granted().body
RAW_GRANT = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(_GRANT), _GRANT)
"""The same as it goes over the wire."""


class Server:
    """Responds to each request with ``reply``, which a test sets: a reply, or a function of the request."""

    def __init__(self, port: int) -> None:
        self.base_url = f"http://127.0.0.1:{port}"
        self.reply: Reply | Callable[[Seen], Reply] = lambda _: granted(f"token-{len(self.seen)}")
        self.seen: list[Seen] = []
        self.hold = threading.Event()
        """Responses wait until it is set. It is set at first."""
        self.hold.set()
        self.asked = threading.Event()
        """Set when a request has arrived."""


def _handler(server: Server) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        disable_nagle_algorithm = True  # a body follows its headers at once, on a kept connection too

        def do_POST(self) -> None:
            seen = Seen(self.command, self.path, dict(self.headers), self.read_body(), self.common_name())
            server.seen.append(seen)
            server.asked.set()
            reply = server.reply(seen) if callable(server.reply) else server.reply
            server.hold.wait(30)
            self.send_response_only(reply.status)
            headers = {
                "Date": self.date_time_string(),
                "Content-Type": "application/json",
                "Content-Length": str(len(reply.body)),
                **reply.headers,
            }
            for name, value in headers.items():
                if value:
                    self.send_header(name, value)
            self.end_headers()
            self.wfile.write(reply.body)

        do_GET = do_POST

        def common_name(self) -> str:
            secured: Any = self.connection if isinstance(self.connection, ssl.SSLSocket) else None
            shown: dict[str, Any] = (secured and secured.getpeercert()) or {}
            return "".join(value for part in shown.get("subject", ()) for _, value in part)

        def read_body(self) -> bytes:
            if self.headers.get("Transfer-Encoding") != "chunked":
                return self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body

        def log_message(self, format: str, *args: object) -> None:
            pass

    return Handler


class _Listener(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, request: object, client_address: object) -> None:
        pass  # a client that hangs up is part of some tests


@contextmanager
def serve(tls: ssl.SSLContext | None = None) -> Generator[Server]:
    """Run a server on loopback for the length of a block, over TLS if it gets a context."""
    listener = _Listener(("127.0.0.1", 0), BaseHTTPRequestHandler)
    server = Server(listener.server_port)
    if tls:
        listener.socket = tls.wrap_socket(listener.socket, server_side=True)
        server.base_url = f"https://localhost:{listener.server_port}"
    listener.RequestHandlerClass = _handler(server)
    with _running(listener):
        try:
            yield server
        finally:
            server.hold.set()


@contextmanager
def serve_raw(script: Callable[[socket.socket], object]) -> Generator[str]:
    """Run a server that need not speak HTTP: a script for each connection. Gives its base URL."""

    class Handler(BaseRequestHandler):
        def handle(self) -> None:
            script(self.request)

    listener = _Listener(("127.0.0.1", 0), Handler)
    with _running(listener):
        yield f"http://127.0.0.1:{listener.server_port}"


def free_port() -> int:
    """A port of loopback that nobody uses now."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


def read_request(connection: socket.socket) -> bytes:
    """A whole request, as it came over the wire."""
    with connection.makefile("rb") as stream:
        head = stream.readline()
        while not head.endswith(b"\r\n\r\n") and (line := stream.readline()):
            head += line
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        return head + stream.read(int(length[1]) if length else 0)


@contextmanager
def _running(listener: _Listener) -> Generator[None]:
    thread = threading.Thread(target=listener.serve_forever, args=(0.002,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        listener.shutdown()
        listener.server_close()
        thread.join()
