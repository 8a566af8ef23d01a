"""Programs on a terminal of a chosen size."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path

ROWS = 24
"""The lines of a terminal."""

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def run_on_a_terminal(command: Sequence[str], columns: int = 80, folder: Path | None = None) -> tuple[int, str]:
    """Run a program on a terminal. Return its exit code, and what it wrote, with its colours."""
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, columns, 0, 0))
    variables = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES", "NO_COLOR"}}
    variables["TERM"] = "xterm"
    with subprocess.Popen(command, cwd=folder, env=variables, stdin=theirs, stdout=theirs, stderr=theirs) as process:
        os.close(theirs)
        written = b""
        try:
            while data := os.read(mine, 1 << 16):
                written += data
        except OSError:  # the other end is closed
            pass
    os.close(mine)
    return process.returncode, written.decode()


def lines_of(written: str) -> list[str]:
    """The lines that a person sees of what a program wrote."""
    return _CONTROL.sub("", written).replace("\r\n", "\n").splitlines()
