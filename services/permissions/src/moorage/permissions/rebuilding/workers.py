"""The processes that read: each is given the next piece as soon as it has finished one."""

import asyncio
import os
import sys
from asyncio import subprocess
from collections import deque
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Final

from moorage.permissions.consumer import StreamUnavailable
from moorage.permissions.rebuilding.messages import Done, Failed, Job, Piece, read_said, received, written
from moorage.permissions.rebuilding.reading import Unsuited

WORKERS: Final = 2
PIECE: Final = 50_000
"""So many offsets are read by one worker at a time: a big workspace's partition is shared by all."""
_AHEAD: Final = 2
"""A piece is read while the next one is waiting."""
_PROGRAM: Final = "moorage.permissions.rebuild_worker"
# A batch of records is half a megabyte. glibc would map and unmap each one, and that takes longer than to unpack it.
_KEEPS_ITS_MEMORY: Final = {"MALLOC_MMAP_THRESHOLD_": str(32 * 2**20), "MALLOC_TRIM_THRESHOLD_": str(64 * 2**20)}


class WorkerFailed(Exception):
    """A worker has ended for a reason that trying again may not cure."""


def pieces_of(extent: Mapping[int, tuple[int, int]], size: int) -> list[Piece]:
    """What there is to be read, in the order of partitions and offsets."""
    return [
        Piece(part, start, min(start + size, end))
        for part, (first, end) in sorted(extent.items())
        for start in range(first, end, size)
    ]


class WorkerProcesses:
    """Starts processes of our own interpreter."""

    def __init__(self, count: int = WORKERS) -> None:
        self._count = count

    async def read(self, job: Job, pieces: Sequence[Piece]) -> AsyncIterator[Done]:
        """Every piece as it is done, in any order. Raises StreamUnavailable, Unsuited, WorkerFailed."""
        waiting, done = deque(pieces), asyncio.Queue[Done | Exception]()
        tasks = [asyncio.create_task(_employ(job, waiting, done)) for _ in range(min(self._count, len(pieces)))]
        try:
            for _ in pieces:
                found = await done.get()
                if isinstance(found, Exception):
                    raise found
                yield found
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)


async def _employ(job: Job, waiting: deque[Piece], done: "asyncio.Queue[Done | Exception]") -> None:
    try:
        async with _started() as process:
            await _give(process, job, waiting, done)
    except Exception as error:  # whoever waits for the pieces has to know
        await done.put(error)


async def _give(
    process: subprocess.Process, job: Job, waiting: deque[Piece], done: "asyncio.Queue[Done | Exception]"
) -> None:
    if process.stdin is None or process.stdout is None:
        raise WorkerFailed("a worker has no pipes")
    process.stdin.write(written(job))
    given = 0
    while waiting or given:
        while waiting and given < _AHEAD:
            process.stdin.write(written(waiting.popleft()))
            given += 1
        await done.put(_said(await received(process.stdout)))
        given -= 1


def _said(message: bytes | None) -> Done:
    if message is None:
        raise WorkerFailed("a worker has ended without a word")
    said = read_said(message)
    if isinstance(said, Done):
        return said
    raise _failure(said)


def _failure(said: Failed) -> Exception:
    match said.kind:
        case "unavailable":
            return StreamUnavailable(said.words)
        case "unsuited":
            return Unsuited(said.words)
        case _:
            return WorkerFailed(said.words)


@asynccontextmanager
async def _started() -> AsyncIterator[subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", _PROGRAM),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=os.environ | _KEEPS_ITS_MEMORY,
    )
    try:
        yield process
    finally:
        # Nothing of what it does counts any more; by its end the pipe would tell it so as well.
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
