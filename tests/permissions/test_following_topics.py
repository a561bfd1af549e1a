"""The consumer over a stream in memory: reading ahead, rewinding, sources, and topics that are not fit."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from faults.waiting import until
from moorage.access import wire
from moorage.access.audit import Deed
from moorage.access.principal import Identity, Principal, PrincipalKind
from moorage.access.problems import NotFound
from moorage.events.topics import AUTHORITY
from moorage.permissions import slots
from moorage.permissions.apply import Apply
from moorage.permissions.audit_trail import AuditQuery
from moorage.permissions.batches import Record
from moorage.permissions.consumer import Consumer, Fetched, KafkaSources
from moorage.permissions.ingest_metrics import IngestMetrics
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.pace import Pace
from moorage.permissions.ports import Ledger
from moorage.permissions.rebuild import NotRebuilt, Rebuild, RebuiltLedger
from moorage.permissions.records import SourceKind, SourceSpec, Transport
from moorage.permissions.stores import Advance
from moorage.permissions.topic_acceptance import AcceptTopicRequest, TopicAcceptance
from moorage.permissions.topic_book import KnownTopic
from moorage.permissions.topic_guard import FoundTopic, TopicGuard, TopicUnfit
from moorage.runtime.clock import FixedClock
from permissions.sample_facts import group_member, uuid_of, workspace

STREAM = SourceSpec("stream", SourceKind.CONTINUOUS, Transport.KAFKA)
OPERATOR = wire.IdentityBody.of(Identity(Principal(PrincipalKind.SERVICE, uuid_of("credential", "operator"))))
PART = AUTHORITY.partition_of(uuid_of("workspace", "acme"))


class ListedStream:
    """The records of one partition, two at a time, from wherever the ledger says."""

    def __init__(self, ledger: MemoryLedger, bodies: Sequence[bytes]) -> None:
        self._ledger, self._bodies = ledger, bodies
        self._turn, self._next = 0, -1

    async def batches(self, pace: Pace) -> AsyncIterator[Sequence[Fetched]]:
        while True:
            if self._next < 0:
                async with self._ledger.viewing() as view:
                    self._next = await view.positions.of("t", PART)
            old, new = self._next, min(self._next + 2, len(self._bodies))
            if old == new:
                await asyncio.Event().wait()
            self._next = new
            records = [Record(at, self._bodies[at]) for at in range(old, new)]
            yield [Fetched("t", PART, old, new, records, self._turn)]

    async def rewind(self, topic: str, part: int) -> None:
        self._turn, self._next = self._turn + 1, -1

    def is_current(self, fetched: Fetched) -> bool:
        return fetched.turn == self._turn

    def lag(self) -> Mapping[tuple[str, int], int]:
        return {("t", PART): len(self._bodies) - self._next}


class ListedStreams:
    """Opens it, or fails."""

    def __init__(self, stream: ListedStream, unfit: TopicUnfit | None = None) -> None:
        self._stream, self._unfit = stream, unfit
        self.tried = asyncio.Event()

    @property
    def topics(self) -> Sequence[str]:
        return ["t"]

    def apart(self) -> Sequence["ListedStreams"]:
        return [self]

    @asynccontextmanager
    async def open(self) -> AsyncIterator[ListedStream]:
        self.tried.set()
        if self._unfit:
            raise self._unfit
        yield self._stream


async def declared(ledger: MemoryLedger) -> None:
    """The source that speaks over Kafka."""
    async with ledger.changing() as change:
        await change.sources.declare(STREAM, None)


def told(metrics: CollectorRegistry, outcome: str) -> float | None:
    """How many facts ended so."""
    return metrics.get_sample_value("moorage_permissions_ingest_facts_total", {"topic": "t", "outcome": outcome})


async def counted(registry: CollectorRegistry, facts: int) -> bool:
    """Whether so many records have been dealt with."""
    refused = registry.get_sample_value(
        "moorage_permissions_ingest_refused_total", {"topic": "t", "reason": "not_json"}
    )
    outcomes = [told(registry, each) or 0 for each in ("applied", "unchanged", "stale_dropped", "conflict")]
    return sum(outcomes) + (refused or 0) >= facts


async def test_every_batch_is_applied_and_counted() -> None:
    """In order, with what became of each fact, and no lag in the end (R120)."""
    ledger, registry = MemoryLedger(), CollectorRegistry()
    await declared(ledger)
    bodies = [workspace(f"v{at}", version=at) for at in (1, 2, 3)]
    bodies += [workspace("other", version=3), workspace("v2", version=2), b"not json"]
    stream = ListedStream(ledger, bodies)
    async with Consumer(ledger, Apply(ledger, FixedClock()), ListedStreams(stream), IngestMetrics(registry)):
        await until(lambda: counted(registry, 6))
    async with ledger.viewing() as view:
        assert await view.positions.of("t", PART) == len(bodies)
        assert await view.hierarchy.workspace("v2") is None
    outcomes = [told(registry, each) for each in ("applied", "unchanged", "stale_dropped", "conflict")]
    assert outcomes == [2, 0, 2, 1]
    refused = {"topic": "t", "reason": "not_json"}
    assert registry.get_sample_value("moorage_permissions_ingest_refused_total", refused) == 1
    lag = {"topic": "t", "partition": str(PART)}
    assert registry.get_sample_value("moorage_permissions_ingest_lag_records", lag) == 0


async def test_who_lost_the_partition_for_a_moment_reads_on_from_the_stored_position() -> None:
    """What was read ahead is dropped; nothing is left out, nothing is applied twice (R111)."""
    ledger, registry = MemoryLedger(), CollectorRegistry()
    await declared(ledger)
    bodies = [group_member("g", f"user{at}", version=at) for at in range(1, 9)]
    stream = ListedStream(ledger, bodies)
    apply = Apply(ledger, FixedClock())
    batches = stream.batches(Pace())
    await anext(batches)
    async with ledger.viewing() as view:
        sources = await view.sources.all()
    await apply.over_kafka(sources, [Record(0, bodies[0])], Advance("t", PART, 0, 1))
    async with Consumer(ledger, apply, ListedStreams(stream), IngestMetrics(registry)):
        await until(lambda: counted(registry, 7))
    async with ledger.viewing() as view:
        assert await view.positions.of("t", PART) == len(bodies)
    assert told(registry, "applied") == 7


class CancelledOnce(ListedStream):
    """What it waits for is cancelled from inside, as the Kafka library does when a broker dies."""

    async def batches(self, pace: Pace) -> AsyncIterator[Sequence[Fetched]]:
        if self._turn == 0:
            self._turn = 1
            inside = asyncio.get_running_loop().create_future()
            inside.cancel()
            await inside
        async for each in super().batches(pace):
            yield each


async def test_a_cancellation_from_inside_does_not_end_the_following() -> None:
    """Only who closes the consumer ends it: silence would be all that is left of revocations (R117)."""
    ledger, registry = MemoryLedger(), CollectorRegistry()
    await declared(ledger)
    streams = ListedStreams(CancelledOnce(ledger, [workspace(version=1)]))
    async with Consumer(ledger, Apply(ledger, FixedClock()), streams, IngestMetrics(registry)):
        await until(lambda: counted(registry, 1))


async def test_a_source_declared_just_now_is_known() -> None:
    """What no remembered source may say is asked for at once; the others are believed for a moment."""
    ledger = MemoryLedger()
    sources = KafkaSources(ledger)
    assert await sources.known() == []
    await declared(ledger)
    assert await sources.known() == []
    assert sources.are_old
    assert [each.spec.name for each in await sources.asked()] == ["stream"]
    assert not sources.are_old


async def test_a_topic_that_is_not_fit_is_told_in_words() -> None:
    """Nothing is applied from it; readiness says why (R112)."""
    ledger = MemoryLedger()
    streams = ListedStreams(ListedStream(ledger, []), TopicUnfit("t", "topic t has 7 partitions"))
    consumer = Consumer(ledger, Apply(ledger, FixedClock()), streams, IngestMetrics(CollectorRegistry()))
    assert consumer.stopped() is None
    async with consumer:
        await asyncio.wait_for(streams.tried.wait(), 30)
        assert consumer.stopped() == "topic t has 7 partitions"


async def test_a_topic_is_known_by_its_partitions_and_its_incarnation() -> None:
    """Another number of partitions moves keys; another incarnation makes positions meaningless."""
    ledger = MemoryLedger()
    guard = TopicGuard(ledger, {"t": 2})
    with pytest.raises(TopicUnfit, match="3 partitions instead of 2"):
        await guard.meet(FoundTopic("t", 3, "one"), {0: 0, 1: 0, 2: 0})
    assert not await guard.knows("t")
    await guard.meet(FoundTopic("t", 2, "one"), {0: 4, 1: 0})
    await guard.admit(FoundTopic("t", 2, "one"))
    await guard.admit(FoundTopic("t", 2, ""))
    with pytest.raises(TopicUnfit, match="made anew"):
        await guard.admit(FoundTopic("t", 2, "two"))
    with pytest.raises(TopicUnfit, match="1 partitions"):
        await guard.admit(FoundTopic("t", 1, "one"))


async def test_nothing_is_looked_at_before_the_past_is_applied(ledger: Ledger) -> None:
    """A ledger that is half built answers nobody (R122)."""
    rebuild = Rebuild(ledger, patience=0)
    guarded = RebuiltLedger(ledger, rebuild)
    async with guarded.viewing():
        pass
    rebuild.expect(["t"])
    with pytest.raises(NotRebuilt, match="never read"):
        await guarded.head()
    async with ledger.changing() as change:
        await change.topics.meet(KnownTopic("t", "", (0, 3)))
    with pytest.raises(NotRebuilt, match="3 offsets are left"):
        async with guarded.viewing():
            pass
    async with ledger.changing() as change:
        await change.intake.advance([Advance("t", 1, 0, 3)])
    async with guarded.changing():
        pass
    assert await rebuild.missing() is None


async def test_a_topic_that_was_never_met_holds_back_a_ledger_that_has_other_things(ledger: Ledger) -> None:
    """Kafka was away at the very first start, and something was written meanwhile: still nothing is whole (R122)."""
    async with ledger.changing() as change:
        await change.facts.intern([slots.workspace(uuid_of("workspace", "acme"))])
    assert (await ledger.head()).seq > 0
    rebuild = Rebuild(ledger, patience=0)
    rebuild.expect(["met", "away"])
    async with ledger.changing() as change:
        await change.topics.meet(KnownTopic("met", "", (0,)))
    with pytest.raises(NotRebuilt, match="topic away was never read"):
        await RebuiltLedger(ledger, rebuild).head()


async def test_an_accepted_topic_is_met_anew_and_read_from_its_beginning(ledger: Ledger) -> None:
    """What is fed over Kafka is held until it is told anew, and the trail says who accepted what, and why (R112)."""
    clock, guard = FixedClock(), TopicGuard(ledger, {"t": AUTHORITY.partitions})
    ends = dict.fromkeys(range(AUTHORITY.partitions), 0) | {PART: 5}
    async with ledger.changing() as change:
        stream = await change.sources.declare(STREAM, None)
    await guard.meet(FoundTopic("t", AUTHORITY.partitions, "one"), ends)
    await Apply(ledger, clock).over_kafka([stream], [Record(0, workspace(version=1))], Advance("t", PART, 0, 7))
    acceptance = TopicAcceptance(ledger, clock)
    with pytest.raises(NotFound):
        await acceptance.accept(AcceptTopicRequest(topic="u", reason="none"), OPERATOR)
    answer = await acceptance.accept(AcceptTopicRequest(topic="t", reason="new cluster"), OPERATOR)
    assert answer.unconfirmed == 1
    assert not await guard.knows("t")
    await guard.meet(FoundTopic("t", AUTHORITY.partitions, "two"), ends)
    async with ledger.changing() as change:
        assert await change.topics.behind("t") == 5
        found = await change.hierarchy.workspace("acme")
        assert found is not None
        assert await change.intake.pins(found.alias) == datetime.fromtimestamp(0, UTC)
    async with ledger.auditing() as trail:
        (record,) = await trail.page(AuditQuery())
    assert (record.deed, record.name, record.principal_id) == (Deed.ACCEPT_TOPIC, "t", OPERATOR.id)
    assert record.change == {"reason": "new cluster", "facts_are_current": "False", "was": "one"}
    assured = AcceptTopicRequest(topic="t", reason="a mirror of the former one", facts_are_current=True)
    assert (await acceptance.accept(assured, OPERATOR)).unconfirmed == 0
