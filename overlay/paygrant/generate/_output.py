"""Installs a generated package in its folder: the whole package, or nothing."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from paygrant._spec.errors import GenerationError
from paygrant._text import os_error_words
from paygrant.generate._environments import is_ours


def install(output: Path, name: str, write: Callable[[Path], object]) -> list[Path]:
    """Let ``write`` make the package ``name`` in a temporary folder, and move the complete package to ``output``.

    Returns:
        The package's files.

    Raises:
        GenerationError: Something else has the package's name, or the files cannot be written.
    """
    target = output / name
    if (target.exists() or target.is_symlink()) and not is_ours(target):
        raise GenerationError(f"{target}: exists already and was not generated; nothing was written")
    try:
        new = [folder for folder in (output, *output.parents) if not folder.exists()]
        output.mkdir(parents=True, exist_ok=True)
        try:
            # In the same folder as the target: a move within one file system is one step.
            with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=output) as scratch:
                write(Path(scratch))
                _move(Path(scratch, name), target, Path(scratch, f".{name}"))
        except BaseException:
            for folder in new:
                with suppress(OSError):
                    folder.rmdir()
            raise
    except OSError as error:
        raise GenerationError(f"{error.filename or target}: {os_error_words(error)}; nothing was written") from None
    return sorted(path for path in target.rglob("*") if path.is_file())


def _move(made: Path, target: Path, aside: Path) -> None:
    """Move the new package to the target. An old one is moved aside first, and moved back where that fails."""
    replaced = target.exists()
    if replaced:
        target.rename(aside)
    try:
        made.rename(target)
    except BaseException:
        if replaced:
            aside.rename(target)
        raise
