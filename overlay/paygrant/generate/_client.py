"""Drives openapi-python-client, in process: importing it takes longer than generating with it.

What it writes is raw: masking and formatting it is left to others.
"""

import contextlib
import io
import re
from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from importlib.metadata import requires
from pathlib import Path
from typing import Any

from jinja2 import BytecodeCache
from openapi_python_client import Project, __version__
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.properties import ModelProperty

from paygrant.generate._errors import GenerationError

_NAME = "openapi-python-client"


def check_version() -> None:
    """Make sure that the installed generator is the one that paygrant is made for: another one writes other code.

    Raises:
        GenerationError: It is not.
    """
    pins = re.findall(rf"^{_NAME}==([^\s;]+)", "\n".join(requires("paygrant") or ()), re.MULTILINE)
    if any(pin != __version__ for pin in pins):
        raise GenerationError(f"paygrant wants {_NAME} {pins[0]}, but {__version__} is installed")


def write_client(spec: Mapping[str, Any], folder: Path, templates: BytecodeCache) -> Sequence[ModelProperty]:
    """Write the spec's client package as the new `folder`.

    Args:
        spec: A normalized OpenAPI document.
        folder: Where the package will stand; its name is the provider's.
        templates: Where the generator's templates, once compiled, are kept: compiling them is most of its work.

    Returns:
        The models that were written.

    Raises:
        GenerationError: The generator has an error or a warning to tell.
    """
    config = Config.from_sources(
        ConfigFile(literal_enums=True, post_hooks=[]),
        meta_type=MetaType.NONE,
        document_source=folder.name,
        file_encoding="utf-8",
        overwrite=False,
        output_path=folder,
    )
    data = GeneratorData.from_dict(_prepared(spec), config=config)
    if isinstance(data, GeneratorError):
        raise GenerationError("\n".join(_complaint(folder.name, data)))
    project = Project(openapi=data, config=config)
    project.env.bytecode_cache = templates
    with contextlib.redirect_stdout(io.StringIO()):  # "Generating <folder>"
        errors = project.build()
    if errors:
        raise GenerationError("\n".join(line for error in errors for line in _complaint(folder.name, error)))
    return list(data.models)


def _prepared(spec: Mapping[str, Any]) -> dict[str, Any]:
    """The spec as the generator should see it.

    An operation with `security` gets functions that take an `AuthenticatedClient` only, even where `{}` among its
    requirements says that it can be called without: there the requirements go. A header must not have a `const`: there
    an `enum` of one says the same, or of a type of which there are no enums, nothing does.
    """
    prepared = deepcopy(dict(spec))
    for path in prepared["paths"].values():
        for operation in path.values():
            if {} in operation.get("security", []):
                operation["security"] = []
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "header" and "const" in parameter["schema"]:
                    const = parameter["schema"].pop("const")
                    if isinstance(const, str):
                        parameter["schema"]["enum"] = [const]
    return prepared


def _complaint(name: str, error: GeneratorError) -> Iterator[str]:
    yield f"{name}: {error.level.value.lower()}: {error.header}"
    if error.detail:
        yield error.detail
