"""Where a command writes: its result to standard output, all else to standard error.

rich is loaded by those who draw with it. It leaves colours out where nobody looks at them: not on a terminal, or
``NO_COLOR`` is set. A reader that has enough and goes away is no failure: the command ends as it would have ended.
"""

import os
import sys
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from io import TextIOWrapper
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from rich.console import Console

_PATIENCE = 1.0
"""Seconds. What takes longer says what it waits for."""

_WIDE = 1000
"""Columns. A pipe has no width to fit into: nothing is cut or wrapped there."""


def mend() -> None:
    """Put something in the place of streams that the caller closed (Python has None there).

    Nothing can be read, nobody reads the notes; but a result that goes nowhere is an error.
    """
    for name, mode, flags in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal speaks UTF-8


def result(text: str) -> None:
    """Write a result, with a line break, at once.

    Raises:
        OSError: It cannot be written. That a reader has gone raises nothing.
    """
    try:
        _write(text, sys.stdout)
    except BrokenPipeError:
        return
    except OSError as error:
        raise OSError(error.errno, error.strerror, "standard output") from None


def draw(*what: object) -> None:
    """Write a result that rich draws."""
    console = out()
    with console.capture() as drawn:
        console.print(*what)
    result("\n".join(line.rstrip() for line in drawn.get().splitlines()))


def note(text: str) -> None:
    """Write a line that is no result."""
    with suppress(OSError):  # a note that nobody can read ends no command
        _write(f"paygrant: {printable(text)}", sys.stderr)


def printable(text: str) -> str:
    """A text that moves no cursor and rings no bell, whoever wrote it."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)


def settle(stream: TextIO) -> None:
    """Let go of what cannot be written: the interpreter would try again, and fail, when it ends."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def _write(text: str, stream: TextIO) -> None:
    try:
        print(text, file=stream, flush=True)
    except OSError:
        settle(stream)
        raise


def words(error: OSError) -> str:
    """An operating system's error, with the file or folder that it is about."""
    return f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror or error)


def out() -> "Console":
    """To draw a result with."""
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDE, highlight=False)


def err() -> "Console":
    """To draw with what is no result."""
    from rich.console import Console

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
