"""Uses an httpx.Auth as httpx's clients do, but sends nothing."""

import httpx

from scripts.bench.peers import AsyncAttach, Attach


def sync_attach(auth: httpx.Auth) -> Attach:
    """Return a function that lets `auth` put its token on a request of a blocking client."""
    request = httpx.Request("GET", "https://api.example/")
    response = httpx.Response(200, request=request)

    def attach() -> None:
        flow = auth.sync_auth_flow(request)
        next(flow)
        try:
            flow.send(response)
        except StopIteration:
            return

    return attach


def async_attach(auth: httpx.Auth) -> AsyncAttach:
    """Return a function that lets `auth` put its token on a request of an async client."""
    request = httpx.Request("GET", "https://api.example/")
    response = httpx.Response(200, request=request)

    async def attach() -> None:
        flow = auth.async_auth_flow(request)
        await anext(flow)
        try:
            await flow.asend(response)
        except StopAsyncIteration:
            return

    return attach
