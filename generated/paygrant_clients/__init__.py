"""The token clients of all providers. Written by `make generate`; do not edit."""

TYPE_CHECKING = False  # type checkers take it for true, and so the module typing is not needed here

if TYPE_CHECKING:
    from .alternative_payments import AlternativePayments as AlternativePayments
    from .cryptofuse import Cryptofuse as Cryptofuse
    from .ripio_ramp import RipioRamp as RipioRamp

__all__ = ["AlternativePayments", "Cryptofuse", "RipioRamp"]

if not TYPE_CHECKING:
    _MODULES = {"AlternativePayments": "alternative_payments", "Cryptofuse": "cryptofuse", "RipioRamp": "ripio_ramp"}

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value

    def __dir__():
        return [*__all__]
