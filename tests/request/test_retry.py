"""Retries: which failures are retried, after which pauses, and until which deadline."""

import random
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import formatdate
from typing import Any, cast

import httpx
import pytest

from paygrant import (
    Cryptofuse,
    InvalidClient,
    MalformedResponse,
    MemoryStore,
    ProviderUnavailable,
    RateLimited,
    RefreshPolicy,
    TokenError,
    TokenRequestRejected,
    TokenSource,
    _clock,
)
from tests.helpers.clock import Clock
from tests.helpers.servers import Reply, Seen, Server, granted

DEADLINE = RefreshPolicy().deadline
MOMENT = 1_700_000_000
wait_for_real = _clock.sleep

Respond = Callable[[Seen], Reply]


def hang_up(_: Seen) -> Reply:
    raise ConnectionError


def busy(retry_after: str | None = None, status: int = 429) -> Reply:
    """A response that states a pause. Its time does not move."""
    return Reply({}, status, {"Retry-After": retry_after or "", "Date": formatdate(MOMENT, usegmt=True)})


def fails_at_first(server: Server, times: int, fault: Reply | Respond) -> None:
    """Make the server grant a token after this number of faults."""

    def respond(seen: Seen) -> Reply:
        number = len(server.seen)
        if number > times:
            return granted(f"token-{number}")
        return fault(seen) if callable(fault) else fault

    server.reply = respond


FAULTS: dict[str, Reply | Respond] = {
    "hangs up": hang_up,
    **{str(status): Reply({"error": "some_code"}, status) for status in (408, 429, 500, 502, 503, 504)},
    "a page beside 503": Reply(b"<p>", 503),
    "a 429 that says nothing of use": busy("soon"),
}


@pytest.mark.parametrize("fault", FAULTS.values(), ids=FAULTS)
def test_temporary_failures_are_retried(
    provider: Cryptofuse, server: Server, pauses: list[float], fault: Reply | Respond
) -> None:
    fails_at_first(server, 3, fault)
    assert TokenSource(provider).get().access_token == "token-4"
    assert len(server.seen) == 4
    assert len({(seen.path, seen.headers["Authorization"], seen.body) for seen in server.seen}) == 1
    first, second, third = pauses
    assert 0.5 <= first <= 1.0 <= second <= 1.5
    assert 2.0 <= third <= 2.5


def test_a_timeout_is_retried(provider: Cryptofuse, server: Server, pauses: list[float]) -> None:
    def too_slow(_: Seen) -> Reply:
        done.wait(10)
        return granted("too late")

    done = threading.Event()
    fails_at_first(server, 2, too_slow)
    assert TokenSource(provider, policy=RefreshPolicy(timeout=0.5)).get().access_token == "token-3"
    done.set()
    assert len(pauses) == 2


def test_a_refused_connection_is_retried(provider: Cryptofuse, server: Server, pauses: list[float]) -> None:
    class OpensAtLast(httpx.HTTPTransport):
        def handle_request(self, request: httpx.Request) -> httpx.Response:
            if len(pauses) < 2:
                request.url = request.url.copy_with(port=1)
            return super().handle_request(request)

    with OpensAtLast() as transport:
        assert TokenSource(provider, transport=transport).get().access_token == "token-1"
    assert len(pauses) == 2


@pytest.mark.parametrize("attempts", [1, 2, 4, 7])
def test_the_error_counts_the_attempts(
    provider: Cryptofuse, server: Server, pauses: list[float], attempts: int
) -> None:
    server.reply = Reply({"error": "down"}, 503)
    source = TokenSource(provider, policy=RefreshPolicy(max_attempts=attempts))
    for renewal in (1, 2):  # each starts again at the first attempt
        with pytest.raises(ProviderUnavailable, match=rf"status 503, .*down \(attempts: {attempts}\)$") as caught:
            source.get()
        assert caught.value.attempts == attempts
        assert len(server.seen) == attempts * renewal
        assert len(pauses) == (attempts - 1) * renewal


def test_the_pauses_grow_to_eight_seconds_and_differ(provider: Cryptofuse, server: Server, pauses: list[float]) -> None:
    server.reply = Reply({}, 503)
    with pytest.raises(ProviderUnavailable):
        TokenSource(provider, policy=RefreshPolicy(max_attempts=12, deadline=1000)).get()
    least = [0.5, 1, 2, 4, *[8] * 7]
    extra = [pause - whole for pause, whole in zip(pauses, least, strict=True)]
    assert all(0 <= each <= 0.5 for each in extra)
    assert len(set(extra)) == len(extra)


