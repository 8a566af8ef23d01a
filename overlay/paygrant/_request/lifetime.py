"""How long a token lives, as its response states it: in seconds, as a moment, or in the token's own exp claim."""

import math
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from paygrant._request.response import RawResponse
from paygrant._spec.pointer import value_at

if TYPE_CHECKING:
    from paygrant._spec.description import Lifetime

_LONGEST_LIFETIME = 366 * 86400.0
"""Seconds. A token that lives longer, or for ever, is renewed after a year."""

_ZEROS = (0, "0")

_LONGEST_MOMENT = 100
"""Characters. No date and time is that long, and reading a longer text takes seconds."""


def lifetime_at(where: "Lifetime", document: Any, response: RawResponse) -> float | None:
    """A lifetime in seconds from now. None if it is not there or makes no sense.

    Args:
        where: Where the lifetime is, and its unit.
        document: The JSON document of the response.
        response: The response. Its Date header has the server's time.
    """
    value = where.constant if where.at is None else value_at(document, where.at)
    if where.unit == "never" or (where.zero_is_never and value in _ZEROS and not isinstance(value, bool)):
        return _LONGEST_LIFETIME
    if value is None or isinstance(value, bool):
        return None
    try:
        seconds = _UNITS[where.unit](value, response)
    except (ValueError, TypeError, KeyError, OverflowError, OSError):  # OSError: a moment outside the calendar
        return None
    return min(seconds, _LONGEST_LIFETIME) if math.isfinite(seconds) else None


def _seconds(value: Any, _response: RawResponse) -> float:
    """A number of seconds, also as a string."""
    return float(value)


def _milliseconds(value: Any, _response: RawResponse) -> float:
    """A number of milliseconds, also as a string."""
    return float(value) / 1000


def _epoch(value: Any, response: RawResponse) -> float:
    """The end in seconds since 1970."""
    return _remaining(response, datetime.fromtimestamp(float(value), UTC))


def _epoch_milliseconds(value: Any, response: RawResponse) -> float:
    """The end in milliseconds since 1970."""
    return _epoch(float(value) / 1000, response)


def _moment(value: Any, response: RawResponse) -> float:
    """The end as a date and time: ISO 8601, or another form that dateutil knows. Without a zone it is UTC."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = _other_form(value)
    return _remaining(response, moment if moment.tzinfo else moment.replace(tzinfo=UTC))


def _other_form(text: str) -> datetime:
    """A date and time in another form than ISO 8601.

    Raises:
        ValueError: It is no date, it is too long, a part of the date is missing, or the zone's name is ambiguous, such as IST.
    """
    if len(text) > _LONGEST_MOMENT:
        raise ValueError("it is too long")
    from dateutil.parser import parse

    def zone(name: str | None, offset: int | None) -> int | None:
        if name and offset is None:
            raise ValueError(name)
        return offset

    # The parser takes missing parts from the default: two defaults show whether any part was missing.
    first, second = (parse(text, default=day, tzinfos=zone) for day in (datetime(2001, 1, 1), datetime(2002, 2, 2)))  # noqa: DTZ001 - the zone is in the text
    if first != second:
        raise ValueError(text)
    return first


def _jwt_exp(value: Any, response: RawResponse) -> float:
    """The exp claim of a JWT (RFC 7519 section 4.1.4). The API verifies the signature; its client need not."""
    claims = jwt_claims(value)
    issued = None
    with suppress(ValueError, TypeError, KeyError, OverflowError, OSError):
        issued = jwt_time(claims, "iat")
    return _remaining(response, jwt_time(claims, "exp"), issued)


def jwt_time(claims: Mapping[str, Any], name: str) -> datetime:
    """A moment that a JWT states, such as its end in exp (RFC 7519 section 2, NumericDate).

    Raises:
        KeyError: There is no such claim.
        ValueError, TypeError, OverflowError, OSError: It is no moment.
    """
    return datetime.fromtimestamp(float(claims[name]), UTC)


def jwt_claims(token: str) -> dict[str, Any]:
    """The claims of a JWT (RFC 7519), without a check of its signature.

    Raises:
        ValueError: The token is no JWT.
    """
    import jwt

    try:
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except (jwt.PyJWTError, RecursionError) as error:  # older versions let the second pass
        raise ValueError("no JWT") from error
    return claims


def _remaining(response: RawResponse, end: datetime, issued: datetime | None = None) -> float:
    """The seconds to a token's end.

    Raises:
        ValueError: The end has passed by our own clock, which may be wrong, and the server did not state its time.
    """
    seconds = response.seconds_until(end, issued)
    if seconds <= 0 and response.date is None:
        raise ValueError(end)
    return seconds


_UNITS: Mapping[str, Callable[[Any, RawResponse], float]] = {
    "seconds": _seconds,
    "milliseconds": _milliseconds,
    "epoch": _epoch,
    "epoch_milliseconds": _epoch_milliseconds,
    "moment": _moment,
    "jwt_exp": _jwt_exp,
}
