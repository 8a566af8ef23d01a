"""TokenAuth for httpx, and the auth flows that serve its successor httpx2 as well: the two differ in their types alone.

What is decided, and for which reason, stands in ``_attach``.
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
        """A ``Url``; a Protocol cannot say so of what can be set."""

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
    """What a client of httpx or httpx2 asks of its auth."""

    def sync_auth_flow(self, request: RequestT) -> Generator[RequestT, ResponseT, None]:
        """Authorize a request of a ``Client``."""
        if self._origins is not None and _origin(request.url) not in self._origins:
            yield request
            return
        token = self._source.get()
        self._put(request, token)
        response = yield request
        if response.status_code not in self._rejected_statuses and token is not self._source._cache.replacement:
            return  # as good as always, so it is found out without a call
        other = self._instead_of(token, response.status_code, response.request)
        if other is None:
            return
        token = other if isinstance(other, Token) else other.wait()
        request = cast("RequestT", response.request)  # after a redirect, only the step that was answered
        if _repeatable(request):
            self._put(request, token)
            self._learn(token, (yield request).status_code)

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
        if response.status_code not in self._rejected_statuses and token is not self._source._cache.replacement:
            return  # as good as always, so it is found out without a call
        other = self._instead_of(token, response.status_code, response.request)
        if other is None:
            return
        token = other if isinstance(other, Token) else await other.wait_async()
        request = cast("RequestT", response.request)
        if _repeatable(request):
            self._put(request, token)
            self._learn(token, (yield request).status_code)


class TokenAuth(AuthFlows[httpx.Request, httpx.Response], httpx.Auth):
    """Authorizes requests by bearer tokens (RFC 6750), for ``httpx.Client`` and ``httpx.AsyncClient``.

    A rejected token is replaced and the request repeated, once, where its body can be sent again. If the
    replacement is rejected too, that is the API's answer.

    Args:
        source: Where the tokens come from.
        origins: The origins (``"https://api.example.com"``) that may see the token. Requests to others go out without
            it. None: every request carries it, but does not take it along when it is redirected to another origin.
            An API that wants the token in another header is another matter: httpx takes only Authorization off on the
            way to another origin, so let your client follow no redirects there. In a query, it is in httpx's own log.
        rejected_statuses: What a dead token is answered with. django-oauth-toolkit's own views say 403.

    Raises:
        ConfigurationError: An argument is bad or missing.
        TokenError: Of a request: no token could be had.
    """


def _repeatable(request: "Request") -> bool:
    """Whether the body can be sent again, byte for byte."""
    # An iterator serves one kind of client only, and once. Bytes serve both, and so does multipart, which can be read
    # anew where its files can.
    if not all(isinstance(request.stream, kind) for kind in (Iterable, AsyncIterable)):
        return False
    length = request.headers.get("Content-Length")
    if length is None:  # no body, or one of which nobody could tell whether it is whole
        return "Transfer-Encoding" not in request.headers
    try:
        return len(request.read()) == int(length)
    except (OSError, RuntimeError, ValueError):
        return False


def _origin(url: "Url") -> Origin:
    return url.scheme, url.raw_host.decode(), url.port  # which is None where it is the scheme's own
