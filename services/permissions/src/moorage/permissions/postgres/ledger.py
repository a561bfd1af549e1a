"""The ledger in PostgreSQL: views are REPEATABLE READ, changes take turns under one advisory lock."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import datetime
from typing import Final, Self

from moorage.access.consistency import ConsistencyToken
from moorage.access.frames import Row
from moorage.permissions.cases import Question, Seen
from moorage.permissions.history import Position
from moorage.permissions.ports import LedgerUnavailable, SourceBusy
from moorage.permissions.postgres.aliases import KnownAliases
from moorage.permissions.postgres.asking import Asking
from moorage.permissions.postgres.audit import PostgresAudit
from moorage.permissions.postgres.authorities import PostgresAuthorities
from moorage.permissions.postgres.bulk_edges import PostgresBulkEdges
from moorage.permissions.postgres.cases import PostgresCases
from moorage.permissions.postgres.change_log import PostgresChangeLog, PostgresLog, forget_frames
from moorage.permissions.postgres.credentials import PostgresCredentialRecords, PostgresCredentials
from moorage.permissions.postgres.epochs import PostgresEpochs
from moorage.permissions.postgres.facts import PostgresFacts
from moorage.permissions.postgres.fleet import PostgresFleet
from moorage.permissions.postgres.freshness import PostgresFreshness
from moorage.permissions.postgres.head import head_of
from moorage.permissions.postgres.hierarchy import PostgresHierarchy
from moorage.permissions.postgres.holders import PostgresHolders
from moorage.permissions.postgres.images import PostgresImageRecords, PostgresImages
from moorage.permissions.postgres.intake import PostgresIntake, PostgresPositions
from moorage.permissions.postgres.letters import PostgresLetters
from moorage.permissions.postgres.looking import PostgresLooking, forget_past, look
from moorage.permissions.postgres.news import News, tell
from moorage.permissions.postgres.parked import PostgresParked
from moorage.permissions.postgres.reach import PostgresReachable
from moorage.permissions.postgres.requests import PostgresRequests
from moorage.permissions.postgres.snapshot_run_rows import PostgresRunReader
from moorage.permissions.postgres.snapshot_runs import PostgresRuns
from moorage.permissions.postgres.snapshots import PostgresSnapshots
from moorage.permissions.postgres.sources import PostgresSources
from moorage.permissions.postgres.standings import PostgresStandings
from moorage.permissions.postgres.sync import PostgresSync
from moorage.permissions.postgres.topics import PostgresTopics
from moorage.permissions.postgres.trials import UncountedAuthorities, UncountedSources
from moorage.runtime.clock import Clock
from moorage.runtime.postgres import Database, DatabaseRefused, DatabaseUnavailable
from moorage.runtime.statement import Connection, Statement, execute, fetch_one

POLL_SECONDS: Final = 0.1
FORGET_ROWS: Final = 10_000
# Any two fixed numbers; the lock's name space is the database, and nobody else takes locks with this class.
LOCK_CLASS: Final = 0x6D6F6F72
ORDER: Final = 0


# Who changes the same facts waits for a trial, never the other way round: it gives up before anybody is in a deadlock.
BE_BRIEF: Final = Statement(type(None), "SET LOCAL statement_timeout = '3s'")
NEVER_WAIT: Final = Statement(type(None), "SET LOCAL lock_timeout = '200ms'")
EXPORT: Final = Statement(str, "SELECT pg_export_snapshot()")
TAKE_TURN: Final = Statement(bool, "SELECT pg_advisory_xact_lock($1, $2) IS NOT NULL")
TRY_SOURCE: Final = Statement(bool, "SELECT pg_try_advisory_xact_lock($1, $2)")


class PostgresView:
    """One snapshot of the database."""

    def __init__(self, connection: Connection, token: ConsistencyToken) -> None:
        self.token = token
        self.hierarchy = PostgresHierarchy(connection)
        self.standings = PostgresStandings(connection)
        self.cases = PostgresCases(connection)
        self.images = PostgresImages(connection)
        self.reachable = PostgresReachable(connection)
        self.credentials = PostgresCredentials(connection)
        self.sources = PostgresSources(connection)
        self.freshness = PostgresFreshness(connection)
        self.epochs = PostgresEpochs(connection)
        self.sync = PostgresSync(connection)
        self.snapshots = PostgresSnapshots(connection)
        self.positions = PostgresPositions(connection)
        self.topics = PostgresTopics(connection)
        self.authorities = PostgresAuthorities(connection)
        self.runs = PostgresRunReader(connection)
        self.letters = PostgresLetters(connection)
        self.requests = PostgresRequests(connection)
        self.log = PostgresLog(connection, token)


class PostgresChange:
    """The transaction whose turn it is."""

    def __init__(self, connection: Connection, head: ConsistencyToken, clock: Clock, known: KnownAliases) -> None:
        self.log = PostgresChangeLog(connection, head, clock)
        self.hierarchy = PostgresHierarchy(connection)
        self.standings = PostgresStandings(connection)
        self.cases = PostgresCases(connection)
        self.images = PostgresImageRecords(connection, self.log)
        self.credentials = PostgresCredentialRecords(connection, self.log)
        self.sources = PostgresSources(connection)
        self.freshness = PostgresFreshness(connection)
        self.epochs = PostgresEpochs(connection)
        self.facts = PostgresFacts(connection, self.log, known)
        self.intake = PostgresIntake(connection)
        self.topics = PostgresTopics(connection)
        self.authorities = PostgresAuthorities(connection)
        self.runs = PostgresRuns(connection)
        self.parked = PostgresParked(connection)
        self.requests = PostgresRequests(connection)
        self.audit = PostgresAudit(connection)
        self.bulk = PostgresBulkEdges(connection, self.log)


class PostgresTrial(PostgresChange):
    """A transaction that never ends well. What everybody's changes write is left alone: nobody waits for its locks."""

    def __init__(self, connection: Connection, head: ConsistencyToken, shared: Database, clock: Clock) -> None:
        super().__init__(connection, head, clock, KnownAliases())
        self.holders = PostgresHolders(connection)
        self.authorities = UncountedAuthorities(connection)
        self.sources = UncountedSources(connection)
        self._connection = connection
        self._shared = shared
        self._at = head
        self._clock = clock

    @classmethod
    async def begin(cls, connection: Connection, shared: Database, clock: Clock) -> Self:
        """At the newest position."""
        await execute(connection, BE_BRIEF)
        await execute(connection, NEVER_WAIT)
        return cls(connection, await head_of(connection), shared, clock)

    @property
    def told(self) -> list[Row]:
        """The rows that were appended so far."""
        return self.log.rows

    @asynccontextmanager
    async def head(self) -> AsyncIterator[PostgresLooking]:
        """The snapshot that the change is tried in, without it, on a connection of its own."""
        exported = await fetch_one(self._connection, EXPORT)
        async with self._shared.transaction(isolation="repeatable_read", readonly=True) as connection:
            await connection.execute(f"SET TRANSACTION SNAPSHOT '{exported}'")
            yield PostgresLooking(connection, self._at, self._clock.now(), then=False)


