"""Compares what the replica holds of each workspace with what the authority has, at equal seq (authorization.md §2.6).

A difference means that a change was lost or misread: time does not heal it. Found twice in a row, the workspace leaves
the replica, the authority answers for it until it is loaded anew, and somebody should be woken.
"""

import asyncio
import random
from collections.abc import Callable
from typing import Final
from uuid import UUID

import structlog

from moorage.access.consistency import ConsistencyToken
from moorage.access.problems import Problem
from moorage.gateway.follower import Follower
from moorage.gateway.ports import AuthorityFeed

REACH_SECONDS: Final = 5.0
STRIKES: Final = 2
_LOAD_SECONDS: Final = 60.0


class SumCheck:
    """`run` is one task of one owner."""

    def __init__(
        self, follower: Follower, feed: AuthorityFeed, interval: float, jitter: Callable[[], float] = random.random
    ) -> None:
        self._follower = follower
        self._feed = feed
        self._interval = interval
        self._jitter = jitter
        self._log = structlog.get_logger()
        self.compared = 0
        self.mismatches = 0

    async def run(self) -> None:
        """Compares every workspace once per interval, evenly spread, until cancelled."""
        while True:
            workspaces = self._loaded()
            for workspace in workspaces:
                await asyncio.sleep(self._pause(len(workspaces)))
                await self.check(workspace)
            if not workspaces:
                await asyncio.sleep(self._pause(1))

    async def check(self, workspace: UUID) -> bool:
        """Whether the workspace may go on being served from here; a difference found twice drops it."""
        for _ in range(STRIKES):
            if await self._equal(workspace) is not False:
                return True
            self.mismatches += 1
        self._log.error("A workspace's facts differ from the authority's; it is loaded anew.", workspace=str(workspace))
        await self._follower.renew(workspace, _LOAD_SECONDS)
        return False

    async def _equal(self, workspace: UUID) -> bool | None:
        """Whether both sums are the same; None if they can't be compared at one position now."""
        try:
            told = await self._feed.sum(workspace)
        except Problem:
            return None
        position = ConsistencyToken(told.epoch, told.seq)
        if not await self._follower.reached(position, REACH_SECONDS):
            return None
        replica = self._follower.replica
        ours = replica.sum_at(workspace, position) if replica else None
        if ours is None:
            return None
        self.compared += 1
        return ours == told.sum

    def _loaded(self) -> list[UUID]:
        replica = self._follower.replica
        return sorted(replica.loaded) if replica else []

    def _pause(self, count: int) -> float:
        """Full jitter around an even spread: gateways that started together do not ask together."""
        return self._interval / count * (0.5 + self._jitter())
