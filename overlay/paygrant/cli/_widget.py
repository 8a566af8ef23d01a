"""``paygrant widget-url``: the URL of the widget's page, with a token in it. The URL is as secret as the token."""

import inspect
from typing import TYPE_CHECKING, Any, cast

import click

from paygrant import ConfigurationError, RipioWidget, Token
from paygrant._providers.base import kind_of
from paygrant.cli import _console, _options
from paygrant.cli._catalog import dashed, described, literal, parameters
from paygrant.cli._token import cache_option, obtain

if TYPE_CHECKING:
    from paygrant.cli._given import Given

_USER = "6f1a4c52-6c0e-4b7e-9f3d-2f8f0a4f7b11"
"""A user for the example, a UUID version 4."""

_EXAMPLE = f"paygrant widget-url --environment sandbox --external-ref {_USER} --address 0x05946b0d --amount 100"

_OF_PAGE = "page_"
"""Begins the names of the page's arguments: the provider may have a parameter of the same name."""


def build() -> click.Command:
    """The command. Its options are the provider's parameters and the arguments of ``RipioWidget.widget_url``."""
    return _options.provider_command(
        "widget-url",
        kind_of(RipioWidget),
        _print,
        about="Print the URL at which a user opens Ripio's widget. Anybody who has it can act as this user.",
        example=_EXAMPLE,
        params=[click.Argument(["provider"], required=False), *_page_options().values(), cache_option()],
    )


def _print(given: "Given", *, provider: str | None, cache: bool, **values: Any) -> None:
    kind = None if provider is None else _options.kind_for(provider)
    if provider is not None and (kind is None or kind.source is not RipioWidget):
        raise click.BadParameter("expected ripio_widget, the only provider with a widget", param_hint="PROVIDER")
    arguments = {name.removeprefix(_OF_PAGE): value for name, value in values.items()}
    widget = cast("RipioWidget", given.provider())
    try:
        widget.widget_url(Token("none"), **arguments)  # a bad argument is found before a token is requested
    except ConfigurationError as error:
        option = _page_options()[error.argument or ""].opts[0]
        raise ConfigurationError(f"{option}: {str(error).partition(': ')[2]}", argument=error.argument) from None
    _console.result(str(widget.widget_url(obtain(given, widget, cache=cache), **arguments)))


def _page_options() -> dict[str, click.Option]:
    """The arguments of the page as options, by their names. "page" precedes a name that the provider uses too."""
    about = described(RipioWidget.widget_url)
    taken = {each.name for each in parameters(kind_of(RipioWidget))}
    found: dict[str, click.Option] = {}
    for each in inspect.signature(RipioWidget.widget_url).parameters.values():
        if each.kind is each.KEYWORD_ONLY:
            option = f"--page-{dashed(each.name)}" if each.name in taken else f"--{dashed(each.name)}"
            choices, default = literal(each.annotation), each.default
            found[each.name] = click.Option(
                [option, f"{_OF_PAGE}{each.name}"],
                type=click.Choice(choices) if choices else str,
                default=default,
                show_default=bool(default),
                help=about.get(each.name),
            )
    return found
