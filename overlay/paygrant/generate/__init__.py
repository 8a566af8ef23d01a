"""Generates a typed client package from a normalized spec: what ``paygrant generate`` does.

    from paygrant.generate import generate

    generate("acme.yaml", "clients")  # writes the package clients/acme

``lint`` checks whether a file is a normalized spec, and specs/README.md of the project describes one. Needs the extra:
``pip install "paygrant[generate]"``. No code of a spec runs, and only its file is read.
"""

from pathlib import Path
from typing import Any

from paygrant._errors import missing_extra
from paygrant._spec.errors import Finding, GenerationError, SpecError

__all__ = ["Finding", "GenerationError", "SpecError", "generate", "lint", "read_spec"]


def generate(spec: str | Path, output: str | Path) -> list[Path]:
    """Write the client package of a spec.

    Args:
        spec: The file of a spec. Its name without the ending is the package's name.
        output: The folder that will contain the package. It is created where it does not exist. A package that was
            generated there before is replaced as a whole. Anything else with that name is an error and stays as it is.

    Returns:
        The files of the package.

    Raises:
        SpecError: The spec cannot be used.
        GenerationError: The package could not be generated or written. What was there before is still there.
        ImportError: The extra is not installed.
    """
    document = read_spec(spec)
    try:
        from paygrant.generate.packages import write_packages
    except ModuleNotFoundError as missing:
        raise missing_extra(__name__, missing, "generate") from missing
    from paygrant.generate._output import install

    name = Path(spec).stem
    return install(Path(output), name, lambda folder: write_packages({name: document}, folder))


def lint(spec: str | Path, *, strict: bool = False) -> list[Finding]:
    """Return what is wrong with a spec.

    Each finding has the file, the line, the rule, the place (a JSON Pointer), and what is expected there. A finding with
    ``warning`` does not keep the spec from being used.

    Args:
        spec: The file of a spec.
        strict: Whether the spec must have everything that a spec of paygrant itself has. Then nothing is a warning.

    Raises:
        ImportError: The extra is not installed.
    """
    from paygrant._spec import lint as rules

    return rules.lint(Path(spec), strict=strict)


def read_spec(spec: str | Path) -> dict[str, Any]:
    """Return the JSON data of a spec. What a short spec leaves out is in it as well.

    Raises:
        SpecError: The spec cannot be used.
        ImportError: The extra is not installed.
    """
    from paygrant._spec.lint import load_checked

    return load_checked(Path(spec))
