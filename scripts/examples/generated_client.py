"""A client out of openapi-python-client, with living tokens: its own knows only one that never changes.

    openapi-python-client generate --path payments_api.yaml --meta none
    python generated_client.py

The environment gives the credentials (RIPIO_RAMP_CLIENT_ID and so on) and API_URL, where the API is.
"""
# Until it is generated, the client has no types.
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
            token="",  # TokenAuth brings one for each request
            httpx_args={"auth": TokenAuth(source)},
        ) as client,
    ):
        print(get_resource.sync(client=client))


if __name__ == "__main__":
    main()
