"""A command that calls a provider's API. The user's cache folder keeps the token, so the next run asks for none.

    python command_line.py --field provider

The environment gives the credentials (ALTERNATIVE_PAYMENTS_CLIENT_ID and so on) and API_URL, where the API is.
"""

import argparse
import json
import os
import sys

import httpx

from paygrant import AlternativePayments, FileStore, PaygrantError, TokenAuth, TokenSource


def main() -> None:
    """Print what the API says; or, to standard error, why it says nothing."""
    parser = argparse.ArgumentParser(description="Ask the payments API.")
    parser.add_argument("--field", help="print just this field of the answer")
    field = parser.parse_args().field
    try:
        with (
            TokenSource(AlternativePayments.from_env(), store=FileStore()) as source,
            httpx.Client(base_url=os.environ["API_URL"], auth=TokenAuth(source)) as api,
        ):
            answer = api.get("/resource").raise_for_status().json()
    except (PaygrantError, httpx.HTTPError) as error:
        sys.exit(f"error: {error}")
    print(answer.get(field) if field else json.dumps(answer, indent=2))


if __name__ == "__main__":
    main()
