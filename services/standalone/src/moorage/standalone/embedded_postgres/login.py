"""Logs in to the server to see that it is ready and that our database is there."""

from typing import Final

import asyncpg

EXISTS: Final = "SELECT EXISTS (SELECT FROM pg_database WHERE datname = 'moorage')"
CREATE: Final = "CREATE DATABASE moorage"
ANSWER_WITHIN: Final = 10.0


async def is_ready(dsn: str) -> bool:
    """Whether the server takes logins now. A refused password is an error of ours and raised."""
    try:
        connection = await asyncpg.connect(dsn, timeout=ANSWER_WITHIN)
    except (OSError, asyncpg.PostgresConnectionError, asyncpg.OperatorInterventionError):
        return False
    await connection.close()
    return True


async def ensure_database(dsn: str) -> None:
    """Creates the database `moorage` where it is missing; `dsn` is of the database `postgres`."""
    connection = await asyncpg.connect(dsn, timeout=ANSWER_WITHIN)
    try:
        if not await connection.fetchval(EXISTS):
            await connection.execute(CREATE)
    finally:
        await connection.close()
