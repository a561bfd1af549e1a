"""PostgreSQL is killed while facts stream in: nobody is told anything wrong, and nothing is lost (R118, R84)."""

import asyncio
import os
import signal
from pathlib import Path
from uuid import uuid4

import asyncpg

from faults.fact_topics import applied_beyond, fact_topics
from faults.histories import History
from faults.ledger_audit import audit
from faults.permissions_process import PermissionsProcess
from faults.waiting import until, until_true
from moorage.access import wire
from moorage.access.action import Action
from permissions.sample_facts import uuid_of
from servers.kafka import KafkaBroker
from servers.postgres import PostgresForTests

BATCH = 400


async def test_a_database_that_dies_is_waited_for(
    kafka: KafkaBroker, durable_postgres: PostgresForTests, tmp_path: Path
) -> None:
    """Meanwhile facts by HTTP and checks are answered 503; then the consumer goes on by itself."""
    dsn = await durable_postgres.fresh_database()
    history = History(7, 3 * BATCH)
    async with fact_topics(kafka) as topics:
        connection = await asyncpg.connect(dsn)
        process = PermissionsProcess(tmp_path / "permissions", dsn, kafka.bootstrap, topics.names)
        await process.start()
        try:
            await topics.tell(history.told[:BATCH])
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(topics.tell(history.told[BATCH : 2 * BATCH]))
                await applied_beyond(connection, BATCH + BATCH // 3)
                os.kill(durable_postgres.server.pid, signal.SIGKILL)
                await until_true(connection.is_closed)
            await _is_unavailable(process)
            await topics.tell(history.told[2 * BATCH :])
            watching = asyncio.create_task(durable_postgres.server.watch())
            try:
                await until(lambda: _accepts(dsn))
                connection = await asyncpg.connect(dsn)
                await topics.settled(connection)
                await connection.close()
            finally:
                watching.cancel()
                await asyncio.wait([watching])
            await _answers(process)
        finally:
            await process.kill()
    await audit(dsn, history)


async def _is_unavailable(process: PermissionsProcess) -> None:
    fact = History(8, 5).told[0].body
    for operation, body, token in (("facts", fact, process.operator), ("check", _question(), None)):
        status, document = await process.post(operation, body, token)
        assert (status, document["status"]) == (503, 503), operation


async def _answers(process: PermissionsProcess) -> None:
    status, document = await process.post("check", _question())
    assert status == 200, document


def _question() -> bytes:
    ann = {"kind": "user", "id": str(uuid_of("user", "ann")), "credential": str(uuid4())}
    identity = wire.IdentityBody.model_validate(ann)
    request = wire.CheckRequest(identity=identity, workspace="acme", image="one/x", action=Action.PULL)
    return request.model_dump_json(exclude_none=True).encode()


async def _accepts(dsn: str) -> bool:
    try:
        await (await asyncpg.connect(dsn)).close()
    except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
        return False
    return True
