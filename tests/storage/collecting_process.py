"""Collects in the smallest steps until it is killed, in a child of its own for each line that it reads.

Run by test_collection_killed as `collecting_process.py <dsn> <folder>`. A child writes its id and then a line for each
step; its parent says when it is dead.
"""

import asyncio
import os
import sys
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

from pydantic import SecretStr

from moorage.runtime.postgres import Database
from moorage.storage.app import SCHEMA, connect_storage
from moorage.storage.collecting import Collection
from moorage.storage.collection import Policy
from moorage.storage.postgres.collection import PostgresCollectionStore
from moorage.storage.settings import StorageSettings


def tell(what: object) -> None:
    """A line that is out when this returns."""
    os.write(1, f"{what}\n".encode())


async def collect(dsn: str, folder: str) -> None:
    """Works until it is killed."""
    settings = StorageSettings(database_url=SecretStr(dsn), data_folder=Path(folder))
    async with connect_storage(settings) as storage, await Database.open(dsn, SCHEMA) as database:
        collection = Collection(PostgresCollectionStore(database), Policy(untagged_after=timedelta(0)), batch_size=1)
        while True:
            await collection.run(tell)
            await storage.expire()


def in_a_child(work: Callable[[], None]) -> None:
    """Returns when it has died. No import has to be repeated for it."""
    child = os.fork()
    if child == 0:
        tell(os.getpid())
        work()
    os.waitpid(child, 0)
    tell("dead")


if __name__ == "__main__":
    for _ in sys.stdin:
        in_a_child(lambda: asyncio.run(collect(*sys.argv[1:])))
