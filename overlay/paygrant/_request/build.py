"""A token request before it is sent: each value in the place where the endpoint's description wants it."""

import json
import re
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from paygrant._arguments import invalid_argument
from paygrant._request.client_auth import Encoding, basic_credentials
from paygrant._spec import pointer

if TYPE_CHECKING:
    from paygrant._request.registration import ClientRegistration

JSON = "application/json"

_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+(?: +[\x21-\x7e]+)*")


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
        if self.media_type != JSON:
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
        separator = "&" if "?" in self.url else "?"
        return f"{self.url}{separator}{urlencode(self.query)}" if self.query else self.url

    def put(self, place: str, name: str, value: Any) -> None:
        """Put one value into its place: ``body``, ``path``, ``query`` or ``header``.

        Raises:
            ConfigurationError: The name or the value cannot stand in a header.
        """
        if place == "body":
            self.fields[name] = value
        elif place == "path":
            self.url = self.url.replace(f"{{{name}}}", quote(text(value), safe=""))
        elif place == "query":
            self.query[name] = text(value)
        elif _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(text(value)):
            self.headers[name] = text(value)
        else:
            raise invalid_argument(name, "holds a character that a header cannot carry", "printable ASCII")


def build_request(registration: "ClientRegistration", secret: str, encoding: Encoding) -> UnsignedRequest:
    """Build the whole token request: the fixed values, the caller's values, and the credentials.

    Raises:
        ConfigurationError: A value does not fit its place, or the function that computes the credentials failed.
    """
    endpoint, client_auth, arguments = registration.endpoint, registration.client_auth, registration.arguments
    request = UnsignedRequest(
        endpoint.method, registration.token_url, registration.client_id, secret, endpoint.media_type
    )
    secrets, legible = list[str](), set[str]()
    for each in endpoint.parameters:
        value = each.value if each.argument is None else arguments.get(each.argument)
        if value is not None:
            request.put(each.place, each.name, value)
            secrets.append(text(value)) if each.secret else legible.add(text(value))
    if {".", ".."} & {*urlsplit(request.url).path.split("/")}:
        raise invalid_argument("parameters", "lead to another path", "values other than . and .. in a path")
    if client_auth.place == "basic":
        credentials = basic_credentials(registration.client_id, secret, encoding)
        request.headers["Authorization"] = f"Basic {credentials}"
    elif client_auth.place == "computed":
        _authenticate(request, registration)
    else:
        for name, value in ((client_auth.client_id, registration.client_id), (client_auth.client_secret, secret)):
            if name:
                request.put(client_auth.place, name, value)
    values = [text(value) for place in (request.headers, request.query, request.fields) for value in place.values()]
    secrets += [value for value in values if value not in legible]
    secrets += [value.rpartition(" ")[2] for value in secrets]  # without a scheme such as Basic
    request.secrets = (*request.secrets, *secrets)
    return request


def _authenticate(request: UnsignedRequest, registration: "ClientRegistration") -> None:
    """Let the user's function compute the credentials. It may change path and query, but not the host.

    Raises:
        ConfigurationError: The function failed, changed the host, or left a header that cannot be sent.
    """
    before = urlsplit(request.url)
    _call_authenticate(request, registration)
    after = urlsplit(request.url)
    if (after.scheme, after.netloc) != (before.scheme, before.netloc):
        raise invalid_argument("authenticate", "the function changed the host", "another path or query")
    for name, value in request.headers.items():
        request.put("header", name, value)
    changed = {*after.path.split("/"), after.query} - {*before.path.split("/"), ""}
    request.secrets = (*request.secrets, *changed)


def _call_authenticate(request: UnsignedRequest, registration: "ClientRegistration") -> None:
    fault = "is missing"
    if registration.authenticate:
        try:
            outcome = registration.authenticate(request)
        except Exception as error:  # noqa: BLE001 - a user's function; its error text may hold the secret
            fault = f"the function raised {type(error).__name__}"
        else:
            if outcome is None:
                return
            fault = f"the function returned a {type(outcome).__name__}"
            if isinstance(outcome, Coroutine):
                outcome.close()  # nothing awaits it
    expected = "a function that completes an UnsignedRequest in place and returns None"
    raise invalid_argument("authenticate", fault, expected)


def text(value: Any) -> str:
    """A value as a form, a query or a header holds it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
