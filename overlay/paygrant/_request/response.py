"""Reading an answer of a token endpoint by its description: a token and its lifetime, or the right error.

Pure: bytes in, a verdict out. The generated models are not asked: an answer that differs a little from the
documentation must still give its token, or an error of ours.
"""

import json
import math
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import urljoin

from paygrant._errors import (
    InvalidClient,
    MalformedResponse,
    ProviderUnavailable,
    RateLimited,
    TokenError,
    TokenRequestRejected,
)
from paygrant._spec.pointer import value_at
from paygrant._text import without
from paygrant._tokens.token import Token

if TYPE_CHECKING:
    from paygrant._providers.base import Provider
    from paygrant_clients.description import Condition, Lifetime

E = TypeVar("E", bound=TokenError)

HEADER_TEXT = re.compile(r"[\x21-\x7e]+")
"""What an Authorization header can carry after the word Bearer."""

_LONGEST_LIFETIME = 366 * 86400.0
"""Seconds. A token that claims to live longer, or for ever, is asked for anew after a year."""

_ZEROS = (0, "0")


@dataclass(frozen=True, slots=True, repr=False)
class Answer:
    """What came back: status, headers by lower-case name, the body unless it was too long, and our own time then."""

    status: int
    headers: Mapping[str, str]
    body: bytes | None
    received: datetime

    @property
    def date(self) -> datetime | None:
        """What time it was for the server; None where it does not say."""
        date = _http_date(self.headers.get("date", ""))
        # A Date is cut to whole seconds: within the second that it names, our own clock knows better.
        return self.received if date and date <= self.received < date + timedelta(seconds=1) else date

    def seconds_until(self, moment: datetime, issued: datetime | None = None) -> float:
        """How far off a moment is by the server's clock, or else from when it issued a token, or else by ours."""
        return (moment - (self.date or issued or self.received)).total_seconds()


