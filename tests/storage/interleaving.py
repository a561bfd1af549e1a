"""Statements of several tasks in an order that a seed chooses, on a real database."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from typing import Any, cast

from moorage.runtime.postgres import Database
from moorage.runtime.statement import Connection

_BLOCKED_SECONDS = 0.004
"""Who has not come to its next statement by then waits for somebody's lock, most likely; others go on."""

_STAYS = 0.8


class Turns:
    """Each statement waits for its turn; whose turn it is, chance decides."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._waiting: list[tuple[asyncio.Task[object] | None, asyncio.Future[None]]] = []
        self._last: asyncio.Task[object] | None = None
        self._arrived = asyncio.Event()

    async def take(self) -> None:
        """Returns when it is the caller's turn."""
        turn = asyncio.get_running_loop().create_future()
        self._waiting.append((asyncio.current_task(), turn))
        self._arrived.set()
        await turn

    async def play(self, *works: Awaitable[object]) -> list[object | BaseException]:
        """What each came to, once all have ended."""
        tasks = [asyncio.ensure_future(work) for work in works]
        for task in tasks:
            task.add_done_callback(lambda _: self._arrived.set())
        while not all(task.done() for task in tasks):
            await self._arrival(None if not self._waiting else _BLOCKED_SECONDS)
            if self._waiting:
                self._arrived.clear()
                self._next().set_result(None)
        return await asyncio.gather(*tasks, return_exceptions=True)

    def _next(self) -> "asyncio.Future[None]":
        """Mostly who was just at it: so that much of one falls between two statements of another."""
        again = [place for place, (task, _) in enumerate(self._waiting) if task is self._last]
        stays = again and self._chance.random() < _STAYS
        self._last, turn = self._waiting.pop(again[0] if stays else self._chance.randrange(len(self._waiting)))
        return turn

    async def _arrival(self, seconds: float | None) -> None:
        try:
            await asyncio.wait_for(self._arrived.wait(), seconds)
        except TimeoutError:
            return
        if not self._waiting:
            self._arrived.clear()


class _InTurn:
    """A connection whose statements and commits wait for their turns."""

    def __init__(self, connection: Connection, turns: Turns) -> None:
        self._connection = connection
        self._turns = turns

    async def fetch(self, *arguments: Any) -> Any:
        await self._turns.take()
        return await self._connection.fetch(*arguments)

    async def fetchrow(self, *arguments: Any) -> Any:
        await self._turns.take()
        return await self._connection.fetchrow(*arguments)

    async def execute(self, *arguments: Any) -> Any:
        await self._turns.take()
        return await self._connection.execute(*arguments)

    @asynccontextmanager
    async def transaction(self, **options: Any) -> AsyncIterator[None]:
        async with self._connection.transaction(**options):
            yield
            await self._turns.take()


class InterleavedDatabase(Database):
    """Without `turns` like any other."""

    turns: Turns | None = None

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """See Database."""
        async with super().connection() as connection:
            # What the stores use of a connection, and nothing more.
            yield connection if self.turns is None else cast(Connection, _InTurn(connection, self.turns))
