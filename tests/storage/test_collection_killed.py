"""A process that collects is killed in the middle, over and over; who comes next completes what it began (R98)."""

import asyncio
import os
import random
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest

from contracts.samples import index_json, push_blob, push_image, push_manifest, read_all, some_actor
from contracts.storage_faults import files_below
from moorage.distribution.content import Content
from moorage.oci.digest import Digest
from moorage.oci.errors import ManifestBlobUnknown
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Tag
from moorage.runtime.postgres import Database
from moorage.storage.app import SCHEMA, Storage
from moorage.storage.collecting import Collection
from moorage.storage.collection import GRACE, Collected, Policy
from moorage.storage.postgres.blobs import PostgresBlobStore
from moorage.storage.postgres.collection import PostgresCollectionStore
from moorage.storage.settings import StorageSettings
from storage.postgres_stores import make_older

PROGRAM: Final = Path(__file__).parent / "collecting_process.py"
KILLS: Final = int(os.environ.get("MOORAGE_TEST_KILLS", "20"))
GARBAGE: Final = 12
ACTOR = some_actor()


class Mortal:
    """Somebody whose collecting children are killed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        self._orders, self._told = process.stdin, process.stdout

    async def dies(self, steps: int) -> None:
        """Returns when a child has died after so many steps, in the next one."""
        self._orders.write(b"\n")
        child = int(await self._told.readline())
        for _ in range(steps):
            await self._told.readline()
        os.kill(child, signal.SIGKILL)
        while await self._told.readline() != b"dead\n":
            pass


@asynccontextmanager
async def mortal(settings: StorageSettings) -> AsyncIterator[Mortal]:
    """Its parent ends with the test."""
    dsn, folder = settings.database_url.get_secret_value(), settings.data_folder
    process = await asyncio.create_subprocess_exec(
        sys.executable, PROGRAM, dsn, folder, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    try:
        yield Mortal(process)
    finally:
        process.kill()
        await process.wait()


async def leave_garbage(content: Content, image: UUID, number: int) -> None:
    """Blobs that nobody names, a manifest that was deleted, and one that only a deleted index named."""
    await push_blob(content, image, f"nobody names {number}".encode(), ACTOR)
    deleted = await push_image(content, image, ACTOR, f"deleted{number}")
    await content.delete_manifest(image, deleted.digest, ACTOR)
    child = await push_image(content, image, ACTOR, f"child{number}")
    index = index_json(child, annotations={"number": str(number)})
    await push_manifest(content, image, index, ACTOR, Tag(f"index{number}"), ManifestType.OCI_INDEX)
    await content.delete_manifest(image, Digest.of(index), ACTOR)
    await content.delete_tag(image, Tag(f"child{number}"), ACTOR)


@pytest.mark.timeout(60 + 10 * KILLS)
async def test_the_next_run_completes_what_was_begun(storage: Storage, storage_settings: StorageSettings) -> None:
    """What is live stays whole after each death; in the end nothing is left of the rest, in rows or on the disk."""
    image, other, chance = uuid4(), uuid4(), random.Random(11)
    live = await push_image(storage.content, image, ACTOR, "live")
    held = {str(path) for path in files_below(storage_settings.data_folder)}
    for number in range(GARBAGE):
        await leave_garbage(storage.content, (image, other)[number % 2], number)
    dsn = storage_settings.database_url.get_secret_value()
    async with await Database.open(dsn, SCHEMA) as database, mortal(storage_settings) as somebody:
        for _ in range(KILLS):
            await make_older(database, 2 * GRACE)
            await somebody.dies(chance.randint(1, 8))
            assert (await storage.content.manifest(image, Tag("live"))).digest == live.digest
            for data in (b"{}", b"layer of live"):
                assert await read_all(storage.content.read_blob(image, Digest.of(data))) == data
        collection = Collection(PostgresCollectionStore(database), Policy(untagged_after=0 * GRACE))
        for _ in range(6):
            await make_older(database, 2 * GRACE)
            await collection.run()
            await storage.expire()
        assert await collection.run() == Collected()
        async with database.connection() as c:
            left = [
                await c.fetchval(f"SELECT count(*) FROM {table}")
                for table in ("manifest", "deleted_manifest", "deleted_tag", "blob", "blob_link", "discarded_object")
            ]
    assert left == [1, 0, 0, 2, 2, 0]
    assert {str(path) for path in files_below(storage_settings.data_folder)} == held


@pytest.mark.timeout(60 + 10 * KILLS)
async def test_what_is_undone_is_whole_however_collection_ends(
    storage: Storage, storage_settings: StorageSettings
) -> None:
    """Restored beside a collection that dies: all of it is there, or what is missing is told and can be pushed."""
    image, chance, content = uuid4(), random.Random(12), storage.content
    dsn = storage_settings.database_url.get_secret_value()
    async with await Database.open(dsn, SCHEMA) as database, mortal(storage_settings) as somebody:
        for number in range(KILLS):
            tag, layer = Tag(f"v{number}"), Digest.of(layer_of(number))
            is_partly_collected = number % 2 == 1
            pushed = await push_image(content, image, ACTOR, tag.text)
            if is_partly_collected:
                await content.delete_blob(image, layer)
                await make_older(database, 0.6 * GRACE)
            await content.delete_manifest(image, pushed.digest, ACTOR)
            await make_older(database, 0.6 * GRACE)
            while is_partly_collected and await PostgresBlobStore(database).find_anywhere(layer):
                await somebody.dies(chance.randint(1, 8))
            dying = asyncio.ensure_future(somebody.dies(chance.randint(1, 8)))
            if is_partly_collected:
                with pytest.raises(ManifestBlobUnknown):
                    await content.restore_tag(image, tag, ACTOR)
                assert tag not in (await content.tags(image, 1000)).tags
                await push_blob(content, image, layer_of(number), ACTOR)
            assert await content.restore_tag(image, tag, ACTOR) == pushed.digest
            await dying
        for number in range(KILLS):
            await content.manifest(image, Tag(f"v{number}"))
            for data in (b"{}", layer_of(number)):
                assert await read_all(content.read_blob(image, Digest.of(data))) == data


def layer_of(number: int) -> bytes:
    """What `push_image` puts into the image of that number."""
    return f"layer of v{number}".encode()
