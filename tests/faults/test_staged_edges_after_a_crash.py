"""PostgreSQL crashes while edges are staged: it forgets them, and nobody may take what is left for all there is."""

import asyncio
import os
import signal
from contextlib import suppress
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from faults.waiting import until, until_true
from moorage.permissions.app import SCHEMA, migrate_permissions
from moorage.permissions.ports import LedgerUnavailable
from moorage.permissions.postgres.staged_edges import PostgresStaging
from moorage.permissions.rebuilding.rows import Rows
from moorage.permissions.rebuilding.staging import StagingLost, Stamp
from moorage.permissions.slots import Table
from moorage.runtime.postgres import Database
from servers.postgres import PostgresForTests

STAMP = Stamp(1, datetime(2026, 11, 30, tzinfo=UTC), 1)


async def test_a_crash_of_the_server_ends_the_run(durable_postgres: PostgresForTests) -> None:
    """One backend is killed: the others go down with it, and what was not logged is gone. The next run begins anew."""
    dsn = await durable_postgres.fresh_database()
    role = await migrate_permissions(dsn)
    async with await Database.open(dsn, SCHEMA, role=role, size=3) as database:
        staging = PostgresStaging(database)
        outcome = None
        # The connection that held the run has died: that is all there is to say when it ends.
        with suppress(LedgerUnavailable):
            async with staging.run() as run:
                assert run
                assert await _adding(staging, run) == "staged"
                await _crash(dsn)
                outcome = await _adding(staging, run)
        assert outcome == "lost"
        async with staging.run() as run:
            assert run
            assert await _adding(staging, run) == "staged"


async def _adding(staging: PostgresStaging, run: UUID) -> str:
    """What becomes of edges, as soon as the server can be reached."""
    while True:
        try:
            await staging.add(run, Table.GRANT, Rows(Table.GRANT, STAMP).written())
        except StagingLost:
            return "lost"
        except LedgerUnavailable:
            await asyncio.sleep(0.05)
        else:
            return "staged"


async def _crash(dsn: str) -> None:
    victim, witness = await asyncpg.connect(dsn), await asyncpg.connect(dsn)
    os.kill(await victim.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
    # The server takes a moment to notice; then it ends all the others.
    await until_true(witness.is_closed)
    await until(lambda: _accepts(dsn))


async def _accepts(dsn: str) -> bool:
    try:
        connection = await asyncpg.connect(dsn)
    except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
        return False
    await connection.close()
    return True
