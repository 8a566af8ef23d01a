"""``paygrant doctor``: on a terminal, in a pipe, as JSON, and its exit codes."""

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from paygrant import FileStore
from paygrant._secrets import fingerprint
from paygrant.cli import main
from paygrant.doctor import CHECKS
from tests.helpers.providers import CLIENT_ID, CLIENT_SECRET
from tests.helpers.secrets import ID, SECRET, TOKEN, echo, found
from tests.helpers.servers import Reply, Seen, Server, granted
from tests.helpers.terminal import ROWS, lines_of, run_on_a_terminal

if TYPE_CHECKING:
    from collections.abc import Callable

COLUMNS = 80


@pytest.fixture(autouse=True)
def settings(server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Variables of a provider whose endpoint is the server, and an empty cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_ID", CLIENT_ID)
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_SECRET", CLIENT_SECRET)
    monkeypatch.setenv("CRYPTOFUSE_BASE_URL", server.base_url)


def doctor(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Run it in this process: the exit code and the output."""
    code = main(["doctor", "cryptofuse", *arguments])
    out, err = capsys.readouterr()
    assert err == ""
    return code, out


def findings(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    code, out = doctor(capsys, "--json", *arguments)
    return code, {finding["check"]: finding for finding in json.loads(out)}


def on_a_terminal(*arguments: str) -> tuple[int, list[str]]:
    """Run it on a terminal of the usual size: the exit code and the lines on the screen."""
    command = [sys.executable, "-c", "from paygrant.cli import main; raise SystemExit(main())", "doctor", "cryptofuse"]
    code, written = run_on_a_terminal([*command, *arguments], COLUMNS)
    assert "\x1b[32mok" in written  # in colour
    return code, lines_of(written)


def test_success_fits_on_a_screen_and_nothing_is_cut() -> None:
    code, lines = on_a_terminal()
    assert code == 0
    assert [line.split()[:2] for line in lines if line[0] != " "] == [
        *(["ok", check] for check in CHECKS),
        ["all", "is"],
    ]
    text = " ".join(" ".join(lines).split())
    assert f'{{"access_token": "<token {fingerprint("token-1")}>", "token_type": "Bearer", "expires_in": 3600}}' in text
    assert "CRYPTOFUSE_CLIENT_ID, CRYPTOFUSE_CLIENT_SECRET, CRYPTOFUSE_BASE_URL ok" in text
    assert len(lines) <= ROWS
    assert max(map(len, lines)) <= COLUMNS


def test_a_failure_is_shown_in_full_with_advice(server: Server) -> None:
    server.reply = Reply({"error": "invalid_client", "error_description": "word " * 30}, 401)
    code, lines = on_a_terminal()
    assert code == 3
    assert max(map(len, lines)) <= COLUMNS
    text = " ".join(" ".join(lines).split())
    assert (
        f'failed response 401 application/json, {{"error": "invalid_client", "error_description": "{"word " * 29}'
        in text
    )
    assert (
        "> Check that id and secret are complete, belong to this provider and environment, and are not revoked." in text
    )


def test_in_a_pipe_nothing_is_wrapped_or_coloured(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = doctor(capsys)
    assert code == 0
    assert "\x1b" not in out
    assert f'{{"access_token": "<token {fingerprint("token-1")}>", "token_type": "Bearer", "expires_in": 3600}}' in out
    assert len(out.splitlines()) == len(CHECKS) + 1
    assert out.endswith("\nall is well\n")


def test_a_response_is_shown_as_it_is_without_control_characters(
    server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = Reply({"error": "[bold]odd[/bold] \x1b[31m :smile:"}, 400)
    _, out = doctor(capsys)
    assert "[bold]odd[/bold] [31m :smile:" in out
    assert "\x1b" not in out


def test_json_has_all_findings(capsys: pytest.CaptureFixture[str]) -> None:
    code, shown = findings(capsys)
    assert code == 0
    assert tuple(shown) == CHECKS
    assert shown["redirect"] == {
        "check": "redirect",
        "verdict": "ok",
        "seen": "no redirect",
        "advice": "",
        "code": None,
    }


@pytest.mark.parametrize(
    ("reply", "code", "kind"),
    [
        (Reply({"error": "invalid_client"}, 401), 3, "refused"),
        (Reply({}, 429), 4, "unavailable"),
        (Reply({}, 503), 4, "unavailable"),
        (Reply(b"<html>"), 5, "malformed"),
    ],
)
def test_the_exit_code_is_that_of_token(
    reply: Reply, code: int, kind: str, server: Server, capsys: pytest.CaptureFixture[str]
) -> None:
    server.reply = reply
    ended, shown = findings(capsys)
    assert (ended, shown["response"]["code"]) == (code, kind)
    assert doctor(capsys)[0] == code


def test_the_first_failure_gives_the_exit_code(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_SECRET", "")
    monkeypatch.setenv("CRYPTOFUSE_BASE_URL", "https://nowhere.invalid")
    code, shown = findings(capsys)
    assert code == 2
    assert shown["settings"]["seen"].endswith("set but empty: CRYPTOFUSE_CLIENT_SECRET")
    assert shown["address"]["code"] == "unavailable"


def test_options_and_an_env_file_are_used(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRYPTOFUSE_CLIENT_SECRET")
    env_file = tmp_path / "cryptofuse.env"
    env_file.write_text(f"CRYPTOFUSE_CLIENT_SECRET={CLIENT_SECRET}\n")
    env_file.chmod(0o600)
    code, shown = findings(capsys, "--env-file", str(env_file), "--scope", "admin")
    assert code == 0
    assert shown["parameters"]["seen"] == "scope admin"
    assert server.seen[0].body == b"grant_type=client_credentials&scope=admin"


def test_an_env_file_that_others_can_read_is_a_warning(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CRYPTOFUSE_CLIENT_SECRET")
    env_file = tmp_path / "cryptofuse.env"
    env_file.write_text(f"CRYPTOFUSE_CLIENT_SECRET={CLIENT_SECRET}\n")
    env_file.chmod(0o644)
    code, out = doctor(capsys, "--json", "--env-file", str(env_file))
    first, second, *_ = json.loads(out)
    assert (code, first["check"], first["verdict"]) == (0, "settings", "warning")
    assert first["seen"] == f"{env_file} is open to all users of this machine (mode 0644)"
    assert (second["check"], second["verdict"]) == ("settings", "ok")


def test_arguments_are_named_as_options_except_in_the_words_of_a_server(
    server: Server, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    _, shown = findings(capsys, "--base-url", "ftp://nowhere", "--scope", "a")
    assert shown["settings"]["seen"] == "--base-url: is not an https URL"
    file = tmp_path / "client_secret"
    file.write_text(CLIENT_SECRET)
    file.chmod(0o644)
    server.reply = Reply({"error": "base_url"}, 404)
    _, shown = findings(capsys, "--client-secret-file", str(file), "--scope", "a")
    assert shown["settings"]["advice"] == f"chmod 600 {file}"
    assert '{"error": "base_url"}' in shown["response"]["seen"]
    assert shown["response"]["advice"].endswith(". Check --base-url and its path.")
    file.chmod(0o600)
    _, shown = findings(capsys, "--client-id", "mine", "--scope", "a")
    assert shown["settings"]["seen"].endswith("; --client-id, CRYPTOFUSE_CLIENT_SECRET, CRYPTOFUSE_BASE_URL, --scope")


def test_the_last_line_is_the_cause_or_that_all_is_well(server: Server, capsys: pytest.CaptureFixture[str]) -> None:
    warned = doctor(capsys, "--client-id", " spaced ")
    assert (warned[0], warned[1].splitlines()[-1]) == (0, "all is well, with 1 warning")
    server.reply = Reply({"error": "invalid_client", "error_description": "word " * 100}, 401)
    code, out = doctor(capsys)
    last = out.splitlines()[-1]
    assert (code, len(last)) == (3, len("the cause: response: ") + 120)
    assert last.startswith('the cause: response: 401 application/json, {"error": "invalid_client", ')
    code, out = doctor(capsys, "--base-url", "ftp://nowhere")
    assert (code, out.splitlines()[-1]) == (2, "the cause: settings: --base-url: is not an https URL")


def test_a_cause_names_options_that_can_be_typed(capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--environment", "sandbox", "--client-id", "i", "--address", "0x05", "--external-ref", "123"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RIPIO_WIDGET_CLIENT_SECRET", CLIENT_SECRET)
        patch.setenv("RIPIO_WIDGET_BASE_URL", "http://127.0.0.1:1")
        assert main(["doctor", "ripio-widget", *options]) == 2
    out = capsys.readouterr().out
    assert "> Expected a UUID version 4, or any string with --allow-any-external-ref." in out
    assert out.splitlines()[-1] == "the cause: settings: --external-ref: is not a UUID version 4"
    assert "external_ref" not in out


def test_the_cache_is_that_of_the_other_commands(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["token", "cryptofuse"]) == 0
    capsys.readouterr()
    _, shown = findings(capsys)
    assert shown["cache"]["seen"].startswith(f"token {fingerprint('token-1')}, fresh, ")
    assert shown["cache"]["seen"].endswith(repr(FileStore()))


@pytest.mark.parametrize("arguments", [[], ["--json"]])
def test_no_secret_is_written(
    arguments: list[str],
    server: Server,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    file = tmp_path / "secret"
    file.write_text(f"{SECRET}\n", encoding="utf-8")
    monkeypatch.delenv("CRYPTOFUSE_CLIENT_SECRET")
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_SECRET_FILE", str(file))
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_ID", ID.replace("\\", ""))
    replies: list[Callable[[Seen], Reply]] = [
        lambda _: granted(TOKEN),
        lambda seen: Reply({"error": echo(seen)}, 401, {"Server": seen.headers["Authorization"]}),
    ]
    for reply in replies:
        server.reply = reply
        assert main(["doctor", "cryptofuse", *arguments]) in {0, 3}
        text = "".join(capsys.readouterr())
        assert "response" in text
        assert found(text) == set()
