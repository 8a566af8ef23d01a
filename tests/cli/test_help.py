"""Help, for all commands."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
import pytest

from paygrant import RipioWidget
from paygrant._providers import registry
from paygrant.cli import _app, _catalog
from tests.helpers.short import SHORT, written

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks")


def commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """Every command there is, groups included."""
    yield path
    if hasattr(command, "list_commands"):
        context = click.Context(command)
        for name in command.list_commands(context):
            yield from commands(command.get_command(context, name), (*path, name))


EVERY_COMMAND = list(commands(_app.app))


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=lambda path: " ".join(path) or "paygrant")
def test_every_help_has_an_example_that_can_be_parsed(run: Any, path: tuple[str, ...], env_file: Path) -> None:
    code, out, err = run(*path, "--help")
    assert (code, err) == (0, "")
    example = out.partition("Example: ")[2].split()
    assert example[0] == "paygrant"
    assert example[1 : 1 + len(path)] == list(path)
    assert "--help" not in example
    command: Any = _app.app
    context = click.Context(command)
    arguments = example[1:]
    while hasattr(command, "get_command"):
        command = command.get_command(context, arguments.pop(0))
    command.make_context(None, arguments)  # raises what a usage error would
    assert command.name


def test_the_example_of_the_widget_works(run: Any, widget: RipioWidget) -> None:
    example = run("widget-url", "--help").out.partition("Example: paygrant ")[2].split()
    assert run(*example, "--client-id", "mine").code == 0


def test_help_says_what_the_env_files_of_its_examples_contain(run: Any) -> None:
    assert "ripple.env, contains lines like RIPPLE_CLIENT_ID=..." in " ".join(run("--help").out.split())
    assert "lines such as RIPPLE_CLIENT_ID=..." in " ".join(run("token", "ripple", "--help").out.split())


def test_help_names_options_and_variables_and_no_other_providers(run: Any) -> None:
    shown = run("token", "ripple", "--help").out
    for each in _catalog.parameters(registry.kind_named("ripple")):
        assert each.option in shown
        assert each.variable in shown
    assert "CRYPTOFUSE" not in shown
    assert "--client-secret " not in shown


def test_help_says_what_kind_of_value_an_option_takes(run: Any, tmp_path: Path) -> None:
    kinds = {"ttl": "{type: integer}", "rate": "{type: number}", "live": "{type: boolean}", "merchant": "{}"}
    body = ", ".join(f"{name}: {kind}" for name, kind in kinds.items())
    text = SHORT.replace("level: {type: integer, enum: [1, 2]}", body.replace(", ", f"\n{' ' * 16}"))
    path = str(written(tmp_path, text))
    shown = run("token", path, "--help").out
    for option in ("--ttl INTEGER", "--rate NUMBER", "--merchant TEXT", "--base-url URL", "--certificate-file FILE"):
        assert f"  {option} " in shown


def test_help_lists_no_argument_among_the_options(run: Any) -> None:
    for path in EVERY_COMMAND:
        listed = run(*path, "--help").out.partition("Options:\n")[2].partition("\n\n")[0]
        assert all(line.lstrip().startswith("-") or line.startswith("    ") for line in listed.splitlines())


def test_no_variable_is_cut_in_help(run: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for name in registry.names():
        shown = run("token", name, "--help").out
        variables = [each.variable for each in _catalog.parameters(registry.kind_named(name))]
        assert all(variable in shown for variable in variables)


def test_a_missing_command_shows_help_and_is_a_usage_error(run: Any) -> None:
    for path in [(), ("token",), ("cache",), ("doctor",)]:
        ran = run(*path)
        assert ran.code == 2
        assert "Usage: paygrant" in ran.out
        assert ran.err == ""


def test_the_version_is_printed(run: Any) -> None:
    assert run("--version") == (0, f"{version('paygrant')}\n", "")


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=lambda path: " ".join(path) or "paygrant")
def test_the_sentences_of_help_are_short(path: tuple[str, ...]) -> None:
    command: Any = _app.app
    for name in path:
        command = command.get_command(click.Context(command), name)
    for text in [command.help, *(each.help for each in command.params if isinstance(each, click.Option))]:
        prose = re.sub(r"\x08\n.*?(\n\n|\Z)|\[(env var|default)[^]]*\]", "", text or "", flags=re.DOTALL)
        for sentence in re.split(r"(?<=[.!?:;])\s+", prose):
            assert len(sentence.split()) <= 25, sentence


@pytest.mark.parametrize("path", EVERY_COMMAND, ids=lambda path: " ".join(path) or "paygrant")
def test_every_command_has_short_options_for_help_and_verbose(run: Any, path: tuple[str, ...]) -> None:
    assert run(*path, "-h") == run(*path, "--help")
    assert "-v, --verbose" in run(*path, "-h").out


@pytest.mark.parametrize("command", ["token", "doctor"])
def test_the_list_of_providers_has_their_names_for_people(run: Any, command: str) -> None:
    listed = dict(
        line.split(maxsplit=1) for line in run(command, "-h").out.partition("Commands:")[2].splitlines() if line
    )
    assert listed["efi_pix"] == "Efí Pix"
    assert listed["ripple"] == "Ripple's Payments Direct API"
