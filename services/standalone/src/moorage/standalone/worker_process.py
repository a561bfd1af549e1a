"""One worker as its parent sees it: a process, what it has said, and its end."""

import asyncio
import sys
from asyncio import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Final
from uuid import UUID

import structlog

from moorage.standalone.messages import Enlisted, Failed, Orders, Serving, Unintelligible, read, written_orders

_log: Final = structlog.stdlib.get_logger(__name__)
_PROGRAM: Final = "moorage.standalone.worker"


class WorkerProcess:
    """A worker that was started. It ends when it is told to, when its parent does, or by itself."""

    def __init__(self, process: subprocess.Process) -> None:
        self._process = process
        self.internal: str | None = None
        self.gateways: set[UUID] = set()
        self.reason: str | None = None

    @property
    def pid(self) -> int:
        """Its number."""
        return self._process.pid

    def tell_to_stop(self) -> None:
        """Harmless when it has ended."""
        with suppress(ProcessLookupError):
            self._process.terminate()

    async def listen(self) -> AsyncIterator[Serving | Enlisted | Failed]:
        """What it says, kept here as well, until it has no more to say; what is no message is logged and left out."""
        while line := await self._line():
            try:
                said = read(line)
            except Unintelligible as error:
                _log.warning("A worker wrote what is no message", pid=self.pid, cause=str(error))
                continue
            match said:
                case Serving(internal):
                    self.internal = internal
                case Enlisted(gateway):
                    self.gateways.add(gateway)
                case Failed(reason):
                    self.reason = reason
            yield said

    async def _line(self) -> bytes:
        """The next one, b"" at the end; of one that is too long what is left."""
        assert self._process.stdout is not None
        try:
            return await self._process.stdout.readline()
        except ValueError:
            return b"\n"

    async def end(self) -> str:
        """Waits for its end; in words."""
        status = await self._process.wait()
        return self.reason or (f"signal {-status}" if status < 0 else f"status {status}")


@asynccontextmanager
async def started(orders: Orders) -> AsyncIterator[WorkerProcess]:
    """A worker in a session of its own: ^C on a terminal reaches us only, and we stop it in order.

    Its orders come by a pipe that stays open: by its end the worker notices ours, where the kernel does not kill it.
    """
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", _PROGRAM),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        pass_fds=(orders.public, orders.lock),
        start_new_session=True,
    )
    try:
        assert process.stdin is not None
        process.stdin.write(written_orders(orders))
        yield WorkerProcess(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
