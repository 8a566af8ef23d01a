"""What the pytest plugin does with a sandbox before and after each test."""

import pytest

from paygrant._cache import registry
from paygrant.sandbox._handle import variables_for
from paygrant.sandbox._server import Sandbox

_OTHERS = (
    "CLIENT_SECRET_FILE",
    "PRIVATE_KEY",
    "PRIVATE_KEY_FILE",
    "KEY_ID",
    "CERTIFICATE_FILE",
    "DPOP_KEY",
    "DPOP_KEY_FILE",
)
"""The ends of variables that the developer may have set, and that do not go together with those of the sandbox."""


def point_to(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Set the variables that ``from_env()`` reads, so that all providers lead to the sandbox."""
    for name in sandbox.providers:
        for end in _OTHERS:
            monkeypatch.delenv(f"{name.upper()}_{end}", raising=False)
        for variable, value in variables_for(getattr(sandbox, name)).items():
            monkeypatch.setenv(variable, value)


def forget(sandbox: Sandbox) -> None:
    """Delete the state of the sandbox and of this process."""
    sandbox.reset()  # ends delays: the next line waits for requests in progress
    registry.forget_all()
    sandbox.reset()  # they may have caused further requests
