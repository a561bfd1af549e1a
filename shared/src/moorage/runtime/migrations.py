"""Brings one schema to the version of the code: numbered plain SQL files, each applied once, in order.

Any number of processes may start at once. Each file runs in a transaction of its own together with its entry in
`<schema>.migration`, so a process killed between or within files leaves a state the next one continues from.
"""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Final

import asyncpg

from moorage.runtime.migration_files import Migration, MigrationError, read_migrations
from moorage.runtime.postgres import UNAVAILABLE, checked_identifier, connecting, session_settings, using
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one

OLDEST_SERVER: Final = 15
NEWEST_SERVER: Final = 18

# A file that cannot get its table lock soon would queue every reader behind itself: it gives up, the next start tries.
LOCK_TIMEOUT: Final = 10.0
STATEMENT_TIMEOUT: Final = 600.0
TURN_TIMEOUT: Final = 900.0
TURN_POLL: Final = 0.1
CLOSE_TIMEOUT: Final = 5.0


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    number: int
    name: str
    checksum: str


class UnsupportedServer(MigrationError):
    """The PostgreSQL server is older or newer than the versions we test with."""

    def __init__(self, major: int) -> None:
        super().__init__(f"PostgreSQL {major} is not supported, only {OLDEST_SERVER} to {NEWEST_SERVER}")
        self.major = major


class MigrationChanged(MigrationError):
    """A file was changed after it had been applied to this database."""

    def __init__(self, applied: AppliedMigration) -> None:
        super().__init__(f"migration {applied.number:04} ({applied.name}) was changed after it had been applied")
        self.number = applied.number


class DatabaseNewer(MigrationError):
    """A newer version of the code has migrated this database already."""

    def __init__(self, database: int, code: int) -> None:
        super().__init__(f"the database is at migration {database:04}, this version knows {code:04} at most")
        self.database, self.code = database, code


class MigrationFailed(MigrationError):
    """PostgreSQL refused a file; its transaction was rolled back."""

    def __init__(self, migration: Migration, reason: str) -> None:
        super().__init__(f"migration {migration.number:04} ({migration.name}) failed: {reason}")
        self.number = migration.number


SERVER_VERSION: Final = Statement(int, "SELECT current_setting('server_version_num')::integer")
TRY_TURN: Final = Statement(bool, "SELECT pg_try_advisory_lock($1)")
END_TURN: Final = Statement(bool, "SELECT pg_advisory_unlock($1)")
SCHEMA_EXISTS: Final = Statement(bool, "SELECT EXISTS (SELECT FROM pg_namespace WHERE nspname = $1)")
APPLIED: Final = Statement(AppliedMigration, "SELECT number, name, checksum FROM migration ORDER BY number")
RECORD: Final = Statement(type(None), "INSERT INTO migration (number, name, checksum) VALUES ($1, $2, $3)")
CREATE_TABLE: Final = Statement(
    type(None),
    """
    CREATE TABLE IF NOT EXISTS migration (
        number integer PRIMARY KEY,
        name text NOT NULL,
        checksum text NOT NULL,
        applied_at timestamptz NOT NULL DEFAULT now()
    )
    """,
)


async def migrate(
    dsn: str,
    schema: str,
    files: Traversable,
    *,
    role: str | None = None,
    progress: Callable[[Migration], None] | None = None,
) -> list[Migration]:
    """Applies the files the schema lacks and answers them; `progress` is told each one before it runs.

    Creates the schema if it is missing. `role`, where given, is what the files run as.
    Raises a MigrationError, DatabaseUnavailable, DatabaseRefused or InvalidDatabaseAddress.
    """
    migrations = await asyncio.to_thread(read_migrations, files)
    async with connected(dsn, schema, role) as connection, turn(connection, schema):
        await _create_schema(connection, schema)
        pending = _pending(migrations, await fetch_all(connection, APPLIED))
        for migration in pending:
            if progress is not None:
                progress(migration)
            await _apply(connection, migration)
    return pending


@asynccontextmanager
async def connected(dsn: str, schema: str, role: str | None = None) -> AsyncIterator[Connection]:
    """One connection outside any pool, for changes of the schema. Raises UnsupportedServer."""
    settings = session_settings(schema, role, STATEMENT_TIMEOUT)
    settings["lock_timeout"] = str(round(LOCK_TIMEOUT * 1000))
    with connecting():
        connection = await asyncpg.connect(dsn, server_settings=settings, timeout=LOCK_TIMEOUT)
    try:
        with using(connection):
            await _check_server(connection)
            yield connection
    finally:
        # The outcome is decided; whatever becomes of the session, its lock goes with it.
        with suppress(*UNAVAILABLE, asyncpg.InterfaceError, OSError):
            await connection.close(timeout=CLOSE_TIMEOUT)


async def _check_server(connection: Connection) -> None:
    major = (await fetch_one(connection, SERVER_VERSION) or 0) // 10_000
    if not OLDEST_SERVER <= major <= NEWEST_SERVER:
        raise UnsupportedServer(major)


@asynccontextmanager
async def turn(connection: Connection, schema: str) -> AsyncIterator[None]:
    """Holds the schema's session lock; whoever holds it changes the schema. Raises TimeoutError after 15 minutes."""
    key = int.from_bytes(hashlib.sha256(f"moorage migration {schema}".encode()).digest()[:8], signed=True)
    async with asyncio.timeout(TURN_TIMEOUT):
        await _wait_for_turn(connection, key)
    yield
    await fetch_one(connection, END_TURN, key)


async def _wait_for_turn(connection: Connection, key: int) -> None:
    # Asked for again and again instead of waited for: a waiting session holds a snapshot, which blocks others.
    while True:
        if await fetch_one(connection, TRY_TURN, key):
            return
        await asyncio.sleep(TURN_POLL)


async def _create_schema(connection: Connection, schema: str) -> None:
    # CREATE SCHEMA IF NOT EXISTS asks for a right that is not needed when somebody else has created the schema.
    if not await fetch_one(connection, SCHEMA_EXISTS, schema):
        await connection.execute(f"CREATE SCHEMA {checked_identifier(schema)}")
    await execute(connection, CREATE_TABLE)


def _pending(migrations: Sequence[Migration], applied: Sequence[AppliedMigration]) -> list[Migration]:
    for known, was in zip(migrations, applied, strict=False):
        if known.checksum != was.checksum:
            raise MigrationChanged(was)
    if len(applied) > len(migrations):
        raise DatabaseNewer(applied[-1].number, len(migrations))
    return list(migrations[len(applied) :])


async def _apply(connection: Connection, migration: Migration) -> None:
    try:
        async with connection.transaction():
            await connection.execute(migration.sql)
            await execute(connection, RECORD, migration.number, migration.name, migration.checksum)
    except UNAVAILABLE:
        raise
    except asyncpg.PostgresError as error:
        raise MigrationFailed(migration, str(error)) from error
