"""requests_oauth2client."""

import math

import requests
from requests_oauth2client import OAuth2Client, OAuth2ClientCredentialsAuth

from scripts.bench.peers import Attach, Endpoint, Library, Peer


def _peer(endpoint: Endpoint) -> Peer:
    credentials = (endpoint.client_id, endpoint.client_secret)
    client = OAuth2Client(endpoint.token_url, credentials, testing=True)  # lets it talk to loopback
    auth = OAuth2ClientCredentialsAuth(client, leeway=math.ceil(endpoint.leeway))
    session = requests.Session()
    session.auth = auth

    def make() -> Attach:
        request = requests.Request("GET", "https://api.example/").prepare()

        def attach() -> None:
            auth(request)

        return attach

    return Peer(make, lambda: session.get(endpoint.api_url, timeout=60).status_code)


LIBRARY = Library(
    distribution="requests-oauth2client",
    statement="import requests; from requests_oauth2client import OAuth2Client, OAuth2ClientCredentialsAuth",
    peer=_peer,
    remark="its leeway is in whole seconds",
)
