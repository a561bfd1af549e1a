"""What is remembered costs no question, and is told only as long as it is known to be true."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Final
from uuid import UUID, uuid4

import pytest
from prometheus_client import CollectorRegistry
from pydantic import SecretStr

from contracts.metadata import Stores, record_of, stored
from contracts.samples import push_blob, push_image, read_all, some_actor
from contracts.storage_parts import remembering
from moorage.distribution.content import ManifestPush
from moorage.oci.digest import Digest
from moorage.oci.errors import Unavailable
from moorage.oci.reference import Tag
from moorage.runtime.postgres import Database
from moorage.runtime.statement import Connection
from moorage.storage.app import SCHEMA, open_storage
from moorage.storage.postgres.connections import connection
from moorage.storage.postgres.content_holds import Hold
from moorage.storage.postgres.hold_feed import PostgresHoldFeed
from moorage.storage.remembered.numbers import Numbers
from moorage.storage.settings import StorageSettings
from servers.postgres import PostgresForTests
from storage.postgres_stores import postgres_stores

V1: Final = Tag("v1")
CONFIG: Final = Digest.of(b"{}")
AGAIN: Final = timedelta(hours=6)
WINDOW_SECONDS: Final = 0.05
DATED: Final = timedelta(seconds=11)


class CountingDatabase(Database):
    """Counts how often somebody wants a connection."""

    uses = 0

    @asynccontextmanager
    async def connection(self) -> AsyncIterator[Connection]:
        """See Database."""
        self.uses += 1
        async with super().connection() as connection:
            yield connection


class Site:
    """A process with its stores, what it counts, and the connections of others."""

    def __init__(self, stores: Stores, database: CountingDatabase, polls: Database, numbers: Numbers) -> None:
        self.stores, self.database, self.polls, self.numbers = stores, database, polls, numbers
        self.delegates = postgres_stores(database)

    async def read(self, image: UUID, times: int = 1) -> None:
        """A manifest by tag and by digest, and the config."""
        digest = record_of("one").digest
        for _ in range(times):
            assert await self.stores.manifests.find(image, V1)
            assert await self.stores.manifests.vouch(image, digest, AGAIN)
            assert await self.stores.blobs.vouch(image, CONFIG, AGAIN)
            assert await self.stores.blobs.find(image, CONFIG)

    async def warm(self, image: UUID) -> None:
        """Reads until no question is asked any more: the first look had to come first."""
        while True:
            before = self.database.uses
            await self.read(image)
            if self.database.uses == before:
                return
            await asyncio.sleep(0.01)


@pytest.fixture
async def site(storage_dsn: str) -> AsyncIterator[Site]:
    """Over PostgreSQL."""
    numbers = Numbers()
    async with (
        await CountingDatabase.open(storage_dsn, SCHEMA) as database,
        await Database.open(storage_dsn, SCHEMA, size=1) as polls,
        remembering(postgres_stores(database), PostgresHoldFeed(polls), numbers) as stores,
    ):
        yield Site(stores, database, polls, numbers)


@pytest.fixture
async def image(site: Site) -> UUID:
    """With a config, and a manifest with a tag."""
    image = uuid4()
    await stored(site.stores, image, CONFIG, 2)
    await site.stores.manifests.put(image, record_of("one", "v1"))
    return image


async def test_a_hot_read_asks_nothing(site: Site, image: UUID) -> None:
    """Manifests by tag and by digest and blobs: no connection is as much as wanted."""
    await site.warm(image)
    before = site.database.uses
    await site.read(image, 100)
    assert site.database.uses == before


async def test_an_image_tells_nothing_of_another(site: Site, image: UUID) -> None:
    """The same digests in another image are asked for: a digest known from elsewhere grants nothing (R67)."""
    await site.warm(image)
    assert await site.stores.manifests.find(uuid4(), record_of("one").digest) is None
    assert await site.stores.blobs.find(uuid4(), CONFIG) is None


async def test_nothing_is_told_while_a_change_is_under_way(site: Site, image: UUID) -> None:
    """From the moment at which the writer has waited until it is done, the database is asked; then memory again."""
    await site.warm(image)
    hold = Hold(site.database)
    await hold.take(frozenset({image}))
    before = site.database.uses
    await site.read(image)
    await site.read(image)
    assert site.database.uses == before + 8
    await hold.let_go()
    await site.warm(image)


async def test_a_dead_writer_holds_for_ten_seconds(site: Site, image: UUID) -> None:
    """Then whoever looks ends its holds, and if it is not dead after all its change is rolled back."""
    await site.warm(image)
    hold = Hold(site.database)
    await hold.take(frozenset({image}))
    async with site.database.connection() as c:
        await c.execute("UPDATE content_hold SET held_at = held_at - $1::interval", DATED)
    await site.warm(image)
    with pytest.raises(Unavailable):
        await site.delegates.manifests.under(hold).delete(image, record_of("one").digest, "user:late")  # type: ignore[attr-defined]
    assert await site.delegates.manifests.find(image, V1)


async def test_a_change_without_a_hold_is_refused(site: Site, image: UUID) -> None:
    """By the schema, for every statement that anybody may write."""
    for change in ("DELETE FROM tag", "UPDATE manifest SET token = '{1,7}'", "DELETE FROM blob_link"):
        with pytest.raises(Unavailable):
            async with connection(site.database) as c:
                await c.execute(change)
    assert await site.delegates.manifests.find(image, V1)
    assert await site.delegates.blobs.find(image, CONFIG)


async def test_a_new_connection_remembers_nothing(site: Site, image: UUID) -> None:
    """Between two connections anything may have happened."""
    await site.warm(image)
    async with site.polls.connection() as c:
        pid = c.get_server_pid()
    async with site.database.connection() as c:
        await c.execute("SELECT pg_terminate_backend($1)", pid)
    before = site.database.uses
    while site.database.uses == before:
        try:
            await site.read(image)
        except Unavailable:
            break
    await site.warm(image)


async def test_who_missed_holds_forgets_everything(storage_dsn: str, image: UUID, site: Site) -> None:
    """Holds whose rows are gone were missed, whatever they were of; what ended long before was not."""
    async with await Database.open(storage_dsn, SCHEMA, size=1) as database:
        feed = PostgresHoldFeed(database)
        await feed.poll()
        await site.stores.tags.delete(image, V1, "user:deleter")
        await feed.forget()
        assert (await feed.poll()).moved == {image}
        await site.stores.manifests.put(image, record_of("two", "v1"))
        await site.stores.manifests.put(image, record_of("one", "v1"))
        async with site.database.connection() as c:
            await c.execute("UPDATE content_hold SET ended_at = ended_at - interval '2 minutes'")
        await feed.forget()
        async with site.database.connection() as c:
            assert await c.fetchval("SELECT count(*) FROM content_hold") == 0
        missed = await feed.poll()
        assert (missed.continues, missed.moved) == (False, frozenset())
        assert (await feed.poll()).continues


async def test_what_is_new_waits_for_nobody(site: Site, image: UUID) -> None:
    """A push that moves nothing takes no hold; one that moves a tag takes one."""

    async def holds() -> int:
        async with site.database.connection() as c:
            return int(await c.fetchval("SELECT count(*) FROM content_hold"))

    await site.stores.manifests.put(image, record_of("two", "v2"))
    await site.stores.manifests.put(image, record_of("two", "v2"))
    assert await holds() == 0
    await site.stores.manifests.put(image, record_of("two", "v1"))
    assert await holds() == 1


async def test_memory_is_bounded(storage_dsn: str) -> None:
    """What was told longest ago goes first."""
    async with (
        await Database.open(storage_dsn, SCHEMA) as database,
        await Database.open(storage_dsn, SCHEMA, size=1) as polls,
        remembering(postgres_stores(database), PostgresHoldFeed(polls), numbers := Numbers(), 10_000) as stores,
    ):
        image = uuid4()
        await stored(stores, image, CONFIG, 2)
        records = [record_of(str(number)) for number in range(30)]
        for record in records:
            await stores.manifests.put(image, record)
        for _ in range(3):
            for record in records:
                assert await stores.manifests.find(image, record.digest)
        assert 0 < numbers.bytes._value.get() <= 10_000


async def test_without_the_database_nothing_is_told(postgres: PostgresForTests, tmp_path: Path) -> None:
    """503, once the last look is too old: what is remembered may not be true any more."""
    image, actor, dsn = uuid4(), some_actor(), await postgres.fresh_database()
    async with open_storage(StorageSettings(database_url=SecretStr(dsn), data_folder=tmp_path)) as storage:
        await push_blob(storage.content, image, b"{}", actor)
        record = record_of("one")
        await storage.content.put_manifest(image, ManifestPush(V1, record.manifest.media_type, record.body), actor)
        for _ in range(20):
            await storage.content.manifest(image, V1)
        await postgres.drop(dsn)
        await asyncio.sleep(WINDOW_SECONDS)  # a time that passes is the point of the test
        with pytest.raises(Unavailable):
            await storage.content.manifest(image, V1)


async def test_content_asks_no_more_than_its_stores(storage_settings: StorageSettings) -> None:
    """Manifests by HEAD or GET, a blob's HEAD and GET: all from memory, and the numbers say so."""
    image, actor, numbers = uuid4(), some_actor(), CollectorRegistry()

    def asked() -> float | None:
        return numbers.get_sample_value("moorage_storage_reads_total", {"from": "database"})

    async with open_storage(storage_settings) as storage:
        storage.add_to(numbers)
        pushed = await push_image(storage.content, image, actor, "v1")

        async def read() -> None:
            await storage.content.manifest(image, V1)
            await storage.content.manifest(image, pushed.digest)
            await storage.content.stat_blob(image, CONFIG)
            assert await read_all(storage.content.read_blob(image, CONFIG)) == b"{}"

        before = None
        while before != asked():
            before = asked()
            await read()
            await asyncio.sleep(0.01)
        for _ in range(50):
            await read()
        assert asked() == before
        assert (numbers.get_sample_value("moorage_storage_reads_total", {"from": "memory"}) or 0) >= 50 * 4
