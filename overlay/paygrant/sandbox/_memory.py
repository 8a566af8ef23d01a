"""What the sandbox remembers of a provider from one reset to the next, and which of its faults are on.

A reset puts a new memory in the old one's place. A request belongs to the memory that it came in: if it outlives the
reset, what it leaves is in a memory at which nobody looks any more.
"""

import threading
from collections import deque
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import islice

from paygrant._secrets import fingerprint
from paygrant.sandbox._faults import Faults
from paygrant.sandbox._record import KEPT, RecordedRequest


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that the sandbox gave out; moments in seconds since the epoch, by its clock."""

    access_token: str = field(repr=False)
    issued_at: float
    expires_at: float

    @property
    def fingerprint(self) -> str:
        """The name under which the token is shown."""
        return fingerprint(self.access_token)


class Memory:
    """Counts, tokens, requests and faults of one provider. For any thread.

    Attributes:
        faults: Those that are on.
        token_requests: How many token requests came in, refused ones included.
        api_calls: How many calls of the protected resource came in, refused ones included.
    """

    def __init__(self, faults: Faults) -> None:
        self.faults = faults
        self.token_requests = 0
        self.api_calls = 0
        self._lock = threading.Lock()
        self._tokens: dict[str, IssuedToken] = {}
        self._ends: list[tuple[float, str]] = []
        """A heap: the token that ends first comes first."""
        self._requests: deque[RecordedRequest] = deque(maxlen=KEPT)
        self._sleepers: set[Callable[[], object]] = set()
        self._ended = False

    def issue(self, token: IssuedToken) -> None:
        """Remember a token; those that have ended are forgotten."""
        with self._lock:
            self._tokens[token.access_token] = token
            heappush(self._ends, (token.expires_at, token.access_token))
            self._prune(token.issued_at)

    def is_alive(self, token: str, now: float) -> bool:
        """Whether a token is taken."""
        issued = self._tokens.get(token)
        return issued is not None and issued.expires_at > now

    def alive(self, now: float) -> tuple[IssuedToken, ...]:
        """The tokens that are taken, oldest first."""
        with self._lock:
            self._prune(now)
            return tuple(self._tokens.values())

    def latest(self, count: int, now: float) -> tuple[int, tuple[IssuedToken, ...]]:
        """How many tokens are taken; and the latest of them, newest first. Quick, however many there are."""
        with self._lock:
            self._prune(now)
            return len(self._tokens), tuple(islice(reversed(self._tokens.values()), count))

    def revoke(self) -> None:
        """Kill all tokens."""
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
        """While a request waits: it is woken when the memory ends; at once, if it has."""
        with self._lock:
            self._sleepers.add(wake)
            if self._ended:
                wake()
        try:
            yield
        finally:
            with self._lock:
                self._sleepers.discard(wake)

    def end(self) -> None:
        """Another memory has taken its place: nobody is to wait here any more."""
        with self._lock:
            self._ended = True
            for wake in self._sleepers:
                wake()

    def _prune(self, now: float) -> None:
        while self._ends and self._ends[0][0] <= now:
            del self._tokens[heappop(self._ends)[1]]
