"""The two clocks and the passing of time, in one place, so that tests can control them.

Decisions use the monotonic clock. The wall clock has two uses: it shows people when a token ends, and it reads
absolute times in a response that does not state the server's own time.
"""

import threading
import time
from datetime import UTC, datetime

monotonic = time.monotonic


def sleep(seconds: float, stop: threading.Event) -> None:
    """Wait for this long, or until the event is set."""
    stop.wait(seconds)


def wall() -> datetime:
    """Now, as an aware datetime in UTC."""
    return datetime.now(UTC)
