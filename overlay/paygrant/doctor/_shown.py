"""An answer of a token endpoint as it can be shown: tokens by their fingerprints, nothing secret, and not too long.

Of an answer with a token, only those texts are shown whose meaning the spec knows; the token's place is one of them.
"""

import html
import json
import re
from http import HTTPStatus
from itertools import islice
from typing import TYPE_CHECKING, Any

from paygrant._request.outcome import ResponseReader
from paygrant._request.response import RawResponse
from paygrant._secrets import fingerprint
from paygrant._spec.pointer import escaped

if TYPE_CHECKING:
    from paygrant._spec.description import TokenEndpoint

_TELLING = ("retry-after", "www-authenticate", "server", "via", "x-request-id", "x-correlation-id", "cf-ray")
"""The headers that help to find out what happened, and who it was that answered. Others, cookies say, are not shown."""

_LONGEST = 400
"""Characters of a body that are shown."""

_WIDEST = 50
"""Members of an object or an array that are shown."""

_READ = 1 << 14
"""Bytes of a body without JSON that are looked at."""

_DEEPEST = 4
"""Levels of a document that are shown."""

_OPAQUE = re.compile(r"eyJ[\w.-]+|[\w+/=.~-]{40,}", re.ASCII)
"""A JWT, or a text so long and without a blank that it may be a secret of some kind."""

_TITLE = re.compile(r"<title[^>]*>(.*?)</title", re.IGNORECASE | re.DOTALL)


def shown(answer: RawResponse, judge: ResponseReader) -> str:
    """Status, media type, body and telling headers."""
    media_type = judge.redact(answer.headers.get("content-type", "").partition(";")[0]) or "no media type"
    headers = [f"{name}: {judge.redact(answer.headers[name])}" for name in _TELLING if name in answer.headers]
    return "; ".join([f"{answer.status} {media_type}, {_body(answer, judge)}", *headers])


def media_is_html(answer: RawResponse) -> bool:
    """Whether the answer is a page for people."""
    return "html" in answer.headers.get("content-type", "") or (answer.body or b"").lstrip()[:1] == b"<"


def _body(answer: RawResponse, judge: ResponseReader) -> str:
    """The body, as far as it can be shown."""
    if answer.body is None:
        return "too long"
    if not answer.body:
        return "empty"
    document = answer.document
    if document is not None:
        told = json.dumps(_Mask(answer, judge).of(document), ensure_ascii=False)
        return told if len(told) <= _LONGEST else f"{told[:_LONGEST]}[cut]"
    text = answer.body[:_READ].decode(errors="replace")
    if media_is_html(answer):
        title = _TITLE.search(text)
        return f"a page: {_veiled(html.unescape(title[1]), judge)}" if title else "a page"
    if answer.status < HTTPStatus.BAD_REQUEST:  # there may be a token in it, who knows where
        return f"{len(answer.body)} bytes that are no JSON"
    return _veiled(text, judge)


def _veiled(text: str, judge: ResponseReader) -> str:
    """A stranger's text without the credentials, and without what may be other secrets."""
    return _OPAQUE.sub("...", judge.redact(text))


class _Mask:
    """Masks a document's texts by where they stand."""

    def __init__(self, answer: RawResponse, judge: ResponseReader) -> None:
        self._judge = judge
        self._refused = answer.status >= HTTPStatus.BAD_REQUEST
        endpoint = judge.registration.endpoint
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
                _veiled(key, self._judge): self.of(each, f"{place}/{escaped(key)}")
                for key, each in islice(inner.items(), _WIDEST)
            }
        if isinstance(value, list):
            return [self.of(each, f"{place}/{index}") for index, each in enumerate(inner[:_WIDEST])]
        if isinstance(value, str):
            return _veiled(value, self._judge) if self._refused or place in self._known else "<text>"
        # A secret of digits may come back as a number.
        return value if self._judge.redact(str(value)) == str(value) else "<number>"


def _places(endpoint: "TokenEndpoint") -> set[str]:
    """Where an answer's known words stand: JSON Pointers."""
    answer, error = endpoint.response, endpoint.error
    conditions = [each.at for each in (endpoint.success, *endpoint.invalid_client) if each and each.at]
    lifetimes = [each.at for each in answer.lifetime if each.at and each.unit != "jwt_exp"]
    return {*answer.token_type, *answer.scope, *lifetimes, *error.code, *error.description, *conditions}
