"""Many tokens, and the first one: what paygrant costs beside a client that is written by hand, with targets.

Each situation has a process of its own, or two that take turns: see ``child``. By hand means one ``httpx.Client`` with 64
connections, 64 threads, and a dictionary. It checks, repeats and shares nothing.
"""

import contextlib
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from scripts.bench import fresh
from scripts.bench.costs import Cost, quartiles
from scripts.bench.lab import ROOT, Lab, certificate, laboratory, redis_server
from scripts.bench.peers import library
from scripts.bench.scenarios import Figure

FEW, MANY_IN_MEMORY, MANY_ELSEWHERE = 100, 20_000, 10_000
"""Tokens that are held while another one is fetched."""

FURTHER = 300
"""Tokens of one measurement. It follows a search for garbage, which leaves a cold cache of the processor behind. With 50
tokens, which take 15 ms, that counted as a cost of the tokens that are held."""

PEERS = {"httpx-auth": "httpx_auth", "google-auth": "google_auth", "httpx alone": "httpx_alone"}


@dataclass(frozen=True)
class Comparison:
    """A situation of many tokens, and the median figure of each way. Shorter bars are better."""

    title: str
    what: str
    figure: Figure
    values: Mapping[str, float]


Found = Cost | Comparison
Ask = Callable[..., Sequence[float]]
"""Lets a child run its job, with these words, and returns the figures."""


def many(*, quick: bool) -> Iterator[Found]:
    """Measure one situation after the other."""
    rounds = 1 if quick else 9
    with laboratory() as lab, tempfile.TemporaryDirectory() as folder:
        yield from _first(lab, 3 if quick else 31)
        yield from _cold(lab, rounds, "http")
        pem = certificate(Path(folder))
        with laboratory(pem) as secure:
            yield from _cold(secure, rounds, "TLS", pem)
        yield from _hung(lab, 2 * rounds)
        yield from _due(lab, 1 if quick else 3)
        yield from _growth(5 if quick else 25, Path(folder), quick=quick)
        with _child("users", "2000") as ask:
            used = [ask()[0] / 1000 for _ in range(1 if quick else 3)]
        yield Cost("a user of the widget: a source with its token", "KB", quartiles(used), 3.0)


def _first(lab: Lab, turns: int) -> Iterator[Found]:
    """Import and first token in a new interpreter, beside the best peer."""
    names = {"paygrant": "paygrant", **PEERS}
    seconds: dict[str, list[float]] = {each: [] for each in names}
    for turn in range(turns + 1):
        for shown in [*names][turn % len(names) :] + [*names][: turn % len(names)]:
            endpoint, module = lab.client(), library(names[shown]).peer.__module__
            run = fresh.run(
                f"from scripts.bench.peers import Endpoint; from {module} import LIBRARY; LIBRARY.peer({endpoint!r}).attach()()"
            )
            if turn:
                seconds[shown].append(run.statement)
    medians = {shown: statistics.median(each) for shown, each in seconds.items()}
    best = min([*PEERS][:2], key=medians.__getitem__)
    yield _ratio(f"import and first token / with {best}, the best peer", seconds["paygrant"], seconds[best], 1.0)
    yield _ratio("import and first token / with httpx alone", seconds["paygrant"], seconds["httpx alone"], None)
    figure = Figure("import and first token", "ms")
    values = {shown: 1000 * each for shown, each in medians.items()}
    yield Comparison("A fresh interpreter", "import and first token, beside httpx alone", figure, values)


def _cold(lab: Lab, rounds: int, how: str, pem: Path | None = None) -> Iterator[Found]:
    """1,000 tokens of as many clients, beside the same by hand."""
    ways = {"hand": "by hand, 64 threads", "threads": "64 threads", "tasks": "1,000 tasks"}
    seconds: dict[str, list[float]] = {way: [] for way in ways}
    connections, threads = list[float](), list[float]()
    with _child("cold", lab.base_url, *([str(pem)] if pem else []), trusted=pem) as ask:
        for each in range(rounds + 1):
            for way in [*ways] if each % 2 else [*reversed(ways)]:
                lab.count()
                took, *others = ask(way)
                if each:
                    seconds[way].append(took)
                    threads += others
                    connections += [lab.count()["connections"]] if others else []
    for way in ("threads", "tasks"):
        yield _ratio(f"1,000 cold tokens over {how} by {ways[way]} / by hand", seconds[way], seconds["hand"], 1.0)
    yield Cost(f"connections for 1,000 tokens over {how}", "", quartiles(connections), 64)
    yield Cost(f"threads of paygrant for 1,000 tokens over {how}", "", quartiles(threads), 72)
    values = {label: 1000 * statistics.median(seconds[way]) for way, label in ways.items()}
    values = {"64 threads": values["64 threads"], "1,000 tasks": values["1,000 tasks"], **values}
    yield Comparison(f"1,000 cold tokens over {how}", "until all are there", Figure("all there", "ms"), values)


