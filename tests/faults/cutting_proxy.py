"""A TCP proxy on loopback that breaks what it carries."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final

from servers.ports import free_port

_PIECE: Final = 4096


class CuttingProxy:
    """Carries connections to a port, until it is told to stall or to cut. Only answers are cut and stalled."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._going = asyncio.Event()
        self._going.set()
        self._left: int | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self.port = free_port()
        self.cuts = 0

    def cut_after(self, size: int) -> None:
        """The connection that carries this byte of an answer ends there."""
        self._left = size

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
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._target)
            try:
                async with asyncio.TaskGroup() as tasks:
                    forth = tasks.create_task(self._copy(reader, far_writer))
                    await self._copy(far_reader, writer, answers=True)
                    forth.cancel()
            finally:
                far_writer.transport.abort()
        except (OSError, asyncio.CancelledError):
            pass
        finally:
            writer.transport.abort()
            self._carrying.discard(task)

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
async def cutting_proxy(target: int) -> AsyncIterator[CuttingProxy]:
    """A proxy in front of a port."""
    proxy = CuttingProxy(target)
    server = await asyncio.start_server(proxy._carry, "127.0.0.1", proxy.port)
    try:
        yield proxy
    finally:
        server.close()
        await proxy._end()
        await server.wait_closed()
