"""The widget in a web view: an address of yours that leads the signed-in user to the widget, opened for this user.

    uvicorn widget_page:app

The environment gives RIPIO_WIDGET_CLIENT_ID, RIPIO_WIDGET_CLIENT_SECRET and RIPIO_WIDGET_ENVIRONMENT.
"""

from typing import Annotated

from fastapi import Cookie, Depends, FastAPI, HTTPException
from fastapi.responses import RedirectResponse

from paygrant import RipioWidget, TokenError, TokenSource

app = FastAPI()
sessions: dict[str, dict[str, str]] = {}  # yours: who is signed in, each with external_ref and address

# The address holds the user's token: no cache keeps it, and no page learns it as its referrer.
ONLY_FOR_THE_USER = {"Cache-Control": "no-store", "Referrer-Policy": "no-referrer"}


def signed_in(session: Annotated[str, Cookie()] = "") -> dict[str, str]:
    """The user, from the session alone: what a query says could open the widget for somebody else."""
    if session not in sessions:
        raise HTTPException(401)
    return sessions[session]


@app.get("/widget")
async def widget(user: Annotated[dict[str, str], Depends(signed_in)]) -> RedirectResponse:
    """On to the widget. A user who comes back gets the token at hand, as long as it lives."""
    provider = RipioWidget.from_env(**user)
    try:
        with TokenSource(provider) as source:
            token = await source.aget()
    except TokenError as error:
        raise HTTPException(502, "the widget is out of reach") from error
    return RedirectResponse(provider.widget_url(token), 303, ONLY_FOR_THE_USER)
