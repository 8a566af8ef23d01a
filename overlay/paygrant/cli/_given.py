"""What a command was given for a provider: options, environment variables, an env file, and a typed secret."""

import functools
import getpass
import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paygrant import ConfigurationError
from paygrant._providers.base import registration_of
from paygrant._providers.kind import REREAD, SECRET
from paygrant.cli._catalog import dashed, parameters

if TYPE_CHECKING:
    from collections.abc import Iterator

    from paygrant._providers.base import Provider
    from paygrant._providers.kind import ProviderKind
    from paygrant.doctor import Finding


class Given:
    """The arguments of a provider and where they come from.

    Attributes:
        kind: What is known of the provider.
        word: What names the provider on the command line.
        overrides: The arguments that options gave.
        variables: Those of the environment, then those of the env file; empty ones are left out.
        env_file: The env file if the secret is in it, otherwise None.
    """

    def __init__(
        self,
        kind: "ProviderKind[Provider]",
        overrides: Mapping[str, Any],
        variables: Mapping[str, str],
        env_file: str | None = None,
        word: str = "",
    ) -> None:
        self.kind = kind
        self.word = word or kind.name
        self.variables = variables
        self.env_file = env_file
        known = {name for each in REREAD for name in (kind.variable(each), f"{kind.variable(each)}_FILE")}
        chosen = overrides.get("auth_method") or variables.get(kind.variable("auth_method"))
        wanted = kind.wants_secret({"auth_method": chosen})
        missing = wanted and not known & variables.keys() and not REREAD & overrides.keys()
        prompt = {SECRET: functools.cache(functools.partial(_ask_person, f"{kind.variable(SECRET)}: "))}
        self.overrides = {**overrides, **(prompt if missing and sys.stdin.isatty() else {})}

    @classmethod
    def of(
        cls, kind: "ProviderKind[Provider]", values: Mapping[str, Any], env_file: Path | None, word: str = ""
    ) -> "Given":
        """The values of a command's options, with the environment.

        Args:
            kind: What is known of the provider.
            values: The values of the options, by the names of the provider's arguments.
            env_file: The env file.
            word: What names the provider on the command line.

        Raises:
            ConfigurationError: A file cannot be read.
        """
        overrides: dict[str, Any] = {}
        for each in kind.arguments:
            value = values.get(each.name)
            if isinstance(value, str):
                try:
                    overrides[each.name] = _secret(each.name, value) if each.secret else each.from_text(value)
                except ConfigurationError as error:
                    raise cls(kind, {SECRET: ""}, {}, word=word)._named(error) from None
            elif value is not None:
                overrides[each.name] = value
        from_file = _read(env_file)
        from_environment = {name: value for name, value in os.environ.items() if value}
        with_secret = kind.variable(SECRET) in from_file
        return cls(kind, overrides, {**from_file, **from_environment}, str(env_file) if with_secret else None, word)

    def provider(self) -> "Provider":
        """The provider. If no secret is given, the terminal prompts for it, if there is one.

        It is read last, because nobody should type a secret if something else is missing.

        Raises:
            ConfigurationError: An argument is bad or missing; the option or variable is named.
        """
        try:
            made = self.kind.from_variables(self.variables, self.overrides)
            registration_of(made).credentials()
        except ConfigurationError as error:
            raise self._named(error) from None
        return made

    @property
    def secret_files(self) -> "Iterator[str | None]":
        """The files that contain a secret or a private key alone. None for each that comes from somewhere else."""
        for each in self.kind.arguments:
            if each.name in self.overrides:
                yield getattr(self.overrides[each.name], "path", None)
            elif each.secret:
                yield self.variables.get(f"{self.kind.variable(each.name)}_FILE")

    def exposed(self, *files: str | None) -> "Iterator[Finding]":
        """Warnings about files with a secret that other users can read."""
        for each in dict.fromkeys(filter(None, files)):
            from paygrant.doctor import open_to_others

            yield from open_to_others(each)

    def in_options(self, text: str) -> str:
        """A text that names arguments, with the names of options in their place."""
        for each in parameters(self.kind):
            if "_" in each.name and not each.secret:
                name = rf"(?<![\w/.-]){each.name}(?!\.?\w|[/-])"
            else:  # may be another word or part of a file's name, unless it is a whole item
                name = rf"(?:^|(?<=[,;] )){each.name}(?=[:,;]|$)"
            text = re.sub(name + ("(?:=True)?" if each.flag else ""), each.option, text)
        return text

    def _named(self, error: ConfigurationError) -> ConfigurationError:
        """The error of an argument, with the option and the variable in place of its name."""
        if error.argument == "authenticate":
            fault = "the spec leaves the credentials to a function, which the command line cannot take"
            return ConfigurationError(f"{self.word}: {fault}; expected SpecProvider in Python", argument="authenticate")
        for each in parameters(self.kind):
            if error.argument in (each.name, each.variable):
                message = f"{each.option} or {each.variable}: {self.in_options(str(error).partition(': ')[2])}"
                return ConfigurationError(message, argument=each.name)
        return error


def _secret(argument: str, path: str) -> Any:
    """The secret on standard input, or a callable that reads the file.

    Raises:
        ConfigurationError: The file does not exist. It is not named, as the path may be a secret typed by mistake.
    """
    if path == "-":
        return sys.stdin.read().removeprefix("\ufeff").rstrip("\r\n")
    from paygrant._providers.secret_file import SecretFile

    if _name(path) != path:
        expected = "expected a UTF-8 file that contains the secret, or - for standard input"
        option = f"--{dashed(argument)}-file"
        raise ConfigurationError(f"{option}: the file does not exist; {expected}", argument=argument)
    file = SecretFile(path, argument)
    return file() if Path(path).is_fifo() else file  # a pipe can be read once only


def _ask_person(prompt: str) -> str:
    try:
        return getpass.getpass(prompt)  # at the terminal itself, even if standard error is redirected
    except EOFError:
        return ""


def _name(path: str) -> str:
    """A file's name if it is surely one, otherwise "the file": a secret may have been typed there by mistake."""
    folder, _ = os.path.split(path)
    exists = os.access(path, os.F_OK) or (folder and os.access(folder, os.F_OK))
    return path if exists or path.endswith((".env", ".txt")) else "the file"


def _read(env_file: Path | None) -> dict[str, str]:
    """The variables of an env file. They stay out of the environment of this process, which others can see.

    Raises:
        ConfigurationError: The file cannot be read, or a line is not NAME=value.
    """
    if env_file is None:
        return {}
    from dotenv.parser import parse_stream

    try:
        with env_file.open(encoding="utf-8-sig") as file:
            # Values are used as written: a secret may contain what looks like a reference to a variable.
            bindings = list(parse_stream(file))
    except (OSError, UnicodeDecodeError) as error:
        fault = f"cannot be read ({type(error).__name__})"
    else:
        bad = next((each.original for each in bindings if each.error or (each.key and each.value is None)), None)
        if bad is None:
            return {each.key: each.value for each in bindings if each.key and each.value}
        blank, _, _ = bad.string.partition(bad.string.strip())
        fault = f"has no NAME=value in line {bad.line + blank.count(chr(10))}"
    expected = "expected a UTF-8 file of lines NAME=value"
    raise ConfigurationError(f"--env-file: {_name(str(env_file))} {fault}; {expected}", argument="env_file")
