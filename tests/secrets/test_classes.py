"""No class of the two packages shows a secret: each is filled with canaries and shown."""

import dataclasses
import inspect
import re
import subprocess
import sys
from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from importlib import import_module
from pathlib import Path
from pkgutil import walk_packages
from tempfile import mkdtemp
from textwrap import dedent
from typing import Any, cast

import click
import pytest

import paygrant
import paygrant_clients
from paygrant import (
    ClientCredentials,
    FileStore,
    MemoryStore,
    RedisStore,
    RefreshPolicy,
    RipioWidget,
    Token,
    TokenSource,
)
from paygrant._auth.bearer import Authorization
from paygrant._auth.httpx import HeadersBySentName
from paygrant._providers.base import Provider
from paygrant._providers.keyed import KeyedProvider
from paygrant._providers.ripio import WidgetURL
from paygrant._providers.spec_provider import SpecProvider
from paygrant._stores.base import Entry
from paygrant._stores.codec import Codec
from paygrant._tokens.lifecycle import Grant
from paygrant.cli import _catalog, _failures
from paygrant.doctor import Finding
from paygrant.sandbox import Client, Fault, ProviderHandle, RecordedRequest, Sandbox
from paygrant.sandbox._endpoint import UnusualType
from paygrant.sandbox._fault_kinds import KINDS, FaultKind, FaultParameter
from paygrant.sandbox._guard import RequestError
from paygrant_clients.ripple.client import Client as GeneratedClient
from paygrant_clients.ripple.models import TokenResponse
from tests.helpers import box
from tests.helpers.exposure import shown
from tests.helpers.keys import Authority
from tests.helpers.providers import ARGUMENTS, make
from tests.helpers.secrets import CORES, CREDENTIALS, SECRET, TOKEN, found


def ripio_widget() -> RipioWidget:
    return make(RipioWidget, **CREDENTIALS)


def classes() -> list[type]:
    """All classes of the two packages, those of private modules too."""
    classes: list[type] = []
    for package in (paygrant, paygrant_clients):
        for module in walk_packages(package.__path__, f"{package.__name__}."):
            if not module.name.endswith("__main__"):
                members = vars(import_module(module.name)).values()
                own = {module.name, "paygrant"}  # errors go by the package's name
                classes += [each for each in members if inspect.isclass(each) and each.__module__ in own]
    return list(dict.fromkeys(classes))


def speaks(kind: type[Any]) -> bool:
    """Whether a class says more of its instances than object does."""
    return any(getattr(kind, name) is not getattr(object, name) for name in ("__repr__", "__str__", "__format__"))


PAIR = Authority().issue("client", password=CORES[1])


def in_file(text: str) -> str:
    """The path of a file that holds a text."""
    file = Path(mkdtemp(), "pair.pem")
    file.write_text(text, "utf-8")
    return str(file)


HARMLESS: dict[str, Any] = {
    "algorithm": "ES256",
    "assertion_audience": None,
    "certificate": None,
    "certificate_file": in_file(PAIR[0]),
    "dpop": False,
    "key_id": None,
    "private_key": None,
    "private_key_file": in_file(PAIR[1]),
    "allow_any_external_ref": True,
    "audience": "urn:ripplexcurrent-test:acme",
    "auth_header_name": "X-Authorization",
    "base_url": "http://127.0.0.1",
    "basic_encoding": "plain",
    "auth_method": "client_secret_basic",
    "file_name": "receipt.pdf",
    "grant_type": "client_credentials",
    "level": 1,
    "message": "a fault",
    "mime_type": "application/pdf",
    "path": "/run/secrets/ripple",
    "prefix": "Token",
    "provider": "ripple",
    "scope": ("read",),
    "timeout": 5,
    "token_type": "Bearer",
    "verify_ssl": True,
}
"""Parameters that are no secrets, or that take certain values only."""

