"""How to use the sandbox: its credentials, and for each provider a command that prints a token."""

from collections.abc import Iterator, Mapping
from shlex import quote
from typing import TYPE_CHECKING, Any

from paygrant._providers.registry import ServedSpec
from paygrant.sandbox._access import TRUST_VARIABLE, ClientAccess
from paygrant.sandbox._client_auth import Client

if TYPE_CHECKING:
    from paygrant._providers.kind import Argument

_OWN = frozenset({"client_id", "client_secret", "private_key", "key_id", "certificate_file", "base_url", "environment"})
"""The arguments whose values the sandbox knows."""

_OPTIONS = {
    "client_id": "--client-id",
    "private_key": "--private-key-file",
    "key_id": "--key-id",
    "certificate_file": "--certificate-file",
}
"""The options that give the credentials."""


class Usage:
    """The credentials that the sandbox accepts, and a command for each provider."""

    def __init__(self, client: Client, served: Mapping[str, ServedSpec], access: Mapping[str, ClientAccess]) -> None:
        self._client = client
        self._served = served
        self._access = access

    def described(self, url: str) -> dict[str, Any]:
        """The credentials and the commands, as JSON data. ``url`` is the sandbox's."""
        return {
            "client_id": self._client.client_id,
            "client_secret": self._client.client_secret,
            "commands": {name: self._command(name, f"{url}/{name}") for name in self._served},
        }

    def _command(self, name: str, base_url: str) -> str | None:
        """A command for a shell. None if it cannot be given: a function must compute the credentials, for example."""
        served = self._served[name]
        kind, environments = served.kind(), list(served.spec.endpoint.servers)
        first = kind.alternatives[:1]
        needed = [each for each in kind.arguments if each.name not in _OWN and (each.required or each.name in first)]
        if any(each.kind == "object" for each in needed) or served.spec.client_auth[0].method == "custom":
            return None
        access, words = self._access[name], list[str]()
        try:
            credentials = access.credentials()
            if "certificate_file" in credentials:
                base_url = access.base_url(with_tls=True)
                words = [f"{TRUST_VARIABLE}={quote(access.certificates.trust_file)}"]
        except (ImportError, RuntimeError):  # the extra for keys is not installed, or there is no TLS port
            return None
        if secret := credentials.pop("client_secret", None):
            words.append(f"{kind.variable('client_secret')}={quote(secret)}")
        words += ["paygrant", "token", quote(served.word)]
        for argument, value in credentials.items():
            words += [_OPTIONS[argument], quote(value)]
        words += [word for each in environments[:1] for word in ("--environment", quote(each))]
        words += ["--base-url", quote(base_url)]
        return " ".join([*words, *(word for each in needed for word in _option(each))])


def _option(argument: "Argument") -> Iterator[str]:
    """An option with a placeholder, or with the first of the allowed values."""
    option = f"--{argument.name.replace('_', '-')}"
    if argument.secret:
        yield from (f"{option}-file", f"{argument.name.upper()}_FILE")
    else:
        yield option
        if argument.choices:
            yield quote(str(argument.choices[0]))
        elif argument.kind != "boolean":
            yield "1" if argument.kind in {"integer", "number"} else argument.name.upper()
