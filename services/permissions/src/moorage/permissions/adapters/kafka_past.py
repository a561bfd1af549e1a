"""A topic from its beginning to where it ends now: record batches are taken apart directly.

The library's consumer makes an object of twelve members for each record, which takes a third of the time of reading it.
Only what was committed is read; where producers use transactions the rebuild in bulk is not for (Unsuited).
"""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import CorruptRecordException, NotLeaderForPartitionError, for_code
from aiokafka.protocol.fetch import FetchRequest
from aiokafka.record.memory_records import MemoryRecords

from moorage.permissions.adapters.kafka import STEP_SECONDS, translated
from moorage.permissions.adapters.kafka_end import end
from moorage.permissions.adapters.kafka_topics import describe
from moorage.permissions.consumer import StreamUnavailable
from moorage.permissions.rebuilding.reading import Kept, Unsuited
from moorage.permissions.topic_guard import TopicGuard

if TYPE_CHECKING:
    from aiokafka.record.memory_records import RecordBatch

_FETCH_BYTES: Final = 2 * 1024 * 1024
_WAIT_MILLISECONDS: Final = 500
_READ_COMMITTED: Final = 1
_EMPTY_ANSWERS: Final = 20
"""So often in a row a broker may have nothing where something is known to be."""


class KafkaPast:
    """Reads one topic. Made by `open_past`."""

    def __init__(self, client: AIOKafkaClient, topic: str) -> None:
        self._client = client
        self._topic = topic

    async def records(self, part: int, start: int, stop: int) -> AsyncIterator[Sequence[Kept]]:
        """The records of a partition from offset to offset, in order. Raises StreamUnavailable, Unsuited."""
        with translated():
            ahead = asyncio.create_task(self._fetch(part, start))
            try:
                while start < stop:
                    batches = await ahead
                    end = batches[-1].next_offset
                    if end < stop:
                        ahead = asyncio.create_task(self._fetch(part, end))
                    for batch in batches:
                        # A broker sends as much as it may: what lies behind the end is not even unpacked.
                        if start < stop:
                            yield [each for each in batch if start <= each.offset < stop]
                        start = batch.next_offset
            finally:
                ahead.cancel()
                await asyncio.wait([ahead])

    async def _fetch(self, part: int, offset: int) -> "Sequence[RecordBatch]":
        for _ in range(_EMPTY_ANSWERS):
            leader = self._client.cluster.leader_for_partition(TopicPartition(self._topic, part))
            if leader is None or leader < 0:
                raise NotLeaderForPartitionError(f"partition {part} of {self._topic} has no leader")
            wanted = [(self._topic, [(part, offset, _FETCH_BYTES)])]
            request = FetchRequest(_WAIT_MILLISECONDS, 1, _FETCH_BYTES, _READ_COMMITTED, wanted)
            answer = await self._client.send(leader, request)
            [(_, [(_, code, *_, packed)])] = answer.topics
            if code:
                raise for_code(code)(f"partition {part} of {self._topic} at {offset}")
            if batches := _batches(packed):
                return batches
        raise StreamUnavailable(f"the broker has nothing of partition {part} of {self._topic} at {offset}")


def _batches(packed: bytes) -> "list[RecordBatch]":
    found: list[RecordBatch] = []
    records = MemoryRecords(bytes(packed))
    while records.has_next():
        batch = records.next_batch()
        if batch is None or not batch.validate_crc():
            raise CorruptRecordException("a batch of records does not fit its checksum")
        if batch.is_control_batch or batch.is_transactional:
            raise Unsuited("its producers use transactions")
        found.append(batch)
    return found


@asynccontextmanager
async def open_past(bootstrap: str, topic: str) -> AsyncIterator[KafkaPast]:
    """A reader of the topic. Raises StreamUnavailable."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap.split(","))
    with translated():
        try:
            await client.bootstrap()
            await client.set_topics([topic])
            yield KafkaPast(client, topic)
        finally:
            await client.close()


class KafkaExtent:
    """Where a topic begins and ends."""

    def __init__(self, bootstrap: str, topic: str, guard: TopicGuard) -> None:
        self._bootstrap = bootstrap
        self._topic = topic
        self._guard = guard

    async def now(self) -> Mapping[int, tuple[int, int]]:
        """First offset and end of each partition, as far as it is committed; a new topic is met first.

        Raises StreamUnavailable, TopicUnfit.
        """
        servers = self._bootstrap.split(",")
        client = AIOKafkaClient(bootstrap_servers=servers)
        consumer = AIOKafkaConsumer(bootstrap_servers=servers, isolation_level="read_committed")
        with translated():
            try:
                await client.bootstrap()
                await consumer.start()
                return await self._now(client, consumer)
            finally:
                await end(consumer, STEP_SECONDS)
                await client.close()

    async def _now(self, client: AIOKafkaClient, consumer: AIOKafkaConsumer) -> Mapping[int, tuple[int, int]]:
        found = await describe(client, self._topic)
        partitions = [TopicPartition(self._topic, part) for part in range(found.partitions)]
        ends = await consumer.end_offsets(partitions)
        if await self._guard.knows(self._topic):
            await self._guard.admit(found)
        else:
            await self._guard.meet(found, {each.partition: end for each, end in ends.items()})
        first = await consumer.beginning_offsets(partitions)
        return {each.partition: (first[each], ends[each]) for each in partitions}
