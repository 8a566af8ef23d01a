"""The command line as processes of their own: pipes, terminals, signals, the process list, what is loaded."""

import os
import pty
import re
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager
from pathlib import Path
from subprocess import PIPE, CompletedProcess, Popen
from time import monotonic
from typing import Any, cast

import pytest

from tests.helpers.servers import Reply, Server, granted, serve
from tests.helpers.short import written

SECRET = "secret-canary-91bc"
TOKEN = "token-canary-d04e"
LIMIT = 30.0
"""Seconds. A test that takes longer has failed."""

COMMAND = [sys.executable, "-m", "paygrant"]


@pytest.fixture
def variables(tmp_path: Path, server: Server) -> dict[str, str]:
    """The environment of a user who has set all that Ripple needs."""
    server.reply = granted(TOKEN)
    kept = {name: value for name, value in os.environ.items() if name in {"PATH", "LANG", "VIRTUAL_ENV", "SYSTEMROOT"}}
    return kept | {
        "HOME": str(tmp_path),
        "TERM": "xterm",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "RIPPLE_CLIENT_ID": "mine",
        "RIPPLE_CLIENT_SECRET": SECRET,
        "RIPPLE_ENVIRONMENT": "test",
        "RIPPLE_TENANT_ID": "acme",
        "RIPPLE_BASE_URL": server.base_url,
    }


def ran(*arguments: str, env: Mapping[str, str], **options: Any) -> CompletedProcess[str]:
    options = {"capture_output": True, "text": True, "timeout": LIMIT, "stdin": subprocess.DEVNULL} | options
    done: CompletedProcess[str] = cast("Any", subprocess.run)([*COMMAND, *arguments], env=env, check=False, **options)
    return done


def outcome(*arguments: str, env: Mapping[str, str], **options: Any) -> tuple[int, str, str]:
    done = ran(*arguments, env=env, **options)
    return done.returncode, done.stdout, done.stderr


_TAKE_TERMINAL = "import os, sys; os.close(os.open(sys.argv[1], os.O_RDWR)); os.execv(sys.argv[2], sys.argv[2:])"
"""The first terminal that a new session opens becomes its controlling terminal."""


class Terminal:
    """A process at its own terminal. The named streams are the terminal, the others are pipes."""

    def __init__(self, arguments: tuple[str, ...], env: Mapping[str, str], on_terminal: str) -> None:
        self.screen = ""
        self._main, inner = pty.openpty()
        streams = {name: inner if name in on_terminal.split() else PIPE for name in ("stdin", "stdout", "stderr")}
        self.process: Popen[bytes] = cast("Any", Popen)(
            [sys.executable, "-c", _TAKE_TERMINAL, os.ttyname(inner), *COMMAND, *arguments],
            env=env,
            start_new_session=True,
            **streams,
        )
        os.close(inner)

    def read(self, until: Callable[[], bool]) -> None:
        """Read until a condition holds or the process has closed the terminal."""
        end = monotonic() + LIMIT
        while not until():
            assert monotonic() < end, self.screen
            if select.select([self._main], [], [], 0.05)[0]:
                try:
                    self.screen += os.read(self._main, 4096).decode()
                except OSError:  # the process has closed it
                    return

    def type(self, text: str) -> None:
        os.write(self._main, text.encode())

    def hides_what_is_typed(self) -> bool:
        return not termios.tcgetattr(self._main)[3] & termios.ECHO

    def end(self) -> tuple[int, str]:
        """The exit code, and what standard output received if it is a pipe."""
        self.read(until=lambda: False)
        out, _ = self.process.communicate(timeout=LIMIT)
        return self.process.returncode, (out or b"").decode()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        os.close(self._main)


@contextmanager
def terminal(*arguments: str, env: Mapping[str, str], on: str = "stdin stderr") -> Generator[Terminal]:
    session = Terminal(arguments, env, on)
    try:
        yield session
    finally:
        session.close()


# Pipes


def test_a_loop_in_a_script_makes_one_request(variables: dict[str, str], server: Server) -> None:
    assert outcome("token", "ripple", env=variables) == (0, f"{TOKEN}\n", "")
    assert outcome("token", "ripple", env=variables) == (0, f"{TOKEN}\n", "")
    assert len(server.seen) == 1


