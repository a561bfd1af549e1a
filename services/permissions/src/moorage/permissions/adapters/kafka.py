"""Kafka as a stream of records: partitions come by group membership, positions from the ledger."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Sequence, Set
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.errors import ConsumerStoppedError, IllegalStateError, KafkaError, OffsetOutOfRangeError

from moorage.permissions.batches import Record
from moorage.permissions.consumer import Fetched, PositionOutOfRange, StoredPositions, StreamUnavailable

_FETCH_MILLISECONDS: Final = 500
_MAX_RECORD_BYTES: Final = 4 * 1024 * 1024


class KafkaStreams:
    """Opens consumers of the fact topics."""

    def __init__(self, bootstrap: str, group: str, topics: Sequence[str], positions: StoredPositions) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._topics = topics
        self._positions = positions

    def apart(self) -> Sequence["KafkaStreams"]:
        """One for each topic, in groups of their own."""
        return [
            KafkaStreams(self._bootstrap, f"{self._group}.{topic}", [topic], self._positions) for topic in self._topics
        ]

    @asynccontextmanager
    async def open(self) -> AsyncIterator["KafkaStream"]:
        """A started consumer. Raises StreamUnavailable."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap.split(","),
            group_id=self._group,
            # The ledger's positions are the truth; without one there is no guess (R112).
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=_MAX_RECORD_BYTES,
            session_timeout_ms=10_000,
            isolation_level="read_committed",
        )
        stream = KafkaStream(consumer, self._positions)
        consumer.subscribe(list(self._topics), listener=stream)
        with _translated():
            try:
                await consumer.start()
                yield stream
            finally:
                await consumer.stop()


class KafkaStream(ConsumerRebalanceListener):
    """One member of the group."""

    def __init__(self, consumer: AIOKafkaConsumer, positions: StoredPositions) -> None:
        self._consumer = consumer
        self._positions = positions
        self._next: dict[TopicPartition, int] = {}
        self._unplaced: set[TopicPartition] = set()

    async def batches(self, limit: int) -> AsyncIterator[Fetched]:
        """The next records of each assigned partition in turn."""
        while True:
            with _translated():
                await self._place()
                try:
                    found = await self._consumer.getmany(timeout_ms=_FETCH_MILLISECONDS, max_records=limit)
                except OffsetOutOfRangeError as error:
                    raise await self._out_of_range() from error
            for partition, records in found.items():
                if partition in self._next and partition not in self._unplaced:
                    # Taken away and given back meanwhile, a partition may have been read on by others.
                    news = [each for each in records if each.offset >= self._next[partition]]
                    if news:
                        yield self._fetched(partition, news)

    async def rewind(self, topic: str, part: int) -> None:
        """Reads on from the stored position."""
        self._unplaced.add(TopicPartition(topic, part))

    async def on_partitions_revoked(self, revoked: Set[TopicPartition]) -> None:
        """What was fetched of these is another's."""
        for partition in revoked:
            self._next.pop(partition, None)

    async def on_partitions_assigned(self, assigned: Set[TopicPartition]) -> None:
        """Always read from the stored position."""
        self._unplaced |= set(assigned)
        await self._place()

    async def _place(self) -> None:
        mine = [each for each in self._unplaced if each in self._consumer.assignment()]
        if not mine:
            return
        stored = await self._positions.of([(each.topic, each.partition) for each in mine])
        first = await self._consumer.beginning_offsets(mine)
        for partition in mine:
            self._next[partition] = stored[partition.topic, partition.partition]
            # Where nothing was applied yet, everything that is still there is to be applied.
            self._consumer.seek(partition, self._next[partition] or first[partition])
        self._unplaced.difference_update(mine)

    def _fetched(self, partition: TopicPartition, found: Sequence[ConsumerRecord[bytes, bytes]]) -> Fetched:
        old, new = self._next[partition], found[-1].offset + 1
        self._next[partition] = new
        # A null record only removes a key for good; it never revokes, so it says nothing (§2.2).
        records = [Record(each.offset, each.value) for each in found if each.value is not None]
        return Fetched(partition.topic, partition.partition, old, new, records)

    async def _out_of_range(self) -> PositionOutOfRange:
        first = await self._consumer.beginning_offsets(list(self._next))
        last = await self._consumer.end_offsets(list(self._next))
        lost = next(
            (each for each, at in self._next.items() if not first[each] <= at <= last[each]), next(iter(self._next))
        )
        return PositionOutOfRange(lost.topic, lost.partition, self._next[lost])


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (KafkaError, IllegalStateError, ConsumerStoppedError, OSError, asyncio.IncompleteReadError) as error:
        raise StreamUnavailable(f"{type(error).__name__}: {error}") from error
