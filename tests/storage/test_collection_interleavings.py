"""Collection between the statements of pushes, mounts and restorations, in every order that chance finds (R96, R97).

`MOORAGE_TEST_INTERLEAVINGS` says how many there are in each part; a failure says its seed.
"""

import os
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest

from contracts.samples import CONFIG, described, image_json, index_json, push_blob, push_manifest, read_all, some_actor
from contracts.storage_parts import wired
from moorage.distribution.content import ManifestPush
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown, Unavailable
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Reference, Tag
from moorage.runtime.clock import FixedClock
from moorage.storage.app import SCHEMA
from moorage.storage.collecting import Collection
from moorage.storage.collection import Policy
from moorage.storage.drivers.memory import MemoryDriver
from moorage.storage.expiry import Expiry
from moorage.storage.upload_session import Lifetime
from storage.interleaving import InterleavedDatabase, Turns
from storage.postgres_stores import postgres_stores

COUNT: Final = int(os.environ.get("MOORAGE_TEST_INTERLEAVINGS", "40"))
PARTS: Final = 4
ACTOR = some_actor()
DAY = timedelta(days=1)
TIDY = Policy(untagged_after=DAY)


@pytest.fixture
async def database(storage_dsn: str) -> AsyncIterator[InterleavedDatabase]:
    """One for all interleavings of a test."""
    async with await InterleavedDatabase.open(storage_dsn, SCHEMA) as database:
        yield database


