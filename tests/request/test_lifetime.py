"""How long a token lives: in seconds, by its own claims, or as a moment."""

from base64 import b64encode
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    MalformedResponse,
    RefreshPolicy,
    RipioRamp,
    RipioWidget,
    Ripple,
    TokenSource,
)
from paygrant._providers import base
from paygrant._providers.base import Provider
from paygrant._spec.description import Lifetime
from paygrant._spec.reader import endpoint_of
from tests.helpers.clock import Clock
from tests.helpers.documents import jwt_with
from tests.helpers.failures import TOKEN, failure
from tests.helpers.providers import ARGUMENTS, GRANTED, ask, each_provider, make
from tests.helpers.servers import Reply, Server, granted

A_YEAR = 366 * 86400
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


def lifetime(kind: type[Provider], base_url: str, clock: Clock) -> float | None:
    """The seconds that a token says it has left."""
    expires_at = ask(make(kind, base_url=base_url)).expires_at
    return None if expires_at is None else (expires_at - clock.wall()).total_seconds()


# Lifetimes in seconds


@pytest.mark.parametrize(
    ("stated", "seconds"),
    [
        (3600, 3600),
        (1, 1),
        (0.5, 0.5),
        ("3600", 3600),
        ("3600.5", 3600.5),
        (3600.5, 3600.5),
        (A_YEAR, A_YEAR),
        (A_YEAR + 1, A_YEAR),
        (10**12, A_YEAR),
        (1e308, A_YEAR),
        ("1e308", A_YEAR),
        (None, None),
        (True, None),
        ("", None),
        ("an hour", None),
        ("PT1H", None),
        ("NaN", None),
        ("Infinity", None),
        (float("nan"), None),
        (float("inf"), None),
        (float("-inf"), None),
        (10**4000, None),
        ("9" * 5000, None),
        ([3600], None),
        ({"seconds": 3600}, None),
    ],
)
def test_a_lifetime_is_in_seconds_or_comes_from_the_policy(
    stated: object, seconds: float | None, server: Server, clock: Clock
) -> None:
    server.reply = lambda _: granted(f"token-{len(server.seen)}", stated)
    source = TokenSource(make(Cryptofuse, base_url=server.base_url), policy=RefreshPolicy(default_lifetime=200))
    token = source.get()
    assert token.expires_at == (None if seconds is None else clock.wall() + timedelta(seconds=seconds))
    used_for = 200 if seconds is None else seconds
    clock.pass_by(used_for - min(30, used_for / 10) - 0.01)
    assert source.get() is token
    clock.pass_by(0.02)
    assert source.get().access_token == "token-2"


@each_provider
def test_a_documented_response_gives_the_documented_lifetime(
    kind: type[Provider], server: Server, clock: Clock
) -> None:
    documented: dict[type[Provider], float | None]
    documented = {RipioRamp: 36000, RipioWidget: None, Ripple: 3600, AlternativePayments: 3600, Cryptofuse: 36000}
    server.reply = Reply(GRANTED[kind]("the-token"))
    assert lifetime(kind, server.base_url, clock) == documented[kind]
    assert documented.keys() == ARGUMENTS.keys()


@pytest.mark.parametrize("stated", [0, -1, -3600, "0", "-1", -0.5, -1e308])
def test_a_token_that_has_ended_is_malformed(stated: object, server: Server) -> None:
    server.reply = granted(TOKEN, stated)
    error = failure(Cryptofuse, server.base_url)
    assert type(error) is MalformedResponse
    assert "the token has already expired" in str(error)


def test_an_unusable_lifetime_is_skipped_for_the_next_place(server: Server, clock: Clock) -> None:
    server.reply = Reply({"accessToken": "the-token", "expiresIn": "soon", "expires_in": 60})
    assert lifetime(RipioRamp, server.base_url, clock) == 60


# Lifetimes in the token itself


def widget(token: str, date: str = format_datetime(NOON, usegmt=True)) -> Reply:
    return Reply({"succeed": True, "token": token, "token_type": "bearer"}, headers={"Date": date})


@pytest.mark.parametrize("days", [-1, 0, 1])
@pytest.mark.parametrize(
    ("exp", "seconds"),
    [
        (NOON.timestamp() + 900, 900),
        (int(NOON.timestamp()) + 900, 900),
        (str(int(NOON.timestamp()) + 900), 900),
        (NOON.timestamp() + 0.5, 0.5),
        (10**11, A_YEAR),
    ],
)
def test_the_exp_claim_is_read_by_the_servers_clock(
    exp: object, seconds: float, days: float, server: Server, clock: Clock
) -> None:
    clock.offset = NOON + timedelta(days=days) - clock.wall()
    server.reply = widget(jwt_with(exp=exp))
    assert lifetime(RipioWidget, server.base_url, clock) == pytest.approx(seconds)


