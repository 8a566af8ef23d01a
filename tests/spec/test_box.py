"""The facts in the specs of the box that decide where a secret goes."""

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from paygrant import ClientCertificate, SpecProvider
from paygrant._providers.base import registration_of
from paygrant._spec.document import read
from paygrant._spec.reader import NormalizedSpec
from tests.helpers.box import (
    ARGUMENTS,
    AUDIENCES,
    CERTIFICATE_URLS,
    NEED_CERTIFICATES,
    TOKEN_URLS,
    credentials_of,
)
from tests.helpers.keys import authority, write_pair
from tests.helpers.specs import SPECS

VENDORS = {
    "airwallex": {"www.airwallex.com", "github.com/airwallex"},
    "banco_inter": {"github.com/inter-co"},
    "checkout": {"github.com/checkout", "www.checkout.com"},
    "cielo": {"github.com/DeveloperCielo"},
    "dlocal": {"docs.dlocal.com", "help.dlocal.com"},
    "dwolla": {"github.com/Dwolla"},
    "efi_pix": {"github.com/efipay"},
    "flutterwave": {"developer.flutterwave.com"},
    "gocardless_bank_account_data": {"developer.gocardless.com", "github.com/nordigen"},
    "jpmorgan_payments": {"github.com/jpmorgan-payments"},
    "mangopay": {"github.com/Mangopay"},
    "mastercard": {"developer.mastercard.com", "github.com/Mastercard"},
    "moneyhub": {"github.com/moneyhub"},
    "mpesa": {"github.com/safaricom"},
    "paxos": {"docs.paxos.com", "github.com/paxosglobal"},
    "paypal": {"developer.paypal.com", "github.com/paypal"},
    "phonepe": {"developer.phonepe.com", "github.com/PhonePe"},
    "plaid": {"github.com/plaid"},
    "ripple_rlusd": {"docs.ripple.com"},
    "ripple_wallet": {"docs.ripple.com", "github.com/palisadeinc"},
    "shopify": {"shopify.dev", "github.com/Shopify"},
    "stone": {"github.com/stone-payments"},
    "swan": {"github.com/swan-io"},
    "truelayer": {"github.com/TrueLayer"},
    "wise": {"docs.wise.com"},
    "zettle": {"github.com/iZettle"},
}
"""The vendors' own sites and organizations. Nobody else's page may be the source of a fact."""


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_each_environment_has_the_token_url_that_its_sources_name(spec: Path) -> None:
    assert {name: made.token_url for name, made in each_environment(spec).items()} == TOKEN_URLS[spec.stem]


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_a_client_with_a_certificate_uses_the_address_that_the_sources_name(spec: Path, tmp_path: Path) -> None:
    certificate = ClientCertificate(*write_pair(tmp_path, authority().issue("client")))
    found = {name: made.token_url for name, made in each_environment(spec, certificate=certificate).items()}

    assert found == CERTIFICATE_URLS.get(spec.stem, TOKEN_URLS[spec.stem])


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: spec.stem)
def test_only_these_providers_want_a_certificate_in_each_connection(spec: Path) -> None:
    found = {registration_of(made).lacks_certificate for made in each_environment(spec).values()}

    assert found <= {spec.stem in NEED_CERTIFICATES}


@pytest.mark.parametrize("name", AUDIENCES)
def test_the_audience_of_an_assertion_is_the_one_that_the_sources_name(name: str) -> None:
    (spec,) = (each for each in SPECS if each.stem == name)
    found = {environment: registration_of(made).audience for environment, made in each_environment(spec).items()}

    assert found == AUDIENCES[name]


def each_environment(spec: Path, **more: Any) -> dict[str, SpecProvider[Any]]:
    """A provider for each environment of a spec."""
    given = {**credentials_of(spec.stem), **ARGUMENTS.get(spec.stem, {}), **more}
    servers = NormalizedSpec(spec.stem, read(spec).data).endpoint.servers
    return {environment: SpecProvider(spec, environment=environment, **given) for environment in servers}


@pytest.mark.parametrize(("name", "vendors"), VENDORS.items())
def test_every_source_is_the_vendors_own(name: str, vendors: set[str]) -> None:
    (spec,) = (each for each in SPECS if each.stem == name)
    owners = {owner_of(str(each["url"])) for each in NormalizedSpec(name, read(spec).data).sources}

    assert owners <= vendors


def owner_of(url: str) -> str:
    """The host of a page. On GitHub, the organization as well."""
    host, path = urlsplit(url).hostname or "", urlsplit(url).path
    return f"{host}/{path.split('/')[1]}" if host == "github.com" else host
