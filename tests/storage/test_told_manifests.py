"""A manifest whose digest was answered is there for who goes on to name it, whatever collects meanwhile (R96)."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.metadata import record_of, stored
from contracts.samples import CONFIG, described, image_json, index_json, push_blob, push_manifest, some_actor
from contracts.storage_parts import MemoryStorage
from moorage.oci.digest import Digest
from moorage.oci.errors import ManifestUnknown
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Tag
from moorage.runtime.postgres import Database
from moorage.runtime.statement import execute, fetch_all
from moorage.storage.app import SCHEMA
from moorage.storage.collection import GRACE, Policy
from moorage.storage.postgres import collectable_manifests
from moorage.storage.postgres.content_holds import Hold
from storage.postgres_stores import make_older, postgres_stores

ACTOR, IMAGE = some_actor(), uuid4()
TIDY = Policy(untagged_after=timedelta(0))
RECORD = record_of("nobody names it")


@pytest.fixture
async def database(storage_dsn: str) -> AsyncIterator[Database]:
    """One with a manifest that is due."""
    async with await Database.open(storage_dsn, SCHEMA) as database:
        stores = postgres_stores(database)
        await stored(stores, IMAGE, Digest.of(b"{}"), 2)
        await stores.manifests.put(IMAGE, RECORD)
        await make_older(database, 2 * GRACE)
        yield database


async def test_who_is_told_by_digest_has_a_grace_to_name_it() -> None:
    """Over the port that HEAD and GET are served from; being told by a tag that is gone by then is not enough."""
    storage = MemoryStorage(policy=TIDY)
    await push_blob(storage.content, IMAGE, b"{}", ACTOR)
    body, other = (image_json(described(b"{}", CONFIG), annotations={"n": n}) for n in "12")
    for each in (body, other):
        await push_manifest(storage.content, IMAGE, each, ACTOR, Tag("v1"))
    storage.clock.advance(2 * GRACE)
    await storage.content.manifest(IMAGE, Tag("v1"))
    await storage.content.manifest(IMAGE, Digest.of(body))
    storage.clock.advance(GRACE)
    await storage.collection.run()
    index = index_json(described(body, ManifestType.OCI_IMAGE))
    await push_manifest(storage.content, IMAGE, index, ACTOR, Tag("v1"), ManifestType.OCI_INDEX)
    storage.clock.advance(2 * GRACE)
    await storage.collection.run()
    await storage.content.manifest(IMAGE, Digest.of(body))
    with pytest.raises(ManifestUnknown):
        await storage.content.manifest(IMAGE, Digest.of(other))


async def test_who_asks_while_it_is_collected_is_told_what_becomes_of_it(database: Database) -> None:
    """Not what it was before: nobody could rely on that."""
    manifests = postgres_stores(database).manifests
    hold = Hold(database)
    await hold.take(frozenset({IMAGE}))
    async with hold.transaction() as collecting:
        await fetch_all(collecting, collectable_manifests.LOCK, IMAGE, [str(RECORD.digest)])
        asking = [asyncio.ensure_future(manifests.vouch(IMAGE, RECORD.digest, GRACE / 4)) for _ in range(3)]
        await execute(collecting, collectable_manifests.DELETE, IMAGE, [str(RECORD.digest)])
    assert await asyncio.gather(*asking) == [None] * 3


async def test_of_many_who_are_told_at_once_one_writes(database: Database) -> None:
    """The others need no commit of their own, and are answered all the same."""
    manifests = postgres_stores(database).manifests
    found = await asyncio.gather(*(manifests.vouch(IMAGE, RECORD.digest, GRACE / 4) for _ in range(8)))
    assert all(each is not None and each.what.digest == RECORD.digest for each in found)
    async with database.connection() as c:
        noted = await c.fetchval("SELECT told_at FROM manifest")
        await manifests.vouch(IMAGE, RECORD.digest, GRACE / 4)
        assert await c.fetchval("SELECT told_at FROM manifest") == noted
