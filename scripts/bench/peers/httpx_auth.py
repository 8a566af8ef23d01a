"""httpx-auth."""

from collections.abc import Callable
from pathlib import Path

import httpx
from httpx_auth import JsonTokenFileCache, OAuth2, OAuth2ClientCredentials

from scripts.bench.peers import AsyncAttach, Endpoint, Library, Peer
from scripts.bench.peers.by_hand import async_attach, sync_attach


def _auth(endpoint: Endpoint) -> httpx.Auth:
    client_id, client_secret = endpoint.client_id, endpoint.client_secret
    return OAuth2ClientCredentials(endpoint.token_url, client_id, client_secret, early_expiry=endpoint.leeway)


def _peer(endpoint: Endpoint) -> Peer:
    auth = _auth(endpoint)
    client = httpx.Client(auth=auth)
    return Peer(lambda: sync_attach(auth), lambda: client.get(endpoint.api_url).status_code)


def _async_peer(endpoint: Endpoint) -> Callable[[], AsyncAttach]:
    auth = _auth(endpoint)
    return lambda: async_attach(auth)


def _on_one_machine(folder: str, endpoint: Endpoint) -> Peer:
    OAuth2.token_cache = JsonTokenFileCache(Path(folder, "tokens.json"))
    return _peer(endpoint)


LIBRARY = Library(
    distribution="httpx-auth",
    statement="from httpx_auth import OAuth2ClientCredentials",
    peer=_peer,
    async_peer=_async_peer,
    on_one_machine=_on_one_machine,
    remark="processes share its JsonTokenFileCache",
)
