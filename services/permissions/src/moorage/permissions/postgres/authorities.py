"""Who is the authority for each kind of fact in a workspace, and count and checksum of what is held."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from moorage.events.checksums import MODULUS
from moorage.permissions.postgres.stored_facts import StoredRow
from moorage.permissions.reconcile_stores import Counted, Holding, Kept
from moorage.permissions.slots import Table
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class HoldingRow:
    """What is held of a kind."""

    ws: int
    tab: str
    source: int
    floor: int
    high: int
    facts: int
    checksum: Decimal
    counted: bool

    def value(self) -> Holding:
        """As the use cases know it."""
        return Holding(self.source, self.floor, self.high, self.facts, int(self.checksum), self.counted)


OF: Final = Statement(
    HoldingRow,
    "SELECT ws, tab, source, floor, high, facts, checksum, counted FROM authority WHERE ws = ANY($1::int[])",
)
ADD: Final = Statement(
    type(None),
    """
    INSERT INTO authority (ws, tab, source, facts, checksum, high)
    SELECT ws, tab, $1, facts, mod(checksum, 18446744073709551616), high
    FROM unnest($2::int[], $3::text[], $4::bigint[], $5::numeric[], $6::bigint[])
        AS new (ws, tab, facts, checksum, high)
    ON CONFLICT (ws, tab) DO UPDATE SET
        facts = authority.facts + excluded.facts,
        checksum = mod(authority.checksum + excluded.checksum, 18446744073709551616),
        high = greatest(authority.high, excluded.high)
    """,
)
SETTLE: Final = Statement(
    type(None),
    """
    INSERT INTO authority (ws, tab, source, floor)
    SELECT $1, tab, $3, $4 FROM unnest($2::text[]) AS settled (tab)
    ON CONFLICT (ws, tab) DO UPDATE SET
        floor = CASE WHEN authority.source = excluded.source THEN greatest(authority.floor, excluded.floor)
                     ELSE excluded.floor END,
        high = CASE WHEN authority.source = excluded.source THEN authority.high ELSE -1 END,
        source = excluded.source
    """,
)
RECOUNTED: Final = Statement(
    type(None), "UPDATE authority SET facts = $3, checksum = $4, counted = true WHERE ws = $1 AND tab = $2"
)
DOUBT: Final = Statement(type(None), "UPDATE authority SET counted = false WHERE ws = ANY($1::int[])")


@dataclass(frozen=True, slots=True)
class PlaceRow:
    """A kind of fact in a workspace."""

    ws: int
    tab: str


UNCOUNTED: Final = Statement(PlaceRow, "SELECT ws, tab FROM authority WHERE NOT counted ORDER BY ws, tab LIMIT $1")
PAGE: Final = Statement(
    StoredRow,
    """
    SELECT tab, ws, a, b, ver, fingerprint, rank, src, there, data FROM stored_fact
    WHERE home = $1 AND tab = $2 AND (a, b) > ($3, $4) ORDER BY a, b LIMIT $5
    """,
)


@dataclass(frozen=True, slots=True)
class DifferenceRow:
    """How often checksums have differed in a row, and since when."""

    times: int
    since: datetime


DIFFERS: Final = Statement(
    DifferenceRow,
    """
    INSERT INTO checksum_difference (ws, source, times, since) VALUES ($1, $2, 1, $3)
    ON CONFLICT (ws, source) DO UPDATE SET times = checksum_difference.times + 1
    RETURNING times, since
    """,
)
AGREES: Final = Statement(type(None), "DELETE FROM checksum_difference WHERE ws = $1 AND source = $2")


class PostgresAuthorities:
    """Authorities as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, workspaces: Collection[int]) -> Mapping[tuple[int, Table], Holding]:
        """What is held of these workspaces."""
        if not workspaces:
            return {}
        found = await fetch_all(self._connection, OF, list(workspaces))
        return {(row.ws, Table(row.tab)): row.value() for row in found}

    async def add(self, source: int, counted: Mapping[tuple[int, Table], Counted]) -> None:
        """Adds to what is held."""
        columns: list[Any] = [[ws for ws, _ in counted], [table.value for _, table in counted]]
        columns.append([each.facts for each in counted.values()])
        columns.append([Decimal(each.checksum % MODULUS) for each in counted.values()])
        columns.append([each.high for each in counted.values()])
        await execute(self._connection, ADD, source, *columns)

    async def settle(self, workspace: int, tables: Collection[Table], source: int, floor: int) -> None:
        """The source is the authority from now on."""
        await execute(self._connection, SETTLE, workspace, [each.value for each in tables], source, floor)

    async def recounted(self, workspace: int, table: Table, facts: int, checksum: int) -> None:
        """What was counted from the facts themselves."""
        await execute(self._connection, RECOUNTED, workspace, table.value, facts, Decimal(checksum % MODULUS))

    async def doubted(self, workspaces: Collection[int]) -> None:
        """To be counted again."""
        await execute(self._connection, DOUBT, list(workspaces))

    async def uncounted(self, limit: int) -> Sequence[tuple[int, Table]]:
        """Where facts were never counted."""
        return [(row.ws, Table(row.tab)) for row in await fetch_all(self._connection, UNCOUNTED, limit)]

    async def page(self, workspace: int, table: Table, after: tuple[int, int], limit: int) -> Sequence[Kept]:
        """The stored facts, in the order of their slots."""
        found = await fetch_all(self._connection, PAGE, workspace, table.value, *after, limit)
        return [row.value() for row in found]

    async def compared(self, workspace: int, source: int, equal: bool, at: datetime) -> tuple[int, datetime]:
        """Notes a comparison."""
        if equal:
            await execute(self._connection, AGREES, workspace, source)
            return 0, at
        row = await fetch_one(self._connection, DIFFERS, workspace, source, at)
        return (row.times, row.since) if row else (1, at)
