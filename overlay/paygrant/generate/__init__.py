"""From a normalized spec to a typed client package: what ``paygrant generate`` does.

    from paygrant.generate import generate

    generate("acme.yaml", "clients")  # writes the package clients/acme

What a normalized spec is, ``lint`` says of any file, and specs/README.md of the project in words. Needs the extra:
``pip install "paygrant[generate]"``. No code of a spec is run, and nothing but its file is read.
"""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from paygrant._errors import missing_extra
from paygrant.generate._errors import GenerationError, SpecError

if TYPE_CHECKING:
    from paygrant.generate._document import Finding

__all__ = ["GenerationError", "SpecError", "generate", "lint", "read_spec"]


def generate(spec: str | Path, output: str | Path) -> list[Path]:
    """Write the client package of a spec.

    Args:
        spec: A normalized spec's file; its name without the ending is the package's.
        output: The folder in which the package will stand; made where it does not exist. A package that was generated
            there before is replaced as a whole; anything else of its name is left alone, and an error.

    Returns:
        The files of the package.

    Raises:
        SpecError: The spec is not normalized.
        GenerationError: The package could not be made, or not be written. What was there before still is.
        ImportError: The extra is not installed.
    """
    document = read_spec(spec)
    with _extra():
        from paygrant.generate._packages import write_packages
    from paygrant.generate._output import install

    name = Path(spec).stem
    return install(Path(output), name, lambda folder: write_packages({name: document}, folder))


def lint(spec: str | Path) -> "list[Finding]":
    """What keeps a spec from being normalized: file, line, rule, place (a JSON Pointer), and what is allowed there.

    Raises:
        ImportError: The extra is not installed.
    """
    with _extra():
        from paygrant.generate import _lint
    return _lint.lint(Path(spec))


def read_spec(spec: str | Path) -> dict[str, Any]:
    """A spec's data, as JSON has it, once it is found to be normalized.

    Raises:
        SpecError: The spec is not normalized.
        ImportError: The extra is not installed.
    """
    with _extra():
        from paygrant.generate import _lint
    return _lint.load_checked(Path(spec))


@contextmanager
def _extra() -> Generator[None]:
    """Say of a module that is missing how to get it."""
    try:
        yield
    except ModuleNotFoundError as missing:
        raise missing_extra(__name__, missing, "generate") from missing