HARMLESS_IN_RESPONSES = dict.fromkeys(
    ("client_version", "expires_at", "expires_in", "request_id", "resource", "sub"), "words"
)
"""Fields of some generated models that are no secrets."""

WITH_CANARIES: dict[str, Any] = {
    "outcome": Grant(Token(CORES[2]), 0, 1),
    "parsed": TokenResponse(access_token=CORES[2]),
    "policy": RefreshPolicy(),
    "response": TokenResponse(access_token=CORES[2]),
    "store": MemoryStore(),
    "tenant_id": CORES[1],
    "token": Token(CORES[2]),
    "transport": None,
}
KEY = urlsafe_b64encode(f"{CORES[1]:32}".encode()).decode()
"""A key that Fernet takes."""


def filled(name: str, annotation: str) -> Any:
    """An argument that holds a canary wherever its type allows one."""
    if name in WITH_CANARIES and "str" not in annotation:
        return WITH_CANARIES[name]
    by_type = {"bytes": SECRET.encode(), "dict": {SECRET: SECRET}, "Mapping": {SECRET: SECRET}, "tuple": (SECRET,)}
    others = {"datetime": datetime.now(UTC), "float": 1.0, "int": 1, "bool": False, "HTTPStatus": 200, "BinaryIO": None}
    for word, value in (by_type | ({} if "str" in annotation else others)).items():
        if word in annotation:
            return value
    return CORES[1]


def parameters(kind: type[Any]) -> dict[str, str]:
    """What a class is made with: names, and types as texts."""
    try:
        signature = inspect.signature(kind)
    except ValueError:  # as built in
        return {}
    variable = {inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD}
    return {name: str(each.annotation) for name, each in signature.parameters.items() if each.kind not in variable}


DESCRIBED: dict[type[Provider], dict[str, Any]] = {
    SpecProvider: {
        "spec": Path(__file__).parents[1] / "endpoints/custom/signed_app.yaml",
        "environment": "production",
        "auth_method": None,
        "authenticate": print,
    },
    ClientCredentials: {
        "token_url": "http://127.0.0.1/token",
        "parameters": {"audience": CORES[1]},
        "name": "shop",
        "body": "form",
    },
}
"""The arguments of providers that need a spec or an address."""


def of_the_box(kind: type[Any]) -> dict[str, Any]:
    """The arguments of a generated class of providers that take certain values only."""
    package, _, name = kind.__module__.rpartition(".")
    if package != "paygrant_clients":
        return {}
    keys = {"private_key": box.credentials_of(name)["private_key"], "dpop": True} if name in box.AUDIENCES else {}
    return {"environment": "production", **box.ARGUMENTS.get(name, {}), **keys}


def arguments_of(kind: type[Any]) -> dict[str, Any]:
    """Arguments that make an instance of a class, with canaries wherever they are taken."""
    own: dict[str, Any] = {}
    if Provider in kind.__mro__:
        own = {**ARGUMENTS.get(kind, {}), **DESCRIBED.get(kind, {}), "audience": None} | of_the_box(kind)
    elif kind is TokenSource:
        own = {"provider": ripio_widget(), "transport_name": None}
    elif kind in {FaultKind, FaultParameter, Finding, UnusualType, RecordedRequest, RequestError}:  # made to be shown
        own = dict.fromkeys(parameters(kind), "words")
    elif kind is Entry:
        own = {"environment": "test"}
    elif kind in {_catalog.ProviderParameter, _failures.Failure, _failures.UnknownWord}:  # of docstrings and errors
        own = {**dict.fromkeys(parameters(kind), "words"), "ctx": None}
    elif issubclass(kind, click.Command):
        own = {**dict.fromkeys(parameters(kind), "words"), "builders": {}, "params": (), "provider_params": ()}
    elif kind is Fault:
        own = {"kind": KINDS["fail"], "on": "token", "parameters": {}}
    elif kind is ProviderHandle:
        own = {"provider": Sandbox(client=Client(*CORES[:2]))._providers["ripple"], "client": Client(*CORES[:2])}
    elif kind in {Codec, FileStore, RedisStore}:
        own = {"key": KEY, "client_or_url": f"redis://{CORES[0]}:{CORES[1]}@127.0.0.1:1"}
    own |= {"private_key": PAIR[1], "password": CORES[1]} if kind is paygrant.SigningKey else {}
    unnamed = {"installation_id": 7} if kind is SpecProvider else {}
    own |= HARMLESS_IN_RESPONSES if kind.__module__.startswith("paygrant_clients.") else {}
    return unnamed | {
        name: own[name] if name in own else HARMLESS[name] if name in HARMLESS else filled(name, annotation)
        for name, annotation in parameters(kind).items()
    }


