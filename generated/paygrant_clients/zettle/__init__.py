"""The token endpoint of Zettle"""

TYPE_CHECKING = False  # type checkers take it for true, and so the module typing is not needed here

if TYPE_CHECKING:
    from .client import AuthenticatedClient as AuthenticatedClient
    from .client import Client as Client
    from .provider import Zettle as Zettle

__all__ = ["AuthenticatedClient", "Client", "Zettle"]

if not TYPE_CHECKING:
    _MODULES = {"AuthenticatedClient": "client", "Client": "client", "Zettle": "provider"}

    def __getattr__(name):
        if name not in _MODULES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        from importlib import import_module

        value = globals()[name] = getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
        return value

    def __dir__():
        return [*__all__]
