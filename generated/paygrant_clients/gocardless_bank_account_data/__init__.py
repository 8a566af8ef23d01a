"""A client library for accessing GoCardless Bank Account Data"""

from .client import AuthenticatedClient, Client

__all__ = (
    "AuthenticatedClient",
    "Client",
)
