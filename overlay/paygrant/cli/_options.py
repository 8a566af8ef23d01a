"""Commands and groups of click, and a provider's parameters as options of a command.

Options are data: they are made from ``_catalog``, and a command gets their values as keyword arguments.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from paygrant import ConfigurationError
from paygrant._providers.kind import SECRET, prefix_of
from paygrant._providers.registry import find, is_path, known_names, names
from paygrant.cli import _console, _failures
from paygrant.cli._catalog import ProviderParameter, dashed, parameters, summary, title
from paygrant.cli._given import Given
from paygrant.cli._store import spec_cache

if TYPE_CHECKING:
    from paygrant._providers.base import Provider
    from paygrant._providers.kind import ProviderKind

AD_HOC = "client_credentials"
"""The provider without a spec. It needs no name if there is a token URL."""

_OF_PROVIDER = "argument_"
"""Begins the names of a provider's parameters: a command may have one of the same name."""

_VERBOSE = "paygrant.cli.verbose"
"""Where a context keeps whether the log lines of token requests are shown."""

_HELP_OPTIONS = {"help_option_names": ["-h", "--help"]}


class Command(click.Command):
    """A command that never repeats an argument that it did not expect: it may be a secret.

    Args:
        name: The command's name.
        action: Called with the values of all parameters.
        about: The text for help; its first sentence is the text in the list of commands.
        example: A command line for help.
        params: The command's own parameters.
        provider_params: The parameters of a provider. Help lists them first.
    """

    allow_extra_args = True  # checked here

    def __init__(  # noqa: PLR0913 - one for each thing that a command has
        self,
        name: str,
        action: Callable[..., None],
        *,
        about: str,
        example: str,
        params: Sequence[click.Parameter] = (),
        provider_params: Sequence[click.Parameter] = (),
    ) -> None:
        super().__init__(
            name,
            callback=action,
            params=[*provider_params, *params, verbose_option()],
            help=about,
            epilog=_as_written(f"Example: {example}"),
            context_settings=_HELP_OPTIONS,
        )
        self._provider_params = provider_params

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments, and refuse those for which there is no parameter."""
        rest = super().parse_args(ctx, args)
        if ctx.args and not ctx.resilient_parsing:
            taken = [each.human_readable_name for each in self.params if isinstance(each, click.Argument)]
            ctx.fail(f"unexpected argument; expected {' and '.join([*taken, 'options'])} only")
        return rest

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the provider's parameters, then the command's own options."""
        options = [each for each in self.get_params(ctx) if isinstance(each, click.Option)]  # usage shows arguments
        own = [each for each in options if each not in self._provider_params]
        for heading, chosen in (("Parameters", self._provider_params), ("Options", own)):
            records = [record for each in chosen if (record := each.get_help_record(ctx))]
            if records:
                with formatter.section(heading):
                    formatter.write_dl(records)


class Group(click.Group):
    """A group that lists its commands. It repeats an unknown one only if it cannot be a secret typed by mistake."""

    def __init__(
        self,
        name: str,
        *,
        about: str,
        example: str,
        params: Sequence[click.Parameter] = (),
        subcommand_metavar: str = "COMMAND [OPTIONS]",
    ) -> None:
        super().__init__(
            name,
            params=[*params, verbose_option()],
            help=about,
            epilog=_as_written(f"Example: {example}"),
            subcommand_metavar=subcommand_metavar,
            context_settings=_HELP_OPTIONS,
        )

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. Without any, show help; that is wrong usage."""
        if not args and not ctx.resilient_parsing:
            _console.result(ctx.get_help())
            ctx.exit(2)
        return super().parse_args(ctx, args)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first argument names."""
        if not (self.get_command(ctx, args[0]) or args[0].startswith("-") or ctx.resilient_parsing):
            raise _failures.UnknownWord(self.unknown(args[0], ctx), ctx)
        return super().resolve_command(ctx, args)

    def unknown(self, word: str, ctx: click.Context) -> str:
        """The error for a word that names no command of the group."""
        return _failures.unknown("command", word, self.list_commands(ctx))


