"""``paygrant providers``: shows the providers, their environments, parameters and variables."""

import json
from typing import TYPE_CHECKING, Any

import click

from paygrant._providers.registry import installed, kind_named, names
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
    "private_key_jwt": "an assertion that a private key signs",
    "client_secret_jwt": "an assertion that the secret signs",
    "tls_client_auth": "a client certificate",
    "none": "not sent",
    "custom": "computed by a function",
}


def build() -> click.Command:
    """The command."""
    return _options.Command(
        "providers",
        _list,
        about="Show providers, parameters and variables. Also shows the base URL of each environment, and how the "
        "credentials are sent.\n\nPROVIDER is a name or the path of a spec, such as acme.yaml; by default all are shown.",
        example="paygrant providers --json",
        params=[click.Argument(["provider"], required=False), _options.json_option()],
    )


def _list(*, provider: str | None, as_json: bool) -> None:
    if provider is None:
        found = [_described(kind_named(name)) for name in names()]
        for each in installed():
            if each.kind:
                found.append(_described(each.kind) | {"package": each.package})
            else:
                _console.note(f"{each.name} of the package {each.package} is not used: {each.fault}")
    else:
        kind = _options.kind_for(provider)
        if kind is None:
            raise click.BadParameter(_options.unknown_provider(provider), param_hint="PROVIDER")
        found = [_described(kind)]
    _console.draw(json.dumps(found) if as_json else "\n\n".join(map(_drawn, found)))


def _drawn(provider: dict[str, Any]) -> str:
    """A provider as a heading and a table."""
    rows: list[tuple[str, str]] = [
        *provider["environments"].items(),
        *([("package", provider["package"])] if "package" in provider else []),
        ("credentials", " or ".join(_METHODS.get(method) or str(method) for method in provider["auth_methods"])),
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
