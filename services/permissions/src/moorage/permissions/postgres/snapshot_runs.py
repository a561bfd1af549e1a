"""Runs of sources' snapshots: what is staged, whose turn it is, and how far each has come (authorization.md §2.6)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from moorage.events.checksums import MODULUS
from moorage.permissions.postgres.snapshot_plans import note
from moorage.permissions.postgres.snapshot_run_rows import PostgresRunReader, RunRow
from moorage.permissions.postgres.stored_facts import StoredRow
from moorage.permissions.reconcile.tables import is_there
from moorage.permissions.reconcile_stores import Cursor, Kept, Run, Staged, Turn
from moorage.permissions.slots import Slot, Table
from moorage.runtime.statement import Statement, execute, fetch_all, fetch_one

NAMED: Final = Statement(
    RunRow,
    """
    SELECT run.id, run.source, workspace, alias.ext AS workspace_id, name, as_of, state, facts, checksum, vanishing,
           present, confirmed, reason, started_at, cursor_tab, cursor_a, cursor_b
    FROM snapshot_run AS run JOIN alias ON alias.id = workspace
    WHERE workspace = $1 AND run.source = $2 AND name = $3
    """,
)
BEGIN_RUN: Final = Statement(
    int,
    """
    INSERT INTO snapshot_run (source, workspace, name, as_of, state, facts, checksum, vanishing, present, confirmed,
                              reason, started_at, moved_at)
    VALUES ($1, $2, $3, $4, $5, 0, 0, 0, 0, false, '', $6, $6) RETURNING id
    """,
)
PUT_RUN: Final = Statement(
    type(None),
    """
    UPDATE snapshot_run SET state = $2, facts = $3, checksum = $4, vanishing = $5, present = $6, confirmed = $7,
        reason = $8, moved_at = $9, cursor_tab = $10, cursor_a = $11, cursor_b = $12
    WHERE id = $1
    """,
)
COUNT_RUN: Final = Statement(type(None), "UPDATE snapshot_run SET facts = $2, checksum = $3 WHERE id = $1")


@dataclass(frozen=True, slots=True)
class StagedRow:
    """A staged fact."""

    tab: str
    ws: int
    a: int
    b: int
    live: bool
    ver: int
    digest: Decimal
    rank: int
    fingerprint: int
    parent: int
    body: bytes

    def value(self) -> Staged:
        """As the use cases know it."""
        slot = Slot(Table(self.tab), self.ws, self.a, self.b)
        digest, shape = int(self.digest), (self.rank, self.fingerprint, self.parent)
        return Staged(slot, self.ver, digest, *shape, self.body, self.live)


STAGED: Final = Statement(
    StagedRow,
    """
    SELECT s.tab, s.ws, s.a, s.b, s.live, s.ver, s.digest, s.rank, s.fingerprint, s.parent, s.body
    FROM unnest($2::text[], $3::int[], $4::int[]) AS k (tab, a, b)
    JOIN snapshot_stage AS s ON s.run = $1 AND s.tab = k.tab AND s.a = k.a AND s.b = k.b
    ORDER BY s.ver
    """,
)
STAGE: Final = Statement(
    type(None),
    """
    INSERT INTO snapshot_stage (run, tab, ws, a, b, live, ver, digest, rank, fingerprint, parent, body)
    SELECT $1, tab, ws, a, b, live, ver, digest, rank, fingerprint, parent, body
    FROM unnest($2::text[], $3::int[], $4::int[], $5::int[], $6::boolean[], $7::bigint[], $8::numeric[], $9::int[],
                $10::bigint[], $11::int[], $12::bytea[])
        AS new (tab, ws, a, b, live, ver, digest, rank, fingerprint, parent, body)
    ON CONFLICT (run, tab, a, b, live) DO UPDATE SET
        ver = excluded.ver, digest = excluded.digest, rank = excluded.rank, fingerprint = excluded.fingerprint,
        parent = excluded.parent, body = excluded.body
    """,
)


@dataclass(frozen=True, slots=True)
class TurnRow:
    """How many facts wait for a turn."""

    turn: int
    facts: int


PLANNED: Final = Statement(
    TurnRow, "SELECT turn, count(*)::int AS facts FROM snapshot_turn WHERE run = $1 GROUP BY turn"
)


@dataclass(frozen=True, slots=True)
class NextRow:
    """A fact whose turn it is."""

    turn: int
    tab: str
    ws: int
    a: int
    b: int


NEXT: Final = Statement(
    NextRow,
    """
    SELECT turn, tab, ws, a, b FROM snapshot_turn
    WHERE run = $1 AND turn = (SELECT min(turn) FROM snapshot_turn WHERE run = $1) LIMIT $2
    """,
)
FINISH: Final = Statement(
    type(None),
    """
    WITH k AS (SELECT * FROM unnest($2::text[], $3::int[], $4::int[]) AS k (tab, a, b)),
    gone AS (
        DELETE FROM snapshot_stage AS s USING k WHERE s.run = $1 AND s.tab = k.tab AND s.a = k.a AND s.b = k.b
    )
    DELETE FROM snapshot_turn AS t USING k WHERE t.run = $1 AND t.tab = k.tab AND t.a = k.a AND t.b = k.b
    """,
)
# Each look-up goes through an index: joined as a whole, every fact there is would be put into words first.
KEPT: Final = Statement(
    StoredRow,
    """
    SELECT f.tab, f.ws, f.a, f.b, f.ver, f.fingerprint, f.rank, f.src, f.there, f.data
    FROM unnest($1::text[], $2::int[], $3::int[], $4::int[]) AS k (tab, ws, a, b),
         LATERAL (SELECT * FROM stored_fact
                  WHERE tab = k.tab AND ws = k.ws AND a = k.a AND b = k.b OFFSET 0) AS f
    """,
)
PRUNE_STAGE: Final = Statement(
    type(None),
    """
    DELETE FROM snapshot_stage WHERE ctid = ANY(ARRAY(
        SELECT s.ctid FROM snapshot_stage AS s JOIN snapshot_run AS run ON run.id = s.run
        WHERE run.state IN ('done', 'refused', 'abandoned', 'discarded') AND NOT run.pruned LIMIT $1))
    """,
)
PRUNE_TURNS: Final = Statement(
    type(None),
    """
    DELETE FROM snapshot_turn WHERE ctid = ANY(ARRAY(
        SELECT t.ctid FROM snapshot_turn AS t JOIN snapshot_run AS run ON run.id = t.run
        WHERE run.state IN ('done', 'refused', 'abandoned', 'discarded') AND NOT run.pruned LIMIT $1))
    """,
)
PRUNED: Final = Statement(
    type(None),
    """
    UPDATE snapshot_run SET pruned = true
    WHERE state IN ('done', 'refused', 'abandoned', 'discarded') AND NOT pruned
    """,
)


class PostgresRuns(PostgresRunReader):
    """Runs in a change."""

    async def named(self, workspace: int, source: int, name: str) -> Run | None:
        """The source's run of this name."""
        row = await fetch_one(self._connection, NAMED, workspace, source, name)
        return row.value() if row else None

    async def begin(self, run: Run, at: datetime) -> Run:
        """Keeps a new run."""
        what = (run.source, run.workspace, run.name, run.as_of, run.state.value)
        return replace(run, id=await fetch_one(self._connection, BEGIN_RUN, *what, at) or 0, started_at=at)

    async def put(self, run: Run, at: datetime) -> None:
        """Replaces what is kept."""
        counted = (run.facts, Decimal(run.checksum), run.vanishing, run.present)
        await execute(
            self._connection, PUT_RUN, run.id, run.state.value, *counted, run.confirmed, run.reason, at, *_cursor(run)
        )

    async def stage(self, run: Run, facts: Sequence[Staged]) -> Run:
        """Stages facts; one of a slot that is older than what is staged changes nothing."""
        before = {(each.slot, each.live): each for each in await self.staged(run, [each.slot for each in facts])}
        news = [each for each in facts if _newer(each, before.get((each.slot, each.live)))]
        if not news:
            return run
        columns = zip(*(_columns(each) for each in news), strict=True)
        await execute(self._connection, STAGE, run.id, *(list(column) for column in columns))
        old = [before[each.slot, each.live] for each in news if (each.slot, each.live) in before]
        facts_now = run.facts + _count(news)[0] - _count(old)[0]
        checksum = (run.checksum + _count(news)[1] - _count(old)[1]) % MODULUS
        await execute(self._connection, COUNT_RUN, run.id, facts_now, Decimal(checksum))
        return replace(run, facts=facts_now, checksum=checksum)

    async def staged(self, run: Run, slots: Collection[Slot]) -> Sequence[Staged]:
        """What is staged for these slots."""
        found = await fetch_all(self._connection, STAGED, run.id, *_keys(slots))
        return [row.value() for row in found]

    async def plan(self, run: Run, after: Cursor, limit: int) -> Cursor | None:
        """Notes the turns of the table's next facts."""
        return await note(self._connection, run, after, limit)

    async def planned(self, run: Run) -> Mapping[Turn, int]:
        """How many facts wait for each turn."""
        return {Turn(row.turn): row.facts for row in await fetch_all(self._connection, PLANNED, run.id)}

    async def next(self, run: Run, limit: int) -> tuple[Turn, Sequence[Slot]] | None:
        """The next facts of the first turn."""
        found = await fetch_all(self._connection, NEXT, run.id, limit)
        if not found:
            return None
        return Turn(found[0].turn), [Slot(Table(row.tab), row.ws, row.a, row.b) for row in found]

    async def finish(self, run: Run, slots: Collection[Slot]) -> None:
        """These have had their turn."""
        await execute(self._connection, FINISH, run.id, *_keys(slots))

    async def kept(self, slots: Collection[Slot]) -> Sequence[Kept]:
        """What is stored in these slots."""
        tabs, a, b = _keys(slots)
        found = await fetch_all(self._connection, KEPT, tabs, [slot.ws for slot in slots], a, b)
        return [row.value() for row in found]

    async def prune(self, limit: int) -> bool:
        """Forgets some of what ended runs have staged."""
        gone = await execute(self._connection, PRUNE_STAGE, limit)
        if gone + await execute(self._connection, PRUNE_TURNS, limit):
            return True
        await execute(self._connection, PRUNED)
        return False


def _cursor(run: Run) -> tuple[str | None, int | None, int | None]:
    return (run.cursor.table.value, run.cursor.a, run.cursor.b) if run.cursor else (None, None, None)


def _newer(staged: Staged, before: Staged | None) -> bool:
    return before is None or (staged.version, -staged.rank) > (before.version, -before.rank)


def _count(staged: Sequence[Staged]) -> tuple[int, int]:
    counted = [each.digest for each in staged if not each.live and is_there(each.slot.table, each.rank)]
    return len(counted), sum(counted)


def _columns(each: Staged) -> tuple[str, int, int, int, bool, int, Decimal, int, int, int, bytes]:
    slot = each.slot
    where = (slot.table.value, slot.ws, slot.a, slot.b, each.live)
    return *where, each.version, Decimal(each.digest), each.rank, each.fingerprint, each.parent, each.body


def _keys(slots: Collection[Slot]) -> tuple[list[str], list[int], list[int]]:
    return [slot.table.value for slot in slots], [slot.a for slot in slots], [slot.b for slot in slots]
