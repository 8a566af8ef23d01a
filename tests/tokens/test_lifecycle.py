"""A token's life: the states FRESH, DUE and EXPIRED as numbers, and their effects on callers over a real socket."""

import asyncio
import itertools
import subprocess
import sys
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any, cast

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from paygrant import (
    Cryptofuse,
    InvalidClient,
    MemoryStore,
    PaygrantError,
    ProviderUnavailable,
    RateLimited,
    RefreshPolicy,
    RipioWidget,
    Token,
    TokenAuth,
    TokenSource,
    _clock,
)
from paygrant._cache import registry
from paygrant._cache.cache import Cache
from paygrant._tokens.lifecycle import Grant, Life, State, pause_after
from tests.helpers.clock import Clock
from tests.helpers.documents import jwt_with
from tests.helpers.providers import make
from tests.helpers.servers import Reply, Seen, Server, granted

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
DATE = format_datetime(NOON, usegmt=True)
ISSUED = {"iat": NOON.timestamp()}


def settle() -> None:
    """Wait until every renewal under way has ended."""
    for cache in tuple(registry._caches.values()):
        while renewal := cache._renewal:
            with suppress(PaygrantError):
                renewal.pending.wait()


# Numbers


def life(lifetime: float, fraction: float = 0.0, **policy: float) -> Life:
    return Grant(Token("t"), since=0.0, lifetime=lifetime).life(RefreshPolicy(**policy), fraction)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("lifetime", "due", "expires"),
    [(36000, 28800, 35970), (3600, 2880, 3570), (300, 240, 270), (120, 60, 108), (60, 30, 54), (3, 1.5, 2.7)],
)
def test_a_token_is_due_and_expires_by_its_lifetime(lifetime: float, due: float, expires: float) -> None:
    assert life(lifetime) == Life(pytest.approx(due), pytest.approx(expires), lifetime)  # type: ignore[arg-type]


def test_a_life_counts_from_the_token_request() -> None:
    token = Grant(Token("t"), since=500.0, lifetime=3600.0)
    assert token.life(RefreshPolicy(), 0.0) == Life(3380.0, 4070.0, 4100.0)


def test_jitter_is_up_to_a_tenth_of_the_due_window() -> None:
    assert life(3600, fraction=0.5).due == pytest.approx(2880 + 34.5)
    assert life(3600, fraction=1.0).due == pytest.approx(2880 + 69)
    assert life(3600, fraction=1.0, jitter=1.0).due == pytest.approx(3570)
    assert life(3600, fraction=1.0, jitter=0.0).due == 2880


@pytest.mark.parametrize(
    ("policy", "due"),
    [
        ({"refresh_fraction": 0.9}, 3240),
        ({"refresh_fraction": 1.0}, 3540),
        ({"refresh_fraction": 0.0}, 1800),
        ({"refresh_before": 1000}, 2600),
        ({"refresh_before": 10_000}, 1800),
        ({"refresh_before": 0, "refresh_fraction": 1.0}, 3570),
        ({"refresh_before": 0, "refresh_fraction": 1.0, "margin": 0}, 3600),
    ],
)
def test_the_policy_says_when_a_token_is_due(policy: dict[str, float], due: float) -> None:
    assert life(3600, **policy).due == pytest.approx(due)


@pytest.mark.parametrize(
    ("policy", "expires"),
    [
        ({"margin": 0}, 3600),
        ({"margin": 100}, 3500),
        ({"margin": 1000}, 3240),
        ({"margin": 1000, "margin_fraction": 1}, 2600),
        ({"margin_fraction": 0}, 3600),
    ],
)
def test_the_policy_says_when_a_token_expires(policy: dict[str, float], expires: float) -> None:
    assert life(3600, **policy).expires == pytest.approx(expires)


fractions = st.floats(0, 1)
seconds = st.floats(0, 1e6)


@settings(deadline=None)
@given(
    st.floats(0.001, 1e8),
    fractions,
    st.builds(
        RefreshPolicy,
        refresh_fraction=fractions,
        refresh_before=seconds,
        margin=seconds,
        margin_fraction=fractions,
        jitter=fractions,
    ),
)
def test_a_token_never_expires_before_it_is_due_nor_after_its_end(
    lifetime: float, fraction: float, policy: RefreshPolicy
) -> None:
    moments = Grant(Token("t"), since=0.0, lifetime=lifetime).life(policy, fraction)
    assert 0 <= moments.due <= moments.expires <= moments.ends == lifetime


