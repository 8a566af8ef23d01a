"""Credentials: what a client authenticates with, as read at one moment: its secret, its key and its certificate."""

from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256
from time import time as unix_time
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from paygrant._request.certificate import LoadedCertificate
    from paygrant._request.dpop import Prover
    from paygrant._request.signing_key import Signer

LEAST_SKEW = 2.0
"""Seconds. A Date has whole seconds and arrives late, so a smaller difference of the clocks says nothing."""

_MOST_DRIFT = 1800.0
"""Seconds. If a server accepts a time that is further from its Date, that is not the time by which it judges. Time zones
differ by this much at least."""

_MOST_TIMES = 4
"""Attempts. A server whose Date jumps about never gets another one."""

_skews: dict[str, float] = {}
"""How far the clocks of servers are ahead, in seconds, by origin."""

_misleading: set[str] = set()
"""The origins that refused the time of their own Date, and accepted another."""


class Credentials:
    """What a client authenticates with.

    Attributes:
        secret: The client's secret. Empty if there is none.
        signer: The private key, or what signs with the secret.
        certificate: The client certificate.
        prover: Makes DPoP proofs.
    """

    __slots__ = ("_given_key", "_identity", "certificate", "prover", "secret", "signer")

    def __init__(
        self,
        secret: str,
        signer: "Signer | None" = None,
        certificate: "LoadedCertificate | None" = None,
        prover: "Prover | None" = None,
        given_key: object = None,
    ) -> None:
        self.secret = secret
        self.signer = signer
        self.certificate = certificate
        self.prover = prover
        self._given_key = given_key
        self._identity: list[str] = []

    @property
    def identity(self) -> list[str]:
        """What distinguishes them in a cache key: a hash of the secret, and thumbprints. Each is computed once."""
        if not self._identity:
            self._identity = self._computed_identity()
        return self._identity

    def _computed_identity(self) -> list[str]:
        parts = [sha256(self.secret.encode(errors="surrogatepass")).hexdigest()]
        if self.signer is not None:
            from paygrant._request.signing_key import identity_of

            parts.append(f"key {identity_of(self.signer, self._given_key)}")
        if self.certificate is not None:
            parts.append(f"certificate {self.certificate.thumbprint}")
        if self.prover is not None:
            parts.append(f"proofs {self.prover.thumbprint}")
        return parts


@lru_cache(maxsize=256)
def _prover(signer: Any, origin: str, _algorithm: str, _thumbprint: str) -> "Prover":
    from paygrant._request.dpop import Prover

    return Prover(signer, clock_of(origin))


def prover_for(signer: "Signer", origin: str) -> "Prover":
    """What makes the proofs of a key for the tokens of a server. Clients of both share it, and so its nonces.

    A key in a device may be replaced by another key. What made the proofs of the earlier key makes none for the new one.
    """
    from paygrant._request.signing_key import public_thumbprint

    hashable: Any = signer  # the provider has checked it
    return _prover(hashable, origin, signer.algorithm, public_thumbprint("dpop", signer))


def clock_of(url: str) -> Callable[[], float]:
    """The clock of a server, in seconds since 1970."""
    origin = origin_of(url)
    return lambda: unix_time() + _skews.get(origin, 0.0)


def skew_of(url: str) -> float:
    """How far the clock of a server is ahead, in seconds, as far as its responses showed."""
    return _skews.get(origin_of(url), 0.0)


def note_skew(url: str, seconds: float) -> None:
    """Note how far the clock of a server is ahead."""
    if abs(seconds) >= LEAST_SKEW:
        _skews[origin_of(url)] = seconds
    else:
        _skews.pop(origin_of(url), None)


def forget_servers() -> None:
    """Forget what the responses of all servers have shown: their clocks and their nonces."""
    _skews.clear()
    _misleading.clear()
    _prover.cache_clear()


class SignedTimes:
    """The times by which the attempts of one token request are signed.

    A server refuses an assertion or a proof from another time than its own. Its Date shows its time, unless a proxy or a
    wrong clock writes the Date.

    Args:
        url: The address of the token endpoint.
    """

    __slots__ = ("_tried", "_url")

    def __init__(self, url: str) -> None:
        self._url = url
        self._tried: list[float] = []

    def begin(self) -> None:
        """Note by which time the next attempt is signed."""
        self._tried.append(skew_of(self._url))

    def accepted(self, skew: float | None) -> None:
        """Note that the server found no fault with the time.

        Args:
            skew: How far its clock is ahead by the Date of its response, in seconds. None: the response has no Date.
        """
        if skew is None:
            return
        *refused, used = self._tried
        if _is_among(refused, skew) and not _is_among([used], skew):
            _misleading.add(origin_of(self._url))
        elif abs(skew - used) < _MOST_DRIFT and origin_of(self._url) not in _misleading:
            note_skew(self._url, skew)

    def is_of_server(self, skew: float | None) -> bool:
        """Whether the last attempt was signed by the time of the server, as the Date of its response shows it."""
        return skew is not None and _is_among(self._tried[-1:], skew)

    def is_other_time_left(self, skew: float | None) -> bool:
        """Whether a refused request may be accepted at another time: that of the Date, or our own.

        It is noted for the next attempt. If none is left, the time of the first attempt counts again: the reason was
        another one.
        """
        for each in (skew, 0.0):
            if each is not None and len(self._tried) < _MOST_TIMES and not _is_among(self._tried, each):
                note_skew(self._url, each)
                return True
        note_skew(self._url, self._tried[0])
        return False


def _is_among(skews: list[float], skew: float) -> bool:
    return any(abs(skew - each) < LEAST_SKEW for each in skews)


def origin_of(url: str) -> str:
    """Scheme and host of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
