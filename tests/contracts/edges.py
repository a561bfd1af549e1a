"""What every ledger promises of edges that are told together: by columns or one by one, the rule is the same (§2.3)."""

import json
from collections.abc import Sequence

import pytest

from moorage.access import wire
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import RowKind
from moorage.events.plain_edges import EdgeReader
from moorage.permissions.apply import Apply, Counts, Stretch
from moorage.permissions.batches import Record, Sorted, sort_batch
from moorage.permissions.edges import place
from moorage.permissions.ports import Ledger
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.permissions.stores import Advance
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import grant, group_member, project, repository, user, workspace

BRIDGE = SourceSpec("bridge", SourceKind.CONTINUOUS, Transport.HTTP)


def from_elsewhere(fact: bytes) -> bytes:
    """The same, as another process of the source writes it."""
    return fact.replace(b'"source":"/tests"', b'"source":"/other"')


class EdgesContract:
    """Mix in and give `ledger` an empty one. What is written with blanks is not read the shortest way."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """A ledger at its beginning."""
        raise NotImplementedError

    @pytest.fixture
    async def bridge(self, ledger: Ledger) -> Source:
        """The source that feeds the workspace."""
        async with ledger.changing() as change:
            source = await change.sources.declare(BRIDGE, None)
        known = [workspace(version=1), repository("hello", version=1), group_member("devs", "ann", version=1)]
        await self.tell(ledger, source, [*known, grant("repository:hello", "user:ann", "read", version=9)])
        return source

    @pytest.fixture(params=["by columns", "one by one"])
    def by_columns(self, request: pytest.FixtureRequest) -> bool:
        """How they are read."""
        return bool(request.param == "by columns")

    async def tell(self, ledger: Ledger, source: Source, facts: Sequence[bytes]) -> wire.IngestAnswer:
        """One batch."""
        records = [Record(number, body) for number, body in enumerate(facts, 1)]
        return await Apply(ledger, FixedClock()).over_http(source, records)

    async def told(
        self, ledger: Ledger, source: Source, facts: Sequence[bytes], by_columns: bool
    ) -> tuple[int, int, int, int]:
        """What became of a batch: applied, unchanged, stale, conflicts."""
        bodies = facts if by_columns else [json.dumps(json.loads(each)).encode() for each in facts]
        answer = await self.tell(ledger, source, bodies)
        return answer.applied, answer.unchanged, answer.stale_dropped, answer.conflicts

    async def values(self, ledger: Ledger, kind: RowKind) -> list[int]:
        """What the rows of a kind have said, one after the other."""
        async with ledger.viewing() as view:
            deltas = await view.log.deltas(ConsistencyToken(1, 0), 1000)
        return [row[4] for delta in deltas for row in delta.rows if row[0] == kind]

    async def facts(self, ledger: Ledger) -> int:
        """How many facts of the workspace count for its checksum."""
        async with ledger.viewing() as view:
            held = await view.authorities.of(range(1, 100))
        return sum(each.facts for each in held.values())

    async def test_of_a_place_that_comes_twice_the_highest_version_stays(
        self, ledger: Ledger, bridge: Source, by_columns: bool
    ) -> None:
        """Readers hear of that one only."""
        before = await self.facts(ledger)
        versions = [(True, 2), (False, 3), (True, 2), (False, 3)]
        twice = [group_member("devs", "bob", present, version) for present, version in versions]
        both = [*twice, group_member("devs", "cleo", version=4)]
        assert await self.told(ledger, bridge, both, by_columns) == (2, 1, 2, 0)
        assert await self.values(ledger, RowKind.USER_GROUP) == [1, 0, 1]
        assert await self.facts(ledger) == before + 1

    async def test_two_values_of_one_version_are_a_conflict(
        self, ledger: Ledger, bridge: Source, by_columns: bool
    ) -> None:
        """The lower privilege stays; behind a newer version nobody minds."""
        for whom, version, outcome in (("bob", 5, (1, 0, 0, 1)), ("ann", 8, (0, 0, 1, 0))):
            batch = [grant("repository:hello", f"user:{whom}", role, version) for role in ("write", "read", "admin")]
            assert await self.told(ledger, bridge, batch, by_columns) == outcome
        assert await self.values(ledger, RowKind.USER_REPOSITORY) == [1, 1]

    async def test_a_conflict_with_what_is_stored_is_counted_once(
        self, ledger: Ledger, bridge: Source, by_columns: bool
    ) -> None:
        """However often the batch says it."""
        batch = [grant("repository:hello", "user:ann", role, 9) for role in ("write", "admin")]
        assert await self.told(ledger, bridge, batch, by_columns) == (0, 0, 0, 1)

    async def test_two_writers_of_a_source_may_tell_of_one_place(
        self, ledger: Ledger, bridge: Source, by_columns: bool
    ) -> None:
        """Also of somebody who was never heard of."""
        batch = [group_member("devs", "bob", version=2), from_elsewhere(group_member("devs", "bob", False, version=3))]
        assert await self.told(ledger, bridge, batch, by_columns) == (1, 0, 1, 0)
        assert await self.values(ledger, RowKind.USER_GROUP) == [1, 0]

    async def test_a_place_that_comes_twice_is_stored_by_columns(self, ledger: Ledger, bridge: Source) -> None:
        """A membership that ends soon after it began must not cost what twenty others do."""
        bodies = [group_member("devs", "bob", present, version) for present, version in ((True, 2), (False, 3))]
        records = [Record(number, body) for number, body in enumerate(bodies)]
        groups = sort_batch(records, [bridge], reader=EdgeReader()).edges.values()
        async with ledger.changing() as change:
            placed = await place(change, groups)
            assert placed is not None
            assert [each.version for folded in placed for each in folded.edges.told] == [3]

    async def test_a_change_knows_what_it_has_written_itself(
        self, ledger: Ledger, bridge: Source, by_columns: bool
    ) -> None:
        """Also of what it was the first to name: such a change has several stretches of one partition."""
        told = [
            [group_member("devs", "zoe", version=20), user("zoe", version=20), project("NEW", version=20)],
            [group_member("devs", "zoe", False, version=21), user("zoe", False, version=21)],
            [group_member("devs", "zoe", version=20), user("zoe", version=20), project("NEW", version=20)],
        ]
        stretches = [
            Stretch(self.read(bridge, facts, by_columns), [bridge], Advance("t", 1, at, at + 1))
            for at, facts in enumerate(told)
        ]
        async with ledger.changing() as change:
            done = await Apply(ledger, FixedClock()).within(change, stretches)
        assert [counts for counts, _ in done] == [Counts(applied=3), Counts(applied=2), Counts(unchanged=1, stale=2)]

    def read(self, source: Source, facts: Sequence[bytes], by_columns: bool) -> Sorted:
        """A batch that has been read."""
        bodies = facts if by_columns else [json.dumps(json.loads(each)).encode() for each in facts]
        return sort_batch([Record(at, each) for at, each in enumerate(bodies)], [source], reader=EdgeReader())
