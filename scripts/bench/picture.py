"""One picture of the comparison, for light and dark mode. Each situation has a panel of bars; shorter is better."""

from collections.abc import Collection, Mapping
from pathlib import Path
from xml.etree.ElementTree import Element, ElementTree, SubElement, indent

from scripts.bench.many import PEERS, Comparison
from scripts.bench.peers import NAMES, library
from scripts.bench.report import Results, spell
from scripts.bench.scenarios import SCENARIOS, Figure

PANELS = (
    ("threads", "requests", "64 threads want the first token", "token requests"),
    ("processes", "requests", "8 processes of 8 threads want the first token", "token requests"),
    ("lives", "slow", "Tokens live 3 s, a request for one takes 0.5 s", "calls that take over 100 ms"),
    ("outage", "failures", "The token lives, its endpoint is down", "calls that fail"),
    ("revocation", "rejected", "32 calls meet a revoked token", "calls that end in 401"),
    ("tasks", "stall", "1,000 tasks want the first token", "longest stall of the event loop"),
    ("attaching", "sync", "The token is at hand", "time to put it on a request"),
    ("start", "first", "A fresh interpreter", "time to import and fetch the first token"),
)
"""The scenario, the figure, and short texts for both."""

WIDTH, MARGIN, GAP = 920, 28, 44
COLUMN = (WIDTH - 2 * MARGIN - GAP) / 2
NAME, VALUE = 156, 74
"""The widths of the names and of the values in a column."""

BAR, STEP, HEAD, FOOT = 14, 22, 48, 26
PANEL = HEAD + STEP * len(NAMES) + FOOT
PANEL_OF_MANY = HEAD + STEP * 4 + FOOT
TOP, BOTTOM = 84, 24

FOOTNOTE = "google-auth has no client credentials grant: a subclass of its Credentials sends the request. More in benchmarks.md."

STYLE = """
text { font: 13px system-ui, -apple-system, "Segoe UI", Helvetica, Arial, "DejaVu Sans", sans-serif; fill: #1f2328 }
.title { font-size: 19px; font-weight: 600 }
.head { font-size: 14px; font-weight: 600 }
.muted { fill: #59636e }
.ours { font-weight: 600 }
.paper { fill: #ffffff; stroke: #d1d9e0 }
.bar { fill: #9aa7b5 }
.bar.ours { fill: #0b7f5f }
@media (prefers-color-scheme: dark) {
text { fill: #f0f6fc }
.muted { fill: #9198a1 }
.paper { fill: #0d1117; stroke: #3d444d }
.bar { fill: #5d6875 }
.bar.ours { fill: #2fb587 }
}
"""


def draw(path: Path, results: Results) -> None:
    """Write the picture, as SVG."""
    first_row = -(-len(PANELS) // 2)
    height = TOP + PANEL * first_row + PANEL_OF_MANY * -(-len(results.comparisons) // 2) + BOTTOM
    box = f"0 0 {WIDTH} {height}"
    size = {"width": str(WIDTH), "height": str(height), "viewBox": box}
    svg = Element("svg", {"xmlns": "http://www.w3.org/2000/svg", **size, "role": "img"})
    SubElement(svg, "title").text = "paygrant and its peers, and many tokens"
    SubElement(svg, "style").text = STYLE
    paper = {"x": "0.5", "y": "0.5", "width": str(WIDTH - 1), "height": str(height - 1), "rx": "8"}
    SubElement(svg, "rect", {"class": "paper", **paper})
    _text(svg, MARGIN, 38, "Shorter is better", "title")
    _text(svg, MARGIN, 60, f"{', '.join(results.versions_of_libraries())}; {results.date[:10]}", "muted")
    for number in range(len(PANELS)):
        _panel(svg, number, results)
    for number, each in enumerate(results.comparisons):
        _comparison(svg, TOP + PANEL * first_row + (number // 2) * PANEL_OF_MANY, number % 2, each)
    _text(svg, MARGIN, height - 22, FOOTNOTE, "muted")
    indent(svg)
    ElementTree(svg).write(path, encoding="utf-8", xml_declaration=False)


def _panel(svg: Element, number: int, results: Results) -> None:
    """One situation of the libraries."""
    key, name, headline, what = PANELS[number]
    bars = {library(each).distribution: results.median(key, name, each) for each in NAMES}
    figure = SCENARIOS[key].figures[name]
    _bars(svg, TOP + (number // 2) * PANEL, number % 2, (headline, what), bars, figure, {"paygrant"})


def _comparison(svg: Element, top: float, column: int, each: Comparison) -> None:
    """One situation of many tokens. What paygrant does not do stands out by its colour."""
    ours = {name for name in each.values if name not in PEERS and not name.startswith("by hand")}
    _bars(svg, top, column, (each.title, each.what), each.values, each.figure, ours)


def _bars(  # noqa: PLR0913, PLR0917 - a place, texts and bars
    svg: Element,
    top: float,
    column: int,
    texts: tuple[str, str],
    bars: Mapping[str, float | None],
    figure: Figure,
    ours: Collection[str],
) -> None:
    """A situation: its name, and a bar for each value."""
    left = MARGIN + column * (COLUMN + GAP)
    _text(svg, left, top + 14, texts[0], "head")
    _text(svg, left, top + 33, texts[1], "muted")
    longest = max((value for value in bars.values() if value is not None), default=0) or 1
    for row, (name, value) in enumerate(bars.items()):
        mark = " ours" if name in ours else ""
        y = top + HEAD + row * STEP
        _text(svg, left, y + BAR - 3, name, f"name{mark}")
        if value is None:
            _text(svg, left + NAME, y + BAR - 3, "does not apply", "muted")
            continue
        length = max(2.0, (COLUMN - NAME - VALUE) * value / longest)
        bar = {"x": str(left + NAME), "y": str(y), "width": f"{length:.1f}", "height": str(BAR), "rx": "2"}
        SubElement(svg, "rect", {"class": f"bar{mark}", **bar})
        _text(svg, left + NAME + length + 7, y + BAR - 3, spell(value, figure), f"value{mark}")


def _text(svg: Element, x: float, y: float, text: str, kind: str) -> None:
    SubElement(svg, "text", {"x": f"{x:.1f}", "y": f"{y:.1f}", "class": kind}).text = text
