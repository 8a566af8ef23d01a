"""Options out of the provider classes: a provider's parameters are its class's fields, told by its docstring.

Nothing here knows a provider by name. The names are those of the generated packages, the classes are named after them.
"""

import functools
import getpass
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import MISSING, dataclass, fields
from pathlib import Path
from pkgutil import iter_modules
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast, get_args, get_origin

import typer
from typer.core import TyperGroup

import paygrant
import paygrant_clients
from paygrant import ConfigurationError
from paygrant._providers.base import description_of, from_variables, registration_of, variable_of

if TYPE_CHECKING:
    from paygrant._providers.base import Provider
    from paygrant.doctor import Finding
    from paygrant_clients.description import TokenEndpoint

_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+?)(?=^ {4}\S|^\S|\Z)", re.DOTALL | re.MULTILINE)
"""An entry under a docstring's "Attributes:"."""

_PARAMETERS = "Parameters"


@dataclass(frozen=True)
class Parameter:
    """What a provider takes.

    Attributes:
        name: The name of the field.
        help: What the class says of it.
        variable: The environment variable that gives it; none gives a flag.
        choices: The allowed words, where there are only some.
        default: What holds without it, where the class says.
        required: Whether the class demands it.
        flag: Whether it is there or not, and has no value.
    """

    name: str
    help: str
    variable: str | None
    choices: tuple[str, ...]
    default: str | None
    required: bool
    flag: bool

    @property
    def option(self) -> str:
        """The option that gives it. A secret has none of its own: the command line is no place for it."""
        return f"--{dashed(self.name)}" + ("-file" if self.name == "client_secret" else "")


class Given:
    """What a command was given for a provider.

    Attributes:
        kind: The provider's class.
        overrides: The arguments that options gave.
        variables: The environment, and behind it the file of ``--env-file``; empty ones are left out.
        env_file: The file of ``--env-file``, where the secret is in it.
    """

    def __init__(
        self,
        kind: "type[Provider]",
        overrides: Mapping[str, Any],
        variables: Mapping[str, str],
        env_file: str | None = None,
    ) -> None:
        self.kind = kind
        self.variables = variables
        self.env_file = env_file
        secret = f"{prefix(kind)}_CLIENT_SECRET"
        nowhere = not {secret, f"{secret}_FILE"} & variables.keys() and "client_secret" not in overrides
        asked = {"client_secret": functools.cache(functools.partial(_ask_person, f"{secret}: "))}
        self.overrides = {**overrides, **(asked if nowhere and sys.stdin.isatty() else {})}

    def provider(self) -> "Provider":
        """The provider; a secret that is given nowhere is asked for, where a person is there to be asked.

        It is asked for last: there is no point in typing a secret when something else is missing.

        Raises:
            ConfigurationError: Something is missing or bad; the option or variable is named.
        """
        try:
            made = from_variables(self.kind, self.variables, self.overrides)
            registration_of(made).secret()
        except ConfigurationError as error:
            raise self._named(error) from None
        return made

    @property
    def secret_file(self) -> str | None:
        """The file that holds the secret and nothing else."""
        if "client_secret" in self.overrides:
            return getattr(self.overrides["client_secret"], "path", None)
        return self.variables.get(f"{prefix(self.kind)}_CLIENT_SECRET_FILE")

    def exposed(self, *files: str | None) -> "Iterator[Finding]":
        """What is to be said of files with a secret that others can look into."""
        for each in filter(None, files):
            from paygrant.doctor._settings import open_to_others

            yield from open_to_others(each)

    def in_options(self, text: str) -> str:
        """A text that names arguments, with options in their places."""
        for each in parameters(self.kind):
            if "_" in each.name and each.name != "client_secret":
                name = rf"(?<![\w/.-]){each.name}(?!\.?\w|[/-])"
            else:  # may be another word, or a file's name, unless it is the whole of an item
                name = rf"(?:^|(?<=[,;] )){each.name}(?=[:,;]|$)"
            text = re.sub(name + ("(?:=True)?" if each.flag else ""), each.option, text)
        return text

    def _named(self, error: ConfigurationError) -> ConfigurationError:
        """The error of an argument, by the names under which people know it here."""
        for each in parameters(self.kind):
            if error.argument in (each.name, each.variable):
                ways = " or ".join(way for way in (each.option, each.variable) if way)
                message = f"{ways}: {self.in_options(str(error).partition(': ')[2])}"
                return ConfigurationError(message, argument=each.name)
        return error


