"""A pool of PostgreSQL connections bound to one schema, with asyncpg's failures told in our own words."""

import json
import re
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self

import asyncpg

from moorage.runtime.held_connections import HeldConnections
from moorage.runtime.statement import Connection

if TYPE_CHECKING:
    BareConnection = asyncpg.Connection[asyncpg.Record]

IDENTIFIER: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")
# A plan that is kept must not depend on what tables held when it was made: it looks everything up by index.
PLANNED_ONCE: Final = {
    "plan_cache_mode": "force_generic_plan",
    "enable_seqscan": "off",
    "enable_hashjoin": "off",
    "enable_mergejoin": "off",
    "jit": "off",
}
_FORGET_STATEMENTS_SECONDS: Final = 300
Isolation = Literal["read_committed", "repeatable_read", "serializable"]

# Classes 08 (connection), 53 (resources: disk, memory, connections), 57 (shutdown, start, cancelled by a time-out) and
# 58 (what the operating system refuses), and what a standby or a lock time-out says: all pass with time, none is a bug
# of the statement.
UNAVAILABLE: Final = (
    asyncpg.PostgresConnectionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.OperatorInterventionError,
    asyncpg.PostgresSystemError,
    asyncpg.LockNotAvailableError,
    asyncpg.ReadOnlySQLTransactionError,
)
# What asyncpg itself says where a connection has died under it, before it knows that: after the server's last words and
# before the end of the stream, its protocol is in no state for a question ("another operation is in progress").
CONFUSED: Final = (asyncpg.InterfaceError, asyncpg.InternalClientError, OSError)
REFUSED: Final = (
    asyncpg.InvalidAuthorizationSpecificationError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidParameterValueError,
)


class DatabaseUnavailable(Exception):
    """PostgreSQL cannot be reached or cannot answer now; trying again later may help.

    When it is raised while a transaction ends, the transaction may have been committed or not.
    """


class DatabaseRefused(Exception):
    """PostgreSQL answered and refused the login: wrong user, password, database or role."""


class InvalidDatabaseAddress(ValueError):
    """The DSN cannot be understood. It is not repeated here, because it holds a password."""

    def __init__(self) -> None:
        super().__init__("the database address is not a valid postgresql:// address")


class InvalidIdentifier(ValueError):
    """A schema or role name is not plain lower case letters, digits and underscores (at most 41)."""


def checked_identifier(name: str) -> str:
    """The name itself, safe to be written into SQL unquoted. Raises InvalidIdentifier."""
    if not IDENTIFIER.fullmatch(name):
        raise InvalidIdentifier(name)
    return name


def session_settings(schema: str, role: str | None, statement_timeout: float) -> dict[str, str]:
    """What every connection of ours asks for at its start; the time-out is in seconds, 0 means none."""
    settings = {
        "application_name": f"moorage {schema}",
        "search_path": checked_identifier(schema),
        "statement_timeout": str(round(statement_timeout * 1000)),
    }
    return settings | ({"role": checked_identifier(role)} if role else {})


@contextmanager
def connecting() -> Iterator[None]:
    """Around the opening of a connection: tells every failure in our words, without the DSN."""
    try:
        yield
    except REFUSED as error:
        raise DatabaseRefused(str(error)) from None
    except (*UNAVAILABLE, *CONFUSED) as error:
        if isinstance(error, ValueError):
            raise InvalidDatabaseAddress from None
        raise DatabaseUnavailable(str(error) or type(error).__name__) from error
    except ValueError:
        raise InvalidDatabaseAddress from None


def told(error: BaseException, connection: Connection) -> DatabaseUnavailable | None:
    """What a failure of a connection's user is, if the connection was lost or the time was up; None: his own affair."""
    if isinstance(error, (*UNAVAILABLE, TimeoutError)):
        return DatabaseUnavailable(str(error) or "no answer in time")
    # The types also tell wrong arguments and the caller's own files: only a dead connection is ours.
    if isinstance(error, CONFUSED) and _is_lost(connection):
        return DatabaseUnavailable(str(error))
    return None


