"""Providers that are made from environment variables and secret files."""

import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paygrant import AlternativePayments, Cryptofuse, RipioRamp, RipioWidget, Ripple, TokenSource
from paygrant._providers.base import Provider, kind_of, registration_of
from tests.helpers.arguments import refusal
from tests.helpers.providers import (
    ARGUMENTS,
    BASIC_PROVIDERS,
    CLIENT_ID,
    CLIENT_SECRET,
    ENVIRONMENTS,
    USER,
    ask,
    each_provider,
    make,
)
from tests.helpers.servers import Server

VARIABLES: dict[type[Provider], dict[str, str]] = {
    RipioRamp: {"RIPIO_RAMP_ENVIRONMENT": "production", "RIPIO_RAMP_BASIC_ENCODING": "form"},
    RipioWidget: {
        "RIPIO_WIDGET_ENVIRONMENT": "production",
        "RIPIO_WIDGET_EXTERNAL_REF": USER,
        "RIPIO_WIDGET_ADDRESS": "0x09",
    },
    Ripple: {"RIPPLE_ENVIRONMENT": "uat", "RIPPLE_AUDIENCE": "urn:ripplexcurrent-uat:acme"},
    AlternativePayments: {
        "ALTERNATIVE_PAYMENTS_ENVIRONMENT": "production",
        "ALTERNATIVE_PAYMENTS_BASIC_ENCODING": "plain",
    },
    Cryptofuse: {
        "CRYPTOFUSE_SCOPE": "read admin",
        "CRYPTOFUSE_AUTH_METHOD": "client_secret_post",
        "CRYPTOFUSE_BASIC_ENCODING": "form",
    },
}
FROM_VARIABLES: dict[type[Provider], dict[str, Any]] = {
    RipioRamp: {"environment": "production", "basic_encoding": "form"},
    RipioWidget: {"environment": "production", "external_ref": USER, "address": "0x09"},
    Ripple: {"environment": "uat", "tenant_id": None, "audience": "urn:ripplexcurrent-uat:acme"},
    AlternativePayments: {"environment": "production", "basic_encoding": "plain"},
    Cryptofuse: {"scope": ("read", "admin"), "auth_method": "client_secret_post", "basic_encoding": "form"},
}


def prefix(kind: type[Provider]) -> str:
    return kind_of(kind).name.upper()


@pytest.fixture
def environ(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Sets a provider's variables: those of ``make(kind, **FROM_VARIABLES[kind], base_url=...)``, and changes."""

    def set_variables(kind: type[Provider], **changes: str | None) -> None:
        common = {"CLIENT_ID": CLIENT_ID, "CLIENT_SECRET": CLIENT_SECRET, "BASE_URL": "https://gateway.example/"}
        variables: dict[str, str | None] = {
            **{f"{prefix(kind)}_{name}": value for name, value in common.items()},
            **VARIABLES[kind],
            **{f"{prefix(kind)}_{name}": value for name, value in changes.items()},
        }
        for name, value in variables.items():
            if value is None:
                monkeypatch.delenv(name, raising=False)
            else:
                monkeypatch.setenv(name, value)

    for name in list(os.environ):
        if any(name.startswith(f"{prefix(kind)}_") for kind in ARGUMENTS):
            monkeypatch.delenv(name)
    return set_variables


@each_provider
def test_from_env_reads_all_variables(kind: type[Provider], environ: Callable[..., None]) -> None:
    environ(kind)
    assert kind.from_env() == make(kind, **FROM_VARIABLES[kind], base_url="https://gateway.example")


@each_provider
def test_an_override_wins_over_a_variable(kind: type[Provider], environ: Callable[..., None]) -> None:
    environ(kind, CLIENT_ID="from-the-environment", CLIENT_SECRET="bad\nsecret")
    given = kind.from_env(client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    assert given == make(kind, **FROM_VARIABLES[kind], base_url="https://gateway.example")


@each_provider
def test_an_override_replaces_a_missing_variable(kind: type[Provider], environ: Callable[..., None]) -> None:
    environ(kind, CLIENT_SECRET=None)
    assert registration_of(kind.from_env(client_secret=CLIENT_SECRET)).secret() == CLIENT_SECRET


@each_provider
@pytest.mark.parametrize("value", [None, ""])
@pytest.mark.parametrize("name", ["CLIENT_ID", "CLIENT_SECRET"])
def test_a_missing_variable_is_named(
    kind: type[Provider], value: str | None, name: str, environ: Callable[..., None]
) -> None:
    environ(kind, **{name: value})
    variable = f"{prefix(kind)}_{name}"
    text = refusal(kind.from_env, variable)
    assert text.startswith(f"environment variable {variable}: is missing; expected a value for {variable}")
    assert ("(or ..._FILE)" in text) is (name == "CLIENT_SECRET")


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        *((kind, "ENVIRONMENT") for kind in ENVIRONMENTS),
        (RipioWidget, "EXTERNAL_REF"),
        (RipioWidget, "ADDRESS"),
        (Cryptofuse, "BASE_URL"),
    ],
)
def test_a_missing_variable_of_one_provider_is_named(
    kind: type[Provider], name: str, environ: Callable[..., None]
) -> None:
    environ(kind, **{name: None})
    refusal(kind.from_env, f"{prefix(kind)}_{name}")


