"""Permissions is killed again and again while facts stream in: every fact counts once, in order (R106, R109, R111)."""

import asyncio
import random
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from faults.fact_topics import applied_beyond, fact_topics
from faults.histories import History
from faults.ledger_audit import audit
from faults.permissions_process import PermissionsProcess
from servers.kafka import KafkaBroker

DEATHS = 8
FACTS = 400


@pytest.mark.parametrize("seed", [20261124])
async def test_a_service_that_is_killed_while_it_applies_loses_and_repeats_nothing(
    kafka: KafkaBroker, fresh_dsn: str, tmp_path: Path, seed: int
) -> None:
    """Each life is a consumer group of its own, so that the next one need not wait for the dead one's session."""
    history, chance = History(seed, (DEATHS + 1) * FACTS), random.Random(seed)
    async with fact_topics(kafka) as topics:
        process = PermissionsProcess(tmp_path / "permissions", fresh_dsn, kafka.bootstrap, topics.names)
        await process.start(f"life-{uuid4()}")
        connection = await asyncpg.connect(fresh_dsn)
        try:
            for death in range(DEATHS):
                some = history.told[death * FACTS : (death + 1) * FACTS]
                async with asyncio.TaskGroup() as tasks:
                    tasks.create_task(topics.tell(some))
                    await applied_beyond(connection, death * FACTS + chance.randrange(1, FACTS))
                    await process.kill()
                process.spawn(f"life-{uuid4()}")
            await topics.tell(history.told[DEATHS * FACTS :])
            await topics.settled(connection)
        finally:
            await connection.close()
            await process.kill()
    await audit(fresh_dsn, history)
