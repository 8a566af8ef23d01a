"""Calls of every public name as users write them, for mypy and pyright. Nothing runs this file.

``assert_type`` states what a user gets. A ``type: ignore`` states that a call must be an error: mypy reports it if it is none.
"""

import ssl
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, assert_type
from uuid import UUID

import aiohttp
import httpx
import httpx2
import pytest
import requests

import paygrant
from paygrant import (
    AlternativePayments,
    ClientCertificate,
    ClientCredentials,
    ConfigurationError,
    Cryptofuse,
    Entry,
    FileStore,
    InvalidClient,
    MalformedResponse,
    MemoryStore,
    PaygrantError,
    Provider,
    ProviderUnavailable,
    RateLimited,
    RedisStore,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    Signer,
    SigningKey,
    SpecProvider,
    Store,
    Token,
    TokenAuth,
    TokenError,
    TokenRequestRejected,
    TokenSource,
    UnsignedRequest,
    basic_credentials,
    providers,
    ripple_audience,
)
from paygrant.adapters.aiohttp import TokenAuth as AiohttpAuth
from paygrant.adapters.httpx2 import TokenAuth as Httpx2Auth
from paygrant.adapters.requests import TokenAuth as RequestsAuth
from paygrant.sandbox import Client, Sandbox
from paygrant.store_contract import StoreContract
from paygrant_clients import ripio_ramp
from paygrant_clients.ripio_widget.models import TokenResponse as WidgetResponse
from paygrant_clients.ripple.models import TokenResponse as RippleResponse

if TYPE_CHECKING:
    from redis import Redis


def read_secret() -> str:
    return Path("/run/secrets/ripple").read_text("utf-8")


class Vault:
    """A callable object that returns the secret."""

    def __call__(self) -> str:
        return "secret"


# Providers


def the_five_providers() -> list[Provider]:
    ripple = Ripple(client_id="id", client_secret="secret", tenant_id="acme", environment="test")
    assert_type(ripple.token_url, str)
    assert_type(ripple.client_secret, str | Callable[[], str])
    assert_type(ripple.base_url, str | None)
    assert_type(Ripple.from_env(), Ripple)
    assert_type(ripple_audience("test", "acme"), str)
    Ripple(client_id="id", client_secret="secret", tenant_id="acme", environment="live")  # type: ignore[arg-type]
    Ripple("id", "secret")  # type: ignore[call-arg]
    widget = RipioWidget(
        client_id="id", client_secret=read_secret, environment="sandbox", external_ref=UUID(int=1), address="0x05"
    )
    return [
        ripple,
        Ripple(client_id="id", client_secret=read_secret, audience="urn:ripplexcurrent-uat:acme", environment="uat"),
        Ripple.from_env(tenant_id="acme", environment="test"),
        RipioRamp(client_id="id", client_secret=Vault(), environment="production", basic_encoding="form"),
        widget,
        AlternativePayments(client_id="id", client_secret=lambda: "secret", environment="demo"),
        Cryptofuse(client_id="id", client_secret="secret", base_url="https://cryptofuse.example"),
    ]


def scopes(secret: Callable[[], str]) -> None:
    url = "https://auth.example.com/token"
    plain = ClientCredentials(client_id="id", client_secret=secret, token_url=url)
    assert_type(plain.scope, tuple[str, ...])
    assert_type(plain.base_url, str | None)
    ClientCredentials(client_id="id", client_secret=secret)  # type: ignore[call-arg]
    ClientCredentials(client_id="id", client_secret=secret, token_url=url, scope="read")
    ClientCredentials(client_id="id", client_secret=secret, token_url=url, scope=["read", "write"])
    ClientCredentials(client_id="id", client_secret=secret, token_url=url, scope={"read", "write"})
    ClientCredentials(client_id="id", client_secret=secret, token_url=url, scope=7)  # type: ignore[arg-type]
    ClientCredentials(
        client_id="id",
        client_secret="secret",
        token_url=url,
        auth_method="client_secret_post",
        parameters={"audience": "https://api.example.com"},
    )
    base_url = "https://cryptofuse.example"
    Cryptofuse(
        client_id="id", client_secret=secret, base_url=base_url, scope="read write", auth_method="client_secret_post"
    )
    assert_type(
        Cryptofuse(client_id="id", client_secret=secret, base_url=base_url, scope=("read",)).scope, tuple[str, ...]
    )


