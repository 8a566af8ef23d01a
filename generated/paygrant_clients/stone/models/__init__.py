"""Contains all the data models used in inputs/outputs"""

from .token_error import TokenError
from .token_request import TokenRequest
from .token_response import TokenResponse

__all__ = (
    "TokenError",
    "TokenRequest",
    "TokenResponse",
)
