"""The first check: what was set, and whether it is what somebody meant to set."""

import stat
from collections.abc import Iterator
from os import name as system
from pathlib import Path

import httpx

from paygrant._errors import ConfigurationError
from paygrant._secrets import fingerprint
from paygrant.doctor._case import Case, Setting
from paygrant.doctor._finding import Finding, failed, ok, warning

_BYTE_ORDER_MARK = "\ufeff"
_QUOTES = "\"'`"


def settings(case: Case) -> Iterator[Finding]:
    """Variables and files are there, whole, and look like what they should hold."""
    refusals = list(_refusals(case))
    blamed = {refusal.argument for refusal in refusals}
    oddities = [(setting, oddity) for setting in case.settings if (oddity := _oddity(setting.value))]
    for refusal in refusals:
        yield _explained(case, refusal, oddities)
    found = [
        warning(f"{setting.place}: the value {oddity}", "Take that out, unless it belongs there.")
        for setting, oddity in oddities
        if setting.place not in blamed
    ]
    found += [*(open_to_others(case.secret_file[1]) if case.secret_file else ()), *_at_odds(case)]
    yield from found
    if not refusals and not found:
        places = ", ".join(dict.fromkeys(setting.place for setting in case.settings))
        # A secret's fingerprint would let whoever sees it check a guess.
        secret = f"secret of {len(case.secret)} characters"
        yield ok(f"client {fingerprint(case.provider.client_id)}, {secret}; {places}")


def _refusals(case: Case) -> Iterator[ConfigurationError]:
    """Why there is no provider, and no way to it."""
    try:
        _ = case.secret
    except ConfigurationError as refusal:
        yield refusal
    try:
        _ = case.road
    except ConfigurationError as refusal:
        yield refusal


def _explained(case: Case, refusal: ConfigurationError, oddities: list[tuple[Setting, str]]) -> Finding:
    """A refusal, and what of the value explains it."""
    seen, _, advice = str(refusal).partition("; ")
    more = [f"the value {oddity}" for setting, oddity in oddities if setting.place == refusal.argument]
    empty = [name for name in case.names.values() if case.variables.get(name) == ""]
    if "is missing" in seen and empty:
        more.append(f"set, but empty: {', '.join(empty)}")
    return failed("configuration", "; ".join([seen, *more]), f"{advice[:1].upper()}{advice[1:]}.")


def _oddity(value: str) -> str | None:
    """What hardly anybody means to set."""
    if value.endswith(("\n", "\r")):
        return "ends in a line break"
    if value.startswith(_BYTE_ORDER_MARK):
        return "begins with a byte order mark"
    if value != value.strip():
        return "begins or ends with a blank"
    if len(value) > 1 and value[0] in _QUOTES and value[0] == value[-1]:
        return "is in quotes"
    return None


def open_to_others(path: str) -> Iterator[Finding]:
    """A secret's file that all users of this machine may read or write."""
    if system != "posix":
        return
    try:
        mode = stat.S_IMODE(Path(path).stat().st_mode)
    except OSError:  # told already
        return
    if mode & (stat.S_IROTH | stat.S_IWOTH):
        yield warning(f"{path} is open to all users of this machine (mode {mode:04o})", f"chmod 600 {path}")


def _at_odds(case: Case) -> Iterator[Finding]:
    """A base URL that is the host of another environment than the one that is set."""
    values = {setting.argument: setting.value for setting in case.settings}
    named, url = values.get("environment"), case.token_url
    if "base_url" not in values or not url:
        return
    for environment, server in case.endpoint.servers.items():
        if environment != named and httpx.URL(server.url).host == httpx.URL(url).host:
            yield warning(
                f"base_url is the host of {environment!r}, the environment is {named!r}",
                "Make them agree: without base_url, the environment finds its host.",
            )
