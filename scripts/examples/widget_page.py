"""The widget in a web view: an address that leads the signed-in user to the widget.

    uvicorn widget_page:app

The environment holds RIPIO_WIDGET_CLIENT_ID, RIPIO_WIDGET_CLIENT_SECRET and RIPIO_WIDGET_ENVIRONMENT.
"""

from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, HTTPException
from fastapi.responses import RedirectResponse

from paygrant import RipioWidget, TokenError, TokenSource

app = FastAPI()
sessions: dict[str, dict[str, str]] = {}  # your sessions, each with external_ref and address

# The address holds the user's token, so no cache and no referrer may keep it.
ONLY_FOR_THE_USER = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def signed_in(session: Annotated[str, Cookie()] = "") -> dict[str, str]:
    """Return the user of the session. A query could name somebody else."""
    if session not in sessions:
        raise HTTPException(401)
    return sessions[session]


@app.get("/widget")
async def widget(user: Annotated[dict[str, str], Depends(signed_in)]) -> RedirectResponse:
    """Redirect to the widget. A user who returns gets the same token while it is valid."""
    provider = RipioWidget.from_env(**user)
    try:
        with TokenSource(provider) as source:
            token = await source.aget()
    except TokenError as error:
        raise HTTPException(502, "the widget is out of reach") from error
    return RedirectResponse(provider.widget_url(token), 303, ONLY_FOR_THE_USER)
