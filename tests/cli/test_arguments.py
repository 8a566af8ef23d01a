"""Where a provider's arguments come from: options, variables, env files, and files with a secret."""

import os
import shlex
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from paygrant import RipioWidget
from paygrant._providers import registry
from paygrant.cli import _given
from tests.helpers.command_line import SECRET, TOKEN, sent
from tests.helpers.providers import GRANTED
from tests.helpers.servers import Reply, Server

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks")


def test_options_have_priority_over_the_environment(run: Any, server: Server) -> None:
    run("token", "ripple", "--tenant-id", "other", "--environment", "uat", "--client-id", "theirs")
    assert sent(server)["audience"] == "urn:ripplexcurrent-uat:other"
    assert sent(server)["client_id"] == "theirs"


def test_an_env_file_gives_what_the_environment_does_not(
    run: Any, server: Server, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "RIPPLE_TENANT_ID=filed\nRIPPLE_CLIENT_ID='filed'\nexport RIPPLE_CLIENT_SECRET=\"${HOME}$x\"\n"
    env_file.write_text(text, encoding="utf-8-sig")  # the first variable has no byte order mark in its name
    env_file.chmod(0o600)
    monkeypatch.setenv("RIPPLE_TENANT_ID", "")  # as if it were not set
    monkeypatch.delenv("RIPPLE_CLIENT_SECRET")
    assert run("token", "ripple", "--env-file", str(env_file)) == (0, f"{TOKEN}\n", "")
    assert sent(server)["audience"] == "urn:ripplexcurrent-test:filed"
    assert sent(server)["client_id"] == "id-canary-7f3a"
    assert sent(server)["client_secret"] == "${HOME}$x"
    assert "RIPPLE_CLIENT_SECRET" not in os.environ


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_an_env_file_that_cannot_be_read_is_named(run: Any, env_file: Path, content: bytes | None) -> None:
    if content:
        env_file.write_bytes(content)
    code, out, err = run("token", "ripple", "--env-file", str(env_file))
    assert (code, out) == (2, "")
    assert err.startswith(f"paygrant: --env-file: {env_file} cannot be read (")


@pytest.mark.parametrize(
    ("content", "line"), [(f"A=1\n\n\nB='{SECRET}\n", 4), (f"# odd\n{SECRET}\nA=1", 2), (f"A b={SECRET}", 1)]
)
def test_a_bad_line_of_an_env_file_is_named(run: Any, env_file: Path, content: str, line: int) -> None:
    env_file.write_text(content)
    code, out, err = run("token", "ripple", "--env-file", str(env_file))
    assert (code, out) == (2, "")
    expected = "expected a UTF-8 file of lines NAME=value"
    assert err == f"paygrant: --env-file: {env_file} has no NAME=value in line {line}; {expected}\n"


@pytest.mark.parametrize("place", ["--env-file", "--client-secret-file", "variable"])
def test_a_file_with_a_secret_that_others_can_read_is_reported(
    run: Any, env_file: Path, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    env_file.write_text(f"RIPPLE_CLIENT_SECRET={SECRET}\n")
    env_file.chmod(0o644)
    monkeypatch.delenv("RIPPLE_CLIENT_SECRET")
    if place == "variable":
        monkeypatch.setenv("RIPPLE_CLIENT_SECRET_FILE", str(env_file))
    shown = f"{env_file} is open to all users of this machine (mode 0644); to change that: chmod 600 {env_file}"
    options = [] if place == "variable" else [place, str(env_file)]
    assert run("token", "ripple", *options) == (0, f"{TOKEN}\n", f"paygrant: {shown}\n")


def test_an_env_file_without_a_secret_may_be_readable_by_all(run: Any, env_file: Path) -> None:
    env_file.write_text("RIPPLE_TENANT_ID=acme\n")
    env_file.chmod(0o644)
    assert run("token", "ripple", "--env-file", str(env_file)).err == ""


def test_a_bad_variable_in_an_env_file_is_named(run: Any, env_file: Path) -> None:
    env_file.write_text("RIPPLE_AUDIENCE=urn:other:thing\n")
    os.environ.pop("RIPPLE_TENANT_ID")
    env_file.write_text("RIPPLE_AUDIENCE=none\n")
    code, _, err = run("token", "ripple", "--env-file", str(env_file))
    assert code == 2
    assert err.startswith("paygrant: --audience or RIPPLE_AUDIENCE: is not a URN; expected ")


def test_a_bad_argument_is_named_as_option_and_variable(run: Any, server: Server) -> None:
    code, _, err = run("token", "ripple", "--tenant-id", "a b")
    assert code == 2
    assert err.startswith("paygrant: --tenant-id or RIPPLE_TENANT_ID: cannot be part of a URN; expected ")
    code, _, err = run("token", "ripple", "--environment", "live")
    assert code == 2
    assert all(word in err for word in ("--environment", "test", "uat", "production"))
    assert server.seen == []


def test_a_missing_argument_is_named_as_option_and_variable(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "ENVIRONMENT", "TENANT_ID"):
        monkeypatch.delenv(f"RIPPLE_{name}")
    code, _, err = run("token", "ripple")
    assert code == 2
    assert err.startswith("paygrant: --client-id or RIPPLE_CLIENT_ID: is missing; ")
    secret, tenant = "RIPPLE_CLIENT_SECRET (or ..._FILE)", "RIPPLE_TENANT_ID (or RIPPLE_AUDIENCE)"
    assert err.endswith(f"a value for each of RIPPLE_CLIENT_ID, {secret}, RIPPLE_ENVIRONMENT, {tenant}\n")
    monkeypatch.setenv("RIPPLE_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("RIPPLE_TENANT_ID", "acme")
    _, _, err = run("token", "ripple", "--client-id", "mine")
    assert err == "paygrant: --environment or RIPPLE_ENVIRONMENT: is missing; expected one of: test, uat, production\n"


def test_a_scope_is_separated_by_spaces_and_choices_are_checked(run: Any, server: Server) -> None:
    os.environ["CRYPTOFUSE_CLIENT_SECRET"] = SECRET
    try:
        options = ["--client-id", "mine", "--base-url", server.base_url]
        assert run("token", "cryptofuse", *options, "--scope", "read", "--auth-method", "client_secret_post").code == 0
        assert run("token", "cryptofuse", *options, "--auth-method", "header").code == 2
    finally:
        del os.environ["CRYPTOFUSE_CLIENT_SECRET"]
    assert b"scope=read&" in server.seen[0].body + b"&"
    assert len(server.seen) == 1


def test_a_flag_is_an_option_without_a_value(run: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.reply = Reply(GRANTED[RipioWidget](TOKEN))
    monkeypatch.setenv("RIPIO_WIDGET_CLIENT_SECRET", SECRET)
    options = ["--client-id", "mine", "--environment", "sandbox", "--external-ref", "anybody", "--address", "0x05"]
    options += ["--base-url", server.base_url]
    shown = run("token", "ripio_widget", *options).err
    assert shown.endswith(
        ": is not a UUID version 4; expected a UUID version 4, or any string with --allow-any-external-ref\n"
    )
    assert run("token", "ripio_widget", *options, "--allow-any-external-ref").code == 0


def test_a_secret_is_read_from_a_file(run: Any, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    file.chmod(0o600)
    assert run("token", "ripple", "--client-secret-file", str(file)).code == 0
    assert sent(server)["client_secret"] == "from a file"


def test_a_secret_file_that_does_not_exist_is_named(run: Any, tmp_path: Path) -> None:
    file = str(tmp_path / "none")
    code, _, err = run("token", "ripple", "--client-secret-file", file)
    assert code == 2
    assert err.startswith(
        f"paygrant: --client-secret-file or RIPPLE_CLIENT_SECRET: the file {str(file)!r} cannot be read"
    )


def test_an_env_file_may_contain_the_key_of_the_cache(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "keys.env"
    file.write_text(f"PAYGRANT_CACHE_KEY={Fernet.generate_key().decode()}\n", "utf-8")
    file.chmod(0o600)
    assert run("token", "ripple", "--env-file", str(file)).code == 0
    (kept,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert TOKEN.encode() not in kept.read_bytes()


def test_a_secret_can_come_from_a_pipe_that_is_read_once(
    run: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RIPPLE_CLIENT_SECRET")
    reader, writer = os.pipe()
    os.write(writer, b"piped\n")
    os.close(writer)
    assert run("token", "ripple", "--client-secret-file", f"/dev/fd/{reader}").code == 0
    assert sent(server)["client_secret"] == "piped"
    os.close(reader)


def test_the_given_arguments_do_not_show_a_secret() -> None:
    given = _given.Given(
        registry.kind_named("cryptofuse"), {"client_secret": SECRET}, {"CRYPTOFUSE_CLIENT_SECRET": SECRET}
    )
    assert SECRET not in repr(given)
    assert shlex.quote(SECRET) == SECRET
