"""Runs all benchmarks, shows the results on the terminal, and writes them to files."""

import argparse
import itertools
import logging
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from scripts.bench import picture, report
from scripts.bench.costs import Cost, costs
from scripts.bench.keys import keys
from scripts.bench.lab import laboratory
from scripts.bench.many import Comparison, many
from scripts.bench.scenarios import SCENARIOS, Round

RESULTS = Path(__file__).with_name("results")

WIDTH = 160
"""Columns, if the output is not a terminal."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the benchmarks, on loopback only. A full run takes about ten minutes.

    Returns:
        The exit status: always 0. A figure that misses its target is shown as missed; it is not an error.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.bench", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few rounds, in about a minute; writes no files")
    quick: bool = parser.parse_args(arguments).quick
    logging.getLogger().addHandler(logging.NullHandler())  # failed calls are counted, not logged

    console = Console()
    if not console.is_terminal:
        console.width = WIDTH
    with console.status("") as status:
        found: list[Cost] = []
        for cost in itertools.chain(costs(quick=quick), keys(quick=quick)):
            status.update(cost.title)
            found.append(cost)
        comparisons: list[Comparison] = []
        for each in many(quick=quick):
            status.update(each.title)
            if isinstance(each, Comparison):
                comparisons.append(each)
            else:
                found.append(each)
        rounds: dict[str, list[Round]] = {key: [] for key in SCENARIOS}
        with laboratory() as lab:
            for key, scenario in SCENARIOS.items():
                count = scenario.rounds[quick]
                for number in range(count):
                    status.update(f"{scenario.title}: round {number + 1} of {count}")
                    rounds[key].append(scenario.run(lab))
    results = report.Results.of(found, comparisons, rounds)
    report.show(console, results)
    if not quick:
        report.write(RESULTS, results)
        picture.draw(RESULTS / "benchmarks.svg", results)
        console.print(f"written to {RESULTS}", markup=False, highlight=False)
    return 0
