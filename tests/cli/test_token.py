"""``paygrant token``: what it prints, what it keeps, and how it ends."""

import json
import logging
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from cryptography.fernet import Fernet

from paygrant import FileStore, RipioWidget, Ripple, TokenSource
from paygrant._providers import registry
from paygrant.cli import _console
from tests.helpers.clock import Clock
from tests.helpers.command_line import SECRET, TOKEN, forget_in_memory
from tests.helpers.providers import GRANTED, USER
from tests.helpers.servers import Reply, Server, granted, serve_raw

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks")


def test_token_prints_the_bare_token_and_nothing_else(run: Any) -> None:
    assert run("token", "ripple") == (0, f"{TOKEN}\n", "")


def test_token_prints_the_header(run: Any) -> None:
    assert run("token", "ripple", "--header") == (0, f"Authorization: Bearer {TOKEN}\n", "")


def test_token_prints_json(run: Any, clock: Clock) -> None:
    code, out, _ = run("token", "ripple", "--json")
    assert code == 0
    assert json.loads(out) == {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "scope": "payments:read",
        "expires_at": "2026-11-21T01:16:40+00:00",
        "expires_in": 3600,
    }


def test_json_has_null_for_an_expiry_that_is_not_known(run: Any, server: Server) -> None:
    server.reply = granted(TOKEN, lifetime=None)
    shown = json.loads(run("token", "ripple", "--json").out)
    assert (shown["expires_at"], shown["expires_in"]) == (None, None)


@pytest.mark.parametrize("token", [TOKEN, "it's", "$(exit)`exit`;&|*", '"\\'])
def test_a_shell_reads_the_token_from_the_line_that_is_made_for_it(run: Any, server: Server, token: str) -> None:
    server.reply = granted(token)
    line = run("token", "ripple", "--format", "env").out
    assert line.startswith("RIPPLE_ACCESS_TOKEN=")
    script = f'{line}printf %s "$RIPPLE_ACCESS_TOKEN"'
    assert subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True).stdout == token


def test_only_one_form_can_be_chosen(run: Any, server: Server) -> None:
    code, out, err = run("token", "ripple", "--header", "--json")
    assert (code, out) == (2, "")
    assert "one of --header, --json and --format" in err
    assert run("token", "ripple", "--json", "--format", "json").code == 0
    assert run("token", "ripple", "--json", "--format", "env").code == 2


@pytest.mark.parametrize("name", ["ripio_widget", "ripio-widget", "RipioWidget"])
def test_a_provider_is_named_as_its_spec_with_dashes_or_as_its_class(run: Any, server: Server, name: str) -> None:
    server.reply = Reply(GRANTED[RipioWidget](TOKEN))
    options = ["--client-id", "mine", "--environment", "sandbox", "--external-ref", USER, "--address", "0x05"]
    os.environ["RIPIO_WIDGET_CLIENT_SECRET"] = SECRET
    try:
        ran = run("token", name, *options, "--base-url", server.base_url, "--format", "env")
    finally:
        del os.environ["RIPIO_WIDGET_CLIENT_SECRET"]
    assert ran == (0, f"RIPIO_WIDGET_ACCESS_TOKEN={TOKEN}\n", "")


def test_a_provider_is_named_as_its_class_too(run: Any) -> None:
    assert run("token", "Ripple").out == f"{TOKEN}\n"


