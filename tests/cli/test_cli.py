"""The command line, in this process: what each command prints, where, and how it ends.

What only a process of its own shows (pipes, terminals, signals, what is loaded) is in ``test_cli_process``.
"""

import inspect
import json
import logging
import os
import shlex
import subprocess
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any, NamedTuple, cast

import pytest
import typer
from cryptography.fernet import Fernet

import paygrant
from paygrant import ClientCredentials, Cryptofuse, FileStore, RipioWidget, Ripple, TokenSource
from paygrant._cache import registry
from paygrant._providers.base import Provider, registration_of
from paygrant._secrets import fingerprint
from paygrant.cli import _app, _console, _options, main
from tests.conftest import Clock
from tests.helpers.providers import GRANTED, USER
from tests.helpers.servers import Reply, Server, granted, serve_raw

SECRET = "secret-canary-91bc"
TOKEN = "token-canary-d04e"
OTHER_USER = "9b2e4c1a-0f6d-4f0e-8a4e-2d7c5b1a3f10"


class Ran(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture(autouse=True)
def surroundings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, server: Server) -> None:
    """A user of its own, whose environment has all that Ripple needs."""
    names = tuple(name.upper() for name in _options.names())
    for variable in os.environ:
        if variable.startswith((*names, "PAYGRANT", "_PAYGRANT", "FORCE_COLOR")):
            monkeypatch.delenv(variable)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    variables = {
        "CLIENT_ID": "id-canary-7f3a",
        "CLIENT_SECRET": SECRET,
        "ENVIRONMENT": "test",
        "TENANT_ID": "acme",
        "BASE_URL": server.base_url,
    }
    for name, value in variables.items():
        monkeypatch.setenv(f"RIPPLE_{name}", value)
    server.reply = granted(TOKEN, scope="payments:read")


@pytest.fixture(autouse=True)
def nothing_leaks(capsys: pytest.CaptureFixture[str]) -> Iterator[None]:
    """What a test has not read itself holds nothing secret."""
    yield
    printed = "".join(capsys.readouterr())
    assert SECRET not in printed
    assert TOKEN not in printed


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Any:
    def run(*arguments: str) -> Ran:
        code = main(arguments)
        out, err = capsys.readouterr()
        assert SECRET not in out + err
        assert TOKEN not in err
        assert "Traceback" not in err
        return Ran(code, out, err)

    return run


def sent(server: Server, at: int = -1) -> Any:
    return json.loads(server.seen[at].body)


# token: what it prints


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


def test_json_says_that_an_end_is_not_known(run: Any, server: Server) -> None:
    server.reply = granted(TOKEN, lifetime=None)
    told = json.loads(run("token", "ripple", "--json").out)
    assert (told["expires_at"], told["expires_in"]) == (None, None)


@pytest.mark.parametrize("token", [TOKEN, "it's", "$(exit)`exit`;&|*", '"\\'])
def test_the_line_for_a_shell_brings_the_token_through_a_shell(run: Any, server: Server, token: str) -> None:
    server.reply = granted(token)
    line = run("token", "ripple", "--format", "env").out
    assert line.startswith("RIPPLE_ACCESS_TOKEN=")
    script = f'{line}printf %s "$RIPPLE_ACCESS_TOKEN"'
    assert subprocess.run(["sh", "-euc", script], capture_output=True, text=True, check=True).stdout == token


def test_a_token_is_printed_in_one_way(run: Any, server: Server) -> None:
    code, out, err = run("token", "ripple", "--header", "--json")
    assert (code, out) == (2, "")
    assert "one of --header, --json and --format" in err
    assert run("token", "ripple", "--json", "--format", "json").code == 0
    assert run("token", "ripple", "--json", "--format", "env").code == 2


@pytest.mark.parametrize("name", ["ripio_widget", "ripio-widget"])
def test_a_provider_goes_by_the_name_of_its_spec_and_by_one_with_dashes(run: Any, server: Server, name: str) -> None:
    server.reply = Reply(GRANTED[RipioWidget](TOKEN))
    options = ["--client-id", "mine", "--environment", "sandbox", "--external-ref", USER, "--address", "0x05"]
    os.environ["RIPIO_WIDGET_CLIENT_SECRET"] = SECRET
    try:
        ran = run("token", name, *options, "--base-url", server.base_url, "--format", "env")
    finally:
        del os.environ["RIPIO_WIDGET_CLIENT_SECRET"]
    assert ran == (0, f"RIPIO_WIDGET_ACCESS_TOKEN={TOKEN}\n", "")


