"""A FastAPI service that calls a provider's API: one client, and one token, for as long as the service runs.

    uvicorn fastapi_service:app

The environment gives the credentials (RIPPLE_CLIENT_ID and so on) and API_URL, where the API is.
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
    """Open the client when the service starts, close it when it ends. A missing variable ends the start."""
    with TokenSource(Ripple.from_env()) as source:
        async with httpx.AsyncClient(base_url=os.environ["API_URL"], auth=TokenAuth(source)) as api:
            yield {"api": api}


app = FastAPI(lifespan=lifespan)


@app.get("/payments")
async def payments(request: Request) -> Any:
    """What the API says; 502 while it, or a token for it, cannot be had."""
    try:
        answer = await request.state.api.get("/resource")
        return answer.raise_for_status().json()
    except (TokenError, httpx.HTTPError) as error:
        raise HTTPException(502, "the payments API is out of reach") from error
