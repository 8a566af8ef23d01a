"""Log lines and counters for those who run the package, and nothing unless logging is set up."""

import gc
import logging
import re
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import anyio
import pytest
from opentelemetry.sdk.metrics.export import HistogramDataPoint

from paygrant import (
    AlternativePayments,
    Cryptofuse,
    Entry,
    MemoryStore,
    PaygrantError,
    RefreshPolicy,
    TokenSource,
    _telemetry,
)
from tests.helpers.clock import Clock
from tests.helpers.observed import reader
from tests.helpers.providers import CLIENT_ID, CLIENT_SECRET, make, settle
from tests.helpers.servers import Reply, Seen, Server, granted

TOKEN = "canary-token"
ENDINGS: dict[str, tuple[Reply, str, int]] = {
    "a token": (granted(TOKEN), "granted", 1),
    "wrong credentials": (
        Reply({"error": "invalid_client", "error_description": CLIENT_SECRET}, 401),
        "InvalidClient",
        1,
    ),
    "a refusal": (Reply({"error": f"no {CLIENT_ID}"}, 400), "TokenRequestRejected", 1),
    "too many requests": (Reply({"message": CLIENT_SECRET}, 429), "RateLimited", 4),
    "a server error": (Reply({"message": CLIENT_SECRET}, 503), "ProviderUnavailable", 4),
    "no token": (Reply({"note": TOKEN}), "MalformedResponse", 1),
}
each_ending = pytest.mark.parametrize(("reply", "outcome", "attempts"), ENDINGS.values(), ids=ENDINGS)


def try_(source: TokenSource) -> None:
    """Ask for a token, whatever comes of it."""
    with suppress(PaygrantError):
        source.get()


@pytest.fixture
def records(caplog: pytest.LogCaptureFixture) -> Callable[[], list[logging.LogRecord]]:
    """What the package has logged so far."""
    caplog.set_level(logging.DEBUG, "paygrant")
    return lambda: [record for record in caplog.records if record.name == "paygrant"]


Records = Callable[[], list[logging.LogRecord]]

# Log lines


@each_ending
def test_each_token_request_is_one_line(
    reply: Reply, outcome: str, attempts: int, server: Server, records: Records
) -> None:
    server.reply = reply
    try_(TokenSource(make(AlternativePayments, base_url=server.base_url)))
    level = logging.INFO if outcome == "granted" else logging.WARNING
    assert [record.levelno for record in records()] == [level] * attempts == [level] * len(server.seen)
    for attempt, record in enumerate(records(), start=1):
        logged = f"token request: provider=alternative_payments environment=demo outcome={outcome} duration=T attempt={attempt}"
        assert re.sub(r"=\d\.\d{3}s", "=T", record.getMessage()) == logged


@each_ending
def test_no_line_holds_anything_secret(
    reply: Reply, outcome: str, attempts: int, server: Server, records: Records
) -> None:
    server.reply = reply
    try_(TokenSource(make(Cryptofuse, base_url=server.base_url)))
    written = "".join(f"{record.getMessage()} {vars(record)}" for record in records())
    assert outcome in written
    assert [secret for secret in (CLIENT_ID, CLIENT_SECRET, TOKEN) if secret in written] == []


def test_a_provider_without_environments_has_none(server: Server, records: Records) -> None:
    TokenSource(make(Cryptofuse, base_url=server.base_url)).get()
    [record] = records()
    assert "provider=cryptofuse environment=none " in record.getMessage()


def test_the_duration_is_the_requests_own(server: Server, clock: Clock, records: Records) -> None:
    def slow(_: Seen) -> Reply:
        clock.pass_by(1.25)
        return Reply({}, 503) if len(server.seen) == 1 else granted()

    server.reply = slow
    TokenSource(make(Cryptofuse, base_url=server.base_url)).get()
    logged = [re.findall(r"outcome=(\w+) duration=(\S+)", record.getMessage()) for record in records()]
    assert logged == [[("ProviderUnavailable", "1.250s")], [("granted", "1.250s")]]


def test_a_call_without_a_request_logs_nothing(server: Server, records: Records) -> None:
    source = TokenSource(make(Cryptofuse, base_url=server.base_url))
    refused = TokenSource(make(Cryptofuse, base_url=server.base_url, client_id="another"))
    source.get()
    server.reply = Reply({}, 401)
    try_(refused)
    assert len(records()) == 2
    for _ in range(5):
        source.get()
        try_(refused)
    assert len(records()) == 2


def run(script: str, server: Server) -> subprocess.CompletedProcess[str]:
    """Run a script in a process of its own, with the server's address as its argument."""
    command = [sys.executable, "-c", script, server.base_url]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


