"""Brings generated/paygrant_clients up to date with the specs, or says where it is not."""

import argparse
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from yaml import YAMLError

from scripts.generate.generator import GenerationError, check_version
from scripts.generate.mask import MaskError
from scripts.generate.packages import write_packages
from scripts.generate.tree import difference, differing, put, read_files

ROOT = Path(__file__).parents[2]
PACKAGES = Path("generated/paygrant_clients")


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
    try:
        check_version(root / "pyproject.toml")
        with tempfile.TemporaryDirectory() as scratch:
            write_packages(sorted(chosen), Path(scratch, PACKAGES.name))
            wanted = read_files(Path(scratch, PACKAGES.name))
    except (GenerationError, MaskError, YAMLError) as error:
        print(error, file=sys.stderr)
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


if __name__ == "__main__":
    sys.exit(main())