def _hung(lab: Lab, rounds: int) -> Iterator[Found]:
    """200 tokens of a host, alone and while 1,000 callers wait for another host, which never responds."""
    ways = {"alone": list[float](), "beside": list[float]()}
    with (
        socket.create_server(("127.0.0.1", 0), backlog=2048) as silent,
        _child("hung", lab.base_url, f"http://127.0.0.1:{silent.getsockname()[1]}") as ask,
    ):
        ask("alone")
        for each in range(rounds):
            for way in [*ways] if each % 2 else [*reversed(ways)]:
                ways[way] += ask(way)
    yield _ratio("200 cold tokens beside a host that hangs / alone", ways["beside"], ways["alone"], 1.1)
    values = {"no other host": 1000 * statistics.median(ways["alone"])}
    values["beside a hung host"] = 1000 * statistics.median(ways["beside"])
    yield Comparison(
        "1,000 callers wait for another host", "until 200 cold tokens are there", Figure("all", "ms"), values
    )


def _due(lab: Lab, rounds: int) -> Iterator[Found]:
    """1,000 tokens that are due at the same time, while 8 threads use them."""
    fresh_calls, due_calls, requests = list[float](), list[float](), list[float]()
    with _child("due", lab.base_url) as ask:
        for _ in range(rounds):
            lab.count()
            calm, busy = ask()
            fresh_calls.append(calm)
            due_calls.append(busy)
            requests.append(lab.count()["requests"] - 1000)
    yield Cost("token requests when 1,000 tokens are due at once", "", quartiles(requests), 1000)
    yield Cost("the longest call when 1,000 tokens are due at once", "s", quartiles(due_calls), None)
    values = {
        "all fresh": 1000 * statistics.median(fresh_calls),
        "all due at once": 1000 * statistics.median(due_calls),
    }
    yield Comparison("8 threads use 1,000 tokens", "the longest call", Figure("longest call", "ms", 1), values)


def _growth(rounds: int, folder: Path, *, quick: bool) -> Iterator[Found]:
    """The CPU time of a further token, without a network, while few or many are held."""
    growth: dict[str, float] = {}
    with redis_server() as url:
        stores = {"memory": "memory", "files": str(folder / "tokens"), **({"Redis": url} if url else {})}
        for name, where in stores.items():
            number = MANY_IN_MEMORY if name == "memory" else MANY_ELSEWHERE
            number = number // 20 if quick else number
            few, lots = [where] * 2 if name == "memory" else [f"{where}{part}" for part in _parts(name)]
            with _child("held", few, str(FEW)) as ask_few, _child("held", lots, str(number)) as ask_lots:
                asked = [(ask_few(str(FURTHER)), ask_lots(str(FURTHER))) for _ in range(rounds + 1)][1:]
            cpu = [each_few for (_, each_few), _ in asked]
            title = f"a further token with {number:,} in {name} / with {FEW}"
            ratio = _ratio(title, [each_lots for _, (_, each_lots) in asked], cpu, 1.2)
            yield ratio
            growth[f"{name}, {number:,}"] = ratio.quartiles[1]
            if name == "memory":
                yield Cost("the CPU time of a token, without a network", "s", quartiles(cpu), 0.0007)
    what = f"the CPU time of a further token / with {FEW} held"
    yield Comparison("Many tokens are held", what, Figure("growth", "x", 2), growth)


def _parts(name: str) -> tuple[str, str]:
    """What makes two stores of one: folders, or databases of Redis."""
    return ("/0", "/1") if name == "Redis" else ("-few", "-many")


def _ratio(title: str, subject: Sequence[float], baseline: Sequence[float], target: float | None) -> Cost:
    return Cost(
        title, "times", quartiles([ours / other for ours, other in zip(subject, baseline, strict=True)]), target
    )


@contextmanager
def _child(*words: str, trusted: Path | None = None) -> Generator[Ask]:
    """A process with a job; see ``child``."""
    command = [sys.executable, "-m", "scripts.bench.child", *words]
    surroundings = {**os.environ, **({"SSL_CERT_FILE": str(trusted)} if trusted else {})}
    pipe = subprocess.PIPE
    with subprocess.Popen(command, cwd=ROOT, stdin=pipe, stdout=pipe, text=True, env=surroundings) as process:

        def read() -> str:
            assert process.stdout  # noqa: S101 - it is a pipe
            line = process.stdout.readline()
            if not line:
                raise RuntimeError(f"the job {words[0]} ended early")
            return line

        def ask(*each: str) -> Sequence[float]:
            assert process.stdin  # noqa: S101 - it is a pipe
            process.stdin.write(f"{' '.join(each)}\n")
            process.stdin.flush()
            figures: list[float] = json.loads(read())
            return figures

        try:
            read()
            yield ask
        finally:
            process.kill()
            with contextlib.suppress(OSError):
                process.communicate()
