"""Bad keys and certificates are refused before anything is sent, and no error shows any of them."""

import subprocess
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from paygrant import ClientCertificate, ClientCredentials, ConfigurationError, MemoryStore, SigningKey, TokenSource
from tests.helpers.keys import Authority, pem, public_pem, write_pair

URL = "https://auth.example/token"
PASSWORD = "canary-password"
SHORT = """-----BEGIN RSA PRIVATE KEY-----
MIICXAIBAAKBgQC7 is no key at all
-----END RSA PRIVATE KEY-----"""


def client(**given: Any) -> ClientCredentials:
    arguments: dict[str, Any] = {"client_id": "id", "token_url": URL, "auth_method": "private_key_jwt", **given}
    return ClientCredentials(**arguments)


def short_rsa() -> str:
    from cryptography.hazmat.primitives.asymmetric import rsa

    from tests.helpers.keys import pem_of

    return pem_of(rsa.generate_private_key(65537, 1024))


def certificate(folder: Path) -> ClientCertificate:
    return ClientCertificate(*write_pair(folder, Authority().issue("client")))


def beside_a_transport(folder: Path) -> object:
    provider = client(auth_method="tls_client_auth", certificate=certificate(folder))
    return TokenSource(provider, store=MemoryStore(), transport=httpx.MockTransport(lambda _: httpx.Response(200)))


BAD: dict[str, tuple[Callable[[Path], object], str]] = {
    "no PEM": (lambda _: client(private_key="canary-key"), "private_key: is neither PEM nor a JWK"),
    "damaged": (lambda _: client(private_key=SHORT), "private_key: is damaged, or made in a way that is not supported"),
    "public key": (lambda _: client(private_key=public_pem("RS256")), "private_key: is a public key"),
    "no password": (lambda _: client(private_key=pem("ES256", password=PASSWORD)), "password: is missing"),
    "wrong password": (
        lambda _: SigningKey(pem("ES256", password=PASSWORD), password="canary-other"),
        "password: is wrong",
    ),
    "wrong algorithm": (lambda _: SigningKey(pem("ES256"), algorithm="RS256"), "algorithm: is RS256; expected one"),
    "short RSA key": (lambda _: client(private_key=short_rsa()), "private_key: has 1024 bits"),
    "no key": (lambda _: client(), "private_key: is missing"),
    "key beside Basic": (
        lambda _: client(auth_method="client_secret_basic", client_secret="canary-s", private_key=pem("ES256")),
        "private_key: is given, but client_secret_basic uses none",
    ),
    "key without its method": (
        lambda _: client(auth_method="client_secret_basic", private_key=pem("ES256")),
        "private_key: is given, but client_secret_basic uses none",
    ),
    "path": (lambda folder: client(private_key=folder / "key.pem"), "private_key: is the path of a file"),
    "missing certificate file": (
        lambda folder: ClientCertificate(folder / "no.pem", folder / "no.pem"),
        "certificate_file: cannot be read (FileNotFoundError)",
    ),
    "secret beside a key": (
        lambda _: client(client_secret="canary-s", private_key=pem("ES256")),
        "client_secret: is given, but private_key_jwt uses none",
    ),
    "no certificate": (lambda _: client(auth_method="tls_client_auth"), "certificate: is missing"),
    "certificate over http": (
        lambda folder: client(
            token_url="http://127.0.0.1/token", auth_method="tls_client_auth", certificate=certificate(folder)
        ),
        "certificate: is given for a token endpoint without TLS",
    ),
    "certificate beside a transport": (beside_a_transport, "transport: "),
    "audience without assertion": (
        lambda _: client(auth_method="client_secret_post", client_secret="canary-s", assertion_audience="a"),
        "assertion_audience: is given, but client_secret_post makes no assertion",
    ),
    "word for dpop": (lambda _: client(private_key=pem("ES256"), dpop="canary-key"), "dpop: is of type str"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_key_is_refused_before_anything_is_sent(case: str, tmp_path: Path) -> None:
    make, message = BAD[case]
    with pytest.raises(ConfigurationError) as caught:
        make(tmp_path)
    assert str(caught.value).startswith(message)
    shown = "".join(
        traceback.TracebackException.from_exception(caught.value, capture_locals=False).format_exception_only()
    )
    assert "canary" not in shown
    lines = {line for name in ("RS256", "ES256") for line in pem(name).splitlines()[1:-1]}
    assert not any(line in shown for line in lines)


@pytest.mark.parametrize("missing", ["jwt", "cryptography"])
def test_a_missing_extra_is_named(missing: str) -> None:
    program = f"""
import sys
sys.modules[{missing!r}] = None
from paygrant import ClientCredentials
for given in ({{"private_key": {pem("ES256")!r}}}, {{"auth_method": "client_secret_basic", "client_secret": "s", "dpop": True}}):
    try:
        ClientCredentials(**{{"client_id": "id", "token_url": {URL!r}, "auth_method": "private_key_jwt", **given}})
    except ImportError as error:
        print(error)
"""
    ran = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    first, second = ran.stdout.splitlines()
    assert "paygrant[keys]" in first
    assert "paygrant[keys]" in second
