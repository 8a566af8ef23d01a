"""Reads the pages that the specs were written from, and reports what has changed since they were seen last."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from paygrant._arguments import is_loopback
from paygrant._spec import document
from paygrant._spec.reader import source_urls
from scripts.upstream import watch
from scripts.upstream.pages import fetch_all, read_all

ROOT = Path(__file__).parents[2]
SEEN = Path("specs/upstream")
CODES = """\
a page is
  changed    what matters in it is not what was seen last; ! marks what steers where the secret goes
  gone       not there (404, 410)
  moved      elsewhere: its server points to another origin, which is not followed
  new        read, and never looked at before
  not read   not fit to be read, and why
  reworded   different, with the same facts
  unchanged  the same

exit status
  0  every page is unchanged or reworded; with --update, could be read
  1  some page is changed, gone, moved or new; with --update, is gone or moved
  2  the command line, a spec, or a file of facts is wrong
  3  some page could not be read, and none calls for 1
"""


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Runs the command line on the project in `root`, and gives the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.upstream",
        description=__doc__,
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("specs", nargs="*", metavar="SPEC", type=Path, help="specs whose pages to read; else all")
    parser.add_argument("--update", action="store_true", help="a person has looked: keep what is seen now")
    parser.add_argument("--json", action="store_true", help="report as JSON")
    parser.add_argument(
        "--from", metavar="FOLDER", type=Path, dest="folder", help="read saved pages, at FOLDER/host/path"
    )
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=20, help="for each page (%(default)s)")
    options = parser.parse_args(arguments)
    specs = sorted(options.specs or (root / "specs").glob("*.yaml"))
    try:
        sources = {spec.stem: list(_sources(spec)) for spec in specs}
        seen = {provider: watch.load(root / SEEN / f"{provider}.json") for provider in sources}
    except ValueError as error:
        parser.error(str(error))

    urls = sorted({url for pages in sources.values() for url in pages})
    pages = read_all(urls, options.folder) if options.folder else fetch_all(urls, options.timeout)
    reports: list[watch.Report] = []
    for provider, named in sources.items():
        kept: watch.Memory = {}
        for url in named:
            before = seen[provider].get(url)
            report, now = watch.look(provider, url, pages[url], before)
            reports.append(report)
            if last := now or before:
                kept[url] = last
        if options.update and kept != seen[provider]:
            watch.save(root / SEEN / f"{provider}.json", kept)

    reports.sort(key=lambda report: report.order)
    if options.json:
        print(json.dumps([report.as_json() for report in reports], indent=2))
    else:
        print(*reports, watch.summary(reports), sep="\n")
    return _status({report.state for report in reports}, looked=options.update)


def _sources(path: Path) -> Iterator[str]:
    """The addresses of the pages that a spec names."""
    spec = document.read(path)
    try:
        urls = [httpx.URL(url) for url in source_urls(spec.data)]
    except (KeyError, TypeError, httpx.InvalidURL) as error:
        faults = [fault.text for fault in spec.faults] or [repr(error)]
        raise ValueError(f"{path} names no sources: {'; '.join(faults)}") from None
    for url in urls:
        if url.scheme != "https" and not (url.scheme == "http" and is_loopback(url.host)):
            raise ValueError(f"{path}: {url}: a page is read by https (by http on loopback only)")
        yield str(url)


def _status(states: set[str], *, looked: bool) -> int:
    if states & ({"gone", "moved"} if looked else {"changed", "gone", "moved", "new"}):
        return 1
    return 3 if "not read" in states else 0


if __name__ == "__main__":
    sys.exit(main())
