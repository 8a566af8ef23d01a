"""No refusal of a bad argument shows a secret, although the frames that refuse it hold the good arguments."""

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

import paygrant
from paygrant import Cryptofuse, RipioRamp, RipioWidget, Ripple, Token, TokenSource
from paygrant._providers.base import Provider
from tests.helpers.exposure import searched_refusal
from tests.helpers.providers import each_provider, make
from tests.helpers.secrets import CORES, CREDENTIALS, ID, SECRET, TOKEN


class Unhashable:
    __hash__ = None  # type: ignore[assignment]

    def __call__(self) -> str:
        return SECRET

    def __repr__(self) -> str:
        return SECRET


BAD_CREDENTIALS: list[dict[str, Any]] = [
    {"client_id": ""},
    {"client_id": None},
    {"client_id": [ID]},
    {"client_id": ID.encode()},
    {"client_id": f"{ID}\n"},
    {"client_id": f"{ID}\ud800"},
    {"client_secret": ""},
    {"client_secret": None},
    {"client_secret": {SECRET}},
    {"client_secret": SECRET.encode()},
    {"client_secret": f"{SECRET}\0"},
    {"client_secret": f"{SECRET}\ud800"},
    {"client_secret": Unhashable()},
]
BAD_ARGUMENTS: list[dict[str, Any]] = [
    {"nonsense": SECRET},
    {"base_url": ""},
    {"base_url": [SECRET]},
    {"base_url": "http://api.example"},
    {"base_url": f"https://{quote(ID, safe='')}:{quote(SECRET, safe='')}@api.example"},
    {"base_url": f"https://{ID}:{SECRET}@api.example"},
    {"base_url": f"https://{CORES[0]}/:{CORES[1]}@api.example"},
    {"base_url": f"https://api.example?secret={quote(SECRET)}"},
    {"base_url": f"https://api.example#{quote(SECRET)}"},
    {"base_url": "https://xn--zzzzzz"},
    {"base_url": "https://[::1"},
    {"base_url": "https://\ud800"},
]


@pytest.mark.parametrize("bad", [*BAD_CREDENTIALS, *BAD_ARGUMENTS], ids=ascii)
@each_provider
def test_no_refused_argument_of_a_provider_is_shown(kind: type[Provider], bad: dict[str, Any]) -> None:
    [argument] = bad
    assert searched_refusal(lambda: make(kind, **{**CREDENTIALS, **bad})).argument in {argument, None}


@each_provider
def test_no_wrong_signature_of_a_provider_shows_a_secret(kind: Any) -> None:
    searched_refusal(lambda: kind(ID, SECRET))
    searched_refusal(lambda: kind(client_id=ID))
    searched_refusal(lambda: kind(client_secret=SECRET))
    searched_refusal(lambda: kind(**CREDENTIALS, environment="nowhere", base_url=None))


@pytest.mark.parametrize(
    ("kind", "bad"),
    [
        (Ripple, {"tenant_id": None}),
        (Ripple, {"tenant_id": f"{SECRET} {SECRET}"}),
        (Ripple, {"tenant_id": [SECRET]}),
        (Ripple, {"audience": "urn:ripplexcurrent-test:acme"}),
        (Ripple, {"tenant_id": None, "audience": SECRET}),
        (Ripple, {"tenant_id": None, "audience": "urn:ripplexcurrent-prod:acme"}),
        (RipioWidget, {"external_ref": SECRET}),
        (RipioWidget, {"external_ref": 5}),
        (RipioWidget, {"address": f"{SECRET}:"}),
        (RipioWidget, {"client_id": f"{ID}:"}),
        (Cryptofuse, {"client_id": f"{ID}:", "basic_encoding": "plain"}),
        (Cryptofuse, {"basic_encoding": "rot13"}),
        (Cryptofuse, {"auth_method": "thin air"}),
        (Cryptofuse, {"scope": 5}),
        (Cryptofuse, {"scope": ["Zoë"]}),
        (RipioRamp, {"environment": 5}),
    ],
    ids=ascii,
)
def test_no_refused_argument_of_one_provider_is_shown(kind: type[Provider], bad: dict[str, Any]) -> None:
    searched_refusal(lambda: make(kind, **{**CREDENTIALS, **bad}))


FROM_ENV = {
    "RIPPLE_CLIENT_ID": ID,
    "RIPPLE_CLIENT_SECRET": SECRET,
    "RIPPLE_ENVIRONMENT": "test",
    "RIPPLE_TENANT_ID": "a",
}


@pytest.mark.parametrize(
    "change",
    [
        *({name: None} for name in FROM_ENV),
        *({name: ""} for name in FROM_ENV),
        {"RIPPLE_CLIENT_ID": f"{ID}\n"},
        {"RIPPLE_CLIENT_SECRET": f"{SECRET}\n"},
        {"RIPPLE_CLIENT_SECRET": f"{SECRET}\udcff"},
        {"RIPPLE_ENVIRONMENT": "nowhere"},
        {"RIPPLE_TENANT_ID": f"{SECRET} "},
        {"RIPPLE_BASE_URL": f"https://{quote(ID, safe='')}:{quote(SECRET, safe='')}@api.example"},
        {"RIPPLE_BASE_URL": "https://xn--zzzzzz"},
        {"RIPPLE_CLIENT_SECRET_FILE": "/nowhere/secret"},
        {"RIPPLE_CLIENT_SECRET": None, "RIPPLE_CLIENT_SECRET_FILE": "/nowhere/secret"},
        {"RIPPLE_CLIENT_SECRET": None, "RIPPLE_CLIENT_SECRET_FILE": "/"},
    ],
    ids=ascii,
)
def test_no_refused_variable_is_shown(monkeypatch: pytest.MonkeyPatch, change: dict[str, str | None]) -> None:
    for name, value in {**FROM_ENV, **change}.items():
        if value is not None:
            monkeypatch.setenv(name, value)
    searched_refusal(Ripple.from_env)
    searched_refusal(lambda: Ripple.from_env(nonsense=SECRET))


