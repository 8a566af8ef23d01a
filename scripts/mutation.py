"""Changes the code in small ways, one at a time, and shows the changes that no test notices.

mutmut makes the changes. It expects packages in a folder src, so this script copies the project into .make/mutation with that
layout. ``mutation_run`` tries the changes there. A run continues where the last one was stopped.
"""

import argparse
import ast
import os
import shutil
import subprocess
import sys
import textwrap
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
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
    """What happened to each change: "killed", "survived", "timeout", "no tests", "not checked", ..."""
    lines = (line.strip().rpartition(": ") for line in results.splitlines())
    return {mutant: verdict for mutant, separator, verdict in lines if separator}


def table(found: Mapping[str, str]) -> str:
    """The number of changes with each verdict, by package, as a table in Markdown."""
    counts: dict[str, Counter[str]] = defaultdict(Counter)
    for mutant, verdict in found.items():
        counts[mutant.split(".")[1]][verdict] += 1
        counts["all"][verdict] += 1
    columns = ["killed", "survived", "timeout", "no tests", "not checked"]
    columns += sorted({*counts["all"]} - {*columns})
    rows = [["package", *columns], ["---"] * (len(columns) + 1)]
    for package in (*sorted({*counts} - {"all"}), "all"):
        name = package if package == "all" else f"`{package}`"
        rows.append([name, *(f"{counts[package][column]:,}" for column in columns)])
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def changed_lines(original: Sequence[str], changed: Sequence[str]) -> range:
    """The lines of the statement that a change concerns, counted from 0. All lines, if it concerns the head of the function."""
    shorter = min(len(original), len(changed))
    first = next((each for each in range(shorter) if original[each] != changed[each]), shorter - 1)
    best = range(len(original))
    (function,) = ast.parse(textwrap.dedent("\n".join(original))).body
    for node in ast.walk(function):
        if isinstance(node, ast.stmt | ast.ExceptHandler) and node is not function:
            body = getattr(node, "body", None)
            end = max(node.lineno, body[0].lineno - 1) if body else node.end_lineno or node.lineno
            lines = range(node.lineno - 1, end)
            if first in lines and len(lines) < len(best):
                best = lines
    return best


def main(arguments: Sequence[str] | None = None) -> int:
    """Try the changes, and print those that no test noticed, and a table of the results.

    Returns:
        The exit status: 0 if the run was complete.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.mutation", description=__doc__)
    parser.add_argument(
        "mutants", nargs="*", help="patterns such as 'paygrant._tokens.*'; by default all that [tool.mutmut] names"
    )
    parser.add_argument("--jobs", type=int, default=2, help="processes at a time (default: 2)")
    parser.add_argument(
        "--seconds", type=float, default=4.0, help="the tests of a change take at most about this long (default: 4)"
    )
    parser.add_argument("--again", action="store_true", help="try the changes again that no test noticed")
    options = parser.parse_args(arguments)
    lay_out()
    # Tests that start programs must find the changed packages, too. Python looks only once whether a folder exists.
    (COPY / "mutants/src").mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "PYTHONPATH": f"{COPY / 'mutants/src'}{os.pathsep}{COPY}"}
    limits = ("--jobs", str(options.jobs), "--seconds", str(options.seconds), *(["--again"] if options.again else []))
    run = subprocess.run(
        [sys.executable, "-m", "scripts.mutation_run", *limits, *options.mutants],
        cwd=COPY,
        env=environment,
        check=False,
    )
    results = subprocess.run(
        [sys.executable, "-m", "mutmut", "results", "--all", "true"],
        cwd=COPY,
        env=environment,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    found = verdicts(results.stdout)
    for mutant, verdict in found.items():
        if verdict not in {"killed", "not checked"}:
            print(f"{mutant}: {verdict}")
    print(table(found))
    print("To see a change: cd .make/mutation && ../../.venv/bin/mutmut show NAME")
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
