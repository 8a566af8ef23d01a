"""Writes paygrant_clients, or the part of it that some specs make, as a new folder."""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from operator import methodcaller
from pathlib import Path
from typing import Any

import yaml
from jinja2 import FileSystemBytecodeCache

from paygrant._spec import read_endpoint
from scripts.generate import description
from scripts.generate.endpoint import endpoint_module
from scripts.generate.generator import write_client
from scripts.generate.mask import mask_package

_RUFF_OPTIONS = (
    "--isolated",
    "--no-cache",
    "--no-respect-gitignore",
    "--quiet",
    "--target-version=py311",
    "--line-length=120",
)
_MARK = "Written by `make generate`; do not edit."


def write_packages(specs: Iterable[Path], folder: Path) -> None:
    """Write what all providers share, and a package for each spec, into the new `folder`.

    Raises:
        GenerationError: The generator has an error or a warning to tell.
        MaskError: The generator wrote something that the masking does not know.
        yaml.YAMLError: A spec is not YAML.
    """
    folder.mkdir()
    _write(folder / "__init__.py", f'"""The token clients of all providers. {_MARK}"""\n')
    _write(folder / "description.py", f"# {_MARK}\n{Path(description.__file__).read_text('utf-8')}")
    _write(folder / "py.typed", "")
    with tempfile.TemporaryDirectory() as compiled:
        templates = FileSystemBytecodeCache(compiled)
        for path in specs:
            spec = read_spec(path)
            package = folder / path.stem
            models = write_client(spec, package, templates)
            mask_package(package, models)
            _write(package / "endpoint.py", f"# {_MARK}\n{endpoint_module(read_endpoint(path.stem, spec))}")
            _write(package / "openapi.json", json.dumps(spec, indent=2, ensure_ascii=False) + "\n")
            _write(package / "py.typed", "")
    # Once for all packages: ruff takes longer to start than to work.
    for command in (("check", "--select=F401,I", "--fix"), ("format",)):
        subprocess.run((sys.executable, "-m", "ruff", *command, *_RUFF_OPTIONS, "."), cwd=folder, check=True)


def read_spec(path: Path) -> dict[str, Any]:
    """The spec as JSON has it: a YAML date is a text."""
    with path.open("rb") as file:
        text = json.dumps(yaml.safe_load(file), default=methodcaller("isoformat"))
    spec: dict[str, Any] = json.loads(text)
    return spec


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
