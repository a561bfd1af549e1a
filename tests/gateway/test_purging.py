"""What deleted images held is dropped once they can't be restored any more, whatever fails meanwhile (§1.9)."""

from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import cast
from uuid import UUID

import pytest

from contracts.storage_parts import MemoryStorage
from gateway.site import Site
from gateway.village import Village
from gateway.village_order import beginning, identifier
from moorage.access import wire
from moorage.distribution.content import Content
from moorage.gateway.purging import Purging
from moorage.oci.errors import Unavailable
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


async def test_from_the_deletion_to_the_last_byte(tmp_path: Path) -> None:
    """Permissions, storage and the job between them: restored it is whole, purged it is gone from storage."""
    clock, storage = FixedClock(SystemClock().now()), MemoryStorage()
    configured = {"database_url": "postgresql://", "secrets_dir": "."}
    permissions = Permissions(
        MemoryLedger(), FilePepper(b"k" * 32), clock, PermissionsSettings.model_validate(configured)
    )
    secret = await permissions.operator(tmp_path / "operator.json")
    await permissions.ingest(small_workspace())
    authority = permissions.authority
    operator = (await authority.authenticate(wire.AuthenticateRequest(secret=secret))).identity
    token = await authority.create_token(
        wire.CreateTokenRequest(identity=operator, user="bob", spec=wire.TokenSpec(name="t"))
    )
    bob = (await authority.authenticate(wire.AuthenticateRequest(secret=token.secret))).identity
    image = (await authority.first_push(wire.FirstPushRequest(identity=bob, workspace="acme", image="hello/api"))).image
    assert image
    told = Failing(1, storage.content)
    job = Purging(authority, cast(Content, told))
    await authority.delete_image(wire.DeleteImageRequest(identity=bob, id=image.id))
    assert await job.run() == 0
    clock.advance(timedelta(hours=24))
    with pytest.raises(Unavailable):
        await job.run()
    assert await job.run() == 1
    assert told.dropped == [image.id]
