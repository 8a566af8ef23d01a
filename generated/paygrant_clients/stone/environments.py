# Written by `paygrant generate`; do not edit.
"""The environments that openapi.json in this folder names."""

from typing import Literal, TypeAlias

Environment: TypeAlias = Literal["sandbox", "production"]
