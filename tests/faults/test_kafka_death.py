"""The broker is killed while facts stream in: what it acknowledged is applied when it is back (R106, R117)."""

import asyncio
from contextlib import aclosing
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer

from faults.fact_topics import fact_topics
from faults.histories import History, Told
from faults.ledger_audit import audit
from faults.permissions_process import PermissionsProcess
from moorage.events.topics import IDENTITY
from moorage.permissions.adapters import kafka as adapter
from moorage.permissions.consumer import StoredPositions, StreamUnavailable
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.pace import Pace
from moorage.permissions.topic_guard import TopicGuard
from permissions.sample_facts import user, uuid_of
from servers.kafka import KafkaBroker

pytestmark = pytest.mark.timeout(300)

FACTS = 400


async def test_a_broker_that_dies_is_waited_for(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> None:
    """Meanwhile facts over HTTP flow as ever."""
    history = History(13, 2 * FACTS)
    async with fact_topics(kafka) as topics:
        process = PermissionsProcess(tmp_path / "permissions", fresh_dsn, kafka.bootstrap, topics.names)
        await process.start()
        try:
            await topics.tell(history.told[:FACTS])
            await kafka.kill()
            try:
                status, answer = await process.post("facts", _by_hand(history), process.operator)
            finally:
                await kafka.start()
            assert (status, answer["applied"]) == (200, 1)
            connection = await asyncpg.connect(fresh_dsn)
            await topics.tell(history.told[FACTS:])
            await topics.settled(connection)
            await connection.close()
        finally:
            await process.kill()
    await audit(fresh_dsn, history)


async def test_a_library_that_has_lost_itself_is_left_behind(
    kafka: KafkaBroker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A reader whose own tasks wait for each other, for ever, ends all the same, and leaves none of them."""
    monkeypatch.setattr(adapter, "STEP_SECONDS", 3.0)
    monkeypatch.setattr(adapter, "AIOKafkaConsumer", _LosesItself)
    ledger = MemoryLedger()
    async with fact_topics(kafka) as topics:
        name = topics.names[IDENTITY.name]
        guard = TopicGuard(ledger, {name: IDENTITY.partitions})
        streams = adapter.KafkaStreams(kafka.bootstrap, "lost", [name], StoredPositions(ledger), guard)
        await topics.tell([Told(IDENTITY.name, 0, user("zoe", version=1))])
        with pytest.raises(StreamUnavailable):
            await _read_until_the_end_of(kafka, streams)
        await kafka.start()
    assert not [each for each in asyncio.all_tasks() if _is_of_a_consumer(each)]


async def _read_until_the_end_of(kafka: KafkaBroker, streams: adapter.KafkaStreams) -> None:
    async with streams.open() as stream, aclosing(stream.batches(Pace())) as batches:  # type: ignore[type-var] # an async generator it is
        await anext(batches)
        await kafka.kill()
        async with asyncio.timeout(60):
            await anext(batches)


def _is_of_a_consumer(task: asyncio.Task[object]) -> bool:
    return any(part in repr(task.get_coro()) for part in ("Fetcher", "GroupCoordinator", "AIOKafkaConsumer"))


class _LosesItself(AIOKafkaConsumer):
    """Nobody asks for the places of the partitions any more once it runs, as after a fault of its own."""

    async def start(self) -> None:
        await super().start()
        asyncio.get_running_loop().call_later(2, self._client._sync_task.cancel)


def _by_hand(history: History) -> bytes:
    """A fact of a new user, which becomes part of the history."""
    told = Told(IDENTITY.name, IDENTITY.partition_of(uuid_of("user", "zoe")), user("zoe", version=1))
    history.told.append(told)
    return told.body