def generated_classes(secret: Callable[[], str]) -> None:
    ramp = RipioRamp(client_id="id", client_secret=secret, environment="sandbox")
    assert_type(ramp.environment, Literal["sandbox", "production"])
    assert_type(RipioRamp.from_env("SHOP2", environment="production", client_secret=secret), RipioRamp)
    assert_type(RipioRamp.from_env(prefix=None), RipioRamp)
    assert_type(providers.Cryptofuse.from_env(scope="read", base_url="https://cryptofuse.example"), Cryptofuse)
    assert_type(providers.Ripple.from_env(), Ripple)
    RipioRamp(client_id="id", client_secret=secret, environment="live")  # type: ignore[arg-type]
    RipioRamp(client_id="id", client_secret=secret)  # type: ignore[call-arg]
    RipioRamp.from_env(environment="live")  # type: ignore[arg-type]
    RipioRamp.from_env(environ="sandbox")  # type: ignore[call-arg]
    Cryptofuse(client_id="id", client_secret=secret, base_url="https://a.example", auth_method="body")  # type: ignore[arg-type]
    assert providers.PayPall  # type: ignore[attr-defined]


def specs() -> list[Provider]:
    def sign(request: UnsignedRequest) -> None:
        assert_type(request.client_secret, str)
        assert_type(request.body, bytes)
        assert_type(request.address, str)
        request.headers["X-Signature"] = "..."
        request.fields["assertion"] = "..."
        request.query["key"] = "..."
        request.secrets = ("...",)
        request.put("header", "X-Key", "...")

    return [
        SpecProvider("acme.yaml", client_id="id", client_secret="secret"),
        SpecProvider(Path("clients/acme"), client_id="id", client_secret="secret", base_url="https://api.example"),
        SpecProvider(ripio_ramp, client_id="id", client_secret=read_secret, environment="sandbox"),
        SpecProvider("app.yaml", client_id="id", client_secret="secret", authenticate=sign, installation_id=7),
        SpecProvider.from_env("acme.yaml"),
        SpecProvider.from_env(Path("acme.yaml"), "SHOP2", tenant="acme"),
        SpecProvider.from_env(ripio_ramp, prefix="SHOP2", environment="sandbox"),
        Ripple.from_env("SHOP2", tenant_id="acme"),
        ClientCredentials.from_env(name="shop"),
        ClientCredentials.from_env("SHOP2", body="json"),
    ]


def widget_address(widget: RipioWidget, token: Token) -> None:
    url: str = widget.widget_url(token, amount="100", crypto="USDC")
    for amount in (100, 10.5, Decimal("10.50"), None):
        url += widget.widget_url(token, flow="offramp", amount=amount, network="POLYGON", tracking_session="s-1")
    widget.widget_url("the-token")  # type: ignore[arg-type]


def basic() -> str:
    assert_type(basic_credentials("id", "secret"), str)
    return basic_credentials("id", "secret", encoding="form")


# Sources and tokens


def source_of_tokens(provider: Provider) -> None:
    with TokenSource(provider) as source:
        token = source.get()
        assert_type(token, Token)
        assert_type(source.provider, Provider)
        source.invalidate(token)
    source.close()
    TokenSource(provider, store=FileStore(), policy=RefreshPolicy(deadline=10, max_attempts=2))
    TokenSource(provider, transport=httpx.HTTPTransport(proxy="http://proxy.example", verify=False))
    TokenSource("ripple")  # type: ignore[arg-type]


async def asynchronous_source(provider: Provider) -> str:
    source = TokenSource(provider)
    token = await source.aget()
    assert_type(token, Token)
    return token.access_token


