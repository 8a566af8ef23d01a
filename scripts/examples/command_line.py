"""A command that calls a provider's API. The user's cache folder keeps the token for the next run.

    python command_line.py --field provider

The environment holds the credentials (ALTERNATIVE_PAYMENTS_CLIENT_ID and so on) and API_URL, the API's address.
"""

import argparse
import json
import os
import sys

import httpx

from paygrant import AlternativePayments, FileStore, PaygrantError, TokenAuth, TokenSource


def main() -> None:
    """Print what the API returns. Write to standard error why a call failed."""
    parser = argparse.ArgumentParser(description="Call the payments API.")
    parser.add_argument("--field", help="print only this field of the response")
    field = parser.parse_args().field
    try:
        with (
            TokenSource(AlternativePayments.from_env(), store=FileStore()) as source,
            httpx.Client(base_url=os.environ["API_URL"], auth=TokenAuth(source)) as api,
        ):
            response = api.get("/resource").raise_for_status().json()
    except (PaygrantError, httpx.HTTPError) as error:
        sys.exit(f"error: {error}")
    print(response.get(field) if field else json.dumps(response, indent=2))


if __name__ == "__main__":
    main()
