"""Keys and certificates on the command line: what the options give, and what the doctor says about each defect."""

import json
from pathlib import Path
from typing import Any

import jwt
import pytest

from paygrant import SigningKey
from tests.helpers.command_line import SECRET, TOKEN, forget_in_memory
from tests.helpers.keys import pem
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
    assert finding["advice"] == "Expected a private key without a password."
