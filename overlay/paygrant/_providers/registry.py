"""Which providers there are: their names, and the class of each. Nothing else lists them."""

from importlib import import_module
from typing import TYPE_CHECKING, cast

from paygrant._providers.base import Provider, kind_of

if TYPE_CHECKING:
    from paygrant._providers.kind import ProviderKind

_CLASSES = {
    "alternative_payments": ("alternative_payments", "AlternativePayments"),
    "cryptofuse": ("cryptofuse", "Cryptofuse"),
    "ripio_ramp": ("ripio", "RipioRamp"),
    "ripio_widget": ("ripio", "RipioWidget"),
    "ripple": ("ripple", "Ripple"),
}
"""The module and the class of each provider. They are imported when they are used."""


def names() -> list[str]:
    """The names of all providers, as their specs have them, sorted."""
    return sorted(_CLASSES)


def class_of(name: str) -> type[Provider]:
    """The class of a provider."""
    module, kind = _CLASSES[name]
    return cast("type[Provider]", getattr(import_module(f"paygrant._providers.{module}"), kind))


def kind_named(name: str) -> "ProviderKind[Provider]":
    """What is known of a provider of the box."""
    return kind_of(class_of(name))
