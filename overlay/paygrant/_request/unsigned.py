"""UnsignedRequest: a token request without its credentials."""

import json
import re
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode

from paygrant._arguments import checked, invalid_argument, is_framing, plain
from paygrant._secrets import compared_as_a_whole
from paygrant._spec import pointer
from paygrant._spec.reader import is_json

_HEADER_NAME = r"(?a)[\w!#$%&'*+.^`|~-]+"
_HEADER_VALUE = r"[\x21-\x7e]+(?: +[\x21-\x7e]+)*"


@compared_as_a_whole
@dataclass(slots=True, repr=False)
class UnsignedRequest:
    """A token request without its credentials. A function that computes the credentials completes it in place.

    Examples are a signed assertion (RFC 7523) and a header that signs the body. The function is called for every token
    request.

    Attributes:
        method: The HTTP method, such as POST.
        url: The address, without the query.
        client_id: The client's id.
        client_secret: The client's secret as it is now, such as a key to sign with.
        media_type: The media type of the body. None if there is no body.
        headers: The headers, by name.
        query: The parameters of the query, by name.
        fields: The fields of the body, by name. In a JSON body, a name that begins with a slash is a JSON Pointer
            (RFC 6901).
        secrets: Values that no error text may repeat.
    """

    __module__ = "paygrant"

    method: str
    url: str
    client_id: str
    client_secret: str
    media_type: str | None
    headers: dict[str, str] = field(default_factory=dict[str, str])
    query: dict[str, str] = field(default_factory=dict[str, str])
    fields: dict[str, Any] = field(default_factory=dict[str, Any])
    secrets: tuple[str, ...] = ()

    @property
    def body(self) -> bytes:
        """The body as it will be sent, byte for byte."""
        if self.media_type is None:
            return b""
        if not is_json(self.media_type):
            return urlencode({name: text(value) for name, value in self.fields.items()}).encode()
        document: dict[str, Any] = {}
        for name, value in self.fields.items():
            if name.startswith("/"):
                pointer.put(document, name, value)
            else:
                document[name] = value
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def address(self) -> str:
        """The address as it will be requested, with its query."""
        if not self.query:
            return self.url
        separator = "&" if "?" in self.url else "?"
        return f"{self.url}{separator}{urlencode({name: text(value) for name, value in self.query.items()})}"

    def put(self, place: str, name: str, value: Any) -> None:
        """Put one value into its place: ``body``, ``path``, ``query`` or ``header``.

        Raises:
            ConfigurationError: The name or the value cannot be sent in a header.
        """
        if place == "body":
            self.fields[name] = value
        elif place == "path":
            self.url = self.url.replace(f"{{{name}}}", quote(text(value), safe=""))
        elif place == "query":
            self.query[name] = text(value)
        else:
            self.headers[name] = checked_header(name, name, value)


UnsignedRequest.__init__ = checked(UnsignedRequest.__init__)  # type: ignore[method-assign]


def checked_header(argument: str, name: str, value: Any) -> str:
    """The value of a header, if a request can carry it under this name (RFC 9110 section 5.5).

    Raises:
        ConfigurationError: The name or the value holds a character that a header cannot carry, or HTTP itself sets this
            header. The error names the argument.
    """
    if is_framing(name):
        raise invalid_argument(argument, "is a header that HTTP itself sets", "another header")
    if not (re.fullmatch(_HEADER_NAME, name) and re.fullmatch(_HEADER_VALUE, text(value))):
        raise invalid_argument(argument, "holds a character that a header cannot carry", "printable ASCII")
    return text(value)


def text(value: Any) -> str:
    """A value as a form, a query or a header holds it."""
    return str(value).lower() if isinstance(value, bool) else str(plain(value))
