"""Tags of older clients that go with their subject (R156), where somebody else is at work on the same tags."""

from collections.abc import AsyncIterator
from uuid import uuid4

import pytest

from contracts.metadata import Stores, record_of, stored
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag
from moorage.runtime.postgres import Database
from moorage.storage.app import SCHEMA
from moorage.storage.collecting import Collection
from moorage.storage.collection import GRACE, Collected, Policy
from storage.postgres_stores import make_older, postgres_stores

IMAGE = uuid4()
SUBJECT = record_of("subject", "v1")
SIGNATURE = Tag(f"sha256-{SUBJECT.digest.hex}.sig")
POLICY = Policy(with_subject=True)


@pytest.fixture
async def database(storage_dsn: str) -> AsyncIterator[Database]:
    """One in which the subject of a signature was deleted."""
    async with await Database.open(storage_dsn, SCHEMA) as database:
        stores = postgres_stores(database)
        await stored(stores, IMAGE, Digest.of(b"{}"), 2)
        await stores.manifests.put(IMAGE, SUBJECT)
        await stores.manifests.put(IMAGE, record_of("signature", SIGNATURE.text))
        await stores.manifests.delete(IMAGE, SUBJECT.digest, "user:deleter")
        yield database


@pytest.fixture
def stores(database: Database) -> Stores:
    """Of that database."""
    return postgres_stores(database)


async def test_a_subject_that_is_there_keeps_its_tags(database: Database, stores: Stores) -> None:
    """A process of an older version has brought it back by a push, and left the deleted one where it lay."""
    async with database.connection() as c:
        await c.execute(
            """
            INSERT INTO manifest (image, digest, media_type, body, annotations, token, pushed_by)
            SELECT image, digest, media_type, body, annotations, token, pushed_by FROM deleted_manifest
            """
        )
    await make_older(database, GRACE)
    assert await Collection(stores.collection, POLICY).run() == Collected(tags=1, manifests=1)
    assert await stores.manifests.find(IMAGE, SIGNATURE) is not None


async def test_collection_passes_over_a_tag_that_is_held(database: Database, stores: Stores) -> None:
    """Whoever holds it pushes or deletes it; waiting for them may be waiting in a circle."""
    await make_older(database, GRACE)
    async with database.transaction() as pushing:
        await pushing.execute("SELECT FROM tag WHERE name = $1 FOR UPDATE", SIGNATURE.text)
        assert await Collection(stores.collection, POLICY).run() == Collected(tags=1, manifests=1)
    assert await stores.manifests.find(IMAGE, SIGNATURE) is not None
