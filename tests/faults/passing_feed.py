"""A feed that passes on what another one tells: what is told otherwise, those made from it say."""

from collections.abc import AsyncIterator
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Frame
from moorage.access.packed import Packed
from moorage.access.sums import WorkspaceSum
from moorage.access.sync_wire import FleetAnswer, FleetReport
from moorage.gateway.ports import AuthorityFeed


class PassingFeed:
    """See AuthorityFeed."""

    def __init__(self, feed: AuthorityFeed) -> None:
        self._feed = feed

    async def snapshot(self, workspace: UUID | None, at_least: ConsistencyToken | None = None) -> Packed:
        """As it is."""
        return await self._feed.snapshot(workspace, at_least)

    async def sum(self, workspace: UUID) -> WorkspaceSum:
        """As it is."""
        return await self._feed.sum(workspace)

    async def report(self, report: FleetReport) -> FleetAnswer:
        """As it is."""
        return await self._feed.report(report)

    def changes(self, after: ConsistencyToken) -> AsyncIterator[Frame]:
        """As they are."""
        return self._feed.changes(after)
