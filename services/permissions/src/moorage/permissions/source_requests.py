"""What permissions asks of sources: snapshots of workspaces, and one user's facts on one repository (§2.5).

Requests wait in the ledger until a bridge fetches them; asking again for what waits already has no effect.
"""

import asyncio
import time
from collections.abc import Collection
from datetime import datetime
from typing import Final
from uuid import UUID

from pydantic import Field

from moorage.access import wire
from moorage.access.problems import NotFound
from moorage.permissions.ports import Change, Ledger
from moorage.permissions.records import Source
from moorage.permissions.request_book import Wanted
from moorage.permissions.slots import Table
from moorage.runtime.clock import Clock

SNAPSHOT: Final = "snapshot"
REFRESH: Final = "refresh"
MOST_AT_ONCE: Final = 100
LONGEST_WAIT_SECONDS: Final = 60.0
_LOOK_SECONDS: Final = 1.0


class RequestsQuery(wire.Request):
    """How many seconds to wait for the first request."""

    wait: float = Field(default=0, ge=0, le=LONGEST_WAIT_SECONDS)
    source: str | None = None


class RequestBody(wire.Answer):
    """One request; `user` and `repository` only of a refresh."""

    id: int
    kind: str
    workspace: UUID
    user: UUID | None
    repository: UUID | None
    at: datetime

    @classmethod
    def of(cls, wanted: Wanted) -> "RequestBody":
        """The body that says `wanted`."""
        return cls(
            id=wanted.id,
            kind=wanted.kind,
            workspace=wanted.workspace,
            user=wanted.user,
            repository=wanted.repository,
            at=wanted.at,
        )


class ListRequestsAnswer(wire.Answer):
    """What waits, oldest first, at most a hundred."""

    requests: list[RequestBody]


class SourceRequests:
    """Asks sources, and tells them what they are asked."""

    def __init__(self, ledger: Ledger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    async def want_snapshot(self, change: Change, workspace: int) -> bool:
        """Asks the authorities of the workspace (its alias) for a snapshot; False if nobody can be asked anew."""
        return await want_snapshot(change, workspace, self._clock.now())

    async def want_refresh(self, change: Change, workspace: int, user: UUID, repository: UUID) -> bool:
        """Asks the authority for grants to send all it knows of a user and a repository; False as above."""
        holding = (await change.authorities.of([workspace])).get((workspace, Table.GRANT))
        if holding is None:
            return False
        return await change.requests.want(holding.source, REFRESH, workspace, user, repository, self._clock.now())

    async def waiting(self, source: Source, seconds: float) -> ListRequestsAnswer:
        """What the source is asked, as soon as there is anything, or after `seconds`."""
        ends = time.monotonic() + seconds
        while True:
            async with self._ledger.viewing() as view:
                found = await view.requests.of(source.id, MOST_AT_ONCE)
            left = ends - time.monotonic()
            if found or left <= 0:
                return ListRequestsAnswer(requests=[RequestBody.of(each) for each in found])
            await asyncio.sleep(min(_LOOK_SECONDS, left))

    async def done(self, source: Source, id: int) -> None:
        """The source has answered. Raises NotFound."""
        async with self._ledger.changing() as change:
            if not await change.requests.done(source.id, id):
                raise NotFound("no such request waits for this source")


async def want_snapshot(change: Change, workspace: int, now: datetime, unless_known: Collection[int] = ()) -> bool:
    """Asks every authority of the workspace, or these sources if it has none yet; whether any is asked anew."""
    of = await change.authorities.of([workspace])
    asked = [
        await change.requests.want(source, SNAPSHOT, workspace, None, None, now)
        for source in sorted({each.source for each in of.values()} or set(unless_known))
    ]
    return any(asked)
