"""What every ledger promises to reconciliation: snapshots, sweeps, checksums, pins, authorities, the express lane."""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from moorage.access import wire
from moorage.access.audit import Deed
from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import RowKind
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.problems import FactsRefused
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.apply import Apply
from moorage.permissions.audit_trail import AuditQuery
from moorage.permissions.batches import Record
from moorage.permissions.ports import Ledger
from moorage.permissions.reconcile.oversight import DecideSweepRequest, LettersQuery, Oversight, ReleaseRequest
from moorage.permissions.reconcile_stores import RunState
from moorage.permissions.records import Source, SourceKind, SourceSpec, Transport
from moorage.permissions.source_requests import SourceRequests
from moorage.permissions.stores import Advance
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import (
    event,
    grant,
    group,
    group_member,
    member,
    project,
    repository,
    user,
    uuid_of,
    workspace,
)
from permissions.sample_snapshots import checksum, completed, heartbeat, started, tagged, timed, whole

BRIDGE = SourceSpec("bridge", SourceKind.CONTINUOUS, Transport.HTTP)
OTHER = SourceSpec("other", SourceKind.CONTINUOUS, Transport.HTTP)
STREAM = SourceSpec("stream", SourceKind.CONTINUOUS, Transport.KAFKA)
BY_HAND = SourceSpec("by-hand", SourceKind.MANUAL, Transport.HTTP)
ACME, HELLO = uuid_of("workspace", "acme"), uuid_of("repository", "hello")
NOW = FixedClock().now()


def before(seconds: float) -> str:
    """So long ago."""
    return (NOW - timedelta(seconds=seconds)).isoformat()


def site(version: int = 1) -> list[bytes]:
    """acme with a project, a repository, and bob in a group that writes."""
    return [
        workspace(version=version),
        project(version=version),
        repository("hello", version=version),
        group("devs", version=version),
        group_member("devs", "bob", version=version),
        grant("project:PAY", "group:devs", "write", version),
        grant("repository:hello", "user:carol", "read", version),
    ]


OPERATOR = wire.IdentityBody.of(Identity(Principal(PrincipalKind.SERVICE, uuid_of("credential", "operator"))))


