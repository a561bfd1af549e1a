"""A record that a first push made ends after a week if nothing was pushed to it (authorization.md §1.9, I5)."""

from pathlib import Path

import pytest

from contracts.authority_site import Site
from contracts.samples import push_image
from contracts.storage_parts import MemoryStorage
from moorage.access import deletion_wire, wire
from moorage.access.image import ImageState
from moorage.access.problems import NotFound
from moorage.distribution.content import Actor
from moorage.gateway.unpushed import Unpushed
from moorage.oci.digest import DigestAlgorithm
from moorage.permissions.ports import Ledger
from moorage.permissions.unpushed import KEPT_FOR
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
