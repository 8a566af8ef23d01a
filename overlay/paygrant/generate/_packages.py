"""Writes the packages of some specs into a folder: client, description, and the spec itself as JSON.

Whether a spec is normalized is for `_lint` to say; here it is taken for granted.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from jinja2 import FileSystemBytecodeCache

from paygrant._spec.reader import read_endpoint
from paygrant.generate._client import check_version, write_client
from paygrant.generate._endpoint import endpoint_module
from paygrant.generate._errors import GenerationError
from paygrant.generate._mask import mask_package

if find_spec("ruff") is None:  # it runs as a process of its own; that it is missing is better known now
    raise ModuleNotFoundError("No module named 'ruff'", name="ruff")

_RUFF_OPTIONS = (
    "--isolated",
    "--config=exclude=[]",  # not even a package that is called build, or one in such a folder
    "--no-cache",
    "--no-respect-gitignore",
    "--target-version=py311",
    "--line-length=120",
)


def write_packages(specs: Mapping[str, Mapping[str, Any]], folder: Path) -> None:
    """Write a package for each spec, by its name, into `folder`, and format all that is there.

    Raises:
        GenerationError: The generator is not the pinned one, has an error or a warning to tell, or wrote something that
            the masking does not know.
    """
    check_version()
    with tempfile.TemporaryDirectory() as compiled:
        templates = FileSystemBytecodeCache(compiled)
        for name, spec in specs.items():
            package = folder / name
            models = write_client(spec, package, templates)
            mask_package(package, models)
            _write(package / "endpoint.py", endpoint_module(read_endpoint(name, spec)))
            _write(package / "openapi.json", json.dumps(spec, indent=2, ensure_ascii=False) + "\n")
            _write(package / "py.typed", "")
    # Once for all packages: ruff takes longer to start than to work.
    for command in (("check", "--select=F401,I", "--fix"), ("format",)):
        _ruff(*command, folder=folder)


def _ruff(*command: str, folder: Path) -> None:
    # -P and -E: neither this folder nor a relative PYTHONPATH lets Python import what was generated, called ruff say.
    done = subprocess.run(  # noqa: S603 - our own command, in our own folder
        (sys.executable, "-PE", "-m", "ruff", *command, *_RUFF_OPTIONS, "."),
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise GenerationError(f"ruff {command[0]} failed\n{done.stdout}{done.stderr}".strip())


def _write(path: Path, text: str) -> None:
    path.write_text(text, "utf-8")
