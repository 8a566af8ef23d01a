"""TokenAuth for requests. It needs the extra: ``pip install "paygrant[requests]"``.

    from paygrant.adapters.requests import TokenAuth

    api = requests.Session()
    api.auth = TokenAuth(source)

The token is put on a request when the request is prepared. A hook on the response handles a rejection. On a redirect
to another origin, requests itself removes the Authorization header.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any, cast
from urllib.parse import urljoin, urlsplit

from paygrant._auth.bearer import Authorization, BearerAuth, Origin, Proof, origin
from paygrant._errors import missing_extra
from paygrant._tokens.token import Token

try:
    from requests import PreparedRequest, Response
    from requests.auth import AuthBase
    from requests.exceptions import UnrewindableBodyError
    from requests.utils import rewind_body
except ModuleNotFoundError as missing:
    raise missing_extra(__name__, missing, "requests") from missing

__all__ = ["TokenAuth"]


class TokenAuth(BearerAuth, AuthBase):
    """Authorizes requests by bearer tokens, for ``requests.Session`` and the ``auth`` of a single call.

    It has the arguments, errors and promises of ``paygrant.TokenAuth``. Threads may share one.
    """

    def __call__(self, r: PreparedRequest) -> PreparedRequest:
        """Authorize a request, as the last step of its preparation."""
        if self._origins is None or _origin(r.url or "") in self._origins:
            token = self._source.get()
            self._put(r, token)
            cast("Any", r).register_hook("response", partial(self._on_response, token))  # its stubs have no types
        return r

    def _put(self, request: PreparedRequest, token: Token) -> None:
        more = self._headers_of(token, request.method or "", request.url or "")  # may raise, so it comes first
        if self._header is not None:
            request.headers[self._header] = Authorization(token.authorization)
        else:
            request.url = self._with_token(request.url or "", token)
        request.headers.update(more)

    def _keep_from_others(self, response: Response, request: PreparedRequest) -> None:
        """Remove the token from a request that is redirected to another origin, and what travels with it.

        Requests itself does so for Authorization only.
        """
        names = [
            *([] if self._header is None else [self._header]),
            *self._further_headers,
            *([] if self._prover is None else ["DPoP"]),
        ]
        if not names or not response.is_redirect:
            return
        try:
            stays = _origin(urljoin(response.url, response.headers["location"])) == _origin(response.url)
        except ValueError:  # it is not a URL
            stays = False
        if not stays:
            for name in names:
                request.headers.pop(name, None)

    def _on_response(self, token: Token, response: Response, **options: Any) -> Response:
        """Handle the response to a request with this token, which was sent with these options."""
        self._keep_from_others(response, response.request)
        is_reused = _is_reused(response.request)
        if self._wants_proof(token, response, response.status_code, response.request, is_reused=is_reused):
            repeated = self._repeated(token, response, options)
            if repeated is None or self._still_wants_nonce(repeated, repeated.status_code, repeated.url):
                return response if repeated is None else repeated
            response = repeated
        other = self._replacement_for(token, response.status_code, response.request)
        if other is None:
            return response
        try:
            token = other if isinstance(other, Token) else other.wait()
        except BaseException:
            response.close()  # the caller never gets it
            raise
        repeated = self._repeated(token, response, options)
        if repeated is None:
            return response
        if not self._wants_nonce(repeated, repeated.status_code, repeated.url):
            self._note_status(token, repeated.status_code)
        return repeated

    def _repeated(self, token: Token, response: Response, options: Mapping[str, Any]) -> Response | None:
        """The response to the same request with this token. None if its body cannot be sent again."""
        request = response.request.copy()  # other threads may use the caller's own
        if not _rewound(request):
            return None
        _ = response.content  # reads it, so that the connection can be used again
        self._put(request, token)
        connection: Any = response.connection
        repeated: Response = connection.send(request, **options)
        self._keep_from_others(repeated, response.request)
        repeated.history.append(response)
        return repeated


def _is_reused(request: PreparedRequest) -> bool:
    """Whether the proof of a request was sent before: on a redirect, or because its user sends the request again."""
    proof = request.headers.get("DPoP")
    if not isinstance(proof, Proof):
        return False
    is_used, proof.is_used = proof.is_used, True
    return is_used


def _rewound(request: PreparedRequest) -> bool:
    """Whether the body can be sent again: bytes, or a file, which this rewinds to where it stood."""
    if request.body is None or isinstance(request.body, str | bytes | bytearray):
        return True
    try:
        rewind_body(request)
    except (UnrewindableBodyError, ValueError):  # ValueError: the file is closed
        return False
    return True


def _origin(url: str) -> Origin:
    parts = urlsplit(url)  # requests itself parses the address in this way
    return origin(parts.scheme, parts.hostname or "", parts.port)
