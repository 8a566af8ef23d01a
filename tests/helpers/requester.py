"""Token requests one by one, without a source: no caller gives up before the request ends."""

from typing import Any

import httpx

from paygrant import ClientCredentials, RefreshPolicy, _clock
from paygrant._providers.base import registration_of
from paygrant._request.send import request_token


class Requester:
    """Requests tokens in the thread of the caller.

    Args:
        base_url: The address of the server.
        options: Arguments of the client. By default it has a secret.
    """

    def __init__(self, base_url: str, **options: Any) -> None:
        credentials = options or {"client_secret": "s"}
        self._registration = registration_of(
            ClientCredentials(client_id="c", token_url=f"{base_url}/token", **credentials)
        )

    def token(self, deadline: float = 10, transport: httpx.BaseTransport | None = None) -> str:
        """The token that one request brings within this many seconds."""
        grant = request_token(
            self._registration,
            self._registration.credentials(),
            "plain",
            policy=RefreshPolicy(),
            transport=transport,
            deadline=_clock.monotonic() + deadline,
        )
        return grant.token.access_token
