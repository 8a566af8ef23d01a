"""Arguments: each bad one is refused before anything is sent, by an error that says which, why, and what is allowed."""

import dataclasses
import functools
import os
import pickle
import re
import uuid
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import httpx
import pytest

from paygrant import (
    AlternativePayments,
    ConfigurationError,
    Cryptofuse,
    MemoryStore,
    PaygrantError,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    Token,
    TokenAuth,
    TokenSource,
    basic_credentials,
    ripple_audience,
)
from paygrant._providers.base import Provider, name_of, registration_of
from tests.helpers.providers import ARGUMENTS, CLIENT_ID, CLIENT_SECRET, USER, ask, each_provider, make
from tests.helpers.servers import Server

BASIC_PROVIDERS = [RipioRamp, AlternativePayments, Cryptofuse]
TOKEN = Token("the-token")


def refusal(call: Callable[[], object], argument: str) -> str:
    """The text of the error that a call with a bad argument raises."""
    with pytest.raises(ConfigurationError) as caught:
        call()
    error = caught.value
    assert isinstance(error, ValueError)
    assert isinstance(error, PaygrantError)
    assert error.argument == argument
    text = str(error)
    assert re.search(rf"\b{argument}: ", text)
    assert "expected" in text.partition("; ")[2]
    assert (error.__cause__, error.__context__) == (None, None)
    return text


# Credentials and environment

BAD_TEXTS = [
    ("", "is empty"),
    (None, "is of type NoneType"),
    (7, "is of type int"),
    (b"bytes", "is of type bytes"),
    (["list"], "is of type list"),
    ("line\nbreak", "holds a control character"),
    ("carriage\rreturn", "holds a control character"),
    ("nul\x00", "holds a control character"),
    ("delete\x7f", "holds a control character"),
    ("next line\x85", "holds a control character"),
    ("lone surrogate \ud800", "cannot be encoded as UTF-8"),
]


@each_provider
@pytest.mark.parametrize("argument", ["client_id", "client_secret"])
@pytest.mark.parametrize(("value", "fault"), BAD_TEXTS)
def test_an_id_and_a_secret_are_texts_that_can_be_sent(
    kind: type[Provider], argument: str, value: Any, fault: str
) -> None:
    text = refusal(lambda: make(kind, **{argument: value}), argument)
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


def test_a_colon_in_a_client_id_is_fine_where_it_is_not_plain_basic() -> None:
    assert make(Cryptofuse, client_id="a:b", basic_encoding="form")
    assert make(Cryptofuse, client_id="a:b", credentials_in="body")
    assert make(Ripple, client_id="a:b")


def test_a_colon_in_a_secret_is_fine() -> None:
    assert make(Cryptofuse, client_secret="a:b")


ENVIRONMENTS = {
    RipioRamp: "sandbox, production",
    RipioWidget: "sandbox, production",
    Ripple: "test, uat, production",
    AlternativePayments: "demo, production",
}
each_with_environments = pytest.mark.parametrize(("kind", "known"), ENVIRONMENTS.items())


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
def test_an_environment_is_one_of_the_known(kind: type[Provider], known: str, value: Any, fault: str) -> None:
    text = refusal(lambda: make(kind, environment=value), "environment")
    assert text == f"environment: {fault}; expected one of: {known}"


@each_with_environments
def test_an_environment_has_no_default(kind: type[Provider], known: str) -> None:
    arguments = {name: value for name, value in ARGUMENTS[kind].items() if name != "environment"}
    text = refusal(lambda: kind(client_id="a", client_secret="b", **arguments), "environment")
    assert text == f"environment: is missing; expected one of: {known}"


@each_with_environments
def test_every_known_environment_will_do(kind: type[Provider], known: str) -> None:
    for environment in known.split(", "):
        provider = make(kind, environment=environment)
        assert registration_of(provider).environment == environment
        assert provider.token_url.startswith("https://")


def test_cryptofuse_has_no_environment() -> None:
    assert registration_of(make(Cryptofuse)).environment is None
    with pytest.raises(
        ConfigurationError, match=r"unexpected keyword argument 'environment'; expected the arguments client_id, "
    ):
        make(Cryptofuse, environment="production")


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
def test_a_base_url_is_https_and_nothing_but_a_base(kind: type[Provider], value: Any, fault: str) -> None:
    text = refusal(lambda: make(kind, base_url=value), "base_url")
    assert text == (
        f"base_url: {fault}; expected https://host[:port][/path] (plain http on loopback only), "
        "without user, query and fragment"
    )


def test_a_password_in_a_base_url_is_not_shown() -> None:
    assert "pa55" not in refusal(lambda: make(Cryptofuse, base_url="https://name:pa55@example.com"), "base_url")


@pytest.mark.parametrize("arguments", [{}, {"base_url": None}])
def test_cryptofuse_needs_a_base_url(arguments: dict[str, Any]) -> None:
    text = refusal(lambda: Cryptofuse(client_id="a", client_secret="b", **arguments), "base_url")
    assert "expected https://host" in text


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
def test_a_base_url_takes_its_normal_form(given: str, token_url: str) -> None:
    assert make(Cryptofuse, base_url=given).token_url == token_url


