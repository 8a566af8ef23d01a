"""The error of an acquirer that brings no token in time."""

import pytest

from paygrant import Cryptofuse, MemoryStore, ProviderUnavailable, RefreshPolicy, Ripple
from paygrant._cache.acquire import TokenAcquirer
from paygrant._providers.base import Provider, registration_of
from paygrant._telemetry import Meter
from tests.helpers.providers import make


@pytest.mark.parametrize(
    ("kind", "where", "environment"),
    [
        (Ripple, "ripple (test)", "test"),
        (Cryptofuse, "cryptofuse", None),
    ],
)
def test_an_error_for_a_late_token_names_provider_and_environment(
    kind: type[Provider], where: str, environment: str | None
) -> None:
    provider = make(kind)
    meter = Meter(registration_of(provider).name, environment or "")
    error = TokenAcquirer(provider, MemoryStore(), RefreshPolicy(), None, meter, "", lambda task: task()).too_late()
    assert type(error) is ProviderUnavailable
    assert str(error) == f"{where}: no token before the deadline"
    assert (error.provider, error.environment) == (where.partition(" ")[0], environment)
