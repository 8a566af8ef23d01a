"""What a statement costs a fresh interpreter, one without click and trio.

This project's tools brought these two along, and httpx and httpcore import them wherever they find them. A user's
environment seldom has them, and `import httpx` would look half as expensive again as it is.
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
    """One run: seconds for the statement, seconds for the whole process, MiB resident afterwards (on Linux)."""

    statement: float
    process: float
    memory: float


def run(statement: str) -> Run:
    """Run a statement in an interpreter of its own."""
    started = time.perf_counter()
    command = [sys.executable, "-c", _CHILD.format(statement=statement)]
    # Users have bytecode of what they installed; without leave to write it, each run would compile ours again.
    surroundings = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True, timeout=60, env=surroundings)
    answer = done.stdout
    process = time.perf_counter() - started
    took, kibibytes = answer.split()
    return Run(float(took), process, float(kibibytes) / 1024)
