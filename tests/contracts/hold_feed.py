"""What every implementation of HoldFeed tells: changes of what readers may remember, all of them and no others."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from uuid import UUID, uuid4

import pytest

from contracts.metadata import NOW, Stores, opened, record_of, stored
from moorage.access.consistency import ConsistencyToken
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag
from moorage.storage.collecting import Collection
from moorage.storage.collection import Policy
from moorage.storage.damage import Damage
from moorage.storage.hold_feed import HoldFeed
from moorage.storage.ports import Completion, Restorer
from moorage.storage.verification_store import VerificationStore

CONFIG: Final = Digest.of(b"{}")
WINDOW: Final = timedelta(hours=24)
V1: Final = Tag("v1")
ONE, TWO, LATER = record_of("one", "v1"), record_of("two", "v1"), record_of("one", "v1", at="zt1.1.5")


@dataclass(frozen=True)
class Place:
    """Stores, an image that holds a config and a manifest with the tag `v1`, and another that holds them too."""

    stores: Stores
    image: UUID
    other: UUID


async def mark(store: VerificationStore, damage: Damage) -> None:
    """What a verification does that finds damage."""
    blob = await store.find(CONFIG)
    assert blob is not None
    await store.judge(blob, damage, NOW)


async def replace(place: Place) -> None:
    """What a push does that finds damage."""
    known = await place.stores.blobs.find_anywhere(CONFIG)
    assert known is not None
    session = await opened(place.stores, uuid4())
    assert await place.stores.sessions.complete(Completion(session, CONFIG, 2, replaces=known.key)) == [known.key]


async def restore(place: Place) -> None:
    """What was deleted is back: something new."""
    await place.stores.tags.restore(place.image, V1, Restorer("user:r", ConsistencyToken(1, 9)), WINDOW)


async def collect(place: Place) -> None:
    """Whatever nothing names goes."""
    await Collection(place.stores.collection, Policy(timedelta(0), timedelta(0))).run()


async def nothing(place: Place) -> None:
    """No preparation is needed."""


async def untag(place: Place) -> None:
    """The tag is deleted."""
    await place.stores.tags.delete(place.image, V1, "user:deleter")


Change = Callable[[Place], Awaitable[object]]
MOVES: Final[list[tuple[str, Change, Change]]] = [
    ("a tag moves", nothing, lambda p: p.stores.manifests.put(p.image, TWO)),
    ("a token rises", nothing, lambda p: p.stores.manifests.put(p.image, LATER)),
    ("a tag is deleted", nothing, untag),
    ("a manifest is deleted", nothing, lambda p: p.stores.manifests.delete(p.image, ONE.digest, "user:deleter")),
    ("all manifests go", nothing, lambda p: p.stores.manifests.delete_all(p.image)),
    ("a blob is unlinked", nothing, lambda p: p.stores.blobs.unlink(p.image, CONFIG)),
    ("all blobs are unlinked", nothing, lambda p: p.stores.blobs.unlink_all(p.image)),
    ("what has lost its name is collected", untag, collect),
]
FOR_ALL: Final[list[tuple[str, Change]]] = [
    ("damage is found", lambda p: mark(p.stores.verification, Damage.ALTERED)),
    ("damage is repaired", replace),
]
ADDITIONS: Final[list[tuple[str, Change, Change]]] = [
    ("a new tag", nothing, lambda p: p.stores.manifests.put(p.image, record_of("one", "v2"))),
    ("a new manifest", nothing, lambda p: p.stores.manifests.put(p.image, record_of("three"))),
    ("a new blob", nothing, lambda p: stored(p.stores, p.image)),
    ("a mount", nothing, lambda p: p.stores.blobs.mount(p.other, p.image, CONFIG)),
    ("a restored tag", untag, restore),
]


def named(cases: list[tuple[str, Change, Change]]) -> list[object]:
    """The cases as parameters of a test."""
    return [pytest.param(before, change, id=name) for name, before, change in cases]


class HoldFeedContract:
    """Give it `stores` that hold nothing, and a `feed` of them."""

    @pytest.fixture
    def stores(self) -> Stores:
        """The stores under test."""
        raise NotImplementedError

    @pytest.fixture
    def feed(self, stores: Stores) -> HoldFeed:
        """What tells of their changes."""
        raise NotImplementedError

    @pytest.fixture
    async def place(self, stores: Stores) -> Place:
        """Two images with the same content."""
        place = Place(stores, uuid4(), uuid4())
        await stored(stores, place.image, CONFIG, 2)
        await stores.blobs.mount(place.image, place.other, CONFIG)
        await stores.manifests.put(place.image, ONE)
        await stores.manifests.put(place.other, ONE)
        return place

    async def test_the_first_look_goes_on_from_nothing(self, feed: HoldFeed) -> None:
        """Whoever has not looked before knows of nothing; the second look tells all since the first."""
        assert not (await feed.poll()).continues
        second = await feed.poll()
        assert (second.continues, second.moved | second.held) == (True, frozenset())

    @pytest.mark.parametrize(("before", "change"), named(MOVES))
    async def test_what_moves_or_goes_is_told(
        self, feed: HoldFeed, place: Place, before: Change, change: Change
    ) -> None:
        """Once, and of this image alone; by then nothing holds it any more."""
        await before(place)
        await feed.poll()
        await change(place)
        told = await feed.poll()
        assert (told.continues, set(told.moved), set(told.held)) == (True, {place.image}, set())
        assert (await feed.poll()).moved == frozenset()

    @pytest.mark.parametrize("change", [pytest.param(change, id=name) for name, change in FOR_ALL])
    async def test_what_befalls_a_blob_is_told_of_each_image_that_holds_it(
        self, feed: HoldFeed, place: Place, change: Change
    ) -> None:
        """Its object is theirs too."""
        await feed.poll()
        await change(place)
        assert (await feed.poll()).moved >= {place.image, place.other}

    @pytest.mark.parametrize(("before", "change"), named(ADDITIONS))
    async def test_what_is_only_added_is_not_told(
        self, feed: HoldFeed, place: Place, before: Change, change: Change
    ) -> None:
        """Absence is not remembered, so nobody has to wait for it to be forgotten."""
        await before(place)
        await feed.poll()
        await change(place)
        assert (await feed.poll()).moved == frozenset()
