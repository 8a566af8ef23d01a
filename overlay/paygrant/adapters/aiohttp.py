"""TokenAuth for aiohttp, as a client middleware. Needs the extra: ``pip install "paygrant[aiohttp]"``.

    from paygrant.adapters.aiohttp import TokenAuth

    async with aiohttp.ClientSession(middlewares=(TokenAuth(source),)) as api: ...

A middleware sees each step of a redirect as a request of its own. So it is here that a token is kept from the origin
that a redirect leads to.
"""

from weakref import WeakValueDictionary

from paygrant._auth.bearer import Authorization, BearerAuth, Origin, origin
from paygrant._errors import lacking
from paygrant._tokens.token import Token

try:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, MultipartWriter
    from aiohttp.payload import BytesPayload, IOBasePayload
    from yarl import URL
except ModuleNotFoundError as missing:
    raise lacking(__name__, missing, "aiohttp") from missing

__all__ = ["TokenAuth"]

_REDIRECTED = frozenset({301, 302, 303, 307, 308})

_redirects: WeakValueDictionary[int, ClientResponse] = WeakValueDictionary()
"""The last redirect of each call that is under way. What names a call is the timer that all its steps share."""


class TokenAuth(BearerAuth):
    """Authorizes requests by bearer tokens, for ``aiohttp.ClientSession(middlewares=(TokenAuth(source),))``.

    Arguments, errors and promises are those of ``paygrant.TokenAuth``.
    """

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Authorize a request, or a step of a redirect."""
        response = await self._send(request, handler)
        if response.status in _REDIRECTED:
            _redirects[id(response._timer)] = response  # which keeps the timer, and so its id
        return response

    async def _send(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if not self._may_carry(request):
            return await handler(request)
        token = await self._source.aget()
        self._put(request, token)
        response = await handler(request)
        other = self._instead_of(token, response.status, request)
        if other is None:
            return response
        try:
            token = other if isinstance(other, Token) else await other.wait_async()
        except BaseException:
            response.close()  # nobody else will
            raise
        if not _repeatable(request.body):
            return response
        request.session.cookie_jar.update_cookies(response.cookies, response.url)  # it keeps those of the last answer
        await response.read()  # so that the connection serves the repetition as well
        request.update_expect_continue()  # it has waited in vain, if the answer came instead
        self._put(request, token)
        response = await handler(request)
        self._learn(token, response.status)
        return response

    def _may_carry(self, request: ClientRequest) -> bool:
        """Whether the token may go there, and has not been lost on the way: by this redirect, or by one before."""
        where = _origin(request.url)
        if self._origins is not None and where not in self._origins:
            return False
        redirect = _redirects.get(id(request._timer))
        if redirect is None:
            return True
        asked = redirect.request_info
        carried = asked.headers.get(self._header) if self._header is not None else asked.url.query.get(self._query)
        return _origin(asked.url) == where and carried is not None

    def _put(self, request: ClientRequest, token: Token) -> None:
        if self._header is not None:
            request.headers[self._header] = Authorization(token.authorization)
        else:
            request.url = URL(self._with_token(str(request.url), token), encoded=True)


def _repeatable(body: object) -> bool:
    """Whether a body can be sent again: bytes, files that can be set back, and multipart of nothing else."""
    if isinstance(body, MultipartWriter):
        return all(_repeatable(part) for part, _, _ in body)
    if isinstance(body, IOBasePayload):
        try:
            return body._value.seekable()
        except ValueError:  # it was closed meanwhile
            return False
    return isinstance(body, bytes | BytesPayload)


def _origin(url: URL) -> Origin:
    return origin(url.scheme, url.raw_host or "", url.port)
