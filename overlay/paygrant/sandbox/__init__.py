"""A local replacement for the token endpoints, which follows their specs.

    with Sandbox() as sandbox:
        sandbox.ripple.base_url, sandbox.client_id, sandbox.client_secret

For each provider it serves the token endpoint as the spec documents it, and an API: any other path, with a live token.
``Sandbox(specs=["acme.yaml"])`` serves specs of the user's own as well. A page at ``/`` shows requests, tokens and faults.
``_fault_kinds`` describes the faults that can be switched on, ``_control`` the control API. By default, the sandbox
listens on loopback only. It needs ``pip install "paygrant[sandbox]"``.
"""

from typing import TYPE_CHECKING

from paygrant._errors import missing_extra

if TYPE_CHECKING:
    from paygrant.sandbox._client_auth import Client
    from paygrant.sandbox._faults import Fault
    from paygrant.sandbox._handle import ProviderHandle
    from paygrant.sandbox._memory import IssuedToken
    from paygrant.sandbox._record import RecordedRequest
    from paygrant.sandbox._server import Sandbox

__all__ = ["Client", "Fault", "IssuedToken", "ProviderHandle", "RecordedRequest", "Sandbox"]

_HOME = {
    "Client": "_client_auth",
    "Fault": "_faults",
    "IssuedToken": "_memory",
    "ProviderHandle": "_handle",
    "RecordedRequest": "_record",
    "Sandbox": "_server",
}


# Imported late, so that `python -m paygrant.sandbox` can report a missing extra in one line.
def __getattr__(name: str) -> object:
    from importlib import import_module

    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    try:
        module = import_module(f"{__name__}.{_HOME[name]}")
    except ModuleNotFoundError as missing:
        if (missing.name or "").startswith("paygrant."):
            raise
        raise missing_extra(__name__, missing, "sandbox") from missing
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return __all__
