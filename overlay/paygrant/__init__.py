"""Typed token clients for payment providers: tokens are fetched once, kept, attached, and replaced after a 401.

    import httpx
    from paygrant import Ripple, TokenAuth, TokenSource

    source = TokenSource(Ripple(client_id=..., client_secret=..., tenant_id="acme", environment="test"))
    api = httpx.Client(base_url="https://...", auth=TokenAuth(source))

A name is loaded when it is first used: ``import paygrant`` costs next to nothing.
"""

TYPE_CHECKING = False  # a type checker takes it for true; typing itself is not needed here

if TYPE_CHECKING:
    from paygrant._auth.httpx import TokenAuth
    from paygrant._cache.source import TokenSource
    from paygrant._errors import (
        ConfigurationError,
        InvalidClient,
        MalformedResponse,
        PaygrantError,
        ProviderUnavailable,
        RateLimited,
        TokenError,
        TokenRequestRejected,
    )
    from paygrant._providers.alternative_payments import AlternativePayments
    from paygrant._providers.base import Provider
    from paygrant._providers.cryptofuse import Cryptofuse
    from paygrant._providers.ripio import RipioRamp, RipioWidget
    from paygrant._providers.ripple import Ripple, ripple_audience
    from paygrant._providers.spec_provider import ClientCredentials
    from paygrant._request.build import Draft
    from paygrant._request.client_auth import basic_credentials
    from paygrant._stores.base import MemoryStore
    from paygrant._stores.file import FileStore
    from paygrant._stores.redis import RedisStore
    from paygrant._tokens.policy import RefreshPolicy
    from paygrant._tokens.token import Token

__all__ = [
    "AlternativePayments",
    "ClientCredentials",
    "ConfigurationError",
    "Cryptofuse",
    "Draft",
    "FileStore",
    "InvalidClient",
    "MalformedResponse",
    "MemoryStore",
    "PaygrantError",
    "Provider",
    "ProviderUnavailable",
    "RateLimited",
    "RedisStore",
    "RefreshPolicy",
    "RipioRamp",
    "RipioWidget",
    "Ripple",
    "Token",
    "TokenAuth",
    "TokenError",
    "TokenRequestRejected",
    "TokenSource",
    "basic_credentials",
    "ripple_audience",
]

_MODULES = {
    "_providers.alternative_payments": ["AlternativePayments"],
    "_auth.httpx": ["TokenAuth"],
    "_request.client_auth": ["basic_credentials"],
    "_providers.cryptofuse": ["Cryptofuse"],
    "_providers.spec_provider": ["ClientCredentials"],
    "_request.build": ["Draft"],
    "_errors": [
        "ConfigurationError",
        "InvalidClient",
        "MalformedResponse",
        "PaygrantError",
        "ProviderUnavailable",
        "RateLimited",
        "TokenError",
        "TokenRequestRejected",
    ],
    "_stores.file": ["FileStore"],
    "_tokens.policy": ["RefreshPolicy"],
    "_providers.base": ["Provider"],
    "_stores.redis": ["RedisStore"],
    "_providers.ripio": ["RipioRamp", "RipioWidget"],
    "_providers.ripple": ["Ripple", "ripple_audience"],
    "_cache.source": ["TokenSource"],
    "_stores.base": ["MemoryStore"],
    "_tokens.token": ["Token"],
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