def test_ripples_missing_tenant_is_named(environ: Callable[..., None]) -> None:
    environ(Ripple, AUDIENCE=None)
    assert "environment variable RIPPLE_TENANT_ID: is missing" in refusal(Ripple.from_env, "RIPPLE_TENANT_ID")


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [
        *((kind, "CLIENT_SECRET", "canary\nsecret") for kind in ARGUMENTS),
        *((kind, "BASE_URL", "http://example.com") for kind in ARGUMENTS),
        *((kind, "ENVIRONMENT", "live") for kind in ENVIRONMENTS),
        *((kind, "BASIC_ENCODING", "base64") for kind in BASIC_PROVIDERS),
        (Ripple, "AUDIENCE", "urn:ripplexcurrent-prod:acme"),
        (RipioWidget, "EXTERNAL_REF", "USER_1111"),
        (RipioWidget, "ALLOW_ANY_EXTERNAL_REF", "no"),
        (Cryptofuse, "SCOPE", "read  write"),
        (Cryptofuse, "AUTH_METHOD", "cookie"),
    ],
)
def test_a_variable_with_a_bad_value_is_named(
    kind: type[Provider], name: str, value: str, environ: Callable[..., None]
) -> None:
    environ(kind, **{name: value})
    text = refusal(kind.from_env, f"{prefix(kind)}_{name}")
    assert text.startswith(f"environment variable {prefix(kind)}_{name}: ")
    assert "canary" not in text


def test_a_bad_override_is_named_as_an_argument(environ: Callable[..., None]) -> None:
    environ(Ripple)
    assert refusal(lambda: Ripple.from_env(environment="live"), "environment").startswith("environment: is 'live'")


def test_a_secret_file_is_read_for_each_request(server: Server, tmp_path: Path, environ: Callable[..., None]) -> None:
    file = tmp_path / "secret"
    file.write_text("first\n", encoding="utf-8-sig")  # a byte order mark is no part of the secret
    environ(Ripple, CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file), BASE_URL=server.base_url)
    source = TokenSource(Ripple.from_env())
    source.invalidate(source.get())
    file.write_text("sécond", encoding="utf-8")
    source.get()
    assert [re.findall('"client_secret":"[^"]*"', seen.body.decode())[0] for seen in server.seen] == [
        '"client_secret":"first"',
        '"client_secret":"sécond"',
    ]


@each_provider
def test_each_provider_takes_a_secret_file(kind: type[Provider], tmp_path: Path, environ: Callable[..., None]) -> None:
    file = tmp_path / "secret"
    file.write_bytes(b"from a file\r\n")
    environ(kind, CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file))
    assert registration_of(kind.from_env()).secret() == "from a file"


def test_a_secret_beside_a_secret_file_is_refused(tmp_path: Path, environ: Callable[..., None]) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file")
    environ(Ripple, CLIENT_SECRET_FILE=str(file))
    text = refusal(Ripple.from_env, "RIPPLE_CLIENT_SECRET_FILE")
    assert "is set together with RIPPLE_CLIENT_SECRET; expected one of the two" in text
    assert registration_of(Ripple.from_env(client_secret="from the call")).secret() == "from the call"


@pytest.mark.parametrize(
    ("content", "fault"),
    [
        (b"", "is empty"),
        (b"\r\n", "is empty"),
        (b"canary-\xff", "holds no text in UTF-8"),
        (None, r"cannot be read \(FileNotFoundError\)"),
        (b"canary-\x00", "holds a control character"),
    ],
)
def test_a_bad_secret_file_is_refused_when_the_provider_is_made(
    content: bytes | None, fault: str, tmp_path: Path, environ: Callable[..., None]
) -> None:
    file = tmp_path / "mounted"
    if content is not None:
        file.write_bytes(content)
    environ(Ripple, CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file))
    text = refusal(Ripple.from_env, "RIPPLE_CLIENT_SECRET_FILE")
    assert re.match(rf"environment variable RIPPLE_CLIENT_SECRET_FILE: .*{fault}; expected ", text)
    assert "canary" not in text


def test_a_deleted_secret_file_sends_nothing(server: Server, tmp_path: Path, environ: Callable[..., None]) -> None:
    file = tmp_path / "secret"
    file.write_text("there")
    environ(Ripple, CLIENT_SECRET=None, CLIENT_SECRET_FILE=str(file), BASE_URL=server.base_url)
    provider = Ripple.from_env()
    file.unlink()
    assert "cannot be read (FileNotFoundError)" in refusal(lambda: ask(provider), "client_secret")
    assert server.seen == []
