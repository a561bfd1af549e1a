"""What is told of a workspace to people who wait for it."""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from moorage.permissions.sync_facts import Applied, SyncFacts
from moorage.runtime.statement import Connection, Statement, fetch_one


@dataclass(frozen=True, slots=True)
class EventRow:
    """The newest row of the log that a fact has caused."""

    seq: int
    ev: str
    at: datetime


LAST: Final = Statement(EventRow, "SELECT seq, ev, at FROM workspace_news WHERE ws = $1")
LETTERS: Final = Statement(
    int, "SELECT count(*) FROM dead_letter WHERE ws = $1 AND released_at IS NULL AND reason <> 'epoch'"
)
HELD: Final = Statement(bool, "SELECT EXISTS (SELECT FROM snapshot_run WHERE workspace = $1 AND state = 'held')")


class PostgresSync:
    """See SyncReader."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def of(self, workspace: int) -> SyncFacts:
        """Its newest event, how many of its records could not be applied, and whether a sweep is held."""
        row = await fetch_one(self._connection, LAST, workspace)
        letters = await fetch_one(self._connection, LETTERS, workspace)
        held = await fetch_one(self._connection, HELD, workspace)
        return SyncFacts(Applied(row.ev, row.at, row.seq) if row else None, letters or 0, bool(held))