def dashed(name: str) -> str:
    """A name as it is written on a command line."""
    return name.replace("_", "-")


def names() -> list[str]:
    """The providers, by the names of their specs."""
    return sorted(each.name for each in iter_modules(paygrant_clients.__path__) if each.ispkg)


def class_of(name: str) -> "type[Provider]":
    """A provider's class: RipioWidget for ripio_widget."""
    return cast("type[Provider]", getattr(paygrant, "".join(part.capitalize() for part in name.split("_"))))


def prefix(kind: "type[Provider]") -> str:
    """What the names of a provider's variables begin with."""
    return variable_of(kind, "").rstrip("_")


def endpoint(kind: "type[Provider]") -> "TokenEndpoint":
    """The description of a provider's token endpoint."""
    return description_of(kind)


def summary(kind: "type[Provider]") -> str:
    """The first line of what a class says of itself."""
    return _plain((kind.__doc__ or kind.__name__).partition("\n")[0])


def parameters(kind: "type[Provider]") -> list[Parameter]:
    """What a provider takes, the credentials first."""
    told: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        told |= {name: _plain(text) for name, text in _ATTRIBUTE.findall(inspect.cleandoc(each.__doc__ or ""))}
    return [
        Parameter(
            name=field.name,
            help=told.get(field.name, ""),
            variable=None if field.type is bool else variable_of(kind, field.name),
            choices=_choices(kind, field.name, field.type),
            default=_text(field.default),
            required=field.default is MISSING,
            flag=field.type is bool,
        )
        for field in fields(kind)
    ]


def takes_provider(
    kind: "type[Provider]", act: Callable[..., None], more: Iterable[inspect.Parameter] = ()
) -> Callable[..., None]:
    """A function for typer: ``act`` of what was given for this provider, and of options of its own, and of more."""
    signature = inspect.signature(act, eval_str=True).parameters.values()
    own = [*more, *(each for each in signature if each.kind is each.KEYWORD_ONLY)]

    def command(ctx: typer.Context, **values: Any) -> None:
        if ctx.args:  # not repeated: one of them may be a secret
            ctx.fail("Allowed are options only.")
        mine = {each.name: values.pop(each.name) for each in own}
        act(_given(kind, values), **mine)

    context = inspect.Parameter("ctx", inspect.Parameter.KEYWORD_ONLY, annotation=typer.Context)
    cast("Any", command).__signature__ = inspect.Signature([context, *own, *_options(kind)])
    command.__annotations__ = {}  # typer looks there as well
    return command


