"""Where time comes from: an argument, never a hidden input."""

import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

_RUNS_WHILE_SUSPENDED: Final[int] = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
"""On Linux the monotonic clock stands still while the machine sleeps, and what slept would take itself for young."""


class Clock(Protocol):
    """Tells the time of day, and measures."""

    def now(self) -> datetime:
        """The time in UTC."""
        ...

    def monotonic(self) -> float:
        """Seconds on a clock that is never set back and never stands still; only differences mean something."""
        ...


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        """See Clock."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """See Clock."""
        return time.clock_gettime(_RUNS_WHILE_SUSPENDED)


class FixedClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = datetime(2026, 1, 1, tzinfo=UTC)) -> None:
        self._now = start
        self._elapsed = timedelta()

    def now(self) -> datetime:
        """See Clock."""
        return self._now + self._elapsed

    def monotonic(self) -> float:
        """See Clock."""
        return self._elapsed.total_seconds()

    def advance(self, by: timedelta) -> None:
        """Moves both clocks on."""
        self._elapsed += by
