"""Brings generated/paygrant_clients up to date with the specs, or says where it is not."""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from scripts.generate import description
from scripts.generate.tree import difference, differing, put, read_files

ROOT = Path(__file__).parents[2]
PACKAGES = Path("generated/paygrant_clients")
_MARK = "Written by `make generate`; do not edit."


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line on the project in `root`.

    Returns:
        The exit status: 0; 1 when something failed or, with --check, differs.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.generate", description=__doc__)
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="what has changed; where that is nothing but specs, only these are generated",
    )
    parser.add_argument("--check", action="store_true", help="write nothing, show what differs")
    options = parser.parse_args(arguments)

    specs = set((root / "specs").glob("*.yaml"))
    changed = {root / path for path in options.inputs}
    chosen = changed if changed and changed <= specs and not options.check else specs
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, PACKAGES.name)
        _write_shared(folder)
        # The pipeline describes endpoints by the types of this very description, not by those of the last run.
        sys.path.insert(0, scratch)
        try:
            complaint = _write_packages(sorted(chosen), folder)
        finally:
            sys.path.remove(scratch)
        wanted = read_files(folder)
    if complaint:
        print(complaint, file=sys.stderr)
        return 1

    others = {spec.stem for spec in specs - chosen}
    found = {name: content for name, content in read_files(root / PACKAGES).items() if name.split("/")[0] not in others}
    stale = differing(wanted, found)
    if not options.check:
        for name in stale:
            put(root / PACKAGES, name, wanted.get(name))
        print(f"generated {', '.join(sorted(spec.stem for spec in chosen))}: {len(stale)} files changed")
        return 0
    for name in stale:
        print(*difference(str(PACKAGES / name), wanted.get(name), found.get(name)), sep="\n")
    if not stale:
        print(f"{PACKAGES} is current")
    return 1 if stale else 0


def _write_shared(folder: Path) -> None:
    """Write what all providers share, as the new `folder`."""
    source = Path(description.__file__).read_text("utf-8")
    folder.mkdir()
    (folder / "__init__.py").write_text(f'"""The token clients of all providers. {_MARK}"""\n', "utf-8")
    (folder / "description.py").write_text(f"# {_MARK}\n{source}", "utf-8")
    (folder / "py.typed").touch()


def _write_packages(specs: Iterable[Path], folder: Path) -> str:
    """Write a package for each spec. Returns what is to complain of."""
    from paygrant.generate import GenerationError, _document
    from paygrant.generate._packages import write_packages

    try:
        write_packages({path.stem: _document.load(path) for path in specs}, folder)
    except GenerationError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main())
