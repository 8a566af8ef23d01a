"""Reads the pages that the specs were written from, and reports what changed since a person last checked them."""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import httpx

from paygrant._spec import document
from paygrant._spec.reader import source_urls
from scripts.upstream import watch
from scripts.upstream.pages import fetch_all, read_all

LOOPBACK = {"localhost", "127.0.0.1", "::1"}
ROOT = Path(__file__).parents[2]
CHECKED = Path("specs/upstream")
CODES = """\
states of a page
  changed    its facts differ from the last ones checked; ! marks a fact about where the secret goes
  gone       the server does not have it any more (status 404 or 410)
  moved      the server redirects to another origin, which is not followed
  new        nobody has checked it yet
  not read   it could not be read; the reason follows
  reworded   its text changed, and its facts did not
  unchanged  its text did not change

exit status
  0  every page is unchanged or reworded; with --update, every page was read
  1  a page is changed, gone, moved or new; with --update, a page is gone or moved
  2  the command line, a spec, or a file of facts is invalid
  3  a page could not be read, and status 1 does not apply
"""


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line on the project in ``root``, and return the exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m scripts.upstream",
        description=__doc__,
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("specs", nargs="*", metavar="SPEC", type=Path, help="read the pages of these specs only")
    parser.add_argument("--update", action="store_true", help="keep the present facts: a person has checked them")
    parser.add_argument("--json", action="store_true", help="print the report as JSON")
    parser.add_argument(
        "--from",
        metavar="FOLDER",
        type=Path,
        dest="folder",
        help="read saved pages from FOLDER/host/path instead of the network",
    )
    parser.add_argument(
        "--timeout", metavar="SECONDS", type=float, default=20, help="time limit for each page (default: %(default)s)"
    )
    options = parser.parse_args(arguments)
    specs = sorted(options.specs or (root / "specs").glob("*.yaml"))
    try:
        sources = {spec.stem: list(_sources(spec)) for spec in specs}
        checked = {provider: watch.load(root / CHECKED / f"{provider}.json") for provider in sources}
    except ValueError as error:
        parser.error(str(error))

    urls = sorted({url for pages in sources.values() for url in pages})
    pages = read_all(urls, options.folder) if options.folder else fetch_all(urls, options.timeout)
    reports: list[watch.Report] = []
    for provider, named in sources.items():
        kept: watch.Snapshots = {}
        for url in named:
            before = checked[provider].get(url)
            report, now = watch.inspect(provider, url, pages[url], before)
            reports.append(report)
            if last := now or before:
                kept[url] = last
        if options.update and kept != checked[provider]:
            watch.save(root / CHECKED / f"{provider}.json", kept)

    reports.sort(key=lambda report: report.order)
    if options.json:
        print(json.dumps([report.as_json() for report in reports], indent=2))
    else:
        print(*reports, watch.summary(reports), sep="\n")
    return _status({report.state for report in reports}, updated=options.update)


def _sources(path: Path) -> Iterator[str]:
    """The URLs of the pages that a spec gives as its sources."""
    spec = document.read(path)
    try:
        urls = [httpx.URL(url) for url in source_urls(spec.data)]
    except (KeyError, TypeError, httpx.InvalidURL) as error:
        faults = [fault.text for fault in spec.faults] or [repr(error)]
        raise ValueError(f"{path} has no valid sources: {'; '.join(faults)}") from None
    for url in urls:
        if url.scheme != "https" and not (url.scheme == "http" and url.host in LOOPBACK):
            raise ValueError(f"{path}: {url}: expected an https URL (http is for loopback only)")
        yield str(url)


def _status(states: set[str], *, updated: bool) -> int:
    if states & ({"gone", "moved"} if updated else {"changed", "gone", "moved", "new"}):
        return 1
    return 3 if "not read" in states else 0


if __name__ == "__main__":
    sys.exit(main())
