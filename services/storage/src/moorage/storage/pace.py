"""Keeps work that may take its time from taking the disk from those who wait."""

import asyncio
from collections.abc import Awaitable, Callable

from moorage.runtime.clock import Clock

Sleep = Callable[[float], Awaitable[object]]
"""Lets so many seconds pass."""


class Pace:
    """At most so many bytes per second on the whole; without a bound, none is kept."""

    def __init__(self, clock: Clock, bytes_per_second: int | None = None, sleep: Sleep = asyncio.sleep) -> None:
        self._clock = clock
        self._rate = bytes_per_second
        self._sleep = sleep
        self._due = clock.monotonic()

    async def spend(self, size: int) -> None:
        """Returns when that many bytes more may have been read. Idle time is not made up for later."""
        if self._rate is None:
            return
        self._due = max(self._due, self._clock.monotonic()) + size / self._rate
        await self._sleep(self._due - self._clock.monotonic())
