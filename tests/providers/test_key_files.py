"""Keys and certificates from files that environment variables or options name."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from paygrant import ClientCertificate, ClientCredentials, ConfigurationError, Provider, SigningKey, SpecProvider
from paygrant._providers import secret_file
from paygrant._providers.base import registration_of
from paygrant._providers.key_file import KeyFile
from paygrant.cli import main
from tests.helpers.keys import Authority, pem, public_pem
from tests.helpers.short import written

DOCUSIGN = Path(__file__).parents[1] / "endpoints/docusign.yaml"
Variables = Callable[..., None]


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    """Files with keys and certificates, by what they hold."""
    certificate, key = Authority().issue("client")
    texts = {
        "key": pem("RS256"),
        "other": pem("ES256"),
        "public": public_pem("RS256"),
        "locked": pem("RS256", password="canary-password"),
        "certificate": certificate,
        "certificate_key": key,
        "both": f"{certificate}\n{key}",
    }
    for name, text in texts.items():
        (tmp_path / f"{name}.pem").write_text(text, "utf-8")
    (tmp_path / "der.pem").write_bytes(b"\x30\x82\xff\xfe")
    return {name: str(tmp_path / f"{name}.pem") for name in [*texts, "der"]}


@pytest.fixture
def variables(monkeypatch: pytest.MonkeyPatch) -> Variables:
    def set_all(prefix: str, **values: str) -> None:
        for name, value in {"CLIENT_ID": "id", **values}.items():
            monkeypatch.setenv(f"{prefix}_{name}", value)

    return set_all


def own(**overrides: Any) -> ClientCredentials:
    return ClientCredentials.from_env("SHOP", token_url="https://a.example/token", **overrides)


def test_a_variable_binds_tokens_to_a_key_of_the_process(variables: Variables) -> None:
    variables("SHOP", CLIENT_SECRET="s", DPOP="true")
    assert own().dpop is True
    variables("SHOP", CLIENT_SECRET="s", DPOP="yes please")
    with pytest.raises(ConfigurationError, match="SHOP_DPOP: is 'yes please'; expected true or false"):
        own()


def test_a_variable_binds_tokens_to_the_key_in_a_file(files: dict[str, str], variables: Variables) -> None:
    variables("SHOP", CLIENT_SECRET="s", DPOP_KEY_FILE=files["other"])
    key = SigningKey(pem("ES256"))
    assert own().dpop == key
    assert registration_of(own()).may_persist
    variables("SHOP", DPOP="true")
    assert own().dpop == own(dpop=True).dpop == key
    assert own(dpop=False).dpop is False
    assert own(dpop=SigningKey(pem("RS256"))).dpop == SigningKey(pem("RS256"))


def test_a_variable_may_have_the_key_itself(variables: Variables) -> None:
    variables("SHOP", CLIENT_SECRET="s", DPOP_KEY=pem("EdDSA").replace("\n", "\\n"))
    assert own().dpop == SigningKey(pem("EdDSA"))


def test_an_argument_replaces_the_variables_for_what_it_is_made_of(files: dict[str, str], variables: Variables) -> None:
    variables("SHOP", CLIENT_SECRET="s", DPOP="false", CERTIFICATE_FILE=files["both"])
    certificate = ClientCertificate(files["certificate"], files["certificate_key"])
    assert own(certificate=certificate).certificate == certificate
    assert own(dpop_key=pem("ES256")).dpop == SigningKey(pem("ES256"))
    with pytest.raises(ConfigurationError, match="dpop_key: is given together with dpop; expected one of the two"):
        own(dpop_key=pem("ES256"), dpop=SigningKey(pem("RS256")))


QUERY = "openapi: 3.1.0\npaths: {/token: {post: {}}}\nx-token-endpoint:\n  client_authentication: [{method: client_secret_basic}]\n  token_use: {query: access_token}\n"


def test_a_key_for_an_api_that_takes_no_proofs_names_its_variable(
    files: dict[str, str], variables: Variables, tmp_path: Path
) -> None:
    path = written(tmp_path, QUERY, "shop.yaml")
    facts = {"BASE_URL": "https://a.example", "CLIENT_SECRET": "s"}
    variables("SHOP", **facts, DPOP_KEY_FILE=files["other"])
    with pytest.raises(ConfigurationError, match="environment variable SHOP_DPOP_KEY_FILE: is given, but API calls"):
        SpecProvider.from_env(path)


@pytest.mark.parametrize("name", ["PRIVATE_KEY_FILE", "DPOP_KEY_FILE"])
def test_the_files_of_keys_are_read_in_time(
    name: str, files: dict[str, str], tmp_path: Path, variables: Variables, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_file, "LONGEST_READ", 0.1)
    os.mkfifo(tmp_path / "pipe")
    variables("SHOP", AUTH_METHOD="private_key_jwt", **{"PRIVATE_KEY_FILE": files["key"], name: str(tmp_path / "pipe")})
    with pytest.raises(ConfigurationError, match=f"SHOP_{name}: could not be read in time"):
        own()


def spec() -> Provider:
    return SpecProvider.from_env(DOCUSIGN)


def test_a_key_for_assertions_comes_from_its_file(files: dict[str, str], variables: Variables) -> None:
    variables("SHOP", AUTH_METHOD="private_key_jwt", PRIVATE_KEY_FILE=files["key"], KEY_ID="k1")
    assert own().private_key == KeyFile(files["key"], "k1")
    signer = registration_of(own()).credentials().signer
    assert signer is not None
    assert (signer.algorithm, signer.key_id) == ("RS256", "k1")


@pytest.mark.parametrize("text", ["", "-----BEGIN PRIVATE KEY-----\nMII", None])
def test_the_earlier_key_goes_on_while_the_file_is_being_written(tmp_path: Path, text: str | None) -> None:
    path = tmp_path / "key.pem"
    path.write_text(pem("ES256"), "utf-8")
    read = KeyFile(str(path))
    first = read()
    path.unlink() if text is None else path.write_text(text, "utf-8")
    assert read() is first
    path.write_text(pem("ES256", 2), "utf-8")
    assert read() != first
    path.unlink()
    with pytest.raises(ConfigurationError, match="FileNotFoundError"):
        KeyFile(str(path))()


def test_a_spec_has_variables_for_its_key_and_claims(files: dict[str, str], variables: Variables) -> None:
    facts = {"ENVIRONMENT": "demo", "USER_ID": "u", "SCOPE": "signature", "AUDIENCE": "a"}
    variables("DOCUSIGN", PRIVATE_KEY_FILE=files["key"], **facts)
    assert registration_of(spec()).credentials().signer
    variables("DOCUSIGN", PRIVATE_KEY_FILE=files["public"])
    with pytest.raises(ConfigurationError, match="DOCUSIGN_PRIVATE_KEY_FILE: is a public key"):
        spec()


def test_the_private_key_file_belongs_to_the_certificate_of_tls_client_auth(
    files: dict[str, str], variables: Variables
) -> None:
    variables("SHOP", AUTH_METHOD="tls_client_auth", CERTIFICATE_FILE=files["certificate"])
    variables("SHOP", PRIVATE_KEY_FILE=files["certificate_key"])
    assert own().certificate == ClientCertificate(files["certificate"], files["certificate_key"])
    assert own().private_key is None


def test_a_certificate_file_may_hold_the_key_as_well(files: dict[str, str], variables: Variables) -> None:
    variables("SHOP", AUTH_METHOD="private_key_jwt", CERTIFICATE_FILE=files["both"], PRIVATE_KEY_FILE=files["key"])
    assert own().certificate == ClientCertificate(files["both"], files["both"])
    assert own().private_key == KeyFile(files["key"])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            {"PRIVATE_KEY_FILE": "locked"},
            r"SHOP_PRIVATE_KEY_FILE: is locked; expected .* \(in Python, SigningKey and ClientC",
        ),
        ({"PRIVATE_KEY_FILE": "public"}, "SHOP_PRIVATE_KEY_FILE: is a public key"),
        (
            {"PRIVATE_KEY_FILE": "certificate"},
            "SHOP_PRIVATE_KEY_FILE: is a certificate; expected the text of a private",
        ),
        ({}, r"SHOP_PRIVATE_KEY: is missing; expected a value for SHOP_PRIVATE_KEY \(or ..._FILE\)"),
        (
            {"PRIVATE_KEY_FILE": "der"},
            "SHOP_PRIVATE_KEY_FILE: the file .* holds no text in UTF-8; expected .* private key in P",
        ),
        ({"KEY_ID": "k1"}, "SHOP_PRIVATE_KEY: is missing"),
        (
            {"AUTH_METHOD": "client_secret_basic", "CLIENT_SECRET": "s", "KEY_ID": "k1"},
            "SHOP_KEY_ID: is given without a private key",
        ),
        ({"PRIVATE_KEY_FILE": "key", "CERTIFICATE_FILE": "key"}, "SHOP_CERTIFICATE_FILE: holds no certificate"),
        ({"PRIVATE_KEY_FILE": "key", "CERTIFICATE_FILE": "certificate"}, "SHOP_PRIVATE_KEY.*: is missing"),
        (
            {"AUTH_METHOD": "tls_client_auth", "PRIVATE_KEY_FILE": "other", "CERTIFICATE_FILE": "certificate"},
            "SHOP_PRIVATE_KEY_FILE: does not fit the certificate",
        ),
        (
            {"AUTH_METHOD": "tls_client_auth"},
            "SHOP_CERTIFICATE_FILE: is missing; expected a value for SHOP_CERTIFICATE_FILE",
        ),
        ({"AUTH_METHOD": "client_secret_basic", "CLIENT_SECRET": "s", "PRIVATE_KEY_FILE": "key"}, "uses none"),
        ({"PRIVATE_KEY_FILE": "key", "DPOP_KEY_FILE": "locked"}, "SHOP_DPOP_KEY_FILE: is locked; expected .* without"),
        ({"PRIVATE_KEY_FILE": "key", "DPOP_KEY_FILE": "public"}, "SHOP_DPOP_KEY_FILE: is a public key"),
        ({"PRIVATE_KEY_FILE": "key", "DPOP_KEY_FILE": "/no.pem"}, r"SHOP_DPOP_KEY_FILE: .* cannot be read"),
        ({"PRIVATE_KEY_FILE": "key", "DPOP_KEY_FILE": "key", "DPOP": "maybe"}, "SHOP_DPOP: is 'maybe'; expected true"),
        (
            {"PRIVATE_KEY_FILE": "key", "DPOP_KEY_FILE": "other", "DPOP": "false"},
            "SHOP_DPOP_KEY_FILE: is given, but dpop is false; expected dpop to be true, or no key",
        ),
        ({"PRIVATE_KEY_FILE": "key", "DPOP_KEY_FILE": "key", "DPOP_KEY": "x"}, "SHOP_DPOP_KEY_FILE: is set together"),
    ],
)
def test_an_error_names_the_variable(
    given: dict[str, str], message: str, files: dict[str, str], variables: Variables
) -> None:
    values = {name: files.get(value, value) if name.endswith("_FILE") else value for name, value in given.items()}
    variables("SHOP", **{"AUTH_METHOD": "private_key_jwt", **values})
    with pytest.raises(ConfigurationError, match=message) as caught:
        own()
    assert "BEGIN" not in str(caught.value)
    assert caught.value.__context__ is None or "BEGIN" not in str(caught.value.__context__)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--private-key-file", "public"], "--private-key-file"),
        (["--private-key-file", "locked"], "--private-key-file"),
        (["--private-key-file", "key", "--certificate-file", "key"], "--certificate-file"),
        (
            ["--auth-method", "tls_client_auth", "--private-key-file", "key", "--certificate-file", "certificate"],
            "--private-key-file",
        ),
        (["--private-key-file", "key", "--dpop-key-file", "locked"], "--dpop-key-file"),
        (["--private-key-file", "key", "--dpop-key-file", "public"], "--dpop-key-file"),
        (["--private-key-file", "key", "--dpop-key-file", "/no.pem"], "--dpop-key-file"),
    ],
)
def test_an_error_names_the_option(
    options: list[str], message: str, files: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    given = [files.get(each, each) for each in options]
    method = [] if "--auth-method" in given else ["--auth-method", "private_key_jwt"]
    where = ["--token-url", "https://a.example/token", "--client-id", "id", "--no-cache"]
    assert main(["token", *where, *method, *given]) == 2
    shown = capsys.readouterr().err
    assert message in shown
    assert "Traceback" not in shown
    assert "BEGIN" not in shown
