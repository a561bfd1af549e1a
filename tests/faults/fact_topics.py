"""Two fact topics of a test's own, with the partitions of the contract."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final
from uuid import uuid4

from aiokafka import AIOKafkaProducer
from aiokafka.structs import RecordMetadata

from faults.histories import Told
from faults.waiting import until
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.permissions.sources import KAFKA
from moorage.runtime.statement import Connection
from permissions.sample_snapshots import heartbeat
from servers.kafka import KafkaBroker

COMPACTED: Final[Mapping[str, str]] = {"cleanup.policy": "compact"}
_AT_ONCE: Final = 50


class FactTopics:
    """Tells records, and knows how far permissions has to come to have applied them."""

    def __init__(self, producer: AIOKafkaProducer, names: dict[str, str]) -> None:
        self._producer = producer
        self.names = names
        self.ends: dict[tuple[str, int], int] = {}

    async def tell(self, records: Sequence[Told]) -> None:
        """The records, in order; acknowledged by the broker when this returns."""
        for at in range(0, len(records), _AT_ONCE):
            sent = [await self._send(each) for each in records[at : at + _AT_ONCE]]
            for metadata in await asyncio.gather(*sent):
                self.ends[metadata.topic, metadata.partition] = metadata.offset + 1

    async def _send(self, told: Told) -> "asyncio.Future[RecordMetadata]":
        topic, key = self.names[told.topic], told.place[1].encode()
        return await self._producer.send(topic, told.body, key=key, partition=told.partition)

    async def beat(self) -> None:
        """The source says, in every partition, that it has told all there is."""
        now = datetime.now(UTC).isoformat()
        for topic, lane in ((AUTHORITY, "scm"), (IDENTITY, "identity")):
            parts = range(topic.partitions)
            await self.tell([Told(topic.name, part, heartbeat(KAFKA.name, now, part, lane)) for part in parts])

    async def applied(self, connection: Connection) -> None:
        """Returns when every position is at the end of what was told."""

        async def at_the_end() -> bool:
            rows = await connection.fetch("SELECT topic, part, next FROM permissions.ingest_position")
            stored = {(row["topic"], row["part"]): row["next"] for row in rows}
            return all(stored.get(place, 0) >= end for place, end in self.ends.items())

        await until(at_the_end)

    async def settled(self, connection: Connection) -> None:
        """The same, and then the source says that this was all, so that no re-activation waits any longer (§2.1)."""
        await self.applied(connection)
        await self.beat()
        await self.applied(connection)
        assert await connection.fetchval("SELECT count(*) FROM permissions.parked_fact") == 0


async def applied_beyond(connection: Connection, records: int) -> None:
    """Returns when that many records, of all partitions together, have been applied."""

    async def beyond() -> bool:
        return await records_applied(connection) >= records

    await until(beyond)


async def records_applied(connection: Connection) -> int:
    """How many records have been applied."""
    return int(await connection.fetchval("SELECT coalesce(sum(next), 0) FROM permissions.ingest_position"))


@asynccontextmanager
async def fact_topics(broker: KafkaBroker, config: Mapping[str, str] = COMPACTED) -> AsyncIterator[FactTopics]:
    """Fresh topics."""
    suffix = uuid4().hex[:8]
    names = {AUTHORITY.name: f"scm.authority.{suffix}", IDENTITY.name: f"identity.principals.{suffix}"}
    for topic in (AUTHORITY, IDENTITY):
        await broker.create_topic(names[topic.name], topic.partitions, config)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap, acks="all", enable_idempotence=True)
    await producer.start()
    try:
        yield FactTopics(producer, names)
    finally:
        await producer.stop()
