"""What was changed through one gateway counts at the others before it is answered (R47, R78).

A gateway that has not come so far within the time has heard nothing for longer than NEW_NAMES_AGE_SECONDS by then: it
asks about names that it does not know, and when it slept it reads first what has arrived.
"""

import asyncio
from contextlib import suppress

from moorage.access.consistency import ConsistencyToken
from moorage.access.problems import Problem
from moorage.access.sync_wire import AwaitFleetRequest
from moorage.gateway.follower import Follower
from moorage.gateway.ports import Authority


class Everywhere:
    """Waits for all gateways, `seconds` at most."""

    def __init__(self, authority: Authority, follower: Follower, seconds: float) -> None:
        self._authority = authority
        self._follower = follower
        self._seconds = seconds

    async def reached(self, token: ConsistencyToken) -> None:
        """Returns once this gateway and all that the fleet knows enforce the position, or after a while."""
        await asyncio.gather(self._follower.reached(token, self._seconds), self._fleet(token))

    async def _fleet(self, token: ConsistencyToken) -> None:
        with suppress(Problem):
            await self._authority.await_fleet(AwaitFleetRequest(token=str(token), seconds=self._seconds, heard=True))
