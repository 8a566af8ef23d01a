"""What a store is: the protocol Store, and the Entry that it keeps under a key."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from paygrant._errors import TokenError
from paygrant._tokens.lifecycle import Grant
from paygrant._tokens.token import Token, same_token


@dataclass(frozen=True, slots=True)
class Entry:
    """What a store keeps under a key: a token or an error, and how long it counts.

    Attributes:
        outcome: The token as it was issued, or the error to remember.
        until: When the entry ends, in seconds of this process's monotonic clock.
        provider: The provider's name, for people who look into a store. None beside an error, which has its own.
        environment: The provider's environment, likewise.
    """

    __module__ = "paygrant"

    outcome: Grant | TokenError
    until: float
    provider: str | None = None
    environment: str | None = None

    def holds(self, token: Token) -> bool:
        """Whether this entry holds this very token."""
        return isinstance(self.outcome, Grant) and same_token(self.outcome.token, token)


@runtime_checkable
class Store(Protocol):
    """Keeps tokens and remembered errors, and gives one caller at a time the right to request a new token.

    The methods may block: they run on a thread of the cache's own. They may raise anything: a store that fails is
    logged once and then left alone for some seconds, and callers go on without it.
    ``paygrant.store_contract`` has the tests that every store must pass.
    """

    def load(self, key: str) -> Entry | None:
        """The entry under a key. None if there is none. It may return an entry that has ended: the caller looks at ``until``."""
        ...

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry, in place of the one that was there."""
        ...

    def discard(self, key: str, token: Token) -> None:
        """Remove the entry under a key if it holds this very token."""
        ...

    def lock(self, key: str, lease: float) -> AbstractContextManager[object]:
        """The right to request a new token: one holder at a time, each for at most ``lease`` seconds.

        Entering may raise TimeoutError if others hold the lock all the time.
        """
        ...


Store.__module__ = "paygrant"
