"""TokenAuth for aiohttp, as a client middleware. It needs the extra: ``pip install "paygrant[aiohttp]"``.

    from paygrant.adapters.aiohttp import TokenAuth

    async with aiohttp.ClientSession(middlewares=(TokenAuth(source),)) as api: ...

aiohttp passes each step of a redirect to the middleware as a separate request. So this module itself keeps the token
from the origin that a redirect leads to.
"""

from collections.abc import Iterable
from http import HTTPStatus
from weakref import WeakValueDictionary

from paygrant._auth.bearer import Authorization, BearerAuth, Origin, origin
from paygrant._errors import missing_extra
from paygrant._tokens.token import Token

try:
    from aiohttp import ClientHandlerType, ClientRequest, ClientResponse, MultipartWriter
    from aiohttp.payload import BytesPayload, IOBasePayload
    from yarl import URL
except ModuleNotFoundError as missing:
    raise missing_extra(__name__, missing, "aiohttp") from missing

__all__ = ["TokenAuth"]

_redirects: WeakValueDictionary[int, ClientResponse] = WeakValueDictionary()
"""The last redirect of each pending call. All steps of a call share a timer, so its id names the call."""


class TokenAuth(BearerAuth):
    """Authorizes requests by bearer tokens, for ``aiohttp.ClientSession(middlewares=(TokenAuth(source),))``.

    It has the arguments, errors and promises of ``paygrant.TokenAuth``.
    """

    async def __call__(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        """Authorize a request, or a step of a redirect."""
        response = await self._send(request, handler)
        if HTTPStatus.MULTIPLE_CHOICES <= response.status < HTTPStatus.BAD_REQUEST:
            _redirects[id(response._timer)] = response  # the response keeps the timer, and so its id, alive
        return response

    async def _send(self, request: ClientRequest, handler: ClientHandlerType) -> ClientResponse:
        if not self._may_carry(request):
            return await handler(request)
        token = await self._source.aget()
        await self._put_async(request, token)
        response = await handler(request)
        if self._wants_proof(token, response, response.status, request, is_reused=False):
            if not _repeatable(request.body):
                return response
            response = await self._repeated(token, request, response, handler)
            if self._still_wants_nonce(response, response.status, request.url):
                return response
        other = self._replacement_for(token, response.status, request)
        if other is None:
            return response
        try:
            token = other if isinstance(other, Token) else await other.wait_async()
        except BaseException:
            response.close()  # the caller never gets it
            raise
        if not _repeatable(request.body):
            return response
        response = await self._repeated(token, request, response, handler)
        if not self._wants_nonce(response, response.status, request.url):
            self._note_status(token, response.status)
        return response

    async def _repeated(
        self, token: Token, request: ClientRequest, response: ClientResponse, handler: ClientHandlerType
    ) -> ClientResponse:
        """The response to the same request with this token."""
        # Otherwise only the cookies of the last response are kept.
        request.session.cookie_jar.update_cookies(response.cookies, response.url)
        await response.read()  # so that the connection can be used again
        request.update_expect_continue()  # the server may have responded without a status 100
        await self._put_async(request, token)
        return await handler(request)

    def _may_carry(self, request: ClientRequest) -> bool:
        """Whether this request may carry the token: its origin may see it, and no redirect has removed it."""
        where = _origin(request.url)
        if self._origins is not None and where not in self._origins:
            return False
        redirect = _redirects.get(id(request._timer))
        if redirect is None:
            return True
        asked = redirect.request_info
        carried = asked.headers.get(self._header) if self._header is not None else asked.url.query.get(self._query)
        return _origin(asked.url) == where and carried is not None

    def _challenges(self, response: ClientResponse) -> Iterable[str]:
        return response.headers.getall("WWW-Authenticate", ())

    def _put(self, request: ClientRequest, token: Token) -> None:
        more = self._headers_of(token, request.method, str(request.url))  # may raise, so it comes first
        if self._header is not None:
            request.headers[self._header] = Authorization(token.authorization)
        else:
            request.url = URL(self._with_token(str(request.url), token), encoded=True)
        request.headers.update(more)


def _repeatable(body: object) -> bool:
    """Whether a body can be sent again: bytes, seekable files, and multipart of these."""
    if isinstance(body, MultipartWriter):
        return all(_repeatable(part) for part, _, _ in body)
    if isinstance(body, IOBasePayload):
        try:
            return body._value.seekable()
        except ValueError:  # the file is closed
            return False
    return isinstance(body, bytes | BytesPayload)


def _origin(url: URL) -> Origin:
    return origin(url.scheme, url.raw_host or "", url.port)
