"""What every ledger keeps of the order of changes: rows without a hole, in frames that are read as one whole."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from uuid import UUID

import pytest

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, EntityKind, Row
from moorage.permissions import rows
from moorage.permissions.log_rows import FRAME_WEIGHT, LEAD_ROWS
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.permissions.slots import Entity
from moorage.permissions.sync_facts import Applied
from moorage.runtime.clock import FixedClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ALIAS = rows.intern_row(Entity(EntityKind.WORKSPACE, None, UUID(int=1)), 1, 0)


def edges(count: int, ws: int = 1) -> list[Row]:
    """Memberships, each told apart by its version."""
    return [rows.group_row(ws, 7, 8, True, version) for version in range(1, count + 1)]


async def told(ledger: Ledger, after: int = 0, limit: int = 1000) -> Sequence[Delta]:
    """What a reader at this seq is told next."""
    async with ledger.viewing() as view:
        return await view.log.deltas(ConsistencyToken(1, after), limit)


async def extend(ledger: Ledger, *runs: Sequence[Row], event: str | None = None) -> None:
    """One change of all these rows."""
    async with ledger.changing() as change:
        for run in runs:
            change.log.extend(run, event)


def bounds(deltas: Sequence[Delta]) -> list[tuple[int, int]]:
    """Where they begin and end."""
    return [(each.first, each.last) for each in deltas]


class ChangeLogContract:
    """Mix in and give `ledger` an empty one whose clock is `clock`."""

    @pytest.fixture
    def clock(self) -> FixedClock:
        """Stands at noon until it is moved."""
        return FixedClock(NOON)

    @pytest.fixture
    async def ledger(self, clock: FixedClock) -> Ledger:
        """An empty ledger."""
        raise NotImplementedError

    async def test_many_rows_are_appended_like_one_by_one(self, ledger: Ledger) -> None:
        """With the same numbers, in the order they came in."""
        some = [rows.pin_row(1, NOON), *edges(3), rows.principal_row(7, "zoë", True, 5)]
        async with ledger.changing() as change:
            assert [change.log.append(row) for row in some[:2]] == [1, 2]
            change.log.extend(some[2:4])
            assert change.log.token.seq == 4
            assert change.log.append(some[4]) == 5
            change.log.extend([])
            assert (change.log.token.seq, change.log.frame) == (5, 1)
        assert [row for delta in await told(ledger) for row in delta.rows] == some
        assert (await ledger.head()).seq == 5

    async def test_a_change_is_read_as_a_whole(self, ledger: Ledger) -> None:
        """However little a reader asks for; several are gathered up to what it asks for."""
        for count in (3, 3, 2, 20, 1):
            await extend(ledger, edges(count))
        assert bounds(await told(ledger, limit=1)) == [(0, 3)]
        assert bounds(await told(ledger, limit=5)) == [(0, 3), (3, 6)]
        assert bounds(await told(ledger, limit=6)) == [(0, 6)]
        assert bounds(await told(ledger, 6, limit=7)) == [(6, 8), (8, 28)]
        assert bounds(await told(ledger, limit=1000)) == [(0, 29)]

    async def test_reading_goes_on_between_frames_and_within_one(self, ledger: Ledger) -> None:
        """From wherever a reader is; it gets the rest, without a hole and nothing twice."""
        for ws in (1, 2, 3):
            await extend(ledger, edges(4, ws))
        whole = [row for delta in await told(ledger) for row in delta.rows]
        for after in range(12):
            deltas = await told(ledger, after, limit=1)
            assert deltas[0].first == after
            assert [row for delta in deltas for row in delta.rows] == whole[after : deltas[-1].last]
        assert await told(ledger, 12) == []

    async def test_aliases_that_nothing_uses_yet_are_no_part_of_a_frame_that_is_too_long(self, ledger: Ledger) -> None:
        """They come before it, some at a time; those that come later belong to it, as everything of a short change."""
        await extend(ledger, [ALIAS] * 3, edges(4))
        await extend(ledger, [ALIAS] * (LEAD_ROWS * 2 + 5), edges(LEAD_ROWS), [ALIAS], edges(1))
        cuts = [0, 7, 1007, 2007, 2012, 3014]
        assert bounds(await told(ledger, limit=1)) == [(0, 7)]
        assert bounds(await told(ledger, limit=4000)) == [(0, 3014)]
        found: list[tuple[int, int]] = []
        while (last := found[-1][1] if found else 0) < cuts[-1]:
            found += bounds(await told(ledger, last, limit=1))
        assert found == list(pairwise(cuts))

    async def test_what_is_written_for_a_frame_is_seen_with_its_first_row(self, ledger: Ledger) -> None:
        """Aliases before it don't move it, and nothing does once it was asked for."""
        async with ledger.changing() as change:
            change.log.append(ALIAS)
            assert change.log.frame == 2
            change.log.extend([ALIAS, *edges(2)])
            assert change.log.frame == 2
        async with ledger.changing() as change:
            change.log.extend([ALIAS, ALIAS, *edges(1)])
            assert change.log.frame == 7

    async def test_a_reader_may_stand_where_a_change_pauses(self, ledger: Ledger) -> None:
        """Once it has told enough; what is written after that is seen with the first row that follows."""
        async with ledger.changing() as change:
            change.log.extend(edges(3))
            change.log.pause()
            assert change.log.frame == 1
            change.log.extend(edges(FRAME_WEIGHT))
            change.log.pause()
            assert change.log.frame == FRAME_WEIGHT + 4
            change.log.extend([ALIAS, *edges(20)])
            change.log.pause()
            assert change.log.frame == FRAME_WEIGHT + 4
        ends = [FRAME_WEIGHT + 3, FRAME_WEIGHT + 24]
        assert bounds(await told(ledger, limit=2 * FRAME_WEIGHT)) == [(0, ends[1])]
        assert bounds(await told(ledger)) == [(0, ends[0])]
        assert bounds(await told(ledger, ends[0])) == [(ends[0], ends[1])]
        assert (await ledger.head()).seq == ends[1]

    async def test_frames_are_forgotten_as_a_whole(self, ledger: Ledger, clock: FixedClock) -> None:
        """Who was within one takes a snapshot, like everybody before it."""
        for count in (5, 3):
            await extend(ledger, edges(count))
            clock.advance(timedelta(hours=1))
        assert await ledger.forget(NOON + timedelta(minutes=1)) == 5
        for gone in (0, 2, 4):
            with pytest.raises(PositionUnknown):
                await told(ledger, gone)
        assert bounds(await told(ledger, 5)) == [(5, 8)]
        assert bounds(await told(ledger, 6)) == [(6, 8)]
        assert await ledger.forget(NOON + timedelta(days=1)) == 3
        with pytest.raises(PositionUnknown):
            await told(ledger, 7)
        assert await told(ledger, 8) == []

    async def test_a_change_without_rows_leaves_no_trace(self, ledger: Ledger) -> None:
        """Nor does one that fails."""
        await extend(ledger, [])
        with pytest.raises(ZeroDivisionError):
            await self._append_and_fail(ledger)
        assert (await ledger.head()).seq == 0
        await extend(ledger, edges(1))
        assert bounds(await told(ledger)) == [(0, 1)]

    async def _append_and_fail(self, ledger: Ledger) -> None:
        async with ledger.changing() as change:
            change.log.extend(edges(3), "E1")
            raise ZeroDivisionError

    async def test_the_newest_event_of_a_workspace_is_known(self, ledger: Ledger, clock: FixedClock) -> None:
        """With the seq of its last row; rows that no event has caused don't count."""
        await extend(ledger, edges(2), edges(1, ws=2), edges(2), event="E1")
        clock.advance(timedelta(minutes=1))
        async with ledger.changing() as change:
            change.log.append(rows.pin_row(2, None), "E2")
            change.log.append(rows.pin_row(2, NOON))
            change.log.extend(edges(2))
        async with ledger.viewing() as view:
            assert (await view.sync.of(1)).last_applied == Applied("E1", NOON, 5)
            assert (await view.sync.of(2)).last_applied == Applied("E2", NOON + timedelta(minutes=1), 6)
            assert (await view.sync.of(3)).last_applied is None

    async def test_removals_among_many_rows_are_counted(self, ledger: Ledger) -> None:
        """Once each, in the minute of their change."""
        gone = [rows.group_row(1, user, 8, False, 1) for user in range(40)]
        await extend(ledger, [ALIAS] * 4, edges(LEAD_ROWS), gone, edges(10))
        async with ledger.viewing() as view:
            assert await view.log.removals(0) == {int(NOON.timestamp()) // 60: 40}
