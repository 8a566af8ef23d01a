"""RawResponse: what came back to a token request, and the facts in its headers."""

import json
import math
import re
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit, urlunsplit

NONCE_ERROR = "use_dpop_nonce"
"""The error by which a server asks for a proof with its nonce (RFC 9449 sections 8 and 9)."""

_CHARSET = (
    r"""(?i);\s*charset\s*=\s*["']?"""
    r"(iso-?8859-\d+|latin-?\d+|windows-\d+|cp\d+|koi8-[ru]|gbk?|gb2312|gb18030|big5|euc-\w+|shift_jis|utf-(?:16|32)\w*)\b"
)
"""A charset in a Content-Type. Python has other codecs, and some of them take minutes for a long body."""

_FORM = "application/x-www-form-urlencoded"

_LOOKS_LIKE_A_FORM = r"[\w.\-\[\]%+]+=[^&\s<>{}\"]*(?:&[\w.\-\[\]%+]+=[^&\s<>{}\"]*)*"

_MOST_FIELDS = 100
"""No error has as many."""


class RawResponse:
    """A response as it came.

    Attributes:
        status: The HTTP status.
        headers: The headers, by lower-case name.
        body: The body. None if it was too long to read.
        received: When it came, by our own clock.
    """

    __slots__ = ("body", "headers", "received", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes | None, received: datetime) -> None:
        self.status = status
        self.headers = headers
        self.body = body
        self.received = received

    @property
    def date(self) -> datetime | None:
        """The server's time. None if the response does not state it."""
        date = http_date(self.headers.get("date", ""))
        # Date has whole seconds only: within the second that it names, our own clock is more exact.
        return self.received if date and date <= self.received < date + timedelta(seconds=1) else date

    @property
    def skew(self) -> float | None:
        """How far the server's clock is ahead of our own, in seconds. None if the response does not state its time."""
        date = self.date
        return None if date is None else (date - self.received).total_seconds()

    def seconds_until(self, moment: datetime, issued: datetime | None = None) -> float:
        """The seconds until a moment: by the server's time, else since the token was issued, else by our own clock."""
        return (moment - (self.date or issued or self.received)).total_seconds()

    @property
    def document(self) -> Any:
        """The JSON document in the body. None if there is none."""
        try:
            return json.loads(self.text)
        except (ValueError, RecursionError):
            return None

    @property
    def form(self) -> Mapping[str, str] | None:
        """The fields of a form in the body, by the Content-Type or by its look. None if it is none.

        Some servers, such as GitHub's, send errors as ``error=...&error_description=...``.
        """
        text = self.text.strip()
        if self.media_type != _FORM and not re.fullmatch(_LOOKS_LIKE_A_FORM, text):
            return None
        for encoding, errors in (("utf-8", "strict"), ("windows-1252", "replace")):
            with suppress(ValueError):  # another encoding, or too many fields
                fields = parse_qsl(text, True, encoding=encoding, errors=errors, max_num_fields=_MOST_FIELDS)  # noqa: FBT003 - blank values, too
                return dict(reversed(fields))  # the first of a name counts
        return None

    @property
    def text(self) -> str:
        """The body as text: in UTF-8, 16 or 32, else in the charset of the Content-Type, else in Windows-1252.

        Servers that declare another charset often send UTF-8 all the same, so UTF-8 comes first.
        """
        body = self.body or b""
        with suppress(UnicodeDecodeError):
            return body.decode(json.detect_encoding(body))
        if declared := re.search(_CHARSET, self.headers.get("content-type", "")):
            with suppress(UnicodeDecodeError, LookupError):
                return body.decode(declared[1])
        return body.decode("windows-1252", errors="replace")

    @property
    def media_type(self) -> str:
        """The media type of the body in lower case, without parameters. Empty if the response does not state it."""
        return self.headers.get("content-type", "").partition(";")[0].strip().lower()

    @property
    def is_html(self) -> bool:
        """Whether the body is an HTML page."""
        return "html" in self.media_type or (self.body or b"").lstrip()[:1] == b"<"

    @property
    def is_client_error(self) -> bool:
        """Whether the status is one of a wrong request (RFC 9110 section 15.5)."""
        return HTTPStatus.BAD_REQUEST <= self.status < HTTPStatus.INTERNAL_SERVER_ERROR

    @property
    def is_redirect(self) -> bool:
        """Whether the status is one of redirection (RFC 9110 section 15.4)."""
        return HTTPStatus.MULTIPLE_CHOICES <= self.status < HTTPStatus.BAD_REQUEST

    def redirect_target(self, url: str) -> str:
        """Where a redirect of this URL leads (RFC 9110 section 10.2.2): scheme, host and path, as words of a text.

        The rest is left out: a user, a query and a fragment may hold a code or a token.
        """
        if not (location := self.headers.get("location")):
            return "an address that is not stated"
        try:
            target = urlsplit(urljoin(url, location))
            host, port = target.hostname or "", f":{target.port}" if target.port else ""
        except ValueError:
            return "an address that is not valid"
        return urlunsplit((target.scheme, f"[{host}]{port}" if ":" in host else host + port, target.path, "", ""))

    @property
    def retry_after(self) -> float | None:
        """The seconds to wait that Retry-After states, as a number or as a date (RFC 9110 section 10.2.3)."""
        text = self.headers.get("retry-after", "").strip()
        if text.isascii() and text.isdigit() and math.isfinite(seconds := float(text)):
            return seconds
        moment = http_date(text)
        return None if moment is None else max(0.0, self.seconds_until(moment))


def http_date(text: str) -> datetime | None:
    """A date in a header (RFC 9110 section 5.6.7)."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
