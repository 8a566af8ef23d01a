"""The check of the settings: whether they are complete, valid and as they were meant."""

import stat
from collections.abc import Iterator
from os import name as system
from pathlib import Path

import httpx

from paygrant._errors import ConfigurationError
from paygrant._secrets import fingerprint
from paygrant.doctor._context import Context, Setting
from paygrant.doctor._finding import Finding, failed, ok, warning
from paygrant.doctor._keys import certificate_findings, key_errors, keys_in_words

_BYTE_ORDER_MARK = "\ufeff"
_QUOTES = "\"'`"


def settings(context: Context) -> Iterator[Finding]:
    """Variables and files exist, are complete, and have plausible values."""
    errors = list(_errors(context))
    explained = {error.argument for error in errors}
    oddities = [(setting, oddity) for setting in context.settings if (oddity := _oddity(setting.value))]
    for error in errors:
        yield _explained(context, error, oddities)
    found = [
        warning(f"{setting.name}: the value {oddity}", "Remove it, unless it is a part of the value.")
        for setting, oddity in oddities
        if setting.name not in explained
    ]
    found += certificate_findings(context)
    found += [each for path in context.secret_files.values() for each in open_to_others(path)]
    found += _environment_mismatch(context)
    yield from found
    if not errors and not found:
        names = ", ".join(dict.fromkeys([*(setting.name for setting in context.settings), *context.secret_files]))
        # No fingerprint of the secret: it could be used to check a guess.
        parts = [f"secret of {len(context.secret)} characters"] if context.secret else []
        parts += keys_in_words(context)
        yield ok(f"{', '.join([f'client {fingerprint(context.provider.client_id)}', *parts])}; {names}")


def _errors(context: Context) -> Iterator[ConfigurationError]:
    """The reasons why there is no provider, or no route to it."""
    try:
        _ = context.secret
    except ConfigurationError as error:
        yield error
    else:
        yield from key_errors(context)
    try:
        _ = context.route_or_none
    except ConfigurationError as error:
        yield error


def _explained(context: Context, error: ConfigurationError, oddities: list[tuple[Setting, str]]) -> Finding:
    """A finding for an error, with what may explain it."""
    seen, _, advice = str(error).partition("; ")
    more = [f"the value {oddity}" for setting, oddity in oddities if setting.name == error.argument]
    empty = [name for name in context.variable_names.values() if context.variables.get(name) == ""]
    if "is missing" in seen and empty:
        more.append(f"set but empty: {', '.join(empty)}")
    return failed("configuration", "; ".join([seen, *more]), f"{advice[:1].upper()}{advice[1:]}.")


def _oddity(value: str) -> str | None:
    """What is unusual about a value, and probably not meant; None if nothing is."""
    if value.endswith(("\n", "\r")):
        return "ends with a line break"
    if value.startswith(_BYTE_ORDER_MARK):
        return "starts with a byte order mark"
    if value != value.strip():
        return "starts or ends with white space"
    if len(value) > 1 and value[0] in _QUOTES and value[0] == value[-1]:
        return "is in quotation marks"
    return None


def open_to_others(path: str) -> Iterator[Finding]:
    """Warn about a file with a secret that all users of this machine can read or change."""
    if system != "posix":
        return
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
    except (OSError, ValueError):  # another finding reports it; a ValueError: no file can have this path
        return
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warning(f"{path} is open to all users of this machine (mode {mode:04o})", f"chmod 600 {path}")


def _environment_mismatch(context: Context) -> Iterator[Finding]:
    """Warn about a base URL that belongs to another environment than the one that is set."""
    values = {setting.argument: setting.value for setting in context.settings}
    named, url = values.get("environment"), context.token_url
    if "base_url" not in values or not url:
        return
    for environment, server in context.endpoint.servers.items():
        if environment != named and "{" not in server.url and httpx.URL(server.url).host == httpx.URL(url).host:
            yield warning(
                f"base_url belongs to the environment {environment!r}, but the environment is set to {named!r}",
                "Remove base_url, or set the environment that it belongs to.",
            )
