"""RedisStore: a fleet shares tokens, refusals and the right to ask for a token, through a Redis (or Valkey).

Every clock that counts is Redis' own: it ends entries and locks, and its remaining time tells how old an entry is.
"""

import math
from collections.abc import Generator
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
"""Value and remaining life of one moment: between two commands, another entry could take this one's place."""

_DISCARD = "if redis.call('GET', KEYS[1]) == ARGV[1] then redis.call('DEL', KEYS[1]) end"
"""Takes away what was there when we looked, and no newer entry. WATCH would need a connection of its own for that, and
a second round trip; redis-py's lock needs scripts in any case."""

_POLL = 0.05
"""Seconds between two tries to get the lock."""

_GRACE = 1.0
"""Seconds. So much longer than its lease a lock is awaited: time for whoever inherits it to bring the token."""

_IDLE = 30.0
"""Seconds. A connection that was idle for longer is not used again: what lies between may have dropped it silently."""


class RedisStore:
    """Shares tokens, refusals and the requests for tokens among all processes that use one Redis or Valkey.

    Stores with equal arguments are equal. Needs the extra: ``pip install "paygrant[redis]"``; with a key,
    ``paygrant[redis,encryption]``.

    Args:
        client_or_url: ``redis://``, ``rediss://`` or ``unix://``; or a client of redis-py, as for Sentinel
            (``Sentinel(...).master_for(...)``) and Cluster. A client's own time limits and retries hold, and whoever
            made it closes it.
        key: Encrypts what is kept: a Fernet key, or a callable that returns it and is asked each time. What another
            key encrypted is as if it were not there.
        timeout: With a URL, the time limit of connecting and of each command, in seconds. Nothing is tried again.
        prefix: What the names of all keys in Redis begin with.

    Raises:
        ConfigurationError: An argument is bad, such as a client that would wait for ever.
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
                    protocol=2,  # says all that is needed here, with the fewest round trips to begin with
                )
            except (ValueError, TypeError) as error:
                fault = f"is no URL that redis-py reads ({type(error).__name__})"
                raise invalid_argument("client_or_url", fault, "redis://host[:port][/database]") from None
        else:
            self._shown = type(client_or_url).__name__
            self._client = client_or_url
            if self._client.get_connection_kwargs().get("socket_timeout") is None:
                fault = "is a client without a time limit, and would wait for a Redis that hangs"
                raise invalid_argument("client_or_url", fault, "one with socket_timeout=..., such as 0.5")

    def load(self, key: str) -> Entry | None:
        """What is known under a key.

        Raises:
            redis.RedisError: Redis failed or did not answer in time. The other methods raise it likewise.
        """
        sent = _clock.monotonic()
        data, left_now = self._fetch(key)
        saved = self._codec.decode(key, data) if data else None
        if saved is None:
            return None
        passed = saved.left - left_now / 1000
        if left_now < 0 or passed < 0:  # somebody made it last
            return None
        return saved.entry(passed + _clock.monotonic() - sent)

    def save(self, key: str, entry: Entry) -> None:
        """Keep an entry in place of what was there, until Redis itself drops it."""
        left = math.floor((entry.until - _clock.monotonic()) * 1000)
        if left > 0:
            self._connected().set(self._prefix + key, self._codec.encode(key, entry), px=left)

    def discard(self, key: str, token: Token) -> None:
        """Forget this very token."""
        data, _ = self._fetch(key)
        saved = self._codec.decode(key, data) if data else None
        if saved and saved.entry(0.0).holds(token):
            self._connected().eval(_DISCARD, 1, self._prefix + key, data)

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        """The right to ask for a new token under a key: redis-py's lock, which only its owner gives back.

        Args:
            key: The key.
            lease: In seconds; then Redis drops the lock, whatever became of its holder. For so long it is awaited.

        Raises:
            TimeoutError: Others had it all the time.
        """
        lock = self._connected().lock(
            f"{self._prefix}{key}:lock",
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
            with suppress(self._error):  # it may be over, or Redis away: then it ends by itself
                lock.release()

    def close(self) -> None:
        """Close the connections of a store that was made from a URL. Another use opens them anew."""
        if self._own:
            self._client.close()

    def _fetch(self, key: str) -> tuple[bytes, int]:
        """The bytes kept under a key, none where there are none, and their remaining life in milliseconds."""
        data, left = self._connected().eval(_LOAD, 1, self._prefix + key)
        # A client may be set to decode what it reads.
        return data.encode() if isinstance(data, str) else data or b"", left

    def _connected(self) -> Any:
        """The client, without connections that may be dead."""
        now = _clock.monotonic()
        if self._own and now - self._used > _IDLE:
            self._client.connection_pool.disconnect(inuse_connections=False)
        self._used = now
        return self._client

    def __eq__(self, other: object) -> bool:
        return self._identity == other._identity if isinstance(other, RedisStore) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._identity)

    def __repr__(self) -> str:
        return f"<RedisStore {self._shown}>"


def _without_credentials(url: str) -> str:
    """A URL as it can be shown: neither user nor password, nor the query, which may hold them as well."""
    try:
        parts = urlsplit(url)
        return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
    except ValueError:
        return "?"
