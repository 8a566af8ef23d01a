"""paygrant, with its defaults."""

from collections.abc import Callable
from typing import TYPE_CHECKING

import httpx

from paygrant import Cryptofuse, MemoryStore, TokenAuth, TokenSource
from scripts.bench.peers import AsyncAttach, Endpoint, Library, Peer
from scripts.bench.peers.by_hand import async_attach, sync_attach

if TYPE_CHECKING:
    from paygrant import Store


def _auth(endpoint: Endpoint, store: "Store | None" = None) -> TokenAuth:
    client_id, client_secret = endpoint.client_id, endpoint.client_secret
    provider = Cryptofuse(client_id=client_id, client_secret=client_secret, base_url=endpoint.base_url)
    return TokenAuth(TokenSource(provider, store=store or MemoryStore()))


def _peer(endpoint: Endpoint, store: "Store | None" = None) -> Peer:
    auth = _auth(endpoint, store)
    client = httpx.Client(auth=auth)
    return Peer(lambda: sync_attach(auth), lambda: client.get(endpoint.api_url).status_code)


def _async_peer(endpoint: Endpoint) -> Callable[[], AsyncAttach]:
    auth = _auth(endpoint)
    return lambda: async_attach(auth)


def _on_one_machine(folder: str, endpoint: Endpoint) -> Peer:
    from paygrant import FileStore  # the benchmark of the first token uses none

    return _peer(endpoint, FileStore(folder))


def _over_redis(url: str, endpoint: Endpoint) -> Peer:
    from paygrant import RedisStore

    return _peer(endpoint, RedisStore(url))


LIBRARY = Library(
    distribution="paygrant",
    statement="import httpx; from paygrant import Cryptofuse, TokenAuth, TokenSource",
    peer=_peer,
    async_peer=_async_peer,
    on_one_machine=_on_one_machine,
    over_redis=_over_redis,
)
