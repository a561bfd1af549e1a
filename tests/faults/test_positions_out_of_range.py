"""A topic is made anew, cut, or gets more partitions: nothing is guessed, and the other topic goes on (R112)."""

from pathlib import Path

import asyncpg
import pytest
from aiokafka import TopicPartition
from aiokafka.admin import NewPartitions, RecordsToDelete

from faults.fact_topics import FactTopics, fact_topics
from faults.histories import History, Told
from faults.permissions_process import PermissionsProcess
from faults.waiting import until, until_true
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.runtime.statement import Connection
from servers.kafka import KafkaBroker
from servers.kafka_administration import Administration

OUT_OF_RANGE = "A stored position is not in its partition any more"
UNFIT = "A topic is not what it should be"
MADE_ANEW, TOO_MANY = "was made anew", "25 partitions instead of 24"
HISTORY = History(19, 300)
AUTHORITY_FACTS = [each for each in HISTORY.told if each.topic == AUTHORITY.name]
IDENTITY_FACTS = [each for each in HISTORY.told if each.topic == IDENTITY.name]


@pytest.mark.parametrize("longer", [False, True], ids=["shorter", "longer"])
async def test_a_topic_that_was_made_anew_stops_and_says_so(
    kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path, longer: bool
) -> None:
    """It is not read from its end, nor from its beginning, nor from positions that mean other records now."""
    async with fact_topics(kafka) as topics:
        process = PermissionsProcess(tmp_path / "permissions", fresh_dsn, kafka.bootstrap, topics.names)
        connection = await asyncpg.connect(fresh_dsn)
        try:
            await all_applied(process, connection, topics)
            await process.stop()
            await made_anew(kafka, topics)
            news = [*AUTHORITY_FACTS, *AUTHORITY_FACTS] if longer else AUTHORITY_FACTS[:4]
            await topics.tell([*news, *IDENTITY_FACTS])
            await stands_still(process, connection, topics, UNFIT, MADE_ANEW)
        finally:
            await connection.close()
            await process.kill()


async def test_a_topic_that_got_more_partitions_stops_and_says_so(
    kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path
) -> None:
    """Keys have moved, also while it is being read: which of two facts of a key is the later is unknown."""
    async with fact_topics(kafka) as topics:
        process = PermissionsProcess(tmp_path / "permissions", fresh_dsn, kafka.bootstrap, topics.names)
        connection = await asyncpg.connect(fresh_dsn)
        try:
            await all_applied(process, connection, topics)
            async with Administration(kafka.bootstrap) as client:
                more = NewPartitions(AUTHORITY.partitions + 1)
                await client.create_partitions({topics.names[AUTHORITY.name]: more})
            await until_true(lambda: UNFIT in process.log and TOO_MANY in process.log)
            await process.stop()
            await topics.tell([*AUTHORITY_FACTS, *IDENTITY_FACTS])
            await stands_still(process, connection, topics, UNFIT, TOO_MANY)
        finally:
            await connection.close()
            await process.kill()


async def test_records_that_were_dropped_before_they_were_read_are_missed(
    kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path
) -> None:
    """The first that is left is not the next: between them may have been a revocation."""
    async with fact_topics(kafka, {"cleanup.policy": "delete"}) as topics:
        process = PermissionsProcess(tmp_path / "permissions", fresh_dsn, kafka.bootstrap, topics.names)
        connection = await asyncpg.connect(fresh_dsn)
        try:
            await all_applied(process, connection, topics)
            await process.stop()
            await topics.tell([*AUTHORITY_FACTS, *IDENTITY_FACTS])
            name = topics.names[AUTHORITY.name]
            ends = {TopicPartition(*place): end for place, end in topics.ends.items() if place[0] == name}
            async with Administration(kafka.bootstrap) as client:
                await client.delete_records({each: RecordsToDelete(end) for each, end in ends.items()})
            await stands_still(process, connection, topics, OUT_OF_RANGE, name)
        finally:
            await connection.close()
            await process.kill()


async def all_applied(process: PermissionsProcess, connection: Connection, topics: FactTopics) -> None:
    """The history's authority facts are told and applied."""
    await process.start()
    await topics.tell(AUTHORITY_FACTS)
    await topics.applied(connection)


async def stands_still(process: PermissionsProcess, connection: Connection, topics: FactTopics, *reported: str) -> None:
    """Started again, it says why it applies nothing from the authority topic, and applies the other one."""
    before = await positions(connection, topics)
    process.spawn("another group")
    await until_true(lambda: all(each in process.log for each in reported))
    await identity_applied(connection, topics, IDENTITY_FACTS)
    assert await positions(connection, topics) == before


async def made_anew(kafka: KafkaBroker, topics: FactTopics) -> None:
    """The authority topic, without its records."""
    name = topics.names[AUTHORITY.name]
    async with Administration(kafka.bootstrap) as client:
        await client.delete_topics([name])

        async def gone() -> bool:
            return name not in await client.list_topics()

        await until(gone)
    await kafka.create_topic(name, AUTHORITY.partitions)
    topics.ends.clear()


async def positions(connection: Connection, topics: FactTopics) -> dict[int, int]:
    """How far the authority topic is applied."""
    query = "SELECT part, next FROM permissions.ingest_position WHERE topic = $1"
    return {row["part"]: row["next"] for row in await connection.fetch(query, topics.names[AUTHORITY.name])}


async def identity_applied(connection: Connection, topics: FactTopics, facts: list[Told]) -> None:
    """Returns when the facts of users are applied, which are in the other topic."""
    topics.ends = {place: end for place, end in topics.ends.items() if place[0] == topics.names[IDENTITY.name]}
    assert facts
    assert topics.ends
    await topics.applied(connection)
