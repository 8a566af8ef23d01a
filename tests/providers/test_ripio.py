"""Ripio: the user name that the widget sends, and the address of its page."""

import pickle
import tracemalloc
import uuid
from decimal import Decimal
from typing import Any

import pytest

from paygrant import RipioWidget, Token
from paygrant._providers.base import registration_of
from tests.helpers.arguments import BAD_TEXTS, refusal
from tests.helpers.providers import CLIENT_ID, USER, make

TOKEN = Token("the-token")


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
def test_an_external_ref_must_be_a_uuid_version_4(value: Any) -> None:
    text = refusal(lambda: make(RipioWidget, external_ref=value), "external_ref")
    assert (
        text
        == "external_ref: is not a UUID version 4; expected a UUID version 4, or any string with allow_any_external_ref=True"
    )


@pytest.mark.parametrize("value", [USER, USER.upper(), uuid.UUID(USER)])
def test_an_external_ref_may_be_a_uuid_or_its_string(value: Any) -> None:
    assert (
        registration_of(make(RipioWidget, external_ref=value)).arguments["username"].lower()
        == f"{CLIENT_ID}:{USER}:0x05"
    )


def test_any_external_ref_is_accepted_if_allowed() -> None:
    provider = make(RipioWidget, external_ref="USER_1111", allow_any_external_ref=True)
    assert registration_of(provider).arguments == {"username": f"{CLIENT_ID}:USER_1111:0x05"}


@pytest.mark.parametrize("argument", ["external_ref", "address"])
@pytest.mark.parametrize(("value", "fault"), BAD_TEXTS)
def test_the_parts_of_the_widgets_user_name_must_be_strings(argument: str, value: Any, fault: str) -> None:
    assert fault in refusal(lambda: make(RipioWidget, **{argument: value}), argument)


@pytest.mark.parametrize("value", ["false", "true", 1, None, []])
def test_allow_any_external_ref_must_be_a_boolean(value: Any) -> None:
    text = refusal(lambda: make(RipioWidget, allow_any_external_ref=value), "allow_any_external_ref")
    assert "expected True or False" in text


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
def test_a_widget_url_contains_the_token_and_the_options(
    environment: str, options: dict[str, Any], address: str
) -> None:
    assert make(RipioWidget, environment=environment).widget_url(TOKEN, **options) == address


def test_a_token_in_a_widget_url_is_escaped() -> None:
    assert WIDGET.widget_url(Token("a+b/c=&d")).endswith("?_to=a%2Bb%2Fc%3D%26d")


def test_a_base_url_does_not_change_the_widget_url() -> None:
    provider = make(RipioWidget, base_url="https://gateway.example")
    assert provider.widget_url(TOKEN) == WIDGET.widget_url(TOKEN)


def test_the_repr_of_a_widget_url_masks_the_token() -> None:
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
def test_an_amount_must_be_a_positive_number(amount: Any) -> None:
    text = refusal(lambda: WIDGET.widget_url(TOKEN, amount=amount), "amount")
    assert text.endswith("; expected a positive number of at most 40 digits")


def repr_of_type(value: object) -> str:
    return repr(type(value))


@pytest.mark.parametrize(
    "amount",
    [
        *("1e9999999", "1e-9999999", Decimal("1e9999999"), "1" * 1_000_000, f"0.{'0' * 100}1", 1e300, 5e-324),
        *(10**5000, -(10**5000), "9" * 41, "1e999999999999999999999"),
    ],
    ids=repr_of_type,
)
def test_an_amount_of_many_digits_is_refused_at_once(amount: Any) -> None:
    tracemalloc.start()
    try:
        text = refusal(lambda: WIDGET.widget_url(TOKEN, amount=amount), "amount")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(text) < 200
    assert peak < 5_000_000


@pytest.mark.parametrize("argument", ["address", "network", "crypto", "tracking_session"])
@pytest.mark.parametrize("value", ["", 7, b"x", "a\nb", "\ud800"])
def test_the_options_of_the_page_must_be_strings(argument: str, value: Any) -> None:
    refusal(lambda: WIDGET.widget_url(TOKEN, **{argument: value}), argument)


@pytest.mark.parametrize("flow", ["buy", "", None, 7])
def test_an_unknown_flow_is_refused(flow: Any) -> None:
    assert "expected one of: onramp, offramp" in refusal(lambda: WIDGET.widget_url(TOKEN, flow=flow), "flow")


@pytest.mark.parametrize("token", ["the-token", None, Token])
def test_a_widget_url_needs_a_token_object(token: Any) -> None:
    text = refusal(lambda: WIDGET.widget_url(token), "token")
    assert "the-token" not in text
