"""How an acquirer uses the store, and its error if there is no token in time."""

from collections.abc import Generator
from contextlib import contextmanager

import pytest

from paygrant import Cryptofuse, Entry, MemoryStore, ProviderUnavailable, RefreshPolicy, Ripple, _clock
from paygrant._cache.acquire import Acquired, TokenAcquirer
from paygrant._providers.base import Provider, registration_of
from paygrant._telemetry import Meter
from tests.helpers.providers import make
from tests.helpers.servers import Server


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


class Noting(MemoryStore):
    """A store that notes what is done with it. Another process may save a token while its lock is awaited."""

    def __init__(self) -> None:
        super().__init__()
        self.leases: list[float] = []
        self.saved: list[tuple[str, Entry]] = []
        self.of_another: Entry | None = None

    @contextmanager
    def lock(self, key: str, lease: float) -> Generator[None]:
        self.leases.append(lease)
        if self.of_another:
            super().save(key, self.of_another)
        with super().lock(key, lease):
            yield

    def save(self, key: str, entry: Entry) -> None:
        self.saved.append((key, entry))
        super().save(key, entry)


def test_a_token_is_requested_under_the_lock_unless_the_store_has_it(server: Server) -> None:
    provider, store = make(Ripple, base_url=server.base_url), Noting()
    registration = registration_of(provider)
    meter = Meter(registration.name, "test")
    acquirer = TokenAcquirer(provider, store, RefreshPolicy(deadline=20), None, meter, "", lambda task: task())

    def acquire() -> Acquired:
        return acquirer.acquire(lambda grant: grant, _clock.Event(), lambda: None, note)

    def note(acquired: Acquired) -> None:
        noted.append((acquired, len(store.saved)))

    noted = list[tuple[Acquired, int]]()
    first = acquire()
    assert [(acquired.grant.token, saved) for acquired, saved in noted] == [
        (first.grant.token, 0)
    ]  # before it is saved
    key = registration.cache_key(registration.credentials())
    ((saved_key, entry),) = store.saved
    assert (first.key, saved_key) == (key, key)
    assert entry.outcome == first.grant
    assert (entry.provider, entry.environment) == ("ripple", "test")
    assert store.leases == [25.0]  # a little longer than the deadline
    second = acquire()
    assert (second.grant.token, second.key) == (first.grant.token, key)
    assert store.leases == [25.0]  # a token that is there needs no lock
    acquirer.discard(first)
    store.of_another = entry
    assert acquire().grant.token == first.grant.token
    assert len(store.leases) == 2
    assert len(server.seen) == len(noted) == 1
