"""An SDK that takes an ``http_client``, as those made by Stainless do: OpenAI's, here, in front of an API of your own.

    python stainless_sdk.py

The environment gives the credentials (RIPPLE_CLIENT_ID and so on) and API_URL, where the API is. This SDK is built on
httpx2; one that is still built on httpx takes ``paygrant.TokenAuth``.
"""

import os

from openai import DefaultHttpxClient, OpenAI

from paygrant import Ripple, TokenSource
from paygrant.adapters.httpx2 import TokenAuth


def main() -> None:
    """List the models that the API has."""
    with (
        TokenSource(Ripple.from_env()) as source,
        OpenAI(
            base_url=os.environ["API_URL"],
            api_key="none",  # TokenAuth brings a token for each request
            http_client=DefaultHttpxClient(auth=TokenAuth(source)),
        ) as client,
    ):
        for model in client.models.list():
            print(model.id)


if __name__ == "__main__":
    main()
