"""Facts by slot: aliases, what is held, and the writing of batches, one statement per table (§3.10)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.access.publisher_body import written
from moorage.permissions import rows
from moorage.permissions.edge_columns import Edges, Ends
from moorage.permissions.folding import Placed
from moorage.permissions.ports import LedgerUnavailable
from moorage.permissions.postgres.aliases import KnownAliases, PostgresAliases
from moorage.permissions.postgres.arrays import plain, texts
from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.postgres.edge_columns import ADD_EDGES, CHANGE_EDGES, HELD_EDGES
from moorage.permissions.postgres.fact_columns import COLUMNS, WRITTEN
from moorage.permissions.postgres.fact_tables import DISPUTE, HELD, PUT
from moorage.permissions.records import Workspace
from moorage.permissions.slots import Aliases, Entity, Slot, Table
from moorage.permissions.stores import KeptRepository
from moorage.permissions.versions import Held
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_plain


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A repository as it is stored."""

    id: int
    state: int
    project: int | None
    slug: str | None


KEPT_REPOSITORIES: Final = Statement(
    KeptRow, "SELECT id, state, project, slug FROM repository WHERE id = ANY($1::text::int[])"
)


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A row that has become transferred."""

    ext: UUID
    ws: int
    id: int


# Nearly all are in one place only: nothing is written, nor looked for twice, for these.
SUPERSEDE: Final = Statement(
    MovedRow,
    """
    WITH newest AS (
        SELECT told.ext, max(told.ver) AS ver
        FROM unnest($1::uuid[]) AS moved (ext), LATERAL (
            SELECT ext, ver FROM repository WHERE ext = moved.ext AND src = $2 AND state <> 4 OFFSET 0) AS told
        GROUP BY told.ext HAVING count(*) > 1
    )
    UPDATE repository AS older SET state = 4, seq = $3 FROM newest
    WHERE older.ext = newest.ext AND older.src = $2 AND older.state IN (1, 2) AND older.ver < newest.ver
    RETURNING older.ext, older.ws, older.id
    """,
)
SET_WORKSPACE: Final = Statement(
    type(None),
    """
    UPDATE workspace SET allow_public = $2, default_push_policy = $3, default_publishers = $4, pipeline_create = $5,
                         seq = $6, by_whom = $7
    WHERE id = $1
    """,
)


class PostgresFacts:
    """The facts of one change."""

    def __init__(self, connection: Connection, log: PostgresChangeLog, known: KnownAliases) -> None:
        self._connection = connection
        self._log = log
        self._places: Mapping[Ends, str] = {}
        self._used: dict[Table, set[int]] = defaultdict(set)
        """By table, what this change has written facts of: what it has named for the first time is new no longer."""
        self.aliases = PostgresAliases(connection, log, known)

    async def intern(self, entities: Collection[Entity]) -> Aliases:
        """The aliases."""
        return await self.aliases.intern(entities)

    async def named(self, home: UUID | None, kind: str, ids: Sequence[str]) -> list[int]:
        """The aliases of what is named by these texts."""
        return await self.aliases.named(home, kind, ids)

    async def held(self, slots: Collection[Slot]) -> Mapping[Slot, Held]:
        """What is stored in these slots; what was named in this change for the first time has no facts but its own."""
        found: dict[Slot, Held] = {}
        made = self.aliases.made
        for table, mine in _by_table(slots).items():
            used = self._used[table]
            older = [slot for slot in mine if slot.a not in made or slot.a in used] if made else mine
            if not older:
                continue
            for ws, a, b, version, fingerprint, rank in await fetch_plain(self._connection, HELD[table], *_keys(older)):
                found[Slot(table, ws, a, b)] = Held(version, fingerprint, rank)
        return found

    async def held_edges(self, edges: Edges) -> Mapping[Ends, Held]:
        """What is stored of them; what was named in this change for the first time has no edges but its own."""
        made, used = self.aliases.made, self._used[edges.table]
        older = edges.ends
        if made:
            older = [(a, b) for a, b in older if (a not in made or a in used) and (b not in made or b in used)]
        if not older:
            return {}
        columns = [plain(each) for each in zip(*older, strict=True)]
        found = await fetch_plain(self._connection, HELD_EDGES[edges.table], edges.ws, *columns)
        self._places = {(a, b): place for a, b, _, _, _, place in found}
        return {(a, b): Held(version, fingerprint, rank) for a, b, version, fingerprint, rank, _ in found}

    async def put_edges(self, edges: Edges, before: Mapping[Ends, Held], at: datetime) -> None:
        """What is new and what was there, a statement each."""
        if not edges.told:
            return
        there = [each in before for each in edges.ends] if before else []
        new, changed = edges.only([not each for each in there]) if before else edges, edges.only(there)
        stamps = (edges.source, at, self._log.frame)
        self._used[edges.table].update(*new.ends)
        if new.told:
            kinds = (new.told[0].a_kind, new.told[0].b_kind) if edges.table is Table.GRANT else ()
            ends = (plain(each) for each in zip(*new.ends, strict=True))
            await execute(self._connection, ADD_EDGES[edges.table], edges.ws, *ends, *_said(new), *stamps, *kinds)
        if changed.told:
            places = texts([self._places[each] for each in changed.ends])
            found = await execute(self._connection, CHANGE_EDGES[edges.table], places, *_said(changed), *stamps)
            if found != len(changed.told):
                raise LedgerUnavailable("somebody else has changed edges")

    async def put(self, placed: Sequence[Placed], aliases: Aliases, source: int, at: datetime) -> None:
        """One statement per table."""
        batches: dict[Table, list[Placed]] = defaultdict(list)
        for each in placed:
            batches[each.slot.table].append(each)
        for table in Table:
            if mine := batches.get(table):
                self._used[table].update([each.slot.a for each in mine], [each.slot.b for each in mine])
                values = zip(*(COLUMNS[table](each, aliases) for each in mine), strict=True)
                versions = [each.held.version for each in mine]
                events = [each.fact.event.id for each in mine]
                prints = [each.held.fingerprint for each in mine]
                frame, authors = self._log.frame, texts([each.fact.data.by for each in mine])
                stamps = (plain(versions), texts(events), plain(prints), source, at, frame, authors)
                columns = [write(each) for write, each in zip(WRITTEN[table], values, strict=True)]
                await execute(self._connection, PUT[table], *stamps, *columns)

    async def dispute(self, slots: Collection[Slot]) -> None:
        """Marks what is stored."""
        for table, mine in _by_table(slots).items():
            await execute(self._connection, DISPUTE[table], *_keys(mine))

    async def repositories(self, aliases: Collection[int]) -> Mapping[int, KeptRepository]:
        """What is stored of these repositories."""
        found = await fetch_all(self._connection, KEPT_REPOSITORIES, plain(aliases))
        return {row.id: KeptRepository(row.id, rows.STATES[row.state], row.project, row.slug) for row in found}

    async def supersede(self, repositories: Collection[UUID], source: int) -> Sequence[tuple[UUID, Slot]]:
        """Rows that are live no longer."""
        moved = await fetch_all(self._connection, SUPERSEDE, list(repositories), source, self._log.frame)
        return [(row.ext, Slot(Table.REPOSITORY, row.ws, row.id)) for row in moved]

    async def set_workspace(self, workspace: Workspace) -> None:
        """Our own settings."""
        said = workspace.publishing
        settings = (workspace.allow_public, said.policy.value, written(said.publishers), said.pipeline_create)
        stamps = (self._log.frame, self._log.by)
        await execute(self._connection, SET_WORKSPACE, workspace.alias, *settings, *stamps)


def _said(edges: Edges) -> tuple[str, str, str, str]:
    """Values, versions, events and authors."""
    told = edges.told
    numbers = plain([each.rank for each in told]), plain([each.version for each in told])
    return *numbers, texts([each.event for each in told]), texts([each.by for each in told])


def _by_table(slots: Collection[Slot]) -> dict[Table, list[Slot]]:
    found: dict[Table, list[Slot]] = defaultdict(list)
    for slot in slots:
        found[slot.table].append(slot)
    return found


def _keys(slots: Sequence[Slot]) -> tuple[str, str, str]:
    return plain([slot.ws for slot in slots]), plain([slot.a for slot in slots]), plain([slot.b for slot in slots])
