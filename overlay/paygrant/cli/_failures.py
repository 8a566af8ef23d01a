"""How a command that fails ends: its exit code, and what it says, as lines or as JSON."""

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from types import MappingProxyType
from typing import Any, NamedTuple

import click

from paygrant import (
    ConfigurationError,
    MalformedResponse,
    PaygrantError,
    ProviderUnavailable,
    RateLimited,
    TokenRequestRejected,
)
from paygrant._text import one_line, similar
from paygrant.cli import _console

OTHER, USAGE = 1, 2

EXITS: dict[type[PaygrantError], int] = {
    ConfigurationError: USAGE,
    TokenRequestRejected: 3,
    RateLimited: 4,
    ProviderUnavailable: 4,
    MalformedResponse: 5,
}
"""The exit code of each error and of those that derive from it."""

_FACTS = (
    "argument",
    "provider",
    "environment",
    "status",
    "retryable",
    "error",
    "error_description",
    "attempts",
    "retry_after",
)
"""The attributes of errors that JSON shows."""

_SHORT = 12
"""Characters. A longer word on the command line may be a secret typed by mistake."""


class UnknownWord(click.UsageError):
    """A word that names nothing. The message is one of ``unknown``, so it shows no secret."""


class Failure(NamedTuple):
    """Why a command failed.

    Attributes:
        kind: The name of the error's class.
        message: What is wrong; what is expected.
        code: The exit code.
        hints: What may help, a sentence each.
        facts: The attributes of the error.
    """

    kind: str
    message: str
    code: int
    hints: Sequence[str] = ()
    facts: Mapping[str, Any] = MappingProxyType({})


def report(failure: Failure) -> int:
    """Write a failure to standard error.

    Returns:
        The exit code.
    """
    facts = {"type": failure.kind, "exit_code": failure.code, **failure.facts}
    _console.failure(failure.message, failure.hints, facts)
    return failure.code


def of(error: Exception, root: click.Command, arguments: Sequence[str]) -> Failure | None:
    """The failure that an error means; None if the error is unexpected.

    Args:
        error: The error.
        root: The root of all commands.
        arguments: The command line.
    """
    if isinstance(error, PaygrantError):
        code = next((code for kind, code in EXITS.items() if isinstance(error, kind)), OTHER)
        facts = {name: getattr(error, name) for name in _FACTS if hasattr(error, name)}
        return Failure(type(error).__name__, str(error), code, getattr(error, "__notes__", ()), facts)
    if isinstance(error, click.ClickException):
        return Failure("UsageError", _usage(error, root, arguments), USAGE)
    if isinstance(error, OSError):
        return Failure("OSError", _console.words(error), OTHER)
    if "pip install" in str(error):  # the error for a missing extra says how to install it
        return Failure("ImportError", str(error), USAGE)
    return None


def _usage(error: click.ClickException, root: click.Command, arguments: Sequence[str]) -> str:
    """What is wrong with the command line, and which command's help explains it."""
    commands = _commands(root, arguments)
    context = getattr(error, "ctx", None)
    path = context.command_path if context else [*commands][-1]
    if isinstance(error, click.NoSuchOption):
        message = f"unknown option {error.option_name}"
        homes = (
            path for path, each in commands.items() if any(error.option_name in option.opts for option in each.params)
        )
        if home := next(homes, None):
            message, path = f"{message}; expected it after {home!r}", home
        elif error.possibilities:
            message += f"; similar to {', '.join(sorted(error.possibilities))}"
        elif context and isinstance(context.command, click.Group) and path == [*commands][-1]:
            message += f"; expected {context.command.subcommand_metavar.split()[0]} first"
    elif isinstance(error, click.BadParameter):
        message = _bad_value(error)
    elif isinstance(error, UnknownWord):
        message = error.message
    else:
        message = _of_click(error, arguments)
    return f"{message}; see {path} --help"


def _bad_value(error: click.BadParameter) -> str:
    """What is wrong with a value; the value itself is not repeated."""
    if error.param is None:  # ours
        return f"{error.param_hint}: {error.message}"
    name = error.param.opts[0] if isinstance(error.param, click.Option) else error.param.human_readable_name
    if isinstance(error, click.MissingParameter):
        return f"{name}: is missing"
    kind = error.param.type
    if isinstance(kind, click.Choice):
        return f"{name}: {_unknown_value(error, list(map(str, kind.choices)))}"
    if isinstance(kind, click.IntRange):
        return f"{name}: is not in range; expected a whole number from {kind.min} to {kind.max}"
    return f"{name}: {error.message}"


def _unknown_value(error: click.BadParameter, known: Sequence[str]) -> str:
    """What is wrong with a value that is not one of the known ones. All of them are listed, as they are few."""
    given = re.match(r"'(.*)' is not ", error.message)
    word = given[1] if given else ""
    return f"{_unknown('value', word, similar(word, known))}; expected one of {', '.join(known)}"


def unknown(kind: str, word: str, known: Sequence[str], others: str = "") -> str:
    """The error for a word that names nothing: a similar name, or all known ones.

    Args:
        kind: What the word should name, such as "provider".
        word: The word.
        known: The names.
        others: What else the word could be.
    """
    meant = similar(word, known, part=True)
    fault = _unknown(kind, word, meant)
    if meant:
        return f"{fault}; similar to {meant}"
    return f"{fault}; expected one of {', '.join([*known, *([others] if others else [])])}"


def _unknown(kind: str, word: str, meant: str | None) -> str:
    """That a word names nothing. It is repeated if it is short or resembles a name: a longer one may be a secret."""
    return f"unknown {kind} {word!r}" if word and (meant or len(word) <= _SHORT) else f"unknown {kind}"


def _of_click(error: click.ClickException, arguments: Sequence[str]) -> str:
    """Click's own text, without words that may be secrets typed by mistake."""
    message = one_line(error.format_message()).rstrip(".")
    for each in arguments:
        word = each.partition("=")[2] if each.startswith("-") else each
        message = message.replace(word, "...") if len(word) > _SHORT else message
    return message[:1].lower() + message[1:]


def _commands(root: click.Command, arguments: Sequence[str]) -> dict[str, click.Command]:
    """The commands that a command line names, by their paths; the root comes first.

    It ends before a provider that cannot be used: the error that is being reported is another one.
    """
    command, path = root, "paygrant"
    found = {path: command}
    with suppress(PaygrantError, ImportError, OSError):
        for word in arguments:
            if isinstance(command, click.Group) and (inner := command.get_command(click.Context(command), word)):
                command, path = inner, f"{path} {word}"
                found[path] = command
    return found
