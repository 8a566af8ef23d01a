"""Typed token clients for payment providers: tokens are fetched once, kept, attached, and replaced after a 401.

    import httpx
    from paygrant import Ripple, TokenAuth, TokenSource

    source = TokenSource(Ripple(client_id=..., client_secret=..., tenant_id="acme", environment="test"))
    api = httpx.Client(base_url="https://...", auth=TokenAuth(source))

A name is loaded when it is first used: ``import paygrant`` costs next to nothing.
"""

TYPE_CHECKING = False  # a type checker takes it for true; typing itself is not needed here

if TYPE_CHECKING:
    from paygrant._alternative_payments import AlternativePayments
    from paygrant._auth import TokenAuth
    from paygrant._basic import basic_credentials
    from paygrant._cryptofuse import Cryptofuse
    from paygrant._described import ClientCredentials
    from paygrant._draft import Draft
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
    from paygrant._file_store import FileStore
    from paygrant._policy import RefreshPolicy
    from paygrant._provider import Provider
    from paygrant._redis_store import RedisStore
    from paygrant._ripio import RipioRamp, RipioWidget
    from paygrant._ripple import Ripple, ripple_audience
    from paygrant._source import TokenSource
    from paygrant._stores import MemoryStore
    from paygrant._token import Token

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
    "_alternative_payments": ["AlternativePayments"],
    "_auth": ["TokenAuth"],
    "_basic": ["basic_credentials"],
    "_cryptofuse": ["Cryptofuse"],
    "_described": ["ClientCredentials"],
    "_draft": ["Draft"],
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
    "_file_store": ["FileStore"],
    "_policy": ["RefreshPolicy"],
    "_provider": ["Provider"],
    "_redis_store": ["RedisStore"],
    "_ripio": ["RipioRamp", "RipioWidget"],
    "_ripple": ["Ripple", "ripple_audience"],
    "_source": ["TokenSource"],
    "_stores": ["MemoryStore"],
    "_token": ["Token"],
}
_HOME = {name: module for module, names in _MODULES.items() for name in names}


def __getattr__(name: str) -> object:
    from importlib import import_module  # noqa: PLC0415 - not needed before

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
    return value


def __dir__() -> list[str]:
    return __all__
