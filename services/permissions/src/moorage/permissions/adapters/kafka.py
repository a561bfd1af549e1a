"""Kafka as a stream of records: partitions come by group membership, positions from the ledger."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence, Set
from contextlib import asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Final

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ConsumerStoppedError,
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)

from moorage.permissions.adapters.kafka_end import end
from moorage.permissions.adapters.kafka_topics import describe
from moorage.permissions.batches import Record
from moorage.permissions.consumer import Fetched, PositionOutOfRange, StoredPositions, StreamUnavailable
from moorage.permissions.pace import Pace
from moorage.permissions.topic_guard import TopicGuard

_WAIT_MILLISECONDS: Final = 500
_IDLE_MILLISECONDS: Final = 100
"""So long a broker may wait for news: a partition whose backlog goes on is not asked for while it does."""
_AT_ONCE: Final = 200
"""So many records are unpacked before others have their turn: about 0.6 ms."""
_MAX_RECORD_BYTES: Final = 4 * 1024 * 1024
_LOOK_SECONDS: Final = 5.0
"""So often the topic itself is looked at while it is read."""
STEP_SECONDS: Final = 20.0
"""So long one step may take; then the library has lost itself, as when a broker died under it, and is left behind."""


class KafkaStreams:
    """Opens consumers of the fact topics."""

    def __init__(
        self, bootstrap: str, group: str, topics: Sequence[str], positions: StoredPositions, guard: TopicGuard
    ) -> None:
        self._bootstrap = bootstrap
        self._group = group
        self._topics = topics
        self._positions = positions
        self._guard = guard

    @property
    def topics(self) -> Sequence[str]:
        """Their names."""
        return self._topics

    def apart(self) -> Sequence["KafkaStreams"]:
        """One for each topic, in groups of their own."""
        return [
            KafkaStreams(self._bootstrap, f"{self._group}.{topic}", [topic], self._positions, self._guard)
            for topic in self._topics
        ]

    @asynccontextmanager
    async def open(self) -> AsyncIterator["KafkaStream"]:
        """A started consumer. Raises StreamUnavailable, TopicUnfit."""
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._bootstrap.split(","),
            group_id=self._group,
            # The ledger's positions are the truth; without one there is no guess (R112).
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=_MAX_RECORD_BYTES,
            # A single fact is answered at once; only an idle fetch waits.
            fetch_min_bytes=1,
            fetch_max_wait_ms=_IDLE_MILLISECONDS,
            metadata_max_age_ms=30_000,
            session_timeout_ms=10_000,
            isolation_level="read_committed",
        )
        client = AIOKafkaClient(bootstrap_servers=self._bootstrap.split(","))
        stream = KafkaStream(consumer, client, self._topics, self._positions, self._guard)
        with translated():
            try:
                async with asyncio.timeout(STEP_SECONDS):
                    await client.bootstrap()
                    await consumer.start()
                    await stream.look()
                consumer.subscribe(list(self._topics), listener=stream)
                yield stream
            finally:
                await end(consumer, STEP_SECONDS)
                await client.close()


class KafkaStream(ConsumerRebalanceListener):
    """One member of the group."""

    def __init__(
        self,
        consumer: AIOKafkaConsumer,
        client: AIOKafkaClient,
        topics: Sequence[str],
        positions: StoredPositions,
        guard: TopicGuard,
    ) -> None:
        self._consumer = consumer
        self._client = client
        self._topics = topics
        self._positions = positions
        self._guard = guard
        self._next: dict[TopicPartition, int] = {}
        self._unplaced: set[TopicPartition] = set()
        self._turns: dict[TopicPartition, int] = {}
        self._looked = 0.0

    async def batches(self, pace: Pace) -> AsyncIterator[Sequence[Fetched]]:
        """The next records of the assigned partitions in turn, as many as fit.

        What little has come of others goes with a partition of which there is much, instead of making it wait.
        """
        gathered: dict[TopicPartition, Fetched] = {}
        while True:
            quiet, more = True, False
            for partition in list(self._next):
                fetched = await self._at_hand(_room(pace, gathered), partition)
                if fetched is None:
                    continue
                quiet = False
                gathered[partition] = _joined(gathered.get(partition), fetched)
                if _room(pace, gathered) <= 0:
                    yield list(gathered.values())
                    gathered, more = {}, True
            if quiet and not gathered:
                if found := [*await self._read(_AT_ONCE), *await self._passed_over()]:
                    yield found
            elif gathered and not more:
                yield list(gathered.values())
                gathered = {}

    async def _at_hand(self, limit: int, partition: TopicPartition) -> Fetched | None:
        """What has come of a partition, up to the limit; others have their turn meanwhile."""
        whole: Fetched | None = None
        while limit > 0 and (read := await self._read(min(limit, _AT_ONCE), partition)):
            [more] = read
            whole = _joined(whole, more)
            limit -= _size(more)
            await asyncio.sleep(0)
        return whole

    async def rewind(self, topic: str, part: int) -> None:
        """Reads on from the stored position."""
        self._leave(TopicPartition(topic, part))
        self._unplaced.add(TopicPartition(topic, part))

    def is_current(self, fetched: Fetched) -> bool:
        """Whether the partition has been ours, without a rewind, since this was fetched."""
        return self._turns.get(TopicPartition(fetched.topic, fetched.part), 0) == fetched.turn

    def lag(self) -> Mapping[tuple[str, int], int]:
        """How many offsets of each assigned partition have not been fetched yet, by its end as it was last told."""
        ends = {each: self._consumer.highwater(each) for each in self._next if each in self._consumer.assignment()}
        known = {each: end for each, end in ends.items() if end is not None}
        return {(each.topic, each.partition): max(end - self._next[each], 0) for each, end in known.items()}

    async def on_partitions_revoked(self, revoked: Set[TopicPartition]) -> None:
        """What was fetched of these is another's."""
        for partition in revoked:
            self._next.pop(partition, None)
            self._leave(partition)

    async def on_partitions_assigned(self, assigned: Set[TopicPartition]) -> None:
        """Always read from the stored position."""
        self._unplaced |= set(assigned)
        await self._place()

    async def look(self) -> None:
        """Looks whether the topics are still what they should be; a new one is met. Raises TopicUnfit."""
        self._looked = time.monotonic()
        for topic in self._topics:
            found = await describe(self._client, topic)
            if await self._guard.knows(topic):
                await self._guard.admit(found)
                continue
            partitions = [TopicPartition(topic, part) for part in range(found.partitions)]
            ends = await self._consumer.end_offsets(partitions)
            await self._guard.meet(found, {each.partition: end for each, end in ends.items()})

    async def _read(self, limit: int, *partitions: TopicPartition) -> list[Fetched]:
        async with _step():
            if time.monotonic() - self._looked > _LOOK_SECONDS:
                await self.look()
            await self._place()
            wait = 0 if partitions else _WAIT_MILLISECONDS
            try:
                found = await self._consumer.getmany(*partitions, timeout_ms=wait, max_records=limit)
            except OffsetOutOfRangeError as error:
                raise await self._out_of_range() from error
            except NoOffsetForPartitionError:
                # The library asked for the group's position before ours was found; ours has been sought meanwhile.
                return []
        read = []
        for partition, records in found.items():
            if partition in self._next and partition not in self._unplaced:
                # Taken away and given back meanwhile, a partition may have been read on by others.
                news = [each for each in records if each.offset >= self._next[partition]]
                if news:
                    read.append(self._fetched(partition, news))
        return read

    async def _passed_over(self) -> list[Fetched]:
        """Steps without records: over the marks that transactions leave at the end of a partition."""
        steps = []
        async with _step():
            for partition, old in list(self._next.items()):
                if partition in self._unplaced or partition not in self._consumer.assignment():
                    continue
                new = await self._consumer.position(partition)
                if new > old and self._next.get(partition) == old:
                    self._next[partition] = new
                    steps.append(Fetched(*partition, old, new, (), self._turns.get(partition, 0)))
        return steps

    async def _place(self) -> None:
        mine = [each for each in self._unplaced if each in self._consumer.assignment()]
        if not mine:
            return
        stored = await self._positions.of([(each.topic, each.partition) for each in mine])
        first = await self._consumer.beginning_offsets(mine)
        for partition in mine:
            # Where nothing was applied yet, everything that is still there is to be applied.
            self._next[partition] = stored[partition.topic, partition.partition]
            self._consumer.seek(partition, self._next[partition] or first[partition])
        self._unplaced.difference_update(mine)

    def _leave(self, partition: TopicPartition) -> None:
        self._turns[partition] = self._turns.get(partition, 0) + 1

    def _fetched(self, partition: TopicPartition, found: Sequence[ConsumerRecord[bytes, bytes]]) -> Fetched:
        old, new = self._next[partition], found[-1].offset + 1
        self._next[partition] = new
        # A null record only removes a key for good; it never revokes, so it says nothing (§2.2).
        records = [Record(each.offset, each.value, each.timestamp) for each in found if each.value is not None]
        return Fetched(partition.topic, partition.partition, old, new, records, self._turns.get(partition, 0))

    async def _out_of_range(self) -> PositionOutOfRange:
        first = await self._consumer.beginning_offsets(list(self._next))
        last = await self._consumer.end_offsets(list(self._next))
        lost = next(
            (each for each, at in self._next.items() if not first[each] <= at <= last[each]), next(iter(self._next))
        )
        return PositionOutOfRange(lost.topic, lost.partition, self._next[lost])


def _room(pace: Pace, gathered: Mapping[TopicPartition, Fetched]) -> int:
    return pace.limit - sum(map(_size, gathered.values()))


def _size(fetched: Fetched) -> int:
    return max(len(fetched.records), 1)


def _joined(whole: Fetched | None, more: Fetched) -> Fetched:
    """Both; what came before the partition was read anew from the stored position is nobody's."""
    if whole is None or (whole.new, whole.turn) != (more.old, more.turn):
        return more
    return replace(whole, new=more.new, records=[*whole.records, *more.records])


@asynccontextmanager
async def _step() -> AsyncIterator[None]:
    with translated():
        async with asyncio.timeout(STEP_SECONDS):
            yield


@contextmanager
def translated() -> Iterator[None]:
    try:
        yield
    except (KafkaError, IllegalStateError, ConsumerStoppedError, OSError, asyncio.IncompleteReadError) as error:
        raise StreamUnavailable(f"{type(error).__name__}: {error}") from error