def test_a_kept_token_is_printed_without_a_network(variables: dict[str, str]) -> None:
    with serve() as gone:
        gone.reply = granted(TOKEN)
        variables["RIPPLE_BASE_URL"] = gone.base_url
        assert ran("token", "ripple", env=variables).returncode == 0
    assert outcome("token", "ripple", env=variables) == (0, f"{TOKEN}\n", "")


def test_a_secret_is_read_from_a_pipe(variables: dict[str, str], server: Server) -> None:
    del variables["RIPPLE_CLIENT_SECRET"]
    done = outcome("token", "ripple", "--client-secret-file", "-", env=variables, stdin=None, input="\ufeffpiped\r\n")
    assert done == (0, f"{TOKEN}\n", "")
    assert b'"client_secret": "piped"' in server.seen[0].body.replace(b'":"', b'": "')


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() != 0, reason="needs root, to become another user")
@pytest.mark.parametrize(
    ("arguments", "code", "note"),
    [
        (["token", "ripple"], 0, "; the command goes on without a cache"),
        (["doctor", "ripple"], 0, "; the command goes on without a cache"),
        (["token", "ripple", "--no-cache"], 0, ""),
        (["cache", "list"], 2, ""),
        (["cache", "clear"], 2, ""),
    ],
)
def test_a_user_without_a_home_folder_has_no_cache(
    variables: dict[str, str], arguments: list[str], code: int, note: str
) -> None:
    del variables["HOME"], variables["XDG_CACHE_HOME"]
    become = "import os, sys; os.setresuid(54321, 0, 0)"  # who may read the files of the interpreter all the same
    program = f"{become}; from paygrant.cli import main; sys.exit(main(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=variables, capture_output=True, text=True, check=False
    )
    found, out, err = done.returncode, done.stdout, done.stderr
    assert (found, TOKEN in out) == (code, arguments[0] == "token")
    fault = "the cache: this user has no home folder; expected HOME or XDG_CACHE_HOME set to an absolute path"
    assert err == ("" if "--no-cache" in arguments else f"paygrant: {fault}{note}\n")


