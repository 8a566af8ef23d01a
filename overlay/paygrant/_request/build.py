"""A token request before it is sent: each part put where the endpoint's description wants it."""

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode, urlsplit

from paygrant._arguments import refused
from paygrant._request.client_auth import Encoding, basic_credentials
from paygrant._spec import pointer as _pointer

if TYPE_CHECKING:
    from paygrant._providers.base import Provider

JSON = "application/json"

_HEADER_NAME = re.compile(r"[\w!#$%&'*+.^`|~-]+", re.ASCII)
_HEADER_VALUE = re.compile(r"[\x21-\x7e]+(?: +[\x21-\x7e]+)*")


@dataclass(slots=True, repr=False)
class Draft:
    """A token request that still lacks its credentials, for a function that computes them to complete in place.

    Such are a signed assertion (RFC 7523) or a header that signs the body. Called for every token request.

    Attributes:
        method: Such as POST.
        url: The address, without the query.
        client_id: The client's id.
        client_secret: The client's secret as it is now: a key to sign with, say.
        headers: By name.
        query: By name.
        fields: Of the body, by name; in a JSON body a name that begins with a slash is a JSON Pointer (RFC 6901).
        secrets: What of all this no error may repeat.
    """

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
                _pointer.put(document, name, value)
            else:
                document[name] = value
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    @property
    def address(self) -> str:
        """The address as it will be requested, with its query."""
        mark = "&" if "?" in self.url else "?"
        return f"{self.url}{mark}{urlencode(self.query)}" if self.query else self.url

    def put(self, place: str, name: str, value: Any) -> None:
        """Put one value into its place."""
        if place == "body":
            self.fields[name] = value
        elif place == "path":
            self.url = self.url.replace(f"{{{name}}}", quote(text(value), safe=""))
        elif place == "query":
            self.query[name] = text(value)
        elif _HEADER_NAME.fullmatch(name) and _HEADER_VALUE.fullmatch(text(value)):
            self.headers[name] = text(value)
        else:
            raise refused(name, "holds a character that a header cannot carry", "allowed is printable ASCII")


def draft_request(provider: "Provider", secret: str, encoding: Encoding) -> Draft:
    """The whole token request: what is fixed, what the caller gives, and the credentials.

    Raises:
        ConfigurationError: The function that computes the credentials failed.
    """
    endpoint, way, arguments = provider.endpoint, provider.way, provider.arguments()
    draft = Draft(endpoint.method, provider.token_url, provider.client_id, secret, endpoint.media_type)
    secrets, legible = list[str](), set[str]()
    for each in endpoint.parameters:
        value = each.value if each.argument is None else arguments.get(each.argument)
        if value is not None:
            draft.put(each.place, each.name, value)
            secrets.append(text(value)) if each.secret else legible.add(text(value))
    if {".", ".."} & {*urlsplit(draft.url).path.split("/")}:
        raise refused("parameters", "lead to another path", "allowed in a path are values other than . and ..")
    if way.place == "basic":
        draft.headers["Authorization"] = f"Basic {basic_credentials(provider.client_id, secret, encoding)}"
    elif way.place == "computed":
        _complete(draft, provider)
    else:
        for name, value in ((way.client_id, provider.client_id), (way.client_secret, secret)):
            if name:
                draft.put(way.place, name, value)
    values = [text(value) for place in (draft.headers, draft.query, draft.fields) for value in place.values()]
    secrets += [value for value in values if value not in legible]
    secrets += [value.rpartition(" ")[2] for value in secrets]  # without a word such as Basic
    draft.secrets = (*draft.secrets, *secrets)
    return draft


def _complete(draft: Draft, provider: "Provider") -> None:
    """Have the credentials computed. What that makes of the address goes to the same host, and is secret.

    Raises:
        ConfigurationError: The function failed, changed the host, or left a header that cannot be sent.
    """
    before = urlsplit(draft.url)
    provider.complete(draft)
    after = urlsplit(draft.url)
    if (after.scheme, after.netloc) != (before.scheme, before.netloc):
        raise refused("authenticate", "the function changed the host", "allowed is another path or query")
    for name, value in draft.headers.items():
        draft.put("header", name, value)
    changed = {*after.path.split("/"), after.query} - {*before.path.split("/"), ""}
    draft.secrets = (*draft.secrets, *changed)


def text(value: Any) -> str:
    """A value as a form, a query or a header holds it."""
    return str(value).lower() if isinstance(value, bool) else str(value)
