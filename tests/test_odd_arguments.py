"""Public callables with odd arguments: nothing but a ConfigurationError comes out, and no frame of it holds a secret."""

import dataclasses
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from traceback import walk_tb
from types import FrameType, ModuleType
from typing import Any, NoReturn

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import paygrant
from paygrant import (
    ClientCredentials,
    ConfigurationError,
    Entry,
    FileStore,
    MemoryStore,
    RedisStore,
    RefreshPolicy,
    RipioWidget,
    Ripple,
    SpecProvider,
    Token,
    TokenAuth,
    TokenSource,
    UnsignedRequest,
)
from paygrant._arguments import checked
from paygrant._providers.read_spec import read_checked
from paygrant.adapters import aiohttp, httpx2, requests
from tests.helpers.exposure import exposed, is_of_the_tests
from tests.helpers.providers import ARGUMENTS, make
from tests.helpers.secrets import CREDENTIALS, ID, SECRET, TOKEN


class Fiend:
    """A value whose every method raises, with the secret in its words."""

    def _raise(self, *_: object) -> NoReturn:
        raise RuntimeError(SECRET)

    __bool__ = __call__ = __contains__ = __eq__ = __float__ = __fspath__ = __getitem__ = _raise
    __hash__ = __index__ = __int__ = __iter__ = __len__ = __lt__ = __repr__ = __str__ = _raise

    def __getattr__(self, name: str) -> NoReturn:
        raise RuntimeError(SECRET)


class FiendishMapping(Mapping[str, str]):
    def __getitem__(self, key: str) -> str:
        raise RuntimeError(SECRET)

    def __iter__(self) -> Iterator[str]:
        raise RuntimeError(SECRET)

    def __len__(self) -> int:
        raise RuntimeError(SECRET)


class FiendishText(str):
    __slots__ = ()

    def __repr__(self) -> str:
        return SECRET

    def encode(self, *_: object, **__: object) -> NoReturn:
        raise RuntimeError(SECRET)


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> str:
        return SECRET


class UnhashableTransport(httpx.BaseTransport):
    __hash__ = None  # type: ignore[assignment]


class UnhashableStore:
    __hash__ = None  # type: ignore[assignment]
    load: Any = MemoryStore.load
    save = discard = lock = load


ODD: list[Any] = [
    None,
    True,
    0,
    -1,
    3,
    10**5000,
    -(10**400),
    0.5,
    float("nan"),
    float("inf"),
    1j,
    Decimal("NaN"),
    Decimal("sNaN"),
    Decimal("1e9999999"),
    Fraction(1, 3),
    "",
    " ",
    "\n",
    "\0",
    "\ud800",
    "a:b",
    "a b",
    SECRET,
    f"{SECRET}\n",
    "https://a]b/t",
    "https://[::1",
    "https://xn--zzzzzz",
    "https://a:99999/t",
    "https://a\\@b/t",
    "//a/t",
    "http://a/t",
    "redis://a:b:c",
    f"redis://:{SECRET[:9]}@[",
    f"rediss://127.0.0.1/?db={SECRET[:9]}",
    b"",
    SECRET.encode(),
    bytearray(b"a"),
    (),
    [],
    {},
    set[str](),
    [SECRET],
    (1, "a"),
    ["a", "a"],
    {"a": 1},
    {1: "a"},
    {"scope": "a"},
    {SECRET},
    frozenset({"b", 1}),
    range(3),
    iter([SECRET]),
    object(),
    object,
    str,
    Token,
    MemoryStore,
    print,
    lambda: SECRET,
    Fiend(),
    [Fiend()],
    (Fiend(),),
    {"a": Fiend()},
    FiendishMapping(),
    FiendishText("a"),
    Unhashable(),
    UnhashableTransport(),
    UnhashableStore(),
    Path("/nowhere"),
    Path("/\0"),
    Path("/dev"),
    json,
    os,
    paygrant,
    ModuleType("made_by_hand"),
    ModuleType(""),
    datetime.now(UTC),
    datetime.max.replace(tzinfo=UTC),
    Token(TOKEN),
    RefreshPolicy(),
    NotImplemented,
    ...,
    ConfigurationError("words"),
]

