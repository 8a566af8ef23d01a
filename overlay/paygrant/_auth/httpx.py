"""TokenAuth for httpx, and the auth flows that it shares with httpx2. Only the types of httpx2 differ.

``bearer`` makes the decisions; this module connects them to the client.
"""

from collections.abc import AsyncGenerator, AsyncIterable, Generator, Iterable, MutableMapping
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import httpx

from paygrant._auth.bearer import BearerAuth, Origin
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    from typing import Protocol

    class Url(Protocol):
        """A URL of httpx or httpx2."""

        @property
        def scheme(self) -> str: ...
        @property
        def raw_host(self) -> bytes: ...
        @property
        def port(self) -> int | None: ...

    class Request(Protocol):
        """A request of httpx or httpx2."""

        url: Any
        """A ``Url``. A Protocol cannot give that type to an attribute that can be set."""

        @property
        def headers(self) -> MutableMapping[str, str]: ...
        @property
        def stream(self) -> object: ...
        def read(self) -> bytes: ...

    class Response(Protocol):
        """A response of httpx or httpx2."""

        @property
        def status_code(self) -> int: ...
        @property
        def request(self) -> Request: ...


RequestT = TypeVar("RequestT", bound="Request")
ResponseT = TypeVar("ResponseT", bound="Response")


class AuthFlows(BearerAuth, Generic[RequestT, ResponseT]):
    """The auth flows that a client of httpx or httpx2 runs."""

    def sync_auth_flow(self, request: RequestT) -> Generator[RequestT, ResponseT, None]:
        """Authorize a request of a ``Client``."""
        if self._origins is not None and _origin(request.url) not in self._origins:
            yield request
            return
        token = self._source.get()
        self._put(request, token)
        response = yield request
        if response.status_code not in self._rejected_statuses and token is not self._cache.replacement:
            return  # nearly always, so it costs no call
        other = self._replacement_for(token, response.status_code, response.request)
        if other is None:
            return
        token = other if isinstance(other, Token) else other.wait()
        request = cast("RequestT", response.request)  # after a redirect, this is the last step only
        if _repeatable(request):
            self._put(request, token)
            self._note_status(token, (yield request).status_code)

    def _put(self, request: RequestT, token: Token) -> None:
        if self._header is not None:
            request.headers[self._header] = token.authorization
        else:
            request.url = request.url.join(self._with_token(str(request.url), token))

    async def async_auth_flow(self, request: RequestT) -> AsyncGenerator[RequestT, ResponseT]:
        """Authorize a request of an ``AsyncClient``."""
        if self._origins is not None and _origin(request.url) not in self._origins:
            yield request
            return
        token = await self._source.aget()
        self._put(request, token)
        response = yield request
        if response.status_code not in self._rejected_statuses and token is not self._cache.replacement:
            return  # nearly always, so it costs no call
        other = self._replacement_for(token, response.status_code, response.request)
        if other is None:
            return
        token = other if isinstance(other, Token) else await other.wait_async()
        request = cast("RequestT", response.request)
        if _repeatable(request):
            self._put(request, token)
            self._note_status(token, (yield request).status_code)


class TokenAuth(AuthFlows[httpx.Request, httpx.Response], httpx.Auth):
    """Authorizes requests by bearer tokens (RFC 6750), for ``httpx.Client`` and ``httpx.AsyncClient``.

    A rejected token is replaced, and the request is repeated once if its body can be sent again. If the API rejects the
    replacement too, the caller gets that response.

    Args:
        source: The source of the tokens.
        origins: The origins (``"https://api.example.com"``) that may see the token. A request to another origin goes out
            without it. None: every request carries the token, but a redirect to another origin does not. If the API
            wants the token in another header than Authorization, httpx does not remove it on a redirect to another
            origin: do not follow redirects there. If the API wants it in the query, httpx logs it.
        rejected_statuses: The statuses by which the API rejects a dead token. django-oauth-toolkit's own views use 403.

    Raises:
        ConfigurationError: An argument is bad or missing.
        TokenError: When a request is sent: there is no token.
    """

    __module__ = "paygrant"


def _repeatable(request: "Request") -> bool:
    """Whether the body can be sent again, byte for byte."""
    # An iterator works with one kind of client, and only once. Bytes work with both kinds. So does multipart, and it can
    # be sent again if its files can be read again.
    if not all(isinstance(request.stream, kind) for kind in (Iterable, AsyncIterable)):
        return False
    length = request.headers.get("Content-Length")
    if length is None:  # there is no body, or one of unknown length
        return "Transfer-Encoding" not in request.headers
    try:
        return len(request.read()) == int(length)
    except (OSError, RuntimeError, ValueError):
        return False


def _origin(url: "Url") -> Origin:
    return url.scheme, url.raw_host.decode(), url.port  # the port is None for the scheme's default
