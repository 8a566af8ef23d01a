"""The parts of a normalized spec that the request and the responses contribute."""

from typing import Any, NamedTuple


class SpecFragment(NamedTuple):
    """Members of the operation, of ``x-token-endpoint``, and of the schemas."""

    operation: dict[str, Any]
    endpoint: dict[str, Any]
    schemas: dict[str, Any]
