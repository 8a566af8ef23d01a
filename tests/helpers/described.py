"""A provider of a spec that a test makes up, read from a folder as users have it."""

import json
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from paygrant import SpecProvider


def described(document: Mapping[str, Any], /, **arguments: Any) -> SpecProvider:
    """The provider, called acme, that this document describes.

    Args:
        document: The spec, as JSON.
        **arguments: The arguments of SpecProvider.
    """
    with TemporaryDirectory() as folder:
        package = Path(folder, "acme")
        package.mkdir()
        (package / "openapi.json").write_text(json.dumps(document), "utf-8")
        return SpecProvider(package, **arguments)
