"""A record that a first push made ends after a week if nothing was pushed to it (authorization.md §1.9, I5)."""

from pathlib import Path
from uuid import uuid4

import pytest

from contracts.authority_site import Site
from contracts.samples import push_image
from contracts.storage_parts import MemoryStorage
from moorage.access import deletion_wire, wire
from moorage.access.image import ImageState
from moorage.access.problems import NotFound
from moorage.distribution.content import Actor
from moorage.gateway.unpushed import Unpushed
from moorage.oci.digest import Digest, DigestAlgorithm
from moorage.permissions.image_changes import DETACHED_FOR
from moorage.permissions.ports import Ledger
from moorage.permissions.unpushed import KEPT_FOR
from permissions.sample_facts import repository
from permissions.town import DAY, MOMENT, Town

BOB = Actor("bob", 1)


async def names(site: Site) -> list[str]:
    """The images there are, as bob sees them."""
    asked = wire.ListImagesRequest(identity=await site.login("bob"), workspace="acme")
    return [each.name.rpartition("/")[2] for each in (await site.authority.list_images(asked)).images]


async def test_what_nothing_was_pushed_to_ends_after_a_week(ledger: Ledger, tmp_path: Path) -> None:
    """Not what has manifests, nor what is being pushed just now, and nothing too early."""
    town, storage = Town(ledger), MemoryStorage()
    site, job = await town.begin(tmp_path), Unpushed(town.authority, storage.content)
    pushed, going_on, empty = [await site.image(name=f"hello/{each}") for each in ("pushed", "going-on", "empty")]
    await push_image(storage.content, pushed.id, BOB, "v1")
    session = await storage.content.start_upload(going_on.id, BOB, DigestAlgorithm.SHA256)
    town.clock.advance(KEPT_FOR - MOMENT)
    assert await job.run() == 0
    town.clock.advance(MOMENT)
    assert await job.run() == 1
    assert await names(site) == ["going-on", "pushed"]
    asked = wire.FindImageRequest(identity=await site.login("bob"), workspace="acme", image="hello/empty")
    with pytest.raises(NotFound):
        await site.authority.find_image(asked)
    assert (await site.image(name="hello/empty")).id != empty.id
    await storage.content.cancel_upload(going_on.id, session.id, BOB)
    assert (await job.run(), await names(site)) == (1, ["empty", "pushed"])


async def test_who_left_only_blobs_has_an_hour_to_go_on(ledger: Ledger, tmp_path: Path) -> None:
    """Between its last blob and its manifest a push has no session; at the second look it has been given up."""
    town, storage = Town(ledger), MemoryStorage()
    site, job = await town.begin(tmp_path), Unpushed(town.authority, storage.content)
    left, going_on = [await site.image(name=f"hello/{each}") for each in ("left", "going-on")]
    source = uuid4()
    await push_image(storage.content, source, BOB, "v1")
    for each in (left, going_on):
        assert await storage.content.mount_blob(source, each.id, Digest.of(b"{}"), BOB)
    town.clock.advance(KEPT_FOR)
    assert (await job.run(), await names(site)) == (0, ["going-on", "left"])
    await push_image(storage.content, going_on.id, BOB, "v1")
    assert (await job.run(), await names(site)) == (1, ["going-on"])


async def test_all_are_looked_at_whatever_goes_on_in_the_first_ones(ledger: Ledger, tmp_path: Path) -> None:
    """Page by page."""
    town, storage = Town(ledger), MemoryStorage()
    site, job = await town.begin(tmp_path), Unpushed(town.authority, storage.content)
    bob = await site.login("bob")
    for number in range(45):
        image = (await site.push(bob, f"hello/{number:02}")).image
        assert image
        if number < 25:
            await storage.content.start_upload(image.id, BOB, DigestAlgorithm.SHA256)
    town.clock.advance(KEPT_FOR)
    assert await job.run() == 20
    assert await names(site) == [f"{number:02}" for number in range(25)]


async def test_an_expired_one_keeps_its_name(ledger: Ledger, tmp_path: Path) -> None:
    """Its content is gone, and clusters may still ask for it: nobody else may have the name."""
    town, storage = Town(ledger), MemoryStorage()
    site, job = await town.begin(tmp_path), Unpushed(town.authority, storage.content)
    image = await site.image()
    await site.ingest([repository("hello", state="deleted", version=100)])
    town.clock.advance(DETACHED_FOR)
    assert await town.images.expire_overdue() == 1
    assert await job.run() == 0
    told = deletion_wire.LookedIntoRequest(empty=[image.id])
    assert (await town.authority.looked_into(told)).ended == 0


async def test_what_was_seen_with_content_never_ends_by_itself(ledger: Ledger, tmp_path: Path) -> None:
    """Also once everything in it was deleted: that is a team's own affair."""
    town, storage = Town(ledger), MemoryStorage()
    site, job = await town.begin(tmp_path), Unpushed(town.authority, storage.content)
    image = await site.image()
    await push_image(storage.content, image.id, BOB, "v1")
    town.clock.advance(KEPT_FOR)
    assert await job.run() == 0
    assert (await town.authority.unpushed(deletion_wire.UnpushedRequest())).images == []
    await storage.content.delete_image(image.id)
    town.clock.advance(KEPT_FOR)
    assert (await job.run(), await names(site)) == (0, ["api"])


async def test_an_ended_one_can_be_restored_and_then_stays(ledger: Ledger, tmp_path: Path) -> None:
    """Who restores it wants it; so does who creates an image by hand."""
    town, storage = Town(ledger), MemoryStorage()
    site, job = await town.begin(tmp_path), Unpushed(town.authority, storage.content)
    bob, image = await site.login("bob"), await site.image()
    await town.authority.create_image(
        wire.CreateImageRequest(identity=bob, workspace="acme", image="hello/by-hand", repository="hello")
    )
    town.clock.advance(KEPT_FOR)
    assert (await job.run(), await names(site)) == (1, ["by-hand"])
    town.clock.advance(DAY - MOMENT)
    back = await town.restore(bob, image)
    assert (back.id, back.state) == (image.id, ImageState.ACTIVE)
    town.clock.advance(KEPT_FOR)
    assert (await job.run(), await names(site)) == (0, ["api", "by-hand"])
