"""Storage processes are killed at any moment, over and over: what was acknowledged is there (R84, R87, R88)."""

import asyncio
import os
import random
import sys
from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.samples import read_all, some_actor
from contracts.storage_faults import files_below
from faults.storage_children import storage_children
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown
from moorage.storage.app import Storage, connect_storage
from moorage.storage.damage import Damage
from moorage.storage.settings import StorageSettings

pytestmark = pytest.mark.timeout(3600)

KILLS = int(os.environ.get("MOORAGE_TEST_KILLS", "12"))
SEED = int(os.environ.get("MOORAGE_TEST_SEED", "1"))
LONGEST_SECONDS = 0.3
IMAGE, ACTOR = uuid4(), some_actor()


async def acknowledged(settings: StorageSettings) -> list[Digest]:
    """What all of them had said was stored, until each was killed."""
    chance, said = random.Random(SEED), list[str]()
    async with storage_children(settings) as children:
        for number in range(KILLS):
            child = await children.make("push", IMAGE, ACTOR, number)
            said.append(await child.line())
            await asyncio.sleep(chance.uniform(0, LONGEST_SECONDS))  # the moment of death is the point of the test
            child.kill()
            said += await child.end()
    return [Digest.parse(text) for text in said]


async def lost(storage: Storage, digests: set[Digest]) -> list[Digest]:
    """Those of them that can't be read back whole."""

    async def is_lost(digest: Digest) -> bool:
        try:
            return Digest.of(await read_all(storage.content.read_blob(IMAGE, digest))) != digest
        except BlobUnknown:
            return True

    return [digest for digest in sorted(digests) if await is_lost(digest)]


async def test_no_acknowledged_blob_is_lost(storage_settings: StorageSettings) -> None:
    """None is damaged either, and expiry leaves one file for each blob: MOORAGE_TEST_KILLS says how many kills."""
    said = await acknowledged(storage_settings)
    brief = storage_settings.model_copy(update={"upload_idle": timedelta(), "leftover_grace": timedelta()})
    async with connect_storage(brief) as storage:
        assert await lost(storage, set(said)) == []
        while (await storage.expire()).objects:
            pass
        verified = await storage.verification.run("kills", lambda *_: None)
        found: dict[Digest, Damage] = {each.digest: each.damage async for each in storage.verification.damaged()}
        assert found == {}
        assert [key async for key in storage.verification.unowned()] == []
    assert len(set(said)) <= verified.objects == len(files_below(storage_settings.data_folder))
    sys.stdout.write(f"{KILLS} kills, {len(said)} acknowledged pushes of {verified.objects} blobs; lost: 0\n")
