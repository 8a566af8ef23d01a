"""The error that a response leads to, checked for what every error must say and must not show."""

from base64 import b64encode
from typing import Any

import pytest

from paygrant import TokenError
from paygrant._providers.base import Provider, registration_of
from tests.helpers.providers import CLIENT_ID, CLIENT_SECRET, ask, make

TOKEN = "canary-token-of-straw"
BASIC = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()


def failure(kind: type[Provider], base_url: str, **options: Any) -> TokenError:
    """The error that a provider's response leads to. It must name the provider and show no secret."""
    provider = make(kind, base_url=base_url, client_secret=options.pop("client_secret", CLIENT_SECRET))
    with pytest.raises(TokenError) as caught:
        ask(provider, **options)
    error = caught.value
    registration = registration_of(provider)
    name, environment = registration.name, registration.environment
    assert (error.provider, error.environment) == (name, environment)
    text = str(error)
    where = f"{name} ({environment})" if environment else name
    assert text.startswith(f"{where}: status {error.status}, " if error.status else f"{where}: ")
    assert text.isprintable()
    assert len(text) < 1000
    for shown in (text, repr(error), *map(str, vars(error).values())):
        assert not [secret for secret in (CLIENT_ID, CLIENT_SECRET, BASIC, TOKEN) if secret in shown]
    return error
