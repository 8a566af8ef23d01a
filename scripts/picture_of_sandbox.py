"""Makes the README's picture of the sandbox's page: ``python -m scripts.picture_of_sandbox``.

Time, random numbers and port are fixed. So two pictures differ only if the page or the fonts of the machine differ.
Needs Debian's ``chromium``.
"""

import os
import random
import shutil
import sys
from base64 import b64decode
from contextlib import suppress
from dataclasses import replace
from itertools import count, pairwise
from pathlib import Path
from typing import Any
from unittest.mock import patch

import httpx
from playwright.sync_api import Page, ViewportSize, sync_playwright

from paygrant import MemoryStore, PaygrantError, RefreshPolicy, TokenAuth, TokenSource
from paygrant._providers.base import registration_of
from paygrant.sandbox import Sandbox
from scripts.demo import Provider, providers

PICTURE = Path(__file__).parent / "images" / "sandbox.webp"
PORT = 8000
SIZE = ViewportSize(width=1280, height=1210)
FLAGS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update")


class Clock:
    """A clock that only `pass_by` moves."""

    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def __call__(self) -> float:
        """The time in seconds."""
        return self.seconds

    def pass_by(self, seconds: float) -> None:
        """Move the clock."""
        self.seconds += seconds


def live(sandbox: Sandbox, clock: Clock) -> None:
    """Fill the page as a developer would: tokens, calls, a wrong secret, a revoked token, an outage."""
    known: dict[str, Provider] = {registration_of(each).name: each for each in providers(sandbox)}

    def work(provider: Provider, calls: int, *, revoked_after: int | None = None) -> None:
        source = TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(max_attempts=1))
        with (
            suppress(PaygrantError),
            source,
            httpx.Client(auth=TokenAuth(source), base_url=registration_of(provider).effective_base_url) as api,
        ):
            for call in range(calls):
                if call == revoked_after:
                    getattr(sandbox, registration_of(provider).name).revoke()
                api.get("/resource")
                clock.pass_by(1.7)

    for name, calls, pause in (("ripple", 1, 840), ("ripio_widget", 1, 611), ("alternative_payments", 2, 431)):
        work(known[name], calls)
        clock.pass_by(pause)
    work(replace(known["cryptofuse"], client_secret="mistyped"), 1)  # noqa: S106 - a made-up secret
    clock.pass_by(12)
    work(known["cryptofuse"], 2)
    clock.pass_by(47)
    work(known["ripio_ramp"], 3, revoked_after=2)
    clock.pass_by(33)
    sandbox.ripple.fail(503, times=3, retry_after=30)
    work(known["ripple"], 1)
    clock.pass_by(5)
    sandbox.ripio_ramp.drop(on="resource")
    with suppress(httpx.HTTPError):
        work(known["ripio_ramp"], 1)
    clock.pass_by(4)


def settled(page: Page) -> bytes:
    """The page as WebP. It is taken until two in a row are equal: then the browser has finished painting.

    Quality 100 is lossless and has half the size of a PNG. Playwright itself cannot make WebP.
    """
    devtools: Any = page.context.new_cdp_session(page)
    shots = (devtools.send("Page.captureScreenshot", {"format": "webp", "quality": 100})["data"] for _ in count())
    return b64decode(next(second for first, second in pairwise(shots) if first == second))


def main() -> int:
    """Take the picture."""
    os.environ["no_proxy"] = "127.0.0.1"  # the sandbox is never behind a proxy
    chromium = shutil.which("chromium")
    if chromium is None:
        print("chromium is not installed; to get it: apt-get install chromium", file=sys.stderr)
        return 1
    chance = random.Random(1)  # noqa: S311 - the numbers must be the same each time
    clock, stopwatch = Clock(1_767_268_800.0), Clock(0.0)  # the clock begins on 2026-01-01 at noon

    def measured() -> float:
        stopwatch.pass_by(chance.uniform(0.0004, 0.0031))
        return stopwatch()

    def token(length: int) -> str:
        return chance.randbytes(length).hex()

    with (
        patch("secrets.token_urlsafe", token),
        patch("secrets.token_bytes", chance.randbytes),
        patch("paygrant.sandbox._app.perf_counter", measured),
        Sandbox(port=PORT, clock=clock) as sandbox,
        sync_playwright() as playwright,
        playwright.chromium.launch(executable_path=chromium, args=FLAGS) as browser,
        browser.new_page(viewport=SIZE, color_scheme="light", reduced_motion="reduce", timezone_id="UTC") as page,
    ):
        live(sandbox, clock)
        page.clock.install(time=0)
        page.clock.pause_at(1)  # otherwise the shown lifetimes would decrease
        page.goto(sandbox.url)
        page.get_by_role("row", name="503").get_by_role("button").click()
        card = page.get_by_role("article", name="cryptofuse")
        card.get_by_role("button", name="Add a fault").click()
        card.get_by_role("combobox").first.select_option("fail")
        page.locator(":focus").blur()
        page.mouse.move(0, 0)
        PICTURE.parent.mkdir(exist_ok=True)
        PICTURE.write_bytes(settled(page))
    print(f"{PICTURE.name}: {PICTURE.stat().st_size / 1000:.0f} kB")
    return 0


if __name__ == "__main__":
    sys.exit(main())