def test_pauses_and_moments_take_no_random_numbers_from_the_program(provider: Cryptofuse, server: Server) -> None:
    """A program may seed them, all of its processes alike. Then a fleet would renew in step."""
    fails_at_first(server, 2, busy())
    before = random.getstate()
    TokenSource(provider, store=MemoryStore()).get()
    assert len(server.seen) == 3
    assert random.getstate() == before


FINAL: dict[str, tuple[Reply, type[TokenError]]] = {
    "wrong credentials": (Reply({"error": "invalid_client"}, 401), InvalidClient),
    "a bad request": (Reply({"error": "invalid_scope"}, 400), TokenRequestRejected),
    "forbidden": (Reply({}, 403), TokenRequestRejected),
    "not found": (Reply({}, 404), TokenRequestRejected),
    "HTML": (Reply(b"<p>"), MalformedResponse),
    "no token": (Reply({}), MalformedResponse),
    "a redirect": (Reply({}, 307, {"Location": "/elsewhere"}), MalformedResponse),
}


@pytest.mark.parametrize(("reply", "error"), FINAL.values(), ids=FINAL)
def test_permanent_failures_are_not_retried(
    provider: Cryptofuse, server: Server, pauses: list[float], reply: Reply, error: type[TokenError]
) -> None:
    server.reply = reply
    with pytest.raises(error) as caught:
        TokenSource(provider).get()
    assert type(caught.value) is error
    assert len(server.seen) == 1
    assert pauses == []


def test_a_refusal_ends_the_retries(provider: Cryptofuse, server: Server) -> None:
    server.reply = lambda _: Reply({"error": "invalid_client"}, 401) if len(server.seen) == 2 else Reply({}, 503)
    with pytest.raises(InvalidClient):
        TokenSource(provider).get()
    assert len(server.seen) == 2


# Retry-After

ASKED = {"seconds": "7", "a date": formatdate(MOMENT + 7, usegmt=True)}
TOO_LONG = {"seconds": "31", "a date": formatdate(MOMENT + 31, usegmt=True)}


@pytest.mark.usefixtures("clock")
@pytest.mark.parametrize("status", [408, 429, 503])
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
def test_the_pause_follows_retry_after(
    provider: Cryptofuse, server: Server, pauses: list[float], asked: str, status: int
) -> None:
    fails_at_first(server, 3, busy(asked, status))
    assert TokenSource(provider).get().access_token == "token-4"
    assert pauses == [7, 7, 7]


def test_a_retry_after_of_zero_is_no_pause(
    provider: Cryptofuse, server: Server, clock: Clock, pauses: list[float]
) -> None:
    fails_at_first(server, 1, busy("0"))
    TokenSource(provider).get()
    assert pauses == [0]


@pytest.mark.parametrize("asked", TOO_LONG.values(), ids=TOO_LONG)
def test_a_retry_after_beyond_the_deadline_raises_at_once_and_is_remembered(
    provider: Cryptofuse, server: Server, clock: Clock, pauses: list[float], asked: str
) -> None:
    server.reply = busy(asked)
    store = MemoryStore()
    source, other = (
        TokenSource(provider, store=store),
        TokenSource(provider, store=store, policy=RefreshPolicy(margin=1)),
    )
    assert source._cache is not other._cache
    errors: list[RateLimited] = []
    for each in (source, source, other, source, other):
        with pytest.raises(RateLimited) as caught:
            each.get()
        errors.append(caught.value)
        clock.pass_by(7.7)
    assert len({(error.args, error.status, error.retry_after) for error in errors}) == 1
    assert errors[0].retry_after == 31
    assert len({id(error) for error in errors}) == len(errors)
    assert len(server.seen) == 1
    assert pauses == []

    server.reply = granted("at-last")  # 38.5 seconds have passed
    assert other.get().access_token == source.get().access_token == "at-last"
    assert len(server.seen) == 2


