"""TokenAuth for requests. Needs the extra: ``pip install "paygrant[requests]"``.

    from paygrant.adapters.requests import TokenAuth

    api = requests.Session()
    api.auth = TokenAuth(source)

Where a token goes is decided when a request is prepared; what its rejection leads to, by a hook on the response. On a
redirect to another origin, requests itself takes the header off.
"""

from functools import partial
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from paygrant._auth.bearer import Authorization, BearerAuth, Origin, origin
from paygrant._errors import lacking
from paygrant._tokens.token import Token

try:
    from requests import PreparedRequest, Response
    from requests.auth import AuthBase
    from requests.exceptions import UnrewindableBodyError
    from requests.utils import rewind_body
except ModuleNotFoundError as missing:
    raise lacking(__name__, missing, "requests") from missing

__all__ = ["TokenAuth"]


class TokenAuth(BearerAuth, AuthBase):
    """Authorizes requests by bearer tokens, for ``requests.Session`` and the ``auth`` of a single call.

    Arguments, errors and promises are those of ``paygrant.TokenAuth``. Threads may share one.
    """

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Authorize a request that is otherwise prepared."""
        if self._origins is None or _origin(r.url or "") in self._origins:
            token = self._source.get()
            self._put(r, token)
            cast("Any", r).register_hook("response", partial(self._answered, token))  # without types in its stubs
        return r

    def _put(self, request: PreparedRequest, token: Token) -> None:
        if self._header is not None:
            request.headers[self._header] = Authorization(token.authorization)
        else:
            request.url = self._with_token(request.url or "", token)

    def _keep_from_others(self, response: Response, request: PreparedRequest) -> None:
        """Take the token off a request that is about to be sent on to another origin: of Authorization, requests thinks."""
        if self._header is None or not response.is_redirect:
            return
        try:
            stays = _origin(urljoin(response.url, response.headers["location"])) == _origin(response.url)
        except ValueError:  # no address
            stays = False
        if not stays:
            request.headers.pop(self._header, None)

    def _answered(self, token: Token, response: Response, **options: Any) -> Response:
        """The answer to a request with this token, or to its repetition; ``options`` are those it was sent with."""
        self._keep_from_others(response, response.request)
        other = self._instead_of(token, response.status_code, response.request)
        if other is None:
            return response
        try:
            token = other if isinstance(other, Token) else other.wait()
        except BaseException:
            response.close()  # nobody else will
            raise
        request = response.request.copy()  # the caller's own may be in use on other threads
        if not _rewound(request):
            return response
        _ = response.content  # read, so that the connection serves the repetition as well
        self._put(request, token)
        answer = response.connection.send(request, **options)
        self._keep_from_others(answer, response.request)
        answer.history.append(response)
        self._learn(token, answer.status_code)
        return answer


def _rewound(request: PreparedRequest) -> bool:
    """Whether the body can be sent again: bytes, or a file, which is set back to where it stood."""
    if request.body is None or isinstance(request.body, str | bytes | bytearray):
        return True
    try:
        rewind_body(request)
    except (UnrewindableBodyError, ValueError):  # the latter: it was closed meanwhile
        return False
    return True


def _origin(url: str) -> Origin:
    parts = urlsplit(url)  # as requests itself finds out where to connect
    return origin(parts.scheme, parts.hostname or "", parts.port)
