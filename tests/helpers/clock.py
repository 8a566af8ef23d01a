"""Clocks that stand still until a test moves them: those of the package, and that of a sandbox."""

from datetime import UTC, datetime, timedelta


class Clock:
    """Both clocks of the package: the monotonic clock and the wall clock."""

    def __init__(self) -> None:
        self.seconds = 1000.0
        self.offset = timedelta()

    def __call__(self) -> float:
        return self.seconds

    def wall(self) -> datetime:
        return datetime(2026, 11, 21, tzinfo=UTC) + timedelta(seconds=self.seconds) + self.offset

    def pass_by(self, seconds: float) -> None:
        self.seconds += seconds


NOW = 1_800_000_000.0
"""The time of a sandbox in tests, in seconds since the epoch."""


class SandboxClock:
    """The clock of a sandbox."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now
