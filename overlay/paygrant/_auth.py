"""TokenAuth: puts a source's token on requests of httpx clients, and replaces it once when the API rejects it."""

from collections.abc import AsyncGenerator, Generator, Iterable
from typing import TYPE_CHECKING

import httpx

from paygrant._checks import check_type, check_url, checked, refused
from paygrant._source import TokenSource
from paygrant._token import Token

if TYPE_CHECKING:
    from paygrant._flight import Flight


class TokenAuth(httpx.Auth):
    """Authorizes requests by bearer tokens (RFC 6750), for ``httpx.Client`` and ``httpx.AsyncClient``.

    A rejected token is replaced and the request repeated, once, where its body can be sent again. If the
    replacement is rejected too, that is the API's answer.

    Args:
        source: Where the tokens come from.
        origins: The origins (``"https://api.example.com"``) that may see the token. Requests to others go out without
            it. None: every request carries it.
        rejected_statuses: What a dead token is answered with. django-oauth-toolkit's own views say 403.

    Raises:
        ConfigurationError: An argument is bad or missing.
        TokenError: Of a request: no token could be had.
    """

    @checked
    def __init__(
        self,
        source: TokenSource,
        *,
        origins: Iterable[str] | None = None,
        rejected_statuses: Iterable[int] = frozenset({401}),
    ) -> None:
        check_type("source", source, TokenSource, "a TokenSource")
        self._source = source
        self._origins = None if origins is None else frozenset(_check_origins(origins))
        self._rejected_statuses = frozenset(_check_statuses(rejected_statuses))

    def sync_auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Authorize a request of an ``httpx.Client``."""
        if self._origins is not None and _origin(request.url) not in self._origins:
            yield request
            return
        token = self._source.get()
        request.headers["Authorization"] = token.authorization
        response = yield request
        if response.status_code not in self._rejected_statuses:
            if token is self._source._cache.replacement:
                self._source._cache.accept(token)
            return
        other = self._instead_of(token, response)
        if other is None:
            return
        token = other if isinstance(other, Token) else other.wait()
        if _repeatable(request):
            request.headers["Authorization"] = token.authorization
            self._learn(token, (yield request))

    async def async_auth_flow(self, request: httpx.Request) -> AsyncGenerator[httpx.Request, httpx.Response]:
        """Authorize a request of an ``httpx.AsyncClient``."""
        if self._origins is not None and _origin(request.url) not in self._origins:
            yield request
            return
        token = await self._source.aget()
        request.headers["Authorization"] = token.authorization
        response = yield request
        if response.status_code not in self._rejected_statuses:
            if token is self._source._cache.replacement:
                self._source._cache.accept(token)
            return
        other = self._instead_of(token, response)
        if other is None:
            return
        token = other if isinstance(other, Token) else await other.wait_async()
        if _repeatable(request):
            request.headers["Authorization"] = token.authorization
            self._learn(token, (yield request))

    def _instead_of(self, token: Token, response: httpx.Response) -> "Token | Flight | None":
        """What to send in place of a rejected token; None where the answer stands."""
        # After a redirect to another host the token was not on the request that was answered.
        sent = response.request.headers.get("Authorization") == token.authorization
        return self._source._cache.replace(token) if sent else None

    def _learn(self, token: Token, response: httpx.Response) -> None:
        """Note whether the API accepts a replacement."""
        cache = self._source._cache
        cache.stand(token) if response.status_code in self._rejected_statuses else cache.accept(token)


def _repeatable(request: httpx.Request) -> bool:
    """Whether the body can be sent again, byte for byte."""
    if isinstance(request.stream, httpx.ByteStream):
        return True
    # A multipart body can be read anew where its files can; an iterator cannot, and serves one kind of client only.
    stream, length = request.stream, request.headers.get("Content-Length")
    if length is None or not (isinstance(stream, httpx.SyncByteStream) and isinstance(stream, httpx.AsyncByteStream)):
        return False
    try:
        return len(request.read()) == int(length)
    except (httpx.StreamError, OSError, ValueError):
        return False


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    """Scheme, host and port (RFC 6454 section 4); the scheme's own port is None."""
    return url.scheme, url.host, url.port


def _check_origins(origins: Iterable[str]) -> Iterable[tuple[str, str, int | None]]:
    """Origins as texts, each a URL without a path."""
    allowed = "a set of texts such as 'https://api.example.com'"
    check_type("origins", origins, list | tuple | set | frozenset, allowed)
    for origin in origins:
        url = httpx.URL(check_url("origins", origin))
        if url.path != "/":
            raise refused("origins", f"holds {origin!r}, which has a path", f"allowed is {allowed}")
        yield _origin(url)


def _check_statuses(statuses: Iterable[int]) -> Iterable[int]:
    """Statuses of client errors."""
    allowed = "a set of whole numbers from 400 to 499"
    check_type("rejected_statuses", statuses, list | tuple | set | frozenset, allowed)
    for status in statuses:
        if status not in range(400, 500):
            raise refused("rejected_statuses", f"holds {status!r}", f"allowed is {allowed}")
        yield status