class Group(TyperGroup):
    """A group that says what there is, and does not repeat what is not there: it may be a secret."""

    kind = "command"

    def resolve_command(self, ctx: Any, args: list[str]) -> tuple[str | None, Any, list[str]]:
        if not (self.get_command(ctx, args[0]) or args[0].startswith("-") or ctx.resilient_parsing):
            ctx.fail(f"No such {self.kind}: allowed are {', '.join(self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


def group_of_providers(build: "Callable[[str, type[Provider]], Any]") -> type[TyperGroup]:
    """A group with a command a provider. Each is made when it is named: nobody pays for the others."""

    class ProviderGroup(Group):
        kind = "provider"

        def list_commands(self, ctx: Any) -> list[str]:  # noqa: ARG002 - typer's signature
            return names()

        def get_command(self, ctx: Any, cmd_name: str) -> Any:  # noqa: ARG002 - as above
            name = cmd_name.replace("-", "_").lower()
            return build(name, class_of(name)) if name in names() else None

    return ProviderGroup


def make_command(name: str, function: Callable[..., None], *, help: str, example: str) -> Any:  # noqa: A002 - typer's
    """A command of a group."""
    app = typer.Typer(add_completion=False)
    settings = {"allow_extra_args": True}
    app.command(name, help=help, epilog=f"Example: {example}", context_settings=settings)(function)
    return typer.main.get_command(app)


def _given(kind: "type[Provider]", values: dict[str, Any]) -> Given:
    env_file, path = values.pop("env_file"), values.pop("client_secret_file")
    values.pop("client_secret")
    overrides = {name: value for name, value in values.items() if value is not None}
    if path == "-":
        overrides["client_secret"] = sys.stdin.read().rstrip("\r\n")
    elif path is not None:
        from paygrant._secrets import SecretFile

        if _file(path) != path:
            fault = "the file is not there; allowed is a UTF-8 file that holds the secret, or - for standard input"
            raise ConfigurationError(f"--client-secret-file: {fault}", argument="client_secret")
        file = SecretFile(path)
        overrides["client_secret"] = file() if Path(path).is_fifo() else file  # a pipe can be read once
    there = {name: value for name, value in os.environ.items() if value}
    filed = _read(env_file)
    secret = f"{prefix(kind)}_CLIENT_SECRET"
    return Given(kind, overrides, {**filed, **there}, str(env_file) if secret in filed else None)


def _ask_person(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)  # at the terminal itself, wherever standard error leads
    except EOFError:
        return ""


def _file(path: str) -> str:
    """A file as it is told of: by its name, if it surely is one. A secret may stand there by mistake."""
    folder, _ = os.path.split(path)
    there = os.access(path, os.F_OK) or (folder and os.access(folder, os.F_OK))
    return path if there or path.endswith((".env", ".txt")) else "the file"


def _read(env_file: Path | None) -> dict[str, str]:
    """The variables of a file. They stay out of this process's environment, which others can look at."""
    if env_file is None:
        return {}
    from dotenv.parser import parse_stream

    try:
        with env_file.open(encoding="utf-8") as file:
            # A secret may hold what looks like a variable: values count as they are written.
            bindings = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        fault = f"cannot be read ({type(error).__name__})"
    else:
        bad = next((each.original for each in bindings if each.error or (each.key and each.value is None)), None)
        if bad is None:
            return {each.key: each.value for each in bindings if each.key and each.value}
        blank, _, _ = bad.string.partition(bad.string.strip())
        fault = f"holds no NAME=value in line {bad.line + blank.count(chr(10))}"
    allowed = "expected a UTF-8 file of lines NAME=value"
    raise ConfigurationError(f"--env-file: {_file(str(env_file))} {fault}; {allowed}", argument="env_file")


def _no_secret(value: str | None) -> None:
    """Refuse a secret on the command line, without repeating it."""
    if value is not None:
        raise typer.BadParameter(
            "a secret on the command line stands in the process list and the shell's history; allowed are the "
            "environment variable, --client-secret-file, or nothing, to be asked at the terminal",
            param_hint="--client-secret",
        )


def _options(kind: "type[Provider]") -> Iterator[inspect.Parameter]:
    def keyword(name: str, annotation: Any) -> inspect.Parameter:
        return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)

    for each in parameters(kind):
        facts = {"env var": each.variable, "default": each.default}
        told = "; ".join(f"{name}: {fact}" for name, fact in facts.items() if fact)
        told = f"{each.help} [{told}]" if told else each.help
        shared: dict[str, Any] = {"help": told.replace("[", r"\["), "rich_help_panel": _PARAMETERS}
        if each.name == "client_secret":
            told = rf"A file that holds the secret; - is standard input. \[env var: {each.variable}_FILE; or "
            told += rf"{each.variable}, the secret itself]"
            secret_file = typer.Option(each.option, metavar="FILE", help=told, rich_help_panel=_PARAMETERS)
            yield keyword("client_secret_file", Annotated[str | None, secret_file])
            refused = typer.Option("--client-secret", hidden=True, is_eager=True, callback=_no_secret)
            yield keyword("client_secret", Annotated[str | None, refused])
        elif each.flag:
            yield keyword(each.name, Annotated[bool | None, typer.Option(each.option, **shared)])
        else:
            words: Any = Literal[each.choices] if each.choices else str
            option = typer.Option(each.option, metavar="TEXT", **shared)
            yield keyword(each.name, Annotated[words | None, option])
    env_file = typer.Option(
        "--env-file",
        metavar="FILE",
        help=f"A file of lines such as {prefix(kind)}_CLIENT_ID=..., for variables that the environment does not set.",
        rich_help_panel=_PARAMETERS,
    )
    yield keyword("env_file", Annotated[Path | None, env_file])


def _choices(kind: "type[Provider]", name: str, annotation: Any) -> tuple[str, ...]:
    if name == "environment":
        return tuple(endpoint(kind).servers)
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _text(default: Any) -> str | None:
    """A default as it would be written."""
    if default is MISSING or default is None or isinstance(default, bool):
        return None
    return default if isinstance(default, str) else " ".join(default)


def _plain(text: str) -> str:
    """A docstring's text on one line, without markup."""
    return " ".join(text.replace("``", "").split())
