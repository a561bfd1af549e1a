"""A gateway's place in the fleet: it tells how far it has come, and decides nothing by itself unless it is known there.

Who waits until every gateway enforces a change waits for those that are known (authorization.md §3.6). So a gateway is
known before it decides, and one that has not been heard for as long as it may serve has stopped by then: it goes by the
bound that permissions has acknowledged, from the moment before it told it, by a clock that never stands still.
"""

import asyncio
from contextlib import suppress
from math import inf
from types import TracebackType
from typing import Final, Self
from uuid import UUID, uuid4

import structlog

from moorage.access.consistency import ORIGIN
from moorage.access.problems import Problem, ServiceUnavailable
from moorage.access.staleness import Bounds
from moorage.access.sync_wire import FleetReport
from moorage.gateway.follower import Follower
from moorage.gateway.ports import AuthorityFeed
from moorage.runtime.clock import Clock

REPORT_SECONDS: Final = 1.0
_log: Final = structlog.stdlib.get_logger(__name__)


class Enlistment:
    """Reports every second and at once after a record of ours has changed, while it is open; leaves at its end.

    It leaves as well when the stream has been silent for longer than anything is decided on, and comes back as somebody
    else: what was said of the former one, and arrives late, is not about it.
    """

    def __init__(self, feed: AuthorityFeed, follower: Follower, clock: Clock, bounds: Bounds) -> None:
        self.id: UUID = uuid4()
        self._feed = feed
        self._follower = follower
        self._clock = clock
        self._bounds = bounds
        self._known_at = -inf
        self._known_for = inf
        self._away = False
        self._task: asyncio.Task[None] | None = None
        self.minimum: str | None = None

    @property
    def current(self) -> bool:
        """Whether the fleet knows of this gateway and waits for it, and the stream is not too old for anything."""
        return self._clock.monotonic() - self._known_at < self._known_for and not self._deaf

    @property
    def _deaf(self) -> bool:
        """Whether the stream was heard, and has been silent for too long; before it was, nothing is decided anyway."""
        return self._known_for < self._follower.age < inf

    async def __aenter__(self) -> Self:
        await self._report()
        self._task = asyncio.create_task(self._run(), name="report to the fleet")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        await self._leave()

    async def _run(self) -> None:
        heard = self._follower.heard
        while True:
            with suppress(TimeoutError):
                async with asyncio.timeout(REPORT_SECONDS):
                    await heard.ours.wait()
            heard.ours.clear()
            if not self._deaf:
                await self._report()
            elif self._known_at > -inf:
                await self._leave()

    async def _leave(self) -> None:
        """Decides nothing by itself from now on, and says so."""
        self._known_at = -inf
        with suppress(Problem):
            await self._feed.report(self._told(leaving=True))
        self.id = uuid4()

    async def _report(self) -> None:
        """Tells the position that everything from now on is decided at, or later."""
        sent_at, told = self._clock.monotonic(), self._told()
        try:
            answer = await self._feed.report(told)
        except ServiceUnavailable as error:
            if not self._away:
                _log.warning("The fleet can't be told how far this gateway has come.", why=error.detail)
            self._away = True
            return
        self._known_at, self._away, self.minimum = sent_at, False, answer.minimum
        self._known_for = inf if told.serves_for is None else told.serves_for

    def _told(self, *, leaving: bool = False) -> FleetReport:
        replica = self._follower.replica
        position = replica.position if replica else ORIGIN
        serves_for = self._bounds.longest_silence(public=replica is not None and replica.allows_public)
        return FleetReport(gateway=self.id, applied=str(position), serves_for=serves_for, leaving=leaving)
