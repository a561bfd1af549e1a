"""What every implementation of storage's metadata stores does with what was deleted by hand."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from contracts.metadata import Stores, opened, record_of, stored
from moorage.access.consistency import ConsistencyToken
from moorage.oci.digest import Digest
from moorage.oci.errors import ManifestBlobUnknown, TagTaken
from moorage.oci.reference import Tag
from moorage.storage.ports import Restorer
from moorage.storage.tag_store import TagMove

WINDOW, NO_TIME = timedelta(hours=24), timedelta(0)
CONFIG = Digest.of(b"{}")
V1 = Tag("v1")
RESTORER = Restorer("user:restorer", ConsistencyToken(1, 9))


class UndoContract:
    """Give it `stores` that hold nothing."""

    @pytest.fixture
    def stores(self) -> Stores:
        """The stores under test."""
        raise NotImplementedError

    @pytest.fixture
    async def image(self, stores: Stores) -> UUID:
        """An image with a config."""
        image = uuid4()
        await stored(stores, image, CONFIG, 2)
        return image

    async def test_a_deleted_tag_names_again_what_it_named(self, stores: Stores, image: UUID) -> None:
        """At the position of who restores it, with its history (R153); once."""
        record = record_of("one", "v1")
        await stores.manifests.put(image, record)
        await stores.tags.delete(image, V1, "user:deleter")
        [deleted] = await stores.tags.deleted(image, WINDOW, 10, "")
        assert (deleted.tag, deleted.digest, deleted.deleted_by) == (V1, record.digest, "user:deleter")
        assert deleted.restorable_until - deleted.deleted_at == WINDOW
        assert await stores.tags.restore(image, V1, RESTORER, WINDOW) == record.digest
        found = await stores.manifests.find(image, V1)
        assert found is not None
        assert (found.digest, found.token) == (record.digest, "zt1.1.9")
        assert await stores.tags.deleted(image, WINDOW, 10, "") == []
        assert await stores.tags.restore(image, V1, RESTORER, WINDOW) is None
        newest = TagMove(V1, None, record.digest, "user:restorer")
        assert await stores.tags.history(image, V1, 1) == [newest]

    async def test_a_tag_that_was_pushed_since_is_not_restored(self, stores: Stores, image: UUID) -> None:
        """Nor is it among the deleted; deleted again, it names what it named last."""
        one, two = record_of("one", "v1"), record_of("two", "v1")
        await stores.manifests.put(image, one)
        await stores.tags.delete(image, V1, "user:deleter")
        await stores.manifests.put(image, two)
        assert await stores.tags.deleted(image, WINDOW, 10, "") == []
        with pytest.raises(TagTaken):
            await stores.tags.restore(image, V1, RESTORER, WINDOW)
        await stores.tags.delete(image, V1, "user:deleter")
        assert await stores.tags.restore(image, V1, RESTORER, WINDOW) == two.digest

    async def test_a_tag_brings_its_manifest_back(self, stores: Stores, image: UUID) -> None:
        """Which nobody saw meanwhile: not by digest, not as a referrer, not as something to be named (R41)."""
        subject = Digest.of(b"a subject")
        record = record_of("one", "v1", "v2", subject=subject)
        await stores.manifests.put(image, record)
        before = await stores.manifests.find(image, record.digest)
        await stores.manifests.delete(image, record.digest, "user:deleter")
        assert await stores.manifests.find(image, record.digest) is None
        assert await stores.manifests.referrers(image, subject) == []
        assert await stores.manifests.held(image, [record.digest]) == {}
        assert not await stores.manifests.any_of(image)
        assert [each.tag.text for each in await stores.tags.deleted(image, WINDOW, 10, "")] == ["v1", "v2"]
        assert await stores.tags.restore(image, V1, RESTORER, WINDOW) == record.digest
        after = await stores.manifests.find(image, record.digest)
        assert before is not None
        assert after is not None
        assert (after.body, after.media_type, after.token) == (before.body, before.media_type, "zt1.1.9")
        assert [each.entry.digest for each in await stores.manifests.referrers(image, subject)] == [record.digest]
        assert [each.entry for each in await stores.tags.page(image, 10, "")] == [V1]
        assert await stores.tags.restore(image, Tag("v2"), RESTORER, WINDOW) == record.digest

    async def test_referrers_come_back_to_their_place(self, stores: Stores, image: UUID) -> None:
        """Oldest first, as before."""
        subject = Digest.of(b"a subject")
        records = [record_of(f"{number}", subject=subject) for number in range(3)]
        for record in records:
            await stores.manifests.put(image, record)
        await stores.manifests.delete(image, records[0].digest, "user:deleter")
        assert await stores.manifests.restore(image, records[0].digest, RESTORER, WINDOW)
        found = [each.entry.digest for each in await stores.manifests.referrers(image, subject)]
        assert found == [record.digest for record in records]

    async def test_an_index_comes_back_with_its_children(self, stores: Stores, image: UUID) -> None:
        """At any depth, if they were deleted too; and not without one that is gone (R26)."""
        child = record_of("child")
        await stores.manifests.put(image, child)
        inner = record_of("inner", children=[child])
        await stores.manifests.put(image, inner)
        outer = record_of("outer", "v1", children=[inner])
        await stores.manifests.put(image, outer)
        for record in (outer, inner, child):
            await stores.manifests.delete(image, record.digest, "user:deleter")
        assert await stores.tags.restore(image, V1, RESTORER, WINDOW) == outer.digest
        everything = [outer.digest, inner.digest, child.digest]
        assert set(await stores.manifests.held(image, everything)) == set(everything)
        for record in (outer, inner, child):
            await stores.manifests.delete(image, record.digest, "user:deleter")
        await stores.blobs.unlink(image, CONFIG)
        with pytest.raises(ManifestBlobUnknown):
            await stores.tags.restore(image, V1, RESTORER, WINDOW)
        assert await stores.manifests.find(image, V1) is None
        assert await stores.manifests.held(image, everything) == {}
        kept = await stores.blobs.find_anywhere(CONFIG)
        assert kept is not None
        assert await stores.sessions.complete_with(await opened(stores, image), CONFIG, kept)
        assert await stores.tags.restore(image, V1, RESTORER, WINDOW) == outer.digest

    async def test_a_manifest_is_restored_by_digest(self, stores: Stores, image: UUID) -> None:
        """Without its tags, which come back by themselves."""
        record = record_of("one", "v1")
        await stores.manifests.put(image, record)
        assert not await stores.manifests.restore(image, record.digest, RESTORER, WINDOW)
        await stores.manifests.delete(image, record.digest, "user:deleter")
        assert await stores.manifests.restore(image, record.digest, RESTORER, WINDOW)
        assert await stores.manifests.find(image, record.digest) is not None
        assert await stores.manifests.find(image, V1) is None
        assert await stores.tags.restore(image, V1, RESTORER, WINDOW) == record.digest

    async def test_a_deleted_manifest_that_is_pushed_is_there(self, stores: Stores, image: UUID) -> None:
        """As if it had not been deleted; deleted again, it can be restored again."""
        record = record_of("one", "v1")
        for _ in range(2):
            await stores.manifests.put(image, record)
            assert not await stores.manifests.restore(image, record.digest, RESTORER, WINDOW)
            assert await stores.manifests.delete(image, record.digest, "user:deleter")
        assert await stores.tags.restore(image, V1, RESTORER, WINDOW) == record.digest

    async def test_the_time_to_undo_ends(self, stores: Stores, image: UUID) -> None:
        """For tags and manifests; another image has none of it anyway."""
        record = record_of("one", "v1")
        await stores.manifests.put(image, record)
        await stores.manifests.delete(image, record.digest, "user:deleter")
        assert await stores.tags.deleted(image, NO_TIME, 10, "") == []
        assert await stores.tags.restore(image, V1, RESTORER, NO_TIME) is None
        assert not await stores.manifests.restore(image, record.digest, RESTORER, NO_TIME)
        assert await stores.tags.restore(uuid4(), V1, RESTORER, WINDOW) is None

    async def test_the_end_of_an_image_is_for_good(self, stores: Stores, image: UUID) -> None:
        """Also for what was deleted before."""
        record, other = record_of("one", "v1"), record_of("other", "v2")
        await stores.manifests.put(image, record)
        await stores.manifests.put(image, other)
        await stores.manifests.delete(image, record.digest, "user:deleter")
        await stores.manifests.delete_all(image)
        assert await stores.tags.deleted(image, WINDOW, 10, "") == []
        for tag in (V1, Tag("v2")):
            assert await stores.tags.restore(image, tag, RESTORER, WINDOW) is None

    async def test_deleted_tags_are_paged_by_code_point(self, stores: Stores, image: UUID) -> None:
        """As tags are (R37)."""
        names = ["b", "a", "B", "a.1"]
        record = record_of("one", *names)
        await stores.manifests.put(image, record)
        await stores.manifests.delete(image, record.digest, "user:deleter")
        first = await stores.tags.deleted(image, WINDOW, 2, "")
        second = await stores.tags.deleted(image, WINDOW, 10, first[-1].tag.text)
        assert [each.tag.text for each in (*first, *second)] == sorted(names)
