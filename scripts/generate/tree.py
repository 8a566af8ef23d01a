"""Compares the files of a folder with the wanted ones, and writes the wanted ones.

Files are given as bytes by their paths relative to the folder. Files that Python caches are left out.
"""

import difflib
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path


def read_files(folder: Path) -> dict[str, bytes]:
    """Return the files in `folder` and below; none if it does not exist."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def differing(wanted: Mapping[str, bytes], found: Mapping[str, bytes]) -> list[str]:
    """Return the names of the files that are missing, not wanted, or different."""
    return sorted(name for name in wanted.keys() | found.keys() if wanted.get(name) != found.get(name))


def put(folder: Path, name: str, content: bytes | None) -> None:
    """Write the file. None removes it, with the folders that are empty then."""
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
    """Yield lines that show a person how a file differs."""
    if wanted is None:
        yield f"{name}: not wanted"
    elif found is None:
        yield f"{name}: missing"
    else:
        lines = difflib.unified_diff(_lines(found), _lines(wanted), name, f"{name} (as generated)")
        yield from (line.rstrip("\n") for line in lines)


def _lines(content: bytes) -> list[str]:
    return content.decode(errors="backslashreplace").splitlines(keepends=True)
