"""What the sandbox refuses before it looks at a request: pages of other sites, and bodies without end."""

import re
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.types import Scope

from paygrant._arguments import is_address, is_loopback


class RequestError(Exception):
    """Why a request is refused, and the status of the response. ``allowed`` is the method that the path has."""

    def __init__(self, status: HTTPStatus, text: str, allowed: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.allowed = allowed


_PRIVATE_NAME = re.compile(r"[a-z0-9_-]+|[a-z0-9_.-]+\.(internal|local)", re.IGNORECASE)
"""Names that nobody can register on the internet: those without a dot, as of containers, and two private domains."""


def check_origin(scope: Scope, *, in_network: bool = False) -> None:
    """Refuse a request from a page of another site: it must neither control the sandbox nor use its endpoints.

    ``Host`` must be a loopback name, which stops DNS rebinding, or the server's own name: a client that needs no socket
    makes up a name for both. ``Origin``, if there is one, must be the sandbox's own.

    Args:
        scope: The request.
        in_network: Whether other machines can reach the sandbox. Then ``Host`` may also be any address, or a name that
            nobody can register on the internet: a page of another site has neither.

    Raises:
        RequestError: The request is refused.
    """
    request = Request(scope)
    host = request.headers.get("Host", "")
    try:
        name = urlsplit(f"//{host}").hostname or ""
    except ValueError:
        name = ""
    server, _ = scope.get("server") or ("", None)
    private = in_network and (is_address(name) or _PRIVATE_NAME.fullmatch(name))
    if not name or not (is_loopback(name) or name == server or private):
        others = ", an address, or a name without a dot" if in_network else ""
        raise RequestError(
            HTTPStatus.FORBIDDEN, f"Host: expected a loopback name, such as 127.0.0.1 or localhost{others}"
        )
    origin = request.headers.get("Origin")
    if origin is not None and origin != f"{request.url.scheme}://{host}":
        raise RequestError(HTTPStatus.FORBIDDEN, "Origin: expected the sandbox's own origin")


async def limited_body(request: Request, limit: int) -> bytes:
    """The body of a request. What is beyond the limit is not read.

    Raises:
        RequestError: The body is longer than the limit, in bytes.
    """
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            raise RequestError(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"body: expected at most {limit} bytes")
    return bytes(body)
