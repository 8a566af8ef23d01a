"""By which time a token request is signed, while clocks and the Date of responses differ (RFC 7523, RFC 9449)."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs

import jwt
import pytest

from paygrant import (
    ClientCredentials,
    InvalidClient,
    MemoryStore,
    RefreshPolicy,
    SigningKey,
    TokenRequestRejected,
    TokenSource,
)
from paygrant._request import credentials
from paygrant._request.credentials import SignedTimes, note_skew, skew_of
from tests.helpers.keys import pem
from tests.helpers.servers import Reply, Seen, Server, granted

HOUR = 3600.0
YEARS = 3650 * 86400.0


@pytest.fixture(autouse=True)
def _no_skews(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(credentials, "_skews", {})
    monkeypatch.setattr(credentials, "_misleading", set[str]())


def unverified(text: str) -> dict[str, Any]:
    read: dict[str, Any] = jwt.decode(text, options={"verify_signature": False})
    return read


class Endpoint:
    """A token endpoint that accepts assertions of its own time. Its Date may be that of another machine."""

    def __init__(self, server: Server, clock: float = 0.0, date: float | None = None) -> None:
        self.clock, self.date = clock, clock if date is None else date
        self.refusal = 401
        """The status by which it refuses an assertion of another time."""
        self.nonce: str | None = None
        self.fault: str | None = None
        self.server = server
        server.reply = self.respond

    def respond(self, seen: Seen) -> Reply:
        (assertion,) = parse_qs(seen.body.decode())["client_assertion"]
        now = datetime.now(UTC)
        headers = {"Date": format_datetime(now + timedelta(seconds=self.date), usegmt=True)}
        if abs(unverified(assertion)["iat"] - now.timestamp() - self.clock) > 20:
            return Reply({"error": "invalid_client", "error_description": "the time is wrong"}, self.refusal, headers)
        if self.fault:
            return Reply({"error": "invalid_client", "error_description": self.fault}, 401, headers)
        if self.nonce and unverified(seen.headers["DPoP"]).get("nonce") != self.nonce:
            return Reply({"error": "use_dpop_nonce"}, 400, {**headers, "DPoP-Nonce": self.nonce})
        kind = "DPoP" if "DPoP" in seen.headers else "Bearer"
        return Reply(granted(token_type=kind).document, 200, headers)


def renew(server: Server, **options: Any) -> int:
    """Get a token by a client of its own; the number of requests."""
    before = len(server.seen)
    key = SigningKey(pem("ES256"))
    provider = ClientCredentials(
        client_id="c", token_url=f"{server.base_url}/t", auth_method="private_key_jwt", private_key=key, **options
    )
    TokenSource(provider, store=MemoryStore(), policy=RefreshPolicy(refusal_pause=0)).get()
    return len(server.seen) - before


@pytest.mark.parametrize("clock", [30.0, -30.0, HOUR, -YEARS])
def test_a_client_whose_clock_is_wrong_takes_the_time_of_the_server(server: Server, clock: float) -> None:
    Endpoint(server, clock)
    assert [renew(server) for _ in range(3)] == [2, 1, 1]


@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_server_may_refuse_the_time_by_several_statuses(server: Server, status: int) -> None:
    Endpoint(server, HOUR).refusal = status
    assert [renew(server) for _ in range(2)] == [2, 1]


@pytest.mark.parametrize("date", [-YEARS, YEARS, 2 * HOUR, -HOUR])
def test_a_date_that_is_not_the_time_of_the_server_spoils_nothing(server: Server, date: float) -> None:
    Endpoint(server, 0.0, date)
    assert [renew(server) for _ in range(3)] == [1, 1, 1]


@pytest.mark.parametrize("date", [600.0, -600.0])
def test_a_date_that_is_a_little_wrong_spoils_one_request(server: Server, date: float) -> None:
    Endpoint(server, 0.0, date)
    assert [renew(server) for _ in range(3)] == [1, 2, 1]
    assert credentials.skew_of(server.base_url) == 0


def test_a_clock_that_is_set_right_costs_one_request(server: Server) -> None:
    endpoint = Endpoint(server, 90.0)
    assert [renew(server) for _ in range(2)] == [2, 1]
    endpoint.clock = endpoint.date = 0.0
    assert [renew(server) for _ in range(2)] == [2, 1]


def test_a_refusal_for_another_reason_leaves_the_time_as_it_was(server: Server) -> None:
    Endpoint(server, clock=10 * YEARS, date=2 * HOUR)
    with pytest.raises(InvalidClient):
        renew(server)
    assert credentials.skew_of(server.base_url) == 0
    assert len(server.seen) == 2


@pytest.mark.parametrize(("clock", "date", "said"), [(90.0, 90.0, "no such key"), (90.0, HOUR, "the time is wrong")])
@pytest.mark.parametrize("knows_the_time", [True, False])
def test_the_error_is_that_of_the_request_with_the_time_of_the_server(
    server: Server, clock: float, date: float, said: str, *, knows_the_time: bool
) -> None:
    endpoint = Endpoint(server, clock, date)
    if knows_the_time:
        credentials.note_skew(server.base_url, date)
    endpoint.fault = "no such key"
    with pytest.raises(InvalidClient, match=said):
        renew(server)
    assert len(server.seen) == 2


@pytest.mark.parametrize(("clock", "requests"), [(0.0, 2), (90.0, 3), (HOUR, 3)])
def test_a_server_may_refuse_the_time_first_and_then_want_a_nonce(server: Server, clock: float, requests: int) -> None:
    Endpoint(server, clock).nonce = "n-1"
    key = SigningKey(pem("ES256", 5))
    assert [renew(server, dpop=key) for _ in range(2)] == [requests, 1]


@pytest.mark.parametrize("status", [408, 429, 503])
def test_a_response_that_is_no_refusal_is_not_for_the_time(server: Server, status: int) -> None:
    date = format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)
    replies = iter([Reply({}, status, {"Date": date}), granted()])
    server.reply = lambda _: next(replies)
    assert renew(server) == 2  # the second is a retry
    assert credentials.skew_of(server.base_url) == 0


def test_a_token_whose_response_mentions_a_nonce_is_not_requested_once_more(server: Server) -> None:
    server.reply = granted(token_type="DPoP", note="no error such as use_dpop_nonce")
    assert renew(server, dpop=SigningKey(pem("ES256", 7))) == 1


@pytest.mark.parametrize("status", [400, 401])
def test_a_second_demand_for_a_nonce_is_no_refusal_of_the_client_and_is_not_remembered(
    server: Server, status: int
) -> None:
    server.reply = Reply({"error": "use_dpop_nonce"}, status, {"DPoP-Nonce": "n-1"})
    url = f"{server.base_url}/t"
    provider = ClientCredentials(client_id="c", client_secret="s", token_url=url, dpop=SigningKey(pem("ES256", 6)))
    source = TokenSource(provider, store=MemoryStore())
    for requests in (2, 4):
        with pytest.raises(TokenRequestRejected, match="use_dpop_nonce") as caught:
            source.get()
        assert not isinstance(caught.value, InvalidClient)
        assert len(server.seen) == requests
    server.reply = granted(token_type="DPoP")
    assert source.get().token_type == "DPoP"


def test_a_server_whose_date_jumps_about_gets_few_requests(server: Server) -> None:
    def respond(_: Seen) -> Reply:
        jumped = datetime.now(UTC) + timedelta(hours=len(server.seen))
        return Reply({"error": "invalid_client"}, 401, {"Date": format_datetime(jumped, usegmt=True)})

    server.reply = respond
    with pytest.raises(InvalidClient):
        renew(server)
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    ("used", "date", "is_noted"),
    [(0.0, 1799.0, True), (0.0, 1800.0, False), (900.0, 1000.0, True), (900.0, -1000.0, False), (1000.0, None, False)],
)
def test_the_date_of_an_accepted_request_is_noted_if_it_is_near_the_time_that_was_used(
    used: float, date: float | None, *, is_noted: bool
) -> None:
    url = "https://auth.example/token"
    note_skew(url, used)
    times = SignedTimes(url)
    times.begin()
    times.accepted(date)
    assert skew_of(url) == (date if is_noted else used)
