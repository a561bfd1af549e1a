"""Accepting connections on a socket that other processes accept on as well (docs/decisions/0011)."""

import asyncio
import socket
from collections.abc import Iterator
from contextlib import suppress
from typing import Final

import structlog
from aiohttp import web

_STEP_BACK_SECONDS: Final = 0.001
_OUT_OF_DESCRIPTORS_SECONDS: Final = 1.0
_log: Final = structlog.stdlib.get_logger(__name__)


class TurnsSite(web.BaseSite):
    """Takes one connection, then leaves the next ones to the others for a millisecond.

    Without that whoever wakes up first takes all that wait, and keeps them as long as clients keep connections.
    """

    __slots__ = ("_again", "_openings", "_sock")

    def __init__(self, runner: web.BaseRunner, sock: socket.socket, *, backlog: int) -> None:
        super().__init__(runner, backlog=backlog)
        self._sock = sock
        self._again: asyncio.TimerHandle | None = None
        self._openings: set[asyncio.Task[object]] = set()

    @property
    def name(self) -> str:
        """For aiohttp's list of sites."""
        host, port = self._sock.getsockname()[:2]
        return f"http://{host}:{port}"

    async def start(self) -> None:
        """Listens, and accepts from now on."""
        await super().start()
        self._sock.setblocking(False)
        self._sock.listen(self._backlog)
        self._watch()

    async def stop(self) -> None:
        """Takes what waits still, for nobody else may be left to, and closes our copy of the socket."""
        self._pause()
        with suppress(OSError):
            for connection in self._waiting():
                self._open(connection)
        self._sock.close()
        await asyncio.gather(*self._openings, return_exceptions=True)
        await super().stop()

    def _watch(self) -> None:
        asyncio.get_running_loop().add_reader(self._sock, self._accept)

    def _pause(self, seconds: float | None = None) -> None:
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._sock)
        if self._again is not None:
            self._again.cancel()
        self._again = loop.call_later(seconds, self._watch) if seconds is not None else None

    def _accept(self) -> None:
        try:
            connection = next(self._waiting(), None)
        except OSError as error:
            _log.error("No connection can be accepted for a second", reason=error.strerror)
            self._pause(_OUT_OF_DESCRIPTORS_SECONDS)
            return
        if connection is not None:
            self._pause(_STEP_BACK_SECONDS)
            self._open(connection)

    def _waiting(self) -> Iterator[socket.socket]:
        """What has not been taken by another process before us. Raises OSError, as when there are no descriptors."""
        while True:
            try:
                connection, _ = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            yield connection

    def _open(self, connection: socket.socket) -> None:
        connection.setblocking(False)
        server = self._runner.server
        assert server is not None
        opening: asyncio.Task[object] = asyncio.get_running_loop().create_task(
            asyncio.get_running_loop().connect_accepted_socket(server, connection)
        )
        self._openings.add(opening)
        opening.add_done_callback(self._openings.discard)
