"""Staged edges become what is stored, in the change that moves the positions they stand for (§2.6).

They are written as they are stored, and have their indexes: the tables they are in change names with the empty ones.
"""

from collections.abc import Mapping
from typing import Final
from uuid import UUID

from moorage.permissions.postgres.change_log import PostgresChangeLog
from moorage.permissions.postgres.staged_edges import BEGIN, EMPTY, PATIENTLY, STAGED, require_mine
from moorage.permissions.slots import Table
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one

UNTOLD: Final = Statement(
    bool,
    """
    SELECT NOT EXISTS (SELECT FROM authority) AND NOT EXISTS (SELECT FROM ingest_position WHERE topic = $1 AND next > 0)
       AND NOT EXISTS (SELECT FROM group_member) AND NOT EXISTS (SELECT FROM workspace_member)
       AND NOT EXISTS (SELECT FROM grant_fact) AND NOT EXISTS (SELECT FROM workspace)
       AND NOT EXISTS (SELECT FROM snapshot_run) AND NOT EXISTS (SELECT FROM dead_letter WHERE topic = $1)
    """,
)
# A view stays with the tables it was made of, whatever they are called: what it says now is said of the others again.
VIEWS: Final = Statement(
    str,
    """
    SELECT DISTINCT format('CREATE OR REPLACE VIEW %s AS %s', rule.ev_class::regclass, pg_get_viewdef(rule.ev_class))
    FROM pg_depend AS needs JOIN pg_rewrite AS rule ON rule.oid = needs.objid
    WHERE needs.classid = 'pg_rewrite'::regclass AND needs.refclassid = 'pg_class'::regclass
      AND needs.refobjid IN ('group_member'::regclass, 'workspace_member'::regclass, 'grant_fact'::regclass)
    """,
)


def _exchange(table: Table, real: str, other: str | None) -> tuple[Statement[None], ...]:
    """The real table, which is empty, and the staged one change names; so do their indexes, and the trigger moves."""
    staged = STAGED[table]
    sql = [
        f"ALTER TABLE {real} DROP CONSTRAINT {real}_pkey",
        f"DROP TRIGGER keep_past ON {real}",
        f"ALTER TABLE {real} RENAME TO exchanged",
        f"ALTER TABLE {staged} RENAME TO {real}",
        f"ALTER TABLE exchanged RENAME TO {staged}",
        f"ALTER TABLE {real} ADD CONSTRAINT {real}_pkey PRIMARY KEY USING INDEX {staged}_key",
        f"""CREATE TRIGGER keep_past AFTER UPDATE ON {real} REFERENCING OLD TABLE AS before NEW TABLE AS after
            FOR EACH STATEMENT EXECUTE FUNCTION keep_{real}()""",
        f"ALTER TABLE {real} RESET (autovacuum_enabled)",
        f"ALTER TABLE {staged} SET (autovacuum_enabled = off)",
    ]
    if other:
        sql += [f"DROP INDEX {other}", f"ALTER INDEX {staged}_other RENAME TO {other}"]
    return tuple(Statement(type(None), each) for each in sql)


def _dispute(table: Table, into: str, key: str) -> Statement[None]:
    return Statement(
        type(None),
        f"""
        UPDATE {into} AS t SET disputed = true FROM staged_dispute AS s
        WHERE s.tab = '{table.value}' AND t.ws = s.ws AND {key}
        """,  # noqa: S608 - constants of this module
    )


EXCHANGE: Final[tuple[Statement[None], ...]] = (
    *_exchange(Table.GROUP_MEMBER, "group_member", "group_member_by_group"),
    *_exchange(Table.WORKSPACE_MEMBER, "workspace_member", None),
    *_exchange(Table.GRANT, "grant_fact", "grant_fact_of_grantee"),
)
DISPUTE_GROUP_MEMBERS: Final = _dispute(Table.GROUP_MEMBER, "group_member", "t.usr = s.a AND t.grp = s.b")
DISPUTE_WORKSPACE_MEMBERS: Final = _dispute(Table.WORKSPACE_MEMBER, "workspace_member", "t.usr = s.a")
DISPUTE_GRANTS: Final = _dispute(Table.GRANT, "grant_fact", "t.node = s.a AND t.grantee = s.b")


class PostgresBulkEdges:
    """See moorage.permissions.rebuilding.staging.BulkEdges."""

    def __init__(self, connection: Connection, log: PostgresChangeLog) -> None:
        self._connection = connection
        self._log = log

    async def untold(self, topic: str) -> bool:
        """Whether no source has told of any workspace yet, and nothing of the topic was applied."""
        return await fetch_one(self._connection, UNTOLD, topic) is True

    async def place(self) -> int:
        """A position that nobody but this change has."""
        return self._log.tell_nothing({})

    async def take(self, run: UUID, newest: Mapping[int, str]) -> None:
        """Stores all that is staged. Raises StagingLost."""
        await require_mine(self._connection, run)
        await execute(self._connection, PATIENTLY)
        self._log.tell_nothing(newest)
        views = await fetch_all(self._connection, VIEWS)
        for statement in EXCHANGE:
            await execute(self._connection, statement)
        for view in views:
            await self._connection.execute(view)
        for dispute in (DISPUTE_GROUP_MEMBERS, DISPUTE_WORKSPACE_MEMBERS, DISPUTE_GRANTS):
            await execute(self._connection, dispute)
        # What is stored is staged no more, in the same moment.
        await execute(self._connection, BEGIN, None)
        await execute(self._connection, EMPTY)
