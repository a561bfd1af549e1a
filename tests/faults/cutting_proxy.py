"""A TCP proxy on loopback that breaks what it carries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from servers.ports import free_port

_PIECE: Final = 4096


class CuttingProxy:
    """Carries connections to a port or a socket's file, until it is told to stall or to cut.

    Only answers are cut and stalled.
    """

    def __init__(self, target: int | Path) -> None:
        self._target = target
        self._going = asyncio.Event()
        self._going.set()
        self._ending = asyncio.Event()
        self._ending.set()
        self._left: int | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self.port = free_port()
        self.cuts = 0
        self.held = 0

    def cut_after(self, size: int) -> None:
        """The connection that carries this byte of an answer ends there."""
        self._left = size

    def spare(self) -> None:
        """Nothing is cut any more."""
        self._left = None

    def hold_ends(self) -> None:
        """From now on whoever asks hears the last words of the other side, but not that it has gone; see `held`."""
        self._ending.clear()

    def tell_ends(self) -> None:
        """Those who were held hear it, and all others at once."""
        self._ending.set()

    def stall(self) -> None:
        """From now on answers get stuck; connections stay open."""
        self._going.clear()

    def go_on(self) -> None:
        """What was stuck arrives."""
        self._going.set()

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._carrying.add(task)
        try:
            far_reader, far_writer = await self._far()
            try:
                async with asyncio.TaskGroup() as tasks:
                    forth = tasks.create_task(self._copy(reader, far_writer))
                    await self._copy(far_reader, writer, answers=True)
                    await self._until_told()
                    forth.cancel()
            finally:
                far_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._carrying.discard(task)

    async def _far(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self._target, Path):
            return await asyncio.open_unix_connection(self._target)
        return await asyncio.open_connection("127.0.0.1", self._target)

    async def _until_told(self) -> None:
        if not self._ending.is_set():
            self.held += 1
            await self._ending.wait()

    async def _copy(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, answers: bool = False) -> None:
        with suppress(OSError):
            while piece := await reader.read(_PIECE):
                if answers:
                    await self._going.wait()
                    if self._left is not None and len(piece) > self._left:
                        writer.write(piece[: self._left])
                        await writer.drain()
                        self._left = None
                        self.cuts += 1
                        return
                    self._left = None if self._left is None else self._left - len(piece)
                writer.write(piece)
                await writer.drain()

    async def _end(self) -> None:
        for task in self._carrying:
            task.cancel()
        await asyncio.gather(*self._carrying, return_exceptions=True)


@asynccontextmanager
async def cutting_proxy(target: int | Path) -> AsyncIterator[CuttingProxy]:
    """A proxy in front of a port, or of a socket's file."""
    proxy = CuttingProxy(target)
    server = await asyncio.start_server(proxy._carry, "127.0.0.1", proxy.port)
    try:
        yield proxy
    finally:
        server.close()
        await proxy._end()
        await server.wait_closed()
