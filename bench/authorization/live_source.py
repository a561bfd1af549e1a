"""The source while the bench runs: heartbeats each second on every partition, and single facts at once."""

import asyncio
import itertools
import json
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Final, Self
from uuid import UUID

from aiokafka import AIOKafkaProducer

from bench.authorization.telling import LIVE, Topics
from moorage.events.topics import AUTHORITY, IDENTITY

_SOURCE: Final = "kafka"
_HEARTBEAT_SECONDS: Final = 1.0


class LiveSource:
    """Tells while it is open."""

    def __init__(self, topics: Topics) -> None:
        self._topics = topics
        self._versions = itertools.count(LIVE)
        self._heart: asyncio.Task[None] | None = None

    async def tell(self, facts: Sequence[bytes]) -> None:
        """The facts, in order, numbered; the broker has them when this returns."""
        for fact in facts:
            document = json.loads(fact)
            document["data"]["version"] = next(self._versions)
            identity = document["type"].startswith("dev.moorage.identity.")
            if identity:
                topic, partition = self._topics.identity, IDENTITY.partition_of(UUID(document["data"]["id"]))
            else:
                topic, partition = self._topics.authority, AUTHORITY.partition_of(UUID(document["data"]["workspace"]))
            await self._send(topic, partition, document)

    def later(self, count: int) -> int:
        """The first of so many versions that nothing else takes."""
        first = next(self._versions)
        self._versions = itertools.count(first + count)
        return first

    async def _send(self, topic: str, partition: int, document: dict[str, Any]) -> None:
        value, key = json.dumps(document).encode(), document["subject"].encode()
        await self._producer.send_and_wait(topic, value, key=key, partition=partition)

    async def _beat(self) -> None:
        while True:
            beats = [
                self._send(name, partition, _heartbeat(kind, partition))
                for name, kind, partitions in (
                    (self._topics.authority, "scm", AUTHORITY.partitions),
                    (self._topics.identity, "identity", IDENTITY.partitions),
                )
                for partition in range(partitions)
            ]
            await asyncio.gather(*beats)
            await asyncio.sleep(_HEARTBEAT_SECONDS)

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(bootstrap_servers=self._topics.bootstrap, acks="all", enable_idempotence=True)
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


def _heartbeat(kind: str, partition: int) -> dict[str, Any]:
    now = datetime.now(UTC).isoformat()
    return {
        "specversion": "1.0",
        "id": f"{kind}-{partition}-{now}",
        "source": "/bench",
        "time": now,
        "type": f"dev.moorage.{kind}.heartbeat.v1",
        "subject": f"hb:{_SOURCE}:{partition}",
        "data": {"source": _SOURCE, "partition": partition, "as_of": now, "mode": "event"},
    }
