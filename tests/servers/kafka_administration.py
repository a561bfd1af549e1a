"""What is asked of a Kafka broker beside records: through aiokafka, with what its own client lacks."""

import asyncio
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

REQUEST_MILLISECONDS: Final = 10_000


class Administration:
    """The administration client as a context manager, which aiokafka's own is not."""

    def __init__(self, bootstrap: str) -> None:
        self._client = AIOKafkaAdminClient(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_MILLISECONDS)

    async def __aenter__(self) -> AIOKafkaAdminClient:
        try:
            await self._client.start()
        except BaseException:
            await self._client.close()
            raise
        return self._client

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.close()


async def listens(port: int) -> bool:
    """Asked before aiokafka is, which logs an error for every connection refused."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def all_partitions_have_leaders(client: AIOKafkaAdminClient, topics: Mapping[str, int]) -> bool:
    """Whether these topics have so many partitions, each with a leader."""
    described = await client.describe_topics(list(topics))
    return {each["topic"]: len(_led(each)) for each in described} == topics


async def all_partitions_serve(bootstrap: str) -> bool:
    """Whether every partition has a leader that answers: after a crash it is named before it knows that it leads."""
    async with Administration(bootstrap) as client:
        described = await client.describe_topics()
    if any(len(_led(each)) != len(each["partitions"]) for each in described):
        return False
    partitions = [TopicPartition(each["topic"], part) for each in described for part in _led(each)]
    if partitions:
        await _ask_leaders(bootstrap, partitions)
    return True


async def _ask_leaders(bootstrap: str, partitions: Sequence[TopicPartition]) -> None:
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, request_timeout_ms=REQUEST_MILLISECONDS)
    await consumer.start()
    try:
        # Tries again until all have answered.
        await consumer.end_offsets(partitions)
    finally:
        await consumer.stop()


def _led(described: Mapping[str, Any]) -> list[int]:
    return [each["partition"] for each in described["partitions"] if each["leader"] >= 0]
