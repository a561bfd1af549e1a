"""Changes of one image at the same time, over the real database: nothing half done, nothing stuck."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable
from uuid import uuid4

import pytest

from contracts.metadata import session_of
from contracts.samples import CONFIG, described, image_json, push_blob, push_image, some_actor
from moorage.distribution.content import ManifestPush
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Tag
from moorage.runtime.postgres import Database, DatabaseUnavailable
from moorage.runtime.statement import Statement, execute, fetch_all, fetch_one
from moorage.storage.app import SCHEMA, Storage
from moorage.storage.ports import Completion
from moorage.storage.postgres import blobs, holding, manifests, sessions
from moorage.storage.postgres.sessions import PostgresSessionStore

IMAGE, ACTOR = uuid4(), some_actor()


@pytest.fixture
async def database(storage_dsn: str) -> AsyncIterator[Database]:
    """A second look into the same schema."""
    async with await Database.open(storage_dsn, SCHEMA) as database:
        yield database


async def at_once(database: Database, statement: Statement[None], digest: Digest) -> None:
    """Runs it, giving up where it would have to wait for a lock."""
    async with database.transaction() as connection:
        await connection.execute("SET LOCAL lock_timeout = '1ms'")
        await execute(connection, statement, IMAGE, str(digest))


async def test_what_a_manifest_names_stays_until_it_is_there(storage: Storage, database: Database) -> None:
    """Between the check and the commit no blob can be unlinked and no child deleted (R26, R87)."""
    digest = await push_blob(storage.content, IMAGE, b"{}", ACTOR)
    child = await push_image(storage.content, IMAGE, ACTOR, "child")
    async with database.transaction() as pushing:
        await fetch_all(pushing, holding.HOLD_BLOBS, IMAGE, [str(digest)])
        await fetch_all(pushing, holding.HOLD_MANIFESTS, IMAGE, [str(child.digest)])
        for statement, named in ((blobs.UNLINK, digest), (manifests.DELETE, child.digest)):
            with pytest.raises(DatabaseUnavailable):
                await at_once(database, statement, named)
        # Others may name the same content meanwhile, and it may be pushed again.
        assert await storage.content.mount_blob(IMAGE, IMAGE, digest, ACTOR)
        await push_image(storage.content, IMAGE, ACTOR, "other")


async def test_changes_of_the_same_tags_do_not_block_each_other(storage: Storage) -> None:
    """Pushes that move many tags in any order, deletions of tags, manifests and blobs: each is done or refused."""
    content, chance = storage.content, random.Random(7)
    names = [Tag(f"tag{number}") for number in range(12)]
    await push_blob(content, IMAGE, b"{}", ACTOR)
    bodies = [image_json(described(b"{}", CONFIG), annotations={"number": str(number)}) for number in range(6)]

    def some_change() -> Awaitable[object]:
        body, tag = chance.choice(bodies), chance.choice(names)
        tags = tuple(chance.sample(names, chance.randint(0, len(names))))
        match chance.randrange(5):
            case 0:
                return content.delete_manifest(IMAGE, Digest.of(body), ACTOR)
            case 1:
                return content.delete_tag(IMAGE, tag, ACTOR)
            case 2:
                return push_blob(content, IMAGE, b"{}", ACTOR)
            case _:
                push = ManifestPush(Digest.of(body), ManifestType.OCI_IMAGE, body, tags)
                return content.put_manifest(IMAGE, push, ACTOR)

    outcomes = await asyncio.gather(*(some_change() for _ in range(300)), return_exceptions=True)
    failures = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(failure, ManifestUnknown | ManifestBlobUnknown) for failure in failures), failures
    for tag in (await content.tags(IMAGE, 100)).tags:
        assert (await content.manifest(IMAGE, tag)).body in bodies


async def test_two_ends_of_one_session_exclude_each_other(storage: Storage, database: Database) -> None:
    """Cancelled or completed, never both (R17)."""
    digest, session, store = Digest.of(b"contended"), session_of(IMAGE), PostgresSessionStore(database)
    await store.open(session, 10)
    async with database.transaction() as first:
        assert await fetch_one(first, sessions.END, session.id) == session.id
        completing = asyncio.ensure_future(store.complete(Completion(session.id, digest, 9)))
        await asyncio.sleep(0)
    assert await completing is None
    with pytest.raises(BlobUnknown):
        await storage.content.stat_blob(IMAGE, digest)
