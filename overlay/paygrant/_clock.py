"""The two clocks and the passing of time, in one place, so that tests can turn them.

Decisions are made by the monotonic clock. The wall clock only tells people when a token ends, and reads
moments that an answer gives without saying what time it is there.
"""

import threading
import time
from datetime import UTC, datetime

monotonic = time.monotonic


def sleep(seconds: float, stop: threading.Event) -> None:
    """Let time pass, unless told to stop."""
    stop.wait(seconds)


def wall() -> datetime:
    """Now, as an aware moment in UTC."""
    return datetime.now(UTC)