@pytest.mark.parametrize("arguments", [["providers"], ["token", "ripple"], ["--help"], ["providers", "--json"]])
def test_a_reader_that_goes_away_is_not_an_error(variables: dict[str, str], arguments: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = ran(*arguments, env=variables, capture_output=False, stdout=writer, stderr=PIPE)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (0, "")


def test_a_reader_that_goes_away_does_not_hide_an_error(variables: dict[str, str], server: Server) -> None:
    server.reply = Reply({"error": "invalid_client"}, 401)
    reader, writer = os.pipe()
    os.close(reader)
    try:
        done = ran("doctor", "ripple", env=variables, capture_output=False, stdout=writer, stderr=PIPE)
    finally:
        os.close(writer)
    assert (done.returncode, done.stderr) == (3, "")


def closed(streams: str, *arguments: str, env: Mapping[str, str]) -> tuple[int, str, str]:
    """The outcome of a command whose streams a shell has closed."""
    line = f'exec "$@" {streams}'
    command = ["sh", "-c", line, "sh", *COMMAND, *arguments]
    done = subprocess.run(command, env=env, capture_output=True, text=True, timeout=LIMIT, check=False)
    return done.returncode, done.stdout, done.stderr


def test_streams_may_be_closed(variables: dict[str, str]) -> None:
    assert closed("<&- 2>&-", "token", "ripple", env=variables) == (0, f"{TOKEN}\n", "")
    assert closed("<&- 2>&-", "token", "nobody", env=variables) == (2, "", "")


@pytest.mark.parametrize(
    "arguments", [["token", "ripple"], ["doctor", "ripple"], ["providers"], ["providers", "--json"], ["--help"]]
)
def test_a_closed_standard_output_is_an_error(variables: dict[str, str], arguments: list[str]) -> None:
    code, _, err = closed(">&-", *arguments, env=variables)
    assert (code, err.count("\n")) == (1, 1)
    assert ("{" in err) == ("--json" in arguments)
    assert "Bad file descriptor" in err


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_result_that_cannot_be_written_is_an_error(variables: dict[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = ran("providers", env=variables, capture_output=False, stdout=full, stderr=PIPE)
        noted = ran("token", "nobody", env=variables, capture_output=False, stdout=PIPE, stderr=full)
    assert (done.returncode, done.stderr) == (1, "paygrant: No space left on device: standard output\n")
    assert (noted.returncode, noted.stdout) == (2, "")


def test_no_secret_is_asked_for_without_a_terminal(variables: dict[str, str]) -> None:
    del variables["RIPPLE_CLIENT_SECRET"]
    code, out, err = outcome("token", "ripple", env=variables)
    assert (code, out) == (2, "")
    assert err.startswith("paygrant: --client-secret-file or RIPPLE_CLIENT_SECRET: is missing; ")


def test_an_error_is_one_line_without_a_traceback(variables: dict[str, str], server: Server) -> None:
    server.reply = Reply({"error": "invalid_client", "error_description": f"not {SECRET}"}, 401)
    code, out, err = outcome("token", "ripple", env=variables)
    assert (code, out) == (3, "")
    assert err.startswith("paygrant: ripple (test): status 401, credentials refused: invalid_client")
    assert err.count("\n") == 1
    assert SECRET not in err


# Terminals


def test_a_secret_is_asked_for_at_a_terminal_and_stays_hidden(variables: dict[str, str], server: Server) -> None:
    del variables["RIPPLE_CLIENT_SECRET"]
    with terminal("token", "ripple", env=variables) as session:
        session.read(until=lambda: "RIPPLE_CLIENT_SECRET: " in session.screen)
        session.read(until=session.hides_what_is_typed)
        session.type(f"{SECRET}\n")
        assert session.end() == (0, f"{TOKEN}\n")
    assert session.screen.strip() == "RIPPLE_CLIENT_SECRET:"
    assert SECRET.encode() in server.seen[0].body


def test_a_secret_is_asked_for_at_the_terminal_even_if_errors_go_elsewhere(
    variables: dict[str, str], server: Server
) -> None:
    del variables["RIPPLE_CLIENT_SECRET"]
    with terminal("token", "ripple", env=variables, on="stdin") as session:
        session.read(until=session.hides_what_is_typed)
        session.type(f"{SECRET}\n")
        assert session.end() == (0, f"{TOKEN}\n")
    assert "RIPPLE_CLIENT_SECRET: " in session.screen


def test_the_doctor_asks_for_a_secret_too(variables: dict[str, str], server: Server) -> None:
    del variables["RIPPLE_CLIENT_SECRET"]
    with terminal("doctor", "ripple", env=variables) as session:
        session.read(until=session.hides_what_is_typed)
        session.type(f"{SECRET}\n")
        code, out = session.end()
    assert (code, len(server.seen)) == (0, 1)
    assert f"secret of {len(SECRET)} characters; " in out


def test_a_secret_is_asked_for_last(variables: dict[str, str]) -> None:
    del variables["RIPPLE_CLIENT_SECRET"], variables["RIPPLE_CLIENT_ID"]
    with terminal("token", "ripple", env=variables) as session:
        assert session.end() == (2, "")
    assert session.screen.startswith("paygrant: --client-id or RIPPLE_CLIENT_ID: is missing")


def test_the_end_of_input_gives_an_empty_secret(variables: dict[str, str]) -> None:
    del variables["RIPPLE_CLIENT_SECRET"]
    with terminal("token", "ripple", env=variables) as session:
        session.read(until=session.hides_what_is_typed)
        session.type("\4")  # the end of input
        assert session.end() == (2, "")
    assert "--client-secret-file or RIPPLE_CLIENT_SECRET: is empty" in session.screen


def test_an_interrupt_of_the_prompt_ends_the_command(variables: dict[str, str]) -> None:
    del variables["RIPPLE_CLIENT_SECRET"]
    with terminal("token", "ripple", env=variables) as session:
        session.read(until=session.hides_what_is_typed)
        session.type("\3")
        assert session.end() == (130, "")
    assert "Traceback" not in session.screen


def test_a_long_wait_is_shown_at_a_terminal_and_wiped_afterwards(variables: dict[str, str], server: Server) -> None:
    server.hold.clear()
    with terminal("token", "ripple", env=variables) as session:
        session.read(until=lambda: "Waiting for ripple ..." in session.screen)
        server.hold.set()
        assert session.end() == (0, f"{TOKEN}\n")
    last_line = session.screen.rpartition("Waiting for ripple ...")[2]
    seconds, *after = last_line.split("\r")
    assert re.fullmatch(r" \d+ s", seconds)
    assert after == [" " * len(f"Waiting for ripple ...{seconds}"), ""]


def test_a_short_wait_is_not_shown(variables: dict[str, str]) -> None:
    with terminal("token", "ripple", env=variables) as session:
        assert session.end() == (0, f"{TOKEN}\n")
    assert session.screen == ""


def test_colours_appear_only_on_terminals_that_want_them(variables: dict[str, str]) -> None:
    def shown(env: dict[str, str]) -> str:
        with terminal("providers", env=env, on="stdout") as session:
            assert session.end()[0] == 0
        return session.screen

    assert "\x1b[" in shown(variables)
    plain = shown(variables | {"NO_COLOR": "1"})
    assert not re.search(r"\x1b\[[\d;]*3\d", plain)
    assert "\x1b" not in shown(variables | {"TERM": "dumb"})
    piped = ran("providers", env=variables).stdout
    assert "\x1b" not in piped
    assert "https://docs.ripple.com/products/payments-direct/api-docs" in piped


def test_the_cache_is_not_cut_on_a_narrow_terminal(variables: dict[str, str]) -> None:
    ran("token", "ripple", env=variables)
    with terminal("cache", "list", env=variables | {"COLUMNS": "50"}, on="stdout") as session:
        assert session.end()[0] == 0
    assert "ripple" in session.screen
    assert "…" not in session.screen


# Signals and the process list


def test_an_interrupt_ends_a_command_quietly_and_no_secret_is_in_the_process_list(
    variables: dict[str, str], server: Server, tmp_path: Path
) -> None:
    file = tmp_path / "some.env"
    file.write_text(f"RIPPLE_CLIENT_SECRET={variables.pop('RIPPLE_CLIENT_SECRET')}\n")
    file.chmod(0o600)
    server.hold.clear()
    arguments = [*COMMAND, "token", "ripple", "--env-file", str(file)]
    with Popen(arguments, env=variables, stdout=PIPE, stderr=PIPE) as process:
        assert server.asked.wait(LIMIT)
        seen = [Path(f"/proc/{process.pid}/{name}") for name in ("cmdline", "environ")]
        listed = b"".join(each.read_bytes() for each in seen if each.exists())
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=LIMIT)
    assert (process.returncode, out, err) == (130, b"", b"")
    assert SECRET.encode() in server.seen[0].body
    assert SECRET.encode() not in listed


def test_the_sandbox_is_served_until_interrupted(variables: dict[str, str], tmp_path: Path) -> None:
    arguments = [*COMMAND, "sandbox", "--port", "0", "--host", "0.0.0.0", "--spec", str(written(tmp_path))]
    arguments += ["--tls-port", "0"]
    with Popen(arguments, env=variables, stdout=PIPE, stderr=PIPE) as process:
        named: dict[bytes, bytes] = {}
        while (line := cast("Any", process.stdout).readline()) and b"Ctrl-C" not in line:
            named[line.split()[0]] = line.split()[1]
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=LIMIT)
    for name in (b"ripple", b"acme"):
        assert named[name].startswith(b"http://127.0.0.1:")
    assert named[b"TLS"].startswith(b"https://127.0.0.1:")
    assert not Path(named[b"authority"].rstrip(b",").decode()).exists()  # it goes with the sandbox
    assert b"listens on 0.0.0.0: everybody on the network can use it" in err
    assert process.returncode == 0


@pytest.mark.parametrize(
    ("options", "fault"),
    [
        (["--spec", "absent.yaml"], "spec: absent.yaml: the file does not exist; expected the path of a spec"),
        (["--spec", "ripple.yaml"], "specs: has a second provider named ripple"),
        (["--host", "example.com"], "host: is 'example.com'; expected an address of this machine"),
    ],
)
def test_a_sandbox_that_cannot_start_says_why(
    variables: dict[str, str], tmp_path: Path, options: list[str], fault: str
) -> None:
    written(tmp_path, name="ripple.yaml")
    command = [*COMMAND, "sandbox", *options]
    done = subprocess.run(command, env=variables, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (2, "")
    assert fault in done.stderr


# What is loaded

HEAVY = {"cryptography", "dotenv", "openapi_core", "paygrant.doctor", "requests", "rich", "starlette", "uvicorn"}


def loaded_by(*arguments: str, env: Mapping[str, str]) -> set[str]:
    """The modules that a command loads. Without pygments, httpx leaves out its own command line, which uses rich."""
    script = (
        "import sys; sys.modules['pygments'] = None; from paygrant.cli import main;"
        "assert main(sys.argv[1:]) == 0; print(*sys.modules, file=sys.stderr)"
    )
    command = [sys.executable, "-c", script, *arguments]
    return set(subprocess.run(command, env=env, capture_output=True, text=True, check=True).stderr.split())


def test_token_loads_only_the_libraries_that_it_needs(variables: dict[str, str], tmp_path: Path) -> None:
    assert loaded_by("token", "ripple", env=variables) & HEAVY == set()
    file = tmp_path / "some.env"
    file.touch()
    assert loaded_by("token", "ripple", "--env-file", str(file), env=variables) & HEAVY == {"dotenv"}


def test_a_command_loads_only_its_own_provider(variables: dict[str, str]) -> None:
    clients = {
        name.split(".")[1] for name in loaded_by("token", "ripple", env=variables) if "paygrant_clients." in name
    }
    assert clients <= {"ripple"}


@pytest.mark.parametrize("module", ["click", "dotenv"])
def test_a_missing_library_is_named_with_its_extra(variables: dict[str, str], module: str) -> None:
    script = (
        f"import sys; sys.modules[{module!r}] = None; from paygrant.cli import main;"
        "sys.exit(main(['token', 'ripple', '--env-file', '/dev/null']))"
    )
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f'paygrant: the command line needs {module}; to get it: pip install "paygrant[cli]"\n'


def test_the_missing_extra_of_the_sandbox_is_named(variables: dict[str, str]) -> None:
    script = "import sys; sys.modules['uvicorn'] = None; from paygrant.cli import main; sys.exit(main(['sandbox']))"
    done = subprocess.run([sys.executable, "-c", script], env=variables, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("paygrant: ")
    assert done.stderr.endswith('pip install "paygrant[sandbox]"\n')


# Completion


def completed(line: str, variables: dict[str, str]) -> set[str]:
    """The completions for the last word of a line."""
    words = line.split(" ")
    protocol = {"_PAYGRANT_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    return {offer.partition(",")[2] for offer in ran(env=variables | protocol).stdout.split()}


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("paygrant to", {"token"}),
        ("paygrant token ripio", {"ripio_ramp", "ripio_widget"}),
        ("paygrant token ripple --env", {"--environment", "--env-file"}),
        ("paygrant token ripple --environment ", {"test", "uat", "production"}),
        ("paygrant token cryptofuse --auth-method client", {"client_secret_basic", "client_secret_post"}),
        ("paygrant cache clear al", {"alternative_payments"}),
        ("paygrant widget-url --flow ", {"onramp", "offramp"}),
    ],
)
def test_a_shell_completes(variables: dict[str, str], line: str, offered: set[str]) -> None:
    assert completed(line, variables) == offered


def test_completion_does_not_offer_the_option_for_a_secret(variables: dict[str, str]) -> None:
    assert completed("paygrant token ripple --client-s", variables) == {"--client-secret-file"}


def test_the_script_for_completion_is_printed(variables: dict[str, str]) -> None:
    for shell, line in {
        "bash": "complete -o nosort -F _paygrant_completion paygrant",
        "zsh": "compdef _paygrant_completion paygrant",
        "fish": "complete --no-files --command paygrant",
    }.items():
        done = ran("completion", shell, env=variables)
        assert (done.returncode, done.stderr) == (0, "")
        assert line in done.stdout
