"""Sources, their counters and lanes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.permissions.lanes import LaneClock, as_of_all, as_of_workspace, oldest_main
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport, Workspace
from moorage.permissions.stores import Lane
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class SourceRow:
    """A source as it is stored."""

    id: int
    name: str
    kind: str
    transport: str
    mode: str
    event_source: str | None
    workspaces: list[UUID] | None
    types: list[str] | None
    bounds: dict[str, float]
    credential: UUID | None
    counter: int

    def value(self) -> Source:
        """As the use cases know it."""
        spec = SourceSpec(
            self.name,
            SourceKind(self.kind),
            Transport(self.transport),
            self.mode,
            self.event_source,
            None if self.workspaces is None else frozenset(self.workspaces),
            None if self.types is None else frozenset(self.types),
            self.bounds,
        )
        return Source(self.id, spec, self.counter, self.credential)


ALL: Final = Statement(
    SourceRow,
    """
    SELECT id, name, kind, transport, mode, event_source, workspaces, types, bounds, credential, counter
    FROM source ORDER BY id
    """,
)
NAMED: Final = Statement(
    SourceRow,
    """
    SELECT id, name, kind, transport, mode, event_source, workspaces, types, bounds, credential, counter
    FROM source WHERE name = $1
    """,
)
DECLARE: Final = Statement(
    SourceRow,
    """
    INSERT INTO source (name, kind, transport, mode, event_source, workspaces, types, bounds, credential)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    ON CONFLICT (name) DO UPDATE SET
        kind = excluded.kind, transport = excluded.transport, mode = excluded.mode,
        event_source = excluded.event_source, workspaces = excluded.workspaces, types = excluded.types,
        bounds = excluded.bounds, credential = excluded.credential
    RETURNING id, name, kind, transport, mode, event_source, workspaces, types, bounds, credential, counter
    """,
)
COUNT: Final = Statement(type(None), "UPDATE source SET counter = greatest(counter, $2) WHERE id = $1")
HEARD: Final = Statement(
    type(None),
    """
    INSERT INTO lane (source, topic, part, as_of)
    SELECT source, topic, part, as_of
    FROM unnest($1::int[], $2::text[], $3::int[], $4::timestamptz[]) AS heard (source, topic, part, as_of)
    ON CONFLICT (source, topic, part) DO UPDATE SET as_of = greatest(lane.as_of, excluded.as_of)
    """,
)
LANES: Final = Statement(LaneClock, "SELECT source, topic, part, as_of, pinned_since FROM lane ORDER BY 1, 2, 3")
FEEDERS: Final = Statement(int, "SELECT DISTINCT source FROM authority WHERE ws = $1")


@dataclass(frozen=True, slots=True)
class FedRow:
    """A workspace that is not deleted, and a source that feeds it."""

    ext: UUID
    source: int


FED: Final = Statement(
    FedRow,
    """
    SELECT DISTINCT alias.ext, authority.source
    FROM authority JOIN alias ON alias.id = authority.ws LEFT JOIN workspace AS w ON w.id = authority.ws
    WHERE coalesce(w.state, 1) <> 3
    """,
)


class PostgresSources:
    """Sources as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[Source]:
        """Every declared source."""
        return [row.value() for row in await fetch_all(self._connection, ALL)]

    async def named(self, name: str) -> Source | None:
        """The source of this name."""
        row = await fetch_one(self._connection, NAMED, name)
        return row.value() if row else None

    async def as_of(self, workspace: Workspace | None) -> Mapping[str, int]:
        """The lanes of the workspace, or of the identity topic."""
        feeders = await fetch_all(self._connection, FEEDERS, workspace.alias) if workspace else []
        return as_of_workspace(await fetch_all(self._connection, LANES), await self.all(), workspace, feeders)

    async def lanes(self) -> Mapping[str, int]:
        """Every lane that had a heartbeat, and those of the identity topic."""
        return as_of_all(await fetch_all(self._connection, LANES), await self.all())

    async def main_as_of(self) -> datetime | None:
        """Up to when all lanes that feed workspaces know everything."""
        fed = [(row.ext, row.source) for row in await fetch_all(self._connection, FED)]
        return oldest_main(await fetch_all(self._connection, LANES), await self.all(), fed)

    async def declare(self, spec: SourceSpec, credential: UUID | None) -> Source:
        """Keeps the declaration."""
        row = await fetch_one(
            self._connection,
            DECLARE,
            spec.name,
            spec.kind.value,
            spec.transport.value,
            spec.mode,
            spec.event_source,
            None if spec.workspaces is None else sorted(spec.workspaces),
            None if spec.types is None else sorted(spec.types),
            dict(spec.bounds),
            credential,
        )
        if row is None:
            raise LookupError(spec.name)
        return row.value()

    async def count(self, source: int, counter: int) -> None:
        """Moves a manual source's counter."""
        await execute(self._connection, COUNT, source, counter)

    async def heard(self, heartbeats: Mapping[Lane, datetime]) -> None:
        """Heartbeats."""
        if not heartbeats:
            return
        lanes = zip(*((each.source, each.topic, each.part) for each in heartbeats), strict=True)
        await execute(self._connection, HEARD, *map(list, lanes), list(heartbeats.values()))