def test_a_base_url_takes_the_place_of_the_environments_host() -> None:
    assert make(Ripple).token_url == "https://auth-test.rnc.ripplenet.com/oauth/token"
    assert make(Ripple, base_url="https://gateway.example").token_url == "https://gateway.example/oauth/token"


# Ripple's audience


@pytest.mark.parametrize(
    ("environment", "tenant_id", "audience"),
    [
        ("test", "acme", "urn:ripplexcurrent-test:acme"),
        ("uat", "acme", "urn:ripplexcurrent-uat:acme"),
        ("production", "acme", "urn:ripplexcurrent-prod:acme"),
        ("prod", "acme", "urn:ripplexcurrent-prod:acme"),
        ("test", "rn.us.ca.san_francisco", "urn:ripplexcurrent-test:rn.us.ca.san_francisco"),
        ("test", "a:b:c", "urn:ripplexcurrent-test:a:b:c"),
        ("test", "-._~!$&'()*+,;=@", "urn:ripplexcurrent-test:-._~!$&'()*+,;=@"),
        ("test", "a%20b", "urn:ripplexcurrent-test:a%20b"),
        ("test", "acme/eu", "urn:ripplexcurrent-test:acme/eu"),
    ],
)
def test_an_audience_is_built_from_environment_and_tenant(environment: str, tenant_id: str, audience: str) -> None:
    assert ripple_audience(environment, tenant_id) == audience


BAD_TENANTS = [
    *["a b", " acme", "acme ", "a%b", "a%2", "a%zz", "acmé", "\u212aelvin", "a#b", "a?=b", "a?+b", "a\\b", 'a"b'],
    *["a<b>", "a[b]", "a{b}", "a|b", "a^b", "a`b", "/acme", ":acme", "acme:", "a::b"],
]


@pytest.mark.parametrize("tenant_id", BAD_TENANTS)
def test_a_tenant_that_makes_no_urn_is_refused_and_nothing_is_escaped(tenant_id: str) -> None:
    for call in (lambda: ripple_audience("test", tenant_id), lambda: make(Ripple, tenant_id=tenant_id)):
        text = refusal(call, "tenant_id")
        assert text.startswith("tenant_id: cannot be part of a URN; expected parts of letters, digits")


@pytest.mark.parametrize(
    ("value", "fault"), [("", "is empty"), ("a\nb", "holds a control character"), (7, "is of type int")]
)
def test_a_tenant_is_a_text(value: Any, fault: str) -> None:
    for call in (lambda: ripple_audience("test", value), lambda: make(Ripple, tenant_id=value)):
        assert fault in refusal(call, "tenant_id")


@pytest.mark.parametrize("environment", ["sandbox", "TEST", "", None])
def test_an_audience_is_of_a_known_environment(environment: Any) -> None:
    assert "expected one of: test, uat, production, prod" in refusal(
        lambda: ripple_audience(environment, "acme"), "environment"
    )


def test_ripple_needs_a_tenant_or_an_audience_and_not_both() -> None:
    audience = "urn:ripplexcurrent-test:acme"
    assert "is missing" in refusal(lambda: make(Ripple, tenant_id=None), "tenant_id")
    assert "is given together with audience" in refusal(lambda: make(Ripple, audience=audience), "tenant_id")
    assert (
        registration_of(make(Ripple, tenant_id=None, audience=audience)).arguments
        == registration_of(make(Ripple)).arguments
    )


@pytest.mark.parametrize(
    "audience",
    [
        *["urn:ripplexcurrent-test:acme", "URN:RippleXCurrent-Test:acme", "urn:ripplenetxcurrent-test:acme"],
        *["urn:another-namespace:acme", "urn:ab:c", f"urn:{'n' * 32}:acme", "urn:a-b:c/d"],
    ],
)
def test_an_audience_is_taken_as_it_is(audience: str) -> None:
    assert registration_of(make(Ripple, tenant_id=None, audience=audience)).arguments == {"audience": audience}


@pytest.mark.parametrize(
    "audience",
    [
        *["acme", "https://example.com", "urn:", "urn:acme", "urn:ripplexcurrent-test", "urn:ripplexcurrent-test:"],
        *[f"urn:{'n' * 33}:acme", "urn:a:acme", "urn:-ab:acme", "urn:ab-:acme", "urn:a_b:acme", "urn:é-b:acme"],
        *["urn:ripplexcurrent-test:a b", "urn:ripplexcurrent-test:a::b", " urn:ripplexcurrent-test:acme"],
        *["urn:ripplexcurrent-te\u017ft:acme", "urn:ripplexcurrent-test:acme?+x", "urn:ripplexcurrent-test:acme#x"],
    ],
)
def test_an_audience_that_is_no_urn_is_refused(audience: str) -> None:
    text = refusal(lambda: make(Ripple, tenant_id=None, audience=audience), "audience")
    assert text.startswith("audience: is not a URN; expected urn:ripplexcurrent-{environment}:{tenant}")


