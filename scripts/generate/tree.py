"""Compares the files of a folder with those that should be there, and puts the latter in place.

Files are told by their paths relative to the folder, with their bytes. What Python caches beside them is not looked at.
"""

import difflib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path


def read_files(folder: Path) -> dict[str, bytes]:
    """The files in `folder` and below; none where it does not exist."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def differing(wanted: Mapping[str, bytes], found: Mapping[str, bytes]) -> list[str]:
    """The files that are missing, one too many, or of other bytes."""
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def put(folder: Path, name: str, content: bytes | None) -> None:
    """Write the file; None removes it, and folders that are then empty."""
    path = folder / name
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return
    path.unlink()
    while path.parent != folder and not read_files(path.parent):
        path = path.parent
        shutil.rmtree(path)


def difference(name: str, wanted: bytes | None, found: bytes | None) -> Iterator[str]:
    """Lines that tell a person how a file differs."""
    if wanted is None:
        yield f"{name}: one file too many"
    elif found is None:
        yield f"{name}: missing"
    else:
        lines = difflib.unified_diff(_lines(found), _lines(wanted), name, f"{name} (as generated)")
        yield from (line.rstrip("\n") for line in lines)


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="backslashreplace").splitlines(keepends=True)
