"""What every ledger promises to the use cases above: facts, order, positions, pins, and changes whole or not at all."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Delta, EntityKind, RowKind
from moorage.access.problems import FactsRefused
from moorage.permissions import rows
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.lookups import PositionUnknown
from moorage.permissions.ports import Ledger, SourceBusy
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.permissions.slots import Entity
from moorage.permissions.stores import Advance, PositionMoved
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import event, grant, group_member, repository, small_workspace, user, uuid_of, workspace

BRIDGE = SourceSpec("bridge", SourceKind.CONTINUOUS, Transport.HTTP)
STREAM = SourceSpec("stream", SourceKind.CONTINUOUS, Transport.KAFKA)
BY_HAND = SourceSpec("by-hand", SourceKind.MANUAL, Transport.HTTP)
ACME = uuid_of("workspace", "acme")


def records(bodies: Sequence[bytes]) -> list[Record]:
    """The bodies as lines."""
    return [Record(number, body) for number, body in enumerate(bodies, 1)]


class LedgerContract:
    """Mix in and give `ledger` an empty one."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """A ledger at its beginning."""
        raise NotImplementedError

    @pytest.fixture
    def apply(self, ledger: Ledger) -> Apply:
        """The use case that everything arrives by."""
        return Apply(ledger, FixedClock())

    async def declared(self, ledger: Ledger, spec: SourceSpec) -> Source:
        """The source."""
        async with ledger.changing() as change:
            return await change.sources.declare(spec, None)

    async def seq(self, ledger: Ledger) -> int:
        """Where the order ends."""
        return (await ledger.head()).seq

    async def test_it_begins_empty(self, ledger: Ledger) -> None:
        """At the first epoch's beginning."""
        assert await ledger.head() == ConsistencyToken(1, 0)

    async def test_versions_decide(self, ledger: Ledger, apply: Apply) -> None:
        """Higher replaces, equal repeats, lower is dropped (§2.3)."""
        bridge = await self.declared(ledger, BRIDGE)
        answer = await apply.over_http(bridge, records([workspace("v2", version=2)]))
        assert (answer.applied, answer.unchanged, answer.stale_dropped) == (1, 0, 0)
        answer = await apply.over_http(bridge, records([workspace("v2", version=2), user("bob", version=1)]))
        assert (answer.applied, answer.unchanged, answer.stale_dropped) == (1, 1, 0)
        answer = await apply.over_http(bridge, records([workspace("v1", version=1)]))
        assert (answer.applied, answer.unchanged, answer.stale_dropped) == (0, 0, 1)
        async with ledger.viewing() as view:
            assert await view.hierarchy.workspace("v1") is None
            found = await view.hierarchy.workspace("v2")
            assert found is not None
            assert found.version == 2

    async def test_a_batch_is_folded_to_its_highest_versions(self, ledger: Ledger, apply: Apply) -> None:
        """Whatever its order."""
        bridge = await self.declared(ledger, BRIDGE)
        batch = [workspace(f"v{version}", version=version) for version in (2, 5, 3, 5)]
        answer = await apply.over_http(bridge, records(batch))
        assert (answer.applied, answer.unchanged, answer.stale_dropped) == (1, 1, 2)
        async with ledger.viewing() as view:
            assert await view.hierarchy.workspace("v5") is not None

    @pytest.mark.parametrize("roles", [("write", "read"), ("read", "write")])
    async def test_of_two_values_of_one_version_the_lower_privilege_stays(
        self, ledger: Ledger, apply: Apply, roles: tuple[str, str]
    ) -> None:
        """Whichever came first; a newer version settles it."""
        bridge = await self.declared(ledger, BRIDGE)
        await apply.over_http(bridge, records([workspace(version=1), repository("hello", version=1)]))
        for role, conflicts in zip(roles, (0, 1), strict=True):
            answer = await apply.over_http(bridge, records([grant("repository:hello", "user:bob", role, version=2)]))
            assert answer.conflicts == conflicts
        assert await self.role_of_bob(ledger) == 1
        await apply.over_http(bridge, records([grant("repository:hello", "user:bob", "write", version=3)]))
        assert await self.role_of_bob(ledger) == 2

    async def role_of_bob(self, ledger: Ledger) -> int:
        """Bob's role on hello, as the newest row says it."""
        async with ledger.viewing() as view:
            deltas = await view.log.deltas(ConsistencyToken(1, 0), 1000)
        told = [row for delta in deltas for row in delta.rows if row[0] == RowKind.USER_REPOSITORY]
        return told[-1][4]

    async def test_a_conflict_inside_one_batch_is_a_conflict(self, ledger: Ledger, apply: Apply) -> None:
        """Folding follows the same rule."""
        bridge = await self.declared(ledger, BRIDGE)
        batch = [grant("repository:hello", "user:bob", role, version=2) for role in ("write", "read", "admin")]
        answer = await apply.over_http(bridge, records([workspace(version=1), *batch]))
        assert answer.conflicts == 1
        assert await self.role_of_bob(ledger) == 1

    async def test_a_newer_version_of_the_same_value_says_nothing(self, ledger: Ledger, apply: Apply) -> None:
        """But is remembered, so that what lies between stays out."""
        bridge = await self.declared(ledger, BRIDGE)
        await apply.over_http(bridge, records([workspace("acme", version=1)]))
        before = await self.seq(ledger)
        await apply.over_http(bridge, records([workspace("acme", version=5)]))
        assert await self.seq(ledger) == before
        answer = await apply.over_http(bridge, records([workspace("other", version=4)]))
        assert answer.stale_dropped == 1

    async def test_a_removal_is_remembered(self, ledger: Ledger, apply: Apply) -> None:
        """A late "added" does not revive (R108)."""
        bridge = await self.declared(ledger, BRIDGE)
        facts = [workspace(version=1), group_member("g", "bob", present=False, version=9)]
        await apply.over_http(bridge, records(facts))
        answer = await apply.over_http(bridge, records([group_member("g", "bob", version=8)]))
        assert answer.stale_dropped == 1

    async def test_facts_written_by_hand_are_numbered(self, ledger: Ledger, apply: Apply) -> None:
        """Only if the value differs, and above every version that was given (H5)."""
        source = await self.declared(ledger, BY_HAND)
        await apply.over_http(source, records([workspace("one"), workspace("two")]))
        answer = await apply.over_http(source, records([workspace("two")]))
        assert (answer.applied, answer.unchanged) == (0, 1)
        await apply.over_http(source, records([workspace("high", version=100)]))
        answer = await apply.over_http(source, records([workspace("higher"), user("bob")]))
        assert answer.applied == 2
        async with ledger.viewing() as view:
            found = await view.hierarchy.workspace("higher")
            assert found is not None
            assert found.version == 101

    async def test_a_bad_line_by_hand_refuses_the_batch(self, ledger: Ledger, apply: Apply) -> None:
        """Nothing is applied, and nothing is pinned (H4)."""
        source = await self.declared(ledger, BY_HAND)
        before = await self.seq(ledger)
        with pytest.raises(FactsRefused) as refused:
            await apply.over_http(source, records([workspace(), b"{}", user("bob"), b"[]"]))
        assert [each["line"] for each in refused.value.members["refused"]] == [2, 4]
        assert await self.seq(ledger) == before

    async def test_a_bad_line_of_a_bridge_pins_its_workspace(self, ledger: Ledger, apply: Apply) -> None:
        """The rest is applied; a newer version of the key frees the workspace (§3.7)."""
        bridge = await self.declared(ledger, BRIDGE)
        poison = workspace("acme", version=2).replace(b'"active"', b'"asleep"')
        answer = await apply.over_http(bridge, records([workspace(version=1), poison, user("bob", version=1)]))
        assert (answer.applied, [each["reason"] for each in answer.refused]) == (2, ["schema"])
        assert await self.pins(ledger) == [1]
        await apply.over_http(bridge, records([poison]))
        assert await self.pins(ledger) == [1]
        await apply.over_http(bridge, records([workspace("acme", version=3)]))
        assert await self.pins(ledger) == [1, 0]

    @pytest.mark.parametrize(
        ("versions", "told"),
        [((1, "poison", 3), [1, 0]), ((3, "poison"), [1]), ((3, "poison", 3), [1]), ((3, "poison", 2), [1])],
    )
    async def test_only_what_comes_behind_a_bad_line_frees_its_workspace(
        self, ledger: Ledger, apply: Apply, versions: Sequence[int | str], told: list[int]
    ) -> None:
        """In one batch as in several: what came before the bad line knows nothing of it, nor does a repetition."""
        poison = workspace("acme", version=2).replace(b'"active"', b'"asleep"')
        batch = [poison if each == "poison" else workspace(f"v{each}", version=int(each)) for each in versions]
        bridge = await self.declared(ledger, BRIDGE)
        await apply.over_http(bridge, records(batch))
        assert await self.pins(ledger) == told

    async def test_a_source_whose_clock_is_ahead_still_ages(self, ledger: Ledger, apply: Apply) -> None:
        """It has said nothing that is newer than its saying so."""
        bridge = await self.declared(ledger, BRIDGE)
        beat = {"source": "bridge", "as_of": "2999-01-01T00:00:00Z"}
        await apply.over_http(bridge, records([event("scm.heartbeat", "hb:bridge", beat)]))
        async with ledger.viewing() as view:
            assert await view.sources.lanes() == {f"s{bridge.id}": int(FixedClock().now().timestamp() * 1000)}

    async def test_a_bad_line_without_a_workspace_holds_the_lane(self, ledger: Ledger, apply: Apply) -> None:
        """Heartbeats do not move it."""
        bridge = await self.declared(ledger, BRIDGE)
        beat = {"source": "bridge", "as_of": "2026-11-23T10:00:00Z"}
        await apply.over_http(bridge, records([workspace(version=1), event("scm.heartbeat", "hb:bridge", beat)]))
        held_since = int(FixedClock().now().timestamp() * 1000)
        await apply.over_http(bridge, records([b"not json"]))
        later = event("scm.heartbeat", "hb:bridge", {**beat, "as_of": "2026-12-24T10:00:00Z"})
        await apply.over_http(bridge, records([later]))
        async with ledger.viewing() as view:
            assert await view.sources.lanes() == {f"s{bridge.id}": held_since}

    async def pins(self, ledger: Ledger) -> list[int]:
        """What the log says about pins, in order."""
        async with ledger.viewing() as view:
            deltas = await view.log.deltas(ConsistencyToken(1, 0), 1000)
        return [row[4] for delta in deltas for row in delta.rows if row[0] == RowKind.PIN]

    @pytest.mark.parametrize(
        ("spec", "body", "reason"),
        [
            (BRIDGE, workspace(), "version_missing"),
            (
                BY_HAND,
                event("scm.heartbeat", "hb:by-hand", {"source": "by-hand", "as_of": "2026-11-23T10:00:00Z"}),
                "heartbeat",
            ),
            (BRIDGE, event("scm.heartbeat", "hb:x", {"source": "x", "as_of": "2026-11-23T10:00:00Z"}), "source"),
            (BRIDGE, event("scm.snapshot.started", f"sn:{ACME}", {"workspace": str(ACME), "snapshot": "1"}), "version"),
            (SourceSpec("other", SourceKind.CONTINUOUS, Transport.HTTP, event_source="/x"), workspace(version=1), "so"),
            (
                SourceSpec("other", SourceKind.CONTINUOUS, Transport.HTTP, workspaces=frozenset()),
                workspace(version=1),
                "so",
            ),
            (
                SourceSpec("other", SourceKind.CONTINUOUS, Transport.HTTP, types=frozenset({"x"})),
                workspace(version=1),
                "so",
            ),
        ],
    )
    async def test_a_source_says_only_what_it_may(
        self, ledger: Ledger, apply: Apply, spec: SourceSpec, body: bytes, reason: str
    ) -> None:
        """Type, workspace, heartbeats and versions are judged before anything is applied."""
        source = await self.declared(ledger, spec)
        try:
            refused = (await apply.over_http(source, records([body]))).refused
        except FactsRefused as problem:
            refused = problem.members["refused"]
        assert [each["reason"].startswith(reason) for each in refused] == [True]

    async def test_a_repository_that_appears_elsewhere_has_left(self, ledger: Ledger, apply: Apply) -> None:
        """Whichever of the two facts comes first (§2.2)."""
        here = [workspace(version=1), repository("hello", version=5)]
        there = [workspace("new", version=1, of="new"), repository("hello", version=7, of="new")]
        for first, second in ((here, there), (there, here)):
            bridge = await self.declared(ledger, BRIDGE)
            await apply.over_http(bridge, records(first))
            await apply.over_http(bridge, records(second))
            async with ledger.viewing() as view:
                old, new = await view.hierarchy.workspace("acme"), await view.hierarchy.workspace("new")
                assert old is not None
                assert new is not None
                assert await view.hierarchy.repository_by_slug(old.alias, "hello") is None
                assert await view.hierarchy.repository_by_slug(new.alias, "hello") is not None

    async def test_a_repository_that_appears_elsewhere_and_ends_there_has_left(
        self, ledger: Ledger, apply: Apply
    ) -> None:
        """Also if both is told in one batch (§2.2)."""
        bridge = await self.declared(ledger, BRIDGE)
        await apply.over_http(bridge, records([workspace(version=1), repository("hello", version=5)]))
        there = [repository("hello", state, version, of="new") for version, state in ((7, "active"), (8, "deleted"))]
        await apply.over_http(bridge, records([workspace("new", version=1, of="new"), *there]))
        async with ledger.viewing() as view:
            old = await view.hierarchy.workspace("acme")
            assert old is not None
            assert await view.hierarchy.repository_by_slug(old.alias, "hello") is None

    async def test_a_repository_that_ended_elsewhere_has_left_by_whatever_facts_are_kept(
        self, ledger: Ledger, apply: Apply
    ) -> None:
        """Also if the fact that placed it there was compacted away, and in either order (§2.2, R109)."""
        bridge = await self.declared(ledger, BRIDGE)
        await apply.over_http(bridge, records([workspace(version=1), workspace("new", version=2, of="new")]))
        for name, order in (("hello", 1), ("ledger", -1)):
            told = [repository(name, version=5), repository(name, "deleted", version=8, of="new")]
            for fact in told[::order]:
                await apply.over_http(bridge, records([fact]))
            async with ledger.viewing() as view:
                old = await view.hierarchy.workspace("acme")
                assert old is not None
                assert await view.hierarchy.repository_by_slug(old.alias, name) is None

    async def test_a_position_moves_once(self, ledger: Ledger, apply: Apply) -> None:
        """Of two consumers of a partition one applies, the other learns it (R111)."""
        stream = await self.declared(ledger, STREAM)
        step = Advance("t", 3, 0, 2)
        batch = records([workspace(version=1), user("bob", version=1)])
        outcomes = await asyncio.gather(
            *(apply.over_kafka([stream], batch, step) for _ in range(4)), return_exceptions=True
        )
        assert sum(isinstance(each, PositionMoved) for each in outcomes) == 3
        async with ledger.viewing() as view:
            assert await view.positions.of("t", 3) == 2
            assert await view.positions.of("t", 4) == 0

    async def test_positions_move_together_or_not_at_all(self, ledger: Ledger) -> None:
        """Whoever has lost one of the partitions of a change has applied nothing of the others."""
        async with ledger.changing() as change:
            await change.intake.advance([Advance("t", 1, 0, 4), Advance("t", 2, 0, 4)])
        with pytest.raises(PositionMoved):
            await self._advance(ledger, Advance("t", 1, 4, 5), Advance("t", 2, 3, 5))
        async with ledger.viewing() as view:
            assert [await view.positions.of("t", part) for part in (1, 2)] == [4, 4]

    async def _advance(self, ledger: Ledger, *steps: Advance) -> None:
        async with ledger.changing() as change:
            await change.intake.advance(steps)

    async def test_a_batch_that_lost_its_partition_leaves_nothing(self, ledger: Ledger, apply: Apply) -> None:
        """Neither facts nor dead letters nor a seq."""
        stream = await self.declared(ledger, STREAM)
        before = await self.seq(ledger)
        with pytest.raises(PositionMoved):
            await apply.over_kafka([stream], records([workspace(version=1), b"x"]), Advance("t", 0, 7, 9))
        assert await self.seq(ledger) == before
        async with ledger.viewing() as view:
            assert await view.hierarchy.workspace("acme") is None

    async def test_a_change_that_fails_leaves_nothing(self, ledger: Ledger) -> None:
        """Not even an alias or a seq."""
        entity = Entity(EntityKind.USER, None, uuid_of("user", "bob"))
        with pytest.raises(LookupError):
            await self.intern_and_fail(ledger, entity)
        assert await self.seq(ledger) == 0
        async with ledger.changing() as change:
            await change.facts.intern([entity])
            assert change.log.token.seq == 1

    async def intern_and_fail(self, ledger: Ledger, entity: Entity) -> None:
        """A change that breaks off."""
        async with ledger.changing() as change:
            await change.facts.intern([entity])
            raise LookupError

    async def test_a_cancelled_change_leaves_nothing(self, ledger: Ledger) -> None:
        """And the next one gets its turn."""
        holding, go_on = asyncio.Event(), asyncio.Event()

        async def hold() -> None:
            async with ledger.changing() as change:
                await change.facts.intern([Entity(EntityKind.USER, None, uuid_of("user", "bob"))])
                holding.set()
                await go_on.wait()

        task = asyncio.create_task(hold())
        await holding.wait()
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        async with ledger.changing() as change:
            assert change.log.token.seq == 0

    async def test_a_source_has_one_batch_in_flight(self, ledger: Ledger) -> None:
        """The second is refused, not queued (H1); other sources wait their turn."""
        one, other = await self.declared(ledger, BRIDGE), await self.declared(ledger, BY_HAND)
        async with ledger.changing(one.id):
            with pytest.raises(SourceBusy):
                async with ledger.changing(one.id):
                    raise AssertionError("two batches of one source are open")
        for source in (one, other):
            async with ledger.changing(source.id) as change:
                assert change.log.token == await ledger.head()

    async def test_order_is_dense_under_concurrent_changes(self, ledger: Ledger) -> None:
        """Commit order is seq order (R83)."""

        async def one(number: int) -> None:
            async with ledger.changing() as change:
                for _ in range(3):
                    change.log.append(rows.pin_row(number, None))

        await asyncio.gather(*(one(number) for number in range(1, 21)))
        told: list[int] = []
        async with ledger.viewing() as view:
            while len(told) < view.token.seq:
                for delta in await view.log.deltas(ConsistencyToken(1, len(told)), 7):
                    assert delta.first == len(told)
                    told += [row[1] for row in delta.rows]
                    assert delta.last == len(told)
        assert len(told) == 60
        assert all(told[at] == told[at + 1] == told[at + 2] for at in range(0, len(told), 3))

    async def test_positions_out_of_reach_are_unknown(self, ledger: Ledger, apply: Apply) -> None:
        """Nothing is made up (R82)."""
        source = await self.declared(ledger, BY_HAND)
        await apply.over_http(source, records(small_workspace()))
        async with ledger.viewing() as view:
            for position in (ConsistencyToken(1, view.token.seq + 1), ConsistencyToken(2, 0)):
                with pytest.raises(PositionUnknown):
                    await view.log.deltas(position, 10)
            assert await view.log.deltas(view.token, 10) == []

    async def test_who_waits_is_told(self, ledger: Ledger) -> None:
        """A change ends the wait."""
        head = await ledger.head()
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(ledger.changed(head, within=30))
            async with ledger.changing() as change:
                change.log.append(rows.pin_row(1, datetime(2026, 1, 1, tzinfo=UTC)))
        assert (await waiting).seq == 1

    async def test_a_view_stands_still(self, ledger: Ledger) -> None:
        """What is changed meanwhile is not in it."""
        async with ledger.viewing() as view:
            async with ledger.changing() as change:
                change.log.append(rows.pin_row(1, None))
            assert await view.log.deltas(view.token, 10) == []
            found: Sequence[Delta] = await view.log.deltas(ConsistencyToken(1, 0), 10)
            assert found == []