class ReconcileContract:
    """Mix in and give `ledger` an empty one."""

    @pytest.fixture
    async def ledger(self) -> Ledger:
        """A ledger at its beginning."""
        raise NotImplementedError

    @pytest.fixture
    def apply(self, ledger: Ledger) -> Apply:
        """The use case that everything arrives by."""
        return Apply(ledger, FixedClock())

    @pytest.fixture
    def oversight(self, ledger: Ledger) -> Oversight:
        """What the operator decides."""
        return Oversight(ledger, FixedClock())

    async def declared(self, ledger: Ledger, spec: SourceSpec) -> Source:
        """The source."""
        async with ledger.changing() as change:
            return await change.sources.declare(spec, None)

    async def send(self, apply: Apply, source: Source, *bodies: bytes) -> list[str]:
        """Sends a batch; answers the reasons of refusals."""
        records = [Record(number, body) for number, body in enumerate(bodies, 1)]
        return [each["reason"] for each in (await apply.over_http(source, records)).refused]

    async def facts(self, ledger: Ledger) -> set[tuple[object, ...]]:
        """What is there: kinds, names and values of acme's rows."""
        async with ledger.viewing() as view:
            found = await view.hierarchy.workspace_by_id(ACME)
            told = await view.snapshots.rows(found) if found else []
        names: dict[int, object] = {0: "-"}
        names |= {row[2]: row[6]["uuid"] for row in told if row[0] == RowKind.INTERN and len(row) == 7}
        there = [row for row in told if row[0] not in (RowKind.INTERN, RowKind.PIN) and row[4] not in _gone(row[0])]
        return {(RowKind(row[0]).name, names[row[2]], names.get(row[3], row[3]), row[4]) for row in there}

    async def pinned(self, ledger: Ledger) -> datetime | None:
        """Since when acme is pinned."""
        async with ledger.changing() as change:
            found = await change.hierarchy.workspace_by_id(ACME)
            return await change.intake.pins(found.alias) if found else None

    async def state(self, ledger: Ledger, id: int) -> RunState | None:
        """Where a run stands."""
        async with ledger.viewing() as view:
            run = await view.runs.by_id(id)
            return run.state if run else None

    # Snapshots

    async def test_a_snapshot_ends_what_it_does_not_have(self, ledger: Ledger, apply: Apply) -> None:
        """Absence is a removal at the snapshot's position; what is newer stays (R113)."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site(), grant("repository:hello", "user:dora", "admin", 60))
        kept = [*site()[:4], grant("project:PAY", "group:devs", "read", 20), group_member("devs", "eve", version=21)]
        assert await self.send(apply, bridge, *whole("s1", 50, kept)) == []
        told = {each for each in await self.facts(ledger) if each[0] not in ("NODE", "WORKSPACE")}
        devs, names = str(uuid_of("group", "devs")), {name: str(uuid_of("user", name)) for name in ("eve", "dora")}
        assert told == {
            ("GROUP_PROJECT", devs, str(uuid_of("project", "PAY")), 1),
            ("USER_GROUP", names["eve"], devs, 1),
            ("USER_REPOSITORY", names["dora"], str(HELLO), 3),
        }

    async def test_nothing_late_revives_what_a_snapshot_has_ended(self, ledger: Ledger, apply: Apply) -> None:
        """Neither a fact that was stored nor one that came nowhere near us before (R108)."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site())
        await self.send(apply, bridge, *whole("s1", 50, site()[:4]))
        was = await self.facts(ledger)
        late = [grant("repository:hello", "user:zoe", "admin", 49), group_member("devs", "bob", version=50)]
        records = [Record(number, body) for number, body in enumerate(late, 1)]
        assert (await apply.over_http(bridge, records)).stale_dropped == 2
        assert await self.facts(ledger) == was
        await self.send(apply, bridge, group_member("devs", "bob", version=51))
        assert await self.facts(ledger) != was

    async def test_a_snapshot_may_come_in_any_number_of_batches(self, ledger: Ledger, apply: Apply) -> None:
        """Also repeated and out of order; nothing is applied before its end (H6)."""
        bridge = await self.declared(ledger, BRIDGE)
        first, *middle, last = whole("s1", 50, site(7))
        await self.send(apply, bridge, first)
        for each in [*reversed(middle), *middle, first]:
            await self.send(apply, bridge, each)
        assert await self.facts(ledger) == set()
        assert await self.send(apply, bridge, last, last) == []
        assert len(await self.facts(ledger)) == 7

    @pytest.mark.parametrize("claim", [{"facts": 3}, {"checksum": "9f3a"}])
    async def test_a_snapshot_that_is_not_whole_is_refused(
        self, ledger: Ledger, apply: Apply, claim: dict[str, Any]
    ) -> None:
        """Nothing of it is applied, its workspace is held, and another one is asked for."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site())
        was = await self.facts(ledger)
        body = [started("s1", 50), tagged(site(9)[0], "s1"), completed("s1", site(9)[:1], **claim)]
        (reason,) = await self.send(apply, bridge, *body)
        assert reason in ("snapshot_count", "snapshot_checksum")
        assert await self.facts(ledger) == was
        assert await self.pinned(ledger) is not None
        waiting = await SourceRequests(ledger, FixedClock()).waiting(bridge, 0)
        assert [(each.kind, each.workspace) for each in waiting.requests] == [("snapshot", ACME)]
        await self.send(apply, bridge, *whole("s2", 60, site(9)))
        assert await self.pinned(ledger) is None
        assert (await SourceRequests(ledger, FixedClock()).waiting(bridge, 0)).requests == []

    async def test_a_snapshot_without_its_workspace_is_refused(self, ledger: Ledger, apply: Apply) -> None:
        """An empty answer of a code host must not read as the end of everything."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site())
        assert await self.send(apply, bridge, *whole("s1", 50, [])) == ["snapshot_workspace"]

    async def test_another_snapshot_abandons_the_first(self, ledger: Ledger, apply: Apply) -> None:
        """Late facts and ends of the first change nothing and are no fault."""
        bridge = await self.declared(ledger, BRIDGE)
        first, second = whole("s1", 40, site()), whole("s2", 50, site(2)[:4])
        await self.send(apply, bridge, *first[:4], second[0])
        assert await self.send(apply, bridge, *first[4:]) == []
        assert await self.state(ledger, 1) is RunState.ABANDONED
        await self.send(apply, bridge, *second[1:])
        assert len(await self.facts(ledger)) == 4

    async def test_a_tagged_fact_of_no_snapshot_is_refused(self, ledger: Ledger, apply: Apply) -> None:
        """Its workspace is held: the begin of the snapshot may have been lost."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, workspace(version=1))
        assert await self.send(apply, bridge, tagged(site()[1], "s9")) == ["snapshot_unknown"]
        assert await self.pinned(ledger) == NOW

    async def test_facts_go_on_being_applied_meanwhile(self, ledger: Ledger, apply: Apply) -> None:
        """And the newer of the two counts in the end."""
        bridge = await self.declared(ledger, BRIDGE)
        first, *rest = whole("s1", 50, site(2))
        await self.send(apply, bridge, *site(), first, *rest[:3])
        await self.send(apply, bridge, grant("repository:hello", "user:carol", "admin", 70))
        await self.send(apply, bridge, *rest[3:])
        told = await self.facts(ledger)
        assert ("USER_REPOSITORY", str(uuid_of("user", "carol")), str(HELLO), 3) in told

    async def test_a_snapshot_by_hand_needs_no_versions(self, ledger: Ledger, apply: Apply) -> None:
        """It gets the source's next number, and what was told after its begin is newer (H5)."""
        hand = await self.declared(ledger, BY_HAND)
        bare = [workspace(), project(), repository("hello"), member("ada", "owner")]
        await self.send(apply, hand, *bare, member("bob", "member"))
        first, *rest = whole("s1", None, bare)
        await self.send(apply, hand, first)
        await self.send(apply, hand, member("carol", "member"))
        await self.send(apply, hand, *rest)
        roles = {each[1] for each in await self.facts(ledger) if each[0] == "WORKSPACE_ROLE"}
        assert roles == {str(uuid_of("user", "ada")), str(uuid_of("user", "carol"))}
        await self.send(apply, hand, member("bob", "owner"))
        assert len({each for each in await self.facts(ledger) if each[0] == "WORKSPACE_ROLE"}) == 3

    async def test_applying_goes_on_after_every_crash(self, ledger: Ledger) -> None:
        """Each step is durable; whoever comes next goes on where the last one stopped."""
        stream, part = await self.declared(ledger, STREAM), AUTHORITY.partition_of(ACME)
        kept = [*site(3)[:4], *(grant("repository:hello", f"user:u{n}", "read", 9) for n in range(5))]
        await self.records(ledger, stream, "scm.authority.x", part, *site(), *whole("s1", 50, kept))
        steps = 0
        while await Apply(ledger, FixedClock(), step=2).snapshots.advance():
            steps += 1
        assert steps > 5
        assert len(await self.facts(ledger)) == 9
        assert await self.state(ledger, 1) is RunState.DONE

    # The brake

    async def test_a_great_sweep_waits_for_the_operator(
        self, ledger: Ledger, apply: Apply, oversight: Oversight
    ) -> None:
        """Held, nothing applied, the workspace pinned; then confirmed."""
        bridge = await self.many(ledger, apply)
        was = await self.facts(ledger)
        await self.send(apply, bridge, *whole("s1", 50, site()))
        assert await self.facts(ledger) == was
        assert await self.pinned(ledger) == NOW
        (sweep,) = (await oversight.sweeps()).sweeps
        assert (sweep.state, sweep.vanishing, sweep.present) == (RunState.HELD, 1001, 1008)
        await oversight.decide(sweep.id, DecideSweepRequest(decision="confirm", reason="the team has left"), OPERATOR)
        await self.audited(ledger, Deed.CONFIRM_SWEEP, "the team has left")
        assert not await apply.snapshots.drive()
        assert len(await self.facts(ledger)) == 7
        assert await self.pinned(ledger) is None

    async def test_a_great_sweep_may_be_discarded(self, ledger: Ledger, apply: Apply, oversight: Oversight) -> None:
        """Then everything stays, and facts of before the snapshot still count."""
        bridge = await self.many(ledger, apply)
        was = await self.facts(ledger)
        await self.send(apply, bridge, *whole("s1", 50, site()))
        await oversight.decide(1, DecideSweepRequest(decision="discard", reason="a bug of the bridge"), OPERATOR)
        await self.audited(ledger, Deed.DISCARD_SWEEP, "a bug of the bridge")
        assert not await apply.snapshots.drive()
        assert await self.facts(ledger) == was
        assert await self.pinned(ledger) is None
        await self.send(apply, bridge, grant("repository:hello", "user:zoe", "read", 49))
        assert len(await self.facts(ledger)) == len(was) + 1

    async def audited(self, ledger: Ledger, deed: Deed, why: str) -> None:
        """Who decided, on which workspace, how much of it, and why."""
        async with ledger.auditing() as trail:
            (record,) = await trail.page(AuditQuery())
        assert (record.deed, record.principal_id, record.workspace) == (deed, OPERATOR.id, ACME)
        assert record.change == {"sweep": "1", "vanishing": "1001", "present": "1008", "reason": why}

    async def many(self, ledger: Ledger, apply: Apply) -> Source:
        """The site, and a thousand and one grants."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site())
        grants = [grant("repository:hello", f"user:u{number}", "read", 2) for number in range(1001)]
        await self.send(apply, bridge, *grants[:500])
        await self.send(apply, bridge, *grants[500:])
        return bridge

    # Checksums

    async def test_equal_checksums_are_no_news(self, ledger: Ledger, apply: Apply) -> None:
        """Whatever order the facts came in; removals count for nothing."""
        bridge = await self.declared(ledger, BRIDGE)
        gone = [group_member("devs", "eve", present=False, version=3), repository("old", "deleted", version=3)]
        await self.send(apply, bridge, *reversed([*site(), *gone]))
        await self.send(apply, bridge, group_member("devs", "eve", version=2), repository("old", version=2))
        for _ in range(3):
            await self.send(apply, bridge, checksum(site(), as_of=3))
        assert await self.pinned(ledger) is None

    async def test_two_differences_in_a_row_hold_the_workspace(self, ledger: Ledger, apply: Apply) -> None:
        """A snapshot is asked for, and heals (§2.6)."""
        bridge = await self.declared(ledger, BRIDGE)
        truth = [*site(), grant("repository:hello", "user:dora", "read", 4)]
        await self.send(apply, bridge, *site())
        await self.send(apply, bridge, timed(checksum(truth, as_of=4), before(90)))
        assert await self.pinned(ledger) is None
        await self.send(apply, bridge, timed(checksum(truth, as_of=4), before(30)))
        assert await self.pinned(ledger) == NOW - timedelta(seconds=90)
        assert len((await SourceRequests(ledger, FixedClock()).waiting(bridge, 0)).requests) == 1
        await self.send(apply, bridge, *whole("s1", 5, truth))
        assert await self.pinned(ledger) is None
        for _ in range(2):
            await self.send(apply, bridge, checksum(truth, as_of=5))
        assert await self.pinned(ledger) is None

    async def test_only_equal_positions_are_compared(self, ledger: Ledger, apply: Apply) -> None:
        """What we know already and the source had not said yet is no difference."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site(), grant("repository:hello", "user:dora", "read", 9))
        for _ in range(3):
            await self.send(apply, bridge, checksum(site(), as_of=8))
        assert await self.pinned(ledger) is None

    async def test_a_snapshot_brings_the_checksum_of_its_source(self, ledger: Ledger, apply: Apply) -> None:
        """Also where it has changed, ended and moved things, and where a repository has gone elsewhere."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site(), grant("repository:hello", "user:dora", "admin", 3))
        there = [workspace("new", version=1, of="new"), repository("hello", version=7, of="new")]
        await self.send(apply, bridge, *there)
        without = [each for each in site() if b"repository.set" not in each]
        for _ in range(2):
            await self.send(apply, bridge, checksum([*without, grant("repository:hello", "user:dora", "admin", 3)], 7))
        assert await self.pinned(ledger) is None
        news = [*site(8)[:2], repository("hello", version=9, project="OPS"), *site(2)[3:6], member("eve", "owner", 4)]
        await self.send(apply, bridge, *whole("s1", 20, news))
        for _ in range(2):
            await self.send(apply, bridge, checksum(news, as_of=20))
        assert await self.pinned(ledger) is None

    # Dead letters and what they hold

    async def test_a_letter_holds_the_time_of_its_record(self, ledger: Ledger, apply: Apply) -> None:
        """By its event, or else by its transport, and never later than now."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, workspace(version=1))
        poison = project(version=2).replace(b'"active"', b'"asleep"')
        await self.send(apply, bridge, timed(poison, "2999-01-01T00:00:00Z"))
        assert await self.pinned(ledger) == NOW
        late = repository("hello", version=2).replace(b'"active"', b'"asleep"')
        await apply.over_http(bridge, [Record(1, late, int(NOW.timestamp() * 1000) - 60_000)])
        assert await self.pinned(ledger) == NOW - timedelta(seconds=60)
        await self.send(apply, bridge, timed(poison, before(300)))
        assert await self.pinned(ledger) == NOW - timedelta(seconds=300)
        await self.send(apply, bridge, project(version=3))
        assert await self.pinned(ledger) == NOW - timedelta(seconds=60)
        await self.send(apply, bridge, repository("hello", version=3))
        assert await self.pinned(ledger) is None

    async def test_a_workspace_in_a_fact_about_a_user_says_nothing(self, ledger: Ledger, apply: Apply) -> None:
        """Whether we know that one or not: users belong to none, and whoever is deactivated is."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, workspace(version=1), user("bob", version=1), user("ann", version=1))
        for number, (who, where) in enumerate((("bob", "acme"), ("ann", "elsewhere")), 5):
            said = json.loads(user(who, False, version=number))
            said["data"]["workspace"] = str(uuid_of("workspace", where))
            assert await self.send(apply, bridge, json.dumps(said).encode()) == []
        async with ledger.viewing() as view:
            found = [await view.hierarchy.user(uuid_of("user", who)) for who in ("bob", "ann")]
        assert [each.active for each in found if each] == [False, False]

    async def test_records_that_come_together_hold_what_they_would_hold_one_by_one(
        self, ledger: Ledger, apply: Apply
    ) -> None:
        """A newer version sets free what came before it, also in one batch, and what comes after it holds by itself."""
        bridge = await self.declared(ledger, BRIDGE)
        poison = project(version=9).replace(b'"active"', b'"asleep"')
        bad = [timed(poison, before(seconds)) for seconds in (300, 200, 100)]
        await self.send(apply, bridge, workspace(version=1), bad[0], project(version=2), bad[1], project(version=1))
        assert await self.pinned(ledger) == NOW - timedelta(seconds=200)
        await self.send(apply, bridge, project(version=3), bad[2])
        assert await self.pinned(ledger) == NOW - timedelta(seconds=100)

    async def test_the_operator_releases_a_letter(self, ledger: Ledger, apply: Apply, oversight: Oversight) -> None:
        """With a reason; the letter stays."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site(), project(version=2).replace(b'"active"', b'"asleep"'), b"not json")
        letters = (await oversight.letters(LettersQuery())).letters
        assert [(each.reason, each.workspace, each.holds) for each in letters] == [
            ("schema", ACME, True),
            ("not_json", None, True),
        ]
        for each in letters:
            await oversight.release(each.id, ReleaseRequest(reason="looked into"), "op")
        assert await self.pinned(ledger) is None
        assert (await oversight.letters(LettersQuery())).letters == []
        assert len((await oversight.letters(LettersQuery(holding=False))).letters) == 2
        assert (await oversight.letter(2)).body == "bm90IGpzb24="
        async with ledger.viewing() as view:
            assert await view.sources.lanes() == {f"s{bridge.id}": 0}

    async def test_a_lane_is_free_after_snapshots_of_all_it_feeds(self, ledger: Ledger) -> None:
        """One that can't be read may have been about any of them."""
        bridge, clock = await self.declared(ledger, BRIDGE), FixedClock()
        apply = Apply(ledger, clock)
        await self.send(apply, bridge, workspace(version=1), workspace("new", version=1, of="new"))
        await self.send(apply, bridge, b"not json")
        clock.advance(timedelta(seconds=10))
        await self.send(apply, bridge, heartbeat("bridge", clock.now().isoformat()))
        lane = f"s{bridge.id}"
        assert await self.lane(ledger, lane) == NOW
        await self.send(apply, bridge, *whole("s1", 5, [workspace(version=1)]))
        assert await self.lane(ledger, lane) == NOW
        await self.send(apply, bridge, *whole("s2", 6, [workspace("new", version=1, of="new")], of="new"))
        assert await self.lane(ledger, lane) == NOW + timedelta(seconds=10)

    async def lane(self, ledger: Ledger, key: str) -> datetime:
        """Up to when a lane knows everything."""
        async with ledger.viewing() as view:
            return datetime.fromtimestamp((await view.sources.lanes())[key] / 1000, UTC)

    # Authorities

    async def test_one_source_is_the_authority_for_a_kind(self, ledger: Ledger, apply: Apply) -> None:
        """Another one's facts are refused and hold nothing; kinds that nobody tells are free (§2.5)."""
        bridge, other = await self.declared(ledger, BRIDGE), await self.declared(ledger, OTHER)
        await self.send(apply, bridge, *site()[:3])
        was = await self.facts(ledger)
        assert await self.send(apply, other, repository("hello", "deleted", 99)) == ["source"]
        assert (await self.facts(ledger), await self.pinned(ledger)) == (was, None)
        assert await self.send(apply, other, group("devs", version=1)) == []

    async def test_a_source_by_hand_learns_that_another_is_the_authority(self, ledger: Ledger, apply: Apply) -> None:
        """The whole batch is refused (H4)."""
        bridge, hand = await self.declared(ledger, BRIDGE), await self.declared(ledger, BY_HAND)
        await self.send(apply, bridge, workspace(version=1))
        with pytest.raises(FactsRefused):
            await self.send(apply, hand, workspace("mine"), group("devs"))
        assert {each[0] for each in await self.facts(ledger)} == {"WORKSPACE"}

    async def test_a_snapshot_changes_the_source(self, ledger: Ledger, apply: Apply) -> None:
        """It replaces facts and version memory; what the new one tells meanwhile is kept, the old one is out (H7)."""
        bridge, other = await self.declared(ledger, BRIDGE), await self.declared(ledger, OTHER)
        await self.send(apply, bridge, *site(900), member("ann", "member", 900))
        first, *rest, last = whole("s1", 5, [*site(2)[:4], grant("repository:hello", "user:carol", "write", 3)])
        await self.send(apply, other, first, *rest)
        assert await self.send(apply, other, member("eve", "owner", 7)) == []
        assert await self.send(apply, bridge, member("mallory", "member", 901)) == []
        assert await self.send(apply, other, last) == []
        told = await self.facts(ledger)
        assert ("USER_REPOSITORY", str(uuid_of("user", "carol")), str(HELLO), 2) in told
        assert ("WORKSPACE_ROLE", str(uuid_of("user", "eve")), "-", 3) in told
        assert len(told) == 6
        assert await self.send(apply, bridge, *site(999)[:2]) == ["source", "source"]
        assert await self.pinned(ledger) is None
        for _ in range(2):
            truth = [*site(2)[:4], grant("repository:hello", "user:carol", "write", 3), member("eve", "owner", 7)]
            await self.send(apply, other, checksum(truth, as_of=7))
        assert await self.pinned(ledger) is None

    async def test_readers_learn_the_lanes_of_a_workspace(self, ledger: Ledger, apply: Apply) -> None:
        """A second source of a workspace is a second lane; its silence counts (§3.1)."""
        bridge, other = await self.declared(ledger, BRIDGE), await self.declared(ledger, OTHER)
        await self.send(apply, bridge, *site()[:3])
        await self.send(apply, other, group("devs", version=1))
        assert await self.lanes_told(ledger) == [f"s{bridge.id}", f"s{other.id}"]
        async with ledger.viewing() as view:
            found = await view.hierarchy.workspace_by_id(ACME)
            assert dict(await view.sources.as_of(found)) == {f"s{bridge.id}": 0, f"s{other.id}": 0}

    async def lanes_told(self, ledger: Ledger) -> Sequence[str]:
        """What the log has said last about lanes."""
        async with ledger.viewing() as view:
            deltas = await view.log.deltas(ConsistencyToken(1, 0), 100_000)
        rows = [row for delta in deltas for row in delta.rows if row[0] == RowKind.WORKSPACE and len(row) == 7]
        told: list[Sequence[str]] = [row[6]["lanes"] for row in rows if "lanes" in row[6]]
        return told[-1]

    # Lanes

    async def test_a_heartbeat_counts_in_its_own_lane_only(self, ledger: Ledger) -> None:
        """Another partition's, another source's, and one by hand move nothing, and hold nothing."""
        stream = await self.declared(ledger, STREAM)
        part = AUTHORITY.partition_of(ACME)
        beats = [
            heartbeat("stream", before(9), (part + 1) % 24),
            heartbeat("elsewhere", before(9), part),
            heartbeat("stream", before(5), part),
        ]
        await self.records(ledger, stream, "scm.authority.x", part, workspace(version=1), *beats)
        assert await self.lane(ledger, f"s{stream.id}p{part}") == NOW - timedelta(seconds=5)

    async def test_identity_lanes_are_there_from_the_declaration_on(self, ledger: Ledger) -> None:
        """A source that never spoke is stale, not fresh."""
        stream = await self.declared(ledger, STREAM)
        async with ledger.viewing() as view:
            told = dict(await view.sources.as_of(None))
            assert told == {f"i{stream.id}p{part}": 0 for part in range(IDENTITY.partitions)}

    async def test_a_fact_in_a_foreign_partition_is_refused(self, ledger: Ledger) -> None:
        """Order between facts holds in one partition only (§2.1)."""
        stream = await self.declared(ledger, STREAM)
        wrong = (AUTHORITY.partition_of(ACME) + 1) % 24
        await self.records(ledger, stream, "scm.authority.x", wrong, workspace(version=1))
        async with ledger.viewing() as view:
            assert [each.reason for each in await view.letters.page(0, 10, True)] == ["partition"]

    async def records(self, ledger: Ledger, source: Source, topic: str, part: int, *bodies: bytes) -> None:
        """The next records of a partition."""
        async with ledger.viewing() as view:
            old = await view.positions.of(topic, part)
        records = [Record(old + number, body) for number, body in enumerate(bodies)]
        await Apply(ledger, FixedClock()).over_kafka([source], records, Advance(topic, part, old, old + len(records)))

    # The express lane

    async def test_who_is_removed_from_groups_and_comes_back_has_no_groups(self, ledger: Ledger) -> None:
        """A re-activation waits for the main lanes; a deactivation does not (§2.1)."""
        stream = await self.declared(ledger, STREAM)
        part, bob = AUTHORITY.partition_of(ACME), uuid_of("user", "bob")
        main, express = ("scm.authority.x", part), ("identity.principals.x", IDENTITY.partition_of(bob))
        await self.records(ledger, stream, *express, user("bob", version=1))
        await self.records(ledger, stream, *main, *site(), heartbeat("stream", before(60), part))
        await self.records(
            ledger, stream, *express, user("bob", active=False, version=2), timed(user("bob", version=4), before(10))
        )
        assert not await self.active(ledger, bob)
        await self.records(ledger, stream, *main, heartbeat("stream", before(10), part))
        assert not await self.active(ledger, bob)
        out = [group_member("devs", "bob", present=False, version=3), heartbeat("stream", before(9), part)]
        await self.records(ledger, stream, *main, *out)
        assert await self.active(ledger, bob)
        assert "USER_GROUP" not in {each[0] for each in await self.facts(ledger)}

    async def test_what_waits_gives_way_to_what_is_newer(self, ledger: Ledger) -> None:
        """A second deactivation ends the wait."""
        stream = await self.declared(ledger, STREAM)
        part, bob = AUTHORITY.partition_of(ACME), uuid_of("user", "bob")
        main, express = ("scm.authority.x", part), ("identity.principals.x", IDENTITY.partition_of(bob))
        await self.records(ledger, stream, *main, *site())
        await self.records(ledger, stream, *express, user("bob", active=False, version=2), user("bob", version=3))
        await self.records(ledger, stream, *express, user("bob", active=False, version=4))
        await self.records(ledger, stream, *main, heartbeat("stream", NOW.isoformat(), part))
        assert not await self.active(ledger, bob)

    async def test_without_main_lanes_nothing_waits(self, ledger: Ledger, apply: Apply) -> None:
        """There is nothing that could be behind."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, user("bob", active=False, version=1), user("bob", version=2))
        assert await self.active(ledger, uuid_of("user", "bob"))

    async def active(self, ledger: Ledger, id: UUID) -> bool:
        """Whether the user is active."""
        async with ledger.viewing() as view:
            found = await view.hierarchy.user(id)
            return found is not None and found.active

    # Requests

    async def test_what_is_asked_waits_once(self, ledger: Ledger, apply: Apply) -> None:
        """Until the source says that it has answered."""
        bridge, requests = await self.declared(ledger, BRIDGE), SourceRequests(ledger, FixedClock())
        await self.send(apply, bridge, *site())
        bob = uuid_of("user", "bob")
        async with ledger.changing() as change:
            found = await change.hierarchy.workspace_by_id(ACME)
            assert found is not None
            asked = [await requests.want_refresh(change, found.alias, bob, HELLO) for _ in range(2)]
        assert asked == [True, False]
        (waiting,) = (await requests.waiting(bridge, 0)).requests
        assert (waiting.kind, waiting.workspace, waiting.user, waiting.repository) == ("refresh", ACME, bob, HELLO)
        await requests.done(bridge, waiting.id)
        assert (await requests.waiting(bridge, 0)).requests == []

    # Groups

    async def test_a_group_made_again_under_its_name_is_another(self, ledger: Ledger, apply: Apply) -> None:
        """Deleting it is one fact, and its members do not come back with the name (E2, E3)."""
        bridge = await self.declared(ledger, BRIDGE)
        await self.send(apply, bridge, *site())
        async with ledger.viewing() as view:
            head = view.token
        await self.send(apply, bridge, group("devs", "deleted", 2))
        async with ledger.viewing() as view:
            deltas = await view.log.deltas(head, 10)
        assert [(row[0], row[4]) for delta in deltas for row in delta.rows] == [(RowKind.NODE, 3)]
        ws, again = str(ACME), str(uuid_of("group", "devs again"))
        data = {"workspace": ws, "id": again, "slug": "devs", "incarnation": 2, "state": "active"}
        await self.send(apply, bridge, event("scm.group.set", f"gp:{again}", data, 3))
        told = await self.facts(ledger)
        assert ("USER_GROUP", str(uuid_of("user", "bob")), again, 1) not in told
        assert ("NODE", again, "-", 1) in told


def _gone(kind: int) -> tuple[int, ...]:
    """The values of rows that say that nothing is there (any longer)."""
    return (0, 3, 4) if kind in (RowKind.NODE, RowKind.WORKSPACE) else (0,)
