"""Runs of sources' snapshots as they are stored, and a look at them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final
from uuid import UUID

from moorage.permissions.postgres.snapshot_plans import foreseen
from moorage.permissions.reconcile_stores import Cursor, Run, RunState
from moorage.permissions.slots import Table
from moorage.runtime.statement import Connection, Statement, fetch_all, fetch_one


@dataclass(frozen=True, slots=True)
class RunRow:
    """A run as it is stored."""

    id: int
    source: int
    workspace: int
    workspace_id: UUID
    name: str
    as_of: int
    state: str
    facts: int
    checksum: Decimal
    vanishing: int
    present: int
    confirmed: bool
    reason: str
    started_at: datetime
    cursor_tab: str | None
    cursor_a: int | None
    cursor_b: int | None

    def value(self) -> Run:
        """As the use cases know it."""
        return Run(
            self.id,
            self.source,
            self.workspace,
            self.workspace_id,
            self.name,
            self.as_of,
            RunState(self.state),
            self.facts,
            int(self.checksum),
            self.vanishing,
            self.present,
            self.confirmed,
            self.reason,
            self.started_at,
            Cursor(Table(self.cursor_tab), self.cursor_a or 0, self.cursor_b or 0) if self.cursor_tab else None,
        )


OPEN: Final = Statement(
    RunRow,
    """
    SELECT run.id, run.source, workspace, alias.ext AS workspace_id, name, as_of, state, facts, checksum, vanishing,
           present, confirmed, reason, started_at, cursor_tab, cursor_a, cursor_b
    FROM snapshot_run AS run JOIN alias ON alias.id = workspace
    WHERE state IN ('staging', 'planning', 'held', 'applying') ORDER BY run.id
    """,
)
BY_ID: Final = Statement(
    RunRow,
    """
    SELECT run.id, run.source, workspace, alias.ext AS workspace_id, name, as_of, state, facts, checksum, vanishing,
           present, confirmed, reason, started_at, cursor_tab, cursor_a, cursor_b
    FROM snapshot_run AS run JOIN alias ON alias.id = workspace WHERE run.id = $1
    """,
)
LEFTOVERS: Final = Statement(
    bool,
    """
    SELECT EXISTS (SELECT FROM snapshot_run
                   WHERE state IN ('done', 'refused', 'abandoned', 'discarded') AND NOT pruned)
    """,
)


class PostgresRunReader:
    """Runs as one connection sees them."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def open(self) -> Sequence[Run]:
        """Every run that has not ended."""
        return [row.value() for row in await fetch_all(self._connection, OPEN)]

    async def by_id(self, id: int) -> Run | None:
        """The run with this id."""
        row = await fetch_one(self._connection, BY_ID, id)
        return row.value() if row else None

    async def leftovers(self) -> bool:
        """Whether an ended run may have something staged."""
        return await fetch_one(self._connection, LEFTOVERS) or False

    async def foreseen(self, run: Run, tables: Collection[Table]) -> tuple[int, int]:
        """How many facts would become absent, and how many are there."""
        return await foreseen(self._connection, run, tables)
