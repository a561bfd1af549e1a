"""Storage processes that are made to be killed: each a fork of one that has all modules in memory."""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import UUID

from moorage.distribution.content import Actor
from moorage.storage.settings import StorageSettings
from servers.process import tied_to_us

PROGRAM: Final = Path(__file__).parent / "dying_storage.py"


class Child:
    """One of them, as it is told of."""

    def __init__(self, pid: int, parent: asyncio.subprocess.Process) -> None:
        self.pid = pid
        self._parent = parent

    async def line(self) -> str:
        """What it says next."""
        assert self._parent.stdout
        return (await self._parent.stdout.readline()).decode().strip()

    def go_on(self) -> None:
        """It goes on with what it waits to do."""
        assert self._parent.stdin
        self._parent.stdin.write(b"\n")

    def kill(self) -> None:
        """SIGKILL."""
        os.kill(self.pid, signal.SIGKILL)

    async def end(self) -> list[str]:
        """What it said until it had ended."""
        said: list[str] = []
        while not (line := await self.line()).startswith("ended "):
            assert line, "the parent of storage processes has ended"
            said.append(line)
        return said


class Children:
    """Makes them, one after the other."""

    def __init__(self, parent: asyncio.subprocess.Process, settings: StorageSettings) -> None:
        self._parent = parent
        self._settings = settings

    async def make(self, what: str, image: UUID, actor: Actor, number: int) -> Child:
        """A new one, on its way."""
        dsn, folder = self._settings.database_url.get_secret_value(), str(self._settings.data_folder)
        assert self._parent.stdin
        assert self._parent.stdout
        order = json.dumps([what, dsn, folder, str(image), actor.principal, number])
        self._parent.stdin.write(f"{order}\n".encode())
        return Child(int(await self._parent.stdout.readline()), self._parent)


@asynccontextmanager
async def storage_children(settings: StorageSettings) -> AsyncIterator[Children]:
    """Whoever makes them, as long as this is open."""
    parent = await asyncio.create_subprocess_exec(
        *tied_to_us([sys.executable, str(PROGRAM)]), stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Children(parent, settings)
    finally:
        parent.kill()
        await parent.wait()