def test_an_unknown_provider_is_a_usage_error(run: Any) -> None:
    code, out, err = run("token", "nobody")
    assert (code, out) == (2, "")
    known = "alternative_payments, cryptofuse, ripio_ramp, ripio_widget, ripple"
    assert err == f"paygrant: No such provider: expected {known}; see paygrant token --help\n"


def test_a_provider_goes_by_the_name_of_its_class_too(run: Any) -> None:
    assert run("token", "Ripple").out == f"{TOKEN}\n"


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
def test_a_secret_that_slipped_in_is_not_repeated(run: Any, server: Server, arguments: list[str]) -> None:
    code, out, err = run(*arguments)  # which looks for it
    assert (code, out) == (2, "")
    assert err.startswith("paygrant: ")
    assert server.seen == []


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["token", "ripple", "--environment"], "requires an argument; see paygrant token ripple --help"),
        (["token", "--environment", "test", "ripple"], "it belongs right behind 'paygrant token ripple'; see paygrant"),
        (["token", "ripple", "-v"], "it belongs right behind 'paygrant'; see paygrant token ripple --help"),
        (["token", "ripple", "--odd"], "No such option: --odd; see paygrant token ripple --help"),
        (["sandbox", "--port", "abc"], "'abc' is not a valid int; see paygrant sandbox --help"),
        (["sandbox", "--port", "65536"], "--port: expected a whole number from 0 to 65535; see paygrant sandbox"),
    ],
)
def test_what_is_wrong_with_the_command_line_is_told(run: Any, arguments: list[str], told: str) -> None:
    code, out, err = run(*arguments)
    assert (code, out, err.count("\n")) == (2, "", 1)
    assert told in err


# token: the cache


def test_a_token_at_hand_is_printed_without_a_request(run: Any, server: Server) -> None:
    server.reply = lambda _: granted(f"token-{len(server.seen)}")
    assert [run("token", "ripple").out for _ in range(3)] == ["token-1\n"] * 3
    assert len(server.seen) == 1


def test_the_token_is_shared_with_python(run: Any, server: Server) -> None:
    run("token", "ripple")
    with TokenSource(Ripple.from_env(), store=FileStore()) as source:
        assert source.get().access_token == TOKEN
    assert len(server.seen) == 1


def test_without_the_cache_a_token_is_asked_for_and_none_is_kept(run: Any, server: Server) -> None:
    for _ in range(2):
        assert run("token", "ripple", "--no-cache").out == f"{TOKEN}\n"
        _forget_in_memory()
    assert len(server.seen) == 2
    assert run("cache", "list").err.startswith("paygrant: nothing is kept in ")


def _forget_in_memory() -> None:
    """What another process would not have either."""
    registry._stores.clear()


