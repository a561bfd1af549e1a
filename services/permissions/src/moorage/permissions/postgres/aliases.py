"""Aliases of entities: never changed, never used again, so those of committed changes are remembered by the process."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.permissions import rows
from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.slots import Aliases, Entity, workspace
from moorage.runtime.statement import Connection, Statement, fetch_all

MOST_REMEMBERED: Final = 2**18
"""About 250 bytes each."""


@dataclass(frozen=True, slots=True)
class AliasRow:
    """An entity within its workspace's alias."""

    id: int
    kind: str
    ws: int
    ext: UUID


# Each look-up goes through the index: a plan made while the table was small would read all of it.
FIND_ALIASES: Final = Statement(
    AliasRow,
    """
    SELECT alias.id, alias.kind, alias.ws, alias.ext
    FROM unnest($1::text[], $2::int[], $3::uuid[]) AS wanted (kind, ws, ext), LATERAL (
        SELECT id, kind, ws, ext FROM alias
        WHERE alias.kind = wanted.kind AND alias.ws = wanted.ws AND alias.ext = wanted.ext OFFSET 0) AS alias
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


class KnownAliases:
    """What a process remembers between changes; bounded, the oldest go first."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._aliases: dict[Entity, int] = {}
        self._head = ConsistencyToken(0, 0)

    def seen_from(self, head: ConsistencyToken) -> Mapping[Entity, int]:
        """What is known at this head; nothing if history was rewritten since."""
        if head.epoch != self._head.epoch or head.seq < self._head.seq:
            self.forget()
        self._head = head
        return self._aliases

    def keep(self, committed: Mapping[Entity, int]) -> None:
        """Remembers aliases, once the change that found them has been committed."""
        self._aliases.update(committed)
        for entity in list(self._aliases)[: max(len(self._aliases) - self._most, 0)]:
            del self._aliases[entity]

    def forget(self) -> None:
        """Remembers nothing: the database that comes back may be another one."""
        self._aliases.clear()


class PostgresAliases:
    """The aliases as one change finds or makes them; `learnt` are those to be remembered if it commits."""

    def __init__(self, connection: Connection, log: PostgresChangeLog, known: Mapping[Entity, int]) -> None:
        self._connection = connection
        self._log = log
        self._known = known
        self.learnt: dict[Entity, int] = {}

    async def intern(self, entities: Collection[Entity]) -> Aliases:
        """The aliases; workspaces first, because the others' rows name them."""
        known, learnt = self._known, self.learnt
        found = {each: known[each] for each in entities if each in known}
        if len(found) == len(entities):
            return found
        unknown = {each for each in entities if each not in found}
        ids = {each.workspace for each in unknown}
        unknown |= {workspace(id) for id in ids if id is not None}
        outer = [each for each in unknown if each.workspace is None]
        await self._learn([each for each in outer if each not in known and each not in learnt])
        await self._learn([each for each in unknown if each.workspace is not None and each not in learnt])
        return found | {each: self._alias(each) for each in unknown}

    def _alias(self, entity: Entity) -> int:
        return self.learnt.get(entity) or self._known[entity]

    async def _learn(self, entities: Sequence[Entity]) -> None:
        if not entities:
            return
        wanted = {(each.kind.value, self._ws(each), each.id): each for each in sorted(entities)}
        for row in await fetch_all(self._connection, FIND_ALIASES, *_columns(wanted)):
            self.learnt[wanted[row.kind, row.ws, row.ext]] = row.id
        missing = {key: each for key, each in wanted.items() if each not in self.learnt}
        if missing:
            for row in await fetch_all(self._connection, ADD_ALIASES, *_columns(missing)):
                entity = wanted[row.kind, row.ws, row.ext]
                self.learnt[entity] = row.id
                self._log.append(rows.intern_row(entity, row.id, row.ws))

    def _ws(self, entity: Entity) -> int:
        return self._alias(workspace(entity.workspace)) if entity.workspace else 0


def _columns(wanted: Mapping[tuple[str, int, UUID], Entity]) -> tuple[list[str], list[int], list[UUID]]:
    return [key[0] for key in wanted], [key[1] for key in wanted], [key[2] for key in wanted]
