"""Providers are values: equal, hashable, frozen, and made to be changed and pickled."""

import dataclasses
import pickle
from typing import Any

import pytest

from paygrant import AlternativePayments, Cryptofuse, RipioWidget, Ripple
from paygrant._providers.base import Provider, registration_of
from paygrant._request.credentials import Credentials
from tests.helpers.arguments import refusal
from tests.helpers.providers import (
    ARGUMENTS,
    BASIC_PROVIDERS,
    CLIENT_ID,
    CLIENT_SECRET,
    ENVIRONMENTS,
    each_provider,
    make,
)

OTHER_VALUES: list[tuple[type[Provider], dict[str, Any]]] = [
    *((kind, {"client_id": "another"}) for kind in ARGUMENTS),
    *((kind, {"client_secret": "another"}) for kind in ARGUMENTS),
    *((kind, {"base_url": "https://another.example"}) for kind in ARGUMENTS),
    *((kind, {"environment": "production"}) for kind in ENVIRONMENTS),
    *((kind, {"basic_encoding": "form"}) for kind in BASIC_PROVIDERS),
    (RipioWidget, {"address": "0x06"}),
    (RipioWidget, {"external_ref": "7f1d2a3e-5f0b-4c55-9a52-0f6a6f2f1a02"}),
    (Ripple, {"tenant_id": "another"}),
    (Cryptofuse, {"scope": "read"}),
    (Cryptofuse, {"auth_method": "client_secret_post"}),
]


@each_provider
def test_equal_arguments_make_equal_providers(kind: type[Provider]) -> None:
    provider, twin = make(kind), make(kind)
    assert provider == twin
    assert hash(provider) == hash(twin)
    assert all(provider != make(other) for other in ARGUMENTS if other is not kind)


@pytest.mark.parametrize(("kind", "changes"), OTHER_VALUES)
def test_providers_with_different_arguments_differ_and_share_no_token(
    kind: type[Provider], changes: dict[str, Any]
) -> None:
    provider, other = make(kind), make(kind, **changes)
    assert provider != other
    first, second = registration_of(provider), registration_of(other)
    assert first.cache_key(first.credentials()) != second.cache_key(second.credentials())


def test_environments_behind_one_address_share_no_token() -> None:
    keys = {
        registration_of(
            make(AlternativePayments, base_url="https://gateway.example", environment=environment)
        ).cache_key(Credentials("secret"))
        for environment in ("demo", "production")
    }
    assert len(keys) == 2


@each_provider
def test_a_provider_can_be_pickled(kind: type[Provider]) -> None:
    provider = make(kind)
    copy = pickle.loads(pickle.dumps(provider))
    assert copy == provider
    assert registration_of(copy).secret() == CLIENT_SECRET


@pytest.mark.parametrize(("kind", "changes"), OTHER_VALUES)
def test_a_provider_can_be_changed_into_another(kind: type[Provider], changes: dict[str, Any]) -> None:
    assert dataclasses.replace(make(kind), **changes) == make(kind, **changes)


@each_provider
def test_replace_checks_its_arguments(kind: type[Provider]) -> None:
    refusal(lambda: dataclasses.replace(make(kind), client_id=""), "client_id")


@each_provider
def test_a_provider_is_frozen(kind: type[Provider]) -> None:
    provider: Any = make(kind)
    with pytest.raises(dataclasses.FrozenInstanceError):
        provider.client_id = "another"


@each_provider
def test_the_repr_of_a_provider_shows_its_environment_and_no_credentials(kind: type[Provider]) -> None:
    provider = make(kind)
    assert repr(provider).startswith(
        f"<{kind.__name__} {registration_of(provider).environment or provider.base_url} client="
    )
    assert CLIENT_ID not in repr(provider)
    assert CLIENT_SECRET not in repr(provider)
