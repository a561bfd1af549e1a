"""The ledger in PostgreSQL: views are REPEATABLE READ, changes take turns under one advisory lock."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from typing import Final

from moorage.access.consistency import ConsistencyToken
from moorage.permissions.ports import LedgerUnavailable, SourceBusy
from moorage.permissions.postgres.change_log import PostgresChangeLog, PostgresLog
from moorage.permissions.postgres.credentials import PostgresCredentials
from moorage.permissions.postgres.facts import PostgresFacts
from moorage.permissions.postgres.hierarchy import PostgresHierarchy
from moorage.permissions.postgres.images import PostgresImages
from moorage.permissions.postgres.intake import PostgresIntake, PostgresPositions
from moorage.permissions.postgres.snapshots import PostgresSnapshots
from moorage.permissions.postgres.sources import PostgresSources
from moorage.permissions.postgres.standings import PostgresStandings
from moorage.runtime.clock import Clock
from moorage.runtime.postgres import Database, DatabaseRefused, DatabaseUnavailable
from moorage.runtime.statement import Connection, Statement, fetch_one

POLL_SECONDS: Final = 0.1
# Any two fixed numbers; the lock's name space is the database, and nobody else takes locks with this class.
_LOCK_CLASS: Final = 0x6D6F6F72
_ORDER: Final = 0


@dataclass(frozen=True, slots=True)
class Head:
    """The newest position."""

    epoch: int
    seq: int

    def token(self) -> ConsistencyToken:
        """As a consistency token."""
        return ConsistencyToken(self.epoch, self.seq)


HEAD: Final = Statement(Head, "SELECT epoch, seq FROM meta")
TAKE_TURN: Final = Statement(bool, "SELECT pg_advisory_xact_lock($1, $2) IS NOT NULL")
TRY_SOURCE: Final = Statement(bool, "SELECT pg_try_advisory_xact_lock($1, $2)")


class PostgresView:
    """One snapshot of the database."""

    def __init__(self, connection: Connection, token: ConsistencyToken) -> None:
        self.token = token
        self.hierarchy = PostgresHierarchy(connection)
        self.standings = PostgresStandings(connection)
        self.images = PostgresImages(connection)
        self.credentials = PostgresCredentials(connection)
        self.sources = PostgresSources(connection)
        self.snapshots = PostgresSnapshots(connection)
        self.positions = PostgresPositions(connection)
        self.log = PostgresLog(connection, token)


class PostgresChange:
    """The transaction whose turn it is."""

    def __init__(self, connection: Connection, head: ConsistencyToken, clock: Clock) -> None:
        self.log = PostgresChangeLog(connection, head, clock)
        self.hierarchy = PostgresHierarchy(connection)
        self.standings = PostgresStandings(connection)
        self.images = PostgresImages(connection)
        self.credentials = PostgresCredentials(connection)
        self.sources = PostgresSources(connection)
        self.facts = PostgresFacts(connection, self.log)
        self.intake = PostgresIntake(connection)


class PostgresLedger:
    """Any number of processes may have one on the same schema."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._news = asyncio.Event()

    @asynccontextmanager
    async def viewing(self) -> AsyncIterator[PostgresView]:
        """A view of the newest position."""
        with _translated():
            async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
                yield PostgresView(connection, await _head(connection))

    @asynccontextmanager
    async def changing(self, source: int | None = None) -> AsyncIterator[PostgresChange]:
        """The next change, when its turn has come; dense seq follows from the turns. Raises SourceBusy."""
        with _translated():
            async with self._database.transaction() as connection:
                if source is not None and not await fetch_one(connection, TRY_SOURCE, _LOCK_CLASS, source):
                    raise SourceBusy
                await fetch_one(connection, TAKE_TURN, _LOCK_CLASS, _ORDER)
                change = PostgresChange(connection, await _head(connection), self._clock)
                yield change
                await change.log.write()
        self._news.set()

    async def head(self) -> ConsistencyToken:
        """The newest position."""
        with _translated():
            async with self._database.connection() as connection:
                return await _head(connection)

    async def changed(self, since: ConsistencyToken, within: float) -> ConsistencyToken:
        """Asks every 100 ms, and at once after a change made through this object."""
        ends = time.monotonic() + within
        while True:
            self._news.clear()
            head = await self.head()
            left = ends - time.monotonic()
            if head != since or left <= 0:
                return head
            try:
                async with asyncio.timeout(min(POLL_SECONDS, left)):
                    await self._news.wait()
            except TimeoutError:
                continue


async def _head(connection: Connection) -> ConsistencyToken:
    head = await fetch_one(connection, HEAD)
    if head is None:
        raise LedgerUnavailable("the schema is not migrated")
    return head.token()


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailable, DatabaseRefused) as error:
        raise LedgerUnavailable(str(error)) from error