def responses(secret: str) -> None:
    ripple = TokenSource(Ripple(client_id="id", client_secret=secret, tenant_id="acme", environment="test"))
    assert_type(ripple, TokenSource[RippleResponse])
    assert_type(ripple.get(), Token[RippleResponse])
    assert_type(ripple.get().response, RippleResponse)
    print(ripple.get().response.no_such_field)  # type: ignore[attr-defined]  # noqa: T201
    widget = RipioWidget(
        client_id="id", client_secret=secret, environment="sandbox", external_ref=UUID(int=1), address="0x05"
    )
    assert_type(TokenSource(widget).get().response, WidgetResponse)
    url = "https://auth.example.com/token"
    plain = TokenSource(ClientCredentials(client_id="id", client_secret=secret, token_url=url), store=FileStore())
    assert_type(plain.get().response, Mapping[str, Any])
    described = SpecProvider("acme.yaml", client_id="id", client_secret=secret)
    assert_type(described, SpecProvider[Mapping[str, Any]])
    assert_type(TokenSource(described).get().response, Mapping[str, Any])
    generated = SpecProvider(ripio_ramp, client_id="id", client_secret=secret, environment="sandbox")
    assert_type(TokenSource(generated).get().response, Any)
    by_hand = Token("the-token", response={"user_id": 7})
    assert_type(by_hand.response, dict[str, int])


def any_source(source: TokenSource, typed: TokenSource[RippleResponse], provider: Provider[RippleResponse]) -> None:
    assert_type(source.get().response, Any)
    assert_type(TokenSource(provider).get().response, RippleResponse)
    kept: TokenSource[object] = typed  # a source gives responses, so it is one of every wider type, too
    TokenAuth(kept)
    sources: list[TokenSource] = [source, typed]
    sources[0].invalidate(typed.get())


async def typed_asynchronous_source(source: TokenSource[RippleResponse]) -> str | None:
    scope = (await source.aget()).response.scope
    return scope if isinstance(scope, str) else None


def fields_of_a_token(token: Token) -> dict[str, str]:
    assert_type(token.access_token, str)
    assert_type(token.token_type, str)
    assert_type(token.scope, tuple[str, ...])
    assert_type(token.expires_at, datetime | None)
    token.access_token = "another"  # type: ignore[misc]
    return {"Authorization": token.authorization}


# Clients


def httpx_clients(source: TokenSource) -> httpx.Client:
    TokenAuth(source, origins={"https://api.example.com"})
    TokenAuth(source, origins=["https://api.example.com", "https://eu.example.com"], rejected_statuses={401, 403})
    TokenAuth(source, rejected_statuses=[401])
    TokenAuth(source.get())  # type: ignore[arg-type]
    return httpx.Client(base_url="https://api.example.com", auth=TokenAuth(source))


async def asynchronous_httpx(source: TokenSource) -> int:
    async with httpx.AsyncClient(auth=TokenAuth(source)) as client:
        return (await client.get("https://api.example.com/payments")).status_code


def httpx2_clients(source: TokenSource) -> tuple[httpx2.Client, httpx2.AsyncClient]:
    auth = Httpx2Auth(source, origins=("https://api.example.com",))
    return httpx2.Client(auth=auth), httpx2.AsyncClient(auth=auth)


def requests_session(source: TokenSource) -> requests.Session:
    session = requests.Session()
    session.auth = RequestsAuth(source, origins={"https://api.example.com"}, rejected_statuses=[401, 403])
    requests.get("https://api.example.com/payments", auth=RequestsAuth(source), timeout=10)
    return session


async def aiohttp_session(source: TokenSource) -> None:
    auth = AiohttpAuth(source, origins={"https://api.example.com"})
    async with (
        aiohttp.ClientSession(middlewares=(auth,)) as session,
        session.get("https://api.example.com") as response,
    ):
        response.raise_for_status()


# Stores