@pytest.mark.parametrize("content", ["", f"{SECRET}\n{SECRET}", f"{SECRET}\xff", f"\xff{SECRET}"], ids=ascii)
def test_no_refused_secret_file_is_shown(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, content: str) -> None:
    path = tmp_path / "secret"
    path.write_bytes(content.encode("latin-1"))
    for name, value in {**FROM_ENV, "RIPPLE_CLIENT_SECRET": "", "RIPPLE_CLIENT_SECRET_FILE": str(path)}.items():
        monkeypatch.setenv(name, value)
    searched_refusal(Ripple.from_env)


def ripio_widget() -> RipioWidget:
    return make(RipioWidget, **CREDENTIALS)


def a_token_source() -> TokenSource:
    return TokenSource(ripio_widget())


untyped: Any = paygrant
widget_url: Any = ripio_widget().widget_url

BAD_CALLS: dict[str, Callable[[], object]] = {
    "basic_credentials: no secret": lambda: untyped.basic_credentials(SECRET),
    "basic_credentials: a fourth argument": lambda: untyped.basic_credentials(ID, SECRET, "plain", SECRET),
    "basic_credentials: an unknown argument": lambda: untyped.basic_credentials(ID, SECRET, nonsense=SECRET),
    "basic_credentials: an unknown encoding": lambda: untyped.basic_credentials(ID, SECRET, "rot13"),
    "basic_credentials: an encoding of another type": lambda: untyped.basic_credentials(ID, SECRET, [SECRET]),
    "basic_credentials: a colon": lambda: untyped.basic_credentials(f"{ID}:", SECRET),
    "basic_credentials: a bad id": lambda: untyped.basic_credentials(f"{ID}\n", SECRET),
    "basic_credentials: a bad secret": lambda: untyped.basic_credentials(ID, f"{SECRET}\ud800"),
    "basic_credentials: bytes": lambda: untyped.basic_credentials(ID.encode(), SECRET.encode()),
    "ripple_audience: no environment": lambda: untyped.ripple_audience(tenant_id=SECRET),
    "ripple_audience: an unknown environment": lambda: untyped.ripple_audience("nowhere", SECRET),
    "ripple_audience: no URN": lambda: untyped.ripple_audience("test", SECRET),
    "ripple_audience: a list": lambda: untyped.ripple_audience("test", [SECRET]),
    "widget_url: no token": lambda: widget_url(address=SECRET),
    "widget_url: a text": lambda: widget_url(TOKEN),
    "widget_url: an unknown flow": lambda: widget_url(Token(TOKEN), flow="up"),
    "widget_url: no amount": lambda: widget_url(Token(TOKEN), amount=-1),
    "widget_url: no address": lambda: widget_url(Token(TOKEN), address=""),
    "widget_url: an unknown argument": lambda: widget_url(Token(TOKEN), nonsense=SECRET),
    "widget_url: a second argument": lambda: widget_url(Token(TOKEN), TOKEN),
    "TokenSource: a text": lambda: untyped.TokenSource(SECRET),
    "TokenSource: a store": lambda: untyped.TokenSource(ripio_widget(), store=SECRET),
    "TokenSource: a policy": lambda: untyped.TokenSource(ripio_widget(), policy=SECRET),
    "TokenSource: a transport": lambda: untyped.TokenSource(ripio_widget(), transport=SECRET),
    "TokenSource: a second argument": lambda: untyped.TokenSource(ripio_widget(), SECRET),
    "TokenAuth: a text": lambda: untyped.TokenAuth(TOKEN),
    "TokenAuth: a token": lambda: untyped.TokenAuth(Token(TOKEN)),
    "TokenAuth: a second argument": lambda: untyped.TokenAuth(a_token_source(), TOKEN),
    "TokenAuth: an origin with a user": lambda: untyped.TokenAuth(
        a_token_source(), origins={f"https://{CORES[0]}/:{CORES[1]}@api.example"}
    ),
    "TokenAuth: an origin with a query": lambda: untyped.TokenAuth(
        a_token_source(), origins={f"https://api.example?_to={TOKEN}"}
    ),
    "TokenAuth: an origin in Punycode": lambda: untyped.TokenAuth(a_token_source(), origins=["https://xn--zzzzzz"]),
    "TokenAuth: origins": lambda: untyped.TokenAuth(a_token_source(), origins=TOKEN),
    "TokenAuth: a token among the statuses": lambda: untyped.TokenAuth(
        a_token_source(), rejected_statuses=[Token(TOKEN)]
    ),
    "RefreshPolicy: an argument": lambda: untyped.RefreshPolicy(SECRET),
    "RefreshPolicy: an unknown argument": lambda: untyped.RefreshPolicy(nonsense=SECRET),
}


@pytest.mark.parametrize("call", BAD_CALLS.values(), ids=BAD_CALLS)
def test_no_refused_argument_of_a_public_call_is_shown(call: Callable[[], object]) -> None:
    searched_refusal(call)
