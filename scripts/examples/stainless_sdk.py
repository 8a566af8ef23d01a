"""An SDK that accepts an ``http_client``, as Stainless makes them. Here OpenAI's SDK calls an API of your own.

    python stainless_sdk.py

The environment holds the credentials (RIPPLE_CLIENT_ID and so on) and API_URL, the API's address. This SDK uses httpx2.
An SDK that uses httpx needs ``paygrant.TokenAuth``.
"""

import os

from openai import DefaultHttpxClient, OpenAI

from paygrant import Ripple, TokenSource
from paygrant.adapters.httpx2 import TokenAuth


def main() -> None:
    """List the API's models."""
    with (
        TokenSource(Ripple.from_env()) as source,
        OpenAI(
            base_url=os.environ["API_URL"],
            api_key="none",  # TokenAuth sets the token of each request
            http_client=DefaultHttpxClient(auth=TokenAuth(source)),
        ) as client,
    ):
        for model in client.models.list():
            print(model.id)


if __name__ == "__main__":
    main()
