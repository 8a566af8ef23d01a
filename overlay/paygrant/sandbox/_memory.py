"""The state of one provider between two resets: tokens, requests, counts, and the faults that are switched on.

A reset replaces the memory with a new one. A request keeps the memory that it started with. If it ends after the reset,
it changes the old memory, which nobody reads.
"""

import math
import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice
from typing import TYPE_CHECKING, Any

from paygrant._secrets import compared_as_a_whole, fingerprint
from paygrant.sandbox._faults import Faults
from paygrant.sandbox._record import KEPT, RecordedRequest

if TYPE_CHECKING:
    from paygrant.sandbox._jwt import VerifyingKey

_FEW_IDS = 1000
"""Ids are forgotten only when there are more than this number."""


@compared_as_a_whole
@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that the sandbox issued.

    Attributes:
        access_token: The token.
        issued_at: The time of its issue, in seconds since the epoch, by the sandbox's clock.
        expires_at: The time of its end.
        binding: What it is bound to: ``jkt``, the thumbprint of a key (RFC 9449 section 6.1), and ``x5t#S256``, that of a
            certificate (RFC 8705 section 3.1). Empty if it is bound to nothing.
    """

    access_token: str = field(repr=False)
    issued_at: float
    expires_at: float
    binding: Mapping[str, str] = field(default_factory=dict[str, str], hash=False, repr=False)

    @property
    def fingerprint(self) -> str:
        """A short name for the token that does not give it away."""
        return fingerprint(self.access_token)


@compared_as_a_whole
@dataclass(frozen=True, slots=True, eq=False, repr=False)
class ApiResponse:
    """The response to calls of the API with a live token.

    Attributes:
        status: The status.
        document: The document, sent as JSON. None: no body.
        headers: More headers.
    """

    status: int
    document: Any
    headers: Mapping[str, str]


class Memory:
    """The state of one provider. Safe to use from any thread.

    Attributes:
        faults: The faults that are switched on.
        token_requests: The number of token requests, refused ones included.
        api_calls: The number of calls of the API, refused ones included.
        responses: The responses that a test has set, by method and path.
        keys: The public keys that a test has registered.
        audience: The audience that assertions must have. None: as the spec says.
    """

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.responses: dict[tuple[str, str], ApiResponse] = {}
        self.token_requests = 0
        self.api_calls = 0
        self.keys: tuple[VerifyingKey, ...] = ()
        self.audience: str | None = None
        self._lock = threading.Lock()
        self._tokens: dict[str, IssuedToken] = {}
        self._ends: list[tuple[float, str]] = []
        """A heap: the token that expires first comes first."""
        self._used: dict[str, float] = {}
        """The ids of assertions and proofs, and the time until which each counts."""
        self._most_used = _FEW_IDS
        self._requests: deque[RecordedRequest] = deque(maxlen=KEPT)
        self._wakers: set[Callable[[], object]] = set()
        self._ended = False

    def count_token_request(self) -> None:
        """Count a token request. The two servers of the sandbox have a thread each."""
        with self._lock:
            self.token_requests += 1

    def count_api_call(self) -> None:
        """Count a call of the API."""
        with self._lock:
            self.api_calls += 1

    def issue(self, token: IssuedToken) -> None:
        """Remember a token, and forget the expired tokens."""
        with self._lock:
            self._tokens[token.access_token] = token
            heappush(self._ends, (token.expires_at, token.access_token))
            self._prune(token.issued_at)

    def find(self, token: str, now: float) -> IssuedToken | None:
        """A token that is valid, by its text."""
        issued = self._tokens.get(token)
        return issued if issued is not None and issued.expires_at > now else None

    def use_up(self, token: str) -> bool:
        """Let a token die. Returns whether it was alive."""
        with self._lock:
            return self._tokens.pop(token, None) is not None

    def is_first_use(self, identifier: str, until: float, now: float) -> bool:
        """Whether an id was not used before. It counts as used until a time."""
        with self._lock:
            is_new = self._used.get(identifier, -math.inf) < now
            self._used[identifier] = until
            if len(self._used) > self._most_used:
                self._used = {each: end for each, end in self._used.items() if end >= now}
                self._most_used = max(_FEW_IDS, 2 * len(self._used))
            return is_new

    def alive(self, now: float) -> tuple[IssuedToken, ...]:
        """The valid tokens, oldest first."""
        with self._lock:
            self._prune(now)
            return tuple(self._tokens.values())

    def latest(self, count: int, now: float) -> tuple[int, tuple[IssuedToken, ...]]:
        """The number of valid tokens, and the latest of them, newest first. Fast for any number of tokens."""
        with self._lock:
            self._prune(now)
            return len(self._tokens), tuple(islice(reversed(self._tokens.values()), count))

    def revoke(self) -> None:
        """Revoke all tokens."""
        with self._lock:
            self._tokens.clear()
            self._ends.clear()

    def record(self, request: RecordedRequest) -> None:
        """Remember a request."""
        with self._lock:
            self._requests.append(request)

    def requests(self) -> tuple[RecordedRequest, ...]:
        """The last requests, oldest first."""
        with self._lock:
            return tuple(self._requests)

    @contextmanager
    def waking(self, wake: Callable[[], object]) -> Generator[None]:
        """Call ``wake`` when this memory ends during the block; at once, if it has ended already."""
        with self._lock:
            self._wakers.add(wake)
            if self._ended:
                wake()
        try:
            yield
        finally:
            with self._lock:
                self._wakers.discard(wake)

    def end(self) -> None:
        """Wake all requests that wait: a new memory has replaced this one."""
        with self._lock:
            self._ended = True
            for wake in self._wakers:
                wake()

    def _prune(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            self._tokens.pop(heappop(self._ends)[1], None)
