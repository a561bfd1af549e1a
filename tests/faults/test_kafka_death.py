"""The broker is killed while facts stream in: what it acknowledged is applied when it is back (R106, R117)."""

from pathlib import Path

import asyncpg
import pytest

from faults.fact_topics import fact_topics
from faults.histories import History, Told
from faults.ledger_audit import audit
from faults.permissions_process import PermissionsProcess
from moorage.events.topics import IDENTITY
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


def _by_hand(history: History) -> bytes:
    """A fact of a new user, which becomes part of the history."""
    told = Told(IDENTITY.name, IDENTITY.partition_of(uuid_of("user", "zoe")), user("zoe", version=1))
    history.told.append(told)
    return told.body
