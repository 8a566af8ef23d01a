"""Client authentication by HTTP Basic: plain (RFC 7617), or form-encoded first (RFC 6749 section 2.3.1)."""

from base64 import b64encode
from typing import Literal
from urllib.parse import quote_plus

from paygrant._arguments import check_choice, check_text, checked

Encoding = Literal["plain", "form"]
ENCODINGS: tuple[Encoding, ...] = ("plain", "form")


@checked
def basic_credentials(client_id: str, client_secret: str, encoding: Encoding = "plain") -> str:
    """Encode credentials for an ``Authorization: Basic`` header.

    Args:
        client_id: The client's id. With the encoding ``"plain"`` it must not hold a colon (RFC 7617 section 2).
        client_secret: The client's secret.
        encoding: ``"plain"`` joins both as they are, in UTF-8. ``"form"`` form-encodes each first (RFC 6749 section
            2.3.1). For letters, digits, ``-``, ``.`` and ``_`` the results are equal.

    Returns:
        The base64 text, without the word Basic.

    Raises:
        ConfigurationError: An argument is empty, is not a string, or holds a character that cannot be sent.
    """
    check_choice("encoding", encoding, ENCODINGS)
    client_id = check_text("client_id", client_id, forbidden=":" if encoding == "plain" else "")
    client_secret = check_text("client_secret", client_secret)
    if encoding == "form":
        client_id, client_secret = quote_plus(client_id), quote_plus(client_secret)
    return b64encode(f"{client_id}:{client_secret}".encode()).decode()


basic_credentials.__module__ = "paygrant"
