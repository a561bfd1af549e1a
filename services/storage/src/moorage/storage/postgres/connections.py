"""Connections of the storage database; its failures become Unavailable."""

from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import asyncpg

from moorage.oci.errors import Unavailable
from moorage.runtime.postgres import Database, DatabaseRefused, DatabaseUnavailable
from moorage.runtime.statement import Connection


@asynccontextmanager
async def connection(database: Database) -> AsyncIterator[Connection]:
    """A connection for single statements. Raises Unavailable."""
    with _translated():
        async with database.connection() as connection:
            yield connection


@asynccontextmanager
async def transaction(database: Database) -> AsyncIterator[Connection]:
    """A connection in a transaction, committed when the body ends. Raises Unavailable."""
    with _translated():
        async with database.transaction() as connection:
            yield connection


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailable, DatabaseRefused) as error:
        raise Unavailable("the registry's database can't be reached right now") from error
    except asyncpg.TransactionRollbackError as error:
        # Chosen as the victim of a deadlock: nothing was done, and the same request will do it.
        raise Unavailable("another change of the same content came in between", retry_after_seconds=1) from error
