"""RedisStore: a fleet shares tokens, refusals and the right to request a token, through a Redis (or Valkey).

The clock of Redis counts. It ends entries and locks, and the time that it has left for an entry gives its age. With an
encrypted entry, its moment is encrypted, too, and the entry is at least that old. Otherwise, somebody who can write to
Redis could put an old entry back again and again.
"""

import math
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from paygrant import _clock
from paygrant._arguments import check_seconds, check_text, check_type, checked, invalid_argument
from paygrant._errors import missing_extra
from paygrant._stores.base import Entry
from paygrant._stores.codec import Codec, Key
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    from redis import Redis, RedisCluster

_LOAD = "return {redis.call('GET', KEYS[1]), redis.call('PTTL', KEYS[1])}"
"""Reads value and remaining time in one step. Between two commands, another entry could replace this one."""

_DISCARD = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
"""Removes the entry that we looked at, but no newer one. WATCH would need a separate connection and a second round
trip. The lock of redis-py needs scripts as well."""

_POLL = 0.05
"""Seconds between two attempts to get the lock."""

_GRACE = 1.0
"""Seconds. A lock is awaited this much longer than its lease, so that the next holder can bring the token."""

_CLOCKS_APART = 60.0
"""Seconds. The clocks of two machines may differ by this much. An encrypted entry from further in the future is ignored."""

_IDLE = 30.0
"""Seconds. A connection that was idle for longer is not used again: the network may have dropped it silently."""


