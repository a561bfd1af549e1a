"""Staged edges become what is stored, in the change that moves the positions they stand for (§2.6).

The tables are empty: rows go in without indexes, which are built at the end, in the same transaction.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from uuid import UUID

from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.postgres.staged_edges import BEGIN, EMPTY, LONG, PATIENTLY, STAGED, require_mine
from moorage.permissions.slots import Table
from moorage.runtime.statement import Connection, Statement, execute, fetch_one

UNTOLD: Final = Statement(
    bool,
    """
    SELECT NOT EXISTS (SELECT FROM authority) AND NOT EXISTS (SELECT FROM ingest_position WHERE topic = $1 AND next > 0)
       AND NOT EXISTS (SELECT FROM group_member) AND NOT EXISTS (SELECT FROM workspace_member)
       AND NOT EXISTS (SELECT FROM grant_fact) AND NOT EXISTS (SELECT FROM workspace)
       AND NOT EXISTS (SELECT FROM snapshot_run) AND NOT EXISTS (SELECT FROM dead_letter WHERE topic = $1)
    """,
)
BUILD_FAST: Final = Statement(type(None), "SET LOCAL maintenance_work_mem = '256MB'")
DROP_INDEXES: Final[Mapping[Table, tuple[Statement[None], ...]]] = {
    Table.GROUP_MEMBER: (
        Statement(type(None), "ALTER TABLE group_member DROP CONSTRAINT group_member_pkey"),
        Statement(type(None), "DROP INDEX group_member_by_group"),
    ),
    Table.WORKSPACE_MEMBER: (
        Statement(type(None), "ALTER TABLE workspace_member DROP CONSTRAINT workspace_member_pkey"),
    ),
    Table.GRANT: (
        Statement(type(None), "ALTER TABLE grant_fact DROP CONSTRAINT grant_fact_pkey"),
        Statement(type(None), "DROP INDEX grant_fact_of_grantee"),
    ),
}
BUILD_INDEXES: Final[Mapping[Table, tuple[Statement[None], ...]]] = {
    Table.GROUP_MEMBER: (
        Statement(type(None), "ALTER TABLE group_member ADD CONSTRAINT group_member_pkey PRIMARY KEY (ws, usr, grp)"),
        Statement(type(None), "CREATE INDEX group_member_by_group ON group_member (grp)"),
    ),
    Table.WORKSPACE_MEMBER: (
        Statement(
            type(None), "ALTER TABLE workspace_member ADD CONSTRAINT workspace_member_pkey PRIMARY KEY (ws, usr)"
        ),
    ),
    Table.GRANT: (
        Statement(type(None), "ALTER TABLE grant_fact ADD CONSTRAINT grant_fact_pkey PRIMARY KEY (ws, node, grantee)"),
        Statement(type(None), "CREATE INDEX grant_fact_of_grantee ON grant_fact (grantee)"),
    ),
}


def _move(table: Table, into: str, columns: str, values: str) -> Statement[None]:
    return Statement(
        type(None),
        f"""
        INSERT INTO {into} ({columns}, ws, ver, ev, by_whom, fingerprint, src, at, seq)
        SELECT {values}, ws, ver, ev, by_whom, rank, $1, $2, $3 FROM {STAGED[table]}
        """,  # noqa: S608 - constants of this module
    )


def _dispute(table: Table, into: str, key: str) -> Statement[None]:
    return Statement(
        type(None),
        f"""
        UPDATE {into} AS t SET disputed = true FROM staged_dispute AS s
        WHERE s.tab = '{table.value}' AND t.ws = s.ws AND {key}
        """,  # noqa: S608 - as above
    )


MOVE_GROUP_MEMBERS: Final = _move(Table.GROUP_MEMBER, "group_member", "usr, grp, present", "a, b, rank = 1")
MOVE_WORKSPACE_MEMBERS: Final = _move(Table.WORKSPACE_MEMBER, "workspace_member", "usr, role", "a, rank")
MOVE_GRANTS: Final = _move(
    Table.GRANT, "grant_fact", "node, grantee, role, node_kind, grantee_kind", "a, b, rank, a_kind, b_kind"
)
DISPUTE_GROUP_MEMBERS: Final = _dispute(Table.GROUP_MEMBER, "group_member", "t.usr = s.a AND t.grp = s.b")
DISPUTE_WORKSPACE_MEMBERS: Final = _dispute(Table.WORKSPACE_MEMBER, "workspace_member", "t.usr = s.a")
DISPUTE_GRANTS: Final = _dispute(Table.GRANT, "grant_fact", "t.node = s.a AND t.grantee = s.b")
_MOVE: Final = {
    Table.GROUP_MEMBER: (MOVE_GROUP_MEMBERS, DISPUTE_GROUP_MEMBERS),
    Table.WORKSPACE_MEMBER: (MOVE_WORKSPACE_MEMBERS, DISPUTE_WORKSPACE_MEMBERS),
    Table.GRANT: (MOVE_GRANTS, DISPUTE_GRANTS),
}


class PostgresBulkEdges:
    """See moorage.permissions.rebuilding.staging.BulkEdges."""

    def __init__(self, connection: Connection, log: PostgresChangeLog) -> None:
        self._connection = connection
        self._log = log

    async def untold(self, topic: str) -> bool:
        """Whether no source has told of any workspace yet, and nothing of the topic was applied."""
        return await fetch_one(self._connection, UNTOLD, topic) is True

    async def take(self, run: UUID, source: int, at: datetime, newest: Mapping[int, str]) -> None:
        """Stores all that is staged. Raises StagingLost."""
        await require_mine(self._connection, run)
        for setting in (PATIENTLY, BUILD_FAST):
            await execute(self._connection, setting)
        seq = self._log.tell_nothing(newest)
        for table, (move, dispute) in _MOVE.items():
            for drop in DROP_INDEXES[table]:
                await execute(self._connection, drop)
            await self._connection.execute(move.sql, source, at, seq, timeout=LONG)
            for build in BUILD_INDEXES[table]:
                await self._connection.execute(build.sql, timeout=LONG)
            await execute(self._connection, dispute)
        # What is stored is staged no more, in the same moment.
        await execute(self._connection, BEGIN, None)
        await execute(self._connection, EMPTY)
