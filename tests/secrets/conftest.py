"""In each test of this folder, logs, outputs, counts and hooks are searched for canaries."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.helpers.exposure import Watch
from tests.helpers.observed import counts_in_json, reader
from tests.helpers.secrets import found, uproot


@pytest.fixture(autouse=True)
def watch(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    """In every test: all logs at the lowest level, the outputs, the counts of OpenTelemetry and the hooks.

    After it, no canary may have shown up.
    """
    reader()
    watch = Watch()
    watch.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    names = {"asyncio", "httpcore", "httpx", "paygrant", *logging.root.manager.loggerDict}
    levels = {logger: logger.level for logger in (logging.root, *map(logging.getLogger, names))}
    for logger in levels:
        logger.setLevel(1)
    logging.root.addHandler(watch)
    monkeypatch.setattr(threading, "excepthook", watch.escaped.append)
    monkeypatch.setattr(sys, "unraisablehook", watch.escaped.append)
    yield watch
    logging.root.removeHandler(watch)
    for logger, level in levels.items():
        logger.setLevel(level)
    shown = found("\n".join(watch.lines)), found("".join(capfd.readouterr())), found(counts_in_json())
    uproot()
    assert shown == (set(), set(), set())
    assert watch.escaped == []
