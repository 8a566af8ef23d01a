"""Describes a response of a token endpoint without secrets: tokens as fingerprints, and not too long.

In a response with a token, only the texts at places that the spec knows are shown.
"""

import html
import json
import re
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

from paygrant._request.outcome import ResponseReader
from paygrant._request.response import RawResponse
from paygrant._secrets import fingerprint
from paygrant._spec.pointer import escaped

if TYPE_CHECKING:
    from paygrant._spec.description import TokenEndpoint

_SHOWN_HEADERS = ("retry-after", "www-authenticate", "server", "via", "x-request-id", "x-correlation-id", "cf-ray")
"""The headers that help to find out what happened and which server responded. Others, such as cookies, are not shown."""

_LONGEST = 400
"""Characters. A longer body is cut."""

_WIDEST = 50
"""Members. The rest of a larger object or array is left out."""

_MOST_FIELDS = 10
"""Fields whose names are listed."""

_READ = 1 << 14
"""Characters. The rest of a body that is not JSON is not read."""

_DEEPEST = 4
"""Levels. Deeper parts of a document are left out."""

_RUN = re.compile(r"[\w+/=.~-]{8,}", re.ASCII)
"""A text without spaces that may be a secret."""

_HARMLESS = re.compile(
    r"(?![a-f]+$)(?:[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}"  # a UUID, such as the id of a request
    r"|[0-9a-f]{16}-[A-Z]{3}"  # CF-Ray
    r"|[A-Za-z][A-Za-z_.-]{,30}/v?\d+(?:\.\d+)*"  # a product and its version
    r"|\d{4}-\d\d-\d\d(?:T[\d:.]+)?Z?|\d{1,11}(?:\.\d{1,6})?|\d{1,3}(?:\.\d{1,3}){3}"  # a date, a number, an address
    r"|/?(?:[a-z]{1,14}|[A-Z][a-z]{1,14}|v\d|oauth2?)(?:[/_.=-]{1,2}(?:[a-z]{1,14}|[A-Z][a-z]{1,14}|v\d|oauth2?)){,5}/?[.=]*"  # words
    r"|[A-Z]?[a-z]{,21}[.=]*|(?:[A-Z][a-z]{1,11}){2,3}[.=]*|[A-Z_]{,15}[.=]*)",  # one word, also in camel case
    re.ASCII,
)
"""Texts without spaces that are not secret, judging by their form."""

_CAMEL_CASE = re.compile(r"[a-z]{1,14}(?:[A-Z][a-z]{1,14}){,4}", re.ASCII)
"""The name of a field that is not secret, such as ``accessToken``."""

_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def described(response: RawResponse, reader: ResponseReader) -> str:
    """Status, media type, body and some headers of a response, without secrets."""
    media_type = _masked(response.media_type, reader) or "no media type"
    headers = [
        f"{name}: {_masked(response.headers[name], reader)}" for name in _SHOWN_HEADERS if name in response.headers
    ]
    return "; ".join([f"{response.status} {media_type}, {_body(response, reader)}", *headers])


def fields_of(response: RawResponse, reader: ResponseReader) -> list[str]:
    """The places of the fields in a JSON body, without values: JSON Pointers. Further fields are left out."""
    found = list(islice(_leaves(response.document), _MOST_FIELDS + 1))
    shown = ["/".join(_masked_name(each, reader) for each in place.split("/")) for place in found[:_MOST_FIELDS]]
    return [*shown, "..."] if len(found) > _MOST_FIELDS else shown


def _masked_name(name: str, reader: ResponseReader) -> str:
    """The name of a field. It may be in camel case, in which values are masked."""
    return name if _CAMEL_CASE.fullmatch(name) and reader.redact(name) == name else _masked(name, reader)


def _leaves(value: Any, place: str = "") -> Iterator[str]:
    """Yield the places that have no members, or are too deep."""
    inner: Any = value
    if isinstance(value, dict | list) and inner and place.count("/") < _DEEPEST:
        members = inner.items() if isinstance(value, dict) else enumerate(inner)
        for key, each in members:
            yield from _leaves(each, f"{place}/{escaped(str(key))}")
    elif place:
        yield place


def _body(response: RawResponse, reader: ResponseReader) -> str:
    """The body without secrets."""
    if response.body is None:
        return "body too long"
    if not response.body:
        return "empty body"
    document = response.document
    if document is not None:
        text = json.dumps(_Mask(response, reader).of(document), ensure_ascii=False)
        return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}[cut]"
    text = response.text[:_READ]
    if response.is_html:
        title = _TITLE.search(text)
        return f"HTML page: {_masked(html.unescape(title[1]), reader)}" if title else "HTML page"
    if response.status < HTTPStatus.BAD_REQUEST:  # it may contain a token, at an unknown place
        return f"{len(response.body)} bytes that are not JSON"
    return _masked(text, reader)


def _masked(text: str, reader: ResponseReader) -> str:
    """A text of the server without the credentials, and without texts that look like secrets."""
    return _RUN.sub(lambda run: run[0] if _HARMLESS.fullmatch(run[0]) else "...", reader.redact(text))


class _Mask:
    """Masks the texts of a JSON document, by their place."""

    def __init__(self, response: RawResponse, reader: ResponseReader) -> None:
        self._reader = reader
        self._refused = response.status >= HTTPStatus.BAD_REQUEST
        endpoint = reader.registration.endpoint
        self._tokens = set(endpoint.response.access_token)
        self._known = _places(endpoint)

    def of(self, value: Any, place: str = "") -> Any:
        """A value with its texts masked."""
        inner: Any = value
        if place in self._tokens and value is not None:
            return f"<token {fingerprint(inner)}>" if isinstance(value, str) else f"<{type(inner).__name__}>"
        if isinstance(value, dict | list) and place.count("/") >= _DEEPEST:
            return "..."
        if isinstance(value, dict):
            return {
                _masked_name(key, self._reader): self.of(each, f"{place}/{escaped(key)}")
                for key, each in islice(inner.items(), _WIDEST)
            }
        if isinstance(value, list):
            return [self.of(each, f"{place}/{index}") for index, each in enumerate(inner[:_WIDEST])]
        if isinstance(value, str):
            return _masked(value, self._reader) if self._refused or place in self._known else "<text>"
        # A secret of digits may be repeated as a number.
        return value if self._reader.redact(str(value)) == str(value) else "<number>"


def _places(endpoint: "TokenEndpoint") -> set[str]:
    """The places in a response whose meaning the spec knows: JSON Pointers."""
    response, error = endpoint.response, endpoint.error
    conditions = [each.at for each in (endpoint.success, *endpoint.invalid_client) if each and each.at]
    lifetimes = [each.at for each in response.lifetime if each.at and each.unit != "jwt_exp"]
    return {*response.token_type, *response.scope, *lifetimes, *error.code, *error.description, *conditions}
