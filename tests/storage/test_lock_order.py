"""Everything that locks rows of storage, against everything else and several collectors: nobody waits in a circle.

docs/design/storage.md, "Lock order". `MOORAGE_TEST_LOCK_STEPS` says how many steps each client takes; a failure says
its seed.
"""

import os
import random
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final
from uuid import UUID, uuid4

import asyncpg
import pytest

from contracts.metadata import record_of, session_of
from contracts.samples import described
from moorage.access.consistency import ConsistencyToken
from moorage.oci.digest import Digest
from moorage.oci.errors import ManifestBlobUnknown, TagTaken, Unavailable
from moorage.oci.reference import Tag
from moorage.runtime.postgres import Database
from moorage.storage import fallback_tag
from moorage.storage.app import SCHEMA
from moorage.storage.collecting import Collection
from moorage.storage.collection import Policy
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import Completion, Restorer
from storage.interleaving import InterleavedDatabase, Turns
from storage.postgres_stores import postgres_stores

STEPS: Final = int(os.environ.get("MOORAGE_TEST_LOCK_STEPS", "60"))
CLIENTS, COLLECTORS = 8, 2
SOON: Final = timedelta(milliseconds=200)
TIDY: Final = Policy(SOON, SOON, with_subject=True)
BLOBS: Final = [b"{}", *(f"layer {number}".encode() for number in range(8))]
RESTORER: Final = Restorer("user:restorer", ConsistencyToken(1, 1))
DAY: Final = timedelta(days=1)
_DEADLOCKS: Final = "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"


