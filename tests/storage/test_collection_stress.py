"""Collection every second among busy clients, on PostgreSQL and a folder: only garbage goes, and all of it (R95, R105).

`MOORAGE_TEST_COLLECTION_SECONDS` makes it longer; a failure says its seed.
"""

import asyncio
import os
import random
import time
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest

from contracts.storage_faults import files_below
from moorage.runtime.postgres import Database
from moorage.storage.app import SCHEMA, Storage, connect_storage
from moorage.storage.settings import StorageSettings
from storage.collection_stress import ACTOR, TAGS, Stress
from storage.postgres_stores import make_older

SECONDS: Final = float(os.environ.get("MOORAGE_TEST_COLLECTION_SECONDS", "6"))
GRACE: Final = timedelta(seconds=2)
CLIENTS: Final = 4


def bytes_below(folder: Path) -> int:
    """How many bytes there are on the disk."""
    return sum(path.stat().st_size for path in files_below(folder))


async def collect(storage: Storage, until: float) -> None:
    """Every second or so, as two processes would."""
    while time.monotonic() < until:
        await storage.collection.run()
        await storage.expire()
        await asyncio.sleep(0.3)


@pytest.mark.timeout(SECONDS + 240)
@pytest.mark.parametrize("untagged", [None, GRACE], ids=["kept", "collected"])
async def test_nothing_live_is_lost_and_garbage_goes(storage_settings: StorageSettings, untagged: timedelta) -> None:
    """Two processes collect, four clients work, everything is read; once quiet, two cycles take 99 % of the rest."""
    settings = storage_settings.model_copy(
        update={"collection_grace": GRACE, "collection_untagged_after": untagged, "upload_idle": GRACE}
    )
    seed = random.randrange(2**32)
    try:
        await stressed(settings, random.Random(seed))
    except BaseException as failure:
        failure.add_note(f"seed {seed}")
        raise


async def stressed(settings: StorageSettings, chance: random.Random) -> None:
    """The test, with what chance says."""
    async with connect_storage(settings) as one, connect_storage(settings) as two:
        stress, until = Stress(one.content, GRACE, chance), time.monotonic() + SECONDS / 2
        async with asyncio.TaskGroup() as group:
            for storage in (one, two):
                group.create_task(collect(storage, until))
            for number in range(CLIENTS):
                client = Stress((one, two)[number % 2].content, GRACE, chance, stress.images)
                group.create_task(client.act(until))
            group.create_task(stress.check(until))
        assert stress.checked > 0
        for image in stress.images:
            await stress.verify(image)
            for tag in (await one.content.tags(image, 100)).tags[len(TAGS) // 2 :]:
                await one.content.delete_tag(image, tag, ACTOR)
        await two_cycles(one, settings)
        for image in stress.images:
            await stress.verify(image)
        await end(one, stress, settings)


async def end(storage: Storage, stress: Stress, settings: StorageSettings) -> None:
    """Everything that is left is garbage now, the most of it since this moment."""
    before = bytes_below(settings.data_folder)
    for image in stress.images:
        await storage.content.delete_image(image)
    await two_cycles(storage, settings)
    assert bytes_below(settings.data_folder) <= before / 100


async def two_cycles(storage: Storage, settings: StorageSettings) -> None:
    """A grace passes, and a run comes that does what was foreseen; and again (R100)."""
    async with await Database.open(settings.database_url.get_secret_value(), SCHEMA) as database:
        for _ in range(2):
            await make_older(database, 1.25 * GRACE)
            foreseen = await storage.collection.preview()
            assert await storage.collection.run() == foreseen
            await storage.expire()
