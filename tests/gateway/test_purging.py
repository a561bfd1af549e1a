"""What deleted images held is dropped once they can't be restored any more, whatever fails meanwhile (§1.9)."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from contracts.samples import push_image, read_all, some_actor
from contracts.storage_parts import MemoryStorage
from gateway.site import Site
from gateway.village import Village
from gateway.village_order import beginning, identifier
from moorage.access import deletion_wire, wire
from moorage.distribution.content import Content
from moorage.gateway.purging import Purging
from moorage.oci.digest import Digest
from moorage.oci.errors import Unavailable
from moorage.oci.reference import Tag
from moorage.permissions.adapters.pepper import FilePepper
from moorage.permissions.app import Permissions
from moorage.permissions.memory.ledger import MemoryLedger
from moorage.permissions.settings import PermissionsSettings
from moorage.runtime.clock import FixedClock, SystemClock
from permissions.sample_facts import small_workspace

API = identifier("im:ledger/api")
OTHERS = [UUID(int=number) for number in range(1, 5)]


class Failing:
    """Storage that is away for as many calls, and notes what it was told to drop."""

    def __init__(self, failures: int, delegate: Content | None = None) -> None:
        self.failures = failures
        self.dropped: list[UUID] = []
        self._delegate = delegate

    async def delete_image(self, image: UUID) -> None:
        """See Content."""
        if self.failures:
            self.failures -= 1
            raise Unavailable("storage is away")
        self.dropped.append(image)
        if self._delegate:
            await self._delegate.delete_image(image)


def as_they_come(images: list[UUID]) -> None:
    """No shuffling."""


def purging(village: Village, storage: Failing) -> Purging:
    """The job of a gateway."""
    return Purging(village, cast(Content, storage), as_they_come)


@pytest.fixture
def village() -> Village:
    """An authority with images to be purged."""
    found = Village(FixedClock(beginning()))
    found.purging = list(OTHERS)
    return found


async def test_what_failed_is_tried_again(village: Village) -> None:
    """Only what storage has dropped is said to be gone."""
    storage = Failing(1)
    job = purging(village, storage)
    with pytest.raises(Unavailable):
        await job.run()
    assert (village.purging, storage.dropped) == (OTHERS, [])
    assert await job.run() == len(OTHERS)
    assert (village.purging, storage.dropped) == ([], OTHERS)
    assert await job.run() == 0


async def test_what_was_dropped_before_a_failure_is_not_dropped_again(village: Village) -> None:
    """Image by image, so that a long list makes progress."""
    storage = Failing(0)

    class Tired(Failing):
        async def delete_image(self, image: UUID) -> None:
            if len(storage.dropped) == 2:
                raise Unavailable("storage is away")
            await storage.delete_image(image)

    with pytest.raises(Unavailable):
        await purging(village, Tired(0)).run()
    assert village.purging == OTHERS[2:]


async def test_any_number_of_gateways_may_do_it(village: Village) -> None:
    """Each drops what is still told; twice is once."""
    first, second = Failing(0), Failing(0)
    jobs: Sequence[Purging] = [purging(village, each) for each in (first, second)]
    assert [await job.run() for job in jobs] == [len(OTHERS), 0]


async def test_a_deletion_needs_no_storage(site: Site) -> None:
    """The content stays where it is, to be restored with the image; the name is free, and its next bearer is empty."""
    await site.push("bob", "acme/ledger/api")
    pull, alice = "/v2/acme/ledger/api/manifests/1", site.basic("alice")
    assert (await site.ask("DELETE", f"/api/v1/images/{API}", auth=alice)).status == 200
    assert (await site.ask("GET", pull, auth=alice)).status == 404
    listed = await site.ask("GET", "/api/v1/images?workspace=acme&deleted=true", auth=alice)
    assert [image["id"] for image in listed.json["images"]] == [str(API)]
    back = await site.ask("POST", f"/api/v1/images/{API}/restore", auth=alice)
    assert (back.status, back.json["link_gen"], back.json["state"]) == (200, 2, "active")
    assert back.headers["Moorage-Authz-Token"] == back.json["token"]
    assert (await site.ask("GET", pull, auth=alice)).status == 200


async def test_restoring_says_what_is_in_the_way(site: Site) -> None:
    """A name that is taken, an id that is nothing, nobody; and a list needs its workspace."""
    alice = site.basic("alice")
    assert (await site.ask("DELETE", f"/api/v1/images/{API}", auth=alice)).status == 200
    again = {"name": "acme/ledger/api", "repository": "ledger"}
    assert (await site.ask("POST", "/api/v1/images", auth=alice, json=again)).status == 201
    path = f"/api/v1/images/{API}/restore"
    taken = await site.ask("POST", path, auth=alice)
    assert (taken.status, taken.json["type"].rpartition("/")[2]) == (409, "already-exists")
    assert (await site.ask("POST", "/api/v1/images/nonsense/restore", auth=alice)).status == 404
    assert (await site.ask("POST", path)).status == 401
    assert (await site.ask("POST", f"{path}?wait=some", auth=alice)).status == 422
    by_name = await site.ask("GET", "/api/v1/images?name=acme/ledger/api&deleted=true", auth=alice)
    assert by_name.status == 422


class Whole:
    """Permissions, storage and the job between them, on one clock; bob has pushed an image."""

    def __init__(self) -> None:
        self.clock = FixedClock(SystemClock().now())
        self.storage = MemoryStorage(self.clock)
        configured = {"database_url": "postgresql://", "secrets_dir": "."}
        settings = PermissionsSettings.model_validate(configured)
        self.permissions = Permissions(MemoryLedger(), FilePepper(b"k" * 32), self.clock, settings)
        self.authority = self.permissions.authority
        self.told = Failing(0, self.storage.content)
        self.job = Purging(self.authority, cast(Content, self.told))

    async def pushed(self, folder: Path) -> tuple[wire.IdentityBody, UUID]:
        """Bob, and his image."""
        secret = await self.permissions.operator(folder / "operator.json")
        await self.permissions.ingest(small_workspace())
        operator = (await self.authority.authenticate(wire.AuthenticateRequest(secret=secret))).identity
        minting = wire.CreateTokenRequest(identity=operator, user="bob", spec=wire.TokenSpec(name="t"))
        token = await self.authority.create_token(minting)
        bob = (await self.authority.authenticate(wire.AuthenticateRequest(secret=token.secret))).identity
        asked = wire.FirstPushRequest(identity=bob, workspace="acme", image="hello/api")
        image = (await self.authority.first_push(asked)).image
        assert image
        await push_image(self.storage.content, image.id, ACTOR, "v1")
        return bob, image.id

    async def later(self, by: timedelta) -> None:
        """Time passes, and whatever runs by itself runs."""
        self.clock.advance(by)
        await self.job.run()
        await self.storage.collection.run()
        await self.storage.expiry.run()

    async def blobs(self) -> list[bool]:
        """Which of the image's blobs have bytes."""
        kept = [await self.storage.stores.blobs.find_anywhere(digest) for digest in BLOBS]
        return [stored is not None and await self.storage.driver.size(stored.key) is not None for stored in kept]


