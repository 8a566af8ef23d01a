"""TokenSource: a provider's token, requested when it is first needed, and kept."""

from collections.abc import Hashable
from types import TracebackType
from typing import TYPE_CHECKING, Generic, Self, cast

from paygrant import _clock
from paygrant._arguments import check_text, check_type, checked, invalid_argument
from paygrant._errors import ConfigurationError
from paygrant._tokens.policy import RefreshPolicy
from paygrant._tokens.token import R_co, Token

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from paygrant._cache.cache import Cache, ClosedCache
    from paygrant._providers.base import Provider
    from paygrant._request.dpop import Prover
    from paygrant._stores.base import Store


class TokenSource(Generic[R_co]):
    """Hands out a provider's access token: from memory while it lives, else by one request for all callers.

    Threads, asyncio and trio may share a source. Sources with equal arguments share one token. If the provider's spec says
    that each token may be used once, each call requests a token of its own.

    Args:
        provider: The provider, with its credentials.
        store: Where tokens are kept. The default is this process's memory. It is always that, if the provider's spec says
            that tokens must not be persisted.
        policy: The numbers that steer a token's life.
        transport: Carries the token request, for a proxy, a TLS context or a client certificate of your own. The
            source does not close it. Without one, the proxies of the environment apply.
        transport_name: Names what the transport adds to the token, such as the client certificate. Sources with equal
            names may share a token, in other processes too. Without a name, a transport shares its tokens with no other.

    Raises:
        ConfigurationError: An argument is bad or missing.
    """

    __module__ = "paygrant"
    __slots__ = (
        "__weakref__",
        "_cache",
        "_meter",
        "_monotonic",
        "_policy",
        "_store",
        "_transport",
        "_transport_name",
        "provider",
    )

    @checked
    def __init__(
        self,
        provider: "Provider[R_co]",
        *,
        store: "Store | None" = None,
        policy: RefreshPolicy = RefreshPolicy(),  # noqa: B008 - frozen
        transport: "httpx.BaseTransport | None" = None,
        transport_name: str | None = None,
    ) -> None:
        import httpx

        from paygrant._cache.registry import cache_for
        from paygrant._providers.base import Provider, registration_of
        from paygrant._stores.base import check_store

        check_type("provider", provider, Provider, "a provider, such as Ripple(...)")
        check_store("store", store)
        check_type("policy", policy, RefreshPolicy, "a RefreshPolicy")
        check_type("transport", transport, httpx.BaseTransport | None, "an httpx.BaseTransport")
        if not isinstance(store, Hashable):
            raise invalid_argument("store", "cannot be hashed", "a store with __hash__, or without __eq__")
        if transport_name is not None:
            transport_name = check_text("transport_name", transport_name)
            if transport is None:
                raise invalid_argument("transport_name", "is given without a transport", "a transport to name")
        registration = registration_of(provider)
        if transport is not None and registration.certificate is not None:
            fault = "is given together with the provider's certificate"
            raise invalid_argument("transport", fault, "one of the two: a transport has a TLS context of its own")
        if transport is None and registration.lacks_certificate:
            expected = "a ClientCertificate, a transport that shows one, or the base_url of a proxy that does"
            raise invalid_argument("certificate", "is missing, and the provider wants one", expected)
        self.provider = provider
        self._store = store
        self._policy = policy
        self._transport = transport
        self._transport_name = transport_name
        cache = cache_for(provider, registration, store, policy, transport, transport_name)
        self._cache: Cache | ClosedCache = cache
        self._meter = cache.meter
        self._monotonic = _clock.monotonic

    def get(self) -> Token[R_co]:
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

    async def aget(self) -> Token[R_co]:
        """The token, like ``get``, without blocking the event loop (asyncio or trio)."""
        if (token := fresh_token(self)) is not None:
            return token
        found = self._cache.token()
        return found if isinstance(found, Token) else await found.wait_async()

    @checked
    def invalidate(self, token: Token) -> None:
        """Drop this very token, if it is still the current one. The next call requests a new one.

        Raises:
            ConfigurationError: This is not a Token.
        """
        check_type("token", token, Token, "a Token")
        self._cache.invalidate(token)

    @checked
    def dpop_proof(self, token: Token, method: str, url: str, *, nonce: str | None = None) -> str:
        """A new DPoP proof for an API call, for those who build requests themselves (RFC 9449 section 7).

        It goes into the header ``DPoP``, beside ``Authorization: DPoP ...``. Each call needs a proof of its own.

        Args:
            token: The token that the call carries.
            method: The HTTP method, such as POST. The proof has it in upper case.
            url: The whole address of the call. Query, fragment, user name and password stay out of the proof.
            nonce: The header ``DPoP-Nonce`` of the API's last response (RFC 9449 section 9). Later proofs for this
                origin hold it, too. None: the one that is known already, if there is one.

        Raises:
            ConfigurationError: An argument is bad, the provider's tokens are bound to no key, or the key's device did not
                sign by the deadline.
        """
        from paygrant._providers.base import registration_of
        from paygrant._request.dpop import absolute
        from paygrant._request.signing_key import SigningKey

        check_type("token", token, Token, "a Token")
        check_text("method", method)
        url = absolute("url", check_text("url", url))
        if nonce is not None:
            check_text("nonce", nonce)
        key = registration_of(self.provider).proof_key
        if key is None:
            raise invalid_argument("source", "has a provider without dpop", "a provider with dpop=True or a SigningKey")
        if isinstance(key, SigningKey):
            return self._proof(token, method, url, nonce)
        return proof_in_time(self, lambda: self._proof(token, method, url, nonce))

    def _proof(self, token: Token, method: str, url: str, nonce: str | None) -> str:
        from paygrant._providers.base import registration_of

        prover = cast("Prover", registration_of(self.provider).prover)
        prover.note_nonce(url, nonce)
        return prover.proof(method.upper(), url, token.access_token)

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

    @property
    def _arguments(self) -> "tuple[Provider, Store | None, RefreshPolicy, httpx.BaseTransport | None, str | None]":
        return self.provider, self._store, self._policy, self._transport, self._transport_name

    def __copy__(self) -> "TokenSource[R_co]":
        return _source_of(*self._arguments)

    def __deepcopy__(self, _memo: object) -> "TokenSource[R_co]":
        return _source_of(*self._arguments)  # a store and a transport are shared, as by any two sources

    def __reduce__(self) -> "tuple[Callable[..., TokenSource[R_co]], tuple[object, ...]]":
        arguments = self._arguments
        for name, value in zip(("provider", "store", "policy", "transport"), arguments, strict=False):
            _check_travels(name, value)
        return _source_of, arguments

    def __repr__(self) -> str:
        return f"<TokenSource {self.provider!r}>"