def test_a_remembered_error_ends_after_its_retry_after(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    server.reply = busy("100")
    source = TokenSource(provider)
    for passed, requests in ((0, 1), (99.9, 1), (0.2, 2)):
        clock.pass_by(passed)
        with pytest.raises(RateLimited):
            source.get()
        assert len(server.seen) == requests


def test_a_429_without_retry_after_is_not_remembered(provider: Cryptofuse, server: Server) -> None:
    server.reply = Reply({}, 429)
    source = TokenSource(provider)
    with pytest.raises(RateLimited) as caught:
        source.get()
    assert caught.value.retry_after is None
    assert len(server.seen) == 4
    server.reply = granted()
    source.get()


# The deadline


def test_no_attempt_begins_after_the_deadline(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    def slow(_: Seen) -> Reply:
        began.append(clock() - start)
        clock.pass_by(9)
        return Reply({}, 503)

    began: list[float] = []
    start = clock()
    server.reply = slow
    with pytest.raises(ProviderUnavailable) as caught:
        TokenSource(provider, policy=RefreshPolicy(max_attempts=100)).get()
    assert caught.value.attempts == len(began) == 3  # the pauses are 0.5 to 1, 1 to 1.5 and at least 2 seconds
    assert clock() - start < DEADLINE


@pytest.mark.parametrize("deadline", [0.4, 3, 30, 300])
def test_no_pause_goes_beyond_the_deadline(
    provider: Cryptofuse, server: Server, clock: Clock, pauses: list[float], deadline: float
) -> None:
    server.reply = Reply({}, 503)
    start = clock()
    with pytest.raises(ProviderUnavailable) as caught:
        TokenSource(provider, policy=RefreshPolicy(max_attempts=1000, deadline=deadline)).get()
    assert clock() - start == pytest.approx(sum(pauses))
    assert deadline - 8.5 <= sum(pauses) < deadline
    assert caught.value.attempts == len(pauses) + 1


STEPS = "connect", "read", "write", "pool"
"""The steps that have a limit of time (https://www.encode.io/httpcore/extensions/#timeout)."""


class Noting(httpx.HTTPTransport):
    """A real transport that notes the limits of the steps of each request, in seconds."""

    def __init__(self) -> None:
        super().__init__()
        self.limits: list[dict[str, float]] = []

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.limits.append(request.extensions["timeout"])
        return super().handle_request(request)


def test_an_attempt_ends_at_the_deadline(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    fails_at_first(server, 3, busy("9"))
    with Noting() as transport:
        TokenSource(provider, transport=transport).get()
    assert transport.limits == [dict.fromkeys(STEPS, seconds) for seconds in (10, 10, 10, 3)]


@pytest.mark.usefixtures("clock")
def test_each_step_has_the_timeout_of_the_policy_even_if_it_is_short(provider: Cryptofuse) -> None:
    with Noting() as transport:
        TokenSource(provider, transport=transport, policy=RefreshPolicy(timeout=0.5)).get()
    assert transport.limits[0] == dict.fromkeys(STEPS, 0.5)


# Who waits meanwhile


@pytest.fixture
def paused(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Real pauses. The event is set when one begins."""
    begun = threading.Event()

    def sleep(seconds: float, stop: _clock.Event) -> None:
        begun.set()
        wait_for_real(seconds, stop)

    monkeypatch.setattr(_clock, "sleep", sleep)
    return begun


def test_closing_the_source_ends_the_pause_and_the_renewal(
    provider: Cryptofuse, server: Server, paused: threading.Event
) -> None:
    server.reply = busy("25")
    source = TokenSource(provider)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(source.get)
        assert paused.wait(10)
        source.close()
        assert isinstance(waiting.exception(10), RateLimited)
    assert len(server.seen) == 1


def test_closing_one_source_leaves_the_renewal_to_the_others(
    provider: Cryptofuse, server: Server, paused: threading.Event
) -> None:
    fails_at_first(server, 1, Reply({}, 503))
    source, twin = TokenSource(provider), TokenSource(provider)
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(twin.get)
        assert paused.wait(10)
        source.close()
        assert waiting.result(10).access_token == "token-2"


def test_a_token_within_its_margin_is_returned_after_the_first_failed_attempt(
    provider: Cryptofuse, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    server.reply = granted("old", 100)
    source = TokenSource(provider)
    old = source.get()

    def sleep(_seconds: float, _stop: threading.Event) -> None:
        go_on.wait(30)

    go_on = threading.Event()
    monkeypatch.setattr(_clock, "sleep", sleep)
    server.reply = Reply({}, 503)
    clock.pass_by(95)  # it expired at 90, and ends at 100

    assert source.get() is old  # while the renewal pauses
    assert source.get() is old
    assert len(server.seen) == 2

    server.reply = granted("new")
    pending = cast("Any", source._cache)._renewal.pending
    go_on.set()
    assert pending.wait().access_token == source.get().access_token == "new"


def test_a_token_within_its_margin_is_returned_after_the_last_attempt(
    provider: Cryptofuse, server: Server, clock: Clock
) -> None:
    server.reply = granted("old", 100)
    source = TokenSource(provider, policy=RefreshPolicy(max_attempts=1))
    old = source.get()
    server.reply = Reply({}, 503)
    clock.pass_by(90.1)
    for _ in range(5):
        assert source.get() is old
    assert len(server.seen) == 2  # the next one waits

    clock.pass_by(10)
    with pytest.raises(ProviderUnavailable):
        source.get()
