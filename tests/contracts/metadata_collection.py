"""What every implementation of storage's collection store does, driven by runs of collection."""

from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID, uuid4

import pytest

from contracts.metadata import Stores, opened, record_of, session_of, stored
from contracts.samples import described
from moorage.access.consistency import ConsistencyToken
from moorage.oci.digest import Digest
from moorage.oci.reference import Tag
from moorage.storage.collecting import Collection
from moorage.storage.collection import Collected, Kind, Policy
from moorage.storage.manifest_record import ManifestRecord
from moorage.storage.ports import Restorer
from moorage.storage.tag_store import TagMove

Wait = Callable[[timedelta], Awaitable[None]]

HOUR, DAY = timedelta(hours=1), timedelta(hours=24)
CONFIG, LAYER = Digest.of(b"{}"), described(b"a layer")
V1 = Tag("v1")
KEEPING, TIDY = Policy(), Policy(untagged_after=DAY)
RESTORER = Restorer("user:restorer", ConsistencyToken(1, 1))


class CollectionContract:
    """Give it `stores` that hold nothing, and a `wait` that lets their time pass."""

    @pytest.fixture
    def stores(self) -> Stores:
        """The stores under test."""
        raise NotImplementedError

    @pytest.fixture
    def wait(self) -> Wait:
        """Lets time pass for all that is stored."""
        raise NotImplementedError

    @pytest.fixture
    async def image(self, stores: Stores) -> UUID:
        """An image with a config and a layer."""
        image = uuid4()
        await stored(stores, image, CONFIG, 2)
        await stored(stores, image, LAYER.digest, LAYER.size)
        return image

    async def test_what_nobody_names_goes_in_two_steps(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """The links a grace after clients were told, the blobs a grace later; a preview says so before (R100)."""
        await wait(DAY)
        assert await run(stores) == Collected()
        await wait(6 * HOUR)
        assert await run(stores) == Collected(links=2)
        assert await stores.blobs.find(image, CONFIG) is None
        assert await stores.blobs.find_anywhere(CONFIG) is not None
        await wait(23 * HOUR)
        assert await run(stores) == Collected()
        await wait(HOUR)
        assert await run(stores) == Collected(blobs=2, bytes=2 + LAYER.size)
        assert await stores.blobs.find_anywhere(CONFIG) is None
        assert len(await stores.sessions.discarded(10)) == 2
        assert await run(stores) == Collected()
        assert await waiting(stores) == 0

    async def test_who_is_told_of_a_blob_may_rely_on_it(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """For a grace after each answer, noted or not; asking when it is gone says so (R96)."""
        for _ in range(6):
            await wait(5 * HOUR)
            assert await stores.blobs.vouch(image, CONFIG, KEEPING.told_again_after) is not None
        await wait(DAY)
        await run(stores)
        assert await stores.blobs.find(image, CONFIG) is not None
        assert await stores.blobs.find(image, LAYER.digest) is None
        await wait(6 * HOUR)
        await run(stores)
        assert await stores.blobs.vouch(image, CONFIG, KEEPING.told_again_after) is None
        assert await stores.blobs.vouch(image, LAYER.digest, KEEPING.told_again_after) is None

    async def test_who_is_told_of_a_manifest_by_its_digest_may_rely_on_it(
        self, stores: Stores, image: UUID, wait: Wait
    ) -> None:
        """For a grace after each answer, noted or not, with what it names; what refers to it too (R96)."""
        child, plain = record_of("child", layers=[LAYER]), record_of("plain")
        await stores.manifests.put(image, child)
        index = record_of("index", children=[child])
        for record in (index, record_of("signature", subject=index.digest), plain):
            await stores.manifests.put(image, record)
        for _ in range(6):
            await wait(5 * HOUR)
            found = await stores.manifests.vouch(image, index.digest, TIDY.told_again_after)
            assert found is not None
            assert found.what == await stores.manifests.find(image, index.digest)
            await stores.manifests.find(image, plain.digest)
        assert await run(stores, TIDY) == Collected(manifests=1)
        await wait(DAY)
        assert await run(stores, TIDY) == Collected()
        await wait(6 * HOUR)
        assert (await run(stores, TIDY)).manifests == 3
        assert await stores.manifests.vouch(image, index.digest, TIDY.told_again_after) is None

    async def test_being_told_of_writes_no_review(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """Else each read of what nobody collects would leave one behind."""
        record = record_of("one", "v1")
        await stores.manifests.put(image, record)
        before = await waiting(stores)
        await wait(DAY)
        await stores.manifests.vouch(image, record.digest, TIDY.told_again_after)
        assert await waiting(stores) == before

    async def test_what_is_mounted_or_pushed_again_stays(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """Both begin a new grace; a blob without links is saved by whoever pushes it, with the object that is there."""
        other = uuid4()
        await wait(30 * HOUR)
        assert await stores.blobs.mount(image, other, CONFIG) is not None
        await run(stores)
        assert (await stores.blobs.find(image, CONFIG), await stores.blobs.find(other, LAYER.digest)) == (None, None)
        await wait(23 * HOUR)
        kept = await stores.blobs.find_anywhere(LAYER.digest)
        assert kept is not None
        session = await opened(stores, other)
        assert await stores.sessions.complete_with(session, LAYER.digest, kept)
        await wait(HOUR)
        assert await run(stores) == Collected()
        assert await stores.blobs.find(other, CONFIG) is not None
        assert await stores.blobs.find(other, LAYER.digest) == kept

    async def test_what_is_named_stays(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """By tags, by nothing but its digest, by an index; children, subjects, referrers and their blobs too (R95)."""
        records = await family(stores, image)
        plain = record_of("nobody names it", layers=[LAYER])
        await stores.manifests.put(image, plain)
        for _ in range(3):
            await wait(30 * DAY)
            assert await run(stores) == Collected()
        everything = [record.digest for record in (*records, plain)]
        assert set(await stores.manifests.held(image, everything)) == set(everything)
        assert await stores.blobs.find(image, LAYER.digest) is not None
        assert await waiting(stores, Kind.BLOB, Kind.LINK) == 0

    async def test_an_open_upload_keeps_what_was_pushed_before(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """Its manifest comes when the upload has ended, which may take long; from then on there is time (R95)."""
        session = session_of(image, started_at=(await stores.collection.cutoff(KEEPING)).now)
        await stores.sessions.open(session, 10)
        for _ in range(5):
            await wait(20 * HOUR)
            assert await run(stores) == Collected()
        assert await stores.sessions.end(session.id)
        await wait(29 * HOUR)
        assert await run(stores) == Collected()
        await wait(HOUR)
        await run(stores)
        assert await run(stores) == Collected()
        assert await stores.blobs.find(image, CONFIG) is None

    async def test_long_uploads_one_after_the_other_are_one_push(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """However long they take together, what came first is there when the manifest comes at last (R95)."""
        for _ in range(4):
            session = session_of(image, started_at=(await stores.collection.cutoff(KEEPING)).now)
            await stores.sessions.open(session, 10)
            await wait(20 * HOUR)
            assert await run(stores) == Collected()
            assert await stores.sessions.end(session.id)
        await wait(29 * HOUR)
        assert await run(stores) == Collected()
        await wait(HOUR)
        assert await run(stores) == Collected(links=2)

    async def test_what_was_deleted_goes_when_it_cannot_come_back(
        self, stores: Stores, image: UUID, wait: Wait
    ) -> None:
        """To the moment; its blobs are kept as long, and go with it."""
        record = record_of("one", "v1", layers=[LAYER])
        await stores.manifests.put(image, record)
        await wait(30 * DAY)
        await stores.manifests.delete(image, record.digest, "user:deleter")
        await wait(DAY - HOUR)
        assert await run(stores) == Collected()
        assert await stores.tags.restore(image, V1, RESTORER, KEEPING.grace) == record.digest
        await wait(30 * DAY)
        assert await run(stores) == Collected()
        assert await stores.blobs.find(image, LAYER.digest) is not None
        await stores.manifests.delete(image, record.digest, "user:deleter")
        await wait(DAY)
        assert await run(stores) == Collected(tags=1, manifests=1, links=2)
        assert not await stores.manifests.restore(image, record.digest, RESTORER, 30 * DAY)
        await wait(DAY)
        assert await run(stores) == Collected(blobs=2, bytes=2 + LAYER.size)

    async def test_untagged_manifests_go_where_that_is_wanted(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """A day after they lost their last name; what they named follows (R101)."""
        child, index, *_ = records = await family(stores, image)
        await wait(30 * DAY)
        assert await run(stores, TIDY) == Collected()
        await stores.manifests.put(image, record_of("new", "v1"))
        await wait(DAY - HOUR)
        assert await run(stores, TIDY) == Collected()
        await wait(HOUR)
        assert await run(stores) == Collected()
        assert await run(stores, TIDY) == Collected(manifests=3)
        assert set(await stores.manifests.held(image, [record.digest for record in records])) == {child.digest}
        assert await stores.manifests.find(image, index.digest) is None
        await wait(DAY)
        assert await run(stores, TIDY) == Collected(manifests=1)
        await wait(DAY)
        assert await run(stores, TIDY) == Collected(links=1)

    async def test_a_manifest_that_is_pushed_again_is_as_new(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """Whoever pushes it is about to name it, and has a whole time to do so (R96); so has one that names it then."""
        record, named = record_of("pushed again"), record_of("named in time")
        for each in (record, named):
            await stores.manifests.put(image, each)
        await wait(DAY - HOUR)
        for each in (record, named):
            await stores.manifests.put(image, each)
        await wait(DAY - HOUR)
        assert (await run(stores, TIDY)).manifests == 0
        await stores.manifests.put(image, record_of("index", "v1", children=[named]))
        await wait(HOUR)
        assert (await run(stores, TIDY)).manifests == 1
        assert set(await stores.manifests.held(image, [record.digest, named.digest])) == {named.digest}

    @pytest.mark.parametrize("how", ["move", "delete", "restore"])
    async def test_a_tag_keeps_what_it_can_come_back_to(
        self, stores: Stores, image: UUID, wait: Wait, how: str
    ) -> None:
        """A deleted one as long as it can be restored; a moved one nothing."""
        record = record_of("one", "v1")
        await stores.manifests.put(image, record)
        await wait(30 * DAY)
        if how == "move":
            await stores.manifests.put(image, record_of("two", "v1"))
        else:
            await stores.tags.delete(image, V1, "user:deleter")
        await wait(DAY - HOUR)
        assert (await run(stores, TIDY)).manifests == 0
        if how == "restore":
            assert await stores.tags.restore(image, V1, RESTORER, DAY) == record.digest
        await wait(HOUR)
        gone = await run(stores, TIDY)
        assert gone.manifests == (how != "restore")
        assert bool(await stores.manifests.held(image, [record.digest])) == (how == "restore")

    @pytest.mark.parametrize("named", ["subject", "referrer"])
    async def test_subjects_and_referrers_live_and_die_together(
        self, stores: Stores, image: UUID, wait: Wait, named: str
    ) -> None:
        """A name of either keeps both, also over several steps; without one both go (R95, R156)."""
        subject = record_of("subject", *(["v1"] if named == "subject" else []))
        await stores.manifests.put(image, subject)
        signature = record_of("signature", subject=subject.digest)
        await stores.manifests.put(image, signature)
        of_that = record_of("of that", *(["v1"] if named == "referrer" else []), subject=signature.digest)
        await stores.manifests.put(image, of_that)
        everything = [subject.digest, signature.digest, of_that.digest]
        await wait(30 * DAY)
        assert (await run(stores, TIDY)).manifests == 0
        await stores.tags.delete(image, V1, "user:deleter")
        await wait(DAY)
        assert (await run(stores, TIDY)).manifests == 3
        assert await stores.manifests.held(image, everything) == {}

    async def test_a_young_relative_keeps_the_others(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """They go when all are old enough."""
        subject = record_of("subject")
        await stores.manifests.put(image, subject)
        await wait(20 * HOUR)
        signature = record_of("signature", subject=subject.digest)
        await stores.manifests.put(image, signature)
        await wait(20 * HOUR)
        assert (await run(stores, TIDY)).manifests == 0
        await wait(10 * HOUR)
        assert (await run(stores, TIDY)).manifests == 2

    async def test_parents_and_children_that_are_due_go_at_once(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """Whichever is looked at first, so that a preview is right about it (R100)."""
        child = record_of("child", "v1")
        await stores.manifests.put(image, child)
        await wait(DAY)
        await run(stores, TIDY)
        await stores.manifests.put(image, record_of("index", children=[child]))
        await wait(HOUR)
        await stores.manifests.put(image, record_of("new", "v1"))
        await wait(2 * DAY)
        assert (await run(stores, TIDY)).manifests == 2

    @pytest.mark.parametrize("with_subject", [False, True])
    async def test_tags_of_older_clients_go_with_their_subject_if_told(
        self, stores: Stores, image: UUID, wait: Wait, with_subject: bool
    ) -> None:
        """When it is gone for good, and not because of another; it is told who did it (R153, R156)."""
        subject = record_of("subject", "v1")
        await stores.manifests.put(image, subject)
        signature = Tag(f"sha256-{subject.digest.hex}.sig")
        await stores.manifests.put(image, record_of("signature", signature.text))
        await stores.manifests.delete(image, subject.digest, "user:deleter")
        await wait(DAY - HOUR)
        policy = Policy(with_subject=with_subject)
        await run(stores, policy)
        assert await stores.manifests.find(image, signature) is not None
        await wait(HOUR)
        await run(stores, policy)
        assert (await stores.manifests.find(image, signature) is None) == with_subject
        if with_subject:
            [move] = await stores.tags.history(image, signature, 1)
            assert (move.after, move.principal) == (None, "collection")
            assert isinstance(move, TagMove)

    async def test_a_purged_image_gives_its_bytes_back(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """A grace later; those that another image holds stay."""
        other = uuid4()
        await stores.manifests.put(image, record_of("one", "v1", layers=[LAYER]))
        await stores.blobs.mount(image, other, CONFIG)
        await stores.manifests.put(other, record_of("one", "v1"))
        await stores.manifests.delete_all(image)
        await stores.blobs.unlink_all(image)
        assert await run(stores) == Collected()
        await wait(DAY)
        assert await run(stores) == Collected(blobs=1, bytes=LAYER.size)
        assert await stores.blobs.find(other, CONFIG) is not None

    async def test_the_queue_is_told(self, stores: Stores, image: UUID, wait: Wait) -> None:
        """How many wait, how many are due, and since when."""
        cutoff = await stores.collection.cutoff(KEEPING)
        queue = await stores.collection.queue(Kind.LINK, cutoff)
        assert (queue.waiting, queue.due, queue.oldest_due) == (2, 0, None)
        await wait(DAY)
        cutoff = await stores.collection.cutoff(KEEPING)
        queue = await stores.collection.queue(Kind.LINK, cutoff)
        assert (queue.waiting, queue.due) == (2, 2)
        assert queue.oldest_due is not None
        assert queue.oldest_due <= cutoff.now - DAY
        assert (await stores.collection.queue(Kind.MANIFEST, cutoff)).due == 0


async def run(stores: Stores, policy: Policy = KEEPING) -> Collected:
    """A run in small batches, after a preview of it, which said the same."""
    collection = Collection(stores.collection, policy, batch_size=2)
    foreseen = await collection.preview()
    collected = await collection.run()
    assert collected == foreseen
    return collected


async def waiting(stores: Stores, *kinds: Kind) -> int:
    """How many reviews there are."""
    queues = await Collection(stores.collection, KEEPING).queues()
    return sum(queues[kind].waiting for kind in kinds or Kind)


async def family(stores: Stores, image: UUID) -> list[ManifestRecord]:
    """A child in a tagged index, which has a signature, which has one too."""
    child = record_of("child", layers=[LAYER])
    await stores.manifests.put(image, child)
    index = record_of("index", "v1", children=[child])
    await stores.manifests.put(image, index)
    signature = record_of("signature", subject=index.digest)
    await stores.manifests.put(image, signature)
    of_that = record_of("of that", subject=signature.digest)
    await stores.manifests.put(image, of_that)
    return [child, index, signature, of_that]