WIDGET = make(RipioWidget, **CREDENTIALS)
SOURCE = TokenSource(WIDGET, store=MemoryStore())
REQUEST = {"method": "POST", "url": "https://a.example", "client_id": ID, "client_secret": SECRET, "media_type": None}
OWN_SPEC = Path(__file__).parent / "endpoints/custom/signed_app.yaml"
GENERATED = Path(paygrant.__file__).parents[2] / "generated/paygrant_clients/ripple"

OWN_SPEC_READ = read_checked(OWN_SPEC)
GENERATED_READ = read_checked(GENERATED)
"""The two, read once: the reading would take most of the time."""

ANY: dict[str, Any] = dict(CREDENTIALS)
ODD_STORE: Any = Fiend()


def replacing(value: Any) -> Callable[..., object]:
    def call(**changes: Any) -> object:
        return dataclasses.replace(value, **changes)

    return call


CALLS: dict[str, tuple[Callable[..., object], dict[str, Any]]] = {
    **{kind.__name__: (kind, {**CREDENTIALS, **arguments}) for kind, arguments in ARGUMENTS.items()},
    "ClientCredentials": (ClientCredentials, {**CREDENTIALS, "token_url": "https://a.example/t"}),
    "SpecProvider": (
        SpecProvider,
        {
            **CREDENTIALS,
            "spec": OWN_SPEC_READ,
            "authenticate": print,
            "environment": "production",
            "installation_id": 7,
        },
    ),
    "SpecProvider of a folder": (
        SpecProvider,
        {**CREDENTIALS, "spec": GENERATED_READ, "environment": "test", "audience": "urn:a:b"},
    ),
    "Provider": (paygrant.Provider, CREDENTIALS),
    "TokenSource": (TokenSource, {"provider": WIDGET}),
    "TokenAuth": (TokenAuth, {"source": SOURCE}),
    "TokenAuth of httpx2": (httpx2.TokenAuth, {"source": SOURCE}),
    "TokenAuth of requests": (requests.TokenAuth, {"source": SOURCE}),
    "TokenAuth of aiohttp": (aiohttp.TokenAuth, {"source": SOURCE}),
    "RefreshPolicy": (RefreshPolicy, {}),
    "Token": (Token, {"access_token": TOKEN}),
    "UnsignedRequest": (UnsignedRequest, REQUEST),
    "Entry": (Entry, {"outcome": Token(TOKEN), "until": 1.0}),
    "MemoryStore": (MemoryStore, {}),
    "FileStore": (FileStore, {"path": "/nowhere"}),
    "RedisStore": (RedisStore, {"client_or_url": "redis://127.0.0.1:1"}),
    "basic_credentials": (paygrant.basic_credentials, CREDENTIALS),
    "ripple_audience": (paygrant.ripple_audience, {"environment": "test", "tenant_id": "acme"}),
    "widget_url": (WIDGET.widget_url, {"token": Token(TOKEN)}),
    "from_env": (Ripple.from_env, CREDENTIALS | {"environment": "test", "tenant_id": "acme"}),
    "invalidate": (SOURCE.invalidate, {"token": Token(TOKEN)}),
    "replace a provider": (replacing(WIDGET), {}),
    "replace ClientCredentials": (replacing(ClientCredentials(**ANY, token_url="https://a.example/t")), {}),
    "replace a SpecProvider": (replacing(SpecProvider(GENERATED, **ANY, environment="test", audience="urn:a:b")), {}),
    "replace a Token": (replacing(Token(TOKEN)), {}),
}

NAMES = sorted(
    {
        *("access_token", "address", "allow_any_external_ref", "amount", "audience", "authenticate", "base_url"),
        *(
            "basic_encoding",
            "client_id",
            "client_or_url",
            "client_secret",
            "auth_method",
            "crypto",
            "default_lifetime",
        ),
        *(
            "encoding",
            "environment",
            "expires_at",
            "external_ref",
            "fields",
            "flow",
            "headers",
            "installation_id",
            "key",
        ),
        *("jitter", "margin", "max_attempts", "media_type", "method", "network", "nonsense", "origins", "outcome"),
        *("parameters", "path", "policy", "prefix", "provider", "refresh_fraction", "rejected_statuses", "response"),
        *("scope", "secrets", "source", "spec", "store", "tenant_id", "timeout", "token", "token_type", "token_url"),
        *("tracking_session", "transport", "until", "url"),
    }
)


