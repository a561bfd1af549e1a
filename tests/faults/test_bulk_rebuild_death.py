"""What rebuilds an empty database in bulk is killed; it begins anew, and ends as if nothing had been (§2.6)."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from faults.fact_topics import FactTopics, fact_topics
from faults.permissions_process import PermissionsProcess
from faults.waiting import until, until_true
from moorage.events.topics import AUTHORITY
from moorage.permissions.postgres.ledger import LOCK_CLASS, ORDER
from moorage.runtime.statement import Connection
from permissions.bulk_rebuilds import NEVER, differences, everything, odd_history, rebuilt, settings_for
from servers.kafka import KafkaBroker
from servers.postgres import PostgresForTests

SEED = 20261130
DONE = "The ledger has been rebuilt from the topic."


@asynccontextmanager
async def told(kafka: KafkaBroker, postgres: PostgresForTests, folder: Path) -> AsyncIterator[tuple[FactTopics, dict]]:  # type: ignore[type-arg]  # of lists of rows
    """Topics with a history, and what the ordinary way makes of it."""
    dsn = await postgres.fresh_database()
    try:
        async with fact_topics(kafka) as topics:
            await topics.tell(odd_history(SEED, 600))
            async with rebuilt(settings_for(dsn, kafka, topics, folder, NEVER), topics):
                expected = await everything(dsn)
            yield topics, expected
    finally:
        await postgres.drop(dsn)


def process_for(kafka: KafkaBroker, topics: FactTopics, dsn: str, folder: Path) -> PermissionsProcess:
    """The service, which rebuilds in bulk however little there is."""
    process = PermissionsProcess(folder / "permissions", dsn, kafka.bootstrap, topics.names)
    process.configure({"REBUILD_IN_BULK_FROM": "0"})
    return process


async def ends_as_expected(
    process: PermissionsProcess, topics: FactTopics, dsn: str, expected: dict[str, list[str]]
) -> None:
    """The service comes to the same state, in bulk."""
    connection = await asyncpg.connect(dsn)
    try:
        await topics.applied(connection)
        await until_true(lambda: DONE in process.log)
        await until(lambda: _nothing_staged(connection))
    finally:
        await connection.close()
        await process.kill()
    assert differences(await everything(dsn), expected) == {}


async def _nothing_staged(connection: Connection) -> bool:
    return await connection.fetchval("SELECT run FROM permissions.staging_run") is None


async def _staged(connection: Connection) -> bool:
    with suppress(asyncpg.UndefinedTableError, asyncpg.InvalidSchemaNameError):
        return await connection.fetchval("SELECT EXISTS (SELECT FROM permissions.staged_group_member)") is True
    return False


def workers_of(parent: int) -> list[int]:
    """The processes that a process has started."""
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _parent(each) == parent]


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


@pytest.mark.parametrize("after", ["started", "staged", "taking"])
async def test_a_killed_rebuild_leaves_nothing_and_is_done_again(
    kafka: KafkaBroker, postgres: PostgresForTests, fresh_dsn: str, tmp_path: Path, after: str
) -> None:
    """While workers start, when edges are staged, and while the one change waits to be made."""
    async with told(kafka, postgres, tmp_path) as (topics, expected):
        process = process_for(kafka, topics, fresh_dsn, tmp_path)
        connection = await asyncpg.connect(fresh_dsn)
        try:
            process.spawn(uuid4().hex)
            if after == "started":
                await until_true(lambda: bool(workers_of(process.pid)))
            else:
                await until(lambda: _staged(connection))
            if after == "taking":
                await _while_it_waits_for_its_turn(connection, process)
            await process.kill()
            positions = "SELECT count(*) FROM permissions.ingest_position WHERE topic = $1"
            assert await connection.fetchval(positions, topics.names[AUTHORITY.name]) == 0
            assert await connection.fetchval("SELECT count(*) FROM permissions.group_member") == 0
        finally:
            await connection.close()
        process.spawn(uuid4().hex)
        await ends_as_expected(process, topics, fresh_dsn, expected)


async def _while_it_waits_for_its_turn(connection: Connection, process: PermissionsProcess) -> None:
    """Everything has been read, and the edges can't be stored because somebody looks at them."""
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("LOCK TABLE permissions.grant_fact IN ACCESS SHARE MODE")
    await until_true(lambda: "One edge of each key is left." in process.log)
    await process.kill()
    await transaction.rollback()


async def test_a_killed_worker_is_replaced(
    kafka: KafkaBroker, postgres: PostgresForTests, fresh_dsn: str, tmp_path: Path
) -> None:
    """The service sees that it ended without a word, throws everything away, and tries again."""
    async with told(kafka, postgres, tmp_path) as (topics, expected):
        process = process_for(kafka, topics, fresh_dsn, tmp_path)
        process.spawn(uuid4().hex)
        await until_true(lambda: bool(workers_of(process.pid)))
        for worker in workers_of(process.pid):
            with suppress(ProcessLookupError):
                os.kill(worker, signal.SIGKILL)
        await asyncio.sleep(0)
        await ends_as_expected(process, topics, fresh_dsn, expected)
        assert "a worker has ended without a word" in process.log


async def test_a_broker_that_dies_is_waited_for(
    kafka: KafkaBroker, postgres: PostgresForTests, fresh_dsn: str, tmp_path: Path
) -> None:
    """It dies while workers have read some of it; what they staged is thrown away."""
    async with told(kafka, postgres, tmp_path) as (topics, expected):
        process = process_for(kafka, topics, fresh_dsn, tmp_path)
        process.spawn(uuid4().hex)
        await until_true(lambda: bool(workers_of(process.pid)))
        connection = await asyncpg.connect(fresh_dsn)
        try:
            # Nobody can give out aliases meanwhile, so the workers can't come to the end.
            await connection.fetchval("SELECT pg_advisory_lock($1::int, $2::int) IS NULL", LOCK_CLASS, ORDER)
            await kafka.kill()
        finally:
            await connection.close()
        try:
            await until_true(lambda: "trying again" in process.log)
        finally:
            await kafka.start()
        await ends_as_expected(process, topics, fresh_dsn, expected)
