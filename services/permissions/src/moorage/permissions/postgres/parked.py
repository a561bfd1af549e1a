"""Re-activations that wait for the main lanes (authorization.md §2.1)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from moorage.permissions.postgres.arrays import plain
from moorage.permissions.reconcile_stores import Parked
from moorage.permissions.slots import Slot, Table
from moorage.runtime.statement import Connection, Statement, execute, fetch_all


@dataclass(frozen=True, slots=True)
class ParkedRow:
    """A fact that waits."""

    tab: str
    a: int
    ver: int
    source: int
    until: datetime
    body: bytes

    def value(self) -> Parked:
        """As the use cases know it."""
        return Parked(Slot(Table(self.tab), 0, self.a), self.ver, self.source, self.until, self.body)


ALL: Final = Statement(ParkedRow, "SELECT tab, a, ver, source, until, body FROM parked_fact ORDER BY tab, a")
PARK: Final = Statement(
    type(None),
    """
    INSERT INTO parked_fact (tab, a, ver, source, until, body) VALUES ($1, $2, $3, $4, $5, $6)
    ON CONFLICT (tab, a) DO UPDATE SET
        ver = excluded.ver, source = excluded.source, until = excluded.until, body = excluded.body
    WHERE parked_fact.ver < excluded.ver
    """,
)
FREE: Final = Statement(
    type(None),
    """
    DELETE FROM parked_fact AS p USING unnest($1::text::text[], $2::text::int[], $3::text::bigint[]) AS k (tab, a, ver)
    WHERE p.tab = k.tab AND p.a = k.a AND p.ver <= k.ver
    """,
)


class PostgresParked:
    """What waits, as one change sees it."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def all(self) -> Sequence[Parked]:
        """Everything that waits."""
        return [row.value() for row in await fetch_all(self._connection, ALL)]

    async def park(self, facts: Sequence[Parked]) -> None:
        """Keeps them."""
        for each in facts:
            where = (each.slot.table.value, each.slot.a)
            await execute(self._connection, PARK, *where, each.version, each.source, each.until, each.body)

    async def free(self, slots: Mapping[Slot, int]) -> None:
        """Forgets what waits."""
        tabs, aliases = plain([slot.table for slot in slots]), plain([slot.a for slot in slots])
        await execute(self._connection, FREE, tabs, aliases, plain(slots.values()))