@pytest.mark.parametrize(
    ("now", "state", "while_failing"),
    [
        (0, State.FRESH, State.FRESH),
        (9.99, State.FRESH, State.FRESH),
        (10, State.DUE, State.DUE),
        (19.99, State.DUE, State.DUE),
        (20, State.EXPIRED, State.DUE),
        (29.99, State.EXPIRED, State.DUE),
        (30, State.EXPIRED, State.EXPIRED),
        (10**9, State.EXPIRED, State.EXPIRED),
    ],
)
def test_states_change_at_the_moments_of_a_life(now: float, state: State, while_failing: State) -> None:
    moments = Life(due=10, expires=20, ends=30)
    assert moments.state(now, failing=False) is state
    assert moments.state(now, failing=True) is while_failing


def test_pauses_grow_to_a_minute_and_differ() -> None:
    assert [pause_after(failures, 1.0) for failures in (1, 2, 3, 5, 6, 1000)] == [2, 4, 8, 32, 60, 60]
    assert [pause_after(failures, 0.0) for failures in (1, 2, 3, 5, 6, 1000)] == [1, 2, 4, 16, 30, 30]


# DUE


def in_threads(source: TokenSource) -> list[Token]:
    with ThreadPoolExecutor(16) as pool:
        calls = [pool.submit(source.get) for _ in range(64)]
        return [call.result() for call in calls]


def in_tasks(source: TokenSource) -> list[Token]:
    async def main() -> list[Token]:
        return await asyncio.gather(*[source.aget() for _ in range(64)])

    return asyncio.run(main())


def mixed(source: TokenSource) -> list[Token]:
    with ThreadPoolExecutor(1) as pool:
        tasks = pool.submit(in_tasks, source)
        return in_threads(source) + tasks.result()


@pytest.mark.parametrize("callers", [in_threads, in_tasks, mixed])
def test_a_due_token_is_returned_at_once_while_one_renewal_runs(
    callers: Callable[[TokenSource], list[Token]], provider: Cryptofuse, server: Server, clock: Clock
) -> None:
    source = TokenSource(provider)
    old = source.get()
    clock.pass_by(3000)
    server.asked.clear()
    server.hold.clear()
    assert all(token is old for token in callers(source))
    assert server.asked.wait(10)
    assert all(token is old for token in callers(source))
    assert len(server.seen) == 2
    server.hold.set()
    settle()
    assert {token.access_token for token in callers(source)} == {"token-2"}
    assert len(server.seen) == 2


