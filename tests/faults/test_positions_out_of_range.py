"""A topic is made anew: its facts are not guessed at, and the other topic's go on (R112)."""

from pathlib import Path

import asyncpg

from faults.fact_topics import FactTopics, fact_topics
from faults.histories import History, Told
from faults.permissions_process import PermissionsProcess
from faults.waiting import until, until_true
from moorage.events.topics import AUTHORITY, IDENTITY
from moorage.runtime.statement import Connection
from servers.kafka import Administration, KafkaBroker

REPORTED = "A stored position is not in its partition any more"


async def test_a_topic_that_was_made_anew_stops_and_says_so(kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path) -> None:
    """It is not read from its end, nor from its beginning: what lies between is unknown."""
    history = History(19, 300)
    authority = [each for each in history.told if each.topic == AUTHORITY.name]
    identity = [each for each in history.told if each.topic == IDENTITY.name]
    async with fact_topics(kafka) as topics:
        process = PermissionsProcess(tmp_path / "permissions", fresh_dsn, kafka.bootstrap, topics.names)
        connection = await asyncpg.connect(fresh_dsn)
        try:
            await process.start()
            await topics.tell(authority)
            await topics.applied(connection)
            await process.stop()
            await made_anew(kafka, topics)
            await topics.tell([*authority[:4], *identity])
            before = await positions(connection, topics)
            await process.start("another group")
            await until_true(lambda: REPORTED in process.log)
            await identity_applied(connection, topics, identity)
            assert await positions(connection, topics) == before
        finally:
            await connection.close()
            await process.kill()


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
