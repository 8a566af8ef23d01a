"""TokenAuth for httpx, and the auth flows that it shares with httpx2. Only the types of httpx2 differ.

``bearer`` makes the decisions; this module connects them to the client.
"""

from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    Callable,
    Generator,
    ItemsView,
    Iterable,
    KeysView,
    Mapping,
    MutableMapping,
    ValuesView,
)
from contextlib import suppress
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Generic, TypeVar, cast

import httpx

from paygrant._auth.bearer import BearerAuth, Origin
from paygrant._cache.renewal import PendingRenewal
from paygrant._cache.source import fresh_token
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

        method: str
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
        def headers(self) -> MutableMapping[str, str]: ...
        @property
        def request(self) -> Request: ...


@lru_cache(maxsize=64)  # of the names that travel with tokens; each call needs them
def _lowered(*names: str) -> frozenset[bytes]:
    """The names of headers in lower case."""
    return frozenset(name.lower().encode() for name in names)


class HeadersBySentName:
    """Headers that are found by the name under which they are sent.

    On a redirect to another origin, a client removes what it keeps as Authorization, and copies all other headers. A
    token in a header of its own, and what travels with a token, is sent under its name and kept as Authorization. So
    the client removes it as well.
    """

    if TYPE_CHECKING:
        _list: list[tuple[bytes, bytes, bytes]]

    def put(self, values: Mapping[str, str]) -> None:
        """Put values under these names, in place of what was there."""
        replaced = _lowered(*values)
        self._list = [each for each in self._list if each[0].lower() not in replaced]
        for name, value in values.items():
            self._list.append((name.encode(), b"authorization", value.encode()))

    def __getitem__(self, key: str) -> str:
        if values := _sent(self, key):
            return ", ".join(value.decode() for value in values)
        raise KeyError(key)

    def keys(self) -> KeysView[str]:
        """The names that are sent, in lower case."""
        return self._by_name().keys()

    def values(self) -> ValuesView[str]:
        """The values, in the order of the names."""
        return self._by_name().values()

    def items(self) -> ItemsView[str, str]:
        """The names that are sent, with their values."""
        return self._by_name().items()

    def _by_name(self) -> dict[str, str]:
        return {name: self[name] for name in (sent.lower().decode() for sent, _, _ in self._list)}

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and bool(_sent(self, key))


def _sent(headers: Any, name: str) -> list[bytes]:
    """The values that are sent under a name."""
    wanted = name.lower().encode()
    return [value for each, value in headers.raw if each.lower() == wanted]


class TokenHeaders(HeadersBySentName, httpx.Headers):
    """The headers of a request of httpx with a token in a header of its own."""


RequestT = TypeVar("RequestT", bound="Request")
ResponseT = TypeVar("ResponseT", bound="Response")


class AuthFlows(BearerAuth, Generic[RequestT, ResponseT]):
    """The auth flows that a client of httpx or httpx2 runs."""

    _proof = str  # the client shows no header that it keeps as Authorization
    _headers: Callable[[Any], HeadersBySentName] = TokenHeaders
    """Makes the headers of a request with a token in a header of its own."""

    def sync_auth_flow(self, request: RequestT) -> Generator[RequestT, ResponseT, None]:
        """Authorize a request of a ``Client``."""
        if self._origins is not None and _origin(request.url) not in self._origins:
            yield request
            return
        token = self._source.get()
        self._put(request, token)
        response = yield request
        if (
            response.status_code not in self._rejected_statuses
            and token is not self._cache.replacement
            and (self._prover is None or self._is_settled(response))
        ):
            return  # nearly always, so it costs no call
        steps = self._further_steps(token, request, response)
        reply: Token | ResponseT | None = None
        with suppress(StopIteration):
            while True:
                step = steps.send(reply)
                if isinstance(step, PendingRenewal):
                    reply = step.wait()
                else:
                    self._put(*step)
                    reply = yield step[0]

    def _further_steps(
        self, token: Token, sent: RequestT, response: ResponseT
    ) -> "Generator[tuple[RequestT, Token] | PendingRenewal, Any, None]":
        """What follows a response: requests to send, each with the token to put on it, and renewals to wait for.

        Args:
            token: The token that the request carried.
            sent: The request as it was sent, before any redirect.
            response: The response.
        """
        is_reused = response.request is not sent
        if self._wants_proof(token, response, response.status_code, response.request, is_reused=is_reused):
            request = cast("RequestT", response.request)
            if not _repeatable(request):
                return
            response = yield request, token
            if self._still_wants_nonce(response, response.status_code, response.request.url):
                return
        other = self._replacement_for(token, response.status_code, response.request)
        if other is None:
            return
        token = other if isinstance(other, Token) else (yield other)
        request = cast("RequestT", response.request)  # after a redirect, this is the last step only
        if _repeatable(request):
            response = yield request, token
            if not self._wants_nonce(response, response.status_code, response.request.url):
                self._note_status(token, response.status_code)

    def _put(self, request: RequestT, token: Token) -> None:
        if self._only_authorization:
            request.headers["Authorization"] = token.authorization
            return
        # This comes first: if it raises, a traceback shows `kept`.
        kept = self._headers_of(token, request.method, str(request.url))
        if self._header is not None:
            kept = {self._header: token.authorization, **kept}
        if kept:
            headers: Any = request.headers
            if not isinstance(headers, HeadersBySentName):
                headers = cast("Any", request).headers = self._headers(headers)
            headers.put(kept)
        if self._header is None:
            request.url = request.url.join(self._with_token(str(request.url), token))

    def _carries(self, request: Any, token: Token) -> bool:
        if self._header is None or self._only_authorization:
            return super()._carries(request, token)
        return token.authorization.encode() in _sent(request.headers, self._header)

    async def async_auth_flow(self, request: RequestT) -> AsyncGenerator[RequestT, ResponseT]:
        """Authorize a request of an ``AsyncClient``."""
        if self._origins is not None and _origin(request.url) not in self._origins:
            yield request
            return
        token = fresh_token(self._source) or await self._source.aget()
        if self._prover is None or self._prover.is_immediate:
            self._put(request, token)
        else:
            await self._put_async(request, token)
        response = yield request
        if (
            response.status_code not in self._rejected_statuses
            and token is not self._cache.replacement
            and (self._prover is None or self._is_settled(response))
        ):
            return
        steps = self._further_steps(token, request, response)
        reply: Token | ResponseT | None = None
        with suppress(StopIteration):
            while True:
                step = steps.send(reply)
                if isinstance(step, PendingRenewal):
                    reply = await step.wait_async()
                else:
                    await self._put_async(*step)
                    reply = yield step[0]


class TokenAuth(AuthFlows[httpx.Request, httpx.Response], httpx.Auth):
    """Authorizes requests by bearer tokens (RFC 6750), for ``httpx.Client`` and ``httpx.AsyncClient``.

    A rejected token is replaced, and the request is repeated once if its body can be sent again. If the API rejects the
    replacement too, the caller gets that response.

    Args:
        source: The source of the tokens.
        origins: The origins (``"https://api.example.com"``) that may see the token. A request to another origin goes out
            without it. None: every request carries the token, but a redirect to another origin does not. If the API
            wants the token in the query, httpx logs the token.
        rejected_statuses: The statuses by which the API rejects a dead token. None: those in the provider's spec, or else
            401. django-oauth-toolkit's own views use 403.

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
