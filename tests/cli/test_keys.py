"""Keys and certificates on the command line: what the options give, and what the doctor says about each defect."""

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa

from paygrant import SigningKey
from tests.helpers.command_line import SECRET, TOKEN, forget_in_memory
from tests.helpers.keys import authority, pem, pem_of, public_pem
from tests.helpers.servers import Server, granted

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks", "shop")

PROOFS = SigningKey(pem("ES256", 1))


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: Server) -> None:
    """Variables for a token endpoint that follows RFC 6749, and files with keys in the working folder."""
    server.reply = granted(TOKEN, token_type="DPoP")
    monkeypatch.setenv("SHOP_CLIENT_ID", "id-canary-7f3a")
    monkeypatch.setenv("SHOP_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("SHOP_TOKEN_URL", f"{server.base_url}/token")
    monkeypatch.chdir(tmp_path)
    for name, text in {"proofs": pem("ES256", 1), "locked": pem("ES256", 1, "its password")}.items():
        Path(f"{name}.pem").write_text(text, "utf-8")
        Path(f"{name}.pem").chmod(0o600)


def test_commands_with_one_key_for_proofs_share_a_token(
    run: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    command = "token", "client_credentials", "--prefix", "SHOP"
    code, out, err = run(*command, "--dpop-key-file", "proofs.pem")
    assert (code, out) == (0, f"{TOKEN}\n")
    assert err.startswith("paygrant: the token is bound to a key (RFC 9449): ")
    monkeypatch.setenv("SHOP_DPOP_KEY_FILE", "proofs.pem")
    forget_in_memory()
    assert run(*command).out == out
    assert len(server.seen) == 1
    assert jwt.get_unverified_header(server.seen[0].headers["DPoP"])["jwk"] == PROOFS.public_jwk


def test_a_key_of_the_command_itself_ends_with_it(run: Any, server: Server) -> None:
    for _ in range(2):
        err = run("token", "client_credentials", "--prefix", "SHOP", "--dpop").err
        assert "bound to a key of this command" in err
        assert "--dpop-key-file gives a key that lasts" in err
        forget_in_memory()
    assert len(server.seen) == 2


def test_a_file_with_a_key_that_others_can_read_is_named(run: Any) -> None:
    Path("proofs.pem").chmod(0o644)
    command = "client_credentials", "--prefix", "SHOP", "--dpop-key-file", "proofs.pem"
    assert "proofs.pem is open to all users of this machine (mode 0644)" in run("token", *command).err
    assert "proofs.pem is open to all users of this machine (mode 0644)" in run("doctor", *command).out


def test_the_key_itself_is_no_option(run: Any) -> None:
    code, _, err = run("token", "client_credentials", "--dpop-key", pem("ES256", 1))
    assert code == 2
    assert "expected the variable CLIENT_CREDENTIALS_DPOP_KEY or --dpop-key-file;" in err
    assert "PRIVATE KEY-----" not in err


def settings_of(run: Any, *options: str, provider: str = "client_credentials") -> tuple[int, dict[str, str]]:
    """What the doctor says about the settings, in one finding."""
    code, out, err = run("doctor", provider, "--prefix", "SHOP", "--json", *options)
    assert err == ""
    assert "PRIVATE KEY-----" not in out
    return code, next(each for each in json.loads(out) if each["check"] == "settings")


def test_the_doctor_says_to_which_key_tokens_are_bound(run: Any) -> None:
    code, finding = settings_of(run, "--dpop-key-file", "proofs.pem")
    assert (code, finding["verdict"]) == (0, "ok")
    key = f"the key for ES256 with thumbprint {PROOFS.thumbprint}"
    assert f"tokens bound to {key} (all that have it may share the tokens)" in finding["seen"]
    assert finding["seen"].endswith("--dpop-key-file")
    code, finding = settings_of(run, "--dpop")
    assert "(it ends with this process)" in finding["seen"]


def test_the_doctor_says_what_is_wrong_with_a_key_for_proofs(run: Any) -> None:
    code, finding = settings_of(run, "--dpop-key-file", "locked.pem")
    assert (code, finding["verdict"]) == (2, "failed")
    assert finding["seen"] == "--dpop-key-file: is locked"
    assert (
        finding["advice"]
        == "Expected a private key without a password (in Python, SigningKey and ClientCertificate take one)."
    )


BANK = """\
openapi: 3.1.0
paths: {/token: {post: {}}}
servers: [{url: "https://127.0.0.1:9"}]
x-token-endpoint:
  client_authentication:
    - {method: private_key_jwt, algorithms: [PS256, ES384]}
    - {method: client_secret_basic}
    - {method: tls_client_auth}
"""


@pytest.fixture
def files(tmp_path: Path) -> None:
    """Files with keys and certificates of each kind, and a spec."""
    certificates = {name: authority().issue(name, lifetime=timedelta(days=days)) for name, days in DAYS.items()}
    small = rsa.generate_private_key(65537, 1024)
    texts = {
        "bank.yaml": BANK,
        "rsa.pem": pem("RS256"),
        "ec.pem": pem("ES256"),
        "small.pem": pem_of(small),
        "public.pem": public_pem("RS256"),
        "note.txt": "no key",
        "secret.txt": SECRET,
        **{f"{name}.crt": certificate for name, (certificate, _) in certificates.items()},
        **{f"{name}.key": key for name, (_, key) in certificates.items()},
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text, "utf-8")
        (tmp_path / name).chmod(0o600)
    (tmp_path / "binary.key").write_bytes(b"\x30\x82\xff\xfe")


DAYS = {"good": 300, "soon": 9, "old": -1}
BY_SECRET = ["--auth-method", "client_secret_basic", "--client-secret-file", "secret.txt"]
BY_CERTIFICATE = ["--auth-method", "tls_client_auth"]
NOT_PEM = "Expected the text of a private key in PEM (PKCS #8, PKCS #1 or SEC 1), or as a JWK."
ISSUED = "the certificate of 'CN={}', issued by 'CN=authority of the tests',"

DEFECTS: dict[str, tuple[list[str], str, str]] = {
    "an algorithm that does not fit": (
        ["--private-key-file", "ec.pem"],
        "--private-key-file: signs by ES256, which the provider does not accept",
        "Expected a key for PS256 or ES384.",
    ),
    "a short key": (
        ["--private-key-file", "small.pem"],
        "--private-key-file: has 1024 bits",
        "Expected an RSA key of 2048 bits or more.",
    ),
    "a locked key": (
        ["--private-key-file", "locked.pem"],
        "--private-key-file: is locked",
        "Expected a private key without a password (in Python, SigningKey and ClientCertificate take one).",
    ),
    "a public key": (["--private-key-file", "public.pem"], "--private-key-file: is a public key", NOT_PEM),
    "a certificate": (["--private-key-file", "good.crt"], "--private-key-file: is a certificate", NOT_PEM),
    "no key": (["--private-key-file", "note.txt"], "--private-key-file: is neither PEM nor a JWK", NOT_PEM),
    "bytes": (
        ["--private-key-file", "binary.key"],
        "--private-key-file: the file 'binary.key' holds no text in UTF-8",
        "Expected a UTF-8 file that holds a private key in PEM, or as a JWK.",
    ),
    "a missing key": (
        [],
        "environment variable SHOP_PRIVATE_KEY: is missing",
        "Expected a value for SHOP_PRIVATE_KEY (or ..._FILE).",
    ),
    "a key beside Basic": (
        [*BY_SECRET, "--private-key-file", "rsa.pem"],
        "--private-key-file: is given, but client_secret_basic uses none",
        "Expected --auth-method='private_key_jwt'.",
    ),
    "an expired certificate": (
        [*BY_CERTIFICATE, "--certificate-file", "old.crt", "--private-key-file", "old.key"],
        f"{ISSUED.format('old')} expired 24 h ago",
        "Replace the files by a new certificate and its key. They are read again without a restart.",
    ),
    "a certificate that ends soon": (
        [*BY_CERTIFICATE, "--certificate-file", "soon.crt", "--private-key-file", "soon.key"],
        f"{ISSUED.format('soon')} expires in 9 d",
        "Ask its issuer for a new one, and register it with the provider.",
    ),
    "a certificate with another key": (
        [*BY_CERTIFICATE, "--certificate-file", "good.crt", "--private-key-file", "soon.key"],
        "--private-key-file: does not fit the certificate",
        "Expected the private key of this certificate.",
    ),
    "a certificate without a key": (
        [*BY_CERTIFICATE, "--certificate-file", "good.crt"],
        "environment variable SHOP_PRIVATE_KEY: is missing, and the certificate's file holds none that fits",
        "Expected a file with the certificate's private key.",
    ),
    "no certificate": (
        [*BY_CERTIFICATE, "--certificate-file", "note.txt"],
        "--certificate-file: holds no certificate",
        "Expected a certificate in PEM, the client's own first.",
    ),
    "a missing certificate": (
        BY_CERTIFICATE,
        "environment variable SHOP_CERTIFICATE_FILE: is missing",
        "Expected a value for SHOP_CERTIFICATE_FILE.",
    ),
    "a certificate over plain http": (
        [
            *[*BY_CERTIFICATE, "--certificate-file", "good.crt", "--private-key-file", "good.key"],
            *["--base-url", "http://localhost:9"],
        ],
        "--certificate-file: is given for a token endpoint without TLS",
        "Expected an https address.",
    ),
}


@pytest.mark.usefixtures("files")
@pytest.mark.parametrize("defect", DEFECTS)
def test_the_doctor_and_the_error_name_the_defect(defect: str, run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_CLIENT_SECRET")
    options, seen, advice = DEFECTS[defect]
    code, finding = settings_of(run, *options, provider="bank.yaml")
    assert (finding["seen"], finding["advice"]) == (seen, advice)
    if "that ends soon" in defect:
        assert finding["verdict"] == "warning"
        return
    assert (code, finding["verdict"]) == (2, "failed")
    if "expired" not in defect:
        code, _, err = run("token", "bank.yaml", "--prefix", "SHOP", *options)
        assert code == 2
        assert seen.partition(": ")[2] in err


@pytest.mark.usefixtures("files")
def test_the_doctor_says_who_issued_the_certificate(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SHOP_CLIENT_SECRET")
    files = "--certificate-file", "good.crt", "--private-key-file", "good.key"
    _, finding = settings_of(run, *BY_CERTIFICATE, *files, provider="bank.yaml")
    assert finding["verdict"] == "ok"
    assert "certificate of 'CN=good', issued by 'CN=authority of the tests', valid until 2" in finding["seen"]
