"""Two services share the topics while one of them comes and goes: same facts, once each (R106, R111)."""

import asyncio
from pathlib import Path

import asyncpg

from faults.fact_topics import fact_topics
from faults.histories import History
from faults.ledger_audit import audit
from faults.permissions_process import PermissionsProcess
from servers.kafka import KafkaBroker

COMINGS = 3
FACTS = 300


async def test_partitions_that_change_hands_lose_and_repeat_nothing(
    kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path
) -> None:
    """Each coming and each going is a rebalance in the middle of a stream of facts."""
    history = History(11, 2 * COMINGS * FACTS)
    parts = iter([history.told[at : at + FACTS] for at in range(0, len(history.told), FACTS)])
    async with fact_topics(kafka) as topics:
        steady, fickle = (
            PermissionsProcess(tmp_path / name, fresh_dsn, kafka.bootstrap, topics.names) for name in ("one", "two")
        )
        await steady.start(topics.names["scm.authority.v1"])
        try:
            for _ in range(COMINGS):
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(topics.tell(next(parts)))
                    await fickle.start(topics.names["scm.authority.v1"])
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(topics.tell(next(parts)))
                    await fickle.stop()
            connection = await asyncpg.connect(fresh_dsn)
            await topics.settled(connection)
            await connection.close()
        finally:
            await fickle.kill()
            await steady.kill()
    await audit(fresh_dsn, history)
