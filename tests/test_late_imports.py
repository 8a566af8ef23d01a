"""What a process imports: little before the first token, and no module of a feature that it does not use."""

import subprocess
import sys

import pytest

_TOKEN = """
import httpx
from paygrant import {kind}, MemoryStore, TokenAuth, TokenSource

def respond(request):
    document = {{"access_token": "t", "token": "t", "token_type": "Bearer", "expires_in": 60, "succeed": True}}
    return httpx.Response(200, json=document)

provider = {kind}({arguments})
source = TokenSource(provider, store=MemoryStore(), transport=httpx.MockTransport(respond))
assert TokenAuth(source) and source.get().access_token == "t"
"""

_BY_SECRET = {
    "Cryptofuse": "client_id='c', client_secret='s', base_url='https://acme.example'",
    "Ripple": "client_id='c', client_secret='s', environment='test', tenant_id='acme'",
    "ClientCredentials": "client_id='c', client_secret='s', token_url='https://acme.example/token'",
}

KEYS = {f"paygrant._request.{name}" for name in ("assertion", "certificate", "dpop", "jws", "signing_key")}
"""Modules that only a client with a key, a certificate or proofs needs."""

SELDOM = {
    "paygrant._cache.single_use",
    "paygrant._providers.function_identity",
    "paygrant._providers.registry",
    "paygrant._spec.names",
    "paygrant._stores.file",
    "paygrant._stores.redis",
    "paygrant._text",
    "paygrant.cli",
}
"""Modules of features that a first token with a shared secret does not use."""

PACKAGES = {"anyio", "attrs", "click", "cryptography", "importlib.metadata", "opentelemetry", "redis", "trio", "yaml"}


def loaded(program: str) -> set[str]:
    """The modules that a new interpreter has after a program. httpx and httpcore import click, trio and anyio themselves."""
    hidden = "import sys\nsys.modules.update(click=None, trio=None, anyio=None)\n"
    shown = "\nprint(*(name for name, module in sys.modules.items() if module))"
    ran = subprocess.run([sys.executable, "-c", hidden + program + shown], check=True, capture_output=True, text=True)
    return set(ran.stdout.split())


def test_importing_paygrant_imports_no_other_module_of_it() -> None:
    assert {name for name in loaded("import paygrant") if name.startswith("paygrant")} == {"paygrant"}


def test_importing_the_classes_of_a_client_imports_neither_its_machinery_nor_the_reader_of_specs() -> None:
    found = loaded("from paygrant import Ripple, TokenAuth, TokenSource")
    late = {"paygrant._cache.registry", "paygrant._request.send", "paygrant._spec.description", "paygrant._spec.reader"}
    assert not found & (KEYS | SELDOM | PACKAGES | late)


@pytest.mark.parametrize("kind", _BY_SECRET)
def test_a_first_token_by_a_shared_secret_imports_nothing_for_keys_nor_for_other_features(kind: str) -> None:
    found = loaded(_TOKEN.format(kind=kind, arguments=_BY_SECRET[kind]))
    assert "paygrant._request.send" in found
    assert not found & (KEYS | SELDOM | PACKAGES)


def test_a_client_with_a_key_imports_only_what_this_key_needs() -> None:
    arguments = f"{_BY_SECRET['ClientCredentials']}, auth_method='client_secret_jwt'"
    found = loaded(_TOKEN.format(kind="ClientCredentials", arguments=arguments))
    assert "paygrant._request.jws" in found
    assert not found & {"paygrant._request.certificate", "paygrant._request.dpop", *SELDOM, *PACKAGES}
