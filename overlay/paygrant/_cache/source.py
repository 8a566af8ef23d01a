"""TokenSource: a provider's token, requested when it is first needed, and kept."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from paygrant import _clock
from paygrant._arguments import check_type, checked
from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    import httpx

    from paygrant._cache.cache import Cache, ClosedCache
    from paygrant._providers.base import Provider
    from paygrant._stores.base import Store


class TokenSource:
    """Hands out a provider's access token: from memory while it lives, else by one request for all callers.

    Threads, asyncio and trio may share a source. Sources with equal arguments share one token.

    Args:
        provider: The provider, with its credentials.
        store: Where tokens are kept. The default is this process's memory.
        policy: The numbers that steer a token's life.
        transport: Carries the token request, for a proxy, a TLS context or a client certificate of your own. The
            source does not close it. Without one, the proxies of the environment apply.

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    __module__ = "paygrant"

    @checked
    def __init__(
        self,
        provider: "Provider",
        *,
        store: "Store | None" = None,
        policy: RefreshPolicy = RefreshPolicy(),  # noqa: B008 - frozen
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        import httpx

        from paygrant._cache.registry import cache_for
        from paygrant._providers.base import Provider
        from paygrant._stores.base import Store, check_store

        check_type("provider", provider, Provider, "a provider, such as Ripple(...)")
        check_type("store", store, Store | None, "a store, such as MemoryStore()")
        check_store("store", store)
        check_type("policy", policy, RefreshPolicy, "a RefreshPolicy")
        check_type("transport", transport, httpx.BaseTransport | None, "an httpx.BaseTransport")
        self.provider = provider
        cache = cache_for(provider, store, policy, transport)
        self._cache: Cache | ClosedCache = cache
        self._meter = cache.meter
        self._monotonic = _clock.monotonic

    def get(self) -> Token:
        """The token. Blocks this thread only while a new one is requested.

        Raises:
            TokenError: There is no token.
            ConfigurationError: The callable that returns the secret failed, or this source is closed.
        """
        token, until = self._cache.held
        if self._monotonic() < until:
            self._meter.hits += 1
            return token
        found = self._cache.token()
        return found if isinstance(found, Token) else found.wait()

    async def aget(self) -> Token:
        """The token, like ``get``, without blocking the event loop (asyncio or trio)."""
        token, until = self._cache.held
        if self._monotonic() < until:
            self._meter.hits += 1
            return token
        found = self._cache.token()
        return found if isinstance(found, Token) else await found.wait_async()

    def invalidate(self, token: Token) -> None:
        """Drop this very token, if it is still the current one. The next call requests a new one."""
        self._cache.invalidate(token)

    def close(self) -> None:
        """Close this source: further calls raise. Other sources with equal arguments go on."""
        from paygrant._cache.cache import CLOSED

        self._cache.close()
        self._cache = CLOSED

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<TokenSource {self.provider!r}>"


def cache_of(source: TokenSource) -> "Cache | ClosedCache":
    """The cache of a source, for what puts its token on requests."""
    return source._cache