@dataclass(frozen=True, slots=True, repr=False)
class Judge:
    """Judges the answers to one provider's requests. No error repeats any of the secrets."""

    provider: "Provider"
    secrets: tuple[str, ...]

    def error(self, kind: Callable[..., E], what: str, status: int | None = None) -> E:
        """An error that says for which provider and environment, and with which status."""
        name, environment = self.provider.endpoint.name, self.provider.environment_name
        where = f"{name} ({environment})" if environment else name
        text = f"{where}: {what}" if status is None else f"{where}: status {status}, {what}"
        return kind(text, provider=name, environment=environment, status=status)

    def clean(self, text: str) -> str:
        """A stranger's text, without any of the secrets."""
        return without(self.secrets, text)

    def judge(self, answer: Answer) -> tuple[Token, float | None]:
        """The token and its lifetime in seconds; None where the answer says nothing of it.

        Raises:
            TokenError: There is no usable token in the answer.
        """
        endpoint = self.provider.endpoint
        status = answer.status
        if HTTPStatus.MULTIPLE_CHOICES <= status < HTTPStatus.BAD_REQUEST:
            target = self.clean(redirect_target(self.provider.token_url, answer))
            raise self.error(MalformedResponse, f"a redirect to {target}, which is not followed", status)
        document = document_of(answer.body)
        code, text = (self._words(document, pointers) for pointers in (endpoint.error.code, endpoint.error.description))
        text = text or self._plain_words(answer)
        words = "".join(f": {word}" for word in (code, text) if word)
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            limited = self.error(RateLimited, f"too many requests{words}", status)
            limited.retry_after = retry_after(answer)
            raise limited
        if status == HTTPStatus.REQUEST_TIMEOUT or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            failure = self.error(ProviderUnavailable, f"the server failed{words}", status)
            failure.retry_after = retry_after(answer)
            raise failure
        token = first_at(document, endpoint.response.access_token)
        wrong_client = any(_holds(condition, status, document) for condition in endpoint.invalid_client)
        unsuccessful = endpoint.success is not None and _contradicts(endpoint.success, document)
        if wrong_client or unsuccessful or status >= HTTPStatus.BAD_REQUEST or (code and token is None):
            kind, what = (InvalidClient, "credentials refused") if wrong_client else (TokenRequestRejected, "refused")
            rejection = self.error(kind, what + words, status)
            rejection.error, rejection.error_description = code, text
            raise rejection
        try:
            return self._read(answer, document, token)
        except _UnusableError as fault:
            unusable = str(fault)
        raise self.error(MalformedResponse, unusable, status)

    def _read(self, answer: Answer, document: Any, token: Any) -> tuple[Token, float | None]:
        """Read a successful answer."""
        where = self.provider.endpoint.response
        if answer.body is None:
            raise _UnusableError("the answer is too long")
        if document is None:
            raise _UnusableError("the answer is no JSON")
        if not isinstance(token, str) or not token:
            raise _UnusableError("the answer holds no token")
        if not HEADER_TEXT.fullmatch(token):
            raise _UnusableError("the token holds characters that a header cannot carry")
        token_type = first_at(document, where.token_type)
        prefix = self.provider.endpoint.token_use.prefix
        if token_type is not None and str(token_type).lower() not in {"bearer", prefix.lower()}:
            raise _UnusableError(f"the token is no Bearer token but {self.clean(str(token_type))!r}")
        lifetimes = (lifetime_at(each, document, answer) for each in where.lifetime)
        lifetime = next((each for each in lifetimes if each is not None), None)
        if lifetime is not None and lifetime <= 0:
            raise _UnusableError("the token is over already")
        # A server that grants what was asked for need not repeat the scope (RFC 6749 section 5.1).
        scope = first_at(document, where.scope) or self.provider.arguments().get("scope")
        return Token(token, prefix, _strings(scope)), lifetime

    def _words(self, document: Any, pointers: tuple[str, ...]) -> str | None:
        """A server's own words at one of these places."""
        words = first_at(document, pointers)
        legible = isinstance(words, str | int | float) and not isinstance(words, bool) and words != ""
        return self.clean(str(words)) if legible else None

    def _plain_words(self, answer: Answer) -> str | None:
        """What a failure says as plain text."""
        plain = answer.status >= HTTPStatus.BAD_REQUEST and answer.headers.get("content-type", "").startswith(
            "text/plain"
        )
        return self.clean((answer.body or b"").decode(errors="replace")) or None if plain else None


class _UnusableError(Exception):
    """Why an answer's token cannot be used."""


def redirect_target(url: str, answer: Answer) -> str:
    """Where a redirect points (RFC 9110 section 10.2.2); as the server writes it, where that is no address."""
    location = answer.headers.get("location", "")
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def retry_after(answer: Answer) -> float | None:
    """The seconds to wait that a Retry-After header asks for, as a number or as a date (RFC 9110 section 10.2.3)."""
    text = answer.headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit() and math.isfinite(seconds := float(text)):
        return seconds
    moment = _http_date(text)
    return None if moment is None else max(0.0, answer.seconds_until(moment))


def document_of(body: bytes | None) -> Any:
    """The JSON of a body; None where it is none."""
    try:
        return json.loads(body or b"")
    except (ValueError, RecursionError):
        return None


def first_at(document: Any, pointers: tuple[str, ...]) -> Any:
    """The first value at one of the pointers; None where there is none."""
    return next((value for pointer in pointers if (value := value_at(document, pointer)) is not None), None)


def _strings(value: Any) -> tuple[str, ...]:
    """Several texts, as a list or in one text that separates them by spaces."""
    if isinstance(value, str):
        return tuple(value.split())
    several: Any = value
    return tuple(map(str, several)) if isinstance(value, list) else ()


def _holds(condition: "Condition", status: int, document: Any) -> bool:
    """Whether a condition holds for an answer."""
    if condition.at is None:
        return condition.status == status
    value = value_at(document, condition.at)
    return value == condition.equals and isinstance(value, bool) == isinstance(condition.equals, bool)