class Crowd:
    """Clients of two images that share their blobs, and collectors for which everything is due soon."""

    def __init__(self, database: Database, chance: random.Random) -> None:
        self._stores = postgres_stores(database)
        self._chance = chance
        self.images = [uuid4(), uuid4()]
        self.children = [record_of(f"child {n}", layers=[described(b) for b in BLOBS[n + 1 :]]) for n in range(4)]
        self.indexes = [record_of(f"index {n}", children=self.children[n : n + 3]) for n in range(4)]
        self.signed = [*self.children, *self.indexes]
        attached = [tag.text for each in self.signed for tag in fallback_tag.companions(each.digest)]
        self.tags = [*(f"t{number}" for number in range(12)), *attached]
        self.done = Counter[str]()
        self.circles = list[tuple[str, str | None, str | None]]()

    async def act(self) -> None:
        """One client."""
        steps: list[Callable[[], Awaitable[object]]] = [
            self.push,
            self.push,
            self.push_index,
            self.sign,
            self.delete,
            self.delete_tag,
            self.restore_tag,
            self.restore,
            self.mount,
            self.mount,
            self.upload,
            self.upload,
            self.unlink,
            self.end,
        ]
        for _ in range(STEPS):
            step = self._chance.choice(steps)
            with suppress(ManifestBlobUnknown, TagTaken, Unavailable), self._noting(step.__name__):
                if await step() is not False:
                    self.done[step.__name__] += 1

    async def collect(self) -> None:
        """One collector, in batches that leave the rest to the others."""
        collection = Collection(self._stores.collection, TIDY, batch_size=7)
        for _ in range(STEPS // 2):
            with suppress(Unavailable), self._noting("collect"):
                await collection.run()

    @contextmanager
    def _noting(self, step: str) -> Iterator[None]:
        try:
            yield
        except Unavailable as error:
            if isinstance(error.__cause__, asyncpg.DeadlockDetectedError):
                self.circles.append((step, error.__cause__.context, error.__cause__.detail))
            raise

    async def push(self) -> None:
        """A manifest under many tags."""
        await self._put(self._chance.choice(self.children))

    async def push_index(self) -> None:
        """What names others."""
        await self._put(self._chance.choice(self.indexes))

    async def sign(self) -> None:
        """What refers to another."""
        await self._put(record_of("signature", subject=self._record().digest))

    async def delete(self) -> bool:
        """With its tags."""
        return await self._stores.manifests.delete(self._image(), self._record().digest, "user:deleter")

    async def delete_tag(self) -> bool:
        """Any."""
        return await self._stores.tags.delete(self._image(), self._tag(), "user:deleter")

    async def restore_tag(self) -> bool:
        """With what it named."""
        return await self._stores.tags.restore(self._image(), self._tag(), RESTORER, DAY) is not None

    async def restore(self) -> bool:
        """With what it names."""
        return await self._stores.manifests.restore(self._image(), self._record().digest, RESTORER, DAY)

    async def mount(self) -> bool:
        """In either direction."""
        source, target = self._chance.sample(self.images, 2)
        return await self._stores.blobs.mount(source, target, self._digest()) is not None

    async def upload(self) -> bool:
        """Any blob."""
        return await self._upload(self._image(), self._chance.choice(BLOBS))

    async def _upload(self, image: UUID, data: bytes) -> bool:
        """In an upload that took long; the bytes may be stored already, or replace what is."""
        digest, sessions = Digest.of(data), self._stores.sessions
        started_at = datetime.now(UTC) - timedelta(hours=self._chance.randint(0, 30))
        session = session_of(image, f"user:{uuid4()}", started_at)
        await sessions.open(session, 10)
        stored = await self._stores.blobs.find_anywhere(digest)
        if stored and self._chance.random() < 0.5:
            return await sessions.complete_with(session.id, digest, stored)
        replaced = stored.key if stored and self._chance.random() < 0.5 else None
        return await sessions.complete(Completion(session.id, digest, len(data), replaced)) is not None

    async def unlink(self) -> bool:
        """One blob."""
        return await self._stores.blobs.unlink(self._image(), self._digest())

    async def end(self) -> bool:
        """All of an image, as its deletion does; seldom."""
        if self._chance.random() < 0.9:
            return False
        image = self._image()
        await self._stores.sessions.end_all(image)
        await self._stores.manifests.delete_all(image)
        await self._stores.blobs.unlink_all(image)
        return True

    async def _put(self, record: ManifestRecord) -> None:
        image, tags = self._image(), self._chance.sample(self.tags, self._chance.randint(0, 30))
        for data in BLOBS:
            if await self._stores.blobs.find(image, Digest.of(data)) is None:
                await self._upload(image, data)
        await self._stores.manifests.put(image, replace(record, tags=tuple(map(Tag, tags))))

    def _image(self) -> UUID:
        return self._chance.choice(self.images)

    def _record(self) -> ManifestRecord:
        return self._chance.choice(self.signed)

    def _tag(self) -> Tag:
        return Tag(self._chance.choice(self.tags))

    def _digest(self) -> Digest:
        return Digest.of(self._chance.choice(BLOBS))


async def deadlocks(dsn: str) -> int:
    """So many the server has found in the database, once all who were told of one have ended."""
    connection = await asyncpg.connect(dsn)
    try:
        count: int = await connection.fetchval(_DEADLOCKS)
        return count
    finally:
        await connection.close()


@pytest.mark.timeout(60 + 10 * STEPS)
async def test_nobody_waits_in_a_circle(storage_dsn: str) -> None:
    """Not one deadlock in whatever order their statements come, though all of them do work."""
    seed = random.randrange(2**32)
    chance = random.Random(seed)
    async with await InterleavedDatabase.open(storage_dsn, SCHEMA, size=CLIENTS + COLLECTORS) as database:
        crowd, database.turns = Crowd(database, chance), Turns(chance)
        clients, collectors = [crowd.act() for _ in range(CLIENTS)], [crowd.collect() for _ in range(COLLECTORS)]
        outcomes = await database.turns.play(*clients, *collectors)
    assert [each for each in outcomes if isinstance(each, BaseException)] == [], f"seed {seed}"
    assert await deadlocks(storage_dsn) == 0, f"seed {seed}: {crowd.circles}"
    assert set(crowd.done) >= {"push", "push_index", "delete", "delete_tag", "mount", "upload"}, crowd.done
