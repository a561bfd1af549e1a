"""Looks at the holds again and again, as long as somebody reads."""

import asyncio
from contextlib import suppress
from types import TracebackType
from typing import Final, Self

import structlog

from moorage.oci.errors import Unavailable
from moorage.runtime.clock import Clock
from moorage.storage.hold_feed import HoldFeed
from moorage.storage.remembered.numbers import Numbers
from moorage.storage.remembered.recollection import Recollection

INTERVAL_SECONDS: Final = 0.015
"""From the beginning of one look to that of the next."""
IDLE_SECONDS: Final = 0.05
"""After so long without a reader nobody looks: reads that are rare cost a look each, and an idle process none."""
PATIENCE_SECONDS: Final = 5.0
_FAILED_SECONDS: Final = 0.1
_log: Final = structlog.stdlib.get_logger(__name__)


class Polls:
    """From entering to leaving. What a look has seen is in the recollection before anybody who waited goes on."""

    def __init__(self, feed: HoldFeed, recollection: Recollection, clock: Clock, numbers: Numbers) -> None:
        self._feed = feed
        self._recollection = recollection
        self._clock = clock
        self._numbers = numbers
        self._wanted, self._hurry = asyncio.Event(), asyncio.Event()
        self._last_read = 0.0
        self._next: asyncio.Future[None] | None = None
        self._running: asyncio.Task[None] | None = None

    def read(self, now: float) -> None:
        """Somebody reads: looks go on for a while."""
        self._last_read = now
        self._wanted.set()

    async def next(self) -> None:
        """Returns when a look has ended, which may have begun already. Raises Unavailable."""
        if self._next is None:
            self._next = asyncio.get_running_loop().create_future()
        self._wanted.set()
        self._hurry.set()
        self._numbers.waits.inc()
        try:
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.shield(self._next)
        except TimeoutError:
            raise Unavailable("the registry's database does not answer right now") from None

    async def __aenter__(self) -> Self:
        self._running = asyncio.create_task(self._run(), name="poll holds")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        running, self._running = self._running, None
        if running is not None:
            running.cancel()
            await asyncio.wait([running])
        self._ended(Unavailable("the registry is stopping"))

    async def _run(self) -> None:
        while True:
            await self._wanted.wait()
            began = self._clock.monotonic()
            if began - self._last_read > IDLE_SECONDS and self._next is None:
                self._wanted.clear()
                continue
            if await self._look(began):
                await self._pause(began + INTERVAL_SECONDS - self._clock.monotonic())
            else:
                await asyncio.sleep(_FAILED_SECONDS)

    async def _look(self, began: float) -> bool:
        """Whether it succeeded."""
        self._hurry.clear()
        try:
            self._recollection.learn(await self._feed.poll(), began)
        except Unavailable as error:
            return self._ended(error)
        except Exception as error:
            _log.exception("Holds could not be looked at; nothing is told from memory")
            return self._ended(_unsure(error))
        self._numbers.polls.inc()
        return self._ended(None)

    def _ended(self, failure: Unavailable | None) -> bool:
        """Tells who waits. After a failure nothing is remembered: what happened meanwhile is not known."""
        waiting, self._next = self._next, None
        if failure is None:
            if waiting is not None:
                waiting.set_result(None)
            return True
        self._recollection.clear()
        if waiting is not None:
            waiting.set_exception(failure)
            waiting.exception()  # who waited may have left
        return False

    async def _pause(self, seconds: float) -> None:
        """Until the next look is due, or somebody waits for it."""
        with suppress(TimeoutError):
            async with asyncio.timeout(max(seconds, 0)):
                await self._hurry.wait()


def _unsure(error: Exception) -> Unavailable:
    unavailable = Unavailable("the registry can't tell right now whether what it remembers is true")
    unavailable.__cause__ = error
    return unavailable
