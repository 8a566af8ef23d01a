"""The pytest plugin: the fixture ``paygrant_sandbox``, a provider for tests.

    def test_a_wrong_secret_is_reported(paygrant_sandbox):
        paygrant_sandbox.ripple.refuse()
        with pytest.raises(InvalidClient):
            TokenSource(Ripple.from_env(tenant_id="acme")).get()

pytest loads this module in every run where paygrant is installed, so it imports almost nothing. ``paygrant.sandbox``
is the sandbox itself.
"""

import os
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paygrant.sandbox import Sandbox


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the setting for specs of the user's own."""
    about = "Specs that paygrant_sandbox serves, too. Paths start at pytest's root directory."
    parser.addini("paygrant_specs", about, type="linelist")


@pytest.fixture(scope="session")
def paygrant_sandbox_session(pytestconfig: pytest.Config) -> "Iterator[Sandbox]":
    """The sandbox behind paygrant_sandbox: one for each session, or for each worker of pytest-xdist.

    It is for fixtures that live longer than a test. It sets no variables and cleans nothing up.
    """
    from paygrant.sandbox import Sandbox

    specs = [pytestconfig.rootpath / each for each in pytestconfig.getini("paygrant_specs")]
    with Sandbox(specs=specs) as sandbox:
        yield sandbox


@pytest.fixture
def paygrant_sandbox(paygrant_sandbox_session: "Sandbox", monkeypatch: pytest.MonkeyPatch) -> "Iterator[Sandbox]":
    """A sandbox in place of the providers, clean for each test (pip install "paygrant[sandbox]").

    Each provider is an attribute. The setting paygrant_specs adds specs of your own. paygrant_sandbox.ripple has base_url, client_id and client_secret. It also has the
    requests so far (requests, token_requests, api_calls), the valid tokens (tokens), and methods for what can go
    wrong: fail(503, times=2), revoke() and so on.

    During a test that uses it:

    - The variables that from_env() reads point to it: credentials, base URL and environment. Other variables, such as
      RIPPLE_TENANT_ID, do not change. Keys and certificates need pip install "paygrant[keys]".
    - Nothing remains of earlier tests: no fault, count, token, error or pause, even if a token source lives on. Tests
      must not share a FileStore or RedisStore: these keep an error for a minute.
    - Retries make no pauses, so fail(503, times=2) does not slow a test down. RefreshPolicy(max_attempts=1) makes one
      request only.
    """
    from paygrant import _clock
    from paygrant.sandbox.fixture import forget, point_to

    point_to(paygrant_sandbox_session, monkeypatch)
    # A proxy of the machine must not be used for loopback. Libraries prefer the lower-case variable.
    direct = os.environ.get("no_proxy") or os.environ.get("NO_PROXY") or ""
    if direct != "*":  # means all hosts, but urllib understands it only alone
        direct = f"{direct},127.0.0.1" if direct else "127.0.0.1"
    monkeypatch.setenv("no_proxy", direct)
    monkeypatch.setattr(_clock, "sleep", _no_pause)
    forget(paygrant_sandbox_session)  # fixtures that live longer may have used it
    yield paygrant_sandbox_session
    forget(paygrant_sandbox_session)


def _no_pause(_seconds: float, _stop: object) -> None:
    """Do not wait."""
