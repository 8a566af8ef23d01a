"""The providers of the box by their specs: what each needs beside its credentials, and where its secret goes."""

from typing import Any

from paygrant import SigningKey
from tests.helpers.keys import pem

ARGUMENTS: dict[str, dict[str, Any]] = {
    "banco_inter": {"scope": "cob.read cob.write"},
    "checkout": {"scope": "gateway"},
    "jpmorgan_payments": {"resource": "JPMC:URI:RS-000000-00000-Resource-PROD"},
    "moneyhub": {"scope": "accounts:read"},
    "paxos": {"scope": ["funding:read_profile", "transfer:read_transfer"]},
    "phonepe": {"client_version": "1"},
    "ripio_widget": {"username": "sandbox-client:7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a01:0x05"},
    "ripple": {"audience": "urn:ripplexcurrent-test:acme"},
    "ripple_rlusd": {"audience": "urn:ripplexcurrent-prod:acme"},
    "shopify": {"shop": "acme"},
}
"""The arguments that a spec requires."""

TOKEN_URLS: dict[str, dict[str, str]] = {
    "airwallex": {
        "demo": "https://api-demo.airwallex.com/api/v1/authentication/login",
        "sandbox": "https://api.sandbox.airwallex.com/api/v1/authentication/login",
        "production": "https://api.airwallex.com/api/v1/authentication/login",
    },
    "alternative_payments": {
        "demo": "https://public-api.demo.alternativepayments.io/oauth/token",
        "production": "https://public-api.alternativepayments.io/oauth/token",
    },
    "banco_inter": {
        "sandbox": "https://cdpj-sandbox.partners.uatinter.co/oauth/v2/token",
        "production": "https://cdpj.partners.bancointer.com.br/oauth/v2/token",
    },
    "checkout": {
        "sandbox": "https://access.sandbox.checkout.com/connect/token",
        "production": "https://access.checkout.com/connect/token",
    },
    "cielo": {"production": "https://cieloecommerce.cielo.com.br/api/public/v2/token"},
    "cryptofuse": {},
    "dlocal": {
        "sandbox": "https://sandbox.dlocal.com/oauth/token",
        "production": "https://api.dlocal.com/oauth/token",
    },
    "dwolla": {
        "sandbox": "https://api-sandbox.dwolla.com/token",
        "production": "https://api.dwolla.com/token",
    },
    "efi_pix": {
        "sandbox": "https://pix-h.api.efipay.com.br/oauth/token",
        "production": "https://pix.api.efipay.com.br/oauth/token",
    },
    "flutterwave": {"production": "https://idp.flutterwave.com/realms/flutterwave/protocol/openid-connect/token"},
    "gocardless_bank_account_data": {"production": "https://bankaccountdata.gocardless.com/api/v2/token/new/"},
    "jpmorgan_payments": {"production": "https://idag2.jpmorganchase.com/adfs/oauth2/token"},
    "mangopay": {
        "sandbox": "https://api.sandbox.mangopay.com/v2.01/oauth/token",
        "production": "https://api.mangopay.com/v2.01/oauth/token",
    },
    "mastercard": {
        "sandbox": "https://sandbox.api.mastercard.com/oauth/token",
        "production": "https://api.mastercard.com/oauth/token",
    },
    "moneyhub": {"production": "https://identity.moneyhub.co.uk/oidc/token"},
    "mpesa": {
        "sandbox": "https://sandbox.safaricom.co.ke/oauth/v1/generate",
        "production": "https://api.safaricom.co.ke/oauth/v1/generate",
    },
    "paxos": {
        "sandbox": "https://oauth.sandbox.paxos.com/oauth2/token",
        "production": "https://oauth.paxos.com/oauth2/token",
    },
    "paypal": {
        "sandbox": "https://api-m.sandbox.paypal.com/v1/oauth2/token",
        "production": "https://api-m.paypal.com/v1/oauth2/token",
    },
    "phonepe": {
        "sandbox": "https://api-preprod.phonepe.com/apis/pg-sandbox/v1/oauth/token",
        "production": "https://api.phonepe.com/apis/identity-manager/v1/oauth/token",
    },
    "plaid": {
        "sandbox": "https://sandbox.plaid.com/oauth/token",
        "production": "https://production.plaid.com/oauth/token",
    },
    "ripio_ramp": {
        "sandbox": "https://skala-sandbox.ripio.com/oauth2/token/",
        "production": "https://skala.ripio.com/oauth2/token/",
    },
    "ripio_widget": {
        "sandbox": "https://b2b-widget-onramp-api.sandbox.ripio.com/api/v1/auth",
        "production": "https://b2b-widget-onramp-api.ripio.com/api/v1/auth",
    },
    "ripple": {
        "test": "https://auth-test.rnc.ripplenet.com/oauth/token",
        "uat": "https://auth-uat.rnc.ripplenet.com/oauth/token",
        "production": "https://auth.rnc.ripplenet.com/oauth/token",
    },
    "ripple_rlusd": {
        "uat": "https://api.test.ripple.com/v2/oauth/token",
        "production": "https://api.ripple.com/v2/oauth/token",
    },
    "ripple_wallet": {
        "sandbox": "https://api.sandbox.palisade.co/v2/credentials/oauth/token",
        "production": "https://api.palisade.co/v2/credentials/oauth/token",
    },
    "shopify": {"production": "https://acme.myshopify.com/admin/oauth/access_token"},
    "stone": {
        "sandbox": "https://sandbox-accounts.openbank.stone.com.br/auth/realms/stone_bank/protocol/openid-connect/token",
        "production": "https://accounts.openbank.stone.com.br/auth/realms/stone_bank/protocol/openid-connect/token",
    },
    "swan": {"production": "https://oauth.swan.io/oauth2/token"},
    "truelayer": {
        "sandbox": "https://auth.truelayer-sandbox.com/connect/token",
        "production": "https://auth.truelayer.com/connect/token",
    },
    "wise": {
        "sandbox": "https://api.wise-sandbox.com/oauth/token",
        "production": "https://api.wise.com/oauth/token",
    },
    "zettle": {"production": "https://oauth.zettle.com/token"},
}
"""Where each provider gets the secret, by environment. A change here must have a source in the spec."""

