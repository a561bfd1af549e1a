"""Looks at the holds, and tidies up what others have left."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID

from moorage.runtime.postgres import Database
from moorage.runtime.statement import Connection, Statement, execute, fetch_one
from moorage.storage.hold_feed import Poll
from moorage.storage.postgres.connections import connection
from moorage.storage.postgres.content_holds import DEAD_AFTER, END_DEAD, FORGET

KEPT_AFTER_END: Final = timedelta(minutes=1)
_MOST_FORGOTTEN: Final = 50_000


@dataclass(frozen=True, slots=True)
class PollRow:
    """What there was in one snapshot. `continues`: this session has polled before and has missed nothing since."""

    snapshot: str
    read_window: timedelta
    continues: bool
    any_dead: bool
    held: list[UUID]
    moved: list[UUID]


# $1 is the snapshot of the last look that was taken in. A hold that is not visible in it is new. What was forgotten at
# or above its xmin may have been new too. An xid of the future is from another server's dump: it says nothing.
POLL: Final = Statement(
    PollRow,
    """
    SELECT pg_current_snapshot()::text AS snapshot, read_window,
        coalesce(current_setting('moorage.polls', true), '') <> ''
            AND (
                forgotten < pg_snapshot_xmin($1::text::pg_snapshot)
                OR forgotten >= pg_snapshot_xmax(pg_current_snapshot())
            ) AS continues,
        EXISTS (
            SELECT FROM content_hold WHERE ended_at IS NULL AND held_at < clock_timestamp() - $2::interval
        ) AS any_dead,
        array(SELECT image FROM content_hold WHERE ended_at IS NULL) AS held,
        array(
            SELECT image FROM content_hold
            WHERE xid >= pg_snapshot_xmin($1::text::pg_snapshot)
                AND NOT pg_visible_in_snapshot(xid, $1::text::pg_snapshot)
        ) AS moved
    FROM content_coherence
    """,
)
# Kept by the session: after a new connection, a restart or a failover, looks do not go on from the last one.
POLLS: Final = Statement(str, "SELECT set_config('moorage.polls', 'on', false)")
_NO_SNAPSHOT: Final = "1:1:"


class PostgresHoldFeed:
    """See HoldFeed. The database is its own, with one connection."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._snapshot = _NO_SNAPSHOT

    async def poll(self) -> Poll:
        """See HoldFeed."""
        async with connection(self._database) as c:
            row = await fetch_one(c, POLL, self._snapshot, DEAD_AFTER)
            if row is None:
                raise LookupError("the one row of content_coherence is missing")
            await self._tidy(c, row)
        self._snapshot = row.snapshot
        return Poll(row.read_window, row.continues, frozenset(row.held), frozenset(row.moved))

    async def forget(self) -> None:
        """Deletes holds that ended a while ago."""
        async with connection(self._database) as c:
            await execute(c, FORGET, KEPT_AFTER_END, _MOST_FORGOTTEN)

    async def _tidy(self, c: Connection, row: PollRow) -> None:
        if not row.continues:
            self._snapshot = _NO_SNAPSHOT
            await fetch_one(c, POLLS)
        if row.any_dead:
            await execute(c, END_DEAD, DEAD_AFTER)