def odd_arguments() -> st.SearchStrategy[dict[str, Any]]:
    odd = (
        st.integers(0, len(ODD) - 1).map(lambda index: ODD[index])
        | st.text(max_size=12)
        | st.binary(max_size=4)
        | st.integers()
        | st.floats()
    )
    return st.dictionaries(st.sampled_from(NAMES), odd, min_size=1, max_size=2)


def is_clean(call: Callable[[], object]) -> None:
    """Whether a call works, or is refused by an error that shows nothing."""
    error = None
    try:
        call()
    except (ConfigurationError, ImportError) as refusal:
        error = refusal
    if error is not None:
        assert error.__context__ is None
        if (looks := looks_of(error)) not in SEARCHED:
            assert exposed(error) == set()
            SEARCHED.add(looks)


SEARCHED: set[object] = set()
"""The looks of errors in which nothing was found. Most odd values lead to errors that look alike."""


def looks_of(error: BaseException) -> object:
    """The words and fields of an error, and each frame that it passed, with its locals."""
    frames = [(frame.f_code, line, repr(frame.f_locals)) for frame, line in walk_tb(error.__traceback__) if ours(frame)]
    return type(error), str(error), repr(vars(error)), tuple(frames)


def ours(frame: FrameType) -> bool:
    return not is_of_the_tests(frame.f_code.co_filename)


@pytest.mark.parametrize("name", CALLS)
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.too_slow], database=None)
@given(odd=odd_arguments())
def test_an_odd_argument_is_refused_by_a_clean_error(name: str, odd: dict[str, Any]) -> None:
    call, good = CALLS[name]
    is_clean(lambda: call(**{**good, **odd}))


@pytest.mark.parametrize("name", CALLS)
def test_each_odd_value_of_each_argument_is_refused_by_a_clean_error(name: str) -> None:
    call, good = CALLS[name]
    taken = [*good, *(each for each in NAMES if each in _parameters(call)), "scope"]
    for argument in dict.fromkeys(taken):
        for value in ODD:
            if argument in {"path", "spec"} and isinstance(value, str) and value.strip() == SECRET:
                continue  # the error names the path
            is_clean(lambda argument=argument, value=value: call(**{**good, argument: value}))  # type: ignore[misc]


@pytest.mark.parametrize("name", CALLS)
def test_an_odd_call_is_refused_by_a_clean_error(name: str) -> None:
    call, good = CALLS[name]
    if name.startswith("replace"):
        return
    is_clean(lambda: call(*good.values(), SECRET, SECRET, SECRET, SECRET, SECRET, SECRET, SECRET))
    for missing in good:
        is_clean(lambda missing=missing: call(**{each: value for each, value in good.items() if each != missing}))  # type: ignore[misc]


def _parameters(call: Any) -> str:
    import inspect

    with suppress(ValueError):
        return str(inspect.signature(call))
    return ""


def test_an_unexpected_exception_names_the_argument_that_was_checked() -> None:
    with pytest.raises(ConfigurationError) as caught:
        TokenSource(WIDGET, store=ODD_STORE)
    assert caught.value.argument == "store"
    assert str(caught.value) == "store: cannot be used (RuntimeError); expected a value as documented"


def test_an_unexpected_exception_outside_of_a_check_names_the_call() -> None:
    @checked
    def length(value: Any) -> int:
        return len(value)

    with pytest.raises(ConfigurationError) as caught:
        length(7)
    assert str(caught.value) == "length: an argument cannot be used (TypeError); expected values as documented"


@pytest.mark.parametrize("odd", [{"scope": 3}, {"token_url": "https://a]b/t"}], ids=str)
def test_an_odd_argument_of_client_credentials_is_named(odd: dict[str, Any]) -> None:
    [argument] = odd
    with pytest.raises(ConfigurationError, match=f"^{argument}: .*; expected "):
        CALLS["ClientCredentials"][0](**{**ANY, "token_url": "https://a.example/t", **odd})
