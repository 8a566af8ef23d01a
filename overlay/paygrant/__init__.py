"""Typed token clients for payment providers: tokens are fetched once, kept, attached, and replaced after a 401.

    import httpx
    from paygrant import Ripple, TokenAuth, TokenSource

    source = TokenSource(Ripple(client_id=..., client_secret=..., tenant_id="acme", environment="test"))
    api = httpx.Client(base_url="https://...", auth=TokenAuth(source))

A name is loaded when it is first used, so ``import paygrant`` costs almost nothing.
"""

__version__ = "0.1.0"
"""The version. It is written only here: the build reads it from this line."""

TYPE_CHECKING = False  # type checkers take it for true, and so the module typing is not needed here

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
    from paygrant._providers.base import Provider
    from paygrant._providers.client_credentials import ClientCredentials
    from paygrant._providers.ripio import RipioWidget
    from paygrant._providers.ripple import Ripple, ripple_audience
    from paygrant._providers.spec_provider import SpecProvider
    from paygrant._request.certificate import ClientCertificate
    from paygrant._request.client_auth import basic_credentials
    from paygrant._request.signing_key import Signer, SigningKey
    from paygrant._request.unsigned import UnsignedRequest
    from paygrant._stores.base import Entry, Store
    from paygrant._stores.file import FileStore
    from paygrant._stores.memory import MemoryStore
    from paygrant._stores.redis import RedisStore
    from paygrant._tokens.policy import RefreshPolicy
    from paygrant._tokens.token import Token
    from paygrant_clients import AlternativePayments, Cryptofuse, RipioRamp

__all__ = [
    "AlternativePayments",
    "ClientCertificate",
    "ClientCredentials",
    "ConfigurationError",
    "Cryptofuse",
    "Entry",
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
    "Signer",
    "SigningKey",
    "SpecProvider",
    "Store",
    "Token",
    "TokenAuth",
    "TokenError",
    "TokenRequestRejected",
    "TokenSource",
    "UnsignedRequest",
    "basic_credentials",
    "ripple_audience",
]

_MODULES = {
    "_auth.httpx": ["TokenAuth"],
    "_cache.source": ["TokenSource"],
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
    "_providers.base": ["Provider"],
    "_providers.client_credentials": ["ClientCredentials"],
    "_providers.ripio": ["RipioWidget"],
    "_providers.ripple": ["Ripple", "ripple_audience"],
    "_providers.spec_provider": ["SpecProvider"],
    "_request.certificate": ["ClientCertificate"],
    "_request.signing_key": ["Signer", "SigningKey"],
    "_request.unsigned": ["UnsignedRequest"],
    "_request.client_auth": ["basic_credentials"],
    "_stores.base": ["Entry", "Store"],
    "_stores.file": ["FileStore"],
    "_stores.memory": ["MemoryStore"],
    "_stores.redis": ["RedisStore"],
    "_tokens.policy": ["RefreshPolicy"],
    "_tokens.token": ["Token"],
}
_MODULE_OF = {name: module for module, names in _MODULES.items() for name in names}

_GENERATED = {"AlternativePayments", "Cryptofuse", "RipioRamp"}
"""Generated classes that are public here as well. ``paygrant.providers`` has all of them."""


def __getattr__(name: str) -> object:
    from importlib import import_module

    value: object
    if name in _GENERATED:
        value = generated = getattr(import_module("paygrant_clients"), name)
        generated.__module__ = __name__  # errors and documents name it as users import it
    elif name in _MODULE_OF:
        value = getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
    else:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
