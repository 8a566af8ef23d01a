"""The token clients of all providers. Written by `make generate`; do not edit."""

TYPE_CHECKING = False  # type checkers take it for true, and so the module typing is not needed here

if TYPE_CHECKING:
    from .airwallex import Airwallex as Airwallex
    from .alternative_payments import AlternativePayments as AlternativePayments
    from .banco_inter import BancoInter as BancoInter
    from .checkout import CheckoutCom as CheckoutCom
    from .cielo import Cielo as Cielo
    from .cryptofuse import Cryptofuse as Cryptofuse
    from .dlocal import DLocal as DLocal
    from .dwolla import Dwolla as Dwolla
    from .efi_pix import EfiPix as EfiPix
    from .flutterwave import Flutterwave as Flutterwave
    from .gocardless_bank_account_data import GoCardlessBankAccountData as GoCardlessBankAccountData
    from .jpmorgan_payments import JPMorganPayments as JPMorganPayments
    from .mangopay import Mangopay as Mangopay
    from .mastercard import Mastercard as Mastercard
    from .moneyhub import Moneyhub as Moneyhub
    from .mpesa import MPesa as MPesa
    from .paxos import Paxos as Paxos
    from .paypal import PayPal as PayPal
    from .phonepe import PhonePe as PhonePe
    from .plaid import Plaid as Plaid
    from .ripio_ramp import RipioRamp as RipioRamp
    from .ripple_rlusd import RippleRLUSD as RippleRLUSD
    from .ripple_wallet import RippleWallet as RippleWallet
    from .shopify import Shopify as Shopify
    from .stone import Stone as Stone
    from .swan import Swan as Swan
    from .truelayer import TrueLayer as TrueLayer
    from .wise import Wise as Wise
    from .zettle import Zettle as Zettle

__all__ = [
    "Airwallex",
    "AlternativePayments",
    "BancoInter",
    "CheckoutCom",
    "Cielo",
    "Cryptofuse",
    "DLocal",
    "Dwolla",
    "EfiPix",
    "Flutterwave",
    "GoCardlessBankAccountData",
    "JPMorganPayments",
    "MPesa",
    "Mangopay",
    "Mastercard",
    "Moneyhub",
    "Paxos",
    "PayPal",
    "PhonePe",
    "Plaid",
    "RipioRamp",
    "RippleRLUSD",
    "RippleWallet",
    "Shopify",
    "Stone",
    "Swan",
    "TrueLayer",
    "Wise",
    "Zettle",
]

if not TYPE_CHECKING:
    _MODULES = {
        "Airwallex": "airwallex",
        "AlternativePayments": "alternative_payments",
        "BancoInter": "banco_inter",
        "CheckoutCom": "checkout",
        "Cielo": "cielo",
        "Cryptofuse": "cryptofuse",
        "DLocal": "dlocal",
        "Dwolla": "dwolla",
        "EfiPix": "efi_pix",
        "Flutterwave": "flutterwave",
        "GoCardlessBankAccountData": "gocardless_bank_account_data",
        "JPMorganPayments": "jpmorgan_payments",
        "MPesa": "mpesa",
        "Mangopay": "mangopay",
        "Mastercard": "mastercard",
        "Moneyhub": "moneyhub",
        "Paxos": "paxos",
        "PayPal": "paypal",
        "PhonePe": "phonepe",
        "Plaid": "plaid",
        "RipioRamp": "ripio_ramp",
        "RippleRLUSD": "ripple_rlusd",
        "RippleWallet": "ripple_wallet",
        "Shopify": "shopify",
        "Stone": "stone",
        "Swan": "swan",
        "TrueLayer": "truelayer",
        "Wise": "wise",
        "Zettle": "zettle",
    }

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value

    def __dir__():
        return [*__all__]