class World:
    """A blob that three images hold, so long that it may be collected; what is named by a manifest in one of them.

    `lone` has nothing but the link, `named` a manifest under its digest only, `undone` one that was deleted yesterday.
    """

    def __init__(self, database: InterleavedDatabase, chance: random.Random) -> None:
        self._database = database
        self._chance = chance
        self.data = f"{chance.random()}".encode()
        self.body = image_json(described(self.data, CONFIG))
        self.digest, self.manifest = Digest.of(self.data), Digest.of(self.body)
        self.lone, self.named, self.undone, self.new = (uuid4() for _ in range(4))
        clock, stores = FixedClock(), postgres_stores(database)
        self.driver = MemoryDriver(clock)
        self.content = wired(self.driver, stores, clock)
        self.collection = Collection(stores.collection, TIDY)
        self._expiry = Expiry(self.driver, stores.sessions, clock, Lifetime())

    async def prepare(self) -> None:
        """Makes it, and makes it old."""
        for image in self._chance.sample([self.lone, self.named, self.undone], k=self._chance.choice([1, 3, 3])):
            await push_blob(self.content, image, self.data, ACTOR)
            if image != self.lone:
                await push_manifest(
                    self.content, image, self.body, ACTOR, Tag("undone") if image == self.undone else None
                )
            if image == self.undone:
                await self.content.delete_manifest(image, self.manifest, ACTOR)
        if self._chance.random() < 0.3:
            await self._unlink()
        async with self._database.transaction() as c:
            for table, column in (("blob_link", "linked_at"), ("review", "since"), ("manifest", "told_at")):
                await c.execute(
                    f"UPDATE {table} SET {column} = {column} - interval '3 days' WHERE digest = ANY($1)",
                    [str(self.digest), str(self.manifest)],
                )
            age = self._chance.choice(["23 hours", "25 hours"])
            for table in ("deleted_tag", "deleted_manifest", "deleted_reference"):
                await c.execute(
                    f"UPDATE {table} SET deleted_at = deleted_at - '{age}'::interval WHERE image = $1", self.undone
                )

    async def play(self) -> None:
        """Collection and some of the others at once; then nothing that is there lacks anything."""
        others: list[Callable[[], Awaitable[object]]] = [
            self.ask_and_push,
            self.mount_and_push,
            self.push,
            self.put,
            self.put_index,
            self.ask_and_put_index,
            self.restore,
            self.collect,
        ]
        chosen = self._chance.sample(others, k=self._chance.randint(1, 3))
        self._database.turns = turns = Turns(self._chance)
        try:
            outcomes = await turns.play(self.collect(), *(each() for each in chosen))
        finally:
            self._database.turns = None
        failures = [each for each in outcomes if isinstance(each, BaseException) and not isinstance(each, Unavailable)]
        assert failures == [], ([each.__name__ for each in chosen], failures)
        await self._expiry.run()
        for image in (self.lone, self.named, self.undone, self.new):
            await self._check(image)

    async def collect(self) -> None:
        """A run, and what frees the bytes after it."""
        await self.collection.run()
        await self._expiry.run()

    async def ask_and_push(self) -> None:
        """A client that skips the upload of what is there (R96)."""
        try:
            await self.content.stat_blob(self.lone, self.digest)
        except BlobUnknown:
            await push_blob(self.content, self.lone, self.data, ACTOR)
        await push_manifest(self.content, self.lone, self.body, ACTOR, Tag("asked"))

    async def mount_and_push(self) -> None:
        """A client that mounts, and uploads if it can't."""
        if not await self.content.mount_blob(self.named, self.new, self.digest, ACTOR):
            await push_blob(self.content, self.new, self.data, ACTOR)
        await push_manifest(self.content, self.new, self.body, ACTOR, Tag("mounted"))

    async def push(self) -> None:
        """A client that asks nobody."""
        await push_blob(self.content, self.new, self.data, ACTOR)
        await push_manifest(self.content, self.new, self.body, ACTOR, Tag("pushed"))

    async def put(self) -> None:
        """A manifest at once: all it names is there, or it is refused."""
        try:
            await push_manifest(self.content, self.named, self.body, ACTOR, Tag("put"))
        except ManifestBlobUnknown:
            return
        assert (await self.content.manifest(self.named, Tag("put"))).body == self.body

    async def put_index(self) -> None:
        """An index that gives a manifest a name, or is refused."""
        index = index_json(described(self.body, ManifestType.OCI_IMAGE))
        push = ManifestPush(Tag("index"), ManifestType.OCI_INDEX, index)
        try:
            await self.content.put_manifest(self.named, push, ACTOR)
        except ManifestBlobUnknown:
            return

    async def ask_and_put_index(self) -> None:
        """A client that was told of a manifest by its digest may name it (R96)."""
        try:
            await self.content.manifest(self.named, self.manifest)
        except ManifestUnknown:
            return
        index = index_json(described(self.body, ManifestType.OCI_IMAGE), annotations={"asked": "before"})
        push = ManifestPush(Tag("asked"), ManifestType.OCI_INDEX, index)
        await self.content.put_manifest(self.named, push, ACTOR)

    async def restore(self) -> None:
        """All of it comes back, or nothing."""
        try:
            await self.content.restore_tag(self.undone, Tag("undone"), ACTOR)
        except (ManifestUnknown, ManifestBlobUnknown):
            return
        assert (await self.content.manifest(self.undone, Tag("undone"))).body == self.body

    async def _unlink(self) -> None:
        for image in (self.lone, self.undone):
            try:
                await self.content.delete_blob(image, self.digest)
            except BlobUnknown:
                continue

    async def _check(self, image: UUID) -> None:
        references: list[Reference] = [*(await self.content.tags(image, 10)).tags, self.manifest]
        for reference in references:
            try:
                found = await self.content.manifest(image, reference)
            except ManifestUnknown:
                assert reference == self.manifest
                continue
            if found.media_type == ManifestType.OCI_INDEX:
                assert (await self.content.manifest(image, self.manifest)).body == self.body
            assert await read_all(self.content.read_blob(image, self.digest)) == self.data


@pytest.mark.parametrize("part", range(PARTS))
async def test_no_order_loses_anything(database: InterleavedDatabase, part: int) -> None:
    """A share of the interleavings; whoever was told that something is there finds it whole."""
    for seed in range(part * COUNT, (part + 1) * COUNT):
        world = World(database, random.Random(seed))
        await world.prepare()
        try:
            await world.play()
        except BaseException as failure:
            failure.add_note(f"seed {seed}")
            raise
