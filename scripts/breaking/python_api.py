"""Compares names and signatures of the two packages (griffe), without importing them."""

from collections.abc import Iterator
from pathlib import Path
from typing import cast

import griffe

from scripts.breaking.change import Change, Weight

FOLDERS = {"paygrant": "overlay", "paygrant_clients": "generated"}
"""The packages and their folders."""


def api_changes(old: Path, new: Path) -> Iterator[Change]:
    """Yield the differences between two checkouts that break code which uses public names."""
    for package in FOLDERS:
        for breakage in griffe.find_breaking_changes(_load(package, old), _load(package, new)):
            what = (
                breakage.explain(griffe.ExplanationStyle.MARKDOWN).removeprefix("- ").replace("*", "").replace("`", "")
            )
            yield Change(Weight.BREAKING, breakage.obj.module.path, what, "code that uses it has to change")


def _load(package: str, root: Path) -> griffe.Object:
    folders = [root / folder for folder in FOLDERS.values()]
    return cast("griffe.Object", griffe.load(package, search_paths=folders, allow_inspection=False))