def _contradicts(condition: "Condition", document: Any) -> bool:
    """Whether an answer says the contrary of a condition, rather than nothing."""
    return (
        condition.at is not None and value_at(document, condition.at) is not None and not _holds(condition, 0, document)
    )


def lifetime_at(where: "Lifetime", document: Any, answer: Answer) -> float | None:
    """A lifetime in seconds from now; None where it does not stand there or makes no sense."""
    value = where.constant if where.at is None else value_at(document, where.at)
    if where.unit == "never" or (where.zero_is_never and value in _ZEROS and not isinstance(value, bool)):
        return _LONGEST_LIFETIME
    if value is None or isinstance(value, bool):
        return None
    try:
        seconds = _UNITS[where.unit](value, answer)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):  # the last: a moment beyond the calendar
        return None
    return min(seconds, _LONGEST_LIFETIME) if math.isfinite(seconds) else None


def _in_seconds(value: Any, _answer: Answer) -> float:
    """A number of seconds, be it written as text."""
    return float(value)


def _in_milliseconds(value: Any, _answer: Answer) -> float:
    """A number of milliseconds."""
    return float(value) / 1000


def _epoch(value: Any, answer: Answer) -> float:
    """The end in seconds since 1970."""
    return _left(answer, datetime.fromtimestamp(float(value), UTC))


def _epoch_milliseconds(value: Any, answer: Answer) -> float:
    """The end in milliseconds since 1970."""
    return _epoch(float(value) / 1000, answer)


def _moment(value: Any, answer: Answer) -> float:
    """A moment as text: ISO 8601, or another form that dateutil knows; UTC where no zone is given."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = _written_otherwise(value)
    return _left(answer, moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _written_otherwise(text: str) -> datetime:
    """A moment in another form than ISO 8601.

    Raises:
        ValueError: It is none, lacks a part of the date, or is in a zone that has no one meaning, such as IST.
    """
    from dateutil.parser import parse

    def zone(name: str | None, offset: int | None) -> int | None:
        if name and offset is None:
            raise ValueError(name)
        return offset

    # What a text leaves out, the parser takes from elsewhere.
    first, second = (parse(text, default=day, tzinfos=zone) for day in (datetime(2001, 1, 1), datetime(2002, 2, 2)))  # noqa: DTZ001 - the zone is in the text
    if first != second:
        raise ValueError(text)
    return first


def _jwt_exp(value: Any, answer: Answer) -> float:
    """The exp claim of a JWT (RFC 7519 section 4.1.4). The signature is the API's business, not its client's."""
    import jwt

    try:
        claims = jwt.decode(value, options={"verify_signature": False})
    except jwt.PyJWTError as error:
        raise ValueError(value) from error
    issued = None
    with suppress(ValueError, TypeError, KeyError, OverflowError, OSError):
        issued = datetime.fromtimestamp(float(claims["iat"]), UTC)
    return _left(answer, datetime.fromtimestamp(float(claims["exp"]), UTC), issued)


def _left(answer: Answer, end: datetime, issued: datetime | None = None) -> float:
    """The seconds to a token's end.

    Raises:
        ValueError: It would be over already, but the server has not told its time: our clock may well be wrong.
    """
    seconds = answer.seconds_until(end, issued)
    if seconds <= 0 and answer.date is None:
        raise ValueError(end)
    return seconds


_UNITS: Mapping[str, Callable[[Any, Answer], float]] = {
    "seconds": _in_seconds,
    "milliseconds": _in_milliseconds,
    "epoch": _epoch,
    "epoch_milliseconds": _epoch_milliseconds,
    "moment": _moment,
    "jwt_exp": _jwt_exp,
}


def _http_date(text: str) -> datetime | None:
    """A date in a header (RFC 9110 section 5.6.7)."""
    try:
        moment = parsedate_to_datetime(text)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
