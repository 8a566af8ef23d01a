"""The commands put together, and how each of them ends."""

import logging
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import TYPE_CHECKING, Annotated, Any

import typer
from typer.core import TyperGroup

from paygrant._errors import (
    ConfigurationError,
    MalformedResponse,
    PaygrantError,
    ProviderUnavailable,
    RateLimited,
    TokenRequestRejected,
)
from paygrant.cli import _cache, _console, _options, _providers, _specs, _token

if TYPE_CHECKING:
    from paygrant._providers.base import Provider

_HELP = """Access tokens of payment providers.

Standard output is for the result, standard error for the rest.

A file for --env-file, such as ripple.env, holds lines RIPPLE_CLIENT_ID=...
The variables are shown by paygrant providers.

Exit codes:
  0  done, even if a reader has gone before the end
  1  anything that is not named here
  2  bad usage or configuration; nothing was sent
  3  the provider refused
  4  the provider is unavailable, or asks for fewer requests
  5  the answer holds no usable token
130  interrupted"""

_EXITS: dict[type[PaygrantError], int] = {
    ConfigurationError: 2,
    TokenRequestRejected: 3,
    RateLimited: 4,
    ProviderUnavailable: 4,
    MalformedResponse: 5,
}
"""The exit code of each error, and of those that derive from it."""

_OTHER, _USAGE = 1, 2

_PORTS = range(1 << 16)

_SHORT = 12
"""Characters. A longer word may be a secret that slipped in: it is not repeated."""


def run(arguments: Sequence[str]) -> int:
    """Run a command, and say in one line what went wrong.

    Returns:
        The exit code.
    """
    try:
        outcome = typer.main.get_command(app).main(list(arguments), prog_name="paygrant", standalone_mode=False)
    except PaygrantError as error:
        for each in (str(error), *getattr(error, "__notes__", ())):
            _console.note(each)
        return next((code for kind, code in _EXITS.items() if isinstance(error, kind)), _OTHER)
    except typer.TyperException as error:
        return _misused(error, arguments)
    except ImportError as error:
        if "pip install" not in str(error):  # what needs an extra says so
            raise
        _console.note(str(error))
        return _USAGE
    except OSError as error:
        _console.note(_console.words(error))
        _console.settle(sys.stdout)  # help is not written by us
        return _OTHER
    except SystemExit as end:
        if not isinstance(end.__context__, BrokenPipeError):
            raise
        return 0  # so typer and rich end where the reader of help has gone, with 1
    return outcome if isinstance(outcome, int) else 0


def _misused(error: Any, arguments: Sequence[str]) -> int:
    """Say what is wrong with the command line, and where it is explained."""
    message = " ".join(error.format_message().split()).rstrip(".")
    if message:  # help was asked for otherwise, and is there already
        for each in arguments:
            word = each.partition("=")[2] if each.startswith("-") else each
            message = message.replace(word, "...") if len(word) > _SHORT else message
        commands = _commands(arguments)
        option = getattr(error, "option_name", None)
        homes = [
            path for path, each in commands.items() if option in [name for one in each.params for name in one.opts]
        ]
        message += f": it belongs right behind {homes[0]!r}" if homes and "No such" in message else ""
        _console.note(f"{message}; see {[*commands][-1]} --help")
    return _USAGE


def _commands(arguments: Sequence[str]) -> dict[str, Any]:
    """The command that is meant, with all that lead to it, by their paths."""
    path, command = "paygrant", typer.main.get_command(app)
    found: dict[str, Any] = {path: command}
    for word in arguments:
        if isinstance(command, TyperGroup) and (inner := command.get_command(typer.Context(command), word)):
            path, command = f"{path} {word}", inner
            found[path] = command
    return found


def _with_providers(name: str, load: Callable[[], Callable[..., None]], about: str) -> None:
    """Add a group with a command a provider; what the commands do is loaded when one of them is named."""

    def build(provider: str, kind: "type[Provider]") -> Any:
        return _options.make_command(
            provider,
            _options.takes_provider(kind, load()),
            help=_options.summary(kind),
            example=_example(name, provider, kind),
        )

    group = typer.Typer(
        cls=_options.group_of_providers(build),
        help=about,
        epilog=f"Example: paygrant {name} ripple --environment test --env-file ripple.env",
        no_args_is_help=True,
        subcommand_metavar="PROVIDER [OPTIONS]",
    )
    app.add_typer(group, name=name)


def _load_doctor() -> Callable[..., None]:
    from paygrant.cli import _doctor

    return _doctor.doctor


def _build_widget_url() -> Any:
    from paygrant.cli import _widget

    return _widget.command()


_BUILDERS: dict[str, Callable[[], Any]] = {"widget-url": _build_widget_url}
"""Commands that are made when they are named."""


class _Commands(_options.Group):
    def list_commands(self, ctx: Any) -> list[str]:
        return sorted([*super().list_commands(ctx), *_BUILDERS])

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        return _BUILDERS[cmd_name]() if cmd_name in _BUILDERS else super().get_command(ctx, cmd_name)


def _example(command: str, name: str, kind: "type[Provider]") -> str:
    """A command line that would do, once the file is written."""
    environments = list(_options.endpoint(kind).servers)
    environment = f" --environment {environments[0]}" if environments else ""
    return f"paygrant {command} {name}{environment} --env-file {name}.env"


app = typer.Typer(
    cls=_Commands,
    help=_HELP,
    epilog="Example: paygrant token ripple --environment test --env-file ripple.env",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
_with_providers("token", lambda: _token.token, "Print an access token, and nothing else.")
_with_providers("doctor", _load_doctor, "Find out why there is no token.")
app.add_typer(_cache.app, name="cache", no_args_is_help=True)
app.command(epilog="Example: paygrant providers --json")(_providers.providers)
app.command(epilog="Example: paygrant generate acme.yaml --output clients")(_specs.generate)
app.command(epilog="Example: paygrant new https://docs.acme.example/openapi.json")(_specs.new)


@app.command(epilog="Example: paygrant sandbox --port 8080")
def sandbox(
    *, port: Annotated[int, typer.Option(help="The port to listen on, up to 65535; 0 is any free one.")] = 0
) -> None:
    """Serve the token endpoints of all providers on loopback, until Ctrl-C."""
    if port not in _PORTS:
        raise typer.BadParameter("a whole number from 0 to 65535", param_hint="--port")
    from paygrant.sandbox.__main__ import serve

    serve(port=port)


def _print_version(wanted: bool) -> None:  # noqa: FBT001 - typer's signature
    if wanted:
        _console.result(version("paygrant"))
        raise typer.Exit


@app.callback()
def _everywhere(
    ctx: typer.Context,
    *,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Tell of each request, on standard error.")] = False,
    _version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version.")
    ] = False,
) -> None:
    logger, handler = logging.getLogger("paygrant"), logging.StreamHandler()
    handler.setFormatter(logging.Formatter("paygrant: %(message)s"))
    # A request that fails is told as the command's error. That nothing can be kept would never be told.
    handler.addFilter(lambda record: verbose or str(record.msg).startswith("store:"))
    before = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)

    def undo() -> None:
        logger.setLevel(before)
        logger.removeHandler(handler)

    ctx.call_on_close(undo)
