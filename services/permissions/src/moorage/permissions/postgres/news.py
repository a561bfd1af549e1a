"""Hears of other processes' changes at once. Only a hint: whoever waits for news also asks every 100 ms (R82)."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Final, Self

import structlog

from moorage.runtime.postgres import Database, DatabaseRefused, DatabaseUnavailable
from moorage.runtime.statement import Connection, Statement, fetch_one

CHANNEL: Final = "moorage_changes"
TELL: Final = Statement(bool, "SELECT pg_notify('moorage_changes', '') IS NOT NULL")
_PAUSE_SECONDS: Final = 1.0
_log: Final = structlog.stdlib.get_logger(__name__)


async def tell(connection: Connection) -> None:
    """Lets every process know, if the transaction of the connection commits."""
    await fetch_one(connection, TELL)


class News:
    """Calls `heard` after each change of whatever process, while it is open. Holds one connection."""

    def __init__(self, database: Database, heard: Callable[[], None]) -> None:
        self._database = database
        self._heard = heard
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._listen(), name="listen for changes")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._task is None:
            return
        self._task.cancel()
        with suppress(asyncio.CancelledError):
            await self._task

    async def _listen(self) -> None:
        while True:
            try:
                await self._listen_once()
            except (DatabaseUnavailable, DatabaseRefused) as error:
                _log.info("Changes of other processes are heard late for now.", reason=str(error))
            await asyncio.sleep(_PAUSE_SECONDS)

    async def _listen_once(self) -> None:
        lost = asyncio.Event()
        async with self._database.connection() as connection:
            connection.add_termination_listener(lambda *_: lost.set())
            await connection.add_listener(CHANNEL, self._called)
            self._heard()
            try:
                await lost.wait()
            finally:
                if not connection.is_closed():
                    await connection.remove_listener(CHANNEL, self._called)

    def _called(self, *_: Any) -> None:
        self._heard()
