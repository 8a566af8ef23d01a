"""Changes the code in small ways, one at a time, and shows the changes that no test notices.

mutmut does the work. It expects packages in a folder src, so this script copies the project into .make/mutation with that
layout. A run continues where the last one was stopped.
"""

import argparse
import os
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
COPY = ROOT / ".make/mutation"

PACKAGES = {"overlay/paygrant": "src/paygrant", "generated/paygrant_clients": "src/paygrant_clients"}
"""Where the packages are, and where mutmut expects them."""

OTHERS = ("README.md", "pyproject.toml", "scripts", "specs", "tests")
"""What the tests need in addition to the packages."""


def lay_out() -> None:
    """Copy the project. The results of an earlier run stay."""
    COPY.mkdir(parents=True, exist_ok=True)
    for source, target in {**PACKAGES, **{name: name for name in OTHERS}}.items():
        if (ROOT / source).is_file():
            shutil.copy2(ROOT / source, COPY / target)
            continue
        shutil.rmtree(COPY / target, ignore_errors=True)
        shutil.copytree(
            ROOT / source, COPY / target, ignore=shutil.ignore_patterns("node_modules", "__pycache__", "results")
        )


def verdicts(results: str) -> dict[str, str]:
    """What happened to each mutant: "killed", "survived", "timeout", "no tests", "not checked", ..."""
    lines = (line.strip().rpartition(": ") for line in results.splitlines())
    return {mutant: verdict for mutant, separator, verdict in lines if separator}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run mutmut on the copy, and print the mutants that survived and the score.

    Returns:
        The exit status of mutmut.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.mutation", description=__doc__)
    parser.add_argument(
        "mutants", nargs="*", help="patterns such as 'paygrant._tokens.*'; by default all that [tool.mutmut] names"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default: 2)")
    options = parser.parse_args(arguments)
    lay_out()
    # Tests that start programs must find the changed packages, too. Python looks only once whether a folder exists.
    (COPY / "mutants/src").mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": str(COPY / "mutants/src")}
    mutmut = (sys.executable, "-m", "mutmut")
    run = subprocess.run(
        [*mutmut, "run", "--max-children", str(options.jobs), *options.mutants], cwd=COPY, env=environment, check=False
    )
    results = subprocess.run(
        [*mutmut, "results", "--all", "true"], cwd=COPY, env=environment, stdout=subprocess.PIPE, text=True, check=True
    )
    found = verdicts(results.stdout)
    for mutant, verdict in found.items():
        if verdict not in {"killed", "not checked"}:
            print(f"{mutant}: {verdict}")
    counts = Counter(found.values())
    print(", ".join(f"{count} {verdict}" for verdict, count in counts.most_common()))
    print("To see a change: cd .make/mutation && ../../.venv/bin/mutmut show NAME")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
