"""Where a command writes: its result to standard output, all else to standard error.

rich is loaded by those who draw with it. It leaves colours out where nobody looks at them: not on a terminal, or
``NO_COLOR`` is set.
"""

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.console import Console

_PATIENCE = 1.0
"""Seconds. What takes longer says what it waits for."""

_WIDE = 1000
"""Columns. A pipe has no width to fit into: nothing is cut or wrapped there."""


def result(text: str) -> None:
    """Write a result, with a line break, at once."""
    try:
        print(text, flush=True)  # noqa: T201 - the one place where results are written
    except OSError:
        # The interpreter writes what is left over when it ends. Nobody wants to hear of that a second time.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise


def draw(*what: object) -> None:
    """Write a result that rich draws."""
    console = out()
    with console.capture() as drawn:
        console.print(*what)
    result("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def note(text: str) -> None:
    """Write a line that is no result."""
    print(f"paygrant: {text}", file=sys.stderr, flush=True)  # noqa: T201 - the one place where notes are written


def out() -> "Console":
    """To draw a result with."""
    from rich.console import Console  # noqa: PLC0415 - loaded late: `paygrant token` draws nothing

    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def err() -> "Console":
    """To draw with what is no result."""
    from rich.console import Console  # noqa: PLC0415 - as above

    return Console(stderr=True, highlight=False)


@contextmanager
def waiting(what: str) -> Generator[None]:
    """Tell the person at the terminal what is awaited, if it takes long, and wipe that away afterwards."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()

    def show() -> None:
        if not done.wait(_PATIENCE):
            with err().status(what):
                done.wait()

    shower = threading.Thread(target=show, name="paygrant-progress", daemon=True)
    shower.start()
    try:
        yield
    finally:
        done.set()
        shower.join()