@pytest.mark.parametrize(
    ("environment", "audience", "named", "wanted"),
    [
        ("test", "urn:ripplexcurrent-prod:acme", "prod", "test"),
        ("test", "urn:ripplexcurrent-uat:acme", "uat", "test"),
        ("uat", "urn:ripplenetxcurrent-test:acme", "test", "uat"),
        ("production", "URN:RIPPLEXCURRENT-TEST:acme", "TEST", "prod"),
        ("production", "urn:ripplexcurrent-production:acme", "production", "prod"),
    ],
)
def test_an_audience_of_another_environment_is_refused(
    environment: str, audience: str, named: str, wanted: str
) -> None:
    text = refusal(lambda: make(Ripple, tenant_id=None, environment=environment, audience=audience), "audience")
    assert text == f"audience: is of the environment {named!r}; expected {wanted!r}"


# The widget's user name


@pytest.mark.parametrize("argument", ["client_id", "external_ref", "address"])
def test_a_colon_in_any_part_of_the_widgets_user_name_is_refused(argument: str) -> None:
    text = refusal(lambda: make(RipioWidget, allow_any_external_ref=True, **{argument: "a:b"}), argument)
    assert text.startswith(f"{argument}: holds ':'; expected a non-empty string")


@pytest.mark.parametrize(
    "value",
    [
        "USER_1111",
        "7f1d2a3e-5f0b-1c55-9a52-0f6a6f2f1a01",  # version 1
        "7f1d2a3e-5f0b-4c55-1a52-0f6a6f2f1a01",  # another variant
        USER.replace("-", ""),
        f"{{{USER}}}",
        f"{USER} ",
        "00000000-0000-0000-0000-000000000000",
        uuid.UUID("7f1d2a3e-5f0b-1c55-9a52-0f6a6f2f1a01"),
    ],
)
def test_an_external_ref_is_a_uuid_version_4(value: Any) -> None:
    text = refusal(lambda: make(RipioWidget, external_ref=value), "external_ref")
    assert (
        text
        == "external_ref: is not a UUID version 4; expected a UUID version 4, or any string with allow_any_external_ref=True"
    )


@pytest.mark.parametrize("value", [USER, USER.upper(), uuid.UUID(USER)])
def test_an_external_ref_may_be_a_uuid_or_its_text(value: Any) -> None:
    assert (
        registration_of(make(RipioWidget, external_ref=value)).arguments["username"].lower()
        == f"{CLIENT_ID}:{USER}:0x05"
    )


def test_any_external_ref_passes_where_it_is_allowed() -> None:
    provider = make(RipioWidget, external_ref="USER_1111", allow_any_external_ref=True)
    assert registration_of(provider).arguments == {"username": f"{CLIENT_ID}:USER_1111:0x05"}


@pytest.mark.parametrize("argument", ["external_ref", "address"])
@pytest.mark.parametrize(("value", "fault"), BAD_TEXTS)
def test_the_parts_of_the_widgets_user_name_are_texts(argument: str, value: Any, fault: str) -> None:
    assert fault in refusal(lambda: make(RipioWidget, **{argument: value}), argument)


@pytest.mark.parametrize("value", ["false", "true", 1, None, []])
def test_allow_any_external_ref_is_a_boolean(value: Any) -> None:
    text = refusal(lambda: make(RipioWidget, allow_any_external_ref=value), "allow_any_external_ref")
    assert "expected True or False" in text


# Cryptofuse's scope, and where credentials go


@pytest.mark.parametrize(
    ("value", "fault"),
    [
        (["read", ""], "holds ''"),
        ("", "holds ''"),
        ("read  write", "holds ''"),
        (["read write"], "holds 'read write'"),
        (['"read"'], "holds '\"read\"'"),
        (["a\\b"], r"holds 'a\\b'"),
        (["lesé"], "holds 'lesé'"),
        (["read\n"], r"holds 'read\n'"),
        ("read\twrite", r"holds 'read\twrite'"),
        (["read", 7], "holds 7"),
        (None, "is of type NoneType"),
        (7, "is of type int"),
        (b"read", "is of type bytes"),
        ({"read": 1}, "is of type dict"),
    ],
)
def test_a_scope_that_rfc_6749_does_not_allow_is_refused(value: Any, fault: str) -> None:
    text = refusal(lambda: make(Cryptofuse, scope=value), "scope")
    assert text.startswith(f"scope: {fault}; expected ")


@pytest.mark.parametrize("value", [("read", "write"), ["read", "write"], "read write", {"write", "read"}])
def test_a_scope_may_be_written_in_several_ways(value: Any) -> None:
    assert make(Cryptofuse, scope=value) == make(Cryptofuse)


@pytest.mark.parametrize("value", ["header", "Basic", "", None, 7])
def test_cryptofuses_credentials_go_as_basic_or_in_the_body(value: Any) -> None:
    assert "expected one of: basic, body" in refusal(lambda: make(Cryptofuse, credentials_in=value), "credentials_in")


@pytest.mark.parametrize("kind", BASIC_PROVIDERS)
@pytest.mark.parametrize("value", ["base64", "Plain", "", None, 7, []])
def test_a_basic_encoding_is_one_of_the_three(kind: type[Provider], value: Any) -> None:
    text = refusal(lambda: make(kind, basic_encoding=value), "basic_encoding")
    assert text.endswith("; expected one of: auto, plain, form")


# Basic credentials


