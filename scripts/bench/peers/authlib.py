"""Authlib's httpx clients."""

import warnings
from collections.abc import Callable
from typing import Any

from scripts.bench.peers import AsyncAttach, Attach, Endpoint, Library, Peer
from scripts.bench.peers.by_hand import async_attach, sync_attach

with warnings.catch_warnings(record=True):  # it warns that httpx2 is preferred
    from authlib.integrations.httpx_client import (  # type: ignore[import-untyped]
        AsyncOAuth2Client,
        OAuth2Client,
    )


def _options(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "client_id": endpoint.client_id,
        "client_secret": endpoint.client_secret,
        "token_endpoint": endpoint.token_url,
        "grant_type": "client_credentials",
        "token": {"access_token": "none", "token_type": "Bearer", "expires_at": 1},
        "leeway": endpoint.leeway,
    }


def _peer(endpoint: Endpoint) -> Peer:
    client: Any = OAuth2Client(**_options(endpoint))

    def make() -> Attach:
        put = sync_attach(client.token_auth)

        def attach() -> None:  # as the client's `request` does
            client.ensure_active_token(client.token)
            put()

        return attach

    return Peer(make, lambda: int(client.get(endpoint.api_url).status_code))


def _async_peer(endpoint: Endpoint) -> Callable[[], AsyncAttach]:
    client: Any = AsyncOAuth2Client(**_options(endpoint))

    def make() -> AsyncAttach:
        put = async_attach(client.token_auth)

        async def attach() -> None:
            await client.ensure_active_token(client.token)
            await put()

        return attach

    return make


LIBRARY = Library(
    distribution="Authlib",
    statement="from authlib.integrations.httpx_client import AsyncOAuth2Client, OAuth2Client",
    peer=_peer,
    async_peer=_async_peer,
    remark="starts with an expired token, because it does not request a first token by itself; uses httpx, as the others do",
)
