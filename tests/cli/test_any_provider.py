"""The command line with a spec of the user's own, and without a spec."""

import json
from pathlib import Path
from typing import Any

import pytest

from paygrant.cli import _store
from tests.helpers.command_line import SECRET, TOKEN, forget_in_memory, sent
from tests.helpers.servers import Reply, Server, granted
from tests.helpers.short import SHORT, SHORTEST, written

UNDECLARED = (
    "{grantType: {value: client_credentials}, level: {argument: level}, realm: {argument: realm}, "
    "scope: {argument: scope}, audience: {argument: audience}}"
)
"""Parameters of which the listed body of the short spec lacks two."""

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks")


@pytest.fixture
def acme(tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> str:
    """A spec of 25 lines, and a user who has its credentials."""
    for name, value in {"CLIENT_ID": "id", "CLIENT_SECRET": SECRET, "REALM": "eu", "ENVIRONMENT": "sandbox"}.items():
        monkeypatch.setenv(f"ACME_{name}", value)
    monkeypatch.setenv("ACME_BASE_URL", server.base_url)
    server.reply = Reply({"data": {"accessToken": TOKEN, "expiresIn": 3600}})
    return str(written(tmp_path))


def test_a_spec_gives_a_token(run: Any, server: Server, acme: str) -> None:
    assert run("token", acme, "--level", "2") == (0, f"{TOKEN}\n", "")
    assert server.seen[0].path == "/v1/eu/authorize"
    assert sent(server) == {"grantType": "client_credentials", "clientId": "id", "clientSecret": SECRET, "level": 2}


def test_a_spec_is_read_once(run: Any, acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run("token", acme).code == 0
    from paygrant._spec import document

    def fail(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr(document, "read", fail)
    forget_in_memory()
    assert run("token", acme).code == 0
    assert run("token", acme, "--help").code == 0


def test_a_user_without_a_cache_folder_reads_it_each_time(run: Any, acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_store, "spec_cache", lambda: None)
    assert run("token", acme, "--no-cache").code == 0


def test_a_prefix_chooses_the_variables(run: Any, server: Server, acme: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CLIENT_ID", "CLIENT_SECRET", "REALM", "ENVIRONMENT", "BASE_URL"):
        monkeypatch.delenv(f"ACME_{name}")
    ran = run("token", acme, "--prefix", "SHOP2")
    assert ran.code == 2
    assert "SHOP2_CLIENT_ID, SHOP2_CLIENT_SECRET (or ..._FILE), SHOP2_ENVIRONMENT, SHOP2_REALM" in ran.err
    monkeypatch.setenv("SHOP2_CLIENT_ID", "other")
    monkeypatch.setenv("SHOP2_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("SHOP2_BASE_URL", server.base_url)
    assert run("token", acme, "--prefix", "SHOP2", "--realm", "us", "--environment", "sandbox").code == 0
    assert sent(server)["clientId"] == "other"
    for prefix, fault in (("a b", "is 'a b'"), ("", "is empty")):  # an empty one may be a variable that is not set
        ran = run("token", acme, "--prefix", prefix)
        assert (ran.code, ran.out) == (2, "")
        assert ran.err.startswith(f"paygrant: --prefix: {fault}")


def test_help_of_a_spec_shows_its_arguments(run: Any, acme: str) -> None:
    shown = run("token", acme, "-h").out
    for word in (
        "--realm",
        "ACME_REALM",
        "--level [1|2]",
        "--environment [production|sandbox]",
        "--client-secret-file",
    ):
        assert word in shown


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--level", "two"], "--level"),
        (["--environment", "nowhere"], "--environment"),
        (["--base-url", "http://example.com"], "--base-url or ACME_BASE_URL: is plain http"),
    ],
)
def test_a_bad_argument_of_a_spec_names_the_option(run: Any, acme: str, arguments: list[str], text: str) -> None:
    ran = run("token", acme, *arguments)
    assert ran.code == 2
    assert text in ran.err


def test_errors_are_json_if_that_is_wanted(run: Any, acme: str, tmp_path: Path) -> None:
    bad = str(written(tmp_path, "openapi: 3.1.0", "bad.yaml"))
    for arguments in ((acme, "--realm", ""), (bad,)):
        ran = run("token", *arguments, "--json")
        assert ran.code == 2
        assert json.loads(ran.err)["error"]["type"] == "ConfigurationError"


def test_a_wrong_command_line_is_reported_though_the_spec_is_bad(run: Any, tmp_path: Path) -> None:
    bad = str(written(tmp_path, "openapi: 3.1.0", "bad.yaml"))
    for arguments in (("--json", "token", bad), ("--nothing", "doctor", bad, "--json")):
        ran = run(*arguments)
        assert ran.code == 2
        assert "unknown option" in ran.err


def test_a_bad_spec_has_no_completions(run: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = str(written(tmp_path, "openapi: 3.1.0", "bad.yaml"))
    monkeypatch.setenv("_PAYGRANT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", f"paygrant token {bad} --")
    monkeypatch.setenv("COMP_CWORD", "3")
    assert run() == (0, "", "")


def test_a_secret_of_a_spec_is_no_option(
    run: Any, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = SHORTEST + "  parameters: {grant_type: {value: password}, password: {argument: password}}\n"
    spec = str(written(tmp_path, text.replace("x-token-endpoint: {", "x-token-endpoint:\n  ").replace("}]}\n", "}]\n")))
    monkeypatch.setenv("ACME_CLIENT_SECRET", SECRET)
    ran = run("token", spec, "--client-id", "id", "--password", SECRET)
    assert ran.code == 2
    assert "a secret on the command line is visible" in ran.err
    (tmp_path / "password").write_text(SECRET, "utf-8")
    server.reply = granted(TOKEN)
    given = ("--client-id", "id", "--base-url", server.base_url, "--password-file", str(tmp_path / "password"))
    assert run("token", spec, *given).code == 0
    assert f"password={SECRET}" in server.seen[0].body.decode()


def test_an_argument_may_have_the_name_of_an_option(run: Any, tmp_path: Path) -> None:
    text = SHORT.replace("level:", "json:")
    shown = run("token", str(written(tmp_path, text)), "-h").out
    assert "--argument-json" in shown
    assert "--json " in shown


def test_an_argument_with_the_name_of_an_option_is_sent(run: Any, server: Server, acme: str) -> None:
    path, names = Path(acme), ("env_file", "name", "cache", "prefix2")
    fields = "\n                ".join(f"{each}: {{type: string}}" for each in names)
    path.write_text(path.read_text("utf-8").replace("level: {type: integer, enum: [1, 2]}", fields), "utf-8")
    given = ("--argument-env-file", "a", "--name", "b", "--argument-cache", "c", "--prefix2", "d")
    assert run("token", acme, *given) == (0, f"{TOKEN}\n", "")
    assert [sent(server)[each] for each in names] == ["a", "b", "c", "d"]


def test_doctor_examines_a_spec(run: Any, acme: str) -> None:
    ran = run("doctor", acme, "--json")
    assert ran.code == 0
    found = {each["check"]: each["verdict"] for each in json.loads(ran.out)}
    assert (found["settings"], found["response"], found["expiry"]) == ("ok", "ok", "ok")


def test_providers_shows_one_spec(run: Any, acme: str) -> None:
    [shown] = json.loads(run("providers", acme, "--json").out)
    assert shown["name"] == "acme"
    assert shown["auth_methods"] == ["client_secret_post"]
    assert "ACME_REALM" in run("providers", acme).out
    assert run("providers", "nobody").code == 2


def test_a_short_spec_has_no_findings(run: Any, acme: str) -> None:
    assert run("lint", acme) == (0, f"{acme}: no findings\n", "")


def test_lint_prints_warnings_and_goes_on(run: Any, tmp_path: Path) -> None:
    warned = str(written(tmp_path, f"{SHORT}  parameters: {UNDECLARED}\n"))
    ran = run("lint", warned)
    assert (ran.code, ran.err) == (0, "")
    assert ran.out.count("\n") == 1
    assert "warning: undeclared-fields" in ran.out
    assert "(and 1 more)" in ran.out
    assert run("lint", warned, "--all").out.count("\n") == 2
    assert all(each["warning"] for each in json.loads(run("lint", warned, "--json").out))
    bad = str(written(tmp_path, "openapi: 3.1.0", "bad.yaml"))
    assert run("lint", bad).code == 2
    (missing,) = json.loads(run("lint", str(tmp_path / "missing.yaml"), "--json").out)
    assert (missing["line"], missing["text"]) == (None, "the file does not exist")


def test_generate_names_the_command_that_shows_warnings(run: Any, tmp_path: Path) -> None:
    warned = str(written(tmp_path, f"{SHORT}  parameters: {UNDECLARED}\n"))
    ran = run("generate", warned, "--output", str(tmp_path / "out"))
    assert (ran.code, ran.err) == (0, f'paygrant: 2 warnings about the spec; "paygrant lint {warned}" shows them\n')


def test_generate_takes_a_short_spec(run: Any, acme: str, tmp_path: Path) -> None:
    ran = run("generate", acme, "--output", str(tmp_path / "out"))
    assert (ran.code, ran.err) == (0, "")
    assert (tmp_path / "out/acme/models/token_response.py").exists()
    assert run("token", str(tmp_path / "out/acme")).code == 0


# Without a spec


def test_all_that_is_missing_is_named_at_once(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CLIENT_CREDENTIALS_CLIENT_ID", raising=False)
    monkeypatch.delenv("CLIENT_CREDENTIALS_CLIENT_SECRET", raising=False)
    asked = ["token", "--token-url", "https://auth.acme.example/token"]
    assert run(*asked).err == (
        "paygrant: --client-id or CLIENT_CREDENTIALS_CLIENT_ID: is missing; expected a value for each of "
        "CLIENT_CREDENTIALS_CLIENT_ID, CLIENT_CREDENTIALS_CLIENT_SECRET (or ..._FILE)\n"
    )
    assert run(*asked, "--auth-method", "private_key_jwt").err == (
        "paygrant: --client-id or CLIENT_CREDENTIALS_CLIENT_ID: is missing; expected a value for each of "
        "CLIENT_CREDENTIALS_CLIENT_ID, CLIENT_CREDENTIALS_PRIVATE_KEY (or ..._FILE)\n"
    )


def test_a_token_url_is_enough(run: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CLIENT_CREDENTIALS_CLIENT_SECRET", SECRET)
    url = f"{server.base_url}/oauth/token"
    given = ("--token-url", url, "--client-id", "id", "--scope", "a b", "--parameter", "audience=x=y")
    assert run("token", *given) == (0, f"{TOKEN}\n", "")
    assert server.seen[0].body.decode() == "grant_type=client_credentials&scope=a+b&audience=x%3Dy"
    assert (
        run(
            "token", "--client-id=id", f"--token-url={url}", "--auth-method", "client_secret_post", "--body", "json"
        ).code
        == 0
    )
    assert sent(server) == {"grant_type": "client_credentials", "client_id": "id", "client_secret": SECRET}
    assert run("doctor", *given[:4]).code == 0
    assert run("token", *given[:4], "--parameter", "audience").code == 2


def test_a_name_begins_the_variables(run: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHOP_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("SHOP_CLIENT_ID", "id")
    assert run("token", "--token-url", f"{server.base_url}/t", "--name", "shop").code == 0
    assert run("token", "--token-url", f"{server.base_url}/t", "--name", "a b").code == 2
    assert (
        "SHOP_ACCESS_TOKEN="
        in run("token", "--token-url", f"{server.base_url}/t", "--name", "shop", "--format", "env").out
    )
    assert run("token", "client_credentials", "--name", "a b").err.startswith("paygrant: --name: is 'a b'")


def test_the_widget_may_be_named(run: Any) -> None:
    ran = run("widget-url", "ripple")
    assert ran.code == 2
    assert "expected ripio_widget, the only provider with a widget" in ran.err


def test_a_private_key_is_a_file_and_never_an_option(run: Any, tmp_path: Path) -> None:
    shown = run("token", "--token-url", "https://auth.example/t", "-h").out
    assert "--private-key-file" in shown
    assert "--private-key TEXT" not in shown
    assert "--certificate-file FILE" in shown
    assert "--basic-encoding [auto|plain|form]" in shown
    ran = run("token", "--token-url", "https://auth.example/t", "--private-key", SECRET)
    assert ran.code == 2
    assert "a secret on the command line is visible" in ran.err