@pytest.mark.parametrize(
    ("client_id", "client_secret", "encoding", "text"),
    [
        ("Aladdin", "open sesame", "plain", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="),  # RFC 7617 section 2
        ("test", "123£", "plain", "dGVzdDoxMjPCow=="),  # RFC 7617 section 2.1
        ("a", "b:c", "plain", "YTpiOmM="),
        ("Aladdin", "open sesame", "form", "QWxhZGRpbjpvcGVuK3Nlc2FtZQ=="),  # Aladdin:open+sesame
        (
            " %&+",
            "£€",
            "form",
            "KyUyNSUyNiUyQjolQzIlQTMlRTIlODIlQUM=",
        ),  # RFC 6749 appendix B: +%25%26%2B:%C2%A3%E2%82%AC
        ("a:b", "c:d", "form", "YSUzQWI6YyUzQWQ="),  # a%3Ab:c%3Ad
        ("Az09-._", "Az09-._", "form", "QXowOS0uXzpBejA5LS5f"),  # as plain
        ("Az09-._", "Az09-._", "plain", "QXowOS0uXzpBejA5LS5f"),
    ],
)
def test_basic_credentials_are_as_the_rfcs_have_them(
    client_id: str, client_secret: str, encoding: Any, text: str
) -> None:
    assert basic_credentials(client_id, client_secret, encoding) == text


def test_basic_credentials_are_plain_unless_told() -> None:
    assert basic_credentials("Aladdin", "open sesame") == "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="


@pytest.mark.parametrize("argument", ["client_id", "client_secret"])
@pytest.mark.parametrize(("value", "fault"), BAD_TEXTS)
@pytest.mark.parametrize("encoding", ["plain", "form"])
def test_basic_credentials_are_texts_that_can_be_sent(argument: str, value: Any, fault: str, encoding: Any) -> None:
    arguments: dict[str, Any] = {"client_id": "a", "client_secret": "b", argument: value}
    assert fault in refusal(lambda: basic_credentials(**arguments, encoding=encoding), argument)


def test_basic_credentials_refuse_a_colon_where_plain_and_an_unknown_encoding() -> None:
    assert "holds ':'" in refusal(lambda: basic_credentials("a:b", "c"), "client_id")
    encoding: Any = "auto"
    assert "expected one of: plain, form" in refusal(lambda: basic_credentials("a", "b", encoding), "encoding")


# The widget's address

PAGE = "https://b2b-widget-onramp.sandbox.ripio.com"
WIDGET = make(RipioWidget)


@pytest.mark.parametrize(
    ("environment", "options", "address"),
    [
        ("sandbox", {}, f"{PAGE}?_to=the-token"),
        ("production", {}, "https://b2b-widget-onramp.ripio.com?_to=the-token"),
        ("sandbox", {"flow": "onramp"}, f"{PAGE}?_to=the-token"),
        ("sandbox", {"flow": "offramp"}, f"{PAGE}/offramp.html?_to=the-token"),
        ("production", {"flow": "offramp"}, "https://b2b-widget-onramp.ripio.com/offramp.html?_to=the-token"),
        (
            "sandbox",
            {"tracking_session": "s 1", "crypto": "USDC", "amount": "10.50", "network": "POLYGON", "address": "0x05"},
            f"{PAGE}?_to=the-token&_addr=0x05&_net=POLYGON&_amount=10.50&_crypto=USDC&_tracking_session=s+1",
        ),
        (
            "sandbox",
            {"address": "&_to=x#é", "tracking_session": "a=b?c/d"},
            f"{PAGE}?_to=the-token&_addr=%26_to%3Dx%23%C3%A9&_tracking_session=a%3Db%3Fc%2Fd",
        ),
    ],
)
def test_a_widget_url_holds_the_token_and_what_the_page_is_to_show(
    environment: str, options: dict[str, Any], address: str
) -> None:
    assert make(RipioWidget, environment=environment).widget_url(TOKEN, **options) == address


def test_a_token_in_a_widget_url_is_escaped() -> None:
    assert WIDGET.widget_url(Token("a+b/c=&d")).endswith("?_to=a%2Bb%2Fc%3D%26d")


def test_a_widget_url_leads_to_the_page_even_where_tokens_come_from_elsewhere() -> None:
    provider = make(RipioWidget, base_url="https://gateway.example")
    assert provider.widget_url(TOKEN) == WIDGET.widget_url(TOKEN)


def test_a_widget_url_is_a_text_whose_repr_masks_the_token() -> None:
    url = WIDGET.widget_url(TOKEN, address="0x05")
    assert isinstance(url, str)
    assert str(url) == f"{url}" == f"{PAGE}?_to=the-token&_addr=0x05"
    for shown in (repr(url), f"{url!r}", repr([url]), repr(pickle.loads(pickle.dumps(url)))):
        assert PAGE in shown
        assert "the-token" not in shown
        assert "0x05" not in shown


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        (10, "10"),
        (10.5, "10.5"),
        ("10.50", "10.50"),
        (Decimal("1E+3"), "1000"),
        (1e22, "10000000000000000000000"),
        (1e-7, "0.0000001"),
    ],
)
def test_an_amount_is_written_in_plain_digits(amount: Any, shown: str) -> None:
    assert WIDGET.widget_url(TOKEN, amount=amount).endswith(f"&_amount={shown}")


@pytest.mark.parametrize(
    "amount", [0, -1, "0", "-0.01", "", "ten", "1,5", "NaN", "sNaN", "Infinity", float("inf"), True, [], b"1"]
)
def test_an_amount_is_a_positive_number(amount: Any) -> None:
    text = refusal(lambda: WIDGET.widget_url(TOKEN, amount=amount), "amount")
    assert text.endswith("; expected a positive number")


