"""Whether a ledger is sound, and what it holds, by SQL of its own and by the snapshots it gives."""

import json
from collections.abc import Collection, Iterable
from itertools import pairwise
from typing import Any, cast
from uuid import UUID

import asyncpg

from faults.histories import History
from moorage.access.frames import Row, RowKind
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.records import SourceKind, SourceSpec, Transport
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database

Said = tuple[object, ...]
Logged = tuple[Any, ...]
EDGES = range(RowKind.USER_GROUP, RowKind.WORKSPACE_ROLE + 1)


async def told_by_snapshots(ledger: Ledger, workspaces: Iterable[UUID]) -> list[Row]:
    """The rows of the global part and of these workspaces, at one position."""
    async with ledger.viewing() as view:
        rows = list(await view.snapshots.rows(None))
        for each in workspaces:
            rows += await view.snapshots.rows(await view.hierarchy.workspace_by_id(each))
    return rows


def said(rows: Collection[Row], *, versions: bool = True) -> set[Said]:
    """What rows say of facts, with uuids for aliases, whose numbers depend on the order of arrival."""
    names: dict[int, object] = {0: "-"}
    names |= {row[2]: row[6]["uuid"] for row in rows if row[0] == RowKind.INTERN and len(row) == 7}
    return {
        (
            row[0],
            names[row[1]],
            names[row[2]],
            names.get(row[3], row[3]),
            row[4],
            row[5] * versions,
            json.dumps(row[6:], sort_keys=True),
        )
        for row in rows
        if row[0] not in (RowKind.INTERN, RowKind.PIN, RowKind.CREDENTIAL)
    }


def pinned(rows: Collection[Row]) -> set[UUID]:
    """The workspaces that the rows call pinned."""
    names = {row[2]: row[6]["uuid"] for row in rows if row[0] == RowKind.INTERN and len(row) == 7}
    return {UUID(names[row[1]]) for row in rows if row[0] == RowKind.PIN and row[4]}


async def expected(history: History) -> set[Said]:
    """What the newest facts of a history say, alone in a ledger of their own."""
    ledger = MemoryLedger()
    async with ledger.changing() as change:
        source = await change.sources.declare(SourceSpec("s", SourceKind.CONTINUOUS, Transport.HTTP), None)
    facts = [Record(at, body) for at, body in enumerate(history.outcome(), 1)]
    await Apply(ledger, SystemClock()).over_http(source, facts)
    return said(await told_by_snapshots(ledger, history.workspace_ids))


async def audit(dsn: str, history: History) -> None:
    """Every promise of the order (R83, R106-R111), and the state of in-order delivery (R109)."""
    log, head, letters = await _kept(dsn)
    assert [row[0] for row in log] == list(range(1, head + 1))
    _audit_frames(log)
    _audit_rows(log)
    assert len(set(letters)) == len(letters) == history.poison
    async with await Database.open(dsn, "permissions", size=2) as database:
        rows = await told_by_snapshots(PostgresLedger(database, SystemClock()), history.workspace_ids)
    assert said(rows) == await expected(history)
    assert pinned(rows) == history.pinned()
    last = {_subject(row[2:]): _row(row) for row in log}
    folded = [row for row in last.values() if row[0] not in EDGES or row[4]]
    assert said(folded, versions=False) ^ said(rows, versions=False) == set()
    assert pinned(folded) == history.pinned()


async def _kept(dsn: str) -> tuple[list[Logged], int, list[Logged]]:
    """The change log, the head, and where the dead letters stood."""
    connection = await asyncpg.connect(dsn)
    try:
        frames = await connection.fetch("SELECT after_seq, rows FROM permissions.change_frame ORDER BY after_seq")
        head = await connection.fetchval("SELECT seq FROM permissions.meta")
        letters = await connection.fetch("SELECT topic, part, pos FROM permissions.dead_letter")
    finally:
        await connection.close()
    log = [row for after, told in frames for row in _numbered(after, json.loads(told))]
    return log, int(head), [tuple(row) for row in letters]


def _numbered(after: int, told: list[list[Any]]) -> list[Logged]:
    """Seq, frame and columns of each row; the last one is what else it tells, or None."""
    return [(after + n, after + 1, *row[:6], row[6] if len(row) == 7 else None) for n, row in enumerate(told, 1)]


def _audit_frames(log: list[Logged]) -> None:
    """Frames are runs of rows, each named for its first one."""
    for before, after in pairwise(log):
        assert after[1] in (before[1], after[0])


def _audit_rows(log: list[Logged]) -> None:
    """Nothing is told twice, and no alias before the row that gives it."""
    known: set[int] = {0}
    facts: set[Logged] = set()
    for _, _, kind, ws, a, b, _, version, _ in log:
        if kind == RowKind.INTERN:
            assert a not in known
            known.add(a)
            continue
        assert {ws, a} <= known or kind == RowKind.PIN
        assert b in known or kind == RowKind.WORKSPACE_ROLE
        if kind not in (RowKind.PIN, RowKind.CREDENTIAL):
            fact = (kind, ws, a, b if kind in EDGES else 0, version)
            assert fact not in facts
            facts.add(fact)


def _subject(columns: Logged) -> Logged:
    kind, ws, a, b = columns[:4]
    return (kind, ws, a, b) if kind in EDGES else (kind, ws, a)


def _row(logged: Logged) -> Row:
    *plain, extra = logged[2:]
    return cast(Row, tuple(plain) if extra is None else (*plain, extra))
