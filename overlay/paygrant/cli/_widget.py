"""``paygrant widget-url``: the address of the widget's page, with a token in it. It is the result, as a token is."""

import inspect
import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal, cast, get_origin

import typer

from paygrant import ConfigurationError, RipioWidget, Token
from paygrant.cli import _console, _options
from paygrant.cli._token import Cached, obtain

_SOMEBODY = "6f1a4c52-6c0e-4b7e-9f3d-2f8f0a4f7b11"
"""A user for the example: a UUID version 4, as it has to be."""

_ARGUMENT = re.compile(r"^ {4}(\w+): (.+)$", re.MULTILINE)
"""An entry under a docstring's "Args:"."""


def command() -> Any:
    """The command: its options are the provider's parameters, and the arguments of ``RipioWidget.widget_url``."""
    page = list(_page())

    def widget_url(given: _options.Given, *, cache: Cached = True, **options: Any) -> None:
        arguments = {each.name.removeprefix("page_"): options[each.name] for each in page}
        provider = cast("RipioWidget", given.provider())
        try:
            provider.widget_url(Token("none"), **arguments)  # better known before a token is asked for
        except ConfigurationError as error:
            option = next(each.name for each in page if each.name.removeprefix("page_") == error.argument)
            message = f"--{_options.dashed(option)}: {str(error).partition(': ')[2]}"
            raise ConfigurationError(message, argument=error.argument) from None
        _console.result(str(provider.widget_url(obtain(given, provider, cache=cache), **arguments)))

    return _options.make_command(
        "widget-url",
        _options.takes_provider(RipioWidget, widget_url, page),
        help="Print the address at which a user opens Ripio's widget. Whoever has it acts as this user.",
        example=f"paygrant widget-url --environment sandbox --external-ref {_SOMEBODY} --address 0x05946b0d --amount 100",
    )


def _page() -> Iterator[inspect.Parameter]:
    """The arguments as options; one that is named as a parameter of the provider is the page's."""
    told = dict(_ARGUMENT.findall(inspect.cleandoc(RipioWidget.widget_url.__doc__ or "")))
    taken = {each.name for each in _options.parameters(RipioWidget)}
    for each in inspect.signature(RipioWidget.widget_url).parameters.values():
        if each.kind is each.KEYWORD_ONLY:
            name = f"page_{each.name}" if each.name in taken else each.name
            option = typer.Option(f"--{_options.dashed(name)}", help=told.get(each.name))
            kind = each.annotation if get_origin(each.annotation) is Literal else str | None
            yield each.replace(name=name, annotation=Annotated[kind, option])