class PostgresLedger:
    """Any number of processes may have one on the same schema.

    `questions` are connections that plan a statement once, for `case`: planning it takes longer than running it.
    """

    def __init__(self, database: Database, clock: Clock, questions: Database | None = None) -> None:
        self._database = database
        self._asking = Asking(questions or database)
        self._clock = clock
        self._news = asyncio.Event()
        self._aliases = KnownAliases()

    @asynccontextmanager
    async def viewing(self) -> AsyncIterator[PostgresView]:
        """A view of the newest position."""
        with _translated():
            async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
                yield PostgresView(connection, await head_of(connection))

    async def case(self, question: Question) -> Seen:
        """What a decision looks at, by one statement without a transaction around it."""
        with _translated():
            return await self._asking.ask(question)

    @asynccontextmanager
    async def changing(self, source: int | None = None) -> AsyncIterator[PostgresChange]:
        """The next change, when its turn has come; dense seq follows from the turns. Raises SourceBusy."""
        with _translated(self._aliases.forget):
            async with self._database.transaction() as connection:
                if source is not None and not await fetch_one(connection, TRY_SOURCE, LOCK_CLASS, source):
                    raise SourceBusy
                await fetch_one(connection, TAKE_TURN, LOCK_CLASS, ORDER)
                head = await head_of(connection)
                change = PostgresChange(connection, head, self._clock, self._aliases.seen_from(head))
                yield change
                await change.log.write()
                if change.log.rows:
                    await tell(connection)
            self._aliases.keep(change.facts.aliases.learnt)
        self._news.set()

    @asynccontextmanager
    async def looking(self, at: Position) -> AsyncIterator[PostgresLooking]:
        """A view of a position, now or then. Raises PositionUnknown."""
        with _translated():
            async with self._database.transaction(isolation="repeatable_read", readonly=True) as connection:
                yield await look(connection, await head_of(connection), at, self._clock.now())

    @asynccontextmanager
    async def trying(self) -> AsyncIterator[PostgresTrial]:
        """A change that takes no turn, which is undone."""
        with _translated():
            async with self._database.connection() as connection:
                undone = connection.transaction(isolation="repeatable_read")
                await undone.start()
                try:
                    yield await PostgresTrial.begin(connection, self._database, self._clock)
                finally:
                    await undone.rollback()

    async def forget_history(self, before: datetime) -> int:
        """Drops some rows of the past that were replaced before then."""
        with _translated():
            async with self._database.transaction() as connection:
                return await forget_past(connection, before, FORGET_ROWS)

    @asynccontextmanager
    async def auditing(self) -> AsyncIterator[PostgresAudit]:
        """The audit trail, in a transaction of its own that takes no turn."""
        with _translated():
            async with self._database.transaction() as connection:
                yield PostgresAudit(connection)

    @asynccontextmanager
    async def fleet(self) -> AsyncIterator[PostgresFleet]:
        """The gateways, without a turn in the order."""
        with _translated():
            async with self._database.connection() as connection:
                yield PostgresFleet(connection)

    async def forget(self, before: datetime) -> int:
        """Drops some of the oldest rows of the log; what is left keeps its numbers."""
        with _translated():
            async with self._database.connection() as connection:
                return await forget_frames(connection, before)

    def news(self) -> News:
        """To be open as long as this ledger is used, so that it hears at once what other processes change."""
        return News(self._database, self._heard)

    def _heard(self) -> None:
        self._news.set()

    async def head(self) -> ConsistencyToken:
        """The newest position."""
        with _translated():
            async with self._database.connection() as connection:
                return await head_of(connection)

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


@contextmanager
def _translated(lost: Callable[[], None] = lambda: None) -> Iterator[None]:
    try:
        yield
    except (DatabaseUnavailable, DatabaseRefused) as error:
        lost()
        raise LedgerUnavailable(str(error)) from error
