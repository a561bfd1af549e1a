"""A rebuild in bulk ends where the ordinary way ends, on real Kafka and PostgreSQL (§2.6)."""

from pathlib import Path
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer
from structlog.testing import capture_logs

from faults.fact_topics import FactTopics, fact_topics
from faults.histories import History, Told
from moorage.access.consistency import ConsistencyToken
from moorage.events.topics import AUTHORITY
from moorage.permissions.app import migrate_permissions
from moorage.permissions.apply import Apply
from moorage.permissions.batches import Record
from moorage.permissions.lookups import Log, PositionUnknown
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.sources import LOCAL
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database
from permissions.bulk_rebuilds import (
    ALWAYS,
    NEVER,
    differences,
    everything,
    long_ago,
    odd_history,
    rebuilt,
    settings_for,
)
from permissions.sample_facts import grant, group_member, uuid_of, workspace
from permissions.sample_snapshots import whole
from servers.kafka import KafkaBroker

DONE = "The ledger has been rebuilt from the topic."
NOT_DONE = "The topic is not rebuilt in bulk; it is replayed record by record."
PART = AUTHORITY.partition_of(uuid_of("workspace", "acme"))


async def both_ways(kafka: KafkaBroker, topics: FactTopics, dsns: tuple[str, str], folder: Path) -> list[str]:
    """Rebuilds both databases, in bulk and not, and compares them; what was logged of the first."""
    # Else re-activations of users would wait (§2.1), or not, as the two topics happen to come.
    await topics.beat()
    ordinary = settings_for(dsns[0], kafka, topics, folder, NEVER)
    bulk = settings_for(dsns[1], kafka, topics, folder, ALWAYS)
    async with rebuilt(ordinary, topics):
        expected = await everything(dsns[0])
    with capture_logs() as logs:
        async with rebuilt(bulk, topics):
            found = await everything(dsns[1])
    assert differences(found, expected) == {}
    return [each["event"] for each in logs]


@pytest.mark.parametrize("seed", [1, 2, 3, 4])
async def test_odd_histories_end_the_same(
    kafka: KafkaBroker, two_dsns: tuple[str, str], tmp_path: Path, seed: int
) -> None:
    """Renewals, revocations, contradictions, repetitions, wrong order, odd spellings, broken records, signals."""
    async with fact_topics(kafka) as topics:
        await topics.tell(odd_history(seed, 700))
        assert DONE in await both_ways(kafka, topics, two_dsns, tmp_path)


async def test_a_workspace_of_which_a_snapshot_speaks_is_read_apart(
    kafka: KafkaBroker, two_dsns: tuple[str, str], tmp_path: Path
) -> None:
    """What the snapshot lacks is gone, and what is newer than it stays."""
    before = [workspace(version=1), group_member("g", "ann", version=2), group_member("g", "ben", version=3)]
    facts = [workspace(version=1), group_member("g", "ben", version=3)]
    after = [grant("repository:hello", "group:g", "read", version=9)]
    told = [Told(AUTHORITY.name, PART, each) for each in [*before, *whole("one", 5, facts), *after]]
    async with fact_topics(kafka) as topics:
        await topics.tell([*long_ago(History(9, 100, ("bolt",)).told), *told])
        assert DONE in await both_ways(kafka, topics, two_dsns, tmp_path)


async def test_who_was_before_it_takes_a_snapshot(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> None:
    """The log has a hole there; behind it everything goes on as always."""
    async with fact_topics(kafka) as topics:
        await topics.tell(odd_history(7, 300))
        async with rebuilt(settings_for(fresh_dsn, kafka, topics, tmp_path, ALWAYS), topics) as permissions:
            await permissions.authority.snapshot(None)
            async with await Database.open(fresh_dsn, "permissions", size=2) as database:
                ledger = PostgresLedger(database, SystemClock())
                head = await ledger.head()
                await topics.tell([Told(AUTHORITY.name, PART, group_member("late", "ann", version=10_000))])
                await ledger.changed(head, 30)
                async with ledger.viewing() as view:
                    assert [row[4] for each in await view.log.deltas(head, 1000) for row in each.rows][-1] == 1
                    with pytest.raises(PositionUnknown):
                        await read_from_the_beginning(view.log, head)


async def read_from_the_beginning(log: Log, head: ConsistencyToken) -> None:
    """Reads what is there, and must not come to the head."""
    position = ConsistencyToken(head.epoch, 0)
    while position.seq < head.seq:
        deltas = await log.deltas(position, 1000)
        position = ConsistencyToken(head.epoch, deltas[-1].last)


async def logged(kafka: KafkaBroker, topics: FactTopics, dsn: str, folder: Path) -> list[str]:
    """Why the topic was not rebuilt in bulk."""
    with capture_logs() as logs:
        async with rebuilt(settings_for(dsn, kafka, topics, folder, ALWAYS), topics):
            pass
    assert DONE not in [each["event"] for each in logs]
    return [each["why"] for each in logs if each["event"] == NOT_DONE]


async def test_a_ledger_with_facts_in_it_is_left_alone(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> None:
    """Whatever told them, and also if their positions were lost."""
    async with fact_topics(kafka) as topics:
        await topics.tell(odd_history(8, 200))
        await migrate_permissions(fresh_dsn)
        async with await Database.open(fresh_dsn, "permissions", size=2) as database:
            ledger = PostgresLedger(database, SystemClock())
            async with ledger.changing() as change:
                source = await change.sources.declare(LOCAL, None)
            await Apply(ledger, SystemClock()).over_http(source, [Record(1, group_member("by-hand", "ann"))])
        assert await logged(kafka, topics, fresh_dsn, tmp_path) == ["the ledger is not empty"]


async def test_null_records_say_nothing(kafka: KafkaBroker, two_dsns: tuple[str, str], tmp_path: Path) -> None:
    """They stay until compaction has come by, and revoke nothing."""
    async with fact_topics(kafka) as topics:
        await topics.tell([*odd_history(6, 50), Told(AUTHORITY.name, PART, group_member("g", "ann", version=9000))])
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
        await producer.start()
        try:
            await producer.send_and_wait(topics.names[AUTHORITY.name], None, key=b"gm:gone", partition=PART)
        finally:
            await producer.stop()
        assert DONE in await both_ways(kafka, topics, two_dsns, tmp_path)


async def test_transactions_are_left_to_the_ordinary_way(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> None:
    """What was aborted is not there."""
    async with fact_topics(kafka) as topics:
        producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=uuid4().hex)
        await producer.start()
        try:
            for version, commits in ((1, True), (2, False)):
                await producer.begin_transaction()
                fact = group_member("g", "ann", commits, version=version)
                await producer.send(topics.names[AUTHORITY.name], fact, key=b"k", partition=PART)
                await (producer.commit_transaction() if commits else producer.abort_transaction())
        finally:
            await producer.stop()
        await topics.tell([Told(AUTHORITY.name, PART, group_member("g", "ben", version=3))])
        assert await logged(kafka, topics, fresh_dsn, tmp_path) == ["its producers use transactions"]
        rows = (await everything(fresh_dsn))["group_member"]
    assert len(rows) == 2
    assert all(", True, " in each for each in rows)
