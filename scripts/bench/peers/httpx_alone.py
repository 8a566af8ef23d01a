"""httpx alone: a token request by hand. It keeps no end of life, and does nothing but start."""

import httpx

from scripts.bench.peers import Attach, Endpoint, Library, Peer


def _peer(endpoint: Endpoint) -> Peer:
    client = httpx.Client()
    headers: dict[str, str] = {}

    def attach() -> None:
        if not headers:
            form = {"grant_type": "client_credentials"}
            response = client.post(endpoint.token_url, data=form, auth=(endpoint.client_id, endpoint.client_secret))
            headers["Authorization"] = f"Bearer {response.raise_for_status().json()['access_token']}"

    def make() -> Attach:
        return attach

    return Peer(make, lambda: client.get(endpoint.api_url, headers=headers).status_code)


LIBRARY = Library(distribution="httpx", statement="import httpx", peer=_peer)
