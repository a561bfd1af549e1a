"""Connections of the storage database; its failures become Unavailable."""

from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from typing import Final, Protocol
from uuid import UUID

import asyncpg

from moorage.oci.errors import Unavailable
from moorage.runtime.postgres import DatabaseRefused, DatabaseUnavailable
from moorage.runtime.statement import Connection

_UNHELD: Final = "MRH01"
"""What the schema says of changes that need a hold (0007_content_holds.sql)."""


class Connections(Protocol):
    """Where stores get theirs: the database, or the database under a hold."""

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """For single statements."""
        ...

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Committed when the body ends."""
        ...


class HoldDemanded(Unavailable):
    """Nothing was changed: readers may remember what these images hold, and must be held first (content_holds.py)."""

    def __init__(self, images: frozenset[UUID]) -> None:
        super().__init__("the registry could not make the change; try again", retry_after_seconds=1)
        self.images = images


@asynccontextmanager
async def connection(database: Connections) -> AsyncIterator[Connection]:
    """A connection for single statements. Raises Unavailable."""
    with translated():
        async with database.connection() as connection:
            yield connection


@asynccontextmanager
async def transaction(database: Connections) -> AsyncIterator[Connection]:
    """A connection in a transaction, committed when the body ends. Raises Unavailable."""
    with translated():
        async with database.transaction() as connection:
            yield connection


@contextmanager
def translated() -> Iterator[None]:
    """Around the use of a connection."""
    try:
        yield
    except (DatabaseUnavailable, DatabaseRefused) as error:
        raise Unavailable("the registry's database can't be reached right now") from error
    except asyncpg.TransactionRollbackError as error:
        # Chosen as the victim of a deadlock: nothing was done, and the same request will do it.
        raise Unavailable("another change of the same content came in between", retry_after_seconds=1) from error
    except asyncpg.PostgresError as error:
        if error.sqlstate != _UNHELD:
            raise
        raise HoldDemanded(frozenset(map(UUID, (error.detail or "").split(",")))) from None
