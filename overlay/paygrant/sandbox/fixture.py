"""What the pytest plugin does with a sandbox before and after each test."""

from paygrant._cache import registry
from paygrant.sandbox._server import Sandbox


def forget(sandbox: Sandbox) -> None:
    """Delete the state of the sandbox and of this process."""
    sandbox.reset()  # ends delays: the next line waits for requests in progress
    registry.forget_all()
    sandbox.reset()  # they may have caused further requests