def test_a_remembered_refusal_says_so(run: Any, server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    first, second = run("token", "ripple"), run("token", "ripple")
    assert (first.code, second.code) == (3, 3)
    assert len(server.seen) == 1
    for each in (first, second):
        assert each.err.count("\n") == 1
        assert "credentials refused" in each.err
        assert " s; paygrant cache clear ends that" in each.err
    run("cache", "clear")
    run("token", "ripple")
    assert len(server.seen) == 2


def test_a_refusal_that_is_not_kept_says_no_such_thing(run: Any, server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    assert "remembered" not in run("token", "ripple", "--no-cache").err


def test_a_cache_that_cannot_be_used_is_told_and_fails_nobody(run: Any, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "cache" / "paygrant"
    folder.mkdir(parents=True)
    folder.chmod(0o777)
    code, out, err = run("token", "ripple")
    assert (code, out) == (0, f"{TOKEN}\n")
    assert err == f"paygrant: {folder} is not for this user alone to write to; no token is kept\n"
    server.reply = Reply({"error": "invalid_client"}, 401)
    _forget_in_memory()
    code, _, err = run("token", "ripple")
    assert code == 3
    assert "remembered" not in err
    code, out, err = run("cache", "list")
    assert (code, out) == (1, "")
    assert err == f"paygrant: {folder} is not for this user alone to write to\n"


def test_a_file_in_the_place_of_the_cache_is_told(run: Any, tmp_path: Path) -> None:
    (tmp_path / "cache").touch()
    told = f"paygrant: Not a directory: {tmp_path}/cache/paygrant; no token is kept\n"
    assert run("token", "ripple") == (0, f"{TOKEN}\n", told)
    assert run("cache", "list").err == f"paygrant: nothing is kept in {tmp_path}/cache/paygrant\n"


def test_the_cache_is_encrypted_where_there_is_a_key(
    run: Any, server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PAYGRANT_CACHE_KEY", Fernet.generate_key().decode())
    run("token", "ripple")
    [file] = tmp_path.rglob("*.token")
    assert TOKEN not in file.read_text()
    assert json.loads(run("cache", "list", "--json").out)[0]["state"] == "fresh"
    monkeypatch.delenv("PAYGRANT_CACHE_KEY")
    [told] = json.loads(run("cache", "list", "--json").out)
    assert (told["provider"], told["state"]) == (None, "unreadable")


def test_a_key_that_is_none_is_a_usage_error(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PAYGRANT_CACHE_KEY", SECRET)
    code, _, err = run("token", "ripple")
    assert code == 2
    assert err.startswith("paygrant: PAYGRANT_CACHE_KEY: cannot be used (ValueError); expected a Fernet key")


# token: how it ends

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
    told, *hints = ran.err.splitlines()
    assert told.startswith("paygrant: ripple (test): ")
    hint = f"paygrant: asked was {server.base_url}/oauth/token; paygrant doctor ripple, with the same options, says why"
    assert hints == ([] if reply.status in {400, 401, 429} else [hint])


def test_nobody_who_answers_is_unavailability(run: Any, clock: Clock) -> None:
    with serve_raw(lambda connection: connection.close()) as base_url:
        assert run("token", "ripple", "--base-url", base_url).code == 4


def test_the_exit_codes_are_documented(run: Any) -> None:
    told = run("--help").out
    for code in {0, 1, 130, *_app._EXITS.values()}:
        assert any(line.split()[:1] == [str(code)] for line in told.splitlines())


def test_every_error_of_the_tree_has_its_exit_code() -> None:
    errors = [kind for kind in vars(paygrant._errors).values() if inspect.isclass(kind)]
    leaves = [kind for kind in errors if not any(issubclass(each, kind) for each in errors if each is not kind)]
    assert all(any(issubclass(leaf, kind) for kind in _app._EXITS) for leaf in leaves)


def test_an_error_that_nobody_thought_of_is_one_line_too(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def get(_: object) -> None:
        raise paygrant.PaygrantError("the renewal failed")

    monkeypatch.setattr(TokenSource, "get", get)
    assert run("token", "ripple") == (1, "", "paygrant: the renewal failed\n")


def test_verbose_tells_of_each_request(run: Any, server: Server, clock: Clock) -> None:
    logger = logging.getLogger("paygrant")
    before = (logger.level, list(logger.handlers))
    server.reply = Reply({}, 503)
    _, _, err = run("--verbose", "token", "ripple")
    assert err.count("paygrant: token request: provider=ripple environment=test outcome=ProviderUnavailable") == 4
    assert (logger.level, logger.handlers) == before


def test_what_takes_long_is_not_told_where_nobody_looks(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_console, "_PATIENCE", 0)
    assert run("token", "ripple") == (0, f"{TOKEN}\n", "")


# token: what it is given


def test_options_go_before_the_environment(run: Any, server: Server) -> None:
    run("token", "ripple", "--tenant-id", "other", "--environment", "uat", "--client-id", "theirs")
    assert sent(server)["audience"] == "urn:ripplexcurrent-uat:other"
    assert sent(server)["client_id"] == "theirs"


@pytest.fixture
def env_file(tmp_path: Path) -> Path:
    return tmp_path / "some.env"


def test_a_file_gives_what_the_environment_does_not(
    run: Any, server: Server, env_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env_file.write_text("RIPPLE_TENANT_ID=filed\nRIPPLE_CLIENT_ID='filed'\nexport RIPPLE_CLIENT_SECRET=\"${HOME}$x\"\n")
    env_file.chmod(0o600)
    monkeypatch.setenv("RIPPLE_TENANT_ID", "")  # as if it were not set
    monkeypatch.delenv("RIPPLE_CLIENT_SECRET")
    assert run("token", "ripple", "--env-file", str(env_file)) == (0, f"{TOKEN}\n", "")
    assert sent(server)["audience"] == "urn:ripplexcurrent-test:filed"
    assert sent(server)["client_id"] == "id-canary-7f3a"
    assert sent(server)["client_secret"] == "${HOME}$x"
    assert "RIPPLE_CLIENT_SECRET" not in os.environ


@pytest.mark.parametrize("content", [None, b"\xff\xfe"])
def test_a_file_that_cannot_be_read_is_named(run: Any, env_file: Path, content: bytes | None) -> None:
    if content:
        env_file.write_bytes(content)
    code, out, err = run("token", "ripple", "--env-file", str(env_file))
    assert (code, out) == (2, "")
    assert err.startswith(f"paygrant: --env-file: {env_file} cannot be read (")


@pytest.mark.parametrize(
    ("content", "line"), [(f"A=1\n\n\nB='{SECRET}\n", 4), (f"# odd\n{SECRET}\nA=1", 2), (f"A b={SECRET}", 1)]
)
def test_a_file_with_a_line_that_cannot_be_read_is_named(run: Any, env_file: Path, content: str, line: int) -> None:
    env_file.write_text(content)
    code, out, err = run("token", "ripple", "--env-file", str(env_file))
    assert (code, out) == (2, "")
    allowed = "expected a UTF-8 file of lines NAME=value"
    assert err == f"paygrant: --env-file: {env_file} holds no NAME=value in line {line}; {allowed}\n"


@pytest.mark.parametrize("way", ["--env-file", "--client-secret-file", "variable"])
def test_a_file_with_a_secret_that_others_can_read_is_named(
    run: Any, env_file: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    env_file.write_text(f"RIPPLE_CLIENT_SECRET={SECRET}\n")
    env_file.chmod(0o644)
    monkeypatch.delenv("RIPPLE_CLIENT_SECRET")
    if way == "variable":
        monkeypatch.setenv("RIPPLE_CLIENT_SECRET_FILE", str(env_file))
    told = f"{env_file} is open to all users of this machine (mode 0644); to change that: chmod 600 {env_file}"
    options = [] if way == "variable" else [way, str(env_file)]
    assert run("token", "ripple", *options) == (0, f"{TOKEN}\n", f"paygrant: {told}\n")


def test_a_file_without_a_secret_is_for_everybody(run: Any, env_file: Path) -> None:
    env_file.write_text("RIPPLE_TENANT_ID=acme\n")
    env_file.chmod(0o644)
    assert run("token", "ripple", "--env-file", str(env_file)).err == ""


def test_a_variable_in_the_file_that_is_bad_is_named(run: Any, env_file: Path) -> None:
    env_file.write_text("RIPPLE_AUDIENCE=urn:other:thing\n")
    os.environ.pop("RIPPLE_TENANT_ID")
    env_file.write_text("RIPPLE_AUDIENCE=none\n")
    code, _, err = run("token", "ripple", "--env-file", str(env_file))
    assert code == 2
    assert err.startswith("paygrant: --audience or RIPPLE_AUDIENCE: is not a URN; expected ")


def test_a_bad_option_is_named_as_an_option(run: Any, server: Server) -> None:
    code, _, err = run("token", "ripple", "--tenant-id", "a b")
    assert code == 2
    assert err.startswith("paygrant: --tenant-id or RIPPLE_TENANT_ID: cannot stand in a URN; expected ")
    code, _, err = run("token", "ripple", "--environment", "live")
    assert code == 2
    assert all(word in err for word in ("--environment", "test", "uat", "production"))
    assert server.seen == []


def test_what_is_missing_is_named_as_option_and_variable(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
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


def test_a_scope_is_a_text_with_spaces_and_words_are_checked(run: Any, server: Server) -> None:
    os.environ["CRYPTOFUSE_CLIENT_SECRET"] = SECRET
    try:
        options = ["--client-id", "mine", "--base-url", server.base_url]
        assert run("token", "cryptofuse", *options, "--scope", "read", "--credentials-in", "body").code == 0
        assert run("token", "cryptofuse", *options, "--credentials-in", "head").code == 2
    finally:
        del os.environ["CRYPTOFUSE_CLIENT_SECRET"]
    assert b"scope=read&" in server.seen[0].body + b"&"
    assert len(server.seen) == 1


def test_a_flag_is_an_option_without_a_value(run: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    server.reply = Reply(GRANTED[RipioWidget](TOKEN))
    monkeypatch.setenv("RIPIO_WIDGET_CLIENT_SECRET", SECRET)
    options = ["--client-id", "mine", "--environment", "sandbox", "--external-ref", "anybody", "--address", "0x05"]
    options += ["--base-url", server.base_url]
    told = run("token", "ripio_widget", *options).err
    assert told.endswith(
        ": is not a UUID version 4; expected a UUID version 4, or any string with --allow-any-external-ref\n"
    )
    assert run("token", "ripio_widget", *options, "--allow-any-external-ref").code == 0


# The secret


@pytest.mark.parametrize("written", [["--client-secret", SECRET], [f"--client-secret={SECRET}"]])
def test_a_secret_on_the_command_line_is_refused_and_not_repeated(run: Any, server: Server, written: list[str]) -> None:
    code, out, err = run("token", "ripple", *written)
    assert (code, out) == (2, "")
    assert "process list" in err
    assert "--client-secret-file" in err
    assert server.seen == []


def test_what_stands_where_nothing_belongs_is_not_repeated(run: Any, server: Server) -> None:
    assert run("token", "ripple", SECRET) == (
        2,
        "",
        "paygrant: Allowed are options only; see paygrant token ripple --help\n",
    )
    assert server.seen == []


def test_a_secret_is_read_from_a_file(run: Any, server: Server, tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("from a file\n")
    file.chmod(0o600)
    assert run("token", "ripple", "--client-secret-file", str(file)).code == 0
    assert sent(server)["client_secret"] == "from a file"


def test_a_secret_file_that_is_not_there_is_named(run: Any, tmp_path: Path) -> None:
    file = str(tmp_path / "none")
    code, _, err = run("token", "ripple", "--client-secret-file", file)
    assert code == 2
    assert err.startswith(f"paygrant: --client-secret-file or RIPPLE_CLIENT_SECRET: the file {file} cannot be read")


# providers


def test_every_public_provider_is_there_and_no_other() -> None:
    public = (getattr(paygrant, name) for name in paygrant.__all__)
    kinds = {
        each for each in public if inspect.isclass(each) and issubclass(each, Provider) and "_package" in vars(each)
    }
    kinds.remove(ClientCredentials)  # it has no spec
    assert {_options.class_of(name) for name in _options.names()} == kinds
    for name in _options.names():
        assert _options.endpoint(_options.class_of(name)).name == name


def test_providers_are_shown_with_hosts_and_variables(run: Any) -> None:
    code, out, err = run("providers")
    assert (code, err) == (0, "")
    lines = [line.split(maxsplit=1) for line in out.splitlines()]
    for name in _options.names():
        kind = _options.class_of(name)
        for environment, server in _options.endpoint(kind).servers.items():
            assert [environment, server.url] in lines
        for each in _options.parameters(kind):
            variable = each.variable
            if each.name == "client_secret":
                variable = f"{variable}_FILE or {variable}"
            assert [each.option, *([variable] if variable else [])] in lines
    assert "HTTP Basic or fields of the body" in out


def test_providers_are_shown_as_json(run: Any) -> None:
    told = {each["name"]: each for each in json.loads(run("providers", "--json").out)}
    assert list(told) == _options.names()
    ripple = told["ripple"]
    assert ripple["class"] == "Ripple"
    assert ripple["environments"]["test"] == "https://auth-test.rnc.ripplenet.com"
    assert ripple["credentials"] == ["body"]
    assert ripple["path"] == "/oauth/token"
    by_name = {each["name"]: each for each in ripple["parameters"]}
    assert by_name["environment"] == {
        "name": "environment",
        "option": "--environment",
        "variable": "RIPPLE_ENVIRONMENT",
        "choices": ["test", "uat", "production"],
        "default": None,
        "required": True,
        "help": '"test", "uat" or "production".',
    }
    assert by_name["client_secret"]["option"] == "--client-secret-file"
    parameters = {each["name"]: each for each in told["cryptofuse"]["parameters"]}
    assert parameters["scope"]["default"] == "read write"
    assert parameters["basic_encoding"]["help"].endswith("and plain was refused.")
    assert parameters["base_url"]["help"] == "The base URL. The documentation names none."


def test_every_parameter_is_told() -> None:
    for name in _options.names():
        assert all(each.help for each in _options.parameters(_options.class_of(name)))


def test_providers_are_told_even_where_python_drops_docstrings(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Ripple, "__doc__", None)
    assert _options.summary(Ripple) == "Ripple"
    assert _options.parameters(Ripple)[-1].help == ""


# widget-url

WIDGET = ["widget-url", "--client-id", "mine", "--environment", "sandbox", "--external-ref", USER, "--address", "0x05"]


@pytest.fixture
def widget(server: Server, monkeypatch: pytest.MonkeyPatch) -> RipioWidget:
    server.reply = Reply(GRANTED[RipioWidget](TOKEN))
    monkeypatch.setenv("RIPIO_WIDGET_CLIENT_SECRET", SECRET)
    monkeypatch.setenv("RIPIO_WIDGET_BASE_URL", server.base_url)
    return RipioWidget.from_env(client_id="mine", environment="sandbox", external_ref=USER, address="0x05")


def test_widget_url_prints_the_address(run: Any, widget: RipioWidget) -> None:
    token = TokenSource(widget).get()
    assert run(*WIDGET) == (0, f"{widget.widget_url(token)!s}\n", "")
    page = ["--flow", "offramp", "--page-address", "0x06", "--network", "ETH", "--amount", "100", "--crypto", "USDC"]
    wanted = widget.widget_url(
        token, flow="offramp", address="0x06", network="ETH", amount="100", crypto="USDC", tracking_session="7"
    )
    assert run(*WIDGET, *page, "--tracking-session", "7").out == f"{wanted!s}\n"


def test_widget_url_uses_the_cache_or_not(run: Any, widget: RipioWidget, server: Server) -> None:
    for _ in range(2):
        run(*WIDGET)
    assert len(server.seen) == 1
    run(*WIDGET, "--no-cache")
    assert len(server.seen) == 2


def test_a_bad_address_of_the_page_costs_no_request(run: Any, widget: RipioWidget, server: Server) -> None:
    assert run(*WIDGET, "--amount", "-1") == (2, "", "paygrant: --amount: is '-1'; expected a positive number\n")
    assert run(*WIDGET, "--page-address", "").err.startswith("paygrant: --page-address: is empty; ")
    assert server.seen == []


def test_every_argument_of_the_page_is_told(run: Any) -> None:
    told = " ".join(run("widget-url", "--help").out.replace("│", " ").split())
    assert "A wallet address that the page fills in and keeps." in told
    assert "--page-address" in told


# cache


def test_the_cache_is_shown_by_fingerprints(run: Any, server: Server) -> None:
    run("token", "ripple")
    server.reply = Reply({"error": "invalid_client"}, 401)
    run("token", "ripple", "--environment", "uat")
    code, out, err = run("cache", "list")
    assert (code, err) == (0, "")
    heading, *lines = [line.split() for line in out.splitlines()]
    assert heading == ["key", "provider", "environment", "kept", "state", "ends"]
    kept = {line[2]: [line[1], *line[3:-1]] for line in lines}
    assert kept == {
        "test": ["ripple", "token", fingerprint(TOKEN), "fresh"],
        "uat": ["ripple", "error", "InvalidClient"],
    }


def test_the_cache_is_shown_as_json(run: Any, clock: Clock) -> None:
    assert run("cache", "list", "--json").out == "[]\n"
    run("token", "ripple")
    key = registration_of(Ripple.from_env()).cache_key(SECRET)
    assert json.loads(run("cache", "list", "--json").out) == [
        {
            "key": key[:8],
            "provider": "ripple",
            "environment": "test",
            "kept": f"token {fingerprint(TOKEN)}",
            "fingerprint": fingerprint(TOKEN),
            "state": "fresh",
            "ends": "2026-11-21T01:16:40+00:00",
        }
    ]
    clock.pass_by(3000)
    assert json.loads(run("cache", "list", "--json").out)[0]["state"] == "due"
    clock.pass_by(590)
    assert json.loads(run("cache", "list", "--json").out)[0]["state"] == "expired"
    clock.pass_by(20)
    assert run("cache", "list", "--json").out == "[]\n"


@pytest.fixture
def three_kept(run: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """Tokens of two environments of Ripple, and one of Cryptofuse."""
    monkeypatch.setenv("CRYPTOFUSE_CLIENT_SECRET", SECRET)
    server.reply = lambda _: granted(f"token-{len(server.seen)}")
    run("token", "ripple")
    run("token", "ripple", "--environment", "uat")
    run("token", "cryptofuse", "--client-id", "mine", "--base-url", server.base_url)
    return cast("list[dict[str, Any]]", json.loads(run("cache", "list", "--json").out))


def kept_after(run: Any, *arguments: str) -> list[tuple[str, str | None]]:
    before = len(json.loads(run("cache", "list", "--json").out))
    code, out, err = run("cache", "clear", *arguments)
    kept = json.loads(run("cache", "list", "--json").out)
    number = before - len(kept)
    assert (code, out, err) == (0, "", f"paygrant: {number} {'entry' if number == 1 else 'entries'} cleared\n")
    return sorted((each["provider"], each["environment"] or "") for each in kept)


def test_all_is_forgotten(run: Any, three_kept: list[dict[str, Any]], tmp_path: Path) -> None:
    assert kept_after(run) == []
    assert list(tmp_path.rglob("*.token")) == []


def test_a_provider_is_forgotten(run: Any, three_kept: list[dict[str, Any]]) -> None:
    assert kept_after(run, "ripple") == [("cryptofuse", "")]


@pytest.mark.parametrize("mark", ["key", "fingerprint"])
def test_one_token_is_forgotten(run: Any, three_kept: list[dict[str, Any]], mark: str) -> None:
    [uat] = [each for each in three_kept if each["environment"] == "uat"]
    assert kept_after(run, uat[mark]) == [("cryptofuse", ""), ("ripple", "test")]


def test_several_are_forgotten(run: Any, three_kept: list[dict[str, Any]]) -> None:
    assert kept_after(run, "cryptofuse", "ripple") == []


def test_what_is_not_there_cannot_be_forgotten(run: Any, three_kept: list[dict[str, Any]]) -> None:
    assert run("cache", "clear", "ripio-ramp") == (0, "", "paygrant: 0 entries cleared\n")
    code, _, err = run("cache", "clear", "ripple", "nosuch")
    assert code == 2
    assert "kept is cryptofuse, ripple; see paygrant cache clear --help" in err
    assert len(json.loads(run("cache", "list", "--json").out)) == 3


def test_looking_makes_no_folder(run: Any, tmp_path: Path) -> None:
    assert run("cache", "list").err == f"paygrant: nothing is kept in {tmp_path}/cache/paygrant\n"
    assert run("cache", "clear").code == 0
    assert "kept is nothing" in run("cache", "clear", "nosuch").err
    assert list(tmp_path.iterdir()) == []


def test_a_token_of_an_earlier_version_is_shown_without_its_provider(run: Any, tmp_path: Path) -> None:
    run("token", "ripple")
    [file] = tmp_path.rglob("*.token")
    document = json.loads(file.read_text())
    assert (document.pop("provider"), document.pop("environment")) == ("ripple", "test")
    end = file.stat().st_mtime
    file.write_text(json.dumps(document))
    os.utime(file, (end, end))
    [told] = json.loads(run("cache", "list", "--json").out)
    assert (told["provider"], told["environment"], told["state"]) == (None, None, "fresh")
    assert run("token", "ripple").out == f"{TOKEN}\n"


# Help


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command there is, groups included."""
    yield path
    if hasattr(command, "list_commands"):
        context = typer.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


EVERY_COMMAND = list(commands(typer.main.get_command(_app.app)))


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=lambda path: " ".join(path) or "paygrant")
def test_every_help_has_an_example_that_is_understood(run: Any, path: tuple[str, ...], env_file: Path) -> None:
    code, out, err = run(*path, "--help")
    assert (code, err) == (0, "")
    example = out.partition("Example: ")[2].split()
    assert example[0] == "paygrant"
    assert example[1 : 1 + len(path)] == list(path)
    assert "--help" not in example
    command: Any = typer.main.get_command(_app.app)
    context = typer.Context(command)
    arguments = example[1:]
    while hasattr(command, "get_command"):
        command = command.get_command(context, arguments.pop(0))
    command.make_context(None, arguments)  # raises what a usage error would
    assert command.name


def test_the_example_of_the_widget_does(run: Any, widget: RipioWidget) -> None:
    example = run("widget-url", "--help").out.partition("Example: paygrant ")[2].split()
    assert run(*example, "--client-id", "mine").code == 0


def test_help_says_what_the_files_of_its_examples_hold(run: Any) -> None:
    assert "ripple.env, holds lines RIPPLE_CLIENT_ID=..." in run("--help").out
    assert "lines such as RIPPLE_CLIENT_ID=..." in " ".join(
        run("token", "ripple", "--help").out.replace("│", "").split()
    )


def test_help_names_options_and_variables_and_no_other_providers(run: Any) -> None:
    told = run("token", "ripple", "--help").out
    for each in _options.parameters(Ripple):
        assert each.option in told
        assert each.variable in told
    assert "CRYPTOFUSE" not in told
    assert "--client-secret " not in told


def test_no_variable_is_cut_short_in_help(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in _options.names():
        told = run("token", name, "--help").out
        variables = [each.variable for each in _options.parameters(_options.class_of(name)) if each.variable]
        assert all(variable in told for variable in variables)


def test_no_command_is_a_usage_error_that_shows_help(run: Any) -> None:
    for path in [(), ("token",), ("cache",), ("doctor",)]:
        ran = run(*path)
        assert ran.code == 2
        assert "Usage: paygrant" in ran.out
        assert ran.err == ""


def test_the_version_is_told(run: Any) -> None:
    assert run("--version") == (0, f"{version('paygrant')}\n", "")


def test_what_is_given_shows_nothing_secret() -> None:
    given = _options.Given(Cryptofuse, {"client_secret": SECRET}, {"CRYPTOFUSE_CLIENT_SECRET": SECRET})
    assert SECRET not in repr(given)
    assert shlex.quote(SECRET) == SECRET


def test_the_key_of_the_cache_may_stand_in_an_env_file(run: Any, tmp_path: Path) -> None:
    file = tmp_path / "keys.env"
    file.write_text(f"PAYGRANT_CACHE_KEY={Fernet.generate_key().decode()}\n", "utf-8")
    file.chmod(0o600)
    assert run("token", "ripple", "--env-file", str(file)).code == 0
    (kept,) = [path for path in (tmp_path / "cache").rglob("*") if path.is_file() and path.suffix != ".lock"]
    assert TOKEN.encode() not in kept.read_bytes()


def test_a_secret_may_come_through_a_pipe_that_is_read_once(
    run: Any, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RIPPLE_CLIENT_SECRET")
    reader, writer = os.pipe()
    os.write(writer, b"piped\n")
    os.close(writer)
    assert run("token", "ripple", "--client-secret-file", f"/dev/fd/{reader}").code == 0
    assert sent(server)["client_secret"] == "piped"
    os.close(reader)


def test_notes_move_no_cursor_and_ring_no_bell(run: Any) -> None:
    err = run("token", "ripple", "--env-file", "no\x1b[2Jsuch\x07file.env").err
    assert "\x1b" not in err
    assert "\x07" not in err
