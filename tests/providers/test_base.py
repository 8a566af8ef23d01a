"""What all providers have in common: a bad credential, environment or base URL is refused before anything is sent."""

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, cast

import httpx
import pytest

from paygrant import (
    AlternativePayments,
    ConfigurationError,
    Cryptofuse,
    FileStore,
    MemoryStore,
    RipioRamp,
    RipioWidget,
    Ripple,
    TokenSource,
)
from paygrant._providers.base import Provider, registration_of
from paygrant._providers.keyed import KeyedProvider
from paygrant.doctor import diagnose
from tests.helpers.arguments import BAD_TEXTS, refusal
from tests.helpers.providers import ARGUMENTS, BASIC_PROVIDERS, ask, each_provider, each_with_environments, make
from tests.helpers.servers import Server

# Credentials and environment


@each_provider
@pytest.mark.parametrize("argument", ["client_id", "client_secret"])
@pytest.mark.parametrize(("value", "fault"), BAD_TEXTS)
def test_an_id_and_a_secret_must_be_strings_that_can_be_sent(
    kind: type[Provider], argument: str, value: Any, fault: str
) -> None:
    text = refusal(lambda: make(kind, **{argument: value}), argument)
    if (
        kind not in {Ripple, RipioWidget}
        and argument == "client_secret"
        and fault in {"is empty", "is of type NoneType"}
    ):
        assert text == "client_secret: is missing; expected the client's secret, or a callable that returns it"
    else:
        assert text.startswith(f"{argument}: {fault}; expected a non-empty string without control characters")


@pytest.mark.parametrize("value", ["canary\nsecret", 123456789, b"canary-secret"])
def test_a_refused_secret_is_not_shown(value: Any) -> None:
    text = refusal(lambda: make(Ripple, client_secret=value), "client_secret")
    assert "canary" not in text
    assert "123456789" not in text


@pytest.mark.parametrize("kind", BASIC_PROVIDERS)
@pytest.mark.parametrize("encoding", ["auto", "plain"])
def test_a_colon_in_a_plain_basic_client_id_is_refused(kind: type[Provider], encoding: str) -> None:
    text = refusal(lambda: make(kind, client_id="a:b", basic_encoding=encoding), "client_id")
    assert text.startswith("client_id: holds ':'; expected a non-empty string")


def test_a_colon_in_a_client_id_is_accepted_outside_plain_basic() -> None:
    assert make(Cryptofuse, client_id="a:b", basic_encoding="form")
    assert make(Cryptofuse, client_id="a:b", auth_method="client_secret_post")
    assert make(Ripple, client_id="a:b")


def test_a_colon_in_a_secret_is_accepted() -> None:
    assert make(Cryptofuse, client_secret="a:b")


@each_with_environments
@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (None, "is missing"),
        ("", "is ''"),
        ("staging", "is 'staging'"),
        ("Production", "is 'Production'"),
        (1, "is of type int"),
        (["test"], "is of type list"),
    ],
)
def test_an_unknown_environment_is_refused(kind: type[Provider], known: str, value: Any, fault: str) -> None:
    text = refusal(lambda: make(kind, environment=value), "environment")
    assert text == f"environment: {fault}; expected one of: {known}"


@each_with_environments
def test_an_environment_has_no_default(kind: type[Provider], known: str) -> None:
    arguments = {name: value for name, value in ARGUMENTS[kind].items() if name != "environment"}
    text = refusal(lambda: kind(client_id="a", client_secret="b", **arguments), "environment")
    assert text == f"environment: is missing; expected one of: {known}"


@each_with_environments
def test_every_known_environment_is_accepted(kind: type[Provider], known: str) -> None:
    for environment in known.split(", "):
        provider = make(kind, environment=environment)
        assert registration_of(provider).environment == environment
        assert provider.token_url.startswith("https://")


@pytest.mark.parametrize("kind", BASIC_PROVIDERS)
@pytest.mark.parametrize("value", ["base64", "Plain", "", 7, []])
def test_an_unknown_basic_encoding_is_refused(kind: type[Provider], value: Any) -> None:
    text = refusal(lambda: make(kind, basic_encoding=value), "basic_encoding")
    assert text.endswith("; expected one of: auto, plain, form")


# Base URLs

