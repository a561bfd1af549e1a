"""Facts by slot: aliases, what is held, and the writing of batches, one statement per table (§3.10)."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from moorage.access.frames import EntityKind
from moorage.access.image import PushPolicy
from moorage.permissions import rows
from moorage.permissions.folding import Placed
from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.postgres.fact_columns import COLUMNS
from moorage.permissions.postgres.fact_tables import DISPUTE, HELD, PUT
from moorage.permissions.slots import Aliases, Entity, Slot, Table
from moorage.permissions.stores import KeptRepository
from moorage.permissions.versions import Held
from moorage.runtime.statement import Connection, Statement, execute, fetch_all


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An entity within its workspace's alias."""

    id: int
    kind: str
    ws: int
    ext: UUID


FIND_ALIASES: Final = Statement(
    AliasRow,
    """
    SELECT alias.id, alias.kind, alias.ws, alias.ext
    FROM unnest($1::text[], $2::int[], $3::uuid[]) AS wanted (kind, ws, ext) JOIN alias USING (kind, ws, ext)
    """,
)
ADD_ALIASES: Final = Statement(
    AliasRow,
    """
    INSERT INTO alias (kind, ws, ext)
    SELECT kind, ws, ext FROM unnest($1::text[], $2::int[], $3::uuid[]) AS new (kind, ws, ext)
    RETURNING id, kind, ws, ext
    """,
)


@dataclass(frozen=True, slots=True)
class KeptRow:
    """A repository as it is stored."""

    id: int
    state: int
    project: int | None
    slug: str | None


KEPT_REPOSITORIES: Final = Statement(
    KeptRow, "SELECT id, state, project, slug FROM repository WHERE id = ANY($1::int[])"
)


@dataclass(frozen=True, slots=True)
class MovedRow:
    """A row that has become transferred."""

    ws: int
    id: int


SUPERSEDE: Final = Statement(
    MovedRow,
    """
    UPDATE repository SET state = 4
    WHERE ext = $1 AND src = $2 AND state IN (1, 2) AND ver <
        (SELECT max(ver) FROM repository WHERE ext = $1 AND src = $2 AND state IN (1, 2))
    RETURNING ws, id
    """,
)
SET_WORKSPACE: Final = Statement(
    type(None), "UPDATE workspace SET allow_public = $2, default_push_policy = $3 WHERE id = $1"
)


class PostgresFacts:
    """The facts of one change."""

    def __init__(self, connection: Connection, log: PostgresChangeLog) -> None:
        self._connection = connection
        self._log = log

    async def intern(self, entities: Collection[Entity]) -> Aliases:
        """The aliases; workspaces first, because the others' rows name them."""
        workspaces = {Entity(EntityKind.WORKSPACE, None, each.workspace) for each in entities if each.workspace}
        outer = workspaces | {each for each in entities if each.workspace is None}
        aliases = await self._intern(sorted(outer, key=_order), {})
        inner = {each for each in entities if each.workspace is not None}
        return aliases | await self._intern(sorted(inner, key=_order), aliases)

    async def _intern(self, entities: Sequence[Entity], outer: Aliases) -> dict[Entity, int]:
        if not entities:
            return {}
        wanted = {(each.kind.value, _ws(each, outer), each.id): each for each in entities}
        known = await fetch_all(self._connection, FIND_ALIASES, *_columns(wanted))
        found = {wanted[row.kind, row.ws, row.ext]: row.id for row in known}
        missing = {key: each for key, each in wanted.items() if each not in found}
        if missing:
            for row in await fetch_all(self._connection, ADD_ALIASES, *_columns(missing)):
                entity = wanted[row.kind, row.ws, row.ext]
                found[entity] = row.id
                self._log.append(rows.intern_row(entity, row.id, row.ws))
        return found

    async def held(self, slots: Collection[Slot]) -> Mapping[Slot, Held]:
        """What is stored in these slots."""
        found: dict[Slot, Held] = {}
        for table, mine in _by_table(slots).items():
            keys = _keys(mine)
            for row in await fetch_all(self._connection, HELD[table], *keys):
                found[Slot(table, row.ws, row.a, row.b)] = Held(row.ver, row.fingerprint, row.rank)
        return found

    async def put(self, placed: Sequence[Placed], aliases: Aliases, source: int, at: datetime) -> None:
        """One statement per table."""
        batches: dict[Table, list[Placed]] = defaultdict(list)
        for each in placed:
            batches[each.slot.table].append(each)
        for table in Table:
            if mine := batches.get(table):
                values = zip(*(COLUMNS[table](each, aliases) for each in mine), strict=True)
                versions = [each.held.version for each in mine]
                events = [each.fact.event.id for each in mine]
                prints = [each.held.fingerprint for each in mine]
                columns: list[Any] = [list(column) for column in values]
                await execute(self._connection, PUT[table], versions, events, prints, source, at, *columns)

    async def dispute(self, slots: Collection[Slot]) -> None:
        """Marks what is stored."""
        for table, mine in _by_table(slots).items():
            await execute(self._connection, DISPUTE[table], *_keys(mine))

    async def repositories(self, aliases: Collection[int]) -> Mapping[int, KeptRepository]:
        """What is stored of these repositories."""
        found = await fetch_all(self._connection, KEPT_REPOSITORIES, list(aliases))
        return {row.id: KeptRepository(row.id, rows.STATES[row.state], row.project, row.slug) for row in found}

    async def supersede(self, repository: UUID, source: int) -> Sequence[Slot]:
        """Rows that are live no longer."""
        moved = await fetch_all(self._connection, SUPERSEDE, repository, source)
        return [Slot(Table.REPOSITORY, row.ws, row.id) for row in moved]

    async def set_workspace(self, workspace: int, allow_public: bool, default_push_policy: PushPolicy) -> None:
        """Our own settings."""
        await execute(self._connection, SET_WORKSPACE, workspace, allow_public, default_push_policy.value)


def _ws(entity: Entity, outer: Aliases) -> int:
    return outer[Entity(EntityKind.WORKSPACE, None, entity.workspace)] if entity.workspace else 0


def _order(entity: Entity) -> tuple[str, str]:
    return entity.kind.value, str(entity.id)


def _columns(wanted: Mapping[tuple[str, int, UUID], Entity]) -> tuple[list[str], list[int], list[UUID]]:
    return [key[0] for key in wanted], [key[1] for key in wanted], [key[2] for key in wanted]


def _by_table(slots: Collection[Slot]) -> dict[Table, list[Slot]]:
    found: dict[Table, list[Slot]] = defaultdict(list)
    for slot in slots:
        found[slot.table].append(slot)
    return found


def _keys(slots: Sequence[Slot]) -> tuple[list[int], list[int], list[int]]:
    return [slot.ws for slot in slots], [slot.a for slot in slots], [slot.b for slot in slots]
