"""The time in which a deletion can be undone ends once, for everybody, before anything is dropped (§1.9)."""

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.authority_site import Site
from moorage.access import deletion_wire, wire
from moorage.access.action import Action
from moorage.access.image import ImageState
from moorage.access.problems import NotFound
from moorage.access.reason import Reason
from moorage.permissions.image_changes import DETACHED_FOR, SETTLED_AFTER
from moorage.permissions.ports import Ledger
from permissions.sample_facts import repository
from permissions.town import DAY, MOMENT, Town


async def gone(town: Town, site: Site, name: str = "hello/api") -> tuple[wire.IdentityBody, wire.ImageBody]:
    """A deleted image, and who has deleted it."""
    bob = await site.login("bob")
    image = (await site.push(bob, name)).image
    assert image
    return bob, await town.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=image.id))


async def test_a_deletion_can_be_undone_until_its_time_is_over(ledger: Ledger, tmp_path: Path) -> None:
    """To the second; then the content is told to be dropped, until somebody has dropped it."""
    town = Town(ledger)
    bob, image = await gone(town, await town.begin(tmp_path))
    town.clock.advance(DAY - MOMENT)
    assert await town.due() == []
    back = await town.restore(bob, image)
    assert back.link_gen == 2
    await town.authority.delete_image(wire.DeleteImageRequest(identity=bob, id=image.id))
    town.clock.advance(DAY)
    with pytest.raises(NotFound, match="is over"):
        await town.restore(bob, image)
    assert await town.due() == [image.id]
    assert await town.due() == [image.id]
    told = deletion_wire.PurgedRequest(images=[image.id])
    assert ((await town.authority.purged(told)).purged, (await town.authority.purged(told)).purged) == (1, 0)
    assert await town.due() == []
    with pytest.raises(NotFound, match="is over"):
        await town.restore(bob, image)


async def test_without_a_window_nothing_comes_back(ledger: Ledger, tmp_path: Path) -> None:
    """The content stays until pushes that were under way have ended: they would outlive the purge."""
    town = Town(ledger, timedelta(0))
    bob, image = await gone(town, await town.begin(tmp_path))
    with pytest.raises(NotFound, match="is over"):
        await town.restore(bob, image)
    town.clock.advance(SETTLED_AFTER - MOMENT)
    assert await town.due() == []
    town.clock.advance(MOMENT)
    assert await town.due() == [image.id]


async def test_a_longer_window_does_not_revive_the_dead(ledger: Ledger, tmp_path: Path) -> None:
    """Until when is decided at the deletion, and told then."""
    short, long = Town(ledger, timedelta(hours=1)), Town(ledger, 30 * DAY)
    bob, image = await gone(short, await short.begin(tmp_path))
    long.clock.advance(timedelta(hours=2))
    with pytest.raises(NotFound, match="is over"):
        await long.restore(bob, image)


async def test_who_restores_and_who_purges_never_both_win(ledger: Ledger, tmp_path: Path) -> None:
    """Two processes whose clocks differ: to one the time is over, to the other it is not."""
    early, late = Town(ledger), Town(ledger)
    late.clock.advance(DAY + timedelta(minutes=1))
    site = await early.begin(tmp_path)
    won = set()
    for number in range(12):
        bob, image = await gone(early, site, f"hello/race{number}")
        calls = [early.restore(bob, image), late.due()]
        first, second = await asyncio.gather(*(calls if number % 2 else reversed(calls)), return_exceptions=True)
        back, due = (first, second) if number % 2 else (second, first)
        assert isinstance(due, list)
        state = (await site.check(bob, Action.DELETE, f"hello/race{number}")).reason
        assert isinstance(back, wire.ImageBody if image.id not in due else NotFound)
        assert (state is Reason.OK) == (image.id not in due)
        await late.authority.purged(deletion_wire.PurgedRequest(images=due))
        won.add(image.id in due)
    assert won


async def test_what_is_being_dropped_stays_dead_although_the_clock_is_set_back(ledger: Ledger, tmp_path: Path) -> None:
    """Once storage may have been told, no clock brings the record back."""
    early, late = Town(ledger), Town(ledger)
    bob, image = await gone(early, await early.begin(tmp_path))
    late.clock.advance(2 * DAY)
    assert await late.due() == [image.id]
    with pytest.raises(NotFound, match="is over"):
        await early.restore(bob, image)


async def test_an_expired_image_loses_what_it_held(ledger: Ledger, tmp_path: Path) -> None:
    """Its repository is gone for too long; nobody restores it (§1.9)."""
    town = Town(ledger)
    site = await town.begin(tmp_path)
    image, ada = await site.image(), await site.login("ada")
    await site.ingest([repository("hello", state="deleted")])
    town.clock.advance(DETACHED_FOR)
    assert await town.due() == []
    assert await town.service.upkeep.expire() == 1
    assert await town.due() == [image.id]
    with pytest.raises(NotFound):
        await town.restore(ada, image)


async def test_a_detached_image_expires_also_if_it_was_deleted_meanwhile(ledger: Ledger, tmp_path: Path) -> None:
    """Restored, it has the deadline that it had."""
    town = Town(ledger, 30 * DAY)
    site = await town.begin(tmp_path)
    image, ada = await site.image(), await site.login("ada")
    await site.ingest([repository("hello", state="deleted")])
    town.clock.advance(DAY)
    await town.authority.delete_image(wire.DeleteImageRequest(identity=ada, id=image.id))
    town.clock.advance(29 * DAY)
    assert await town.service.upkeep.expire() == 0
    assert (await town.restore(ada, image)).state is ImageState.DETACHED
    assert await town.service.upkeep.expire() == 1
    assert await town.due() == [image.id]
