"""How old what is known of a workspace is: lanes, their sources' own bounds, and pins."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from moorage.permissions.freshness import Freshness, freshness_of, own_bounds
from moorage.permissions.lanes import LaneClock
from moorage.permissions.postgres.sources import PostgresSources
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport, Workspace
from moorage.runtime.statement import Connection, Statement, fetch_one


@dataclass(frozen=True, slots=True)
class FreshnessRow:
    """All lanes and sources, which are few, the sources that feed a workspace, and since when it is pinned."""

    lanes: list[tuple[Any, ...]] | None
    sources: list[tuple[Any, ...]] | None
    feeders: list[int]
    pinned: datetime | None

    def value(self, workspace: Workspace | None) -> Freshness:
        """As the use cases know it."""
        lanes = [LaneClock(*each) for each in self.lanes or ()]
        sources = [_source(*each) for each in self.sources or ()]
        return freshness_of(workspace, lanes, sources, self.feeders, self.pinned)


def freshness_in(ws: str) -> str:
    """A query for what a workspace's freshness follows from; the argument is SQL, null for none."""
    # Inside of a row, asyncpg reads json and neither jsonb nor arrays.
    return f"""
    SELECT (SELECT array_agg(ROW(source, topic, part, as_of, pinned_since) ORDER BY source, topic, part)
            FROM lane) AS lanes,
           (SELECT array_agg(ROW(id, name, kind, transport, to_json(types), bounds::json) ORDER BY id)
            FROM source) AS sources,
           ARRAY(SELECT DISTINCT source FROM authority WHERE authority.ws = {ws}) AS feeders,
           (SELECT min(since) FROM workspace_pin WHERE workspace_pin.ws = {ws}) AS pinned
    """  # noqa: S608 - constants


def _source(id: int, name: str, kind: str, transport: str, types: list[str] | None, bounds: dict[str, float]) -> Source:
    """As far as its lanes follow from it."""
    told = None if types is None else frozenset(types)
    return Source(id, SourceSpec(name, SourceKind(kind), Transport(transport), types=told, bounds=bounds))


FRESHNESS: Final = Statement(FreshnessRow, freshness_in("$1::int"))


class PostgresFreshness:
    """See Freshnesses."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._sources = PostgresSources(connection)

    async def of(self, workspace: Workspace | None) -> Freshness:
        """The lanes of the workspace and of the identity topic, and the workspace's pin."""
        row = await fetch_one(self._connection, FRESHNESS, workspace.alias if workspace else None)
        return row.value(workspace) if row else Freshness()

    async def bounds(self, lanes: Mapping[str, int]) -> Mapping[str, Mapping[str, float]]:
        """The bounds of these lanes' sources, where those have their own."""
        if not lanes:
            return {}
        return own_bounds(lanes, {each.id: each.spec.bounds for each in await self._sources.all() if each.spec.bounds})