@contextmanager
def using(connection: Connection) -> Iterator[None]:
    """Around the use of a connection: losing it, or its time-out, becomes DatabaseUnavailable."""
    try:
        yield
    except Exception as error:
        if (lost := told(error, connection)) is not None:
            raise lost from error
        raise


def _is_lost(connection: Connection) -> bool:
    try:
        return connection.is_closed()
    except asyncpg.InterfaceError:
        # The pool takes a connection away from its user as soon as it is lost.
        return True


class Use:
    """Around the use of a connection. A class, as it is entered several times in each request."""

    __slots__ = ("_connection", "_held")

    def __init__(self, held: HeldConnections) -> None:
        self._held = held

    async def __aenter__(self) -> Connection:
        connection = self._held.idle()
        if connection is None:
            with connecting():
                connection = await self._held.acquire()
        self._connection = connection
        return connection

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        connection = self._connection
        if error is None and self._held.keep(connection):
            return
        lost = told(error, connection) if error else None
        await self._release(connection)
        if lost is not None:
            raise lost from error

    async def _release(self, connection: Connection) -> None:
        try:
            await self._held.release(connection)
        except (*UNAVAILABLE, *CONFUSED):
            # The body's outcome is decided; a connection that fails while it is reset is thrown away by the pool.
            return


async def prepare_connection(connection: "BareConnection") -> None:
    """Lets json and jsonb columns carry Python values."""
    for type_name in ("json", "jsonb"):
        await connection.set_type_codec(type_name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _leave_as_it_is(connection: "Connection") -> None:
    """Spares a round trip per use: we leave no session state, and asyncpg itself ends a transaction left open."""


class Database:
    """Connections to one schema. Open it with `Database.open`, close it with `close` or as a context manager."""

    def __init__(self, held: HeldConnections, schema: str) -> None:
        self._held = held
        self._schema = schema

    @classmethod
    async def open(
        cls,
        dsn: str,
        schema: str,
        *,
        role: str | None = None,
        size: int = 10,
        statement_timeout: float = 30.0,
        acquire_timeout: float = 10.0,
        plan_once: bool = False,
    ) -> Self:
        """Connects once and answers; `size` connections at most, times in seconds.

        With `plan_once` each connection plans a statement once, for whatever arguments: for small ones that are asked
        all the time, whose planning takes longer than they do.
        `role`, where given, is what the connections act as (SET ROLE), see `schema_role`.
        Raises DatabaseUnavailable, DatabaseRefused or InvalidDatabaseAddress.
        """
        settings = session_settings(schema, role, statement_timeout) | (PLANNED_ONCE if plan_once else {})
        with connecting():
            pool = await asyncpg.create_pool(
                dsn,
                min_size=1,
                max_size=size,
                init=prepare_connection,
                reset=_leave_as_it_is,
                timeout=acquire_timeout,
                # A dead network gives no answer at all; the server's own time-out comes first otherwise.
                command_timeout=statement_timeout + 5 if statement_timeout else None,
                server_settings=settings,
                max_cached_statement_lifetime=0 if plan_once else _FORGET_STATEMENTS_SECONDS,
            )
        return cls(HeldConnections(pool, acquire_timeout), schema)

    def connection(self) -> AbstractAsyncContextManager[Connection]:
        """A connection without a transaction. Raises DatabaseUnavailable, also for a TimeoutError of the body."""
        return Use(self._held)

    @asynccontextmanager
    async def transaction(
        self, *, isolation: Isolation = "read_committed", readonly: bool = False
    ) -> AsyncIterator[Connection]:
        """A connection in a transaction: committed when the body ends, rolled back when it raises."""
        async with self.connection() as connection, connection.transaction(isolation=isolation, readonly=readonly):
            yield connection

    async def close(self) -> None:
        """Waits for connections in use, then closes all."""
        await self._held.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __repr__(self) -> str:
        return f"Database(schema={self._schema!r})"
