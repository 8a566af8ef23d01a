"""Which providers there are: their names, and the class of each. Nothing else lists them."""

from importlib import import_module
from pkgutil import iter_modules
from typing import TYPE_CHECKING, cast

from paygrant._providers.base import Provider, kind_of
from paygrant._spec.reader import spec_of

if TYPE_CHECKING:
    from paygrant._providers.kind import ProviderKind

HAND_WRITTEN = {"ripio_widget": ("ripio", "RipioWidget"), "ripple": ("ripple", "Ripple")}
"""The module and the class of the providers with code of their own. All other classes are generated."""


def names() -> list[str]:
    """The names of all providers, as their specs have them, sorted."""
    return sorted(each.name for each in iter_modules(import_module("paygrant_clients").__path__) if each.ispkg)


def class_of(name: str) -> type[Provider]:
    """The class of a provider. It is imported when it is used."""
    if name in HAND_WRITTEN:
        module, kind = HAND_WRITTEN[name]
        return cast("type[Provider]", getattr(import_module(f"paygrant._providers.{module}"), kind))
    package = f"paygrant_clients.{name}"
    return cast("type[Provider]", getattr(import_module(package), spec_of(package).class_name))


def kind_named(name: str) -> "ProviderKind[Provider]":
    """What is known of a provider of the box."""
    return kind_of(class_of(name))
