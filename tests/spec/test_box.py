"""The facts in the specs of the box that decide where a secret goes."""

from pathlib import Path
from urllib.parse import urlsplit

import pytest

from paygrant import SpecProvider
from paygrant._spec.document import read
from paygrant._spec.reader import NormalizedSpec
from tests.helpers.box import ARGUMENTS, TOKEN_URLS
from tests.helpers.specs import SPECS

VENDORS = {
    "airwallex": {"www.airwallex.com", "github.com/airwallex"},
    "checkout": {"github.com/checkout"},
    "cielo": {"github.com/DeveloperCielo"},
    "dlocal": {"docs.dlocal.com"},
    "dwolla": {"github.com/Dwolla"},
    "flutterwave": {"developer.flutterwave.com"},
    "gocardless_bank_account_data": {"developer.gocardless.com", "github.com/nordigen"},
    "mangopay": {"github.com/Mangopay"},
    "mpesa": {"github.com/safaricom"},
    "paxos": {"docs.paxos.com", "github.com/paxosglobal"},
    "paypal": {"developer.paypal.com", "github.com/paypal"},
    "phonepe": {"developer.phonepe.com", "github.com/PhonePe"},
    "plaid": {"github.com/plaid"},
    "ripple_rlusd": {"docs.ripple.com"},
    "ripple_wallet": {"docs.ripple.com", "github.com/palisadeinc"},
    "shopify": {"shopify.dev", "github.com/Shopify"},
    "swan": {"github.com/swan-io"},
    "truelayer": {"github.com/TrueLayer"},
    "wise": {"docs.wise.com"},
}
"""The vendors' own sites and organizations. Nobody else's page may be the source of a fact."""


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_each_environment_has_the_token_url_that_its_sources_name(spec: Path) -> None:
    endpoint = NormalizedSpec(spec.stem, read(spec).data).endpoint
    found = {
        environment: SpecProvider(
            spec, client_id="straw", client_secret="straw", environment=environment, **ARGUMENTS.get(spec.stem, {})
        ).token_url
        for environment in endpoint.servers
    }

    assert found == TOKEN_URLS[spec.stem]


@pytest.mark.parametrize(("name", "vendors"), VENDORS.items())
def test_every_source_is_the_vendors_own(name: str, vendors: set[str]) -> None:
    (spec,) = (each for each in SPECS if each.stem == name)
    owners = {owner_of(str(each["url"])) for each in NormalizedSpec(name, read(spec).data).sources}

    assert owners <= vendors


def owner_of(url: str) -> str:
    """The host of a page. On GitHub, the organization as well."""
    host, path = urlsplit(url).hostname or "", urlsplit(url).path
    return f"{host}/{path.split('/')[1]}" if host == "github.com" else host
