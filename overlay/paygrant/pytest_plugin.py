"""The pytest plugin: the fixture ``paygrant_sandbox``, a provider for tests.

    def test_a_wrong_secret_is_told(paygrant_sandbox):
        paygrant_sandbox.ripple.refuse()
        with pytest.raises(InvalidClient):
            TokenSource(Ripple.from_env(tenant_id="acme")).get()

pytest loads this module in every run where paygrant is installed, so it imports next to nothing; what the sandbox
itself does stands in ``paygrant.sandbox``.
"""

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paygrant.sandbox import Sandbox


@pytest.fixture(scope="session")
def paygrant_sandbox_session() -> "Iterator[Sandbox]":
    """The sandbox behind paygrant_sandbox: one for the session, or for each worker of pytest-xdist.

    For fixtures of your own that live longer than a test. It sets no variables and cleans nothing up.
    """
    from paygrant.sandbox import Sandbox

    with Sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def paygrant_sandbox(paygrant_sandbox_session: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> "Iterator[Sandbox]":
    """A sandbox that stands in for the providers, as good as new for each test (pip install "paygrant[sandbox]").

    Each provider is an attribute: paygrant_sandbox.ripple has base_url, client_id, client_secret, what came in
    (requests, token_requests, api_calls), the tokens alive, and what real life does: fail(503, times=2), revoke(), ...

    For as long as a test uses it,
    - the variables that from_env() reads lead to it: credentials, base URL and environment. What is yours, such as
      RIPPLE_TENANT_ID, stays as it is;
    - nothing is left of earlier tests: no fault or count, and no token, refusal or pause in this process, though its
      source lives on. Share no FileStore or RedisStore among tests: they keep a refusal for a minute;
    - a renewal makes its requests without pauses between them, so that fail(503, times=2) makes no test slow.
      RefreshPolicy(max_attempts=1) makes one request only.
    """
    from paygrant import _clock

    for name in paygrant_sandbox_session.providers:
        for variable, value in getattr(paygrant_sandbox_session, name).environ.items():
            monkeypatch.setenv(variable, value)
        monkeypatch.delenv(f"{name.upper()}_CLIENT_SECRET_FILE", raising=False)
    # Whatever proxy the machine has, it is not for loopback. Of the two names, libraries prefer the small one.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if direct != "*":  # all hosts; urllib knows it only where it stands alone
        direct = f"{direct},127.0.0.1" if direct else "127.0.0.1"
    monkeypatch.setenv("no_proxy", direct)
    monkeypatch.setattr(_clock, "sleep", _no_pause)
    _begin_anew(paygrant_sandbox_session)  # fixtures that live longer may have used it
    yield paygrant_sandbox_session
    _begin_anew(paygrant_sandbox_session)


def _begin_anew(sandbox: "Sandbox") -> None:
    """Forget what was, on both sides."""
    sandbox.reset()  # ends delays: the next line waits for requests that are under way
    from paygrant._cache import registry

    registry.forget_all()
    sandbox.reset()  # those may have led to others


def _no_pause(_seconds: float, _stop: object) -> None:
    """Let no time pass."""