BAD_BASE_URLS = [
    ("http://auth.example.com", "is plain http to 'auth.example.com'"),
    ("http://10.0.0.1:8000", "is plain http to '10.0.0.1'"),
    ("http://0.0.0.0", "is plain http to '0.0.0.0'"),
    ("http://[2001:db8::1]", "is plain http to '2001:db8::1'"),
    ("http://localhost.example.com", "is plain http to 'localhost.example.com'"),
    ("http://127.0.0.1.example.com", "is plain http to '127.0.0.1.example.com'"),
    ("https://name:password@auth.example.com", "holds a user, a query or a fragment"),
    ("https://name@auth.example.com", "holds a user, a query or a fragment"),
    ("https://auth.example.com?", "holds a user, a query or a fragment"),
    ("https://auth.example.com/?tenant=1", "holds a user, a query or a fragment"),
    ("https://auth.example.com/#top", "holds a user, a query or a fragment"),
    ("https://auth.example.com:0", "names the port 0"),
    ("https://auth.example.com:65536", "names the port 65536"),
    ("https://auth.example.com:port", "is not a URL"),
    ("https://auth.example.com\n", "is not a URL"),
    ("https://[::1", "is not a URL"),
    ("", "is not an https URL"),
    ("auth.example.com", "is not an https URL"),
    ("//auth.example.com", "is not an https URL"),
    ("https://", "is not an https URL"),
    ("https:///o/token/", "is not an https URL"),
    ("ftp://auth.example.com", "is not an https URL"),
    ("file:///etc/passwd", "is not an https URL"),
    (" https://auth.example.com", "is not an https URL"),
    ("https://auth.example.com ", "is not an https URL"),
    ("https://auth example.com", "is not an https URL"),
    (7, "is of type int"),
    (b"https://auth.example.com", "is of type bytes"),
    (httpx.URL("https://auth.example.com"), "is of type URL"),
]


@each_provider
@pytest.mark.parametrize(("value", "fault"), BAD_BASE_URLS)
def test_a_bad_base_url_is_refused(kind: type[Provider], value: Any, fault: str) -> None:
    text = refusal(lambda: make(kind, base_url=value), "base_url")
    assert text == (
        f"base_url: {fault}; expected https://host[:port][/path] (plain http on loopback only), "
        "without user, query and fragment"
    )


def test_a_password_in_a_base_url_is_not_shown() -> None:
    assert "pa55" not in refusal(lambda: make(Cryptofuse, base_url="https://name:pa55@example.com"), "base_url")


@pytest.mark.parametrize(
    ("given", "token_url"),
    [
        ("https://auth.example.com", "https://auth.example.com/o/token/"),
        ("https://auth.example.com/", "https://auth.example.com/o/token/"),
        ("https://auth.example.com//", "https://auth.example.com/o/token/"),
        ("HTTPS://Auth.Example.COM", "https://auth.example.com/o/token/"),
        ("https://auth.example.com:443", "https://auth.example.com/o/token/"),
        ("https://auth.example.com:8443/Gateway/", "https://auth.example.com:8443/Gateway/o/token/"),
        ("https://bücher.example", "https://xn--bcher-kva.example/o/token/"),
        ("http://127.0.0.1:8000", "http://127.0.0.1:8000/o/token/"),
        ("http://127.1.2.3", "http://127.1.2.3/o/token/"),
        ("http://localhost:8000", "http://localhost:8000/o/token/"),
        ("HTTP://LOCALHOST", "http://localhost/o/token/"),
        ("http://[::1]:8000", "http://[::1]:8000/o/token/"),
    ],
)
def test_a_base_url_is_normalized(given: str, token_url: str) -> None:
    assert make(Cryptofuse, base_url=given).token_url == token_url


def test_a_base_url_replaces_the_environments_host() -> None:
    assert make(Ripple).token_url == "https://auth-test.rnc.ripplenet.com/oauth/token"
    assert make(Ripple, base_url="https://gateway.example").token_url == "https://gateway.example/oauth/token"


# The signature


@each_provider
def test_the_error_for_a_wrong_signature_lists_the_arguments(kind: type[Provider]) -> None:
    construct = cast("Callable[..., object]", kind)
    names = ", ".join(field.name for field in dataclasses.fields(kind))
    for argument in ("client_id", "client_secret"):
        given = {"client_id": "a", "client_secret": "b", **ARGUMENTS[kind]}
        del given[argument]
        text = refusal(functools.partial(construct, **given), argument)
        assert text == f"{argument}: is missing; expected the arguments {names}"
    with pytest.raises(
        ConfigurationError, match=f"too many positional arguments; expected the arguments {names}, by keyword$"
    ):
        construct("a", "b")
    with pytest.raises(ConfigurationError, match=f"keyword argument 'secret'; expected the arguments {names}"):
        make(kind, secret="b")


# Nothing is sent


BAD_ARGUMENTS: list[tuple[type[Provider], dict[str, Any], str]] = [
    (Cryptofuse, {"client_id": ""}, "client_id"),
    (Cryptofuse, {"client_id": "a:b"}, "client_id"),
    (Cryptofuse, {"client_secret": "a\nb"}, "client_secret"),
    (Cryptofuse, {"scope": "read  write"}, "scope"),
    (RipioRamp, {"environment": "live"}, "environment"),
    (RipioWidget, {"external_ref": "USER_1111"}, "external_ref"),
    (RipioWidget, {"address": "a:b"}, "address"),
    (Ripple, {"tenant_id": None}, "tenant_id"),
    (Ripple, {"tenant_id": "a b"}, "tenant_id"),
    (Ripple, {"tenant_id": None, "audience": "urn:ripplexcurrent-prod:acme"}, "audience"),
    (AlternativePayments, {"basic_encoding": "base64"}, "basic_encoding"),
]


