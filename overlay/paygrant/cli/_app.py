"""The commands joined, and how one of them is run."""

import logging
import os
import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager, suppress
from importlib import import_module

import click

import paygrant
from paygrant import PaygrantError
from paygrant.cli import _console, _failures
from paygrant.cli._options import LazyGroup, is_verbose

_NAME = "paygrant"

_COMPLETE = "_PAYGRANT_COMPLETE"
"""Set by a shell that requests completions."""

_HELP = """Access tokens of payment providers.

The result goes to standard output, everything else to standard error. With --json, an error is a JSON object.

A file for --env-file, such as ripple.env, contains lines like RIPPLE_CLIENT_ID=... The command "paygrant providers"
shows all variables.

\b
Exit codes:
  0  done, even if the reader of the output ended early
  1  any other error
  2  wrong usage or configuration; no request was sent
  3  the provider refused the request
  4  the provider is unavailable or limits requests
  5  the response contains no usable token
130  interrupted"""


def run(arguments: Sequence[str]) -> int:
    """Run a command; if it fails, say why.

    Returns:
        The exit code.
    """
    if _COMPLETE in os.environ:
        from click.shell_completion import shell_complete

        with suppress(PaygrantError, ImportError, OSError):  # a provider that cannot be used has no completions
            return shell_complete(app, {}, _NAME, _COMPLETE, os.environ[_COMPLETE])
        return 0
    try:
        with app.make_context(_NAME, list(arguments)) as context:
            app.invoke(context)
    except click.exceptions.Exit as end:
        return end.exit_code
    except BrokenPipeError:  # the reader of help has gone
        _console.settle(sys.stdout)
    except (PaygrantError, click.ClickException, ImportError, OSError) as error:
        _console.settle(sys.stdout)  # click writes help
        failure = _failures.of(error, app, arguments)
        if failure is None:
            raise
        return _failures.report(failure)
    return 0


class App(LazyGroup):
    """The root of all commands."""

    def invoke(self, ctx: click.Context) -> object:
        """Run a command with the log lines of the library on standard error."""
        with _logging(ctx):
            return super().invoke(ctx)


class LogLines(logging.Handler):
    """Writes log lines as notes."""

    def emit(self, record: logging.LogRecord) -> None:
        _console.note(record.getMessage())


@contextmanager
def _logging(context: click.Context) -> Generator[None]:
    """Show the log lines of token requests if that is wanted.

    The log lines of a store are always shown: a store that fails raises nothing.
    """
    logger, handler = logging.getLogger("paygrant"), LogLines()
    handler.addFilter(lambda record: is_verbose(context) or str(record.msg).startswith("store:"))
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.setLevel(before)
        logger.removeHandler(handler)


def _print_version(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if wanted and not context.resilient_parsing:
        _console.result(paygrant.__version__)
        context.exit()


def _loaded(module: str, function: str = "build", *arguments: str) -> Callable[[], click.Command]:
    """What loads a module of this package, and calls the function that builds a command."""

    def build() -> click.Command:
        built: click.Command = getattr(import_module(f"{__package__}.{module}"), function)(*arguments)
        return built

    return build


app = App(
    _NAME,
    {
        "cache": _loaded("_cache"),
        "completion": _loaded("_completion", "build", _NAME, _COMPLETE),
        "doctor": _loaded("_doctor"),
        "generate": _loaded("_specs", "build_generate"),
        "lint": _loaded("_specs", "build_lint"),
        "new": _loaded("_specs", "build_new"),
        "providers": _loaded("_providers"),
        "sandbox": _loaded("_sandbox"),
        "token": _loaded("_token"),
        "widget-url": _loaded("_widget"),
    },
    about=_HELP,
    example="paygrant token ripple --environment test --env-file ripple.env",
    params=[
        click.Option(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_print_version,
            help="Print the version and exit.",
        )
    ],
)
