"""A gateway's place in the fleet: it tells how far it has come, and decides nothing by itself unless it is known there.

Who waits until every gateway enforces a change waits for those that are known (authorization.md §3.6). So a gateway is
known before it decides, and one that has not been heard for as long as it may serve has stopped by then: it goes by the
bound that permissions has acknowledged, from the moment before it told it, by a clock that never stands still.

Without a replica nothing is decided here, so nobody has to wait: the gateway is not known then. Once it comes back it
decides nothing from anything older than the head that was answered to it: others may have waited for that much.
"""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from math import inf
from types import TracebackType
from typing import Final, Self
from uuid import UUID, uuid4

import structlog

from moorage.access.consistency import ORIGIN, ConsistencyToken
from moorage.access.problems import Problem, ServiceUnavailable
from moorage.access.staleness import Bounds
from moorage.access.sync_wire import FleetReport
from moorage.gateway.follower import Follower
from moorage.gateway.ports import AuthorityFeed
from moorage.gateway.replica.replica import Replica
from moorage.runtime.clock import Clock

Announce = Callable[[UUID], None]

REPORT_SECONDS: Final = 1.0
_log: Final = structlog.stdlib.get_logger(__name__)


class Enlistment:
    """Reports every second and at once after a record of ours has changed, while it is open; leaves at its end.

    It leaves as well when there is no replica, or the stream has been silent for longer than anything is decided on,
    and comes back as somebody else: what was said of the former one, and arrives late, is not about it. So it does
    when it may serve through less silence than before, for of one gateway permissions counts the longest it told.

    Before it is known under an id it says it to `announce`: who sees this process die can take leave for it.
    """

    def __init__(
        self,
        feed: AuthorityFeed,
        follower: Follower,
        clock: Clock,
        bounds: Bounds,
        announce: Announce = lambda _: None,
    ) -> None:
        self.id: UUID = uuid4()
        self._announce = announce
        self._feed = feed
        self._follower = follower
        self._clock = clock
        self._bounds = bounds
        self._known_at = -inf
        self._known_for = inf
        self._floor = ORIGIN
        self._passed: Replica | None = None
        self._away = False
        self._task: asyncio.Task[None] | None = None
        self.minimum: str | None = None

    @property
    def current(self) -> bool:
        """Whether the fleet knows of this gateway and waits for it, and what is here is not too old for anything."""
        replica = self._follower.replica
        if replica is None or not (replica is self._passed or self._has_passed(replica)):
            return False
        return self._clock.monotonic() - self._known_at < self._known_for and not self._deaf

    def _has_passed(self, replica: Replica) -> bool:
        """Whether it is where others believe us to be. Asked once of each copy, for copies only go forward."""
        if replica.position < self._floor:
            return False
        self._passed = replica
        return True

    @property
    def _known(self) -> bool:
        return self._known_at > -inf

    @property
    def _deaf(self) -> bool:
        """Whether the stream was heard, and has been silent for too long; before it was, nothing is decided anyway."""
        return self._known_for < self._follower.age < inf

    async def __aenter__(self) -> Self:
        await self._keep_up()
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
            await self._keep_up()

    async def _keep_up(self) -> None:
        replica = self._follower.replica
        if self._known and (replica is None or self._deaf or self._serves_for(replica) < self._known_for):
            await self._leave()
        if replica is not None and not self._deaf:
            await self._report(replica.position, self._serves_for(replica))

    async def _leave(self) -> None:
        """Decides nothing by itself from now on, and says so."""
        self._known_at = -inf
        with suppress(Problem):
            await self._feed.report(self._told(ORIGIN, inf, leaving=True))
        self.id = uuid4()

    async def _report(self, position: ConsistencyToken, serves_for: float) -> None:
        """Tells the position that everything from now on is decided at, or later."""
        if not self._known:
            self._announce(self.id)
        sent_at, self._floor = self._clock.monotonic(), max(self._floor, position)
        try:
            answer = await self._feed.report(self._told(position, serves_for))
        except ServiceUnavailable as error:
            if not self._away:
                _log.warning("The fleet can't be told how far this gateway has come.", why=error.detail)
            self._away = True
            return
        if not self._known:
            # Who was told before now that all enforce something was told of no more than this.
            self._floor, self._passed = max(self._floor, ConsistencyToken.parse(answer.head)), None
        self._known_at, self._known_for, self._away, self.minimum = sent_at, serves_for, False, answer.minimum

    def _told(self, position: ConsistencyToken, serves_for: float, *, leaving: bool = False) -> FleetReport:
        bound = None if serves_for == inf else serves_for
        return FleetReport(gateway=self.id, applied=str(position), serves_for=bound, leaving=leaving)

    def _serves_for(self, replica: Replica) -> float:
        """Seconds; without end where stale pulls go on."""
        bound = self._bounds.longest_silence(public=replica.allows_public)
        return inf if bound is None else bound