ASK = """
import sys
from paygrant import Cryptofuse, RefreshPolicy, TokenError, TokenSource
provider = Cryptofuse(client_id="a", client_secret="b", base_url=sys.argv[1])
source = TokenSource(provider, policy=RefreshPolicy(max_attempts=1))
"""


@pytest.mark.parametrize("status", [401, 429, 503])
def test_nothing_is_printed_if_logging_is_not_set_up(server: Server, status: int) -> None:
    server.reply = Reply({}, status)
    ended = run(f"{ASK}\ntry: source.get()\nexcept TokenError as error: print(error.status)", server)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, f"{status}\n", "")


def test_only_the_exception_is_printed_if_logging_is_not_set_up(server: Server) -> None:
    server.reply = Reply({}, 503)
    ended = run(f"{ASK}\nsource.get()", server)
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("Traceback ")
    assert ended.stderr.count("Traceback ") == 1
    assert ended.stderr.splitlines()[-1].startswith("paygrant.ProviderUnavailable: cryptofuse: status 503")
    assert "token request:" not in ended.stderr


def test_the_usual_setup_of_logging_shows_the_lines(server: Server) -> None:
    server.reply = Reply({}, 401)
    ended = run(f"import logging; logging.basicConfig()\n{ASK}\ntry: source.get()\nexcept TokenError: pass", server)
    assert re.fullmatch(r"WARNING:paygrant:token request: .* outcome=InvalidClient .*\n", ended.stderr)


class Failing(MemoryStore):
    """A store that is down."""

    def load(self, key: str) -> Entry | None:
        raise OSError


