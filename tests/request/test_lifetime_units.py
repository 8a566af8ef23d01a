"""Each unit of a lifetime, read out of a response by itself."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from paygrant._request.lifetime import lifetime_at
from paygrant._request.response import RawResponse
from paygrant._spec.description import Lifetime, Unit
from tests.helpers.documents import jwt_with

A_YEAR = 366 * 86400
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
EPOCH = NOON.timestamp()


def response(date: datetime | None = NOON, received: datetime = NOON + timedelta(hours=1)) -> RawResponse:
    """A response whose server has another time than we have."""
    headers = {} if date is None else {"date": format_datetime(date, usegmt=True)}
    return RawResponse(200, headers, b"", received)


def seconds(unit: Unit, value: object, stated: RawResponse | None = None) -> float | None:
    return lifetime_at(Lifetime(unit, "/end"), {"end": value}, stated or response())


@pytest.mark.parametrize(
    ("unit", "value", "expected"),
    [
        ("seconds", 900, 900),
        ("milliseconds", 900_000, 900),
        ("milliseconds", "1500", 1.5),
        ("milliseconds", "soon", None),
        ("epoch", EPOCH + 900, 900),
        ("epoch", str(EPOCH + 900), 900),
        ("epoch", 1e18, None),
        ("epoch", "soon", None),
        ("epoch_milliseconds", (EPOCH + 900) * 1000, 900),
        ("epoch_milliseconds", str((EPOCH + 900) * 1000), 900),
        ("epoch_milliseconds", True, None),
        ("moment", "2026-11-21T12:15:00Z", 900),
        ("never", None, A_YEAR),
        ("never", 900, A_YEAR),
    ],
)
def test_each_unit_counts_by_the_servers_clock(unit: Unit, value: object, expected: float | None) -> None:
    assert seconds(unit, value) == (None if expected is None else pytest.approx(expected))


def test_a_documented_constant_needs_nothing_in_the_response() -> None:
    assert lifetime_at(Lifetime("seconds", None, 3600), None, response()) == 3600
    assert lifetime_at(Lifetime("seconds", None, 3600), {"": 60}, response()) == 3600


@pytest.mark.parametrize(
    ("value", "expected"),
    [(0, A_YEAR), ("0", A_YEAR), (0.0, A_YEAR), (60, 60), ("60", 60), (False, None), (None, None)],
)
def test_zero_means_never_if_the_spec_says_so(value: object, expected: float | None) -> None:
    where = Lifetime("seconds", "/end", zero_is_never=True)
    assert lifetime_at(where, {"end": value}, response()) == expected
    if expected == A_YEAR:
        assert seconds("seconds", value) == 0


@pytest.mark.parametrize(
    "incomplete",
    ["12:15", "21 Nov 12:15", "Nov 21", "Nov 2999", "2999", "Saturday 12:15", "21 Nov 2999 12:15 IST"],
)
def test_a_moment_that_leaves_something_open_is_none(incomplete: str) -> None:
    assert seconds("moment", incomplete) is None


def test_a_moment_that_is_longer_than_any_is_none() -> None:
    began = time.process_time()
    assert seconds("moment", "1 " * 400_000) is None
    assert time.process_time() - began < 0.5
    assert seconds("moment", f"21 Nov 2026 12:15:00{' ' * 70}UTC") == 900


@pytest.mark.parametrize(("ahead", "expected"), [(0.5, 0.5), (1, 1), (0, None), (-1, None)])
def test_an_end_that_only_our_clock_has_passed_is_none(ahead: float, expected: float | None) -> None:
    silent = response(None, NOON)
    assert seconds("epoch", EPOCH + ahead, silent) == expected
    if expected is None:  # the server's own clock is believed
        assert seconds("epoch", EPOCH + ahead, response(NOON)) == ahead


@pytest.mark.parametrize(
    ("issued", "expected"),
    [
        ({"iat": EPOCH - 100}, 1000),
        ({"iat": str(EPOCH - 100)}, 1000),
        ({}, 900),
        ({"iat": None}, 900),
        ({"iat": "soon"}, 900),
        ({"iat": 1e18}, 900),
        ({"iat": 1e300}, 900),
    ],
)
def test_a_jwt_counts_from_its_issue_if_the_server_does_not_state_its_time(
    issued: dict[str, Any], expected: int
) -> None:
    token = jwt_with(exp=EPOCH + 900, **issued)
    assert seconds("jwt_exp", token, response(None, NOON)) == expected
    assert seconds("jwt_exp", token, response(NOON)) == 900
