"""The class of each provider that paygrant has a spec for: ``from paygrant.providers import Cryptofuse``.

A class is loaded when it is first used.
"""

import paygrant
import paygrant_clients

TYPE_CHECKING = False  # as in the package itself

if TYPE_CHECKING:
    from paygrant import RipioWidget, Ripple
    from paygrant_clients import *  # noqa: F403 - __all__ below has the names

__all__: list[str] = ["RipioWidget", "Ripple"]  # these two have code of their own
__all__ += paygrant_clients.__all__

if not TYPE_CHECKING:  # a type checker would take every name for an attribute

    def __getattr__(name: str) -> object:
        if name not in __all__:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value = globals()[name] = getattr(paygrant if name in paygrant.__all__ else paygrant_clients, name)
        return value


def __dir__() -> list[str]:
    return sorted(__all__)
