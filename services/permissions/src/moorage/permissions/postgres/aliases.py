"""Aliases of entities: never changed, never used again, so those of committed changes are remembered by the process."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from itertools import islice
from typing import Final, NamedTuple
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.permissions import rows
from moorage.permissions.postgres.arrays import plain
from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.slots import Aliases, Entity, spelled
from moorage.runtime.statement import Connection, Statement, fetch_plain

MOST_REMEMBERED: Final = 2**18
"""About 250 bytes each."""


class AliasRow(NamedTuple):
    """The alias of the n-th that was asked for (from 1), and whether it was made just now."""

    n: int
    id: int
    made: bool


# Each look-up goes through the index: a plan made while the table was small would read all of it.
FIND_OR_ADD: Final = Statement(
    AliasRow,
    """
    WITH wanted AS (
        SELECT n, kind, ws, ext
        FROM unnest($1::text::text[], $2::text::int[], $3::text::uuid[]) WITH ORDINALITY AS wanted (kind, ws, ext, n)
    ), found AS (
        SELECT wanted.n, alias.id FROM wanted, LATERAL (
            SELECT id FROM alias
            WHERE alias.kind = wanted.kind AND alias.ws = wanted.ws AND alias.ext = wanted.ext OFFSET 0) AS alias
    ), made AS (
        SELECT n, nextval('alias_id_seq')::int AS id, kind, ws, ext FROM wanted
        WHERE n NOT IN (SELECT n FROM found)
    ), added AS (
        INSERT INTO alias (id, kind, ws, ext) OVERRIDING SYSTEM VALUE SELECT id, kind, ws, ext FROM made
    )
    SELECT n::int AS n, id, false AS made FROM found UNION ALL SELECT n::int, id, true FROM made ORDER BY n
    """,
)


class KnownAliases:
    """What a process remembers between changes; bounded, the oldest go first."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._aliases: dict[Entity, int] = {}
        self._named: dict[tuple[str, int], dict[str, int]] = defaultdict(dict)
        self._head = ConsistencyToken(0, 0)

    def seen_from(self, head: ConsistencyToken) -> "KnownAliases":
        """What is known at this head; nothing if history was rewritten since."""
        if head.epoch != self._head.epoch or head.seq < self._head.seq:
            self.forget()
        self._head = head
        return self

    def get(self, entity: Entity) -> int | None:
        """The alias, if it is known."""
        return self._aliases.get(entity)

    def __len__(self) -> int:
        return len(self._aliases)

    def named(self, workspace: UUID | None, kind: str) -> Mapping[str, int]:
        """What is known of one kind in one workspace, by the texts of the ids."""
        return self._named[spelled(kind, workspace, "0")[:2]]

    def keep(self, committed: Mapping[Entity, int]) -> None:
        """Remembers aliases, once the change that found them has been committed."""
        self._aliases.update(committed)
        for entity, alias in committed.items():
            self._named[entity[:2]][entity.text] = alias
        for entity in list(islice(self._aliases, max(len(self._aliases) - self._most, 0))):
            del self._aliases[entity]
            self._named[entity[:2]].pop(entity.text, None)

    def forget(self) -> None:
        """Remembers nothing: the database that comes back may be another one."""
        self._aliases.clear()
        self._named.clear()


class PostgresAliases:
    """The aliases as one change finds or makes them; `learnt` are those to be remembered if it commits."""

    def __init__(self, connection: Connection, log: PostgresChangeLog, known: KnownAliases) -> None:
        self._connection = connection
        self._log = log
        self.known = known
        self.learnt: dict[Entity, int] = {}

    async def intern(self, entities: Collection[Entity]) -> Aliases:
        """The aliases; workspaces first, because the others' rows name them."""
        found = {each: alias for each in entities if (alias := self.known.get(each)) is not None}
        if len(found) == len(entities):
            return found
        unknown = {each for each in entities if each not in found}
        unknown |= {each.home for each in unknown if not each.is_global}
        for outer in (True, False):
            await self._learn([each for each in unknown if each.is_global is outer and not self._alias(each)])
        return found | {each: self._alias(each) for each in unknown}

    def _alias(self, entity: Entity) -> int:
        return self.learnt.get(entity) or self.known.get(entity) or 0

    async def _learn(self, entities: Sequence[Entity]) -> None:
        if not entities:
            return
        entities = sorted(entities)
        homes = [0 if each.is_global else self._alias(each.home) for each in entities]
        columns = plain(each[0] for each in entities), plain(homes), plain(each.text for each in entities)
        for n, id, made in await fetch_plain(self._connection, FIND_OR_ADD, *columns):
            entity = entities[n - 1]
            self.learnt[entity] = id
            if made:
                self._log.append(rows.intern_row(entity, id, homes[n - 1]))