def test_a_fresh_token_is_not_renewed(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    source = TokenSource(provider)
    source.get()
    clock.pass_by(2879)
    source.get()
    settle()
    assert len(server.seen) == 1


def test_callers_wait_for_the_successor_of_an_expired_token(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    source = TokenSource(provider)
    source.get()
    clock.pass_by(3570)
    server.asked.clear()
    server.hold.clear()
    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(source.get)
        assert server.asked.wait(10)
        assert not waiting.done()
        server.hold.set()
        assert waiting.result().access_token == "token-2"


# A renewal that fails


def failing(server: Server, clock: Clock, reply: Reply) -> list[float]:
    """Let each request fail from now on; notes when it was made."""
    times: list[float] = []

    def fail(_: Seen) -> Reply:
        times.append(clock.seconds)
        return reply

    server.reply = fail
    return times


@pytest.mark.parametrize("lifetime", [3600, 60])
@pytest.mark.parametrize(
    ("reply", "raised"),
    [
        (Reply({}, 503), ProviderUnavailable),
        (Reply({}, 429), RateLimited),
        (Reply({"error": "invalid_client"}, 401), InvalidClient),
    ],
)
def test_a_token_is_used_until_its_end_while_renewal_fails(  # noqa: PLR0913, PLR0917 - fixtures
    lifetime: int, reply: Reply, raised: type[Exception], provider: Cryptofuse, server: Server, clock: Clock
) -> None:
    server.reply = granted("old", lifetime)
    source = TokenSource(provider)
    source.get()
    end = clock.seconds + lifetime
    times = failing(server, clock, reply)
    clock.pass_by(lifetime * 0.8)
    while clock.seconds < end:
        assert source.get().access_token == "old"
        settle()
        clock.pass_by(0.1)
    assert times
    assert all(sum(0 <= later - each < 5 for later in times) < 10 for each in times)
    with pytest.raises(raised):
        source.get()
    settle()
    server.reply = granted("new", lifetime)
    clock.pass_by(61)  # a refusal is remembered for a minute
    assert source.get().access_token == "new"


def test_pauses_between_renewals_grow_while_they_fail_and_a_success_resets_them(
    provider: Cryptofuse, server: Server, clock: Clock
) -> None:
    source = TokenSource(provider, policy=RefreshPolicy(max_attempts=1))

    def gaps() -> list[float]:
        times = failing(server, clock, Reply({}, 503))
        while len(times) < 5:
            source.get()
            settle()
            clock.pass_by(0.05)
        return [later - each for each, later in itertools.pairwise(times)]

    for token in ("first", "second"):
        server.reply = granted(token, 36000)
        clock.pass_by(60)
        source.get()
        settle()
        assert source.get().access_token == token
        clock.pass_by(30000)
        for failures, gap in enumerate(gaps(), 1):
            assert 2**failures / 2 <= gap <= 2**failures + 0.1


def test_a_renewal_pauses_as_long_as_the_provider_asks(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    source = TokenSource(provider)
    source.get()
    clock.pass_by(3000)
    times = failing(server, clock, Reply({}, 429, {"Retry-After": "300"}))
    for _ in range(610):
        assert source.get().access_token == "token-1"
        settle()
        clock.pass_by(0.5)
    assert len(times) == 2
    assert times[1] - times[0] >= 300


def test_a_waiting_caller_gets_the_old_token_after_the_first_failed_request(
    provider: Cryptofuse, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = TokenSource(provider)
    old = source.get()
    clock.pass_by(3570)
    gate = threading.Event()

    def sleep(_seconds: float, _stop: threading.Event) -> None:
        assert gate.wait(20)

    monkeypatch.setattr(_clock, "sleep", sleep)
    server.reply = Reply({}, 503)
    assert source.get() is old
    assert source.get() is old
    assert len(server.seen) == 2
    server.reply = granted("new")
    gate.set()
    settle()
    assert source.get().access_token == "new"
    assert len(server.seen) == 3


def test_a_token_within_its_margin_is_returned_at_once_while_renewal_fails(
    provider: Cryptofuse, server: Server, clock: Clock
) -> None:
    source = TokenSource(provider)
    old = source.get()
    clock.pass_by(3570)
    server.reply = Reply({"error": "invalid_client"}, 401)
    assert source.get() is old
    settle()
    clock.pass_by(5)
    server.asked.clear()
    server.hold.clear()
    assert source.get() is old


# The end


WITH_A_RENEWAL_UNDER_WAY = """
import sys, time
from paygrant import Cryptofuse, TokenSource, _clock

ahead = 0
_clock.monotonic = lambda: time.monotonic() + ahead
source = TokenSource(Cryptofuse(client_id="id", client_secret="secret", base_url=sys.argv[1]))
print(source.get().access_token, flush=True)
sys.stdin.readline()
ahead = 3000
print(source.get().access_token, flush=True)
sys.stdin.readline()
"""


def test_a_renewal_does_not_keep_the_interpreter_from_exiting(server: Server) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", WITH_A_RENEWAL_UNDER_WAY, server.base_url],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        encoding="utf-8",
    ) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "token-1\n"
        server.asked.clear()
        server.hold.clear()
        process.stdin.write("\n")
        process.stdin.flush()
        assert process.stdout.readline() == "token-1\n"
        assert server.asked.wait(10)
        process.stdin.write("\n")
        process.stdin.flush()
        try:
            assert process.wait(5) == 0
        finally:
            process.kill()


def test_closing_a_source_ends_a_pausing_renewal(
    provider: Cryptofuse, server: Server, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    pausing = threading.Event()

    def sleep(_seconds: float, stop: threading.Event) -> None:
        pausing.set()
        assert stop.wait(15)

    monkeypatch.setattr(_clock, "sleep", sleep)
    source, twin = TokenSource(provider), TokenSource(provider)
    source.get()
    clock.pass_by(3000)
    server.reply = Reply({}, 503)
    source.get()
    assert pausing.wait(10)
    source.close()
    assert cast("Any", twin._cache)._renewal  # for the twin
    twin.close()
    settle()
    assert len(server.seen) == 2


# Processes


JITTERS = """
import multiprocessing, sys
from paygrant import Cryptofuse, TokenSource

def due(base_url):
    source = TokenSource(Cryptofuse(client_id="id", client_secret="secret", base_url=base_url))
    source.invalidate(source.get())
    source.get()
    life = source._cache._life
    print(life.expires - life.due, flush=True)

if __name__ == "__main__":
    due(sys.argv[2])
    context = multiprocessing.get_context(sys.argv[1])
    for _ in range(3):
        child = context.Process(target=due, args=(sys.argv[2],))
        child.start()
        child.join()
"""


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_jitter_differs_by_process(method: str, server: Server, tmp_path: Path) -> None:
    program = tmp_path / "jitter.py"
    program.write_text(JITTERS, "utf-8")
    command = [sys.executable, str(program), method, server.base_url]
    printed = subprocess.run(command, capture_output=True, check=True, timeout=60, encoding="utf-8").stdout
    windows = [float(line) for line in printed.splitlines()]
    assert len(windows) == len({round(window, 3) for window in windows}) == 4
    assert all(621 <= window <= 690 for window in windows)


# Clocks


@pytest.mark.parametrize("days", [-1, 1])
def test_a_jump_of_the_wall_clock_has_no_effect(days: int, provider: Cryptofuse, server: Server, clock: Clock) -> None:
    source = TokenSource(provider)
    for number in (1, 2, 3):
        assert source.get().access_token == f"token-{number}"
        clock.offset += timedelta(days=days)
        clock.pass_by(2800)
        assert source.get().access_token == f"token-{number}"
        clock.offset += timedelta(days=days)
        clock.pass_by(200)
        assert source.get().access_token == f"token-{number}"
        settle()
    assert source.get().access_token == "token-4"
    assert len(server.seen) == 4


@pytest.mark.parametrize(
    ("days", "date", "claims", "lifetime"),
    [
        (-1, DATE, {}, 900),
        (1, DATE, {}, 900),
        (-1, "", ISSUED, 900),
        (1, "", ISSUED, 900),
        (0, "", {}, 900),
        (1, "", {}, 300),
    ],
    ids=["behind", "ahead", "behind, no Date", "ahead, no Date", "right, no Date nor iat", "ahead, no Date nor iat"],
)
def test_a_wrong_wall_clock_does_not_shorten_the_life_of_a_jwt(  # noqa: PLR0913, PLR0917 - fixtures
    days: int, date: str, claims: dict[str, float], lifetime: float, server: Server, clock: Clock
) -> None:
    clock.offset = NOON + timedelta(days=days) - clock.wall()
    token = jwt_with(exp=NOON.timestamp() + 900, **claims)
    server.reply = Reply({"succeed": True, "token": token}, headers={"Date": date})
    source = TokenSource(make(RipioWidget, base_url=server.base_url), store=MemoryStore())
    source.get()
    cache = source._cache
    assert isinstance(cache, Cache)
    assert cache._life.ends - clock.seconds == pytest.approx(lifetime)
    source.get()
    assert len(server.seen) == 1


@pytest.mark.parametrize("claim", ["soon", None, [1], 1e300])
def test_an_unusable_iat_claim_is_ignored(claim: object, server: Server, clock: Clock) -> None:
    token = jwt_with(exp=clock.wall().timestamp() + 900, iat=claim)
    server.reply = Reply({"succeed": True, "token": token}, headers={"Date": ""})
    source = TokenSource(make(RipioWidget, base_url=server.base_url), store=MemoryStore())
    expires_at = source.get().expires_at
    assert expires_at is not None
    assert (expires_at - clock.wall()).total_seconds() == pytest.approx(900)


def test_a_token_that_ended_during_suspension_is_replaced(provider: Cryptofuse, server: Server, clock: Clock) -> None:
    """Linux's monotonic clock stands still meanwhile: the token looks fresh, and only the API knows better."""
    source = TokenSource(provider)
    alive = source.get().authorization

    def api(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200 if request.headers["Authorization"] == alive else 401)

    with httpx.Client(auth=TokenAuth(source), transport=httpx.MockTransport(api)) as client:
        assert client.get("https://api.example").status_code == 200
        clock.offset += timedelta(days=1)
        alive = "Bearer token-2"
        assert client.get("https://api.example").status_code == 200
    assert len(server.seen) == 2


@pytest.mark.parametrize(
    ("now", "state", "state_while_failing"),
    [
        (9.9, State.FRESH, State.FRESH),
        (10, State.DUE, State.DUE),
        (20, State.EXPIRED, State.DUE),
        (30, State.EXPIRED, State.EXPIRED),
    ],
)
def test_a_moment_belongs_to_the_state_that_begins_then(now: float, state: State, state_while_failing: State) -> None:
    life = Life(due=10, expires=20, ends=30)
    assert (life.state(now, failing=False), life.state(now, failing=True)) == (state, state_while_failing)
