"""A worker of the rebuild in bulk: a process of its own, so that all cores read (`python -m …rebuild_worker`).

It builds its own adapters, as `app` does for the service. What to do comes in by a pipe; when that ends, so does it.
"""

import asyncio
import gc
import os
import sys
from asyncio import StreamReader
from contextlib import AsyncExitStack
from typing import Final

import structlog

from moorage.permissions.adapters.kafka_past import open_past
from moorage.permissions.consumer import KafkaSources, StreamUnavailable
from moorage.permissions.ports import LedgerUnavailable
from moorage.permissions.postgres.ledger import PostgresLedger
from moorage.permissions.postgres.staged_edges import PostgresStaging
from moorage.permissions.rebuilding.messages import Failed, Job, read_job, read_piece, received, written
from moorage.permissions.rebuilding.reading import PieceReader, Unsuited
from moorage.permissions.rebuilding.staging import StagingLost, Stamp
from moorage.runtime import logging
from moorage.runtime.clock import SystemClock
from moorage.runtime.postgres import Database, DatabaseRefused, DatabaseUnavailable

SCHEMA: Final = "permissions"
_TRANSIENT: Final = (StreamUnavailable, LedgerUnavailable, DatabaseUnavailable, DatabaseRefused, StagingLost)
_log: Final = structlog.stdlib.get_logger(__name__)


async def main() -> None:
    """Reads pieces until there are no more."""
    pipe = await _stdin()
    if (job := await received(pipe)) is None:
        return
    try:
        await _work(read_job(job), pipe)
    except _TRANSIENT as error:
        _say(written(Failed("unavailable", str(error) or type(error).__name__)))
    except Unsuited as error:
        _say(written(Failed("unsuited", str(error))))
    except Exception as error:  # a fault is told to who waits, in the log with its place
        _log.exception("A worker of the rebuild has failed because of a fault.")
        _say(written(Failed("fault", f"{type(error).__name__}: {error}")))


async def _work(job: Job, pipe: StreamReader) -> None:
    async with AsyncExitStack() as stack:
        past = await stack.enter_async_context(open_past(job.bootstrap, job.topic))
        database = await stack.enter_async_context(await Database.open(job.dsn, SCHEMA, role=job.role, size=2))
        ledger = PostgresLedger(database, SystemClock())
        sources = await KafkaSources(ledger).asked()
        staging = PostgresStaging(database)
        stamp = Stamp(job.source, job.at, job.seq)
        reader = PieceReader(past, ledger, staging, sources, job.run, stamp, frozenset(job.apart))
        while (piece := await received(pipe)) is not None:
            _say(written(await reader.read(read_piece(piece))))


async def _stdin() -> StreamReader:
    reader = StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    return reader


def _say(message: bytes) -> None:
    # Who waits for it reads all the time.
    at = 0
    while at < len(message):
        at += os.write(sys.stdout.fileno(), message[at:])


if __name__ == "__main__":
    logging.configure("permissions-rebuild")
    gc.set_threshold(100_000, 20, 20)
    asyncio.run(main())
