"""Wrong command lines and errors: what is said, as lines and as JSON, and the exit codes."""

import inspect
import json
from pathlib import Path
from typing import Any

import pytest

import paygrant
from paygrant import TokenSource
from paygrant._providers import registry
from paygrant.cli import _failures
from tests.helpers.clock import Clock
from tests.helpers.command_line import SECRET, TOKEN, Ran, forget_in_memory
from tests.helpers.servers import Reply, Server

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks")


def test_an_unknown_provider_is_a_usage_error(run: Any) -> None:
    code, out, err = run("token", "acme")
    assert (code, out) == (2, "")
    known = ", ".join(registry.names())
    more = "or the path of a spec, such as acme.yaml"
    assert err == f"paygrant: unknown provider 'acme'; expected one of {known}, {more}; see paygrant token --help\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["tokn", "ripple"], "unknown command 'tokn'; similar to token; see paygrant --help"),
        (["cache", "lst"], "unknown command 'lst'; similar to list; see paygrant cache --help"),
        (["cache", "x"], "unknown command 'x'; expected one of clear, list; see paygrant cache --help"),
        (["token", "riple"], "unknown provider 'riple'; similar to ripple; see paygrant token --help"),
        (
            ["doctor", "alternative_payment"],
            "unknown provider 'alternative_payment'; similar to alternative_payments; see paygrant doctor --help",
        ),
        (
            ["providers", "paypl"],
            "PROVIDER: unknown provider 'paypl'; similar to paypal; see paygrant providers --help",
        ),
        (
            ["token", "ripple", "--environment", "Prodction"],
            "--environment: unknown value 'Prodction'; expected one of test, uat, production; see paygrant token ripple --help",
        ),
        (
            ["token", "ripple", "--environment", "live"],
            "--environment: unknown value 'live'; expected one of test, uat, production; see paygrant token ripple --help",
        ),
        (
            ["token", "ripple", "--environment", "a-name-that-is-longer"],
            "--environment: unknown value; expected one of test, uat, production; see paygrant token ripple --help",
        ),
    ],
)
def test_an_unknown_word_is_shown_with_a_similar_one(run: Any, arguments: list[str], said: str) -> None:
    assert run(*arguments) == (2, "", f"paygrant: {said}\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [SECRET],
        ["token", SECRET],
        ["cache", SECRET],
        ["cache", "clear", SECRET],
        ["providers", SECRET],
        ["token", "ripple", f"--environment={SECRET}"],
        ["token", "ripple", "--client-secret-file", SECRET],
        ["token", "ripple", "--client-secret-file", SECRET * 20],
        ["token", "ripple", "--env-file", SECRET],
    ],
)
def test_a_secret_typed_by_mistake_is_not_repeated(run: Any, server: Server, arguments: list[str]) -> None:
    code, out, err = run(*arguments)  # which looks for it
    assert (code, out) == (2, "")
    assert err.startswith("paygrant: ")
    assert server.seen == []


