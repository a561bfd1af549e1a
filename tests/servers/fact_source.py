"""A source of facts on Kafka that keeps the contract: explicit partitions, versions of one counter, heartbeats."""

import asyncio
import itertools
import json
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

import asyncpg
from aiokafka import AIOKafkaProducer

from moorage.access.consistency import ConsistencyToken
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.runtime.statement import Connection

HEARTBEAT_SECONDS: Final = 1.0
APPLIED_SECONDS: Final = 60.0
SOURCE: Final = "kafka"


class KafkaSource:
    """Tells facts while it is open, and says every second that it has told all it knows."""

    def __init__(self, bootstrap: str, topics: Mapping[str, str]) -> None:
        """`topics` maps the names of the contract to those of this run."""
        self._topics = topics
        self._bootstrap = bootstrap
        self._versions = itertools.count(1)
        self.told: dict[tuple[str, int], int] = {}
        """The offset of the last fact in each topic and partition, heartbeats not counted."""
        self._heart: asyncio.Task[None] | None = None

    async def tell(self, facts: Sequence[dict[str, Any]]) -> None:
        """The facts, in order, each with the next version; acknowledged by the broker when this returns."""
        for fact in facts:
            data = {"version": next(self._versions), **fact["data"]}
            topic, partition = _place(fact)
            self.told[self._topics[topic], partition] = await self._send(topic, partition, {**fact, "data": data})

    async def _send(self, topic: str, partition: int, record: dict[str, Any]) -> int:
        value, key = json.dumps(record, separators=(",", ":")).encode(), record["subject"].encode()
        metadata = await self._producer.send_and_wait(self._topics[topic], value, key=key, partition=partition)
        return metadata.offset

    async def _beat(self) -> None:
        while True:
            for topic, kind in ((AUTHORITY, "scm"), (IDENTITY, "identity")):
                for partition in range(topic.partitions):
                    await self._send(topic.name, partition, _heartbeat(kind, partition))
            await asyncio.sleep(HEARTBEAT_SECONDS)

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(bootstrap_servers=self._bootstrap, acks="all", enable_idempotence=True)
        await self._producer.start()
        self._heart = asyncio.create_task(self._beat())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._heart:
            self._heart.cancel()
            with suppress(asyncio.CancelledError):
                await self._heart
        await self._producer.stop()


async def applied(dsn: str, source: KafkaSource) -> ConsistencyToken:
    """A position at which permissions, with this database, has applied everything told. Raises TimeoutError."""
    connection = await asyncpg.connect(dsn)
    try:
        async with asyncio.timeout(APPLIED_SECONDS):
            while not await _reached(connection, source.told):  # noqa: ASYNC110 - the event is in another process
                await asyncio.sleep(0.02)
        row = await connection.fetchrow("SELECT epoch, seq FROM permissions.meta")
    finally:
        await connection.close()
    assert row
    return ConsistencyToken(row["epoch"], row["seq"])


async def _reached(connection: Connection, told: Mapping[tuple[str, int], int]) -> bool:
    rows = await connection.fetch("SELECT topic, part, next FROM permissions.ingest_position")
    stored = {(row["topic"], row["part"]): row["next"] for row in rows}
    return all(stored.get(place, 0) > offset for place, offset in told.items())


def _heartbeat(kind: str, partition: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "specversion": "1.0",
        "id": f"{kind}-{partition}-{now}",
        "source": "/tests",
        "time": now,
        "type": f"dev.moorage.{kind}.heartbeat.v1",
        "subject": f"hb:{SOURCE}:{partition}",
        "data": {"source": SOURCE, "partition": partition, "as_of": now, "mode": "event"},
    }


def _place(fact: Mapping[str, Any]) -> tuple[str, int]:
    """The topic and the partition by the contract."""
    if fact["type"].startswith("dev.moorage.identity."):
        return IDENTITY.name, IDENTITY.partition_of(UUID(fact["data"]["id"]))
    return AUTHORITY.name, AUTHORITY.partition_of(UUID(fact["data"]["workspace"]))
