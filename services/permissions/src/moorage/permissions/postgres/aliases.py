"""Aliases of entities: never changed, never used again, so those of committed changes are remembered by the process."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from itertools import islice
from operator import itemgetter
from typing import Final, NamedTuple
from uuid import UUID

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import EntityKind, Row
from moorage.permissions import rows
from moorage.permissions.postgres.arrays import plain
from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.slots import Aliases, Entity, Place, is_global, place_of
from moorage.runtime.statement import Connection, Statement, fetch_plain

MOST_REMEMBERED: Final = 2**18
"""About 250 bytes each."""
_WORKSPACE: Final = EntityKind.WORKSPACE.value
_text: Final = itemgetter(1)

Named = dict[Place, dict[str, int]]
"""Aliases by the texts of ids, by what they are and where."""


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
    """What a process remembers between changes, kind by kind; bounded, the oldest of the largest kind go first."""

    def __init__(self, most: int = MOST_REMEMBERED) -> None:
        self._most = most
        self._named: Named = defaultdict(dict)
        self._head = ConsistencyToken(0, 0)

    def seen_from(self, head: ConsistencyToken) -> "KnownAliases":
        """What is known at this head; nothing if history was rewritten since."""
        if head.epoch != self._head.epoch or head.seq < self._head.seq:
            self.forget()
        self._head = head
        return self

    def get(self, entity: Entity) -> int | None:
        """The alias, if it is known."""
        return self.named(entity.place).get(entity.text)

    def __len__(self) -> int:
        return sum(map(len, self._named.values()))

    def named(self, place: Place) -> Mapping[str, int]:
        """What is known of one kind in one workspace, by the texts of the ids."""
        return self._named.get(place, {})

    def keep(self, committed: Mapping[Place, Mapping[str, int]]) -> None:
        """Remembers aliases, once the change that found them has been committed."""
        for place, aliases in committed.items():
            self._named[place].update(aliases)
        while committed and (excess := len(self) - self._most) > 0:
            largest = max(self._named.values(), key=len)
            for text in list(islice(largest, min(excess, len(largest)))):
                del largest[text]

    def forget(self) -> None:
        """Remembers nothing: the database that comes back may be another one."""
        self._named.clear()


class PostgresAliases:
    """The aliases as one change finds or makes them; `learnt` are those to be remembered if it commits."""

    def __init__(self, connection: Connection, log: PostgresChangeLog, known: KnownAliases) -> None:
        self._connection = connection
        self._log = log
        self._known = known
        self.learnt: Named = defaultdict(dict)
        self.made: set[int] = set()
        """What nothing can have used before."""

    async def intern(self, entities: Collection[Entity]) -> Aliases:
        """The aliases; workspaces first, because the others' rows name them."""
        places: dict[Place, set[Entity]] = defaultdict(set)
        for each in entities:
            places[each.place].add(each)
        inner = {place: mine for place, mine in places.items() if not is_global(place)}
        for mine in inner.values():
            home = next(iter(mine)).home
            places[home.place].add(home)
        outer = await self._all({place: mine for place, mine in places.items() if place not in inner}, {})
        return {**outer, **await self._all(inner, outer)}

    async def _all(self, places: Mapping[Place, set[Entity]], homes: Aliases) -> Aliases:
        """The aliases of what is in these places; `homes` are those of its workspaces."""
        found: dict[Entity, int] = {}
        unknown, wanted = list[Entity](), list[tuple[Place, str, int]]()
        for place, mine in places.items():
            known, learnt = self._known.named(place), self.learnt[place]
            ws = 0 if is_global(place) else homes[next(iter(mine)).home]
            for each in mine:
                text = each.text
                alias = known.get(text) or learnt.get(text)
                if alias:
                    found[each] = alias
                else:
                    unknown.append(each)
                    wanted.append((place, text, ws))
        await self._learn(wanted)
        found.update((each, self.learnt[place][text]) for each, (place, text, _) in zip(unknown, wanted, strict=True))
        return found

    async def named(self, home: UUID | None, kind: str, ids: Sequence[str]) -> list[int]:
        """The aliases of what is named by these texts. Most are known, and looked up all at once."""
        place = place_of(kind, home)
        found = list(map(self._known.named(place).get, ids))
        if None not in found:
            return found  # type: ignore[return-value]  # there is no None in it
        mine = self.learnt[place]
        new = {id for id, alias in zip(ids, found, strict=True) if alias is None and id not in mine}
        if new:
            [ws] = [0] if home is None else await self.named(None, _WORKSPACE, [str(home)])
            await self._learn([(place, id, ws) for id in new])
        return [alias or mine[id] for id, alias in zip(ids, found, strict=True)]

    async def _learn(self, unknown: Iterable[tuple[Place, str, int]]) -> None:
        """Each with its place, its id and the alias of its workspace; no two are the same."""
        wanted = sorted(unknown, key=_text)  # as the index is
        if not wanted:
            return
        kinds, homes = plain([place[0] for place, _, _ in wanted]), plain([ws for _, _, ws in wanted])
        columns = kinds, homes, plain([text for _, text, _ in wanted])
        told = list[Row]()
        for n, id, made in await fetch_plain(self._connection, FIND_OR_ADD, *columns):
            place, text, ws = wanted[n - 1]
            self.learnt[place][text] = id
            if made:
                self.made.add(id)
                told.append(rows.named_row(place[0], text, id, ws))
        self._log.extend(told)
