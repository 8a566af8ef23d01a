"""From the text of a response to the object that a user sees: the generated model, or else a mapping."""

import copy
import functools
import json
from collections.abc import Callable
from importlib import import_module
from typing import Any, cast

from paygrant._errors import MalformedResponse


@functools.cache
def model_reader(package: str | None) -> Callable[[str], Any]:
    """Return the function that makes a user's object from the text of a response. It can be pickled.

    Args:
        package: The generated package with the model. None: the object is a mapping.
    """
    return functools.partial(_read, package)


def _read(package: str | None, text: str) -> Any:
    """The object, a new one each time.

    Raises:
        MalformedResponse: The response does not fit the model.
        ImportError: The generated package is missing, as it may be in another process.
    """
    fault, missing = "is not a JSON object", None
    try:
        document = json.loads(text)
        if isinstance(document, dict):
            document = cast("Any", document)
            return import_module(f"{package}.models").TokenResponse.from_dict(document) if package else document
    except Exception as error:  # noqa: BLE001 - generated code raises whatever its types raise
        fault = f"does not fit the generated model ({type(error).__name__})"
        missing = copy.copy(error) if isinstance(error, ImportError) else None
    document = text = ""  # a traceback must not show them
    raise missing or MalformedResponse(f"the response {fault}", provider=(package or "").rpartition(".")[2])
