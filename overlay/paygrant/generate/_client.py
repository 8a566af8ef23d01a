"""Runs openapi-python-client in this process: importing it takes longer than generating with it.

It writes raw code. Masking the secrets and formatting the code are left to others.
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
from jinja2.bccache import Bucket
from openapi_python_client import Project, __version__
from openapi_python_client.config import Config, ConfigFile, MetaType
from openapi_python_client.parser import GeneratorData
from openapi_python_client.parser.errors import GeneratorError
from openapi_python_client.parser.properties import ModelProperty

from paygrant._spec.errors import GenerationError

_NAME = "openapi-python-client"


class _CompiledTemplates(BytecodeCache):
    """Keeps the compiled templates of the generator in this process: compiling them is most of its work."""

    def __init__(self) -> None:
        self._kept: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if kept := self._kept.get(bucket.key):
            bucket.bytecode_from_string(kept)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._kept[bucket.key] = bucket.bytecode_to_string()


_templates = _CompiledTemplates()


def check_version() -> None:
    """Check that the installed generator has the version that paygrant needs: another version writes other code.

    Raises:
        GenerationError: It has another version.
    """
    pins = re.findall(rf"^{_NAME}==([^\s;]+)", "\n".join(requires("paygrant") or ()), re.MULTILINE)
    if any(pin != __version__ for pin in pins):
        raise GenerationError(f"paygrant needs {_NAME} {pins[0]}, but {__version__} is installed")


def write_client(spec: Mapping[str, Any], folder: Path) -> Sequence[ModelProperty]:
    """Write the spec's client package as the new `folder`.

    Args:
        spec: A normalized OpenAPI document.
        folder: The folder of the package. Its name is the provider's.

    Returns:
        The generated models.

    Raises:
        GenerationError: The generator reports an error or a warning.
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
    project.env.bytecode_cache = _templates
    with contextlib.redirect_stdout(io.StringIO()):  # "Generating <folder>"
        errors = project.build()
    if errors:
        raise GenerationError("\n".join(line for error in errors for line in _complaint(folder.name, error)))
    return list(data.models)


def _prepared(spec: Mapping[str, Any]) -> dict[str, Any]:
    """Return the spec in a form that suits the generator.

    The generated functions take an `AuthenticatedClient` only where an operation has `security`, even where `{}` among
    its requirements makes that optional. In that case the requirements are removed. The generator does not support a
    header with a `const`. A string becomes an `enum` with one value; another type loses the `const`. It does not support a
    Content-Type without a body either, so that becomes a header.
    """
    prepared = deepcopy(dict(spec))
    _leave_out_certificates(prepared)
    for path in prepared["paths"].values():
        for operation in path.values():
            if {} in operation.get("security", []):
                operation["security"] = []
            content = operation.get("requestBody", {}).get("content", {})
            if bare := [media_type for media_type, body in content.items() if "schema" not in body]:
                del operation["requestBody"]
                content_type: dict[str, Any] = {
                    "name": "Content-Type",
                    "in": "header",
                    "required": True,
                    "schema": {"type": "string"},
                }
                content_type["schema"]["const"] = bare[0]
                operation["parameters"] = [*operation.get("parameters", []), content_type]
            for parameter in operation.get("parameters", []):
                if parameter["in"] == "header" and "const" in parameter["schema"]:
                    const = parameter["schema"].pop("const")
                    if isinstance(const, str):
                        parameter["schema"]["enum"] = [const]
    return prepared


def _leave_out_certificates(spec: dict[str, Any]) -> None:
    """Remove what a spec says of certificates: connections have them, so the client sends no credentials for them."""
    schemes: dict[str, Any] = spec["components"].get("securitySchemes", {})
    certificates = {name for name, scheme in schemes.items() if scheme.get("type") == "mutualTLS"}
    operations = [operation for path in spec["paths"].values() for operation in path.values()]
    alternatives = [alternative for operation in operations for alternative in operation.get("security", ())]
    for names in (schemes, *alternatives):
        for name in certificates & names.keys():
            del names[name]


def _complaint(name: str, error: GeneratorError) -> Iterator[str]:
    yield f"{name}: {error.level.value.lower()}: {error.header}"
    if error.detail:
        yield error.detail
