"""Both ledgers keep the same books for the consistency protocol."""

from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import UUID

import pytest

from contracts.bookkeeping import NOON, BookkeepingContract
from moorage.access.consistency import ConsistencyToken
from moorage.permissions.fleet_members import Fleet, FleetMember
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.ports import Ledger
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.runtime.clock import FixedClock
from moorage.runtime.postgres import Database

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


class TestMemoryBooks(BookkeepingContract):
    """In memory."""

    @pytest.fixture
    async def ledger(self, clock: FixedClock) -> Ledger:
        """See the contract."""
        return MemoryLedger(clock)


class TestPostgresBooks(BookkeepingContract):
    """In PostgreSQL."""

    @pytest.fixture
    async def ledger(self, clock: FixedClock, permissions_dsn: str) -> AsyncIterator[Ledger]:
        """See the contract."""
        async with await Database.open(permissions_dsn, "permissions") as database:
            yield PostgresLedger(database, clock)


def test_the_slowest_gateway_is_the_minimum() -> None:
    """One of an older epoch is behind all of the newer one."""
    old = FleetMember(ONE, ConsistencyToken(1, 900), NOON, 900.0)
    new = FleetMember(TWO, ConsistencyToken(2, 5), NOON, 900.0)
    fleet = Fleet.of([old, new], NOON)
    assert fleet.minimum == ConsistencyToken(1, 900)
    assert not fleet.reached(ConsistencyToken(2, 1))
    assert (fleet.confirmed(ConsistencyToken(2, 1)), fleet.waiting(ConsistencyToken(2, 1))) == ([TWO], [ONE])


def test_a_silent_gateway_counts_as_long_as_it_could_serve() -> None:
    """And half a minute more; then it is gone. One that may serve for ever is listed as unconfirmed, and waited for."""
    silent = FleetMember(ONE, ConsistencyToken(1, 5), NOON, 900.0)
    stale = FleetMember(TWO, ConsistencyToken(1, 5), NOON, None)
    alive = FleetMember(THREE, ConsistencyToken(1, 9), NOON + timedelta(seconds=931), 900.0)
    early = Fleet.of([silent, stale, alive], NOON + timedelta(seconds=929))
    late = Fleet.of([silent, stale, alive], NOON + timedelta(seconds=931))
    assert early.waiting(ConsistencyToken(1, 9)) == [ONE, TWO]
    assert late.waiting(ConsistencyToken(1, 9)) == [TWO]
    assert late.unconfirmed == [TWO]
    assert Fleet.of([], NOON).minimum is None


async def test_news_of_another_process_are_heard_before_the_next_poll(permissions_dsn: str) -> None:
    """A hint: whoever waits would see it anyway, a little later."""
    async with (
        await Database.open(permissions_dsn, "permissions", size=4) as one,
        await Database.open(permissions_dsn, "permissions", size=4) as other,
    ):
        listening, changing = PostgresLedger(one, FixedClock()), PostgresLedger(other, FixedClock())
        async with listening.news():
            before = await listening.head()
            async with changing.changing() as change:
                await change.epochs.begin("restored", NOON)
            assert await listening.changed(before, 5.0) != before
