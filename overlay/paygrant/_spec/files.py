"""Reads the spec at a path, and keeps it as JSON: reading YAML and checking it take more than a second.

A kept spec is found by the hash of its file, its name and a mark of this version. So a changed file is read again. What
is kept is checked like the spec of a generated package. It cannot lead a secret to another host than its file would,
unless somebody else can write to the folder. The folder is the user's own, and holds the tokens as well.
"""

import json
import os
import stat
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

from paygrant._spec.misfit import misfit
from paygrant._spec.reader import NormalizedSpec

_SUFFIX = ".spec"

_LARGEST = 1 << 22
"""Bytes. No spec that is kept is as large."""

_STALE = 30 * 24 * 3600.0
"""Seconds. A kept spec that was written this long ago is removed when another one is written."""


@dataclass(frozen=True, slots=True)
class SpecCache:
    """Where specs are kept.

    Attributes:
        folder: The folder. Only its owner can write to it.
        mark: Distinguishes versions, which may check and complete specs in different ways.
    """

    folder: Path
    mark: str


def spec_at(path: Path, cache: SpecCache | None = None) -> NormalizedSpec:
    """The spec in a file, or in the folder of a generated package, with all parts of a normalized spec.

    Args:
        path: The file or the folder.
        cache: Where the spec is kept.

    Raises:
        SpecError: The spec cannot be used.
        OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError: The folder holds no good spec.
        ImportError: The extra ``generate`` is not installed, and the file has not been read before.
    """
    if path.is_dir():
        # The generator has checked the spec of a package, so a package needs no tools at run time.
        return NormalizedSpec(path.resolve().name, json.loads((path / "openapi.json").read_text("utf-8-sig")))
    content = _content(path) if cache else None
    kept = _Kept(cache, path.stem, content) if cache and content is not None else None
    if kept and (spec := kept.load()):
        return spec
    from paygrant._spec import lint
    from paygrant._spec.document import read

    data = lint.check(read(path, content))
    if kept:
        kept.save(data)
    return NormalizedSpec(path.stem, data)


def is_sound(spec: NormalizedSpec) -> bool:
    """Whether the description of a spec that no lint rule has checked has the right types and no control characters."""
    return misfit(spec.endpoint) is None and not spec.path.startswith("//")


def _content(path: Path) -> bytes | None:
    """What a file contains; None if it cannot be read, which the lint rules report."""
    try:
        with path.open("rb") as file:
            content = file.read(_LARGEST + 1)
    except (OSError, ValueError):
        return None
    return content if len(content) <= _LARGEST else None


class _Kept:
    """The file in which a spec is kept."""

    def __init__(self, cache: SpecCache, name: str, content: bytes) -> None:
        parts = [cache.mark.encode(), name.encode("utf-8", "surrogatepass"), content]
        self._name = name
        self._folder = cache.folder
        self._path = cache.folder / f"{sha256(b''.join(sha256(each).digest() for each in parts)).hexdigest()}{_SUFFIX}"

    def load(self) -> NormalizedSpec | None:
        """The spec; None if it is not there, or damaged, or open to other users."""
        try:
            # Opening a link fails, and opening a pipe does not wait for its other end.
            flags = os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)
            with os.fdopen(os.open(self._path, flags), "rb") as file:
                if not _is_private(os.fstat(file.fileno())):
                    return None
                data: Any = json.loads(file.read(_LARGEST + 1))
            spec = NormalizedSpec(self._name, data)
            return spec if is_sound(spec) else None
        except (OSError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None

    def save(self, data: object) -> None:
        """Keep the spec. If the folder cannot be used, the file is read again the next time."""
        with suppress(OSError):
            descriptor, unfinished = tempfile.mkstemp(dir=self._folder, suffix=".new")  # with mode 0600
            try:
                with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                    json.dump(data, file)
                Path(unfinished).replace(self._path)
            except BaseException:
                with suppress(OSError):
                    Path(unfinished).unlink()
                raise
            for each in self._folder.glob(f"*{_SUFFIX}"):
                if each.lstat().st_mtime < time.time() - _STALE:
                    each.unlink()


def _is_private(found: os.stat_result) -> bool:
    """Whether a file is a regular one that only this user can use."""
    if os.name != "posix":
        return stat.S_ISREG(found.st_mode)
    return stat.S_ISREG(found.st_mode) and found.st_uid == os.geteuid() and not stat.S_IMODE(found.st_mode) & 0o077
