"""What rebuilds an empty database in bulk is killed; it begins anew, and ends as if nothing had been (§2.6)."""

import os
import signal
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import asyncpg
import pytest

from faults.fact_topics import FactTopics, fact_topics
from faults.permissions_process import PermissionsProcess
from faults.waiting import until, until_true
from moorage.events.topics import AUTHORITY
from moorage.permissions.app import migrate_permissions
from moorage.permissions.postgres.staged_edges import STAGED
from moorage.runtime.statement import Connection
from permissions.bulk_rebuilds import NEVER, differences, everything, odd_history, rebuilt, settings_for
from servers.kafka import KafkaBroker
from servers.postgres import PostgresForTests

pytestmark = pytest.mark.timeout(300)

SEED = 20261130
DONE = "The ledger has been rebuilt from the topic."
ENDED = "a worker has ended without a word"
HELD_BY = 20261130
"""The advisory lock that workers are made to ask for; nothing of the product takes it."""
HOLD = f"""
    CREATE FUNCTION hold() RETURNS trigger LANGUAGE plpgsql
    AS 'BEGIN PERFORM pg_advisory_xact_lock_shared({HELD_BY}); RETURN NULL; END'
"""


@asynccontextmanager
async def told(kafka: KafkaBroker, postgres: PostgresForTests, folder: Path) -> AsyncIterator[tuple[FactTopics, dict]]:  # type: ignore[type-arg]  # of lists of rows
    """Topics with a history, and what the ordinary way makes of it."""
    dsn = await postgres.fresh_database()
    try:
        async with fact_topics(kafka) as topics:
            await topics.tell(odd_history(SEED, 600))
            await topics.beat()
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


async def staged(connection: Connection) -> bool:
    """Whether workers have put edges where they belong."""
    return await connection.fetchval("SELECT EXISTS (SELECT FROM permissions.staged_group_member)") is True


async def waits(connection: Connection) -> bool:
    """Whether a worker has come to its first edges, and is held back."""
    asked = "SELECT EXISTS (SELECT FROM pg_locks WHERE locktype = 'advisory' AND objid = $1 AND NOT granted)"
    return await connection.fetchval(asked, HELD_BY) is True


@asynccontextmanager
async def held_before_edges_are_staged(dsn: str) -> AsyncIterator[Connection]:
    """However long the test takes, no worker stages an edge before the body ends."""
    async with _migrated(dsn) as connection, connection.transaction():
        await connection.execute(HOLD)
        for table in STAGED.values():
            trigger = f"CREATE TRIGGER hold BEFORE INSERT ON permissions.{table} EXECUTE FUNCTION hold()"
            await connection.execute(trigger)
    async with _migrated(dsn) as connection:
        await connection.fetchval("SELECT pg_advisory_lock($1) IS NULL", HELD_BY)
        yield connection


@asynccontextmanager
async def held_before_edges_are_taken(dsn: str) -> AsyncIterator[Connection]:
    """However long the test takes, staged edges can't be stored before the body ends: somebody looks at the others."""
    async with _migrated(dsn) as connection, connection.transaction():
        await connection.execute("LOCK TABLE permissions.grant_fact IN ACCESS SHARE MODE")
        async with _migrated(dsn) as beside:
            yield beside


@asynccontextmanager
async def _migrated(dsn: str) -> AsyncIterator[Connection]:
    await migrate_permissions(dsn)
    connection = await asyncpg.connect(dsn)
    try:
        yield connection
    finally:
        await connection.close()


def workers_of(parent: int) -> list[int]:
    """The processes that a process has started."""
    return [int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit() and _parent(each) == parent]


def _parent(process: Path) -> int:
    try:
        return int((process / "stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1])
    except OSError:
        return 0


def held(after: str, dsn: str) -> AbstractAsyncContextManager[Connection]:
    """What keeps the rebuild from going on behind that point."""
    return held_before_edges_are_staged(dsn) if after == "started" else held_before_edges_are_taken(dsn)


async def come_to(after: str, process: PermissionsProcess, connection: Connection) -> None:
    """Returns when the rebuild is there."""
    if after == "started":
        await until_true(lambda: bool(workers_of(process.pid)))
    elif after == "staged":
        await until(lambda: staged(connection))
    else:
        await until_true(lambda: "One edge of each key is left." in process.log)


@pytest.mark.parametrize("after", ["started", "staged", "taking"])
async def test_a_killed_rebuild_leaves_nothing_and_is_done_again(
    kafka: KafkaBroker, postgres: PostgresForTests, fresh_dsn: str, tmp_path: Path, after: str
) -> None:
    """While workers start, when edges are staged, and while the one change waits to be made."""
    async with told(kafka, postgres, tmp_path) as (topics, expected):
        process = process_for(kafka, topics, fresh_dsn, tmp_path)
        async with held(after, fresh_dsn) as connection:
            process.spawn(uuid4().hex)
            await come_to(after, process, connection)
            await process.kill()
        await leaves_nothing(fresh_dsn, topics)
        process.spawn(uuid4().hex)
        await ends_as_expected(process, topics, fresh_dsn, expected)


async def leaves_nothing(dsn: str, topics: FactTopics) -> None:
    """No edge of it is there, and no position."""
    connection = await asyncpg.connect(dsn)
    try:
        positions = "SELECT count(*) FROM permissions.ingest_position WHERE topic = $1"
        assert await connection.fetchval(positions, topics.names[AUTHORITY.name]) == 0
        assert await connection.fetchval("SELECT count(*) FROM permissions.group_member") == 0
    finally:
        await connection.close()


async def test_a_killed_worker_is_replaced(
    kafka: KafkaBroker, postgres: PostgresForTests, fresh_dsn: str, tmp_path: Path
) -> None:
    """The service sees that it ended without a word, throws everything away, and tries again."""
    async with told(kafka, postgres, tmp_path) as (topics, expected):
        process = process_for(kafka, topics, fresh_dsn, tmp_path)
        async with held_before_edges_are_staged(fresh_dsn) as connection:
            process.spawn(uuid4().hex)
            await until(lambda: waits(connection))
            for worker in workers_of(process.pid):
                with suppress(ProcessLookupError):
                    os.kill(worker, signal.SIGKILL)
        await ends_as_expected(process, topics, fresh_dsn, expected)
        assert ENDED in process.log


async def test_a_broker_that_dies_is_waited_for(
    kafka: KafkaBroker, postgres: PostgresForTests, fresh_dsn: str, tmp_path: Path
) -> None:
    """It dies while workers have read some of it; what they staged is thrown away."""
    async with told(kafka, postgres, tmp_path) as (topics, expected):
        process = process_for(kafka, topics, fresh_dsn, tmp_path)
        async with held_before_edges_are_staged(fresh_dsn) as connection:
            process.spawn(uuid4().hex)
            await until(lambda: waits(connection))
            await kafka.kill()
        try:
            await until_true(lambda: "trying again" in process.log)
        finally:
            await kafka.start()
        await ends_as_expected(process, topics, fresh_dsn, expected)
