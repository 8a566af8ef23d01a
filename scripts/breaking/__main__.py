"""Show what has changed for users since a git reference. The exit status is 1 if something breaks, otherwise 0."""

import argparse
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from io import BytesIO
from pathlib import Path

from paygrant._spec import document
from paygrant._spec.description import TokenEndpoint
from paygrant._spec.reader import read_endpoint
from scripts.breaking.change import Change, Weight
from scripts.breaking.endpoints import endpoint_changes
from scripts.breaking.python_api import FOLDERS, api_changes

ROOT = Path(__file__).parents[2]


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line on the project in `root`."""
    parser = argparse.ArgumentParser(prog="python -m scripts.breaking", description=__doc__)
    parser.add_argument("base", metavar="BASE", help="a git reference, such as v0.1.0 or main")
    parser.add_argument("--json", action="store_true", help="a list of objects instead of lines")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        old = Path(scratch)
        try:
            _check_out(root, options.base, old)
        except subprocess.CalledProcessError as error:
            parser.error(f"BASE: {error.stderr.decode().strip()}")
        before, unread = _readable(old)
        after = {name: endpoint for name, endpoint in _endpoints(root).items() if name not in unread}
        changes = sorted({*unread.values(), *endpoint_changes(before, after), *api_changes(old, root)})
    if options.json:
        print(json.dumps([{"breaking": each.breaking, **asdict(each)} for each in changes], indent=2))
    else:
        lines = [str(each) for each in changes] or [f"nothing has changed for users since {options.base}"]
        print(*lines, sep="\n")
    return int(any(each.breaking for each in changes))


def _check_out(root: Path, base: str, folder: Path) -> None:
    """Write the specs and the packages of the git reference into a folder. The work tree stays as it is."""
    command = ["git", "archive", "--format=zip", "--end-of-options", base, "specs", *FOLDERS.values()]
    archive = subprocess.run(command, cwd=root, check=True, capture_output=True).stdout
    with zipfile.ZipFile(BytesIO(archive)) as files:
        files.extractall(folder)


def _readable(old: Path) -> tuple[Mapping[str, TokenEndpoint], Mapping[str, Change]]:
    """Return the old descriptions, and a change for each spec that this version cannot read."""
    endpoints, unread = dict[str, TokenEndpoint](), dict[str, Change]()
    for path in sorted((old / "specs").glob("*.yaml")):
        try:
            endpoints[path.stem] = read_endpoint(path.stem, document.load(path))
        except (LookupError, TypeError, ValueError, AttributeError) as error:
            what = f"the old spec cannot be read ({type(error).__name__}: {error})"
            unread[path.stem] = Change(Weight.BREAKING, path.stem, what, "its words have changed: compare it by hand")
    return endpoints, unread


def _endpoints(root: Path) -> Mapping[str, TokenEndpoint]:
    """Return the descriptions of the token endpoints in the specs."""
    specs = {path.stem: document.load(path) for path in sorted((root / "specs").glob("*.yaml"))}
    return {name: read_endpoint(name, spec) for name, spec in specs.items()}


if __name__ == "__main__":
    sys.exit(main())
