"""What every ledger keeps for the consistency protocol: epochs, the fleet, freshness, and a log that ends somewhere."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

import pytest

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import EntityKind
from moorage.access.image import NodeState
from moorage.access.staleness import LaneAge
from moorage.events.topics import IDENTITY
from moorage.permissions import rows
from moorage.permissions.fleet_members import FleetMember
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger
from moorage.permissions.records import SourceKind, SourceSpec, Transport
from moorage.permissions.stores import Lane
from moorage.runtime.clock import FixedClock

NOON = datetime(2026, 11, 24, 12, tzinfo=UTC)
ONE, TWO = UUID(int=1), UUID(int=2)


class BookkeepingContract:
    """Mix in and give `ledger` an empty one whose clock is `clock`."""

    @pytest.fixture
    def clock(self) -> FixedClock:
        """Stands at noon until it is moved."""
        return FixedClock(NOON)

    @pytest.fixture
    async def ledger(self, clock: FixedClock) -> Ledger:
        """An empty ledger."""
        raise NotImplementedError

    async def test_an_epoch_begins_with_the_change_and_not_without(self, ledger: Ledger) -> None:
        """The order of seq goes on; what was undone has never begun."""
        before = await ledger.head()
        with pytest.raises(ZeroDivisionError):
            await self._begin_and_fail(ledger)
        assert await ledger.head() == before
        async with ledger.viewing() as view:
            assert await view.epochs.current() is None
        async with ledger.changing() as change:
            begun = await change.epochs.begin("restored", NOON)
        assert await ledger.head() == ConsistencyToken(before.epoch + 1, before.seq)
        async with ledger.viewing() as view:
            assert await view.epochs.current() == begun
        assert (begun.reason, begun.at) == ("restored", NOON)

    async def _begin_and_fail(self, ledger: Ledger) -> None:
        async with ledger.changing() as change:
            await change.epochs.begin("oops", NOON)
            raise ZeroDivisionError

    async def test_an_epoch_is_beyond_what_anybody_has_seen(self, ledger: Ledger) -> None:
        """A restored ledger may know of fewer epochs than the gateways do."""
        async with ledger.changing() as change:
            assert (await change.epochs.begin("restored", NOON, beyond=6)).id == 7
            assert list(await change.epochs.all()) == [7]

    async def test_positions_of_an_older_epoch_are_unknown(self, ledger: Ledger) -> None:
        """Also if their seq is there."""
        async with ledger.changing() as change:
            change.log.append(rows.pin_row(1, None))
            await change.epochs.begin("restored", NOON)
        async with ledger.viewing() as view:
            with pytest.raises(PositionUnknown):
                await view.log.deltas(ConsistencyToken(1, 0), 10)
            assert [delta.last for delta in await view.log.deltas(ConsistencyToken(2, 0), 10)] == [1]

    async def test_gateways_are_known_until_they_leave(self, ledger: Ledger) -> None:
        """With the newest of their reports, in whatever order those arrive."""
        async with ledger.fleet() as book:
            await book.report(FleetMember(ONE, ConsistencyToken(1, 5), NOON, 900.0))
            await book.report(FleetMember(TWO, ConsistencyToken(1, 4), NOON, None))
            await book.report(FleetMember(ONE, ConsistencyToken(1, 7), NOON + timedelta(seconds=1), 900.0))
            await book.report(FleetMember(ONE, ConsistencyToken(1, 6), NOON, 900.0))
        async with ledger.fleet() as book:
            found = {each.id: each for each in await book.members()}
            assert found[ONE].applied == ConsistencyToken(1, 7)
            assert found[TWO].serves_for is None
            await book.leave(ONE)
            assert [each.id for each in await book.members()] == [TWO]

    async def test_of_one_gateway_the_longest_silence_counts(self, ledger: Ledger) -> None:
        """A report that was under way for long does not shorten what a later one was acknowledged for (§3.2)."""
        told = ((ONE, 300.0), (ONE, 900.0), (ONE, 300.0), (TWO, 300.0), (TWO, None), (TWO, 300.0))
        async with ledger.fleet() as book:
            for at, (id, serves_for) in enumerate(told):
                await book.report(FleetMember(id, ConsistencyToken(1, 5), NOON + timedelta(seconds=at), serves_for))
            found = {each.id: each for each in await book.members()}
        assert (found[ONE].serves_for, found[ONE].seen_at) == (900.0, NOON + timedelta(seconds=2))
        assert found[TWO].serves_for is None
        assert not found[ONE].gone(found[ONE].seen_at + timedelta(seconds=930))
        assert found[ONE].gone(found[ONE].seen_at + timedelta(seconds=931))

    async def test_gateways_that_are_long_gone_are_forgotten(self, ledger: Ledger) -> None:
        """Those that may serve for ever never are."""
        async with ledger.fleet() as book:
            await book.report(FleetMember(ONE, ConsistencyToken(1, 5), NOON, 30.0))
            await book.report(FleetMember(TWO, ConsistencyToken(1, 5), NOON, None))
            await book.forget(NOON + timedelta(seconds=119))
            assert len(await book.members()) == 2
            await book.forget(NOON + timedelta(days=100))
            assert [each.id for each in await book.members()] == [TWO]

    async def test_the_log_forgets_what_is_old(self, ledger: Ledger, clock: FixedClock) -> None:
        """Who comes back later than that takes a snapshot; who comes back in time misses nothing."""
        for _ in range(3):
            async with ledger.changing() as change:
                change.log.append(rows.pin_row(1, None))
                change.log.append(rows.pin_row(2, None))
            clock.advance(timedelta(hours=1))
        assert await ledger.forget(NOON + timedelta(minutes=90)) == 4
        assert await ledger.forget(NOON + timedelta(minutes=90)) == 0
        async with ledger.viewing() as view:
            with pytest.raises(PositionUnknown):
                await view.log.deltas(ConsistencyToken(1, 2), 10)
            assert [delta.last for delta in await view.log.deltas(ConsistencyToken(1, 4), 10)] == [6]
        assert await ledger.forget(NOON + timedelta(hours=9)) == 2
        async with ledger.changing() as change:
            assert change.log.append(rows.pin_row(1, None)) == 7

    async def test_the_log_counts_what_takes_rights_away(self, ledger: Ledger, clock: FixedClock) -> None:
        """By the minute: ends of grants, memberships, users and nodes; neither grants nor what archives (§3.7)."""
        gone = [
            rows.grant_row(1, "repository", 2, "user", 3, 0, 1),
            rows.grant_row(1, "workspace", 1, "group", 4, 0, 1),
            rows.group_row(1, 3, 4, False, 1),
            rows.membership_row(1, 3, 0, 1),
            rows.principal_row(3, "bob", False, 1),
            rows.credential_row(5, 3, False, None),
            rows.node_row(1, 2, 0, rows.STATE_CODES[NodeState.DELETED], 1, EntityKind.REPOSITORY, "x"),
        ]
        kept = [
            rows.grant_row(1, "repository", 2, "user", 3, 1, 1),
            rows.group_row(1, 3, 4, True, 1),
            rows.node_row(1, 2, 0, rows.STATE_CODES[NodeState.ARCHIVED], 1, EntityKind.REPOSITORY, "x"),
            rows.pin_row(1, None),
        ]
        for told in ([*gone, *kept], kept, gone[:2]):
            async with ledger.changing() as change:
                for row in told:
                    change.log.append(row)
            clock.advance(timedelta(minutes=1))
        noon = int(NOON.timestamp()) // 60
        async with ledger.viewing() as view:
            assert await view.log.removals(0) == {noon: 7, noon + 1: 0, noon + 2: 2}
            assert await view.log.removals(len(gone) + 2 * len(kept)) == {noon + 2: 2}
            assert await view.log.removals(view.token.seq) == {}

    async def test_lanes_age_by_their_own_bounds(self, ledger: Ledger) -> None:
        """The identity topic counts for everybody; a bound of a source is told with its lanes."""
        spec = SourceSpec("bitbucket", SourceKind.CONTINUOUS, Transport.KAFKA, bounds={"push": 600.0})
        async with ledger.changing() as change:
            source = await change.sources.declare(spec, None)
            lanes = [Lane(source.id, IDENTITY.name, part) for part in range(IDENTITY.partitions)]
            await change.sources.heard({each: NOON + timedelta(seconds=each.part) for each in lanes})
            await change.sources.heard({})
        async with ledger.viewing() as view:
            freshness = await view.freshness.of(None)
            assert (await view.sources.all())[0].spec == spec
        assert freshness.as_of == NOON
        ages = freshness.ages(NOON + timedelta(seconds=7))
        assert ages[0] == LaneAge(7.0, {"push": 600.0})
        assert len(ages) == IDENTITY.partitions

    async def test_without_lanes_nothing_ages(self, ledger: Ledger) -> None:
        """As with facts that are written by hand."""
        async with ledger.viewing() as view:
            freshness = await view.freshness.of(None)
        assert freshness.as_of is None
        assert freshness.lag(NOON) == 0.0