def _check_travels(argument: str, value: object) -> None:
    """Check that an argument can be pickled.

    Raises:
        ConfigurationError: It cannot. A connection, a lock or a lambda cannot travel to another process.
    """
    import pickle

    try:
        pickle.dumps(value)
    except ConfigurationError:
        raise
    except Exception as error:  # noqa: BLE001 - a user's class may raise anything
        fault = f"cannot be pickled ({type(error).__name__})"
    else:
        return
    del value
    raise invalid_argument(argument, fault, "one that can travel to another process, or a source made there")


def _source_of(
    provider: "Provider",
    store: "Store | None",
    policy: RefreshPolicy,
    transport: "httpx.BaseTransport | None",
    transport_name: str | None,
) -> TokenSource:
    """A source with these arguments: what a copied or unpickled source becomes."""
    return TokenSource(provider, store=store, policy=policy, transport=transport, transport_name=transport_name)


def proof_in_time(source: TokenSource, make: "Callable[[], str]") -> str:
    """What makes a proof, by the deadline of a source: the device with the key may not respond.

    Raises:
        ConfigurationError: It did not sign in time, or it cannot sign.
    """
    try:
        return _clock.within(source._policy.deadline, make)
    except TimeoutError:
        pass
    raise invalid_argument("dpop", "sign() did not return in time", "a signature before the deadline of the policy")


def fresh_token(source: TokenSource[R_co]) -> Token[R_co] | None:
    """The token if it is fresh, without a coroutine, which would cost an async call more than all else."""
    token, until = source._cache.held
    if source._monotonic() < until:
        source._meter.hits += 1
        return token
    return None


def cache_of(source: TokenSource) -> "Cache | ClosedCache":
    """The cache of a source, for what puts its token on requests."""
    return source._cache
