"""How old what is known of a workspace is: lanes, their sources' own bounds, and pins."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from moorage.permissions.freshness import Freshness, own_bounds
from moorage.permissions.postgres.sources import PostgresSources
from moorage.permissions.records import Workspace
from moorage.runtime.statement import Connection, Statement, fetch_one

PINNED: Final = Statement(datetime, "SELECT min(since) FROM workspace_pin WHERE ws = $1")


class PostgresFreshness:
    """See Freshnesses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sources = PostgresSources(connection)

    async def of(self, workspace: Workspace | None) -> Freshness:
        """The lanes of the workspace and of the identity topic, and the workspace's pin."""
        lanes = dict(await self._sources.as_of(None))
        pinned = None
        if workspace:
            lanes |= await self._sources.as_of(workspace)
            pinned = await fetch_one(self._connection, PINNED, workspace.alias)
        return Freshness(lanes, await self.bounds(lanes), pinned)

    async def bounds(self, lanes: Mapping[str, int]) -> Mapping[str, Mapping[str, float]]:
        """The bounds of these lanes' sources, where those have their own."""
        if not lanes:
            return {}
        return own_bounds(lanes, {each.id: each.spec.bounds for each in await self._sources.all() if each.spec.bounds})
