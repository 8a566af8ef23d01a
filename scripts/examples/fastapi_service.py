"""A FastAPI service that calls a provider's API. It has one client and one token for as long as it runs.

    uvicorn fastapi_service:app

The environment holds the credentials (RIPPLE_CLIENT_ID and so on) and API_URL, the API's address.
"""

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from fastapi import FastAPI, HTTPException, Request

from paygrant import Ripple, TokenAuth, TokenError, TokenSource


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncGenerator[dict[str, Any]]:
    """Open the client at the start, and close it at the end. A missing variable stops the start."""
    with TokenSource(Ripple.from_env()) as source:
        async with httpx.AsyncClient(base_url=os.environ["API_URL"], auth=TokenAuth(source)) as api:
            yield {"api": api}


app = FastAPI(lifespan=lifespan)


@app.get("/payments")
async def payments(request: Request) -> Any:
    """Return what the API returns, or 502 if the API or a token is not available."""
    try:
        response = await request.state.api.get("/resource")
        return response.raise_for_status().json()
    except (TokenError, httpx.HTTPError) as error:
        raise HTTPException(502, "the payments API is out of reach") from error
