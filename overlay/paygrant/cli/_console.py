"""Where a command writes: its result to standard output, everything else to standard error.

Under ``--json`` each line on standard error is a JSON object too. A reader that goes away early is not a failure: the
command ends as it would have ended.
"""

import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from io import TextIOWrapper
from typing import Any, TextIO

from paygrant._text import os_error_words

_PATIENCE = 1.0
"""Seconds. A wait that takes longer is shown at the terminal, and its time is updated as often."""

_GAP = "  "
"""Between the columns of a table."""


class _Lines:
    """Standard error, line by line.

    Attributes:
        as_json: Whether each line is a JSON object.
        progress: What the last line shows about a wait; empty if nothing is shown.
        lock: Held while a line is written, as a note may come from another thread.
    """

    def __init__(self) -> None:
        self.as_json = False
        self.progress = ""
        self.lock = threading.Lock()

    def wipe(self) -> None:
        """Remove the progress from the last line. Blanks do that on every terminal."""
        if self.progress:
            sys.stderr.write(f"\r{' ' * len(self.progress)}\r")
            self.progress = ""


_lines = _Lines()


def begin(*, as_json: bool) -> None:
    """Prepare the streams for a command.

    A stream that the caller closed (None in Python) is replaced: reading finds nothing, notes go nowhere, and writing
    a result is an error.

    Args:
        as_json: Whether lines on standard error are JSON objects.
    """
    _lines.as_json = as_json
    for name, mode, flags in (("stdin", "r", os.O_RDONLY), ("stdout", "w", os.O_RDONLY), ("stderr", "w", os.O_WRONLY)):
        if getattr(sys, name) is None:
            setattr(sys, name, os.fdopen(os.open(os.devnull, flags), mode))
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # not every terminal can show UTF-8


def result(text: str) -> None:
    """Write a result and a line break at once.

    Raises:
        OSError: It cannot be written. A reader that has gone away is not an error.
    """
    _deliver(partial(print, text, flush=True))


def draw(text: str) -> None:
    """Write a result that has colours. They appear only on a terminal, and not if ``NO_COLOR`` is set.

    Raises:
        OSError: As for ``result``.
    """
    import click

    wanted = sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
    _deliver(partial(click.echo, text, color=wanted))


def table(rows: Iterable[Sequence[str]], indent: str = "") -> str:
    """Rows as aligned columns. Nothing is cut or wrapped."""
    cells = list(rows)
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    lines = (_GAP.join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in cells)
    return "\n".join(f"{indent}{line}".rstrip() for line in lines)


def wrapped(text: str, indent: int) -> str:
    """A text that continues at this column on a terminal. In a pipe, which has no width, nothing is wrapped."""
    if not sys.stdout.isatty():
        return text
    from textwrap import wrap

    width = max(shutil.get_terminal_size().columns - indent, 1)
    return f"\n{' ' * indent}".join(wrap(text, width, break_on_hyphens=False))


def note(text: str) -> None:
    """Write a line that is not a result. Under ``--json`` it is ``{"note": "..."}``."""
    _say(json.dumps({"note": text}) if _lines.as_json else f"paygrant: {printable(text)}")


def failure(message: str, hints: Sequence[str], facts: Mapping[str, Any]) -> None:
    """Write why a command failed: a line for the message and for each hint.

    Under ``--json`` it is one line, ``{"error": {"message": "...", "hints": [...], ...}}`` with all facts.
    """
    if _lines.as_json:
        _say(json.dumps({"error": {"message": message, "hints": list(hints), **facts}}))
        return
    for each in (message, *hints):
        note(each)


def printable(text: str) -> str:
    """A text that cannot move the cursor or ring the bell."""
    return "".join(each if each.isprintable() or each == "\n" else "?" for each in text)


def settle(stream: TextIO) -> None:
    """Drop what cannot be written. Otherwise the interpreter tries again when it ends, and fails."""
    try:
        stream.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def words(error: OSError) -> str:
    """What an error of the operating system means, and its file or folder."""
    said = os_error_words(error)
    return f"{said}: {error.filename}" if error.filename else said


@contextmanager
def waiting(what: str) -> Generator[None]:
    """Show a person at the terminal what a long wait is for and how long it has taken, and wipe that afterwards."""
    if not sys.stderr.isatty():
        yield
        return
    done = threading.Event()
    shower = threading.Thread(target=_show, args=(what, done), name="paygrant-progress", daemon=True)
    shower.start()
    try:
        yield
    finally:
        done.set()
        shower.join()


def _show(what: str, done: threading.Event) -> None:
    """Keep the last line of standard error up to date until the wait is over."""
    ticks = 0
    with suppress(OSError):
        while not done.wait(_PATIENCE):
            ticks += 1
            with _lines.lock:
                _lines.wipe()
                text = printable(f"{what} {ticks * _PATIENCE:.0f} s")
                _lines.progress = text[: shutil.get_terminal_size().columns - 1]  # wiping works on one line only
                sys.stderr.write(_lines.progress)
                sys.stderr.flush()
        with _lines.lock:
            _lines.wipe()
            sys.stderr.flush()


def _deliver(write: Callable[[], None]) -> None:
    """Write a result, and name standard output if that fails."""
    try:
        write()
    except OSError as error:
        settle(sys.stdout)
        if not isinstance(error, BrokenPipeError):
            raise OSError(error.errno, error.strerror, "standard output") from None


def _say(line: str) -> None:
    try:
        with _lines.lock:
            _lines.wipe()
            print(line, file=sys.stderr, flush=True)  # noqa: T201 - notes are for the person at the terminal
    except OSError:  # a note that nobody can read does not end a command
        settle(sys.stderr)