@pytest.mark.parametrize(("kind", "bad", "argument"), BAD_ARGUMENTS)
def test_a_bad_argument_sends_nothing(kind: type[Provider], bad: dict[str, Any], argument: str, server: Server) -> None:
    refusal(lambda: ask(make(kind, base_url=server.base_url, **bad)), argument)
    assert server.seen == []


def _fails() -> str:
    raise LookupError("canary-secret")


def _refuses() -> str:
    raise ConfigurationError("client_secret: the vault is sealed; expected to open it", argument="client_secret")


@each_provider
@pytest.mark.parametrize(
    ("given", "fault"),
    [
        (lambda: "", "is empty"),
        (lambda: None, "is of type NoneType"),
        (lambda: b"canary-secret", "is of type bytes"),
        (lambda: "canary\nsecret", "holds a control character"),
        (_fails, "the callable raised LookupError"),
        (_refuses, "the vault is sealed"),
    ],
)
def test_a_callable_that_gives_no_secret_sends_nothing(
    kind: type[Provider], given: Callable[[], Any], fault: str, server: Server
) -> None:
    text = refusal(lambda: ask(make(kind, base_url=server.base_url, client_secret=given)), "client_secret")
    assert fault in text
    assert "canary" not in text
    assert server.seen == []


class _WithoutHash:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> str:
        return "secret"


class _WithABadHash(_WithoutHash):
    def __hash__(self) -> int:  # type: ignore[override]
        raise KeyError("canary")


class _MemoryStoreWithoutHash(MemoryStore):
    def __eq__(self, other: object) -> bool:
        return self is other

    __hash__ = None  # type: ignore[assignment]


async def _secret_later() -> str:
    return "canary"


class _Later:
    async def __call__(self) -> str:
        return "canary"


class _Nested:
    def __call__(self) -> object:
        return _secret_later()


class _AsyncStore(MemoryStore):
    async def load(self, key: str) -> Any:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return None


def test_a_callable_must_be_hashable() -> None:
    text = refusal(lambda: make(Ripple, client_secret=_WithoutHash()), "client_secret")
    assert text.startswith("client_secret: is of type _WithoutHash, which cannot be hashed (TypeError); expected ")
    text = refusal(lambda: make(Ripple, client_secret=_WithABadHash()), "client_secret")
    assert text.startswith("client_secret: is of type _WithABadHash, which cannot be hashed (KeyError); expected ")


@pytest.mark.parametrize("secret", [_secret_later, _Later(), functools.partial(_secret_later)])
def test_an_async_secret_is_refused(secret: Any) -> None:
    text = refusal(lambda: make(Ripple, client_secret=secret), "client_secret")
    assert text.startswith("client_secret: is an async function, which nothing would await; expected ")


def test_a_function_that_turns_out_to_be_asynchronous_is_refused(server: Server) -> None:
    provider = make(Ripple, base_url=server.base_url, client_secret=cast("Any", _Nested()))
    text = refusal(lambda: ask(provider), "client_secret")
    assert text.startswith("client_secret: the callable is asynchronous; expected ")


@pytest.mark.parametrize(
    ("store", "fault"),
    [
        (_MemoryStoreWithoutHash, "is of type _MemoryStoreWithoutHash, which cannot be hashed (TypeError)"),
        (_AsyncStore, "is an async function, which nothing would await"),
    ],
)
def test_a_store_that_cannot_be_used_is_refused(store: type[MemoryStore], fault: str) -> None:
    for call in (lambda: TokenSource(make(Ripple), store=store()), lambda: [*diagnose(Ripple, store=store())]):
        assert refusal(call, "store").startswith(f"store: {fault}; expected ")


@pytest.mark.parametrize("key", [_WithoutHash(), _Later(), _secret_later])
def test_a_key_that_cannot_be_used_is_refused(key: Any) -> None:
    refusal(lambda: FileStore("folder", key=key), "key")


# Classes that describe no endpoint


@pytest.mark.parametrize("kind", [Provider, KeyedProvider])
def test_a_class_that_describes_no_endpoint_says_so(kind: Any) -> None:
    text = refusal(lambda: kind(client_id="a", client_secret="b"), "provider")
    assert text.startswith(f"provider: {kind.__name__} describes no token endpoint; expected ")


@pytest.mark.parametrize("kind", [Provider, KeyedProvider])
def test_a_class_without_variables_of_its_own_says_so(kind: Any) -> None:
    text = refusal(kind.from_env, "from_env")
    assert text.startswith(f"from_env: {kind.__name__} has no environment variables of its own; expected ")
