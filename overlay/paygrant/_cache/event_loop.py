"""The running event loop, asyncio's or trio's, and a way to call a function in it from any thread."""

from collections.abc import Callable
from typing import Any, TypeAlias, cast

import anyio.lowlevel

CallSoon: TypeAlias = Callable[[Callable[[], object]], object]
"""Schedules a call in an event loop. Safe to use from any thread."""


def running_loop() -> object:
    """The event loop that runs in this thread: asyncio's loop or trio's token."""
    return anyio.lowlevel.current_token().native_token


def call_soon(loop: Any) -> CallSoon:
    """The function by which any thread can schedule a call in this event loop."""
    function: CallSoon = getattr(loop, "run_sync_soon", None) or loop.call_soon_threadsafe  # trio's or asyncio's
    return function


def call_later(loop: Any, seconds: float, function: Callable[[], object]) -> Callable[[], object] | None:
    """Schedule a call in this event loop, from its own thread.

    Returns:
        The function that cancels it. None for trio, whose loop schedules no calls: nothing was scheduled.
    """
    schedule = getattr(loop, "call_later", None)
    return None if schedule is None else cast("Callable[[], object]", schedule(seconds, function).cancel)
