"""Prover: makes DPoP proofs (RFC 9449), and knows the nonces that servers gave."""

import hashlib
import json
import threading
from collections.abc import Callable, Iterable, Mapping
from http import HTTPStatus
from secrets import token_urlsafe
from typing import Any, cast
from urllib.parse import urlsplit

from paygrant._request.jws import segment, signed_text
from paygrant._request.signing_key import Signer, SigningKey, base64url, new_key, thumbprint

NONCE_ERROR = "use_dpop_nonce"
"""The error by which a server asks for a proof with its nonce (RFC 9449 sections 8 and 9)."""

_MOST_NONCES = 1024
"""Origins whose nonces are known. The one that was not refreshed for the longest time goes first."""

_LONGEST_NONCE = 1024
"""Characters. A longer nonce is not one."""

_quoted = json.encoder.encode_basestring_ascii
"""A text as JSON has it."""

_process_key: list[SigningKey] = []
_guard = threading.Lock()


def key_of_process() -> SigningKey:
    """The key of this process, for clients that have none of their own. It is never written anywhere."""
    if not _process_key:
        made = new_key()
        with _guard:
            _process_key[:] = _process_key or [made]
    return _process_key[0]


def is_of_process(key: object) -> bool:
    """Whether this is the key of this process."""
    return any(key is each for each in _process_key)


class Prover:
    """Makes the proofs of one client.

    A nonce belongs to the origin of the server that gave it. The token endpoint has nonces of its own, which no API
    call uses, even at the same origin (RFC 9449 sections 8.1 and 9).

    Args:
        signer: The key. It has ``public_jwk``.
        now: The time of the server, in seconds since 1970.
    """

    __slots__ = ("_ath", "_header", "_nonces", "_now", "_signer", "thumbprint")

    def __init__(self, signer: Signer, now: Callable[[], float]) -> None:
        public = cast("Mapping[str, str]", cast("Any", signer).public_jwk)
        self._signer = signer
        self._now = now
        self._header = segment({"alg": signer.algorithm, "typ": "dpop+jwt", "jwk": dict(public)})
        self._nonces: dict[str, str] = {}
        self._ath = "", ""
        """The last token, and its hash: nearly all calls carry the same token."""
        self.thumbprint = thumbprint(public)

    @property
    def is_immediate(self) -> bool:
        """Whether the key is in this process, so that a proof waits for nothing."""
        return isinstance(self._signer, SigningKey)

    def proof(self, method: str, url: str, token: str | None = None) -> str:
        """A new proof for one request.

        Args:
            method: The method of the request.
            url: Its address. The proof leaves out the query and the fragment.
            token: The access token that an API call carries. None for a token request.

        Raises:
            ConfigurationError: The caller's object could not sign.
        """
        claims = self._claims(method, url, token)
        del token  # if the key cannot sign, the traceback shows what this frame holds
        return signed_text(self._header, claims, self._signer)

    def _claims(self, method: str, url: str, token: str | None) -> str:
        """The claims in JSON. It is written by hand, because each call of an API waits for it."""
        bare = url.partition("#")[0].partition("?")[0]
        claims = f'{{"jti":"{token_urlsafe(16)}","htm":{_quoted(method)},"htu":{_quoted(bare)},"iat":{int(self._now())}'
        if token is not None:
            known = self._ath
            if known[0] != token:
                known = self._ath = token, base64url(hashlib.sha256(token.encode()).digest())
            claims += f',"ath":"{known[1]}"'
        if self._nonces and (nonce := self._nonces.get(_place(bare, is_token_endpoint=token is None))):
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

    def note_nonce(self, url: str, nonce: str | None, *, from_token_endpoint: bool = False) -> None:
        """Note the nonce of a response's header ``DPoP-Nonce``, for the next proofs."""
        if not nonce or len(nonce) > _LONGEST_NONCE or not nonce.isascii() or not nonce.isprintable():
            return
        place = _place(url, is_token_endpoint=from_token_endpoint)
        self._nonces.pop(place, None)
        self._nonces[place] = nonce
        for oldest in list(self._nonces)[:-_MOST_NONCES]:
            self._nonces.pop(oldest, None)


def _place(url: str, *, is_token_endpoint: bool) -> str:
    """Where a nonce counts: an origin, and for the token endpoint only there."""
    parts = urlsplit(url)
    return f"{'token ' if is_token_endpoint else ''}{parts.scheme}://{parts.netloc}".lower()
