"""A client from openapi-python-client, with tokens that are renewed. Without paygrant it uses one fixed token.

    openapi-python-client generate --path payments_api.yaml --meta none
    python generated_client.py

The environment holds the credentials (RIPIO_RAMP_CLIENT_ID and so on) and API_URL, the API's address.
"""
# The client has no types until it is generated.
# mypy: disable-error-code="import-not-found"
# pyright: basic, reportMissingImports=false

import os

from payments_api_client import AuthenticatedClient
from payments_api_client.api.payments import get_resource

from paygrant import RipioRamp, TokenAuth, TokenSource


def main() -> None:
    """Call the API's one operation."""
    with (
        TokenSource(RipioRamp.from_env()) as source,
        AuthenticatedClient(
            base_url=os.environ["API_URL"],
            token="",  # TokenAuth sets the token of each request
            httpx_args={"auth": TokenAuth(source)},
        ) as client,
    ):
        print(get_resource.sync(client=client))


if __name__ == "__main__":
    main()
