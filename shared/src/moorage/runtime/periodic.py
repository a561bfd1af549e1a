"""Work that is repeated as long as a service is open."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import timedelta
from types import TracebackType
from typing import Final, Self

import structlog

_log: Final = structlog.stdlib.get_logger(__name__)


class Periodic:
    """Runs `work` at once and then every `interval`, from entering to leaving; leaving waits for it to end.

    `passing` is what the work raises while something it needs is away: told in a line, without a traceback.
    With a `jitter`, each pause is longer or shorter by at most that part of it: who started together drifts apart.
    """

    def __init__(
        self,
        name: str,
        work: Callable[[], Awaitable[object]],
        interval: timedelta,
        passing: type[Exception] | tuple[type[Exception], ...] = (),
        jitter: float = 0,
    ) -> None:
        self._name = name
        self._work = work
        self._interval = interval
        self._passing = passing
        self._jitter = jitter
        self._running: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._repeat(), name=self._name)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running])

    async def _repeat(self) -> None:
        while True:
            await self._once()
            spread = random.uniform(1 - self._jitter, 1 + self._jitter)  # noqa: S311 - nothing secret rests on it
            await asyncio.sleep(self._interval.total_seconds() * spread)

    async def _once(self) -> None:
        try:
            await self._work()
        except self._passing as error:
            _log.warning("A periodic job could not run and will be tried again", job=self._name, reason=str(error))
        except Exception:
            # One bad pass must not end the job for the life of the process; it is a bug and is told as one.
            _log.exception("A periodic job failed and will be tried again", job=self._name)
