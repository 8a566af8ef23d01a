"""BearerAuth: which request may carry a token, and what follows when the API rejects it, for any HTTP client.

``httpx`` in this folder connects it to httpx, and ``paygrant.adapters`` to other HTTP clients.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import quote, urlsplit, urlunsplit

import httpx

from paygrant._arguments import check_type, check_url, checked, invalid_argument, shown
from paygrant._cache.source import TokenSource, cache_of, proof_in_time
from paygrant._providers.base import registration_of
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    from paygrant._cache.renewal import PendingRenewal

Origin = tuple[str, str, int | None]
"""Scheme, host and port (RFC 6454 section 4): the host in ASCII, the scheme's default port as None."""

_DEFAULT_PORTS = {"http": 80, "https": 443}

PROOF_ERROR = "invalid_dpop_proof"
"""The error by which an API refuses a proof (RFC 9449 section 12.2)."""


class Authorization(str):
    """The value of an Authorization header, for clients that show their headers. Its repr masks the token."""

    __slots__ = ()

    def __repr__(self) -> str:
        word, space, _ = self.partition(" ")
        return f"'{word if space else ''}{space}...'"  # without a word before it, all of the value is the token


class Proof(str):  # noqa: SLOT000 - a slot would hide the value of the class
    """A DPoP proof, for clients that show their headers. Its repr hides it."""

    is_used = False
    """Whether a request with it was sent. An API accepts a proof once."""

    def __repr__(self) -> str:
        return "'...'"


