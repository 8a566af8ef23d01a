"""``paygrant providers``: shows the providers, their environments, parameters and variables."""

import json
from typing import TYPE_CHECKING, Any

import click

from paygrant._providers.registry import kind_named, names
from paygrant.cli import _console, _options
from paygrant.cli._catalog import parameters, summary

if TYPE_CHECKING:
    from paygrant._providers.base import Provider
    from paygrant._providers.kind import ProviderKind

_METHODS = {
    "client_secret_basic": "HTTP Basic",
    "client_secret_post": "fields of the body",
    "header": "headers",
    "query": "parameters of the query",
}


def build() -> click.Command:
    """The command."""
    return _options.Command(
        "providers",
        _list,
        about="Show providers, parameters and variables. Also shows the base URL of each environment, and how the "
        "credentials are sent.",
        example="paygrant providers --json",
        params=[_options.json_option()],
    )


def _list(*, as_json: bool) -> None:
    found = [_described(kind_named(name)) for name in names()]
    _console.draw(json.dumps(found) if as_json else "\n\n".join(map(_drawn, found)))


def _drawn(provider: dict[str, Any]) -> str:
    """A provider as a heading and a table."""
    rows = [
        *provider["environments"].items(),
        ("credentials", " or ".join(_METHODS.get(method, method) for method in provider["auth_methods"])),
    ]
    for parameter in provider["parameters"]:
        variable = parameter["variable"]
        rows.append((parameter["option"], f"{variable}_FILE or {variable}" if parameter["secret"] else variable))
    return f"{click.style(provider['name'], bold=True)}  {provider['summary']}\n{_console.table(rows, '  ')}"


def _described(kind: "ProviderKind[Provider]") -> dict[str, Any]:
    """A provider as JSON."""
    found = kind.endpoint
    return {
        "name": kind.name,
        "class": kind.source.__name__,
        "summary": summary(kind),
        "environments": {environment: server.url for environment, server in found.servers.items()} if found else {},
        "path": found.path if found else "",
        "auth_methods": [each.method for each in found.client_auth] if found else [],
        "parameters": [
            {
                "name": each.name,
                "option": each.option,
                "variable": each.variable,
                "choices": list(each.choices),
                "default": each.default,
                "required": each.required,
                "secret": each.secret,
                "help": each.help,
            }
            for each in parameters(kind)
        ],
    }
