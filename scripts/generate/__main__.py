"""Bring generated/paygrant_clients up to date with the specs, or show the differences."""

import argparse
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from paygrant._providers.registry import HAND_WRITTEN
from paygrant._spec import document
from paygrant._spec.reader import NormalizedSpec
from paygrant.generate import GenerationError
from paygrant.generate.init import init_module
from paygrant.generate.packages import write_packages
from scripts.generate.tree import difference, differing, put, read_files

ROOT = Path(__file__).parents[2]
PACKAGES = Path("generated/paygrant_clients")
_MARK = "Written by `make generate`; do not edit."


def main(arguments: Sequence[str] | None = None, root: Path = ROOT) -> int:
    """Run the command line on the project in `root`.

    Returns:
        The exit status: 1 when something failed or, with --check, when something differs; otherwise 0.
    """
    parser = argparse.ArgumentParser(prog="python -m scripts.generate", description=__doc__)
    parser.add_argument(
        "inputs",
        nargs="*",
        metavar="INPUT",
        help="a changed file; if all of them are specs, only their packages are generated",
    )
    parser.add_argument("--check", action="store_true", help="write nothing, show what differs")
    options = parser.parse_args(arguments)

    specs = set((root / "specs").glob("*.yaml"))
    changed = {root / path for path in options.inputs}
    chosen = changed if changed and changed <= specs and not options.check else specs
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch, PACKAGES.name)
        try:
            loaded = {path: document.load(path) for path in sorted(specs)}
            _write_shared(folder, [NormalizedSpec(path.stem, data) for path, data in loaded.items()])
            write_packages({path.stem: data for path, data in loaded.items() if path in chosen}, folder)
        except GenerationError as error:
            print(error, file=sys.stderr)
            return 1
        wanted = read_files(folder)

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


def _write_shared(folder: Path, specs: Iterable[NormalizedSpec]) -> None:
    """Write the package around those of all providers, as the new `folder`. It has the generated classes.

    A class with code of its own stands in the overlay, and only there.
    """
    folder.mkdir()
    classes = {spec.class_name: spec.name for spec in specs if spec.name not in HAND_WRITTEN}
    (folder / "__init__.py").write_text(init_module(f"The token clients of all providers. {_MARK}", classes), "utf-8")
    (folder / "py.typed").touch()


if __name__ == "__main__":
    sys.exit(main())
