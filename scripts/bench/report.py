"""The results: as tables on the terminal and in Markdown, and as JSON."""

import json
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pyperf  # type: ignore[import-untyped]
from rich.console import Console
from rich.table import Table

from scripts.bench.costs import Cost
from scripts.bench.many import Comparison
from scripts.bench.peers import NAMES, library
from scripts.bench.scenarios import SCENARIOS, Figure, Round

_MACHINE = {
    "CPU": "cpu_model_name",
    "cores": "cpu_count",
    "system": "platform",
    "Python": "python_version",
    "load": "load_avg_1min",
}
"""What a reader must know about the machine, and pyperf's names for it."""


@dataclass(frozen=True)
class Results:
    """The results of a run."""

    date: str
    machine: Mapping[str, object]
    versions: Mapping[str, str]
    costs: Sequence[Cost]
    comparisons: Sequence[Comparison]
    rounds: Mapping[str, Sequence[Round]]

    @classmethod
    def of(
        cls, costs: Sequence[Cost], comparisons: Sequence[Comparison], rounds: Mapping[str, Sequence[Round]]
    ) -> "Results":
        """The results of this machine, now."""
        run: Any = pyperf.Run((1.0,))
        metadata = run.get_metadata()
        machine = {name: metadata.get(key, "unknown") for name, key in _MACHINE.items()}
        distributions = ["httpx", "requests", *(library(name).distribution for name in NAMES)]
        date = datetime.now(UTC).isoformat(timespec="minutes")
        return cls(date, machine, {name: version(name) for name in distributions}, costs, comparisons, rounds)

    def versions_of_libraries(self) -> list[str]:
        """The compared libraries with their versions."""
        return [f"{each} {self.versions[each]}" for each in (library(name).distribution for name in NAMES)]

    def median(self, scenario: str, figure: str, name: str) -> float | None:
        """The median of a library's figure; None if the situation does not apply to the library."""
        values = [each[name][figure] for each in self.rounds[scenario] if figure in each.get(name, {})]
        return statistics.median(values) if values else None


def spell(value: float | None, figure: Figure) -> str:
    """A value as a text, with its unit."""
    if value is None:
        return "-"
    return f"{value:,.{figure.decimals}f} {figure.unit}".rstrip()


def show(console: Console, results: Results) -> None:
    """Print the tables."""
    for title, (heading, *rows) in _tables(results):
        table = Table(heading[0], title=title, title_justify="left")
        for name in heading[1:]:
            table.add_column(name, justify="right")
        for row in rows:
            table.add_row(*row, style=None if any(row[1:]) else "bold")
        console.print(table)
    for note in _notes(results):
        console.print(note, markup=False, highlight=False)


def write(folder: Path, results: Results) -> None:
    """Write the tables as Markdown, and all rounds as JSON."""
    lines = ["# Benchmarks", "", "![The same as bars](benchmarks.svg)"]
    for title, (heading, *rows) in _tables(results):
        lines += ["", f"## {title}", "", _line(heading), _line(["---", *["---:"] * (len(heading) - 1)])]
        lines += [_line(row if any(row[1:]) else [f"**{row[0]}**", *row[1:]]) for row in rows]
    lines += ["", "## Notes", "", *(f"- {note}" for note in _notes(results))]
    folder.mkdir(exist_ok=True)
    (folder / "benchmarks.md").write_text("\n".join([*lines, ""]), encoding="utf-8")
    (folder / "benchmarks.json").write_text(json.dumps(_document(results), ensure_ascii=False) + "\n", encoding="utf-8")


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _tables(results: Results) -> Iterator[tuple[str, Sequence[Sequence[str]]]]:
    """The title and the rows of each table, the heading first. A row with only a first cell is the heading of a group."""
    rows = [["", "median", "quartiles", "target", "verdict"]]
    for cost in results.costs:
        low, median, high, target = (_cost(value, cost.unit) for value in (*cost.quartiles, cost.target))
        rows.append([cost.title, median, f"{low} - {high}", target, cost.verdict])
    yield "What paygrant costs", rows

    rows = [["", "median"]]
    for each in results.comparisons:
        rows.append([f"{each.title}: {each.what}", ""])
        rows += [[name, spell(value, each.figure)] for name, value in each.values.items()]
    yield "Many tokens, and the first one; less is better", rows

    rows = [["", *results.versions_of_libraries()]]
    for key, scenario in SCENARIOS.items():
        if any(results.rounds[key]):
            rows.append([scenario.title, *[""] * len(NAMES)])
            for name, figure in scenario.figures.items():
                rows.append([figure.title, *(spell(results.median(key, name, each), figure) for each in NAMES)])
    yield "paygrant and its peers, medians; less is better", rows


def _cost(value: float | None, unit: str) -> str:
    """A figure of `costs`: a ratio, seconds, kilobytes, or a number."""
    if value is None:
        return "-"
    spelled = {"times": f"{value:.2f} x", "s": f"{1000 * value:.1f} ms", "KB": f"{value:.2f} KB"}
    return spelled.get(unit, f"{value:,.0f}")


def _notes(results: Results) -> Iterator[str]:
    """What a reader must know to compare the figures."""
    machine = ", ".join(f"{name}: {value}" for name, value in results.machine.items())
    yield f"Measured on {results.date}; {machine}; httpx {results.versions['httpx']}, requests {results.versions['requests']}."
    yield "A dash: the library has nothing for this situation."
    yield "By hand: one httpx.Client with 64 connections, 64 threads and a dictionary. It checks, repeats and shares nothing."
    for name in NAMES:
        if library(name).remark:
            yield f"{library(name).distribution}: {library(name).remark}."


def _document(results: Results) -> object:
    """All results as JSON data."""
    return {
        "date": results.date,
        "machine": results.machine,
        "versions": results.versions,
        "costs": [asdict(cost) | {"verdict": cost.verdict} for cost in results.costs],
        "comparisons": [asdict(each) for each in results.comparisons],
        "scenarios": {
            key: {
                "title": scenario.title,
                "figures": {name: asdict(figure) for name, figure in scenario.figures.items()},
                "rounds": results.rounds[key],
            }
            for key, scenario in SCENARIOS.items()
        },
    }
