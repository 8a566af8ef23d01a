"""Writes the packages of some specs into a folder: the client, the provider's class, and the spec itself as JSON.

The specs must be normalized. Checking that is left to others.
"""

import json
import subprocess
import sys
from collections.abc import Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from paygrant._spec.errors import GenerationError
from paygrant._spec.reader import NormalizedSpec
from paygrant.generate import _provider
from paygrant.generate._client import check_version, write_client
from paygrant.generate._environments import MARK, MODULE, environments_module
from paygrant.generate._mask import mask_package
from paygrant.generate.init import init_module

if find_spec("ruff") is None:  # it runs as a separate process, so no import would fail
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
    """Write a package for each spec, by its name, into `folder`, and format everything in there.

    Raises:
        GenerationError: The generator has another version than the pinned one, reports an error or a warning, or writes
            code that the masking does not know.
    """
    check_version()
    for name, spec in specs.items():
        package = folder / name
        models = write_client(spec, package)
        mask_package(package, models)
        normalized = NormalizedSpec(name, spec)
        _write(package / MODULE, environments_module([environment for environment, _ in normalized.servers]))
        classes = [(each.class_info.name, each.class_info.module_name) for each in models]
        _write(package / f"{_provider.MODULE}.py", _provider.provider_module(normalized, MARK, classes))
        public = {"AuthenticatedClient": "client", "Client": "client", normalized.class_name: _provider.MODULE}
        _write(package / "__init__.py", init_module(f"The token endpoint of {normalized.title}", public))
        _write(package / "openapi.json", json.dumps(spec, indent=2, ensure_ascii=False) + "\n")
        _write(package / "py.typed", "")
    # Once for all packages: most of the time that ruff needs is for its start.
    for command in (("check", "--select=F401,I", "--fix"), ("format",)):
        _ruff(*command, folder=folder)


def _ruff(*command: str, folder: Path) -> None:
    # -P and -E: Python must not import a generated package that is called ruff, say, from here or PYTHONPATH.
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
