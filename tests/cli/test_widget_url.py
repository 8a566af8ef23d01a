"""``paygrant widget-url``."""

from typing import Any

import pytest

from paygrant import RipioWidget, TokenSource
from tests.helpers.providers import USER
from tests.helpers.servers import Server

pytestmark = pytest.mark.usefixtures("user", "nothing_leaks")


WIDGET = ["widget-url", "--client-id", "mine", "--environment", "sandbox", "--external-ref", USER, "--address", "0x05"]


def test_widget_url_prints_the_url(run: Any, widget: RipioWidget) -> None:
    token = TokenSource(widget).get()
    assert run(*WIDGET) == (0, f"{widget.widget_url(token)!s}\n", "")
    page = ["--flow", "offramp", "--page-address", "0x06", "--network", "ETH", "--amount", "100", "--crypto", "USDC"]
    wanted = widget.widget_url(
        token, flow="offramp", address="0x06", network="ETH", amount="100", crypto="USDC", tracking_session="7"
    )
    assert run(*WIDGET, *page, "--tracking-session", "7").out == f"{wanted!s}\n"


def test_widget_url_uses_the_cache_or_not(run: Any, widget: RipioWidget, server: Server) -> None:
    for _ in range(2):
        run(*WIDGET)
    assert len(server.seen) == 1
    run(*WIDGET, "--no-cache")
    assert len(server.seen) == 2


def test_a_bad_argument_of_the_page_costs_no_request(run: Any, widget: RipioWidget, server: Server) -> None:
    assert run(*WIDGET, "--amount", "-1") == (
        2,
        "",
        "paygrant: --amount: is '-1'; expected a positive number of at most 40 digits\n",
    )
    assert run(*WIDGET, "--page-address", "").err.startswith("paygrant: --page-address: is empty; ")
    assert server.seen == []


def test_every_argument_of_the_page_has_help(run: Any) -> None:
    shown = " ".join(run("widget-url", "--help").out.split())
    assert "A wallet address that the page fills in and keeps." in shown
    assert "--page-address" in shown