@pytest.mark.parametrize("argument", ["address", "network", "crypto", "tracking_session"])
@pytest.mark.parametrize("value", ["", 7, b"x", "a\nb", "\ud800"])
def test_what_the_page_is_to_show_is_text(argument: str, value: Any) -> None:
    refusal(lambda: WIDGET.widget_url(TOKEN, **{argument: value}), argument)


@pytest.mark.parametrize("flow", ["buy", "", None, 7])
def test_a_flow_is_one_of_the_two(flow: Any) -> None:
    assert "expected one of: onramp, offramp" in refusal(lambda: WIDGET.widget_url(TOKEN, flow=flow), "flow")


@pytest.mark.parametrize("token", ["the-token", None, Token])
def test_a_widget_url_takes_a_token_and_no_text(token: Any) -> None:
    text = refusal(lambda: WIDGET.widget_url(token), "token")
    assert "the-token" not in text


# Sources, auths, policies


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("provider", None, "a provider, such as Ripple(...)"),
        ("provider", "ripple", "a provider, such as Ripple(...)"),
        ("provider", Ripple, "a provider, such as Ripple(...)"),
        ("store", {}, "a store, such as MemoryStore()"),
        ("store", MemoryStore, "a store, such as MemoryStore()"),
        ("policy", None, "a RefreshPolicy"),
        ("policy", {"timeout": 3}, "a RefreshPolicy"),
        ("policy", RefreshPolicy, "a RefreshPolicy"),
        ("transport", "http://proxy.example", "an httpx.BaseTransport"),
        ("transport", httpx.HTTPTransport, "an httpx.BaseTransport"),
        ("transport", httpx.AsyncHTTPTransport(), "an httpx.BaseTransport"),
    ],
)
def test_a_source_takes_what_it_says(argument: str, value: Any, allowed: str) -> None:
    arguments: dict[str, Any] = {"provider": make(Cryptofuse), argument: value}
    assert refusal(lambda: TokenSource(**arguments), argument).endswith(f"; expected {allowed}")


STATUSES = "a set of whole numbers from 400 to 499"
ORIGINS = "a set of strings such as 'https://api.example.com'"


@pytest.mark.parametrize(
    ("argument", "value", "allowed"),
    [
        ("source", None, "a TokenSource"),
        ("source", make(Cryptofuse), "a TokenSource"),
        ("origins", "https://api.example.com", ORIGINS),
        ("origins", 7, ORIGINS),
        ("origins", ["https://api.example.com/v1"], ORIGINS),
        ("origins", ["api.example.com"], "https://host"),
        ("origins", ["http://api.example.com"], "https://host"),
        ("origins", ["https://name@api.example.com"], "https://host"),
        ("origins", [None], "https://host"),
        ("rejected_statuses", 401, STATUSES),
        ("rejected_statuses", None, STATUSES),
        ("rejected_statuses", [200], STATUSES),
        ("rejected_statuses", [500], STATUSES),
        ("rejected_statuses", ["401"], STATUSES),
        ("rejected_statuses", [401, True], STATUSES),
    ],
)
def test_an_auth_takes_what_it_says(argument: str, value: Any, allowed: str) -> None:
    arguments: dict[str, Any] = {"source": TokenSource(make(Cryptofuse)), argument: value}
    assert f"; expected {allowed}" in refusal(lambda: TokenAuth(**arguments), argument)


NUMBERS = [field.name for field in dataclasses.fields(RefreshPolicy) if field.type is float]


@pytest.mark.parametrize("argument", NUMBERS)
@pytest.mark.parametrize("value", [-1, -0.001, float("nan"), float("inf"), "10", None, True, 1j])
def test_a_policy_is_made_of_finite_numbers(argument: str, value: Any) -> None:
    text = refusal(lambda: RefreshPolicy(**{argument: value}), argument)
    assert text.startswith(f"{argument}: is {value!r}; expected a finite number ")


@pytest.mark.parametrize("value", [0, -1, 2.0, 1.5, float("nan"), float("inf"), "4", None, True, 1j])
def test_the_attempts_are_a_whole_number(value: Any) -> None:
    text = refusal(lambda: RefreshPolicy(max_attempts=value), "max_attempts")
    assert text == f"max_attempts: is {value!r}; expected a whole number of at least 1"
    assert RefreshPolicy(max_attempts=1)


@pytest.mark.parametrize("argument", ["timeout", "deadline", "default_lifetime"])
def test_some_times_cannot_be_nothing(argument: str) -> None:
    numbers: dict[str, Any] = {argument: 0}
    assert refusal(lambda: RefreshPolicy(**numbers), argument).endswith("expected a finite number of at least 0.001")
    numbers[argument] = 0.001
    assert getattr(RefreshPolicy(**numbers), argument) == 0.001


@pytest.mark.parametrize("argument", ["margin", "margin_fraction", "refusal_pause", "replacement_pause"])
def test_other_numbers_can(argument: str) -> None:
    numbers: dict[str, Any] = {argument: 0}
    assert getattr(RefreshPolicy(**numbers), argument) == 0


