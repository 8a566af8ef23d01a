"""Shows the main job: tokens from all five providers over real sockets, sync and async, and API calls with them.

The sandbox stands in for the providers. Each row shows one client: it requests its own token and makes calls with it.
Failures are printed below the table, and the exit status is then 1.
"""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from uuid import uuid4

import httpx
from rich.console import Console
from rich.table import Table

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    MemoryStore,
    PaygrantError,
    RipioRamp,
    RipioWidget,
    Ripple,
    Token,
    TokenAuth,
    TokenSource,
)
from paygrant._providers.base import registration_of
from paygrant.sandbox import Sandbox

CALLS = 3
"""The number of API calls with each token."""

WIDTH = 140
"""Columns, if the output is not a terminal."""

WIDE = 125
"""Columns that a table with everything needs."""

HEADINGS = ("provider", "environment", "client", "credentials", "lifetime", "scope", "token requests", "API calls")

Provider = RipioRamp | RipioWidget | Ripple | AlternativePayments | Cryptofuse


def providers(sandbox: Sandbox) -> Iterator[Provider]:
    """The five providers, at the sandbox."""
    client_id, client_secret, at = sandbox.client_id, sandbox.client_secret, sandbox.base_url
    yield RipioRamp(client_id=client_id, client_secret=client_secret, environment="sandbox", base_url=at("ripio_ramp"))
    yield RipioWidget(
        client_id=client_id,
        client_secret=client_secret,
        environment="sandbox",
        base_url=at("ripio_widget"),
        external_ref=uuid4(),
        address="0x05946b0d5E413e45069BeC923004F9A3c8F70C2C",
    )
    yield Ripple(
        client_id=client_id,
        client_secret=client_secret,
        environment="test",
        base_url=at("ripple"),
        tenant_id="acme",
    )
    yield AlternativePayments(
        client_id=client_id, client_secret=client_secret, environment="demo", base_url=at("alternative_payments")
    )
    yield Cryptofuse(client_id=client_id, client_secret=client_secret, base_url=at("cryptofuse"))


def work(provider: Provider) -> Token:
    """Fetch a token and call the API with it, synchronously."""
    with (
        TokenSource(provider, store=MemoryStore()) as source,
        httpx.Client(auth=TokenAuth(source), base_url=registration_of(provider).effective_base_url) as api,
    ):
        token = source.get()
        for _ in range(CALLS):
            api.get("/resource").raise_for_status()
        return token


async def work_async(provider: Provider) -> Token:
    """The same on an event loop."""
    with TokenSource(provider, store=MemoryStore()) as source:
        async with httpx.AsyncClient(
            auth=TokenAuth(source), base_url=registration_of(provider).effective_base_url
        ) as api:
            token = await source.aget()
            for _ in range(CALLS):
                (await api.get("/resource")).raise_for_status()
            return token


WORK: dict[str, Callable[[Provider], Token]] = {
    "sync": work,
    "async": lambda provider: asyncio.run(work_async(provider)),
}


def row(sandbox: Sandbox, provider: Provider, client: str) -> tuple[list[str], str | None]:
    """A row of the table, and what went wrong; None if nothing did."""
    registration = registration_of(provider)
    name, client_auth = registration.name, registration.client_auth
    # The widget has no field for the id alone: it is in the parameter that the caller gives.
    fields = (
        f"{client_auth.client_id or next(each.name for each in registration.endpoint.parameters if each.argument)}, {client_auth.client_secret}"
        if client_auth.client_secret
        else ""
    )
    cells = [name, registration_of(provider).environment or "-", client, f"body: {fields}" if fields else "HTTP Basic"]
    requests, calls = sandbox.token_requests(name), sandbox.api_calls(name)
    try:
        token = WORK[client](provider)
    except (PaygrantError, httpx.HTTPError) as error:
        return cells, f"{name}, {client}: {error}"
    requests, calls = sandbox.token_requests(name) - requests, sandbox.api_calls(name) - calls
    lifetime = (token.expires_at - datetime.now(UTC)).total_seconds() if token.expires_at else 0
    cells += [f"{lifetime:,.0f} s", " ".join(token.scope) or "-", str(requests), str(calls)]
    if lifetime <= 0 or (requests, calls) != (1, CALLS):
        return cells, f"{name}, {client}: expected a lifetime, 1 token request and {CALLS} API calls"
    return cells, None


def table(rows: list[tuple[list[str], str | None]], *, narrow: bool) -> Table:
    """The rows as a table. A narrow one fits into 80 columns: it has no environments and no lines."""
    title = "Tokens from the sandbox, and API calls with them"
    found = Table(title=title, box=None, padding=(0, 1, 0, 0), pad_edge=False) if narrow else Table(title=title)
    for heading in HEADINGS:
        if not (narrow and heading == "environment"):
            short = {"token requests": "tokens", "API calls": "calls"}.get(heading) if narrow else None
            found.add_column(
                short or heading,
                justify="right" if heading in HEADINGS[-2:] else "left",
                no_wrap=heading == "provider",
                max_width=13 if narrow and heading == "credentials" else None,
                overflow="fold",
            )
    for cells, style in rows:
        shown = [
            cell for heading, cell in zip(HEADINGS, cells, strict=False) if not (narrow and heading == "environment")
        ]
        found.add_row(*shown, style=style)
    return found


def main() -> int:
    """Print the table, and below it the failures."""
    os.environ["no_proxy"] = "127.0.0.1"  # the sandbox is never behind a proxy
    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    rows: list[tuple[list[str], str | None]] = []
    problems: list[str] = []
    with Sandbox() as sandbox:
        for provider in providers(sandbox):
            for client in WORK:
                cells, problem = row(sandbox, provider, client)
                rows.append((cells, "red" if problem else None))
                problems += [problem] if problem else []
    console.print(table(rows, narrow=console.width < WIDE))
    for problem in problems:
        console.print(problem, style="red", markup=False)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
