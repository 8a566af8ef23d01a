"""google-auth. It has no client credentials grant, so a subclass of its Credentials sends the token request."""

# mypy: disable-error-code="no-untyped-call"
# It claims to be typed, but most of it is not.

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlencode

from google.auth.credentials import Credentials
from google.auth.exceptions import RefreshError
from google.auth.transport.requests import AuthorizedSession, Request

from scripts.bench.peers import Attach, Endpoint, Library, Peer


class ClientCredentials(Credentials):
    """The part that google-auth leaves to a subclass: how to get a token."""

    def __init__(self, url: str, fields: Mapping[str, str]) -> None:
        super().__init__()
        self._url = url
        self._body = urlencode(fields).encode()
        self.with_non_blocking_refresh()

    def refresh(self, request: Any) -> None:
        """Get a token."""
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        response = request(self._url, method="POST", headers=headers, body=self._body)
        if response.status != 200:  # noqa: PLR2004 - OK
            raise RefreshError(f"status {response.status}")
        document = json.loads(response.data)
        self.token = document["access_token"]
        self.expiry = datetime.now(UTC).replace(tzinfo=None) + timedelta(seconds=document["expires_in"])


def _peer(endpoint: Endpoint) -> Peer:
    client = {"client_id": endpoint.client_id, "client_secret": endpoint.client_secret}
    credentials: Any = ClientCredentials(endpoint.token_url, {"grant_type": "client_credentials", **client})
    session = AuthorizedSession(credentials)

    def make() -> Attach:
        request, headers = Request(), dict[str, str]()
        return lambda: credentials.before_request(request, "GET", endpoint.api_url, headers)

    return Peer(make, lambda: int(session.get(endpoint.api_url).status_code))


LIBRARY = Library(
    distribution="google-auth",
    statement="from google.auth.credentials import Credentials; "
    "from google.auth.transport.requests import AuthorizedSession",
    peer=_peer,
    remark="has no client credentials grant: a subclass of its Credentials sends the request; non-blocking refresh is "
    "on; it renews 225 s before a token's end, which cannot be changed",
)
