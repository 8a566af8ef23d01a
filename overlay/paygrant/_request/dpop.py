"""Prover: makes DPoP proofs (RFC 9449), and knows the nonces that servers gave."""

import json
import re
from collections.abc import Callable, Iterable
from functools import lru_cache
from http import HTTPStatus
from os import urandom
from typing import Any, cast
from urllib.parse import urlsplit

import httpx

from paygrant._arguments import invalid_argument
from paygrant._request.jws import segment, signed_text
from paygrant._request.lifetime import jwt_claims
from paygrant._request.response import NONCE_ERROR, http_date
from paygrant._request.signing_key import Signer, SigningKey, new_key, public_part, sha256_base64url, thumbprint

_MOST_NONCES = 1024
"""Origins whose nonces are known. The one that was the first to give a nonce goes first."""

_NONCE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]{1,1024}")
"""The characters of a nonce (RFC 9449 section 8.1). A longer one is not used."""

_LEAST_DIFFERENCE = 5.0
"""Seconds. An API that refuses proofs for their time allows more than this, and a Date has whole seconds."""

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}

_quoted = json.encoder.encode_basestring_ascii
"""A text as JSON has it."""

_process_key: dict[str, SigningKey] = {}


def key_of_process() -> SigningKey:
    """The key of this process, for clients that have none of their own. It is never written anywhere."""
    # No lock: a signal handler may interrupt this, and a fork may happen here.
    return _process_key.get("key") or _process_key.setdefault("key", new_key())


def is_of_process(key: object) -> bool:
    """Whether this is the key of this process."""
    return key is not None and key is _process_key.get("key")


class Prover:
    """Makes the proofs of one client.

    A nonce belongs to the origin of the server that gave it. The token endpoint has nonces of its own, which no API
    call uses, even at the same origin (RFC 9449 sections 8.1 and 9).

    Args:
        signer: The key. It has ``public_jwk``.
        now: The time of the server, in seconds since 1970.
    """

    __slots__ = ("_ath", "_header", "_nonces", "_now", "_signer", "_skews", "is_immediate", "thumbprint")

    def __init__(self, signer: Signer, now: Callable[[], float]) -> None:
        public = public_part("dpop", cast("Any", signer).public_jwk)
        self._signer = signer
        self._now = now
        self._header = segment({"alg": signer.algorithm, "typ": "dpop+jwt", "jwk": public})
        self._nonces: dict[str, str] = {}
        self._ath = "", ""
        """The last token, and its hash: nearly all calls carry the same token."""
        self._skews: dict[str, float] = {}
        """How far the clocks of APIs are ahead of the token server's, in seconds, by origin: of those that refused it."""
        self.thumbprint = thumbprint(public)
        self.is_immediate = isinstance(signer, SigningKey)
        """Whether the key is in this process, so that a proof waits for nothing."""

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        """A new proof for one request.

        Args:
            method: The method of the request.
            url: Its address. The proof leaves out the query, the fragment, and a user's name and password.
            token: The access token that an API call carries. None for a token request.

        Raises:
            ConfigurationError: The caller's object could not sign.
        """
        claims = self._claims(method, url, token)
        del token  # if the key cannot sign, the traceback shows what this frame holds
        return signed_text(self._header, claims, self._signer, "dpop")

    def _claims(self, method: str, url: str, token: str | None) -> str:
        """The claims in JSON. It is written by hand, because each call of an API waits for it."""
        target, origin = _target(url.partition("#")[0].partition("?")[0])
        now = self._now()
        if self._skews and token is not None:
            now += self._skews.get(origin, 0.0)
        claims = f'{{"jti":"{urandom(16).hex()}","htm":{_quoted(method)},"htu":{target},"iat":{int(now)}'
        if token is not None:
            known = self._ath
            if known[0] != token:
                known = self._ath = token, sha256_base64url(token.encode())
            claims += f',"ath":"{known[1]}"'
        if self._nonces and (nonce := self._nonces.get(_place(origin, is_token_endpoint=token is None))):
            claims += f',"nonce":{_quoted(nonce)}'
        return claims + "}"

    def note_response(self, url: str, status: int, nonce: str | None, challenges: Iterable[str]) -> bool:
        """Note the nonce of a response to an API call.

        Args:
            url: The address that the response came from.
            status: Its status.
            nonce: Its header ``DPoP-Nonce``.
            challenges: Its headers ``WWW-Authenticate``.

        Returns:
            Whether the API refuses the call only for want of a nonce. The nonce may be known already: another call
            noted it while this one was on its way.
        """
        self.note_nonce(url, nonce)
        return HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and any(
            NONCE_ERROR in each for each in challenges
        )

    def note_time(self, url: str, proof: str, date: str) -> bool:
        """Note the time of an API that refused a proof: it may not be that of the token server.

        Args:
            url: The address that the response came from.
            proof: The refused proof.
            date: The header ``Date`` of the response.

        Returns:
            Whether the API may accept a proof of its own time.
        """
        moment = http_date(date)
        if moment is None:
            return False
        if abs(moment.timestamp() - jwt_claims(proof)["iat"]) < _LEAST_DIFFERENCE:
            self.forget_time(url)  # the reason is another one, or this is not the time of the API
            return False
        self._skews[_origin_of(url)] = moment.timestamp() - self._now()
        return True

    def forget_time(self, url: str) -> None:
        """Forget the time of an API, which refused it, too. That of the token server counts again."""
        self._skews.pop(_origin_of(url), None)

    def note_nonce(self, url: str, nonce: str | None, *, from_token_endpoint: bool = False) -> None:
        """Note the nonce of a response's header ``DPoP-Nonce``, for the next proofs."""
        if not nonce or not _NONCE.fullmatch(nonce):
            return
        # A nonce is replaced in one step: another thread may be making a proof, and must not make it without a nonce.
        self._nonces[_place(_origin_of(url), is_token_endpoint=from_token_endpoint)] = nonce
        if len(self._nonces) > _MOST_NONCES:
            for oldest in list(self._nonces)[:-_MOST_NONCES]:
                self._nonces.pop(oldest, None)


def _origin_of(url: str) -> str:
    return _target(url.partition("#")[0].partition("?")[0])[1]


def absolute(argument: str, url: str) -> str:
    """A whole URL as an HTTP client sends it: in ASCII, and without dot segments.

    Raises:
        ConfigurationError: It is no whole URL.
    """
    expected = "the whole address of the call, such as https://api.example.com/payments"
    try:
        read = httpx.URL(url)
    except httpx.InvalidURL:
        fault = "is no URL"
    else:
        if read.scheme in _DEFAULT_PORTS and read.host:
            return str(read)
        fault = "has no host, or another scheme than http and https"
    raise invalid_argument(argument, fault, expected)


@lru_cache(maxsize=256)
def _target(url: str) -> tuple[str, str]:
    """The address that a proof names for a URL without query and fragment, as JSON has it; and its origin.

    It is the address as the server sees it: without the user's name and password and without the default port. An empty
    path is "/" (RFC 3986 section 6.2.3).
    """
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2].lower()
    if default := _DEFAULT_PORTS.get(parts.scheme):
        host = host.removesuffix(default)
    origin = f"{parts.scheme}://{host}"
    return _quoted(f"{origin}{parts.path or '/'}"), origin


def _place(origin: str, *, is_token_endpoint: bool) -> str:
    """Where a nonce counts: an origin, and for the token endpoint only there."""
    return f"token {origin}" if is_token_endpoint else origin
