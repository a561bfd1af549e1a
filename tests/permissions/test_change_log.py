"""Both ledgers keep the order of changes in frames; PostgreSQL also what a former version of the code appends."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from contracts.change_log import NOON, ChangeLogContract, bounds, edges, extend, told
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, RowKind
from moorage.permissions.log_rows import LogFrame, gather
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.removals import removals, removes
from moorage.permissions.sync_facts import Applied
from moorage.runtime.clock import FixedClock
from moorage.runtime.postgres import Database

FORMER_APPEND = """
    INSERT INTO change_log (seq, frame, kind, ws, a, b, val, ver, extra, ev, at)
    SELECT seq, frame, kind, 1, 7, 8, val, 9, extra::jsonb, ev, $1
    FROM unnest($2::bigint[], $3::bigint[], $4::smallint[], $5::int[], $6::text[], $7::text[])
        AS row (seq, frame, kind, val, extra, ev)
"""


class TestMemoryChangeLog(ChangeLogContract):
    """In memory."""

    @pytest.fixture
    async def ledger(self, clock: FixedClock) -> Ledger:
        """See the contract."""
        return MemoryLedger(clock)


class TestPostgresChangeLog(ChangeLogContract):
    """In PostgreSQL."""

    @pytest.fixture
    async def ledger(self, clock: FixedClock, permissions_dsn: str) -> AsyncIterator[Ledger]:
        """See the contract."""
        async with await Database.open(permissions_dsn, "permissions") as database:
            yield PostgresLedger(database, clock)


async def append_as_before(database: Database, *logged: tuple[int, int, int, int, str | None, str | None]) -> None:
    """One change by a version of the code that knows nothing of frames: seq, frame, kind, value, extra, event."""
    async with database.transaction() as connection:
        columns = [list(each) for each in zip(*logged, strict=True)]
        await connection.execute(FORMER_APPEND, NOON, *columns)
        await connection.execute("UPDATE meta SET seq = $1", logged[-1][0])


async def test_readers_miss_nothing_that_a_former_version_appends(permissions_dsn: str) -> None:
    """While instances of both run, their changes are one order (R162)."""
    async with await Database.open(permissions_dsn, "permissions") as database:
        ledger = PostgresLedger(database, FixedClock(NOON))
        await extend(ledger, edges(2))
        uuid = '{"kind": "group", "uuid": "1"}'
        await append_as_before(
            database, (3, 3, 0, 0, uuid, None), (4, 4, 1, 1, None, "E1"), (5, 4, 12, 1, '{"since": null}', None)
        )
        await extend(ledger, edges(1))
        deltas = await told(ledger)
        assert bounds(deltas) == [(0, 6)]
        assert [row for delta in deltas for row in delta.rows][2:5] == [
            (0, 1, 7, 8, 0, 9, {"kind": "group", "uuid": "1"}),
            (1, 1, 7, 8, 1, 9),
            (12, 1, 7, 8, 1, 9, {"since": None}),
        ]
        assert bounds(await told(ledger, 3, limit=1)) == [(3, 5)]
        async with ledger.viewing() as view:
            assert (await view.sync.of(1)).last_applied == Applied("E1", NOON, 4)
        assert await ledger.forget(NOON + timedelta(minutes=1)) == 6


async def test_removals_of_a_former_version_are_counted_by_the_same_rule(permissions_dsn: str) -> None:
    """Also where SQL has to say it."""
    said = [(kind, value) for kind in map(int, RowKind) for value in range(6)]
    logged = [(seq, seq, kind, value, None, None) for seq, (kind, value) in enumerate(said, 1)]
    async with await Database.open(permissions_dsn, "permissions") as database:
        await append_as_before(database, *logged)
        async with PostgresLedger(database, FixedClock(NOON)).viewing() as view:
            counted = await view.log.removals(0)
    expected = sum(removes(kind, value) for kind, value in said)
    assert counted == {int(NOON.timestamp()) // 60: expected}
    assert removals([(kind, 1, 7, 8, value, 9) for kind, value in said]) == expected


def gathered(*frames: tuple[int, int], after: int, limit: int = 100) -> list[Delta]:
    """What is gathered of frames, given by the seq before each and its length."""
    kept = [LogFrame(first, edges(size)) for first, size in frames]
    return gather(kept, ConsistencyToken(1, after), limit)


def test_a_missing_frame_is_never_skipped() -> None:
    """What comes before it is told; whoever is there, or before everything that is kept, has to take a snapshot."""
    assert bounds(gathered((4, 3), (7, 2), (10, 5), after=4)) == [(4, 9)]
    for frames, after in (([(10, 5)], 9), ([(4, 3), (10, 5)], 7), ([(4, 3)], 8), ([], 0)):
        with pytest.raises(PositionUnknown):
            gathered(*frames, after=after)
