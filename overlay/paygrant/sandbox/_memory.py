"""The state of one provider between two resets: tokens, requests, counts, and the faults that are switched on.

A reset replaces the memory with a new one. A request keeps the memory that it started with. If it ends after the reset,
it changes the old memory, which nobody reads.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice
from typing import Any

from paygrant._secrets import compared_as_a_whole, fingerprint
from paygrant.sandbox._faults import Faults
from paygrant.sandbox._record import KEPT, RecordedRequest


@compared_as_a_whole
@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that the sandbox issued. Times are in seconds since the epoch, by its clock."""

    access_token: str = field(repr=False)
    issued_at: float
    expires_at: float

    @property
    def fingerprint(self) -> str:
        """A short name for the token that does not give it away."""
        return fingerprint(self.access_token)


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
    """

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.responses: dict[tuple[str, str], ApiResponse] = {}
        self.token_requests = 0
        self.api_calls = 0
        self._lock = threading.Lock()
        self._tokens: dict[str, IssuedToken] = {}
        self._ends: list[tuple[float, str]] = []
        """A heap: the token that expires first comes first."""
        self._requests: deque[RecordedRequest] = deque(maxlen=KEPT)
        self._wakers: set[Callable[[], object]] = set()
        self._ended = False

    def issue(self, token: IssuedToken) -> None:
        """Remember a token, and forget the expired tokens."""
        with self._lock:
            self._tokens[token.access_token] = token
            heappush(self._ends, (token.expires_at, token.access_token))
            self._prune(token.issued_at)

    def accepts(self, token: str, now: float, *, single_use: bool = False) -> bool:
        """Whether the API accepts a token. A token for a single use is dead from then on."""
        if not single_use:
            issued = self._tokens.get(token)
            return issued is not None and issued.expires_at > now
        with self._lock:
            issued = self._tokens.pop(token, None)
        return issued is not None and issued.expires_at > now

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