def test_a_fraction_is_at_most_one() -> None:
    assert RefreshPolicy(margin_fraction=1)
    text = refusal(lambda: RefreshPolicy(margin_fraction=1.01), "margin_fraction")
    assert text.endswith("; expected a finite number from 0 to 1")


def test_policies_are_values() -> None:
    assert RefreshPolicy(timeout=3) == RefreshPolicy(timeout=3.0) != RefreshPolicy()
    assert len({RefreshPolicy(timeout=3), RefreshPolicy(timeout=3.0)}) == 1
    with pytest.raises(ConfigurationError, match="timeout"):
        dataclasses.replace(RefreshPolicy(), timeout=0)


# Missing, unknown and positional arguments

MISFITS: dict[str, tuple[Callable[..., object], tuple[object, ...], dict[str, Any], str]] = {
    "a source without a provider": (
        TokenSource,
        (),
        {},
        "provider: is missing; expected the arguments provider, store",
    ),
    "a source of two": (
        TokenSource,
        (make(Ripple), 1),
        {},
        "too many positional arguments; expected the arguments provider, store",
    ),
    "a source with a name": (
        TokenSource,
        (make(Ripple),),
        {"name": 1},
        "keyword argument 'name'; expected the arguments provider",
    ),
    "an auth without a source": (TokenAuth, (), {}, "source: is missing; expected the arguments source, origins"),
    "an auth with a scope": (
        TokenAuth,
        (),
        {"scope": 1},
        "keyword argument 'scope'; expected the arguments source, origins",
    ),
    "a policy by position": (
        RefreshPolicy,
        (1,),
        {},
        "too many positional arguments; expected the arguments refresh_fraction, ",
    ),
    "a policy with retries": (
        RefreshPolicy,
        (),
        {"retries": 1},
        "keyword argument 'retries'; expected the arguments refresh_fraction, ",
    ),
    "an audience of nothing": (
        ripple_audience,
        (),
        {},
        "environment: is missing; expected the arguments environment, tenant_id",
    ),
    "an audience of too much": (
        ripple_audience,
        (1, 2, 3),
        {},
        "too many positional arguments; expected the arguments environment",
    ),
    "credentials of one part": (
        basic_credentials,
        ("a",),
        {},
        "client_secret: is missing; expected the arguments client_id",
    ),
    "a widget URL of nothing": (WIDGET.widget_url, (), {}, "token: is missing; expected the arguments token, flow"),
    "a widget URL by position": (
        WIDGET.widget_url,
        (TOKEN, "0x05"),
        {},
        "too many positional arguments; expected the arguments ",
    ),
    "the environment by position": (
        Ripple.from_env,
        ("test",),
        {},
        "too many positional arguments; expected the arguments ",
    ),
    "an unknown override": (
        Ripple.from_env,
        (),
        {"tenant": 1},
        "keyword argument 'tenant'; expected the arguments client_id, ",
    ),
}


@pytest.mark.parametrize(("call", "args", "kwargs", "fault"), MISFITS.values(), ids=MISFITS)
def test_a_call_that_does_not_fit_is_never_a_bare_type_error(
    call: Callable[..., object], args: tuple[object, ...], kwargs: dict[str, Any], fault: str
) -> None:
    with pytest.raises(ConfigurationError, match=re.escape(fault)):
        call(*args, **kwargs)


@each_provider
def test_a_providers_constructor_says_what_it_takes(kind: type[Provider]) -> None:
    construct = cast("Callable[..., object]", kind)
    names = ", ".join(field.name for field in dataclasses.fields(kind))
    for argument in ("client_id", "client_secret"):
        given = {"client_id": "a", "client_secret": "b", **ARGUMENTS[kind]}
        del given[argument]
        text = refusal(functools.partial(construct, **given), argument)
        assert text == f"{argument}: is missing; expected the arguments {names}"
    with pytest.raises(ConfigurationError, match=f"too many positional arguments; expected the arguments {names}"):
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


def test_a_callable_has_to_be_hashable() -> None:
    assert "cannot be hashed" in refusal(lambda: make(Ripple, client_secret=_WithoutHash()), "client_secret")


# Environment variables

VARIABLES: dict[type[Provider], dict[str, str]] = {
    RipioRamp: {"RIPIO_RAMP_ENVIRONMENT": "production", "RIPIO_RAMP_BASIC_ENCODING": "form"},
    RipioWidget: {
        "RIPIO_WIDGET_ENVIRONMENT": "production",
        "RIPIO_WIDGET_EXTERNAL_REF": USER,
        "RIPIO_WIDGET_ADDRESS": "0x09",
    },
    Ripple: {"RIPPLE_ENVIRONMENT": "uat", "RIPPLE_AUDIENCE": "urn:ripplexcurrent-uat:acme"},
    AlternativePayments: {
        "ALTERNATIVE_PAYMENTS_ENVIRONMENT": "production",
        "ALTERNATIVE_PAYMENTS_BASIC_ENCODING": "plain",
    },
    Cryptofuse: {
        "CRYPTOFUSE_SCOPE": "read admin",
        "CRYPTOFUSE_CREDENTIALS_IN": "body",
        "CRYPTOFUSE_BASIC_ENCODING": "form",
    },
}
FROM_VARIABLES: dict[type[Provider], dict[str, Any]] = {
    RipioRamp: {"environment": "production", "basic_encoding": "form"},
    RipioWidget: {"environment": "production", "external_ref": USER, "address": "0x09"},
    Ripple: {"environment": "uat", "tenant_id": None, "audience": "urn:ripplexcurrent-uat:acme"},
    AlternativePayments: {"environment": "production", "basic_encoding": "plain"},
    Cryptofuse: {"scope": ("read", "admin"), "credentials_in": "body", "basic_encoding": "form"},
}