ACTOR = some_actor()
BLOBS = [Digest.of(b"{}"), Digest.of(b"layer of v1")]
DAY, HOUR = timedelta(hours=24), timedelta(hours=1)


async def test_from_the_deletion_to_the_last_byte(tmp_path: Path) -> None:
    """Until the time to undo is over storage hears nothing, and a restored image is whole; then its bytes are freed."""
    whole = Whole()
    bob, image = await whole.pushed(tmp_path)
    content = whole.storage.content
    for _ in range(3):
        await whole.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=image))
        await whole.later(DAY - HOUR)
        assert whole.told.dropped == []
        await whole.authority.restore_image(deletion_wire.RestoreImageRequest(identity=bob, id=image))
        found = await content.manifest(image, Tag("v1"))
        assert [(await content.stat_blob(image, digest)).digest for digest in BLOBS] == BLOBS
        assert (await content.tags(image, 10)).tags == (Tag("v1"),)
        assert Digest.of(await read_all(content.read_blob(image, BLOBS[1]))) == BLOBS[1]
        assert Digest.of(found.body) == found.digest
    await whole.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=image))
    whole.told.failures = 1
    with pytest.raises(Unavailable):
        await whole.later(DAY)
    await whole.later(timedelta(0))
    assert whole.told.dropped == [image]
    assert await whole.blobs() == [True, True]
    await whole.later(DAY)
    assert await whole.blobs() == [False, False]