class OwnStore:
    """A store of a user's own. It derives from nothing."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load(self, key: str) -> Entry | None:
        data = self._kept.get(key)
        return Entry.from_bytes(key, data) if data is not None else None

    def save(self, key: str, entry: Entry) -> None:
        assert_type(entry.seconds_left, float)
        assert_type(entry.until, float)
        self._kept[key] = entry.to_bytes(key)

    def discard(self, key: str, token: Token) -> None:
        entry = self.load(key)
        if entry is not None and entry.holds(token):
            del self._kept[key]

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        yield


class LockedStore:
    """A class that is no store: it has no ``save``."""

    def load(self, key: str) -> Entry | None: ...


class TestOwnStore(StoreContract):
    """The contract test, as the documentation shows it."""

    @pytest.fixture
    def store(self) -> Store:
        return OwnStore()


def stores(client: "Redis") -> list[Store]:
    key: Callable[[], str] = lambda: "a Fernet key"  # noqa: E731 - as users write it
    TokenSource(Ripple.from_env(), store=OwnStore())
    TokenSource(Ripple.from_env(), store=LockedStore())  # type: ignore[arg-type]
    RedisStore("redis://localhost").close()
    return [
        MemoryStore(),
        FileStore("tokens"),
        FileStore(Path("tokens"), key="a Fernet key"),
        FileStore(key=b"a Fernet key"),
        RedisStore("redis://localhost", key=key, timeout=1, prefix="shop:"),
        RedisStore(client),
        OwnStore(),
    ]


# Errors


def errors(source: TokenSource) -> object:
    try:
        return source.get()
    except InvalidClient as error:
        assert_type(error.error, str | None)
        assert_type(error.error_description, str | None)
    except TokenRequestRejected as error:
        assert_type(error.error, str | None)
    except RateLimited as error:
        assert_type(error.retry_after, float | None)
    except ProviderUnavailable as error:
        assert_type(error.attempts, int)
        assert_type(error.retry_after, float | None)
    except MalformedResponse as error:
        assert_type(error.status, int | None)
    except TokenError as error:
        assert_type(error.provider, str)
        assert_type(error.environment, str | None)
        assert_type(error.retryable, bool)
    except ConfigurationError as error:
        caught: ValueError = error
        assert_type(error.argument, str | None)
        return caught
    except PaygrantError as error:
        return str(error)
    return None


# Sandbox


def a_sandbox() -> None:
    with Sandbox(client=Client("id", "secret")) as sandbox:
        assert_type(sandbox.client_id, str)
        assert_type(sandbox.base_url("ripple"), str)
    with Sandbox(specs=["acme.yaml", Path("shop.yaml")], host="0.0.0.0") as sandbox:
        assert_type(sandbox.tls_url, str)
        assert_type(sandbox.acme.arguments_for("private_key_jwt", certificate=True), dict[str, Any])
        assert_type(sandbox.acme.environ_for(certificate=True), dict[str, str])
        sandbox.acme.register_key({"kty": "EC", "crv": "P-256", "x": "", "y": ""}, key_id="1")
        sandbox.acme.register_key("-----BEGIN PUBLIC KEY-----")
        sandbox.acme.expect_audience("https://auth.example")
        with sandbox.acme.clock_skew(30), sandbox.acme.nonce(10, 60, on="resource"), sandbox.acme.reject_jti(times=1):
            assert_type(sandbox.acme.requests[0].reason, str)
        sandbox.acme.respond("POST", "/v1/payments", status=201, json={"id": 7}, headers={"Location": "/v1/payments/7"})


assert_type(paygrant.__version__, str)


# Keys and certificates


def with_keys(kms: Signer) -> ClientCredentials:
    key = SigningKey("pem", key_id="k1", algorithm="PS256", password="pw")
    signer: Signer = key
    assert_type(signer.sign(b"data"), bytes)
    assert_type(key.thumbprint, str)
    certificate = ClientCertificate("client.pem", Path("client.key"), password=None)
    assert_type(certificate.ssl_context(), ssl.SSLContext)
    ClientCredentials(
        client_id="id",
        token_url="https://a.example/token",
        auth_method="tls_client_auth",
        certificate=certificate,
        dpop=True,
    )
    SpecProvider("acme.yaml", client_id="id", private_key=kms, assertion_audience="https://a.example", dpop=key)
    return ClientCredentials(
        client_id="id", token_url="https://a.example/token", auth_method="private_key_jwt", private_key=lambda: key
    )