def prefix(kind: type[Provider]) -> str:
    return name_of(kind).upper()


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets a provider's variables: those of ``make(kind, **FROM_VARIABLES[kind], base_url=...)``, and changes."""

    def set_variables(kind: type[Provider], **changes: str | None) -> None:
        common = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET, "BASE_URL": "https://gateway.example/"}
        variables: dict[str, str | None] = {
            **{f"{prefix(kind)}_{name}": value for name, value in common.items()},
            **VARIABLES[kind],
            **{f"{prefix(kind)}_{name}": value for name, value in changes.items()},
        }
        for name, value in variables.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    for name in list(os.environ):
        if any(name.startswith(f"{prefix(kind)}_") for kind in ARGUMENTS):
            monkeypatch.delenv(name)
    return set_variables


@each_provider
def test_a_provider_can_be_made_of_environment_variables(kind: type[Provider], environ: Callable[..., None]) -> None:
    environ(kind)
    assert kind.from_env() == make(kind, **FROM_VARIABLES[kind], base_url="https://gateway.example")


@each_provider
def test_an_override_goes_before_the_environment(kind: type[Provider], environ: Callable[..., None]) -> None:
    environ(kind, CLIENT_ID="from-the-environment", CLIENT_SECRET="bad\nsecret")
    given = kind.from_env(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    assert given == make(kind, **FROM_VARIABLES[kind], base_url="https://gateway.example")


@each_provider
def test_an_override_may_take_the_place_of_a_missing_variable(
    kind: type[Provider], environ: Callable[..., None]
) -> None:
    environ(kind, CLIENT_SECRET=None)
    assert registration_of(kind.from_env(client_secret=CLIENT_SECRET)).secret() == CLIENT_SECRET


@each_provider
@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET"])
def test_a_missing_variable_is_named(
    kind: type[Provider], value: str | None, name: str, environ: Callable[..., None]
) -> None:
    environ(kind, **{name: value})
    variable = f"{prefix(kind)}_{name}"
    text = refusal(kind.from_env, variable)
    assert text.startswith(f"environment variable {variable}: is missing; expected a value for each of {variable}")
    assert ("(or ..._FILE)" in text) is (name == "CLIENT_SECRET")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, "ENVIRONMENT") for kind in ENVIRONMENTS),
        (RipioWidget, "EXTERNAL_REF"),
        (RipioWidget, "ADDRESS"),
        (Cryptofuse, "BASE_URL"),
    ],
)
def test_a_missing_variable_of_ones_own_is_named(kind: type[Provider], name: str, environ: Callable[..., None]) -> None:
    environ(kind, **{name: None})
    refusal(kind.from_env, f"{prefix(kind)}_{name}")


def test_ripples_missing_tenant_is_named(environ: Callable[..., None]) -> None:
    environ(Ripple, AUDIENCE=None)
    assert "environment variable RIPPLE_TENANT_ID: is missing" in refusal(Ripple.from_env, "RIPPLE_TENANT_ID")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *((kind, "CLIENT_SECRET", "canary\nsecret") for kind in ARGUMENTS),
        *((kind, "BASE_URL", "http://example.com") for kind in ARGUMENTS),
        *((kind, "ENVIRONMENT", "live") for kind in ENVIRONMENTS),
        *((kind, "BASIC_ENCODING", "base64") for kind in BASIC_PROVIDERS),
        (Ripple, "AUDIENCE", "urn:ripplexcurrent-prod:acme"),
        (RipioWidget, "EXTERNAL_REF", "USER_1111"),
        (RipioWidget, "ALLOW_ANY_EXTERNAL_REF", "false"),
        (Cryptofuse, "SCOPE", "read  write"),
        (Cryptofuse, "CREDENTIALS_IN", "cookie"),
    ],
)
def test_a_variable_with_a_bad_value_is_named(
    kind: type[Provider], name: str, value: str, environ: Callable[..., None]
) -> None:
    environ(kind, **{name: value})
    text = refusal(kind.from_env, f"{prefix(kind)}_{name}")
    assert text.startswith(f"environment variable {prefix(kind)}_{name}: ")
    assert "canary" not in text


def test_a_bad_override_is_named_as_an_argument(environ: Callable[..., None]) -> None:
    environ(Ripple)
    assert refusal(lambda: Ripple.from_env(environment="live"), "environment").startswith("environment: is 'live'")


def test_a_secret_file_is_read_anew_for_each_request(
    server: Server, tmp_path: Path, environ: Callable[..., None]
) -> None:
    file = tmp_path / "secret"
    file.write_text("first\n", encoding="utf-8")
    environ(Ripple, CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file), BASE_URL=server.base_url)
    source = TokenSource(Ripple.from_env())
    source.invalidate(source.get())
    file.write_text("sécond", encoding="utf-8")
    source.get()
    assert [re.findall('"client_secret":"[^"]*"', seen.body.decode())[0] for seen in server.seen] == [
        '"client_secret":"first"',
        '"client_secret":"sécond"',
    ]