class RedisStore:
    """Shares tokens, refusals and the requests for tokens among all processes that use one Redis or Valkey.

    Stores with equal arguments are equal. It needs the extra: ``pip install "paygrant[redis]"``, or
    ``paygrant[redis,encryption]`` with a key.

    Args:
        client_or_url: A URL (``redis://``, ``rediss://`` or ``unix://``), or a client of redis-py, such as one for
            Sentinel (``Sentinel(...).master_for(...)``) or Cluster. A client keeps its own time limits and retries. The
            store does not close it.
        key: Encrypts the entries: a Fernet key, or a callable that returns one and is called each time. An entry that
            another key encrypted is treated as if it were not there. The machines' clocks must agree within a minute.
        timeout: With a URL, the time limit of connecting and of each command, in seconds. There are no retries.
        prefix: The beginning of the names of all keys in Redis.

    Raises:
        ConfigurationError: An argument is bad, such as a client that could wait for ever.
        ImportError: An extra is not installed.
    """

    __module__ = "paygrant"

    @checked
    def __init__(
        self,
        client_or_url: "Redis | RedisCluster | str",
        *,
        key: Key | None = None,
        timeout: float = 0.5,
        prefix: str = "paygrant:",
    ) -> None:
        try:
            from redis import Redis, RedisCluster, RedisError
            from redis.backoff import NoBackoff
            from redis.retry import Retry
        except ImportError as error:
            raise missing_extra("RedisStore", error, "redis") from None
        check_type("client_or_url", client_or_url, str | Redis | RedisCluster, "a URL or a redis.Redis")
        check_seconds("timeout", timeout, least=0.001)
        self._prefix = check_text("prefix", prefix)
        self._codec = Codec(key)
        self._identity = (client_or_url, self._codec.key, timeout, prefix)
        self._error = RedisError
        self._own = isinstance(client_or_url, str)
        self._used = -math.inf
        if isinstance(client_or_url, str):
            self._shown = _without_credentials(client_or_url)
            try:
                self._client: Any = cast("Any", Redis).from_url(
                    client_or_url,
                    socket_timeout=timeout,
                    socket_connect_timeout=timeout,
                    retry=Retry(NoBackoff(), 0),
                    protocol=2,  # it suffices here, and needs the fewest round trips at the start
                )
            except (ValueError, TypeError) as error:
                fault = f"is not a URL that redis-py reads ({type(error).__name__})"
                raise invalid_argument("client_or_url", fault, "redis://host[:port][/database]") from None
        else:
            self._shown = type(client_or_url).__name__
            self._client = client_or_url
            if self._client.get_connection_kwargs().get("socket_timeout") is None:
                fault = "is a client without a time limit, which could wait for ever"
                raise invalid_argument("client_or_url", fault, "a client with socket_timeout=..., such as 0.5")

    def load(self, key: str) -> Entry | None:
        """The entry under a key.

        Raises:
            redis.RedisError: Redis failed, or did not respond in time. The other methods raise it, too.
        """
        sent = _clock.monotonic()
        name = self._codec.name(key)
        data, left_now = self._fetch(name)
        saved = self._codec.decode(name, data) if data else None
        if saved is None:
            return None
        passed = saved.left - left_now / 1000
        if left_now < 0 or passed < 0:  # another program extended its life
            return None
        if self._codec.key is not None:
            authentic = saved.passed_by_wall_clock()
            if not -_CLOCKS_APART <= authentic < saved.left:
                return None
            passed = max(passed, authentic)
        return saved.entry(passed + _clock.monotonic() - sent)

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry, in place of the one that was there, until Redis drops it."""
        name = self._codec.name(key)
        data = self._codec.encode(name, entry)
        # Read the clock after encode has read it, so that Redis never counts more time than the entry states.
        left = math.floor((entry.until - _clock.monotonic()) * 1000)
        if left > 0:
            self._connected().set(self._prefix + name, data, px=left)

    def discard(self, key: str, token: Token) -> None:
        """Remove the entry under a key if it holds this very token."""
        name = self._codec.name(key)
        data, _ = self._fetch(name)
        saved = self._codec.decode(name, data) if data else None
        if saved and saved.entry(0.0).holds(token):
            self._connected().eval(_DISCARD, 1, self._prefix + name, data)

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        """The right to request a new token: the lock of redis-py, which only its owner can release.

        Args:
            key: The key.
            lease: After this number of seconds Redis drops the lock, whether its holder lives or not. Others wait for
                about as long.

        Raises:
            TimeoutError: Others held it all the time.
        """
        lock = self._connected().lock(
            f"{self._prefix}{self._codec.name(key)}:lock",
            timeout=lease,
            sleep=_POLL,
            blocking_timeout=lease + _GRACE,
            thread_local=False,
        )
        if not lock.acquire():
            raise TimeoutError("others held the lock all the time")
        try:
            yield
        finally:
            with suppress(self._error):  # the lock has ended, or Redis is down and the lock will end
                lock.release()

    def close(self) -> None:
        """Close the connections of a store that was made from a URL. The next use opens new ones."""
        if self._own:
            self._client.close()

    def _fetch(self, key: str) -> tuple[bytes, int]:
        """The bytes under a key, empty if there are none, and their remaining time in milliseconds."""
        data, left = self._connected().eval(_LOAD, 1, self._prefix + key)
        # A client may be configured to decode what it reads.
        return data.encode() if isinstance(data, str) else data or b"", left

    def _connected(self) -> Any:
        """The client, after it dropped connections that may be dead."""
        now = _clock.monotonic()
        if self._own and now - self._used > _IDLE:
            self._client.connection_pool.disconnect(inuse_connections=False)
        self._used = now
        return self._client

    def __copy__(self) -> "RedisStore":
        return _store_of(*self._identity)

    def __deepcopy__(self, _memo: object) -> "RedisStore":
        return _store_of(*self._identity)  # a user's client is shared

    def __reduce__(self) -> "tuple[Callable[..., RedisStore], tuple[object, ...]]":
        if not self._own:
            fault = "is a client, which cannot be pickled"
            raise invalid_argument("client_or_url", fault, "a URL, or a store made in each process")
        return _store_of, self._identity

    def __eq__(self, other: object) -> bool:
        return self._identity == other._identity if isinstance(other, RedisStore) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        return f"<RedisStore {self._shown}>"


def _store_of(client_or_url: Any, key: Key | None, timeout: float, prefix: str) -> RedisStore:
    """A store with these arguments: what a copied or unpickled store becomes."""
    return RedisStore(client_or_url, key=key, timeout=timeout, prefix=prefix)


def _without_credentials(url: str) -> str:
    """A URL without user, password and query, so that it can be shown."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "?"
