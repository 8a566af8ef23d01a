"""``make demo``: it can be read on a terminal of the usual width."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.mark.parametrize("columns", [80, 140])
def test_the_demo_breaks_no_word_on_a_terminal(columns: int) -> None:
    mine, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in {"COLUMNS", "LINES"}}
    with subprocess.Popen(
        [sys.executable, "-m", "scripts.demo"],
        cwd=ROOT,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm"},
    ) as process:
        os.close(theirs)
        written = b""
        try:
            while data := os.read(mine, 1 << 16):
                written += data
        except OSError:  # the other end is closed
            pass
    os.close(mine)
    shown = _CONTROL.sub("", written.decode()).splitlines()
    assert process.returncode == 0
    assert max(map(len, shown)) <= columns
    words = {*" ".join(shown).split()}
    assert words >= {"provider", "client", "credentials", "lifetime", "scope", "calls", "alternative_payments"}
    assert words >= {"username,", "client_id,", "client_secret", "payments:accept", "payments:read"}
