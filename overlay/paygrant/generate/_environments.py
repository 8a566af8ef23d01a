"""Writes the module with the types that the spec determines, and recognizes generated packages by that module."""

from collections.abc import Iterable
from pathlib import Path

MODULE = "environments.py"

MARK = "# Written by `paygrant generate`; do not edit."
"""The first line of the module, by which a generated package is known."""


def environments_module(environments: Iterable[str]) -> str:
    """Return the text of the module, not formatted yet."""
    names = ", ".join(map(repr, environments))
    lines = [MARK, '"""The environments that openapi.json in this folder names."""']
    if names:
        lines += ["from typing import Literal, TypeAlias", f"Environment: TypeAlias = Literal[{names}]"]
    return "\n".join(lines) + "\n"


def is_ours(package: Path) -> bool:
    """Whether a folder is a package that was generated."""
    try:
        with (package / MODULE).open(encoding="utf-8") as module:
            return not package.is_symlink() and module.readline().rstrip() == MARK
    except (OSError, ValueError):
        return False
