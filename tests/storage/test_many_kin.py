"""Kin beyond what one walk looks at: nothing of it goes, whatever part of it the walk was told of (R101, R139)."""

from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest

from contracts.metadata import Stores, record_of, stored
from moorage.oci.digest import Digest
from moorage.runtime.postgres import Database
from moorage.runtime.statement import fetch_all
from moorage.storage.app import SCHEMA
from moorage.storage.collecting import Collection
from moorage.storage.collection import MOST_KIN, Kind, Policy
from moorage.storage.postgres.collectable_manifests import NEARS
from storage.postgres_stores import make_older, postgres_stores

TIDY: Final = Policy(untagged_after=timedelta(days=1))
REFERRERS: Final = 100
"""Of one subject. Parents name them, so that a walk is told of parents times referrers on its second step."""

MANIFESTS: Final = """
    INSERT INTO manifest (image, digest, media_type, body, subject, annotations, token, pushed_by)
    SELECT $1, $2 || lpad(number::text, 5, '0'), 'application/vnd.oci.image.index.v1+json', '{}', $4, '{}', '{1,1}',
        'user:pusher'
    FROM generate_series(1, $3) AS number
    """
NAMES_ALL: Final = """
    INSERT INTO manifest_reference (image, manifest, digest, is_manifest)
    SELECT $1, parent.digest, child.digest, true
    FROM manifest AS parent, manifest AS child
    WHERE parent.image = $1 AND child.image = $1 AND parent.digest LIKE $2 || '%' AND child.digest LIKE $3 || '%'
    """
NAMES_ONE: Final = """
    INSERT INTO manifest_reference (image, manifest, digest, is_manifest)
    SELECT $1, parent.digest, $3, true FROM manifest AS parent WHERE image = $1 AND digest LIKE $2 || '%'
    """
ONLY_THIS_REVIEW: Final = "DELETE FROM review WHERE NOT (kind = 'manifest' AND digest = $1)"


def digests(name: str) -> str:
    """What the digests of these manifests begin with; a number of five digits comes behind it."""
    return f"sha256:{Digest.of(name.encode()).hex[:59]}"


@pytest.fixture
async def database(storage_dsn: str) -> AsyncIterator[Database]:
    """An empty one."""
    async with await Database.open(storage_dsn, SCHEMA) as database:
        yield database


class Clan:
    """A subject without a name, and its kin."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.stores: Stores = postgres_stores(database)
        self.image: UUID = uuid4()
        self.subject = record_of("subject")

    async def begin(self, parents: int, of_one: int) -> None:
        """Referrers, `parents` that each name all of them, and as many more as are wanted that name the last one."""
        await stored(self.stores, self.image, Digest.of(b"{}"), 2)
        await self.stores.manifests.put(self.image, self.subject)
        await self._add("referrer", REFERRERS, str(self.subject.digest))
        await self._add("parent", parents)
        await self._add("of one", of_one)
        async with self.database.transaction() as c:
            await c.execute(NAMES_ALL, self.image, digests("parent"), digests("referrer"))
            await c.execute(NAMES_ONE, self.image, digests("of one"), f"{digests('referrer')}{REFERRERS:05}")

    async def untold(self) -> set[str]:
        """Those of whom a walk is not told, because it is told of enough others."""
        referrers = [f"{digests('referrer')}{number:05}" for number in range(1, REFERRERS + 1)]
        async with self.database.connection() as c:
            told = {row.near for row in await fetch_all(c, NEARS, self.image, referrers, MOST_KIN + 1)}
            everybody = await c.fetch("SELECT digest FROM manifest WHERE image = $1", self.image)
        return {row["digest"] for row in everybody} - told - set(referrers)

    async def tag(self, digest: str) -> None:
        """Gives one of them a name."""
        async with self.database.transaction() as c:
            await c.execute(
                "INSERT INTO tag (image, name, digest, token) VALUES ($1, 'v1', $2, '{1,1}')", self.image, digest
            )

    async def collected(self) -> int:
        """How many manifests go when the subject's review is due."""
        async with self.database.transaction() as c:
            await c.execute(ONLY_THIS_REVIEW, str(self.subject.digest))
        await make_older(self.database, timedelta(days=30))
        return (await Collection(self.stores.collection, TIDY).run()).manifests

    async def waits(self) -> bool:
        """Whether the subject is looked at again."""
        queue = await self.stores.collection.queue(Kind.MANIFEST, await self.stores.collection.cutoff(TIDY))
        return (queue.waiting, queue.due) == (1, 0)

    async def _add(self, name: str, count: int, subject: str | None = None) -> None:
        async with self.database.transaction() as c:
            await c.execute(MANIFESTS, self.image, digests(name), count, subject)


async def test_who_has_more_kin_than_a_walk_is_told_of_stays(database: Database) -> None:
    """Few manifests, but more edges between them than are asked for, and the one with a tag is behind those."""
    clan = Clan(database)
    await clan.begin(parents=MOST_KIN // REFERRERS, of_one=400)
    name, *_ = sorted(await clan.untold() - {str(clan.subject.digest)})
    await clan.tag(name)
    assert await clan.collected() == 0
    assert await clan.waits()
    assert await clan.stores.manifests.held(clan.image, [clan.subject.digest])


async def test_who_has_more_kin_than_a_walk_looks_at_stays(database: Database) -> None:
    """Though nothing in it has a name: what is not looked at is kept."""
    clan = Clan(database)
    await clan.begin(parents=0, of_one=MOST_KIN)
    assert await clan.collected() == 0
    assert await clan.waits()


async def test_kin_that_a_walk_is_told_of_goes_together(database: Database) -> None:
    """As many as there may be, all of them."""
    clan = Clan(database)
    await clan.begin(parents=MOST_KIN // REFERRERS - 10, of_one=400)
    assert await clan.collected() == 1 + REFERRERS + (MOST_KIN // REFERRERS - 10) + 400
    assert not await clan.stores.manifests.any_of(clan.image)
