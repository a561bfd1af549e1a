"""Edges that are staged before they are stored: copied in by several processes, and reduced to one per key (§2.6)."""

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final
from uuid import UUID, uuid4

import asyncpg

from moorage.events.checksums import digest
from moorage.permissions.ports import LedgerUnavailable
from moorage.permissions.rebuilding.staging import COLUMNS, StagingLost
from moorage.permissions.reconcile_stores import Counted
from moorage.permissions.slots import Table
from moorage.runtime.postgres import Database, DatabaseUnavailable
from moorage.runtime.statement import Connection, Statement, execute, fetch_each, fetch_one

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
    "TRUNCATE staged_group_member, staged_workspace_member, staged_grant, staged_dispute, staged_loser",
)
FORGET_KEYS: Final[tuple[Statement[None], ...]] = tuple(
    Statement(type(None), f"DROP INDEX IF EXISTS {name}")
    for name in (
        "staged_group_member_key",
        "staged_group_member_other",
        "staged_workspace_member_key",
        "staged_grant_key",
        "staged_grant_other",
    )
)
"""What `reduce` makes; rows are copied faster without."""
PATIENTLY: Final = Statement(type(None), "SET LOCAL statement_timeout = 0")
# After a crash the run is over, whatever of it has survived.
UNHURRIED: Final = Statement(type(None), "SET LOCAL synchronous_commit = off")
LOOK_AT: Final = Statement(type(None), "ANALYZE group_member, workspace_member, grant_fact")
WITH_MEMORY: Final = Statement(type(None), "SET LOCAL work_mem = '256MB'")
BUILD_FAST: Final = Statement(type(None), "SET LOCAL maintenance_work_mem = '256MB'")


@dataclass(frozen=True, slots=True)
class LoserRow:
    """An edge that lost to another one of its key."""

    ws: int
    key: str
    ver: int
    rank: int


@dataclass(frozen=True, slots=True)
class Place:
    """Where edges of one kind are staged, by which columns each is found, and how a fact key (§2.2) is made of them."""

    table: Table
    staged: str
    key: str
    a: str
    b: str
    text: str
    other: str | None = None

    def index(self) -> tuple[Statement[None], ...]:
        """The indexes that the real table has."""
        sql = [f"CREATE UNIQUE INDEX {self.staged}_key ON {self.staged} ({self.key})"]
        if self.other:
            sql.append(f"CREATE INDEX {self.staged}_other ON {self.staged} ({self.other})")
        return tuple(Statement(type(None), each) for each in sql)

    def reduce(self) -> Statement[None]:
        """The version rule (moorage.permissions.versions): the highest version, of its values the least; see Held.

        An edge's value is its fingerprint.
        """
        return Statement(
            type(None),
            f"""
            WITH ranked AS (
                SELECT s.ctid AS place, s.*, row_number() OVER best AS n, first_value(ver) OVER best AS kept_ver,
                       first_value(fingerprint) OVER best AS kept_value
                FROM {self.staged} AS s
                JOIN (SELECT {self.key} FROM {self.staged} GROUP BY {self.key} HAVING count(*) > 1) AS often
                    USING ({self.key})
                WINDOW best AS (PARTITION BY {self.key} ORDER BY ver DESC, fingerprint)
            ), lost AS (
                DELETE FROM {self.staged} AS s USING ranked WHERE s.ctid = ranked.place AND ranked.n > 1
            ), losers AS (
                INSERT INTO staged_loser (tab, ws, key, ver, rank)
                SELECT '{self.table.value}', ws, {self.text}, ver, fingerprint FROM ranked
                WHERE n > 1 AND fingerprint > 0
            )
            INSERT INTO staged_dispute (tab, ws, a, b)
            SELECT DISTINCT '{self.table.value}', ws, {self.a}, {self.b} FROM ranked
            WHERE n > 1 AND ver = kept_ver AND fingerprint <> kept_value
            """,  # noqa: S608 - constants of this module
        )


def _id(column: str) -> str:
    return f"(SELECT ext::text FROM alias WHERE alias.id = ranked.{column})"  # noqa: S608 - as above