def instance(kind: Any) -> Any:
    """An instance of a class with canaries in it."""
    if kind is WidgetURL:
        return ripio_widget().widget_url(Token(TOKEN))
    if kind is Authorization:
        return Authorization(Token(TOKEN).authorization)
    if issubclass(kind, Enum):
        return list(kind)
    if issubclass(kind, HeadersBySentName):
        headers = kind() if kind is HeadersBySentName else cast("Any", kind)({"Accept": "*/*"})
        headers.put({"X-Key": TOKEN})
        return headers
    made = kind(**arguments_of(kind))
    if hasattr(made, "additional_properties"):
        made.additional_properties = {SECRET: SECRET}
    return made


ABSTRACT = {Provider, KeyedProvider}
WORDS_OF_SPECS = ("paygrant._spec", "paygrant.generate", "paygrant.propose")
"""Modules whose classes hold what stands in specs, and no secret."""

EVERY_CLASS = [kind for kind in classes() if kind not in ABSTRACT and not kind.__module__.startswith(WORDS_OF_SPECS)]


@pytest.mark.parametrize("kind", [*filter(speaks, EVERY_CLASS)], ids=lambda kind: f"{kind.__module__}.{kind.__name__}")
def test_no_class_shows_a_secret(kind: type) -> None:
    assert found("\n".join(shown(instance(kind)))) == set()


def test_the_walk_reaches_all_classes() -> None:
    names = {kind.__name__ for kind in EVERY_CLASS}
    assert names.issuperset({*paygrant.__all__} - {"Provider", "basic_credentials", "ripple_audience"})
    assert names.issuperset(
        {"Cache", "PendingRenewal", "Grant", "Entry", "ResponseReader", "RawResponse", "SecretFile", "WidgetURL"}
    )
    assert names.issuperset({"Codec", "Life", "Meter", "State", "FailSafeStore"})
    for model in ("TokenRequest", "TokenResponse", "TokenError", "Client", "AuthenticatedClient", "UnexpectedStatus"):
        assert [kind.__name__ for kind in EVERY_CLASS].count(model) >= 5
    assert {kind.__name__ for kind in EVERY_CLASS if speaks(kind)}.issuperset({"Token", "TokenSource", "Ripple"})
    assert {name for kind in EVERY_CLASS for name in parameters(kind)}.issuperset(HARMLESS | WITH_CANARIES)


def test_the_walk_finds_a_class_that_shows_something() -> None:
    @dataclass
    class Loose:
        client_secret: str

    @dataclass
    class LooseResponse:
        body: bytes

    class LooseText:
        def __init__(self, access_token: str) -> None:
            self.access_token = access_token

        def __str__(self) -> str:
            return self.access_token

    for kind in (Loose, LooseResponse, LooseText):
        assert speaks(kind)
        assert found("\n".join(shown(instance(kind)))) == {CORES[1]}


# Failed assertions