@pytest.mark.parametrize("store", [MemoryStore, Failing])
def test_a_log_handler_that_raises_loses_no_token(
    store: type[MemoryStore], server: Server, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    class Raising(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            raise ValueError(record.name)

    caplog.set_level(logging.INFO, "paygrant")
    monkeypatch.setattr(logging.getLogger("paygrant"), "handlers", [Raising()])
    source = TokenSource(make(Cryptofuse, base_url=server.base_url), store=store())
    assert [source.get().access_token for _ in range(2)] == ["token-1"] * 2


@pytest.mark.parametrize(
    "setup",
    [
        "import os; os.environ['OTEL_PYTHON_METER_PROVIDER'] = 'unknown'",
        """
from unittest.mock import Mock
from opentelemetry import metrics
instrument = Mock(add=Mock(side_effect=ValueError), record=Mock(side_effect=ValueError))
meter = Mock(create_counter=Mock(return_value=instrument), create_histogram=Mock(return_value=instrument))
metrics.set_meter_provider(Mock(spec=metrics.MeterProvider, get_meter=Mock(return_value=meter)))
""",
    ],
    ids=["unknown", "raising"],
)
def test_a_meter_provider_that_raises_loses_no_token(setup: str, server: Server) -> None:
    ended = run(f"{setup}\n{ASK}\nprint(source.get().access_token, source.get().access_token)", server)
    assert ended.stdout == "token-1 token-1\n"


# Counters

LABELS = ("provider", "environment", "outcome")

Measured = Callable[[], dict[tuple[str, ...], float]]
"""What a test has counted so far, by the instrument's name and its attributes in the order of LABELS."""


def points() -> Iterator[tuple[str, Any]]:
    """All that was counted in this process so far, with the instruments' names."""
    data = reader().get_metrics_data()
    for resource in data.resource_metrics if data else ():
        for scope in resource.scope_metrics:
            assert scope.scope.name == "paygrant"
            for metric in scope.metrics:
                for point in metric.data.data_points:
                    yield metric.name, point


def read() -> dict[tuple[str, ...], float]:
    """The counts of this process so far; of a histogram, how many values, and beside it their sum."""
    counts: dict[tuple[str, ...], float] = {}
    for name, point in points():
        assert set(point.attributes) <= set(LABELS)
        key = (name, *(point.attributes[label] for label in LABELS if label in point.attributes))
        if isinstance(point, HistogramDataPoint):
            counts[key], counts[*key, "sum"] = point.count, point.sum
        else:
            counts[key] = point.value
    return counts


@pytest.fixture
def measured() -> Measured:
    before = read()
    return lambda: {key: value - before.get(key, 0) for key, value in read().items() if value != before.get(key)}


WHERE = ("alternative_payments", "demo")


def test_a_used_token_counts_a_request_a_wait_and_hits(server: Server, measured: Measured, clock: Clock) -> None:
    def slow(_: Seen) -> Reply:
        clock.pass_by(0.5)
        return granted()

    server.reply = slow
    source = TokenSource(make(AlternativePayments, base_url=server.base_url))
    for _ in range(6):
        source.get()
    assert measured() == {
        ("paygrant.requests", *WHERE, "granted"): 1,
        ("paygrant.request.duration", *WHERE, "granted"): 1,
        ("paygrant.request.duration", *WHERE, "granted", "sum"): 0.5,
        ("paygrant.waits", *WHERE): 1,
        ("paygrant.hits", *WHERE): 5,
    }


def test_hits_of_tasks_are_counted(server: Server, measured: Measured) -> None:
    async def main() -> None:
        for _ in range(4):
            await source.aget()

    source = TokenSource(make(AlternativePayments, base_url=server.base_url))
    anyio.run(main)
    assert measured()["paygrant.hits", *WHERE] == 3


def test_hits_outlive_their_source(server: Server, measured: Measured) -> None:
    for number in range(3):
        source = TokenSource(make(AlternativePayments, base_url=server.base_url, client_id=f"client-{number}"))
        source.get()
        source.get()
        del source
        gc.collect()
    assert measured()["paygrant.hits", *WHERE] == 3


@each_ending
def test_requests_are_counted_by_their_outcome(
    reply: Reply, outcome: str, attempts: int, server: Server, measured: Measured
) -> None:
    server.reply = reply
    try_(TokenSource(make(AlternativePayments, base_url=server.base_url)))
    counts = measured()
    assert {key: count for key, count in counts.items() if "requests" in key[0]} == {
        ("paygrant.requests", *WHERE, outcome): attempts
    }
    assert counts["paygrant.request.duration", *WHERE, outcome] == attempts


def test_a_due_token_counts_as_served_stale(server: Server, measured: Measured, clock: Clock) -> None:
    source = TokenSource(make(AlternativePayments, base_url=server.base_url), policy=RefreshPolicy(max_attempts=1))
    source.get()
    server.reply = Reply({}, 503)
    clock.pass_by(3600 - 31)
    for _ in range(3):
        source.get()
    settle(source)
    counts = measured()
    assert counts["paygrant.stale_serves", *WHERE] == 3
    assert counts["paygrant.waits", *WHERE] == 1
    assert counts["paygrant.requests", *WHERE, "ProviderUnavailable"] == 1
    assert ("paygrant.hits", *WHERE) not in counts


@pytest.mark.parametrize("reply", [Reply({}, 401), Reply({}, 429, {"Retry-After": "60"})])
def test_a_remembered_error_counts_as_a_refusal(reply: Reply, server: Server, measured: Measured) -> None:
    server.reply = reply
    source = TokenSource(make(AlternativePayments, base_url=server.base_url))
    for _ in range(4):
        try_(source)
    counts = measured()
    assert counts["paygrant.refusals", *WHERE] == 3
    assert sum(count for key, count in counts.items() if key[0] == "paygrant.requests") == 1


def test_every_instrument_is_documented(server: Server, measured: Measured, clock: Clock) -> None:
    source = TokenSource(make(AlternativePayments, base_url=server.base_url))
    source.get()
    source.get()
    clock.pass_by(3600 - 31)
    source.get()
    settle(source)
    server.reply = Reply({}, 401)
    refused = TokenSource(make(AlternativePayments, base_url=server.base_url, client_id="another"))
    for _ in range(2):
        try_(refused)
    documented = set(re.findall(r"^\| ``(paygrant\.[a-z._]+)`` \|", str(_telemetry.__doc__), re.MULTILINE))
    assert {name for name, _ in points()} == documented


WITHOUT = """
import sys
sys.modules["opentelemetry"] = None
"""


def test_without_opentelemetry_everything_works(server: Server) -> None:
    server.reply = lambda _: Reply({}, 503) if len(server.seen) == 1 else granted(f"token-{len(server.seen)}")
    ended = run(
        f"""{WITHOUT}{ASK}
try: source.get()
except TokenError as error: print(type(error).__name__)
token = source.get()
print(token.access_token, source.get() is token)
source.invalidate(token)
print(source.get().access_token)
from paygrant._telemetry import Meter, _instruments
print(_instruments)
meter = Meter("acme", "test")
meter.waited(), meter.served_stale(), meter.refused()
""",
        server,
    )
    assert ended.stderr == ""
    assert ended.stdout.splitlines() == ["ProviderUnavailable", "token-2 True", "token-3", "None"]


def test_counters_work_without_a_reader(server: Server) -> None:
    ended = run(f"{ASK}\nfor _ in range(3): print(source.get().access_token)", server)
    assert (ended.stdout.split(), ended.stderr) == (["token-1"] * 3, "")
