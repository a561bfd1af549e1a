"""Connections of the storage database; its failures become Unavailable."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Final

import asyncpg

from moorage.oci.errors import Unavailable
from moorage.runtime.postgres import Database, DatabaseRefused, DatabaseUnavailable
from moorage.runtime.statement import Connection

_FAILURES: Final = (DatabaseUnavailable, DatabaseRefused, asyncpg.TransactionRollbackError)


def connection(database: Database) -> "Use":
    """A connection for single statements. Raises Unavailable."""
    return Use(database)


class Use:
    """See `connection`. A class, as most requests enter it."""

    __slots__ = ("_use",)

    def __init__(self, database: Database) -> None:
        self._use = database.connection()

    async def __aenter__(self) -> Connection:
        try:
            return await self._use.__aenter__()
        except _FAILURES as error:
            raise _translated(error) from error

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            await self._use.__aexit__(kind, error, trace)
        except _FAILURES as lost:
            raise _translated(lost) from lost
        if isinstance(error, _FAILURES):
            raise _translated(error) from error


@asynccontextmanager
async def transaction(database: Database) -> AsyncIterator[Connection]:
    """A connection in a transaction, committed when the body ends. Raises Unavailable."""
    try:
        async with database.transaction() as connection:
            yield connection
    except _FAILURES as error:
        raise _translated(error) from error


def _translated(error: Exception) -> Unavailable:
    """What a failure of the database is to the client."""
    if isinstance(error, asyncpg.TransactionRollbackError):
        # Chosen as the victim of a deadlock: nothing was done, and the same request will do it.
        return Unavailable("another change of the same content came in between", retry_after_seconds=1)
    return Unavailable("the registry's database can't be reached right now")