def is_compared_by_fields(kind: Any) -> bool:
    """Whether pytest takes the comparison of a class for a generated one, and so prints its fields."""
    if not (dataclasses.is_dataclass(kind) or hasattr(kind, "__attrs_attrs__")):
        return False
    code = getattr(kind.__eq__, "__code__", None)
    return code is None or code.co_filename == "<string>" or "attrs generated" in code.co_filename


WITHOUT_SECRETS = {
    *("Argument", "Certificate", "Installed", "ProviderKind", "ReadSpec"),
    *("FaultKind", "FaultParameter", "Finding", "Handshake", "Life", "Limit", "ProviderParameter"),
    *("RecordedRequest", "RefreshPolicy", "SecretFile", "StoredEntry", "UnusualType", "_Check"),
}
"""Dataclasses that hold none, or only values that mask themselves."""


def test_no_class_with_a_secret_is_compared_by_its_fields() -> None:
    assert {kind.__name__ for kind in EVERY_CLASS if is_compared_by_fields(kind)} <= WITHOUT_SECRETS


def test_a_failed_assertion_shows_no_secret(tmp_path: Path) -> None:
    program = """
        import pytest
        from dataclasses import replace
        from paygrant import ClientCredentials, Entry, MemoryStore, Ripple, Token, TokenSource, UnsignedRequest
        from paygrant._cache.acquire import Acquired
        from paygrant._providers.base import registration_of
        from paygrant._request.jws import SecretSigner
        from paygrant._tokens.lifecycle import Grant
        from paygrant.sandbox import Client
        from paygrant_clients.ripple.client import AuthenticatedClient
        from paygrant_clients.ripple.models import TokenRequest, TokenResponse

        def ripple(secret):
            return Ripple(client_id="cid", client_secret=secret, tenant_id="acme", environment="test")

        def request(secret):
            return UnsignedRequest("POST", "https://a.example", "cid", secret, None, fields={"s": secret})

        MAKERS = {
            "token": Token,
            "token with a response": lambda secret: Token(secret, response=TokenResponse(secret)),
            "provider": ripple,
            "other provider": lambda secret: ClientCredentials(
                client_id="cid", client_secret=secret, token_url="https://a.example/t"),
            "request": request,
            "response": TokenResponse,
            "client": lambda secret: AuthenticatedClient("https://a.example", secret),
            "sandbox's client": lambda secret: Client("cid", secret),
            "registration": lambda secret: registration_of(ripple(secret)),
            "credentials": lambda secret: registration_of(ripple(secret)).credentials(),
            "signer": lambda secret: SecretSigner(secret, "HS256"),
            "grant": lambda secret: Grant(Token(secret), 0.0, 60.0),
            "entry": lambda secret: Entry(Grant(Token(secret), 0.0, 60.0), 60.0),
            "acquired": lambda secret: Acquired(Grant(Token(secret), 0.0, 60.0), "key"),
        }

        @pytest.mark.parametrize("make", MAKERS.values(), ids=MAKERS)
        @pytest.mark.parametrize("wrap", [lambda it: it, lambda it: [it], lambda it: {"it": it}, lambda it: (1, it)])
        def test_it(make, wrap):
            one, other = (wrap(make(f"TOKENSECRET-{each}")) for each in ("aaaa", "bbbb"))
            assert one == other
    """
    path = tmp_path / "test_them.py"
    path.write_text(dedent(program), "utf-8")
    for more in ([], ["-vv"], ["-vv", "--showlocals"], ["-p", "no:paygrant"]):
        command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-q", *more, path.name]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
        assert "56 failed" in done.stdout
        shown = [line for line in done.stdout.splitlines() if re.match("E |(one|other) +=", line)]
        assert shown
        assert "SECRET" not in "\n".join(shown)


@pytest.mark.parametrize("kind", [TokenResponse, GeneratedClient])
def test_generated_classes_are_compared_as_before(kind: Any) -> None:
    one, same, other = kind("a"), kind("a"), kind("b")
    assert one == same
    assert one != other
    assert one != "a"
    assert kind.__hash__ is None
