"""``paygrant providers``: what there is to choose from, and how each is told what it needs."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from paygrant.cli import _console, _options

if TYPE_CHECKING:
    from paygrant._providers.base import Provider

_PLACES = {"basic": "HTTP Basic", "body": "fields of the body"}


def providers(*, as_json: Annotated[bool, typer.Option("--json", help="As JSON.")] = False) -> None:
    """Show the providers: environments and their hosts, parameters, variables, where the credentials go."""
    found = [_told(name, _options.class_of(name)) for name in _options.names()]
    if as_json:
        _console.result(json.dumps(found))
        return
    from rich.padding import Padding
    from rich.table import Table

    for each in found:
        table = Table.grid(padding=(0, 2))
        for environment, host in each["environments"].items():
            table.add_row(environment, host)
        table.add_row("credentials", " or ".join(_PLACES[place] for place in each["credentials"]))
        for parameter in each["parameters"]:
            variable = parameter["variable"] or ""
            secret = parameter["name"] == "client_secret"
            table.add_row(parameter["option"], f"{variable}_FILE or {variable}" if secret else variable)
        _console.draw(f"[bold]{each['name']}[/]  {each['summary']}", Padding(table, (0, 0, 1, 2), expand=False))


def _told(name: str, kind: "type[Provider]") -> dict[str, Any]:
    endpoint = _options.endpoint(kind)
    return {
        "name": name,
        "class": kind.__name__,
        "summary": _options.summary(kind),
        "environments": {environment: server.url for environment, server in endpoint.servers.items()},
        "path": endpoint.path,
        "credentials": [way.place for way in endpoint.client_auth],
        "parameters": [
            {
                "name": each.name,
                "option": each.option,
                "variable": each.variable,
                "choices": list(each.choices),
                "default": each.default,
                "required": each.required,
                "help": each.help,
            }
            for each in _options.parameters(kind)
        ],
    }
