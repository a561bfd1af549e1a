"""Connections that are kept between their users: what a pool does when one is taken and given back costs too much."""

import time
from collections import deque
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import asyncpg

from moorage.runtime.statement import Connection

if TYPE_CHECKING:
    Pool = asyncpg.Pool[asyncpg.Record]

KEPT_SECONDS: Final = 60.0
"""So long one is kept beside the pool; back in the pool its own limits of age and use apply."""
IDLE_SECONDS: Final = 300.0
"""What nobody used for so long is closed: something on the way may have forgotten it without a word."""


class HeldConnections:
    """Hands connections of `pool` from one user to the next; the pool opens, bounds and closes them.

    Whoever waits at the pool gets what is given back through the pool. A connection that is lost, in a transaction or
    was left by a failure goes back to the pool too, which knows what to do with it.
    """

    def __init__(self, pool: "Pool", acquire_timeout: float) -> None:
        self._pool = pool
        self._acquire_timeout = acquire_timeout
        self._idle: deque[tuple[Connection, float, float]] = deque()
        self._since: dict[Connection, float] = {}
        self._waiting = 0
        self._is_closing = False

    def idle(self) -> Connection | None:
        """The connection that was used last, if one is there that is any good; it is the caller's then."""
        if not self._idle or not _is_good(*self._idle[-1]):
            return None
        connection, since, _ = self._idle.pop()
        self._since[connection] = since
        return connection

    async def acquire(self) -> Connection:
        """A connection of the pool, within its time-out. Raises what the pool raises."""
        await self._let_go_of_bad_ones()
        self._waiting += 1
        try:
            connection = await self._pool.acquire(timeout=self._acquire_timeout)
        finally:
            self._waiting -= 1
        self._since[connection] = time.monotonic()
        return connection

    def keep(self, connection: Connection) -> bool:
        """Takes a connection back; False if it has to go to the pool, by `release`."""
        since = self._since[connection]
        if self._waiting or self._is_closing or time.monotonic() - since > KEPT_SECONDS or not is_usable(connection):
            return False
        del self._since[connection]
        self._idle.append((connection, since, time.monotonic()))
        return True

    async def release(self, connection: Connection) -> None:
        """Gives it back to the pool. Raises what the pool raises."""
        self._since.pop(connection, None)
        await self._pool.release(connection)  # type: ignore[arg-type] # it came from this pool

    async def _let_go_of_bad_ones(self) -> None:
        while self._idle and not _is_good(*self._idle[-1]):
            connection, _, _ = self._idle.pop()
            with suppress(asyncpg.InterfaceError):  # the pool has taken it back already
                connection.terminate()
                await self.release(connection)

    async def close(self) -> None:
        """Waits for connections in use, then closes all."""
        self._is_closing = True
        while self._idle:
            await self.release(self._idle.pop()[0])
        await self._pool.close()


def _is_good(connection: Connection, _since: float, used_at: float) -> bool:
    return time.monotonic() - used_at <= IDLE_SECONDS and is_usable(connection)


def is_usable(connection: Connection) -> bool:
    """Whether it is alive and as one that was opened just now."""
    try:
        return not (connection.is_closed() or connection.is_in_transaction())
    except asyncpg.InterfaceError:  # the pool takes a connection away from its user as soon as it is lost
        return False