class BearerAuth:
    """The arguments and decisions of every ``TokenAuth``. ``paygrant.TokenAuth`` documents the arguments."""

    _proof: type[str] = Proof
    """The class of the header's value."""

    @checked
    def __init__(
        self,
        source: TokenSource,
        *,
        origins: Iterable[str] | None = None,
        rejected_statuses: Iterable[int] | None = None,
    ) -> None:
        check_type("source", source, TokenSource, "a TokenSource")
        self._source = source
        self._cache = cache_of(source)
        """For the fast path, which only reads it. Decisions use ``cache_of``, because the source may be closed."""
        self._origins = None if origins is None else frozenset(_check_origins(origins))
        registration = registration_of(source.provider)
        use = registration.endpoint.token_use
        statuses = use.rejected_statuses if rejected_statuses is None else rejected_statuses
        self._rejected_statuses = frozenset(_check_statuses(statuses))
        self._header, self._query = use.header, use.query or ""
        self._further_headers = registration.api_headers
        """Headers that travel with the token, to the same origins only."""
        self._prover = registration.prover
        """Makes a proof for each call, if tokens are bound to a key (RFC 9449)."""
        self._only_authorization = (
            (use.header or "").lower() == "authorization" and not self._further_headers and self._prover is None
        )
        """Clients remove this header on a redirect to another origin."""

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name not in {"_cache", "_prover"}}

    def __setstate__(self, state: dict[str, Any]) -> None:
        source = state["_source"]
        self.__dict__.update(state, _cache=cache_of(source), _prover=registration_of(source.provider).prover)

    def _replacement_for(self, token: Token, status: int, request: Any) -> "Token | PendingRenewal | None":
        """What to send in place of a token that got this status. None: the caller gets this response.

        Args:
            token: The token that was sent.
            status: The status of the response.
            request: The request that got it. After a redirect, the token may be missing from it.
        """
        if status not in self._rejected_statuses:
            self._note_status(token, status)
            return None
        return cache_of(self._source).replace(token) if self._carries(request, token) else None

    def _carries(self, request: Any, token: Token) -> bool:
        """Whether a request carries this very token."""
        if self._header is not None:
            return bool(request.headers.get(self._header) == token.authorization)
        return parameter(self._query, token.access_token) in urlsplit(str(request.url)).query.split("&")

    def _headers_of(self, token: Token, method: str, url: str) -> dict[str, str]:
        """The headers that travel with a token, besides the one that carries it."""
        if self._prover is None:
            return self._further_headers
        if self._prover.is_immediate:
            proof = self._prover.proof(method, url, token.access_token)
        else:
            proof = proof_in_time(self._source, lambda: self._proof_by_device(token, method, url))
        return {**self._further_headers, "DPoP": self._proof(proof)}

    def _proof_by_device(self, token: Token, method: str, url: str) -> str:
        """A proof by the key in a device, which may be another one by now."""
        self._prover = registration_of(self._source.provider).prover or self._prover
        return str(cast("Any", self._prover).proof(method, url, token.access_token))

    if TYPE_CHECKING:

        def _put(self, request: Any, token: Token) -> None:
            """Put a token on a request, with all that travels with it."""

    async def _put_async(self, request: Any, token: Token) -> None:
        """The same, on an event loop: a key in a KMS or an HSM must not block the loop while it signs."""
        if self._prover is None or self._prover.is_immediate:
            self._put(request, token)
            return
        from anyio import to_thread

        await to_thread.run_sync(self._put, request, token, abandon_on_cancel=True)

    def _wants_proof(self, token: Token, response: Any, status: int, request: Any, *, is_reused: bool) -> bool:
        """Whether a call may succeed with another proof. This notes the nonce of the response.

        A redirect may have led to another origin, which must not get the token by asking for a proof.

        Args:
            token: The token that the call carried.
            response: The response.
            status: Its status.
            request: The request that got it. After a redirect, that is the last step.
            is_reused: Whether the proof was made for an earlier request. A client copies it to each step of a redirect.
        """
        if self._prover is None or not self._carries(request, token):
            return False
        if self._wants_nonce(response, status, request.url):
            return True
        return status in self._rejected_statuses and (is_reused or self._has_other_time(response, request))

    def _has_other_time(self, response: Any, request: Any) -> bool:
        """Whether the API refuses the proof and has another time. This notes its time, for the next proofs."""
        if self._prover is None or not any(PROOF_ERROR in each for each in self._challenges(response)):
            return False
        proof, date = request.headers.get("DPoP"), response.headers.get("Date")
        return bool(proof and date) and self._prover.note_time(str(request.url), proof, date)

    def _is_settled(self, response: Any) -> bool:
        """Whether a response wants no other proof. This notes its nonce, as successful responses may have one, too."""
        if response.status_code >= HTTPStatus.BAD_REQUEST:
            return False
        if self._prover is not None and "DPoP-Nonce" in response.headers:
            self._prover.note_nonce(str(response.request.url), response.headers["DPoP-Nonce"])
        return True

    def _wants_nonce(self, response: Any, status: int, url: object) -> bool:
        """Whether the API refuses a call only because its proof lacks a nonce. This notes the nonce of the response."""
        if self._prover is None:
            return False
        nonce = response.headers.get("DPoP-Nonce")
        return self._prover.note_response(str(url), status, nonce, self._challenges(response))

    def _still_wants_nonce(self, response: Any, status: int, url: object) -> bool:
        """The same, of a call that was repeated with another proof. If its time was refused, too, it does not count."""
        if self._prover is not None and any(PROOF_ERROR in each for each in self._challenges(response)):
            self._prover.forget_time(str(url))
        return self._wants_nonce(response, status, url)

    def _challenges(self, response: Any) -> Iterable[str]:
        """The headers WWW-Authenticate (RFC 9110 section 11.6.1). Most clients join several into one value."""
        return (response.headers.get("WWW-Authenticate", ""),)

    def _with_token(self, url: str, token: Token) -> str:
        """A URL with the token in its query, in place of an earlier token. All other bytes stay as they are."""
        parts = urlsplit(url)
        others = [each for each in parts.query.split("&") if each and not each.startswith(parameter(self._query, ""))]
        return urlunsplit(parts._replace(query="&".join([*others, parameter(self._query, token.access_token)])))

    def _note_status(self, token: Token, status: int) -> None:
        """Note whether the API accepts a replacement."""
        cache = cache_of(self._source)
        if status in self._rejected_statuses:
            cache.reject_replacement(token)
        elif token is cache.replacement:  # for any other token there is nothing to note, so no lock is taken
            cache.accept_replacement(token)


def parameter(name: str, value: str) -> str:
    """A parameter of a query, encoded."""
    return f"{quote(name, safe='')}={quote(value, safe='')}"


def origin(scheme: str, host: str, port: int | None) -> Origin:
    """An origin, from the parts of a URL."""
    return scheme, host, None if port == _DEFAULT_PORTS.get(scheme) else port


def _check_origins(origins: Iterable[str]) -> Iterable[Origin]:
    """Origins from strings, each a URL without a path."""
    expected = "a set of strings such as 'https://api.example.com'"
    check_type("origins", origins, list | tuple | set | frozenset, expected)
    for each in origins:
        url = httpx.URL(check_url("origins", each))
        if url.path != "/":
            raise invalid_argument("origins", f"holds {each!r}, which has a path", expected)
        yield origin(url.scheme, url.raw_host.decode(), url.port)


def _check_statuses(statuses: Iterable[int]) -> Iterable[int]:
    """HTTP statuses of client errors."""
    expected = "a set of whole numbers from 400 to 499"
    check_type("rejected_statuses", statuses, list | tuple | set | frozenset, expected)
    for status in statuses:
        if not isinstance(status, int) or status not in range(400, 500):
            raise invalid_argument("rejected_statuses", f"holds {shown(status)}", expected)
        yield status
