"""The providers as the command line sees them: their arguments, with what the docstring or the spec says about each."""

import inspect
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from paygrant._providers.base import has_variables
from paygrant._text import one_line

if TYPE_CHECKING:
    from paygrant._providers.base import Provider
    from paygrant._providers.kind import Argument, ProviderKind

_TAKEN = frozenset(
    {
        "--cache",
        "--env-file",
        "--format",
        "--header",
        "--help",
        "--json",
        "--no-cache",
        "--parameter",
        "--prefix",
        "--verbose",
    }
)
"""The options of the commands themselves."""

_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+?)(?=^ {4}\S|^\S|\Z)", re.DOTALL | re.MULTILINE)
"""An entry under a docstring's "Attributes:" or "Args:"."""


@dataclass(frozen=True)
class ProviderParameter:
    """One argument of a provider.

    Attributes:
        name: The name of the argument.
        help: What the class's docstring or the spec says about it.
        variable: The environment variable for it.
        choices: The allowed words; empty if any text is allowed.
        default: The value if it is not given; None if there is no default to show.
        required: Whether the provider requires it.
        flag: Whether its option has no value.
        secret: Whether its value is secret. The process list shows options, so its option names a file.
        kind: The type of its value, as JSON Schema names it.
    """

    name: str
    help: str
    variable: str
    choices: tuple[str, ...]
    default: str | None
    required: bool
    flag: bool
    secret: bool
    kind: str = "string"

    @property
    def metavar(self) -> str:
        """What help shows in place of its value."""
        by_kind = {"integer": "INTEGER", "number": "NUMBER", "boolean": "true|false"}
        by_name = {"file": "FILE", "url": "URL", "scope": "SCOPES"}
        return by_kind.get(self.kind) or by_name.get(self.name.rpartition("_")[2]) or "TEXT"

    @property
    def option(self) -> str:
        """The option for it. The option for a secret names a file."""
        option = f"--{dashed(self.name)}" + ("-file" if self.secret else "")
        return f"--argument-{option[2:]}" if option in _TAKEN else option


def dashed(name: str) -> str:
    """A name in the form that options have."""
    return name.replace("_", "-")


def summary(kind: "ProviderKind[Provider]") -> str:
    """What a provider is: the words of its spec, or the first line of its class's docstring."""
    return kind.about or _plain((kind.source.__doc__ or kind.source.__name__).partition("\n")[0])


def title(kind: "ProviderKind[Provider]") -> str:
    """A provider's name for people, as its class has it; its summary if it has no class."""
    if not has_variables(kind.source):
        return summary(kind)
    return _plain((kind.source.__doc__ or "").partition("\n")[0]).partition(" (")[0].rstrip(".")


def described(documented: Any) -> dict[str, str]:
    """The entries under "Attributes:" or "Args:" of a docstring, by name; none if Python runs without docstrings."""
    text = inspect.cleandoc(documented.__doc__ or "")
    return {name: _plain(about) for name, about in _ATTRIBUTE.findall(text)}


def parameters(kind: "ProviderKind[Provider]") -> list[ProviderParameter]:
    """The arguments of a provider that a command can take, credentials first."""
    about: dict[str, str] = {}
    for each in reversed(kind.source.__mro__):
        about |= described(each)
    return [
        ProviderParameter(
            name=each.name,
            help=each.about or about.get(each.name, ""),
            variable=kind.variable(each.name),
            choices=tuple(map(_word, each.choices)),
            default=each.default,
            required=each.required,
            flag=_is_flag(each),
            secret=each.secret,
            kind=each.kind,
        )
        for each in kind.arguments
        if each.kind != "object"
    ]


def literal(annotation: Any) -> tuple[str, ...]:
    """The words of a ``Literal``; empty for another annotation."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _is_flag(argument: "Argument") -> bool:
    """Whether an option without a value is enough: the argument is false if it is not given."""
    return argument.kind == "boolean" and not argument.required and not argument.choices


def _word(choice: str | float | bool) -> str:  # noqa: FBT001 - a value of a spec
    """A value as a user writes it."""
    return str(choice).lower() if isinstance(choice, bool) else str(choice)


def _plain(text: str) -> str:
    """A docstring's text on one line, without markup."""
    return one_line(text.replace("``", ""))