PLACES: dict[str, str] = {
    "airwallex": "headers",
    "alternative_payments": "basic",
    "banco_inter": "form",
    "checkout": "basic",
    "cielo": "basic",
    "cryptofuse": "basic",
    "dlocal": "json",
    "dwolla": "basic",
    "efi_pix": "basic",
    "flutterwave": "form",
    "gocardless_bank_account_data": "json",
    "mangopay": "basic",
    "moneyhub": "basic",
    "mpesa": "basic",
    "paxos": "form",
    "paypal": "basic",
    "phonepe": "form",
    "plaid": "json",
    "ripio_ramp": "basic",
    "ripio_widget": "form",
    "ripple": "json",
    "ripple_rlusd": "form",
    "ripple_wallet": "json",
    "shopify": "json",
    "swan": "form",
    "truelayer": "form",
    "wise": "basic",
    "zettle": "form",
}
"""Where the request has the secret. Clients with a key have none."""

CERTIFICATE_URLS: dict[str, dict[str, str]] = {
    "checkout": {
        "sandbox": "https://mtls.access.sandbox.checkout.com/connect/token",
        "production": "https://mtls.access.checkout.com/connect/token",
    },
}
"""Where a client with a certificate gets its token, if that is another address."""

AUDIENCES: dict[str, dict[str, str]] = {
    "jpmorgan_payments": {"production": "https://idag2.jpmorganchase.com/adfs/oauth2/token"},
    "mastercard": {"sandbox": "https://sandbox.api.mastercard.com", "production": "https://api.mastercard.com"},
    "stone": {
        "sandbox": "https://sandbox-accounts.openbank.stone.com.br/auth/realms/stone_bank",
        "production": "https://accounts.openbank.stone.com.br/auth/realms/stone_bank",
    },
}
"""The audience of the assertions of clients with a key, by environment."""

NEED_CERTIFICATES = {"banco_inter", "efi_pix"}
"""The providers that want a certificate in each connection."""


def credentials_of(name: str) -> dict[str, Any]:
    """What a client of a provider authenticates itself with: a key where the provider takes no secret."""
    if name in AUDIENCES:
        return {"client_id": "straw", "private_key": SigningKey(pem("RS256"), key_id="straw-key")}
    return {"client_id": "straw", "client_secret": "straw"}