class LazyGroup(Group):
    """A group whose commands are loaded when they are named."""

    def __init__(
        self,
        name: str,
        builders: Mapping[str, Callable[[], click.Command]],
        *,
        about: str,
        example: str,
        params: Sequence[click.Parameter] = (),
    ) -> None:
        super().__init__(name, about=about, example=example, params=params)
        self._builders = builders

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of the commands."""
        return sorted(self._builders)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """A command by its name."""
        return self._builders[cmd_name]() if cmd_name in self._builders else None


class ProviderGroup(Group):
    """A group with one command for each provider. Only the provider that is named is loaded.

    A provider has the name of a spec of the box or of an installed package, or is the path of a spec. Without a name,
    ``--token-url`` means a provider that follows RFC 6749.
    """

    def __init__(
        self, name: str, build: "Callable[[str, ProviderKind[Provider], str], click.Command]", *, about: str
    ) -> None:
        super().__init__(
            name,
            about=(
                f"{about}\n\nPROVIDER is a name in the list below, a name that an installed package declares, or the "
                "path of a spec, such as acme.yaml. Without PROVIDER, --token-url gives the address of a token "
                "endpoint that follows RFC 6749."
            ),
            example=f"paygrant {name} ripple --environment test --env-file ripple.env",
            subcommand_metavar="PROVIDER [OPTIONS]",
        )
        self._build = build

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the arguments. A token URL without a provider stands for the provider without a spec."""
        if args and args[0].startswith("-") and any(each.partition("=")[0] == "--token-url" for each in args):
            args = [AD_HOC, *args]
        return super().parse_args(ctx, args)

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names of the providers."""
        return names()

    def unknown(self, word: str, ctx: click.Context) -> str:  # noqa: ARG002 - as above
        """The error for a word that names no provider."""
        return unknown_provider(word)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - as above
        """The command for a provider, by the name of its spec, with dashes too, of its class, or by the path of a spec."""
        kind = kind_for(cmd_name)
        if kind is None:
            return None
        servers = kind.endpoint.servers if kind.endpoint else ()
        environment = next((f" --environment {each}" for each in servers), "")
        word = cmd_name if is_path(cmd_name) else kind.name
        command = self._build(word, kind, f"paygrant {self.name} {word}{environment} --env-file {kind.name}.env")
        command.short_help = title(kind)
        return command


def kind_for(word: str) -> "ProviderKind[Provider] | None":
    """What is known of the provider that a word on the command line names; None if it names none.

    Raises:
        ConfigurationError: The word leads to a provider that cannot be used.
    """
    if word == AD_HOC:
        from paygrant import ClientCredentials
        from paygrant._providers.base import kind_of

        return kind_of(ClientCredentials)
    if word.startswith("-"):
        return None
    return find(word, cache=spec_cache() if is_path(word) else None)


def unknown_provider(word: str) -> str:
    """The error for a word that names no provider."""
    return _failures.unknown("provider", word, known_names(), "or the path of a spec, such as acme.yaml")


def provider_command(  # noqa: PLR0913 - one for each thing that a command has
    name: str,
    kind: "ProviderKind[Provider]",
    action: Callable[..., None],
    *,
    example: str,
    about: str | None = None,
    params: Sequence[click.Parameter] = (),
) -> Command:
    """A command whose options are a provider's parameters and further ones.

    Args:
        name: The command's name.
        kind: What is known of the provider.
        action: Called with a ``Given`` and the values of the command's own options.
        example: A command line for help.
        about: The command's help; by default the provider's summary.
        params: The command's own options.
    """
    options = provider_options(kind)

    def act(**values: Any) -> None:
        given = {each.name: values.pop(each.name) for each in options if each.expose_value}
        env_file, prefix = given.pop("env_file"), given.pop("prefix")
        arguments = {each.removeprefix(_OF_PROVIDER): value for each, value in given.items()}
        named = None if kind.endpoint else arguments.get("name")  # a spec may have an argument of this name
        prefixed = _prefixed(kind, "--name", named) if prefix is None else _prefixed(kind, "--prefix", prefix)
        action(Given.of(prefixed, arguments, env_file, name), **values)

    return Command(name, act, about=about or summary(kind), example=example, params=params, provider_params=options)


def _prefixed(kind: "ProviderKind[Provider]", option: str, prefix: str | None) -> "ProviderKind[Provider]":
    """What is known of a provider, with the beginning of its variables that an option gives."""
    try:
        return kind if prefix is None else replace(kind, prefix=prefix_of(kind.name, prefix))
    except ConfigurationError as error:
        raise ConfigurationError(f"{option}: {str(error).partition(': ')[2]}", argument=error.argument) from None


def provider_options(kind: "ProviderKind[Provider]") -> list[click.Option]:
    """The parameters of a provider as options, and those that say where variables come from."""
    found = [option for each in parameters(kind) for option in _options_for(each)]
    if any(each.name == "parameters" and each.kind == "object" for each in kind.arguments):
        about = "Another field of the request that is not secret, such as audience=https://api.example. Repeatable."
        names = ["--parameter", f"{_OF_PROVIDER}parameters"]
        found.append(click.Option(names, metavar="NAME=VALUE", multiple=True, callback=_pairs, help=about))
    about = f"A file of lines such as {kind.prefix}_CLIENT_ID=..., for variables that the environment does not set."
    env_file = click.Option(["--env-file"], type=click.Path(path_type=Path), metavar="FILE", help=about)
    about = f"How the names of the variables begin, instead of {kind.prefix}."
    return [*found, env_file, click.Option(["--prefix"], metavar="PREFIX", help=about)]


def _pairs(_context: click.Context, parameter: click.Parameter, values: Sequence[str]) -> dict[str, str] | None:
    """The values of a repeatable option NAME=VALUE."""
    if any("=" not in each for each in values):
        raise click.BadParameter("expected NAME=VALUE", param_hint=parameter.opts[0])
    return dict(each.split("=", 1) for each in values) or None


def verbose_option() -> click.Option:
    """The option that shows the log lines of token requests. All commands have it."""
    return click.Option(
        ["--verbose", "-v"],
        is_flag=True,
        expose_value=False,
        callback=_be_verbose,
        help="Report each token request on standard error.",
    )


def json_option(about: str = "Print JSON.") -> click.Option:
    """The option for a result in JSON."""
    return click.Option(["--json", "as_json"], is_flag=True, help=about)


def is_verbose(context: click.Context) -> bool:
    """Whether the log lines of token requests are shown, by an option of a command or of a group before it."""
    return bool(context.meta.get(_VERBOSE))


def _be_verbose(context: click.Context, _parameter: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if wanted:
        context.meta[_VERBOSE] = True


def _options_for(parameter: ProviderParameter) -> list[click.Option]:
    if parameter.secret:
        return _secret_options(parameter)
    facts = {"env var": parameter.variable, "default": parameter.default}
    more = "; ".join(f"{name}: {fact}" for name, fact in facts.items() if fact)
    about = f"{parameter.help} [{more}]" if more else parameter.help
    names = [parameter.option, _OF_PROVIDER + parameter.name]
    if parameter.flag:
        return [click.Option(names, is_flag=True, default=None, help=about)]
    if parameter.choices:
        return [click.Option(names, type=click.Choice(parameter.choices), help=about)]
    return [click.Option(names, metavar=parameter.metavar, help=about)]


def _secret_options(parameter: ProviderParameter) -> list[click.Option]:
    """The option for a file with the secret, and a hidden one that refuses the secret itself."""
    option = f"--{dashed(parameter.name)}"
    what = "secret" if parameter.name == SECRET else parameter.name.replace("_", " ")
    about = f"A file that contains the {what}; - is standard input."
    if parameter.name != SECRET and parameter.help:
        about = f"{parameter.help} FILE contains it; - is standard input."
    about += f" [env var: {parameter.variable}_FILE, or {parameter.variable} for the {what} itself]"
    file = click.Option(
        [parameter.option, _OF_PROVIDER + parameter.name], type=click.Path(), metavar="FILE", help=about
    )

    is_asked_for = parameter.name == SECRET
    others = f", {parameter.option}, or the prompt at a terminal" if is_asked_for else f" or {parameter.option}"

    def refuse(_context: click.Context, _parameter: click.Parameter, value: str | None) -> None:
        if value is not None:
            message = (
                "a secret on the command line is visible in the process list and in the shell's history; "
                f"expected the variable {parameter.variable}{others}"
            )
            raise click.BadParameter(message, param_hint=option)

    refused = click.Option(
        [option, f"refused_{parameter.name}"], hidden=True, is_eager=True, expose_value=False, callback=refuse
    )
    return [file, refused]


def _as_written(text: str) -> str:
    """A text that click does not wrap."""
    return f"\b\n{text}"
