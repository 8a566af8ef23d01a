"""Members of an enumeration of strings count as their values wherever a string counts, and not as their names."""

from collections.abc import Callable, Mapping
from enum import Enum
from pathlib import Path
from typing import Any

import pytest

from paygrant import (
    ClientCredentials,
    Cryptofuse,
    RipioWidget,
    SpecProvider,
    Token,
    UnsignedRequest,
    basic_credentials,
    ripple_audience,
)
from paygrant._providers.base import Provider, registration_of
from paygrant._request.build import build_request
from tests.helpers.providers import ARGUMENTS, CLIENT_ID, CLIENT_SECRET, USER, each_provider, make

CREDENTIALS: dict[str, Any] = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET}
CUSTOM = Path(__file__).parents[1] / "endpoints/custom/signed_app.yaml"
ZOOM = Path(__file__).parents[1] / "endpoints/zoom.yaml"


def member(value: Any) -> Any:
    """A member of an enumeration with this value, if it is a string. A mapping or a list of such, if it is one."""
    several: Any = value
    if isinstance(value, Mapping):
        return {member(name): member(several[name]) for name in several}
    if isinstance(value, list):
        return [member(each) for each in several]
    make_enumeration: Any = Enum
    return make_enumeration("Names", {"NAME": value}, type=str).NAME if isinstance(value, str) else value


def sent(provider: Provider) -> tuple[object, ...]:
    registration = registration_of(provider)
    request = build_request(registration, registration.credentials(), "plain")
    return registration.name, registration.environment, request.address, request.headers, request.body, repr(provider)


@each_provider
def test_the_five_providers_take_members(kind: type[Provider]) -> None:
    arguments = {**CREDENTIALS, **ARGUMENTS[kind]}
    assert sent(kind(**member(arguments))) == sent(kind(**arguments))


@pytest.mark.parametrize("auth_method", ["client_secret_basic", "client_secret_post"])
@pytest.mark.parametrize("body", ["form", "json"])
@pytest.mark.parametrize("secret", [CLIENT_SECRET, lambda: member(CLIENT_SECRET)], ids=["a string", "a callable"])
def test_client_credentials_take_members(auth_method: str, body: str, secret: str | Callable[[], str]) -> None:
    arguments = {
        "client_id": CLIENT_ID,
        "token_url": "https://auth.example/token?tenant=7",
        "scope": ["read", "write"],
        "parameters": {"audience": "https://api.example"},
        "auth_method": auth_method,
        "body": body,
        "name": "shop",
    }
    provider = ClientCredentials(**member(arguments), client_secret=member(secret))
    assert sent(provider) == sent(ClientCredentials(**arguments, client_secret=CLIENT_SECRET))  # type: ignore[arg-type]


def test_an_argument_of_a_spec_may_be_a_member() -> None:
    arguments: dict[str, Any] = {**CREDENTIALS, "account_id": "an-account"}
    assert sent(SpecProvider(ZOOM, **member(arguments))) == sent(SpecProvider(ZOOM, **arguments))


def test_a_function_that_computes_the_credentials_may_leave_members() -> None:
    def sign(request: UnsignedRequest) -> None:
        request.headers["X-Kind"] = member("signed")
        request.query["kind"] = member("signed")

    provider = SpecProvider(CUSTOM, **CREDENTIALS, authenticate=sign, installation_id=7)
    registration = registration_of(provider)
    request = build_request(registration, registration.credentials(), "plain")
    assert request.headers["X-Kind"] == "signed"
    assert request.address.endswith("?kind=signed")


def test_functions_take_members() -> None:
    assert basic_credentials(**member(CREDENTIALS)) == basic_credentials(CLIENT_ID, CLIENT_SECRET)
    assert ripple_audience(member("test"), member("acme")) == ripple_audience("test", "acme")
    widget = make(RipioWidget, external_ref=USER)
    texts: dict[str, Any] = {"address": "0x05", "network": "POLYGON", "amount": "10", "crypto": "USDC"}
    token = Token("the-token")
    assert widget.widget_url(token, **member(texts)) == widget.widget_url(token, **texts)


def test_a_token_may_be_a_member() -> None:
    token = Token(member("the-token"), member("Bearer"))
    assert (token, type(token.access_token), token.authorization) == (Token("the-token"), str, "Bearer the-token")


def test_scopes_of_a_set_of_members_are_plain_strings() -> None:
    provider = make(Cryptofuse, scope={member("write"), member("read")})
    assert provider.scope == ("read", "write")
    assert {type(each) for each in provider.scope} == {str}
