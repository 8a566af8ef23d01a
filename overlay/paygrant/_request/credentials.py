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

_skews: dict[str, float] = {}
"""How far the clocks of servers are ahead, in seconds, by origin."""


class Credentials:
    """What a client authenticates with.

    Attributes:
        secret: The client's secret. Empty if there is none.
        signer: The private key, or what signs with the secret.
        certificate: The client certificate.
        prover: Makes DPoP proofs.
    """

    __slots__ = ("certificate", "prover", "secret", "signer")

    def __init__(
        self,
        secret: str,
        signer: "Signer | None" = None,
        certificate: "LoadedCertificate | None" = None,
        prover: "Prover | None" = None,
    ) -> None:
        self.secret = secret
        self.signer = signer
        self.certificate = certificate
        self.prover = prover

    @property
    def identity(self) -> list[str]:
        """What distinguishes them in a cache key: a hash of the secret, and thumbprints."""
        parts = [sha256(self.secret.encode(errors="surrogatepass")).hexdigest()]
        if self.signer is not None:
            from paygrant._request.signing_key import identity_of

            parts.append(f"key {identity_of(self.signer)}")
        if self.certificate is not None:
            parts.append(f"certificate {self.certificate.thumbprint}")
        if self.prover is not None:
            parts.append(f"proofs {self.prover.thumbprint}")
        return parts


@lru_cache(maxsize=256)
def _prover(signer: Any, origin: str) -> "Prover":
    from paygrant._request.dpop import Prover

    return Prover(signer, clock_of(origin))


def prover_for(signer: "Signer", origin: str) -> "Prover":
    """What makes the proofs of a key for the tokens of a server. Clients of both share it, and so its nonces."""
    hashable: Any = signer  # the provider has checked it
    return _prover(hashable, origin)


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
    _prover.cache_clear()


def origin_of(url: str) -> str:
    """Scheme and host of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}".lower()
