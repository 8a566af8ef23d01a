"""In each test of this folder, logs, outputs and hooks are searched for canaries."""

import logging
import sys
import threading
from collections.abc import Iterator

import pytest

from tests.helpers.exposure import Watch
from tests.helpers.secrets import found, uproot


@pytest.fixture(autouse=True)
def watch(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Iterator[Watch]:
    """In every test: all logs at the lowest level, the outputs and the hooks. After it, no canary may have shown up."""
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
    shown = found("\n".join(watch.lines)), found("".join(capfd.readouterr()))
    uproot()
    assert shown == (set(), set())
    assert watch.escaped == []
