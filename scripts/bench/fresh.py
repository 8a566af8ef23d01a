"""What a statement costs in a new interpreter, without click and trio.

This project's tools install these two. httpx and httpcore import them if they are there, and `import httpx` then takes half
as long again. A user's environment seldom has them.
"""

import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]

_CHILD = """
import sys
sys.modules.update(click=None, trio=None)
from time import perf_counter
started = perf_counter()
{statement}
took = perf_counter() - started
try:
    with open("/proc/self/status") as status:
        pages = [line.split()[1] for line in status if line.startswith("VmRSS")]
except OSError:
    pages = ["nan"]
print(took, *pages)
"""


@dataclass(frozen=True)
class Run:
    """One run: the seconds of the statement and of the whole process, and the MiB of resident memory afterwards (Linux only)."""

    statement: float
    process: float
    memory: float


def run(statement: str) -> Run:
    """Run a statement in a new interpreter."""
    started = time.perf_counter()
    command = [sys.executable, "-c", _CHILD.format(statement=statement)]
    # Users have the bytecode of installed packages. If Python may not write it, each run compiles our package again.
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60, env=surroundings)
    process = time.perf_counter() - started
    took, kibibytes = done.stdout.split()
    return Run(float(took), process, float(kibibytes) / 1024)