@pytest.mark.parametrize("name", ["paypal", "PayPal", "pay-pal"])
def test_a_class_may_be_spelt_in_another_way_than_its_spec(
    run: Any, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    monkeypatch.setitem(registry.HAND_WRITTEN, "paypal", ("ripple", "PayPal"))
    found = [*registry.names(), "paypal"]
    monkeypatch.setattr(registry, "names", lambda: found)
    monkeypatch.setattr("paygrant._providers.ripple.PayPal", Ripple, raising=False)
    assert run("token", name).out == f"{TOKEN}\n"
    assert run("providers").code == run("token", "--help").code == 0


def test_a_kept_token_is_printed_without_a_request(run: Any, server: Server) -> None:
    server.reply = lambda _: granted(f"token-{len(server.seen)}")
    assert [run("token", "ripple").out for _ in range(3)] == ["token-1\n"] * 3
    assert len(server.seen) == 1


def test_the_token_is_shared_with_a_token_source(run: Any, server: Server) -> None:
    run("token", "ripple")
    with TokenSource(Ripple.from_env(), store=FileStore()) as source:
        assert source.get().access_token == TOKEN
    assert len(server.seen) == 1


def test_no_cache_requests_a_token_and_does_not_keep_it(run: Any, server: Server) -> None:
    for _ in range(2):
        assert run("token", "ripple", "--no-cache").out == f"{TOKEN}\n"
        forget_in_memory()
    assert len(server.seen) == 2
    assert run("cache", "list").err.startswith("paygrant: nothing is kept in ")


def test_a_remembered_error_says_for_how_long_and_what_ends_that(run: Any, server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    first, second = run("token", "ripple"), run("token", "ripple")
    assert (first.code, second.code) == (3, 3)
    assert len(server.seen) == 1
    for each in (first, second):
        assert each.err.count("\n") == 1
        assert "credentials refused" in each.err
        assert ' s, no request is made until then; "paygrant cache clear" ends that' in each.err
    run("cache", "clear")
    run("token", "ripple")
    assert len(server.seen) == 2


def test_an_error_that_is_not_remembered_does_not_say_so(run: Any, server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    assert "remembered" not in run("token", "ripple", "--no-cache").err


def test_a_cache_folder_that_cannot_be_used_is_reported_and_the_token_is_printed(
    run: Any, server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "cache" / "paygrant"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    code, out, err = run("token", "ripple")
    assert (code, out) == (0, f"{TOKEN}\n")
    assert err == f"paygrant: others than this user may write to {folder}; the token is not kept\n"
    server.reply = Reply({"error": "invalid_client"}, 401)
    forget_in_memory()
    code, _, err = run("token", "ripple")
    assert code == 3
    assert "remembered" not in err
    code, out, err = run("cache", "list")
    assert (code, out) == (1, "")
    assert err == f"paygrant: others than this user may write to {folder}\n"


def test_a_file_in_place_of_the_cache_folder_is_reported(run: Any, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    shown = f"paygrant: Not a directory: {tmp_path}/cache/paygrant; the token is not kept\n"
    assert run("token", "ripple") == (0, f"{TOKEN}\n", shown)
    assert run("cache", "list").err == f"paygrant: nothing is kept in {tmp_path}/cache/paygrant\n"


def test_a_key_encrypts_the_cache(run: Any, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PAYGRANT_CACHE_KEY", Fernet.generate_key().decode())
    run("token", "ripple")
    [file] = tmp_path.rglob("*.token")
    assert TOKEN not in file.read_text()
    assert json.loads(run("cache", "list", "--json").out)[0]["state"] == "fresh"
    monkeypatch.delenv("PAYGRANT_CACHE_KEY")
    [shown] = json.loads(run("cache", "list", "--json").out)
    assert (shown["provider"], shown["state"]) == (None, "unreadable")


def test_a_bad_key_is_a_usage_error(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYGRANT_CACHE_KEY", SECRET)
    code, _, err = run("token", "ripple")
    assert code == 2
    assert err.startswith("paygrant: PAYGRANT_CACHE_KEY: cannot be used (ValueError); expected a Fernet key")


ENDINGS = {
    "refused": (Reply({"error": "invalid_scope"}, 400), 3),
    "wrong credentials": (Reply({"error": "invalid_client"}, 401), 3),
    "too many requests": (Reply({}, 429), 4),
    "out of order": (Reply({}, 503), 4),
    "HTML": (Reply(b"<html>", headers={"Content-Type": "text/html"}), 5),
    "no token": (Reply({}), 5),
    "no endpoint": (Reply({}, 404), 3),
    "redirect": (Reply({}, 307, {"Location": "https://elsewhere.example"}), 5),
}


@pytest.mark.parametrize(("reply", "code"), ENDINGS.values(), ids=ENDINGS)
def test_the_exit_code_says_what_went_wrong(run: Any, server: Server, clock: Clock, reply: Reply, code: int) -> None:
    server.reply = reply
    ran = run("token", "ripple", "--no-cache")
    assert (ran.code, ran.out) == (code, "")
    shown, *hints = ran.err.splitlines()
    assert shown.startswith("paygrant: ripple (test): ")
    url = f"{server.base_url}/oauth/token"
    hint = f'paygrant: the request went to {url}; "paygrant doctor ripple" with the same options finds the cause'
    assert hints == ([] if reply.status in {400, 401, 429} else [hint])


def test_a_provider_that_does_not_respond_is_unavailable(run: Any, clock: Clock) -> None:
    with serve_raw(lambda connection: connection.close()) as base_url:
        assert run("token", "ripple", "--base-url", base_url).code == 4


@pytest.mark.parametrize(
    "arguments",
    [
        ["-v", "token", "ripple"],
        ["--verbose", "token", "ripple"],
        ["token", "-v", "ripple"],
        ["token", "ripple", "-v"],
        ["token", "ripple", "--no-cache", "--verbose"],
    ],
)
def test_verbose_reports_each_request(run: Any, server: Server, clock: Clock, arguments: list[str]) -> None:
    logger = logging.getLogger("paygrant")
    before = (logger.level, list(logger.handlers))
    server.reply = Reply({}, 503)
    _, _, err = run(*arguments)
    assert err.count("paygrant: token request: provider=ripple environment=test outcome=ProviderUnavailable") == 4
    assert (logger.level, logger.handlers) == before
    forget_in_memory()
    assert "token request" not in run("token", "ripple", "--no-cache").err


def test_a_long_wait_is_not_shown_if_standard_error_is_not_a_terminal(
    run: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(_console, "_PATIENCE", 0)
    assert run("token", "ripple") == (0, f"{TOKEN}\n", "")
