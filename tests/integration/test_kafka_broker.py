"""A probe of the real broker through aiokafka: what our contracts rest on, with no code of ours between."""

import asyncio
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import TopicAlreadyExistsError

from servers.kafka import KafkaBroker
from servers.kafka_administration import Administration

RECORDS_ACROSS_A_CRASH = 200


@pytest.fixture
async def topic(kafka: KafkaBroker) -> str:
    """A compacted topic of one partition, for one test."""
    name = f"probe.{uuid.uuid4().hex}"
    await kafka.create_topic(name, 1, {"cleanup.policy": "compact"})
    return name


@asynccontextmanager
async def producer_of(kafka: KafkaBroker) -> AsyncIterator[AIOKafkaProducer]:
    """As our outboxes produce: idempotent, acknowledged by all, compressed."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, acks="all", enable_idempotence=True, compression_type="zstd"
    )
    async with producer:
        yield producer


@asynccontextmanager
async def reader_of(kafka: KafkaBroker, topic: str, group: str | None = None) -> AsyncIterator[AIOKafkaConsumer]:
    """From the group's commit, or from the beginning when there is none."""
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=kafka.bootstrap,
        group_id=group,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
    )
    async with consumer:
        yield consumer


async def test_a_topic_has_the_partitions_and_settings_it_was_created_with(kafka: KafkaBroker) -> None:
    name = f"probe.{uuid.uuid4().hex}"
    await kafka.create_topic(name, 3, {"cleanup.policy": "compact", "segment.ms": "1000"})
    async with Administration(kafka.bootstrap) as client:
        (description,) = await client.describe_topics([name])
        (settings,) = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name)])
    assert sorted(one["partition"] for one in description["partitions"]) == [0, 1, 2]
    *_, entries = settings.resources[0]
    configured = {entry[0]: entry[1] for entry in entries}
    assert configured["cleanup.policy"] == "compact"
    assert configured["segment.ms"] == "1000"


async def test_a_topic_is_created_once(kafka: KafkaBroker, topic: str) -> None:
    with pytest.raises(TopicAlreadyExistsError):
        await kafka.create_topic(topic)


async def test_a_record_keeps_its_key_value_headers_and_time(kafka: KafkaBroker, topic: str) -> None:
    headers = [("ce_type", b"fact"), ("ce_id", b"1"), ("ce_id", b"2")]
    async with producer_of(kafka) as producer:
        sent = await producer.send_and_wait(topic, b"value", b"key", headers=headers, timestamp_ms=1_700_000_000_123)
    async with reader_of(kafka, topic) as reader:
        record = await reader.getone()
    assert (record.key, record.value, record.offset) == (b"key", b"value", sent.offset)
    assert record.timestamp == 1_700_000_000_123
    assert list(record.headers) == headers


async def test_a_tombstone_is_a_record_without_value_and_not_an_empty_one(kafka: KafkaBroker, topic: str) -> None:
    async with producer_of(kafka) as producer:
        await producer.send_and_wait(topic, b"", b"empty")
        await producer.send_and_wait(topic, None, b"gone")
    async with reader_of(kafka, topic) as reader:
        values = [(await reader.getone()).value for _ in range(2)]
    assert values == [b"", None]


async def test_an_idempotent_producer_keeps_the_order_of_a_partition(kafka: KafkaBroker, topic: str) -> None:
    async with producer_of(kafka) as producer:
        pending = [await producer.send(topic, str(number).encode(), b"key") for number in range(500)]
        offsets = [(await future).offset for future in pending]
    assert offsets == list(range(500))
    async with reader_of(kafka, topic) as reader:
        values = [(await reader.getone()).value for _ in range(500)]
    assert values == [str(number).encode() for number in range(500)]


async def test_a_reader_seeks_to_an_offset_and_to_the_beginning(kafka: KafkaBroker, topic: str) -> None:
    partition = TopicPartition(topic, 0)
    async with producer_of(kafka) as producer:
        for number in range(10):
            await producer.send_and_wait(topic, str(number).encode(), b"key")
    async with reader_of(kafka, topic) as reader:
        assert await reader.end_offsets([partition]) == {partition: 10}
        reader.seek(partition, 7)
        assert (await reader.getone()).value == b"7"
        await reader.seek_to_beginning(partition)
        assert (await reader.getone()).value == b"0"


async def test_a_group_resumes_at_what_it_committed_and_not_at_what_it_read(kafka: KafkaBroker, topic: str) -> None:
    partition, group = TopicPartition(topic, 0), f"group.{uuid.uuid4().hex}"
    async with producer_of(kafka) as producer:
        for number in range(5):
            await producer.send_and_wait(topic, str(number).encode(), b"key")
    async with reader_of(kafka, topic, group) as reader:
        assert [(await reader.getone()).offset for _ in range(4)] == [0, 1, 2, 3]
        await reader.commit({partition: 2})
    async with reader_of(kafka, topic, group) as reader:
        assert await reader.committed(partition) == 2
        assert (await reader.getone()).value == b"2"


async def test_a_killed_broker_has_everything_it_acknowledged(kafka: KafkaBroker, topic: str) -> None:
    acknowledged: list[bytes] = []
    enough = asyncio.Event()

    async def produce(producer: AIOKafkaProducer) -> None:
        for number in range(RECORDS_ACROSS_A_CRASH):
            await producer.send_and_wait(topic, value := str(number).encode(), b"key")
            acknowledged.append(value)
            if len(acknowledged) == RECORDS_ACROSS_A_CRASH // 2:
                enough.set()

    async with producer_of(kafka) as producer, asyncio.TaskGroup() as tasks:
        tasks.create_task(produce(producer))
        await enough.wait()
        await kafka.kill()
        await kafka.start()
    async with reader_of(kafka, topic) as reader:
        values = [(await reader.getone()).value for _ in range(RECORDS_ACROSS_A_CRASH)]
    assert values == acknowledged
