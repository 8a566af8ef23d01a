"""The providers as the command line sees them: a provider's parameters are its class's fields and docstring."""

import inspect
import re
from dataclasses import MISSING, dataclass, fields
from typing import TYPE_CHECKING, Any, Literal, get_args, get_origin

from paygrant._providers.base import description_of, variable_of
from paygrant._text import one_line

if TYPE_CHECKING:
    from paygrant._providers.base import Provider

SECRET = "client_secret"  # noqa: S105 - the name of a field
"""The field for which there is no option, as the process list shows options."""

_ATTRIBUTE = re.compile(r"^ {4}(\w+): (.+?)(?=^ {4}\S|^\S|\Z)", re.DOTALL | re.MULTILINE)
"""An entry under a docstring's "Attributes:" or "Args:"."""


@dataclass(frozen=True)
class ProviderParameter:
    """One argument of a provider.

    Attributes:
        name: The name of the field.
        help: What the class's docstring says about it.
        variable: The environment variable for it; None for a flag.
        choices: The allowed words; empty if any text is allowed.
        default: The value if it is not given; None if the class has no default to show.
        required: Whether the class requires it.
        flag: Whether its option has no value.
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
        """The option for it. The option for the secret names a file."""
        return f"--{dashed(self.name)}" + ("-file" if self.name == SECRET else "")


def dashed(name: str) -> str:
    """A name in the form that options have."""
    return name.replace("_", "-")


def prefix(kind: "type[Provider]") -> str:
    """How the names of a provider's variables begin."""
    return variable_of(kind, "").rstrip("_")


def summary(kind: "type[Provider]") -> str:
    """The first line of a class's docstring."""
    return _plain((kind.__doc__ or kind.__name__).partition("\n")[0])


def described(documented: Any) -> dict[str, str]:
    """The entries under "Attributes:" or "Args:" of a docstring, by name; none if Python runs without docstrings."""
    text = inspect.cleandoc(documented.__doc__ or "")
    return {name: _plain(about) for name, about in _ATTRIBUTE.findall(text)}


def parameters(kind: "type[Provider]") -> list[ProviderParameter]:
    """The arguments of a provider, credentials first."""
    about: dict[str, str] = {}
    for each in reversed(kind.__mro__):
        about |= described(each)
    return [
        ProviderParameter(
            name=field.name,
            help=about.get(field.name, ""),
            variable=None if field.type is bool else variable_of(kind, field.name),
            choices=_choices(kind, field.name, field.type),
            default=_text(field.default),
            required=field.default is MISSING,
            flag=field.type is bool,
        )
        for field in fields(kind)
    ]


def literal(annotation: Any) -> tuple[str, ...]:
    """The words of a ``Literal``; empty for another annotation."""
    return get_args(annotation) if get_origin(annotation) is Literal else ()


def _choices(kind: "type[Provider]", name: str, annotation: Any) -> tuple[str, ...]:
    return tuple(description_of(kind).servers) if name == "environment" else literal(annotation)


def _text(default: Any) -> str | None:
    """A default as a user would write it."""
    if default is MISSING or default is None or isinstance(default, bool):
        return None
    return default if isinstance(default, str) else " ".join(default)


def _plain(text: str) -> str:
    """A docstring's text on one line, without markup."""
    return one_line(text.replace("``", ""))
