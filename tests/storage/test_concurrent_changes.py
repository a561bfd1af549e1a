"""Changes of one image at the same time, over the real database: nothing half done, nothing stuck."""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from uuid import uuid4

import pytest

from contracts.metadata import session_of
from contracts.samples import (
    CONFIG,
    described,
    image_json,
    index_json,
    push_blob,
    push_image,
    push_manifest,
    read_all,
    some_actor,
)
from faults.waiting import until
from moorage.distribution.content import ManifestPush
from moorage.oci.digest import Digest
from moorage.oci.errors import BlobUnknown, ManifestBlobUnknown, ManifestUnknown
from moorage.oci.media_types import ManifestType
from moorage.oci.reference import Reference, Tag
from moorage.runtime.postgres import Database, DatabaseUnavailable
from moorage.runtime.statement import Connection, Statement, execute, fetch_all, fetch_one
from moorage.storage.app import SCHEMA, Storage
from moorage.storage.collection import Cutoff, Kind, Policy, Reviewable
from moorage.storage.ports import Completion
from moorage.storage.postgres import blobs, collectable_manifests, holding, manifests, sessions, undo
from moorage.storage.postgres.content_holds import Hold
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


WAITING = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
REFERENCES = "SELECT digest FROM manifest_reference WHERE image = $1 AND manifest = $2 ORDER BY digest"


async def waits_meanwhile(
    database: Database, change: Callable[[Connection], Awaitable[object]], push: Awaitable[Digest]
) -> Digest:
    """The push, which began when the change was made and before that was committed, and waited for it."""

    async def waits() -> bool:
        async with database.connection() as c:
            return bool(await c.fetchval(WAITING))

    hold = Hold(database)
    await hold.take(frozenset({IMAGE}))
    async with hold.transaction() as changing:
        await change(changing)
        pushing = asyncio.ensure_future(push)
        await until(waits)
    return await pushing


async def deleted(c: Connection, digest: Digest) -> None:
    """What a deletion by hand does in its transaction."""
    await execute(c, manifests.UNTAG, IMAGE, str(digest), ACTOR.principal)
    await execute(c, undo.SET_ASIDE, IMAGE, str(digest))
    await execute(c, manifests.DELETE, IMAGE, str(digest))


async def collected(c: Connection, digest: Digest) -> None:
    """What a review by collection does in its transaction."""
    at_once, now = Policy(timedelta(0), timedelta(0)), await c.fetchval("SELECT now() + interval '1 second'")
    of = Reviewable(Kind.MANIFEST, IMAGE, digest)
    _, gone = await collectable_manifests.take(c, [of], Cutoff(now, at_once))
    assert of in gone


Change = Callable[[Connection, Digest], Awaitable[None]]


@pytest.mark.parametrize("change", [deleted, collected])
@pytest.mark.parametrize("reference", [Tag("again"), None], ids=["tag", "digest"])
async def test_a_push_that_waited_for_the_end_of_its_manifest_is_whole(
    storage: Storage, database: Database, change: Change, reference: Reference | None
) -> None:
    """All that it names is named again, so that nothing collects it, and it is not deleted any more."""
    config, layer = b"{}", b"a layer"
    for blob in (config, layer):
        await push_blob(storage.content, IMAGE, blob, ACTOR)
    body = image_json(described(config, CONFIG), described(layer))
    digest = await push_manifest(storage.content, IMAGE, body, ACTOR)
    push = push_manifest(storage.content, IMAGE, body, ACTOR, reference)
    assert await waits_meanwhile(database, lambda c: change(c, digest), push) == digest
    async with database.connection() as c:
        named = [row["digest"] for row in await c.fetch(REFERENCES, IMAGE, str(digest))]
        assert await c.fetch("SELECT FROM deleted_manifest") == await c.fetch("SELECT FROM deleted_reference") == []
    assert named == sorted(str(Digest.of(blob)) for blob in (config, layer))
    assert (await storage.content.manifest(IMAGE, reference or digest)).body == body
    await storage.content.delete_manifest(IMAGE, digest, ACTOR)
    await storage.content.restore_manifest(IMAGE, digest, ACTOR)
    assert await read_all(storage.content.read_blob(IMAGE, Digest.of(layer))) == layer


@pytest.mark.parametrize("change", [deleted, collected])
async def test_a_push_that_waited_for_the_end_of_its_child_is_refused(
    storage: Storage, database: Database, change: Change
) -> None:
    """It says what is missing, and leaves nothing (R26)."""
    await push_blob(storage.content, IMAGE, b"{}", ACTOR)
    body = image_json(described(b"{}", CONFIG))
    child = await push_manifest(storage.content, IMAGE, body, ACTOR)
    index = index_json(described(body, ManifestType.OCI_IMAGE))
    push = push_manifest(storage.content, IMAGE, index, ACTOR, Tag("index"), ManifestType.OCI_INDEX)
    with pytest.raises(ManifestBlobUnknown) as refused:
        await waits_meanwhile(database, lambda c: change(c, child), push)
    assert refused.value.detail == {"digests": [str(child)]}
    for reference in (Tag("index"), Digest.of(index)):
        with pytest.raises(ManifestUnknown):
            await storage.content.manifest(IMAGE, reference)
    async with database.connection() as c:
        assert await c.fetch(REFERENCES, IMAGE, str(Digest.of(index))) == []