@pytest.mark.parametrize(
    ("arguments", "shown"),
    [
        (["token", "ripple", "--environment"], "requires an argument; see paygrant token ripple --help"),
        (
            ["token", "--environment", "test", "ripple"],
            "unknown option --environment; expected it after 'paygrant token ripple'; see paygrant token ripple --help",
        ),
        (
            ["token", "ripple", "--version"],
            "unknown option --version; expected it after 'paygrant'; see paygrant --help",
        ),
        (
            ["token", "ripple", "--environmnt", "a"],
            "unknown option --environmnt; similar to --environment; see paygrant",
        ),
        (["token", "ripple", "--odd"], "unknown option --odd; see paygrant token ripple --help"),
        (
            ["token", "--environment", "test"],
            "unknown option --environment; expected PROVIDER first; see paygrant token",
        ),
        (["--odd"], "unknown option --odd; expected COMMAND first; see paygrant --help"),
        (
            ["sandbox", "--port", "abc"],
            "--port: is not in range; expected a whole number from 0 to 65535; see paygrant sandbox",
        ),
        (
            ["sandbox", "--tls-port", "65536"],
            "--tls-port: is not in range; expected a whole number from 0 to 65535; see paygrant sandbox",
        ),
        (
            ["sandbox", "--port", "65536"],
            "--port: is not in range; expected a whole number from 0 to 65535; see paygrant sandbox",
        ),
    ],
)
def test_a_usage_error_says_what_is_wrong_and_where_help_is(run: Any, arguments: list[str], shown: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert shown in err


@pytest.mark.parametrize("written", [["--client-secret", SECRET], [f"--client-secret={SECRET}"]])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(run: Any, server: Server, written: list[str]) -> None:
    code, out, err = run("token", "ripple", *written)
    assert (code, out) == (2, "")
    assert "process list" in err
    assert "--client-secret-file" in err
    assert server.seen == []


def test_an_unexpected_argument_is_not_repeated(run: Any, server: Server) -> None:
    assert run("token", "ripple", SECRET) == (
        2,
        "",
        "paygrant: unexpected argument; expected options only; see paygrant token ripple --help\n",
    )
    assert server.seen == []


def test_notes_do_not_move_the_cursor_or_ring_the_bell(run: Any) -> None:
    err = run("token", "ripple", "--env-file", "no\x1b[2Jsuch\x07file.env").err
    assert "\x1b" not in err
    assert "\x07" not in err


def test_the_exit_codes_are_documented(run: Any) -> None:
    shown = run("--help").out
    for code in {0, 1, 130, *_failures.EXITS.values()}:
        assert any(line.split()[:1] == [str(code)] for line in shown.splitlines())


def test_every_error_has_an_exit_code() -> None:
    errors = [kind for kind in vars(paygrant._errors).values() if inspect.isclass(kind)]
    leaves = [kind for kind in errors if not any(issubclass(each, kind) for each in errors if each is not kind)]
    assert all(any(issubclass(leaf, kind) for kind in _failures.EXITS) for leaf in leaves)


def test_an_error_of_no_known_kind_is_one_line_too(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(_: object) -> None:
        raise paygrant.PaygrantError("the renewal failed")

    monkeypatch.setattr(TokenSource, "get", get)
    assert run("token", "ripple") == (1, "", "paygrant: the renewal failed\n")


# Errors in JSON


def error_of(ran: Ran) -> Any:
    """The one JSON object on standard error."""
    assert ran.out == ""
    (line,) = ran.err.splitlines()
    (name, error), *others = json.loads(line).items()
    assert (name, others) == ("error", [])
    return error


@pytest.mark.parametrize("form", [["--json"], ["--format", "json"], ["--format=json"]])
def test_a_refusal_is_json_if_the_token_would_be(run: Any, server: Server, form: list[str]) -> None:
    server.reply = Reply({"error": "invalid_scope", "error_description": f"not {SECRET}"}, 400)
    ran = run("token", "ripple", "--no-cache", *form)
    assert ran.code == 3
    assert error_of(ran) == {
        "message": "ripple (test): status 400, refused: invalid_scope: not[cut]",
        "hints": [],
        "type": "TokenRequestRejected",
        "exit_code": 3,
        "provider": "ripple",
        "environment": "test",
        "status": 400,
        "retryable": False,
        "error": "invalid_scope",
        "error_description": "not[cut]",
    }


def test_an_unavailable_provider_is_json_with_its_hint(run: Any, server: Server, clock: Clock) -> None:
    server.reply = Reply({}, 429, {"Retry-After": "700"})
    error = error_of(run("token", "ripple", "--no-cache", "--json"))
    assert (error["type"], error["retryable"], error["retry_after"]) == ("RateLimited", True, 700.0)
    forget_in_memory()
    server.reply = Reply({}, 503)
    error = error_of(run("token", "ripple", "--no-cache", "--json"))
    assert (error["type"], error["status"], error["exit_code"]) == ("ProviderUnavailable", 503, 4)
    assert [hint.partition(" to ")[0] for hint in error["hints"]] == ["the request went"]


def test_a_bad_argument_is_json_too(run: Any) -> None:
    error = error_of(run("token", "ripple", "--json", "--tenant-id", "a b"))
    assert (error["type"], error["argument"], error["exit_code"]) == ("ConfigurationError", "tenant_id", 2)


@pytest.mark.parametrize(
    "arguments",
    [
        ["token", "nobody", "--json"],
        ["token", "ripple", "--json", "--odd"],
        ["doctor", "ripple", "--json", "--odd"],
        ["providers", "--json", "--odd"],
        ["cache", "list", "--json", "--odd"],
    ],
)
def test_a_usage_error_is_json_too(run: Any, arguments: list[str]) -> None:
    error = error_of(run(*arguments))
    assert (error["type"], error["exit_code"]) == ("UsageError", 2)
    assert "; see paygrant " in error["message"]


def test_an_error_of_the_system_is_json_too(run: Any, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "paygrant"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    error = error_of(run("cache", "list", "--json"))
    assert error == {
        "message": f"others than this user may write to {folder}",
        "hints": [],
        "type": "OSError",
        "exit_code": 1,
    }


def test_notes_are_json_too(run: Any, env_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file.write_text(f"RIPPLE_CLIENT_SECRET={SECRET}\n")
    env_file.chmod(0o644)
    monkeypatch.delenv("RIPPLE_CLIENT_SECRET")
    code, out, err = run("token", "ripple", "--json", "-v", "--env-file", str(env_file))
    assert (code, json.loads(out)["access_token"]) == (0, TOKEN)
    exposed, request = (json.loads(line) for line in err.splitlines())
    assert exposed["note"].startswith(f"{env_file} is open to all users")
    assert request["note"].startswith("token request: provider=ripple environment=test outcome=granted")