_GROUP_MEMBERS: Final = Place(
    Table.GROUP_MEMBER,
    STAGED[Table.GROUP_MEMBER],
    "ws, usr, grp",
    "usr",
    "grp",
    f"concat_ws(':', 'gm', {_id('grp')}, {_id('usr')})",
    "grp",
)
_WORKSPACE_MEMBERS: Final = Place(
    Table.WORKSPACE_MEMBER,
    STAGED[Table.WORKSPACE_MEMBER],
    "ws, usr",
    "usr",
    "0",
    f"concat_ws(':', 'wm', {_id('ws')}, {_id('usr')})",
)
_GRANTS: Final = Place(
    Table.GRANT,
    STAGED[Table.GRANT],
    "ws, node, grantee",
    "node",
    "grantee",
    f"concat_ws(':', 'gr', node_kind, {_id('node')}, grantee_kind, {_id('grantee')})",
    "grantee",
)
_PLACES: Final = {each.table: each for each in (_GROUP_MEMBERS, _WORKSPACE_MEMBERS, _GRANTS)}
REDUCE_GROUP_MEMBERS: Final = _GROUP_MEMBERS.reduce()
REDUCE_WORKSPACE_MEMBERS: Final = _WORKSPACE_MEMBERS.reduce()
REDUCE_GRANTS: Final = _GRANTS.reduce()
_REDUCE: Final[Mapping[Table, Statement[None]]] = {
    Table.GROUP_MEMBER: REDUCE_GROUP_MEMBERS,
    Table.WORKSPACE_MEMBER: REDUCE_WORKSPACE_MEMBERS,
    Table.GRANT: REDUCE_GRANTS,
}
LOSERS: Final = Statement(LoserRow, "SELECT ws, key, ver, rank FROM staged_loser WHERE tab = $1")


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
                await _begun(connection, run)
                yield run
            finally:
                if not connection.is_closed():
                    await _begun(connection, None)
                    await fetch_one(connection, END_TURN)

    async def add(self, run: UUID, table: Table, rows: bytes) -> None:
        """Stages rows of PostgreSQL's binary format (moorage.permissions.rebuilding.rows). Raises StagingLost."""
        async with self._connection() as connection, connection.transaction():
            await execute(connection, UNHURRIED)
            await require_mine(connection, run)
            await connection.copy_to_table(STAGED[table], source=_whole(rows), columns=COLUMNS[table], format="binary")

    async def empty(self, run: UUID) -> None:
        """Begins the run anew. Raises StagingLost."""
        async with self._connection() as connection, connection.transaction():
            await require_mine(connection, run)
            await _begin(connection, run)

    async def reduce(self, run: UUID, table: Table) -> Mapping[int, Counted]:
        """Leaves one edge per key, in its indexes; answers what the others counted. Raises StagingLost."""
        async with self._connection() as connection, connection.transaction():
            for setting in (PATIENTLY, WITH_MEMORY, BUILD_FAST, UNHURRIED):
                await execute(connection, setting)
            await require_mine(connection, run)
            # Hardly ever is there one twice, so that is found out by building the index.
            try:
                await _index(connection, table)
            except asyncpg.UniqueViolationError:
                await connection.execute(_REDUCE[table].sql, timeout=LONG)
                await _index(connection, table)
            return await _lost(connection, table)

    async def look_at_stored(self) -> None:
        """Tells the planner how many edges there are now."""
        async with self._connection() as connection:
            await execute(connection, LOOK_AT)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[Connection]:
        try:
            async with self._database.connection() as connection:
                yield connection
        except DatabaseUnavailable as error:
            raise LedgerUnavailable(str(error)) from error


async def _begun(connection: Connection, run: UUID | None) -> None:
    async with connection.transaction():
        await _begin(connection, run)


async def _begin(connection: Connection, run: UUID | None) -> None:
    # First the row, which waits for what is being copied; nothing else is copied after it.
    for statement, arguments in ((BEGIN, (run,)), (EMPTY, ()), *((each, ()) for each in FORGET_KEYS)):
        await execute(connection, statement, *arguments)


async def _index(connection: Connection, table: Table) -> None:
    async with connection.transaction():
        for statement in _PLACES[table].index():
            await connection.execute(statement.sql, timeout=LONG)


async def _lost(connection: Connection, table: Table) -> Mapping[int, Counted]:
    lost: dict[int, Counted] = {}
    async for each in fetch_each(connection, LOSERS, table.value):
        lost[each.ws] = Counted(1, digest(each.key, each.ver, each.rank), each.ver).plus(lost.get(each.ws))
    return lost


async def require_mine(connection: Connection, run: UUID) -> None:
    """Holds the run until the transaction ends. Raises StagingLost if another one has begun."""
    if await fetch_one(connection, MINE, run) is None:
        raise StagingLost


async def _whole(rows: bytes) -> AsyncIterator[bytes]:
    yield rows
