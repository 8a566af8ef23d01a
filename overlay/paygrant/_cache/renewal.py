"""One renewal under way, and everybody who waits for it: threads, and the tasks of any number of event loops.

The renewal itself runs on a thread of its own. So whoever waits can be cancelled without harm, and a thread that
blocks its own event loop still gets its token.
"""

import copy
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, cast

import anyio
import anyio.lowlevel

from paygrant._errors import PaygrantError
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    from collections.abc import Callable


class Flight:
    """A token on its way."""

    def __init__(self) -> None:
        self._guard = threading.Lock()
        self._outcome: Token | PaygrantError | None = None
        self._landed = threading.Event()
        self._loops: dict[object, tuple[Callable[[Callable[[], object]], object], anyio.Event]] = {}

    def land(self, outcome: Token | PaygrantError) -> None:
        """Hand the outcome to all who wait. Waits for none of them: a stopped loop holds nobody up."""
        with self._guard:
            self._outcome = outcome
            self._landed.set()
        for call_soon, event in self._loops.values():
            with suppress(Exception):  # the loop is closed, and no loop is to hold up another
                call_soon(event.set)

    def wait(self) -> Token:
        """Block this thread until the token is there.

        Raises:
            PaygrantError: There will be none.
        """
        self._landed.wait()
        return self._result()

    async def wait_async(self) -> Token:
        """Suspend this task until the token is there; of one event loop all wait for the same event.

        Raises:
            PaygrantError: There will be none.
        """
        with self._guard:
            event = None if self._landed.is_set() else self._event()
        if event:
            await event.wait()
        return self._result()

    def _event(self) -> "anyio.Event":
        """The event of the running loop, asyncio's or trio's."""
        loop = anyio.lowlevel.current_token().native_token
        if loop not in self._loops:
            call_soon = getattr(loop, "run_sync_soon", None) or getattr(loop, "call_soon_threadsafe")  # noqa: B009
            self._loops[loop] = (call_soon, anyio.Event())
        return self._loops[loop][1]

    def _result(self) -> Token:
        """The token; or the error, a copy for each, since a shared one would collect everybody's traceback."""
        if isinstance(self._outcome, Token):
            return self._outcome
        raise copy.copy(cast("PaygrantError", self._outcome))
