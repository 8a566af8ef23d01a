"""Puts a generated package in its place: whole, or not at all."""

import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from paygrant._text import os_error_words
from paygrant.generate._endpoint import is_ours
from paygrant.generate._errors import GenerationError


def install(output: Path, name: str, write: Callable[[Path], object]) -> list[Path]:
    """Have the package ``name`` written into a scratch folder, and move it to ``output`` once it is whole.

    Returns:
        The package's files.

    Raises:
        GenerationError: What stands there was not generated, or the files cannot be written.
    """
    target = output / name
    if (target.exists() or target.is_symlink()) and not is_ours(target):
        raise GenerationError(f"{target}: stands there already and was not generated; nothing was written")
    try:
        new = [folder for folder in (output, *output.parents) if not folder.exists()]
        output.mkdir(parents=True, exist_ok=True)
        try:
            # Beside the target: a move within one file system is done or not done.
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
    """Move what was made to the target; what stood there goes aside, and comes back should that fail."""
    replaced = target.exists()
    if replaced:
        target.rename(aside)
    try:
        made.rename(target)
    except BaseException:
        if replaced:
            aside.rename(target)
        raise
