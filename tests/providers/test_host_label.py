"""An argument that is the first label of the host, such as the shop of Shopify, leads to no other host."""

import string
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from paygrant import ConfigurationError, SpecProvider
from paygrant._arguments import base_url_for
from paygrant._request.credentials import Credentials
from tests.helpers.specs import ROOT

SHOPIFY = ROOT / "specs/shopify.yaml"
TEMPLATE = "https://{shop}.myshopify.com/v1"
LABEL = "shop: is not one label of a host name; expected letters, digits and hyphens, 63 at most"


def shopify(**changes: Any) -> SpecProvider:
    given: dict[str, Any] = {
        "client_id": "straw",
        "client_secret": "straw",
        "environment": "production",
        "shop": "acme",
        **changes,
    }
    return SpecProvider(Path(SHOPIFY), **given)


@pytest.mark.parametrize(
    ("shop", "host"),
    [
        ("acme", "acme.myshopify.com"),
        ("Acme-2", "acme-2.myshopify.com"),
        ("0", "0.myshopify.com"),
        ("a" * 63, f"{'a' * 63}.myshopify.com"),
        ("xn--bcher-kva", "xn--bcher-kva.myshopify.com"),
    ],
)
def test_a_label_is_the_first_part_of_the_host(shop: str, host: str) -> None:
    assert shopify(shop=shop).token_url == f"https://{host}/admin/oauth/access_token"


@pytest.mark.parametrize(
    "shop",
    [
        "",
        "acme.myshopify.com",
        "evil.test/",
        "evil.test#",
        "evil.test?",
        "evil.test\\",
        "me@evil",
        "evil:443",
        "-acme",
        "acme-",
        "a_b",
        "a" * 64,
        "b\u00fccher",
        "\uff41cme",
        "acme\n",
        "a cme",
        "{shop}",
        "%2e",
        b"acme",
        7,
    ],
)
def test_anything_else_is_refused(shop: Any) -> None:
    with pytest.raises(ConfigurationError) as caught:
        shopify(shop=shop)

    assert str(caught.value).startswith("shop: ")


def test_the_label_is_required() -> None:
    with pytest.raises(ConfigurationError, match=r"^shop: "):
        shopify(shop=None)


def test_a_base_url_replaces_the_whole_host() -> None:
    assert shopify(base_url="https://proxy.test/shop").token_url == "https://proxy.test/shop/admin/oauth/access_token"


def test_two_shops_share_no_token() -> None:
    assert shopify() != shopify(shop="other")
    assert shopify()._registration.cache_key(Credentials("straw")) != shopify(shop="other")._registration.cache_key(
        Credentials("straw")
    )


@given(st.text(st.characters(codec="utf-8") | st.sampled_from("./\\@:#?%-" + string.ascii_letters), max_size=70))
def test_no_text_leads_to_another_host(shop: str) -> None:
    try:
        whole = base_url_for("shop", TEMPLATE, "shop", shop)
    except ConfigurationError as error:
        whole = str(error)
    host = f"{shop.lower()}.myshopify.com"

    assert whole == LABEL or (whole == f"https://{host}/v1" and urlsplit(whole).netloc == host)


@pytest.mark.parametrize(
    "template",
    [
        "https://{shop}",
        "https://{shop}.com",
        "https://{shop}.com:443",
        "https://{shop}@evil.test",
        "https://me@{shop}.myshopify.com",
        "https://evil.test/{shop}.myshopify.com",
        "https://evil.test?{shop}.a.b",
        "https://x{shop}.myshopify.com",
        "https://{shop}.{shop}.myshopify.com",
        "https://{shop}.{other}.myshopify.com",
        "http://{shop}.myshopify.com",
        "https://myshopify.com",
        "{shop}.myshopify.com",
    ],
)
def test_a_spec_cannot_bend_the_host(template: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^shop: "):
        base_url_for("shop", template, "shop", "acme")
