"""Edges that are staged before they are stored: copied in by several processes, and reduced to one per key (§2.6)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Final
from uuid import UUID, uuid4

from moorage.permissions.ports import LedgerUnavailable
from moorage.permissions.rebuilding.staging import COLUMNS, StagingLost
from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.slots import Table
from moorage.runtime.postgres import Database, DatabaseUnavailable
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one

STAGED: Final[Mapping[Table, str]] = {
    Table.GROUP_MEMBER: "staged_group_member",
    Table.WORKSPACE_MEMBER: "staged_workspace_member",
    Table.GRANT: "staged_grant",
}
LONG: Final = 3600.0
"""Seconds; what so many edges take is no sign of a dead connection."""
# Any two fixed numbers that nobody else takes locks with (LOCK_CLASS of the ledger is another one).
ONE_AT_A_TIME: Final = Statement(bool, "SELECT pg_try_advisory_lock(1836019570, -1)")
END_TURN: Final = Statement(bool, "SELECT pg_advisory_unlock(1836019570, -1)")
# A crash of the server takes the row away, with everything that was staged.
BEGIN: Final = Statement(
    type(None), "INSERT INTO staging_run (run) VALUES ($1) ON CONFLICT (only_row) DO UPDATE SET run = excluded.run"
)
MINE: Final = Statement(UUID, "SELECT run FROM staging_run WHERE run = $1 FOR SHARE")
EMPTY: Final = Statement(
    type(None),
    "TRUNCATE staged_group_member, staged_workspace_member, staged_grant, staged_dispute",
)
PATIENTLY: Final = Statement(type(None), "SET LOCAL statement_timeout = 0")
NOT_LOGGED: Final = Statement(type(None), "SET LOCAL synchronous_commit = off")
LOOK_AT: Final = Statement(type(None), "ANALYZE group_member, workspace_member, grant_fact")
WITH_MEMORY: Final = Statement(type(None), "SET LOCAL work_mem = '256MB'")


@dataclass(frozen=True, slots=True)
class CountedRow:
    """Of one workspace: how many edges are there, the sum of their digests, and the highest version."""

    ws: int
    facts: int
    checksum: Decimal
    high: int


def _reduce(table: str) -> Statement[None]:
    # The version rule (moorage.permissions.versions): the highest version, of its values the one that permits least.
    return Statement(
        type(None),
        f"""
        WITH ranked AS (
            SELECT s.ctid AS place, ws, a, b, s.ver, s.rank,
                   row_number() OVER best AS n, first_value(s.ver) OVER best AS kept_ver,
                   first_value(s.rank) OVER best AS kept_rank
            FROM {table} AS s
            JOIN (SELECT ws, a, b FROM {table} GROUP BY ws, a, b HAVING count(*) > 1) AS often USING (ws, a, b)
            WINDOW best AS (PARTITION BY ws, a, b ORDER BY s.ver DESC, s.rank)
        ), lost AS (
            DELETE FROM {table} AS s USING ranked WHERE s.ctid = ranked.place AND ranked.n > 1
        )
        INSERT INTO staged_dispute (tab, ws, a, b)
        SELECT DISTINCT $1, ws, a, b FROM ranked WHERE n > 1 AND ver = kept_ver AND rank <> kept_rank
        """,  # noqa: S608 - constants of this module
    )


def _count(table: str) -> Statement[CountedRow]:
    return Statement(
        CountedRow,
        f"""
        SELECT ws, count(*) FILTER (WHERE rank > 0) AS facts,
               coalesce(sum(digest) FILTER (WHERE rank > 0), 0) AS checksum, max(ver) AS high
        FROM {table} GROUP BY ws
        """,  # noqa: S608 - as above
    )


REDUCE_GROUP_MEMBERS: Final = _reduce("staged_group_member")
REDUCE_WORKSPACE_MEMBERS: Final = _reduce("staged_workspace_member")
REDUCE_GRANTS: Final = _reduce("staged_grant")
COUNT_GROUP_MEMBERS: Final = _count("staged_group_member")
COUNT_WORKSPACE_MEMBERS: Final = _count("staged_workspace_member")
COUNT_GRANTS: Final = _count("staged_grant")
REDUCE: Final[Mapping[Table, Statement[None]]] = {
    Table.GROUP_MEMBER: REDUCE_GROUP_MEMBERS,
    Table.WORKSPACE_MEMBER: REDUCE_WORKSPACE_MEMBERS,
    Table.GRANT: REDUCE_GRANTS,
}
COUNT: Final[Mapping[Table, Statement[CountedRow]]] = {
    Table.GROUP_MEMBER: COUNT_GROUP_MEMBERS,
    Table.WORKSPACE_MEMBER: COUNT_WORKSPACE_MEMBERS,
    Table.GRANT: COUNT_GRANTS,
}


class PostgresStaging:
    """The staged edges of a database; one run at a time in all processes."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def run(self) -> AsyncIterator[UUID | None]:
        """A run of its own, with nothing staged; None while another process has one. Emptied when the body ends.

        Raises LedgerUnavailable if its connection has died meanwhile.
        """
        async with self._connection() as connection:
            if not await fetch_one(connection, ONE_AT_A_TIME):
                yield None
                return
            try:
                run = uuid4()
                await self._begin(connection, run)
                yield run
            finally:
                if not connection.is_closed():
                    await self._begin(connection, None)
                    await fetch_one(connection, END_TURN)

    async def add(self, run: UUID, table: Table, rows: bytes) -> None:
        """Stages rows of PostgreSQL's binary format (moorage.permissions.rebuilding.rows). Raises StagingLost."""
        async with self._connection() as connection, connection.transaction():
            await execute(connection, NOT_LOGGED)
            await require_mine(connection, run)
            await connection.copy_to_table(STAGED[table], source=_whole(rows), columns=COLUMNS, format="binary")

    async def empty(self, run: UUID) -> None:
        """Begins the run anew. Raises StagingLost."""
        async with self._connection() as connection, connection.transaction():
            await require_mine(connection, run)
            await execute(connection, BEGIN, run)
            await execute(connection, EMPTY)

    async def reduce(self, table: Table) -> Mapping[int, Counted]:
        """Leaves one edge per key; answers what there is now of each workspace."""
        async with self._connection() as connection, connection.transaction():
            for setting in (PATIENTLY, WITH_MEMORY, NOT_LOGGED):
                await execute(connection, setting)
            await connection.execute(REDUCE[table].sql, table.value, timeout=LONG)
            found = await fetch_all(connection, COUNT[table])
        return {row.ws: Counted(row.facts, int(row.checksum), row.high) for row in found}

    async def look_at_stored(self) -> None:
        """Tells the planner how many edges there are now."""
        async with self._connection() as connection:
            await execute(connection, LOOK_AT)

    async def _begin(self, connection: Connection, run: UUID | None) -> None:
        async with connection.transaction():
            # First the row, which waits for what is being copied; nothing else is copied after it.
            await execute(connection, BEGIN, run)
            await execute(connection, EMPTY)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._database.connection() as connection:
                yield connection
        except DatabaseUnavailable as error:
            raise LedgerUnavailable(str(error)) from error


async def require_mine(connection: Connection, run: UUID) -> None:
    """Holds the run until the transaction ends. Raises StagingLost if another one has begun."""
    if await fetch_one(connection, MINE, run) is None:
        raise StagingLost


async def _whole(rows: bytes) -> AsyncIterator[bytes]:
    yield rows