@each_provider
def test_each_provider_takes_a_secret_file(kind: type[Provider], tmp_path: Path, environ: Callable[..., None]) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"from a file\r\n")
    environ(kind, CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file))
    assert registration_of(kind.from_env()).secret() == "from a file"


def test_a_secret_and_a_secret_file_are_too_much(tmp_path: Path, environ: Callable[..., None]) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file")
    environ(Ripple, CLIENT_SECRET_FILE=str(file))
    text = refusal(Ripple.from_env, "RIPPLE_CLIENT_SECRET_FILE")
    assert "is set together with RIPPLE_CLIENT_SECRET; expected one of the two" in text
    assert registration_of(Ripple.from_env(client_secret="from the call")).secret() == "from the call"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"\r\n", "is empty"),
        (b"canary-\xff", r"cannot be read \(UnicodeDecodeError\)"),
        (None, r"cannot be read \(FileNotFoundError\)"),
        (b"canary-\x00", "holds a control character"),
    ],
)
def test_a_bad_secret_file_is_refused_when_the_provider_is_made(
    content: bytes | None, fault: str, tmp_path: Path, environ: Callable[..., None]
) -> None:
    file = tmp_path / "mounted"
    if content is not None:
        file.write_bytes(content)
    environ(Ripple, CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file))
    text = refusal(Ripple.from_env, "RIPPLE_CLIENT_SECRET_FILE")
    assert re.match(rf"environment variable RIPPLE_CLIENT_SECRET_FILE: .*{fault}; expected ", text)
    assert "canary" not in text


def test_a_secret_file_that_goes_away_sends_nothing(
    server: Server, tmp_path: Path, environ: Callable[..., None]
) -> None:
    file = tmp_path / "secret"
    file.write_text("there")
    environ(Ripple, CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file), BASE_URL=server.base_url)
    provider = Ripple.from_env()
    file.unlink()
    assert "cannot be read (FileNotFoundError)" in refusal(lambda: ask(provider), "client_secret")
    assert server.seen == []


# Providers as values

OTHER_VALUES: list[tuple[type[Provider], dict[str, Any]]] = [
    *((kind, {"client_id": "another"}) for kind in ARGUMENTS),
    *((kind, {"client_secret": "another"}) for kind in ARGUMENTS),
    *((kind, {"base_url": "https://another.example"}) for kind in ARGUMENTS),
    *((kind, {"environment": "production"}) for kind in ENVIRONMENTS),
    *((kind, {"basic_encoding": "form"}) for kind in BASIC_PROVIDERS),
    (RipioWidget, {"address": "0x06"}),
    (RipioWidget, {"external_ref": "7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a02"}),
    (Ripple, {"tenant_id": "another"}),
    (Cryptofuse, {"scope": "read"}),
    (Cryptofuse, {"credentials_in": "body"}),
]


@each_provider
def test_equal_arguments_make_equal_providers(kind: type[Provider]) -> None:
    provider, twin = make(kind), make(kind)
    assert provider == twin
    assert hash(provider) == hash(twin)
    assert all(provider != make(other) for other in ARGUMENTS if other is not kind)


@pytest.mark.parametrize(("kind", "changes"), OTHER_VALUES)
def test_another_argument_makes_another_provider_with_tokens_of_its_own(
    kind: type[Provider], changes: dict[str, Any]
) -> None:
    provider, other = make(kind), make(kind, **changes)
    assert provider != other
    first, second = registration_of(provider), registration_of(other)
    assert first.cache_key(first.secret()) != second.cache_key(second.secret())


def test_environments_behind_one_address_have_tokens_of_their_own() -> None:
    keys = {
        registration_of(
            make(AlternativePayments, base_url="https://gateway.example", environment=environment)
        ).cache_key("secret")
        for environment in ("demo", "production")
    }
    assert len(keys) == 2


@each_provider
def test_a_provider_survives_a_pickle(kind: type[Provider]) -> None:
    provider = make(kind)
    copy = pickle.loads(pickle.dumps(provider))
    assert copy == provider
    assert registration_of(copy).secret() == CLIENT_SECRET


@pytest.mark.parametrize(("kind", "changes"), OTHER_VALUES)
def test_a_provider_can_be_changed_into_another(kind: type[Provider], changes: dict[str, Any]) -> None:
    assert dataclasses.replace(make(kind), **changes) == make(kind, **changes)


@each_provider
def test_a_change_is_checked_like_a_new_provider(kind: type[Provider]) -> None:
    refusal(lambda: dataclasses.replace(make(kind), client_id=""), "client_id")


@each_provider
def test_a_provider_is_frozen(kind: type[Provider]) -> None:
    provider: Any = make(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        provider.client_id = "another"


@each_provider
def test_the_repr_of_a_provider_says_where_it_asks_and_not_with_what(kind: type[Provider]) -> None:
    provider = make(kind)
    assert repr(provider).startswith(
        f"<{kind.__name__} {registration_of(provider).environment or provider.base_url} client="
    )
    assert CLIENT_ID not in repr(provider)
    assert CLIENT_SECRET not in repr(provider)