@pytest.mark.parametrize("date", ["", "yesterday", "Sat, 99 Nov 2026 12:00:00 GMT"])
def test_our_clock_counts_if_the_server_does_not_state_its_time(date: str, server: Server, clock: Clock) -> None:
    server.reply = widget(jwt_with(exp=clock.wall().timestamp() + 900), date)
    assert lifetime(RipioWidget, server.base_url, clock) == pytest.approx(900)


@pytest.mark.parametrize(
    "token",
    [
        "opaque",
        "a.b.c",
        "...",
        jwt_with(sub="user"),
        jwt_with(exp=None),
        jwt_with(exp=[1]),
        jwt_with(exp="later"),
        jwt_with(exp=1e300),
        jwt_with(exp=float("nan")),
        f"{jwt_with().partition('.')[0]}.{b64encode(b'[' * 90_000).decode()}.c2ln",
    ],
)
def test_a_token_without_an_exp_claim_lives_as_long_as_the_policy_says(
    token: str, server: Server, clock: Clock
) -> None:
    server.reply = lambda _: widget(token)
    policy = RefreshPolicy(default_lifetime=100, refresh_fraction=1, refresh_before=0)  # not ahead of time
    source = TokenSource(make(RipioWidget, base_url=server.base_url), policy=policy)
    assert source.get().expires_at is None
    clock.pass_by(89)
    source.get()
    assert len(server.seen) == 1
    clock.pass_by(2)
    source.get()
    assert len(server.seen) == 2


@pytest.mark.parametrize("seconds", [0, -1, -86400])
def test_a_jwt_that_has_ended_is_malformed(seconds: float, server: Server) -> None:
    server.reply = widget(jwt_with(exp=NOON.timestamp() + seconds))
    error = failure(RipioWidget, server.base_url)
    assert type(error) is MalformedResponse
    assert "the token has already expired" in str(error)


# Lifetimes as a moment. None of the five providers states one


@pytest.fixture
def with_moments(monkeypatch: pytest.MonkeyPatch) -> None:
    """Change Ripple's description: a response has the moment at which the token ends."""
    ripple = endpoint_of("paygrant_clients.ripple")
    response = ripple.response._replace(lifetime=(Lifetime("moment", "/expires_at"),))
    changed = {"paygrant_clients.ripple": ripple._replace(response=response)}
    monkeypatch.setattr(base, "endpoint_of", changed.__getitem__)


@pytest.mark.usefixtures("with_moments")
@pytest.mark.parametrize("days", [-1, 1])
@pytest.mark.parametrize(
    ("moment", "seconds"),
    [
        ("2026-11-21T12:15:00Z", 900),
        ("2026-11-21T12:15:00+00:00", 900),
        ("2026-11-21T09:15:00-03:00", 900),
        ("2026-11-21T12:15:00.500Z", 900.5),
        ("2026-11-21T12:15:00", 900),
        ("2026-11-21 12:15:00Z", 900),
        ("20261121T121500Z", 900),
        ("2026-11-21T12:15:00.123456789Z", 900.123456),
        ("Sat, 21 Nov 2026 12:15:00 GMT", 900),
        ("Sat, 21 Nov 2026 12:15:00 +0000", 900),
        ("21 Nov 2026 12:15 UTC", 900),
        ("Nov 21 2026 12:15 PM", 900),
        ("2999-01-01T00:00:00Z", A_YEAR),
        ("", None),
        ("soon", None),
        ("2026-13-45T12:15:00Z", None),
        ("9" * 5000, None),
        ("x" * 100_000, None),
        ("\ud800", None),
        (1795263300, None),
        (True, None),
        (["2026-11-21T12:15:00Z"], None),
    ],
)
def test_a_moment_is_read_by_the_servers_clock(
    moment: object, seconds: float | None, days: float, server: Server, clock: Clock
) -> None:
    clock.offset = NOON + timedelta(days=days) - clock.wall()
    document = {"access_token": "the-token", "expires_at": moment}
    server.reply = Reply(document, headers={"Date": format_datetime(NOON, usegmt=True)})
    assert lifetime(Ripple, server.base_url, clock) == (seconds if seconds is None else pytest.approx(seconds))


@pytest.mark.usefixtures("with_moments")
@pytest.mark.parametrize("moment", ["2026-11-21T12:00:00Z", "2026-11-21T11:59:59Z", "0001-01-01T00:00:00Z"])
def test_a_moment_in_the_past_is_malformed(moment: str, server: Server) -> None:
    document = {"access_token": TOKEN, "expires_at": moment}
    server.reply = Reply(document, headers={"Date": format_datetime(NOON, usegmt=True)})
    assert "the token has already expired" in str(failure(Ripple, server.base_url))
